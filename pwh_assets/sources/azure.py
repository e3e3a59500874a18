"""Azure Blob Storage as a source of files."""

import re
from collections.abc import Mapping
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import Field
from pwh_assets.sources.files import FORMAT, Files

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SECRET = re.compile(r"[^;\s]+")


class Azure(Files):
    """See docs/sources/azure.md; tables and types are those of docs/sources/files.md."""

    name = "azure"
    label = "Azure Blob Storage"
    schemes = ("az", "azure")
    fields = (
        Field("url", "Address", help="az://container/prefix; * and ** make it a pattern."),
        FORMAT,
        Field("account_name", "Storage account"),
        Field("account_key", "Account key", kind="password", required=False, secret=True),
        Field("sas_token", "SAS token", kind="password", required=False, secret=True),
        Field("endpoint", "Endpoint", required=False, help="For a sovereign cloud or an emulator."),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = super().validate(config)
        if not _ACCOUNT.fullmatch(values["account_name"]):
            raise InvalidInputError(
                "account_name",
                f"`account_name` is `{values['account_name']}`; it has 3 to 24 small letters and digits.",
            )
        if not (values["account_key"] or values["sas_token"]):
            raise InvalidInputError("account_key", "Azure needs `account_key` or `sas_token`.")
        for name in ("account_key", "sas_token"):
            if values[name] and not _SECRET.fullmatch(values[name]):
                raise InvalidInputError(name, f"`{name}` has a space or a semicolon in it.")
        return values


SOURCE = Azure()
