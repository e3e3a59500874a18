"""Zendesk: tickets, users and organizations by its incremental exports, and the tables beside them.

Belongs here: what is exported how, types, and where an export goes on. Keep out: the wire.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import DiscoveredTable
from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.form import checked, web_address


class Zendesk:
    """One Zendesk account. See docs/sources/zendesk.md for tables and what incremental means."""

    name = "zendesk"
    label = "Zendesk"
    fields: Sequence[Field] = (
        Field("base_url", "Address", help="acme, for https://acme.zendesk.com."),
        Field("email", "E-mail", required=False, help="Of the agent the API token is used as."),
        Field("api_token", "API token", kind="password", required=False, secret=True),
        Field(
            "oauth_token",
            "OAuth token",
            kind="password",
            required=False,
            secret=True,
            help="In the place of e-mail and API token.",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        values["base_url"] = _address(values["base_url"])
        for name in ("api_token", "oauth_token"):
            if values[name] is not None and not re.fullmatch(r"[!-~]+", values[name].strip()):
                raise InvalidInputError(name, f"`{name}` is not a token. Copy it whole.")
        if values["oauth_token"] is None:
            for name in ("api_token", "email"):
                if not values[name]:
                    raise InvalidInputError(
                        name, "Zendesk needs `email` and `api_token`, or `oauth_token`."
                    )
            if not re.fullmatch(r"[^\s/:]+@[^\s/:]+", values["email"]):
                raise InvalidInputError("email", f"`{values['email']}` is not an e-mail address.")
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        from pwh_assets.sources.zendesk.api import ZendeskApi

        ZendeskApi(config, attempts=3).check()

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """Every table the agent may read."""
        from pwh_assets.sources.zendesk.reading import discovered

        self.test_connection(config)
        return discovered(config)

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.zendesk.reading import Reader

        reader = Reader(config, request)
        return Reading(None, reader.columns, lambda: reader.watermark, batches=reader.batches())

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """How many tickets, users and organizations there are. Changes of older ones do not show there."""
        from pwh_assets.sources.zendesk.reading import newest

        return newest(config, requests)


def _address(given: str) -> str:
    """The account's address, of which its name is enough."""
    text = given.rstrip("/")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", text):
        text = f"{text}.zendesk.com"
    if "://" not in text:
        text = f"https://{text}"
    return web_address("base_url", text, "write `acme` for https://acme.zendesk.com.").lower()


SOURCE = Zendesk()
