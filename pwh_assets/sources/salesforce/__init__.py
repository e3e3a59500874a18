"""Salesforce: the standard objects and the organisation's own, by SOQL and Bulk 2.0.

Belongs here: signing in, objects as the organisation describes them, and what a change is there.
Keep out: when to read and where rows go.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import DiscoveredTable
from pwh_assets.errors import SourceError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.form import checked, web_address


class Salesforce:
    """One organisation. See docs/sources/salesforce.md for tables, types and what incremental means."""

    name = "salesforce"
    label = "Salesforce"
    fields: Sequence[Field] = (
        Field("instance_url", "My domain", help="https://company.my.salesforce.com"),
        Field("client_id", "Consumer key", help="Of the connected app."),
        Field("client_secret", "Consumer secret", kind="password", secret=True),
        Field(
            "refresh_token",
            "Refresh token",
            kind="password",
            required=False,
            secret=True,
            help="Only for an app that signs users in; without it the app signs in as itself.",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        values["instance_url"] = web_address(
            "instance_url",
            values["instance_url"],
            "it looks like `https://company.my.salesforce.com`.",
        )
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        from pwh_assets.sources.salesforce.api import SalesforceApi

        SalesforceApi(config, attempts=3).http.get("/services/data")

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        from pwh_assets.sources.salesforce.api import SalesforceApi

        return [one.discovered() for one in SalesforceApi(config).objects()]

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.salesforce.reading import Reader

        reader = Reader(config, request)
        return Reading(None, reader.columns, lambda: reader.watermark, batches=reader.batches())

    def count_rows(self, config: Mapping[str, Any], request: ReadRequest) -> int | None:
        """All rows of the object; an incremental sync brings fewer."""
        from pwh_assets.sources.salesforce.api import SalesforceApi

        api = SalesforceApi(config)
        return api.count(api.object(request.table).name) if request.since is None else None

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """The number of rows and the last change; two calls per object."""
        from pwh_assets.sources.salesforce.api import NAME, SalesforceApi

        api = SalesforceApi(config, attempts=2)
        found: dict[str, str | None] = {}
        for request in requests:
            last = request.cursor or "SystemModstamp"
            if not (NAME.fullmatch(last) and NAME.fullmatch(request.table)):
                continue
            tail = f"SELECT {last} FROM {request.table} ORDER BY {last} DESC LIMIT 1"
            try:
                newest = api.query(tail)["records"]
                found[request.table] = f"{api.count(request.table)} {newest and newest[0][last]}"
            except SourceError as error:
                if error.retryable:
                    raise
        return found


SOURCE = Salesforce()
