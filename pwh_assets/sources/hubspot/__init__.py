"""HubSpot: the CRM's objects with all their properties and associations, its owners and pipelines.

Belongs here: objects, properties and their types, and what is new by the search's rules. Keep out: the wire.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import DiscoveredTable
from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.form import checked, web_address


class HubSpot:
    """One HubSpot account. See docs/sources/hubspot.md for tables and what incremental means."""

    name = "hubspot"
    label = "HubSpot"
    fields: Sequence[Field] = (
        Field(
            "access_token",
            "Access token",
            kind="password",
            secret=True,
            help="Of a private app with read scopes (pat-…).",
        ),
        Field(
            "associations",
            "Associations",
            kind="boolean",
            default=True,
            help="Which companies, contacts, deals and tickets belong to each object; more calls.",
        ),
        Field(
            "base_url",
            "API address",
            default="https://api.hubapi.com",
            help="Advanced: leave as it is, unless a proxy stands in front of HubSpot.",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        values["access_token"] = values["access_token"].strip()
        if not re.fullmatch(r"[!-~]{8,}", values["access_token"]):
            raise InvalidInputError(
                "access_token", "`access_token` is not a token. Copy it whole from the private app."
            )
        values["base_url"] = web_address("base_url", values["base_url"])
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        from pwh_assets.sources.hubspot.api import HubSpotApi

        HubSpotApi(config, attempts=3).check()

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """Every object the token may read, custom ones too."""
        from pwh_assets.sources.hubspot.reading import discovered

        self.test_connection(config)
        return discovered(config)

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.hubspot.reading import Reader

        reader = Reader(config, request)
        return Reading(None, reader.columns, lambda: reader.watermark, batches=reader.batches())

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """The object that changed last, of each table that can be searched."""
        from pwh_assets.sources.hubspot.reading import newest

        return newest(config, requests)


SOURCE = HubSpot()
