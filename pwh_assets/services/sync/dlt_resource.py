"""A synced table in dlt's words, for tools that describe dlt resources."""

from typing import TYPE_CHECKING

from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, SyncMode

if TYPE_CHECKING:
    from dlt.extract import DltResource

_DISPOSITION = {
    SyncMode.FULL: "replace",
    SyncMode.WEBHOOK: "merge",
    SyncMode.APPEND: "append",
    SyncMode.IN_PLACE: "skip",
}


def write_disposition(table: SyncedTable) -> str:
    """What dlt calls the table's mode."""
    return "merge" if table.mode.merges else _DISPOSITION[table.mode]


def dlt_resource(table: SyncedTable) -> "DltResource":
    """The table as a dlt resource without rows: its name, key, cursor and write disposition."""
    import dlt

    return dlt.resource(
        [],
        name=table.name,
        table_name=slug(table.name),
        write_disposition=write_disposition(table),
        primary_key=list(table.primary_key) or None,
    )
