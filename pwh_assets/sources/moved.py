"""Which rows came or went while a stream was read, for those who compare both sides meanwhile."""

from dataclasses import dataclass, field
from typing import Any

from pwh_assets.sources.base import SqlMasks
from pwh_assets.sources.changes import StagedColumn
from pwh_assets.sources.staged_values import array_of, clear_sql

MOST_MOVED = 20_000
"""More keys than these are not remembered one by one."""


@dataclass(slots=True)
class Moved:
    """Keys of rows that came or went while a stream was read, as it gives them."""

    keys: set[tuple[Any, ...]] = field(default_factory=set)
    columns: tuple[StagedColumn, ...] = ()
    """Of the key."""
    is_known: bool = True
    """False when they were too many, or the table was emptied."""

    def add(self, key: tuple[Any, ...]) -> None:
        self.keys.add(key)
        if len(self.keys) > MOST_MOVED:
            self.forget()

    def forget(self) -> None:
        self.is_known = False
        self.keys.clear()


def key_texts(moved: Moved, masks: SqlMasks | None) -> tuple[tuple[str, ...], ...]:
    """The keys as the lake writes them, masked where they are masked there."""
    import duckdb
    import pyarrow as pa

    if not moved.keys:
        return ()
    parts = zip(*moved.keys, strict=True)
    table = pa.table({f"k{i}": array_of(part, moved.columns[i]) for i, part in enumerate(parts)})
    clear = {
        f"k{i}": (column.name, clear_sql(column, f"k{i}")) for i, column in enumerate(moved.columns)
    }
    masked = {n: one for n, one in clear.items() if masks is not None and masks.covers(one[0])}
    if masks is not None and masked:
        table = masks.staged(table, masked)
    words = [
        name if name in masked else f"CAST({sql} AS VARCHAR)" for name, (_, sql) in clear.items()
    ]
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("moved", table)
        return tuple(connection.execute(f"SELECT {', '.join(words)} FROM moved").fetchall())
