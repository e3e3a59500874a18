"""What is known of a source's stream and of the tables in it: names, positions, what is in the way of streaming one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, Source, SyncedTable
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.platform import Platform
from pwh_assets.sources.changes import (
    ChangeSource,
    Finding,
    StreamSpec,
    StreamStatus,
    StreamTable,
)
from pwh_assets.sources.errors import StreamNotReadyError

if TYPE_CHECKING:
    from pwh_assets.lake import SyncState

CURSOR = "changes"
LOG_SUFFIX = "_cdc"
"""What a table of every change is called after its table."""
REPAIR = "`pwh source cdc repair` makes a new one; the next sync then reads the tables whole again."


@dataclass(frozen=True, slots=True)
class Joined:
    """What the lake's state says of a table in the stream."""

    settled: str
    """From this position on its rows are those of the source; before, some may be newer."""
    mark: str

    @property
    def cursor(self) -> str:
        return f"{CURSOR} {self.settled} {self.mark}"

    @classmethod
    def of(cls, state: "SyncState | None") -> "Joined | None":
        parts = (state.cursor or "").split(" ", 2) if state else []
        return cls(parts[1], parts[2]) if len(parts) == 3 and parts[0] == CURSOR else None


def stream_id(source_id: str) -> str:
    """Under what the lake keeps the position of a source's stream."""
    return f"{CURSOR}:{source_id}"


def change_source(platform: Platform, source: Source) -> ChangeSource | None:
    """The source's change capture; None where its type has none."""
    return getattr(platform.sources.get(source.source_type), "changes", None)


def spec_of(source_id: str, tables: Sequence[StreamTable] = ()) -> StreamSpec:
    return StreamSpec(f"pwh_{source_id.replace('-', '')[:16]}", tuple(tables))


def not_ready(place: str, findings: Sequence[Finding]) -> StreamNotReadyError:
    return StreamNotReadyError(
        place,
        [finding.problem for finding in findings],
        [statement for finding in findings for statement in finding.statements],
    )


def unsupported(table: SyncedTable) -> InvalidInputError | None:
    """What a table's options ask for that a stream cannot give."""
    options = table.options
    if options.row_filters:
        return InvalidInputError(
            "row_filters",
            f"`{table.table_name}` is synced in mode `cdc`, where rows cannot be filtered: a row that stops fulfilling a "
            "filter would stay. Take `row_filters` off, or choose another `sync_type`.",
        )
    return None


def clear_columns(
    table: SyncedTable, columns: Sequence[Column], seen: Sequence[Column] = ()
) -> tuple[Column, ...]:
    """Columns as the source has them, where those written are masked: as `seen` by a reading, else as last known."""
    known = {column.name: column for column in (*table.available, *seen)}
    masked = {mask.column for mask in table.options.masks}
    return tuple(
        known.get(column.name, column) if column.name in masked else column for column in columns
    )


def stream_table(table: SyncedTable, columns: Sequence[Column], mark: str) -> StreamTable:
    kept = table.options.enabled_columns
    only = None if kept is None else frozenset((*kept, *table.primary_key))
    return StreamTable(
        table.name, table.primary_key, tuple(columns), mark, only, table.options.dropped
    )


def facts_of(status: StreamStatus) -> dict[str, Any]:
    """How a stream stands, as the store keeps it and people see it."""
    return {
        "exists": status.exists,
        "confirmed": status.confirmed,
        "newest": status.newest,
        "lag_bytes": status.lag_bytes,
        "is_lost": status.is_lost,
        "is_active": status.is_active,
        **status.details,
    }
