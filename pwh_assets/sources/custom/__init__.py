"""Custom: dlt sources and resources of the operator's own Python packages.

Belongs here: which packages may be used, finding the function, and a dlt resource as a table.
Keep out: packages nobody allowed: a person who may connect sources must not be able to run what is installed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.errors import CursorMissingError, TableMissingError
from pwh_assets.sources.form import checked

PREVIEW_ROWS = 10


class Custom:
    """A function that gives a dlt source or resource. See docs/sources/custom.md."""

    name = "custom"
    label = "Custom"
    fields: Sequence[Field] = (
        Field(
            "function",
            "Function",
            help="package.module:name, of a package the operator allows with PWH_CUSTOM_SOURCES.",
        ),
        Field("arguments", "Arguments", kind="json", required=False, help="By name."),
        Field(
            "secret_arguments",
            "Secret arguments",
            kind="json",
            required=False,
            secret=True,
            help="By name; stored encrypted and never shown.",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        from pwh_assets.sources.custom.loading import split

        values = checked(self.label, self.fields, config)
        split(values["function"])
        for name in ("arguments", "secret_arguments"):
            given = values[name]
            if given is None:
                continue
            if not isinstance(given, Mapping) or not all(key.isidentifier() for key in given):
                raise InvalidInputError(name, f"`{name}` must be a JSON object of argument names.")
        both = set(values["arguments"] or {}) & set(values["secret_arguments"] or {})
        if both:
            raise InvalidInputError(
                "secret_arguments",
                f"`{min(both)}` is among `arguments` and `secret_arguments`. Keep one.",
            )
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        """The function can be found and called; what it reads from is first asked by a sync."""
        from pwh_assets.sources.custom.loading import resources

        resources(config)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """Every resource, with what its hints say: keys, types and the incremental cursor."""
        from pwh_assets.sources.custom.loading import resources
        from pwh_assets.sources.custom.reading import columns_of, cursor_of, key_of

        found = []
        for name, resource in resources(config).items():
            cursor = cursor_of(resource)
            modes = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND)
            found.append(
                DiscoveredTable(
                    name,
                    columns_of(resource),
                    key_of(resource),
                    (cursor.column,) if cursor else (),
                    modes=modes if cursor else (SyncMode.FULL,),
                )
            )
        return found

    def preview(self, config: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The first rows of each resource."""
        from pwh_assets.sources.custom.loading import resources
        from pwh_assets.sources.custom.reading import first_rows

        names = list(resources(config))
        return {name: first_rows(resources(config)[name], PREVIEW_ROWS) for name in names}

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.custom.loading import resources
        from pwh_assets.sources.custom.reading import Cursor, columns_of, cursor_of, followed

        resource = resources(config).get(request.table)
        if resource is None:
            raise TableMissingError(request.table, f"`{config['function']}`")
        cursor: Cursor | None = cursor_of(resource)
        if request.mode is SyncMode.FULL:
            return Reading(resource, columns_of(resource), lambda: None)
        if cursor is None or cursor.column != request.cursor:
            raise CursorMissingError(
                request.table, request.cursor or "", [cursor.column] if cursor else []
            )
        mark = followed(resource, cursor, request)
        return Reading(resource, columns_of(resource), lambda: mark.text)

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """Nothing: what a function would have to ask is not known."""
        return {}


SOURCE = Custom()
