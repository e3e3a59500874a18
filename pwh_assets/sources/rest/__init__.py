"""REST: any HTTP API with JSON, declared in a config in the words of dlt's `rest_api`.

Belongs here: what may be declared, its paging and credentials, and rows with their types.
Keep out: anything about one vendor; code of the user's.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.errors import CursorMissingError, TableMissingError
from pwh_assets.sources.form import checked, web_address


class Rest:
    """One declared API. See docs/sources/rest.md for the config."""

    name = "rest"
    label = "REST"
    fields: Sequence[Field] = (
        Field(
            "client", "Client", kind="json", help="`base_url` and, for all resources, `paginator`."
        ),
        Field("resources", "Resources", kind="json", help="A table each."),
        Field(
            "auth",
            "Credentials",
            kind="json",
            required=False,
            secret=True,
            help="bearer, http_basic, api_key or oauth2_client_credentials. May also stand in `client`.",
        ),
        Field(
            "headers",
            "Headers",
            kind="json",
            required=False,
            secret=True,
            help="Sent with every call. May also stand in `client`.",
        ),
        Field("resource_defaults", "Defaults of resources", kind="json", required=False),
        Field("concurrency", "Calls at a time", kind="number", default=4),
        Field(
            "calls_per_second",
            "Calls per second",
            kind="number",
            default=0,
            help="0 for no limit but the API's own.",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Credentials that stand in `client` are moved to their own fields, which are sealed."""
        from pwh_assets.sources.rest.client import checked_auth
        from pwh_assets.sources.rest.config import known, mapping, paginator, parse

        values = checked(self.label, self.fields, config)
        client = dict(mapping(values["client"], "client"))
        for name in ("auth", "headers"):
            if client.get(name) is not None:
                values[name] = client.pop(name)
            client.pop(name, None)
        known(client, "client", ("base_url", "paginator"))
        client["base_url"] = _base_url(client.get("base_url"))
        paginator(client.get("paginator"), "client.paginator")
        values["client"] = client
        if values["auth"] is not None:
            values["auth"] = checked_auth(values["auth"])
        values["headers"] = _headers(values["headers"])
        for name, most in (("concurrency", 32), ("calls_per_second", 1000)):
            least = 1 if name == "concurrency" else 0
            if not least <= values[name] <= most:
                raise InvalidInputError(name, f"`{name}` must be between {least} and {most}.")
        parse(values)
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        """The first page of the first resource."""
        from pwh_assets.sources.rest.config import parse
        from pwh_assets.sources.rest.reading import Resources

        resources = parse(config)
        Resources(config, resources, attempts=3).sample(next(iter(resources)))

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """Every resource, with the columns its first page shows."""
        from pwh_assets.sources.rest.config import parse
        from pwh_assets.sources.rest.reading import columns_of

        resources, found = parse(config), []
        for name, rows in self.preview(config).items():
            one = resources[name]
            cursor = (one.incremental.column,) if one.incremental else ()
            columns = columns_of(rows, one.types)
            if rows and cursor and cursor[0] not in {column.name for column in columns}:
                raise CursorMissingError(name, cursor[0], [column.name for column in columns])
            modes = tuple(m for m in (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND))
            found.append(
                DiscoveredTable(
                    name,
                    columns,
                    one.primary_key,
                    cursor,
                    modes=modes if cursor else (SyncMode.FULL,),
                )
            )
        return found

    def preview(self, config: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The rows of each resource's first page. An error names the resource."""
        from pwh_assets.sources.rest.config import parse
        from pwh_assets.sources.rest.reading import Resources

        declared = parse(config)
        resources, found = Resources(config, declared, attempts=3), {}
        for name in declared:
            try:
                found[name] = resources.sample(name)
            except PwhError as error:
                if not any(f"`{name}`" in str(arg) for arg in error.args):
                    error.args = (f"Resource `{name}`: {error.sentence}",)
                raise
        return found

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.rest.config import parse
        from pwh_assets.sources.rest.reading import Reader

        resources = parse(config)
        one = resources.get(request.table)
        if one is None:
            raise TableMissingError(request.table, "the config's `resources`")
        if request.mode is not SyncMode.FULL:
            cursor = one.incremental.column if one.incremental else ""
            if request.cursor != cursor:
                raise CursorMissingError(
                    request.table, request.cursor or "", [cursor] if cursor else []
                )
        reader = Reader(config, resources, request)
        return Reading(None, reader.columns, lambda: reader.watermark, batches=reader.batches())

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """Nothing: what an API would have to be asked is not known."""
        return {}


def _base_url(given: Any) -> str:
    return web_address(
        "client.base_url",
        str(given or ""),
        "it must be an http(s) address, such as `https://api.example.com/v1`.",
    )


def _headers(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise InvalidInputError("headers", "`headers` must be a JSON object.")
    for name, value in given.items():
        is_plain = isinstance(value, str) and re.fullmatch(r"[ -~\t]*", value)
        if not re.fullmatch(r"[!#-'*+.^_`|~\w-]+", str(name)) or not is_plain:
            raise InvalidInputError(f"headers.{name}", f"`headers.{name}` is not a header.")
    return dict(given)


SOURCE = Rest()
