"""Cloudflare R2 as a source of files."""

import re
from collections.abc import Mapping
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import Field
from pwh_assets.sources.files import FORMAT, KEYS, Files

_ACCOUNT = re.compile(r"[0-9a-f]{32}")


class R2(Files):
    """See docs/sources/r2.md; tables and types are those of docs/sources/files.md."""

    name = "r2"
    label = "Cloudflare R2"
    schemes = ("r2", "s3")
    fields = (
        Field("url", "Address", help="r2://bucket/prefix; * and ** make it a pattern."),
        FORMAT,
        Field(
            "account_id", "Account id", required=False, help="32 characters, as in the dashboard."
        ),
        *KEYS,
        Field("region", "Region", required=False, default="auto"),
        Field("endpoint", "Endpoint", required=False, help="Of a jurisdiction, or a proxy."),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = super().validate(config)
        account = values["account_id"] or ""
        if account and not _ACCOUNT.fullmatch(account):
            raise InvalidInputError(
                "account_id", f"`account_id` is `{account}`; it has 32 characters of 0-9 and a-f."
            )
        if not values["endpoint"]:
            if not account:
                raise InvalidInputError("account_id", "Cloudflare R2 needs `account_id`.")
            values["endpoint"] = f"https://{account}.r2.cloudflarestorage.com"
        return values


SOURCE = R2()
