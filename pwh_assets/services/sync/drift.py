"""Drift: how a table's shape differs from the sync before, told apart into what was followed and what was not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.job import ChangeKind, SchemaChange
from pwh_assets.core.options import MaskKind
from pwh_assets.core.source import Column, SyncedTable
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.lake.staged import read_statistics
from pwh_assets.lake.types import widened

if TYPE_CHECKING:
    import duckdb

CHANCE = 1e-6
"""A column counts as having gone NULL when chance would do that less often than this."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Which columns of the rows just read have values, by their names at the source."""

    rows: int
    empty: frozenset[str]
    filled: frozenset[str]
    names: frozenset[str] = frozenset()
    """Every column the files have."""


def changes_at_source(
    table: SyncedTable, now: Sequence[Column], wants: Mapping[str, bool]
) -> list[SchemaChange]:
    """What is different about the columns the source declares, against those it had at the last sync.

    `wants` says per column whether it is read at all; others cannot be seen.
    """
    if table.last_synced_at is None or not now or not table.available:
        return []
    known = {column.name: column for column in table.available if wants.get(column.name, True)}
    current = {column.name: column for column in now}
    gone = {name.lower(): name for name in known if name not in current}
    found = []
    for name, column in current.items():
        if name in known:
            found += _differences(known[name], column)
        elif name.lower() in gone:
            old = gone.pop(name.lower())
            note = f"The lake goes on with `{old}`."
            found.append(SchemaChange(name, ChangeKind.RENAMED_CASE, old, name, note=note))
        else:
            found.append(_new(table, name, column.type))
    found += [_dropped(name, known[name].type) for name in gone.values()]
    return found


def changes_in_lake(
    table: SyncedTable,
    added: Sequence[str],
    widened_names: Sequence[str],
    missing: Sequence[str],
    types: Mapping[str, str],
) -> list[SchemaChange]:
    """The same for a source that declares nothing: what the rows themselves brought. `types` are the lake's now."""
    before = {column.name: column.type for column in table.columns}
    if table.last_synced_at is None:
        return []
    return [
        *(_new(table, name, types.get(name, "")) for name in added),
        *(
            SchemaChange(name, ChangeKind.WIDENED, before.get(name), types.get(name))
            for name in widened_names
        ),
        *(_dropped(name, before[name]) for name in missing if name in before),
    ]


def after_sync(
    available: Sequence[Column], now: Sequence[Column], wants: Mapping[str, bool]
) -> tuple[Column, ...]:
    """Columns at the source as they are known from here on: those just seen, and those that are not read."""
    if not now:
        return tuple(available)
    fresh = {column.name: column for column in now}
    kept = [
        fresh.pop(column.name, column)
        for column in available
        if column.name in fresh or not wants.get(column.name, True)
    ]
    return (*kept, *fresh.values())


def filled(
    connection: "duckdb.DuckDBPyConnection",
    files: Sequence[Path],
    renames: Mapping[str, str | None],
) -> Filled:
    """From the files' statistics, without reading a row. Columns without statistics count as neither."""
    rows, found = 0, set()
    empty: set[str] = set()
    has_values: set[str] = set()
    unknown: set[str] = set()
    for part in read_statistics(connection, files):
        rows += part.rows
        for column, nulls in part.nulls.items():
            name = renames.get(column, column)
            if name is None:
                continue
            found.add(name)
            if nulls is None:
                unknown.add(name)
            elif nulls < part.rows:
                has_values.add(name)
            else:
                empty.add(name)
    return Filled(
        rows, frozenset(empty - unknown - has_values), frozenset(has_values), frozenset(found)
    )


def gone_null(
    connection: "duckdb.DuckDBPyConnection", table: SyncedTable, place: str, now: Filled
) -> list[SchemaChange]:
    """Columns that had values in the lake and have none in the rows just read. Ask before these are published."""
    masked = {mask.column for mask in table.options.masks if mask.kind is MaskKind.NULL}
    stored = {str(row[0]) for row in connection.execute(f"DESCRIBE {ALIAS}.{place}").fetchall()}
    asked = sorted((now.empty & stored) - masked)
    if not asked:
        return []
    counts = ", ".join(f"count({quote(name)})" for name in asked)
    row = connection.execute(f"SELECT count(*), {counts} FROM {ALIAS}.{place}").fetchone()
    assert row is not None
    found = []
    for name, had in zip(asked, row[1:], strict=True):
        share = had / (row[0] + 2)
        if had and now.rows * math.log(1 - share) < math.log(CHANCE):
            note = (
                f"All {now.rows:,} rows of this sync have NULL; of the {row[0]:,} rows before {100 * had / row[0]:.0f} % "
                "had a value."
            )
            found.append(SchemaChange(name, ChangeKind.ALL_NULL, is_followed=False, note=note))
    return found


def in_words(change: SchemaChange) -> str:
    """One change for a reader.

    >>> in_words(SchemaChange("total", ChangeKind.WIDENED, "INTEGER", "BIGINT"))
    '`total` widened from INTEGER to BIGINT'
    """
    name = f"`{change.column}`"
    match change.kind:
        case ChangeKind.NEW:
            return f"{name} is new ({change.after})"
        case ChangeKind.DROPPED:
            return f"{name} is gone at the source"
        case ChangeKind.RENAMED_CASE:
            return f"`{change.before}` is spelled {name} now"
        case ChangeKind.WIDENED:
            return f"{name} widened from {change.before} to {change.after}"
        case ChangeKind.NARROWED:
            return f"{name} narrowed from {change.before} to {change.after}"
        case ChangeKind.NULLABILITY:
            return f"{name} is {change.after} now"
        case ChangeKind.ALL_NULL:
            return f"{name} has only NULL now"


def _differences(before: Column, after: Column) -> list[SchemaChange]:
    found = []
    if before.type != after.type:
        wide = widened(before.type, after.type)
        if wide == before.type:
            note = f"The lake keeps {before.type}, which holds all values."
            found.append(
                SchemaChange(after.name, ChangeKind.NARROWED, before.type, after.type, note=note)
            )
        else:
            note = "" if wide == after.type else f"The lake's column is {wide}, which holds both."
            found.append(
                SchemaChange(after.name, ChangeKind.WIDENED, before.type, after.type, note=note)
            )
    if before.nullable != after.nullable:
        words = {True: "nullable", False: "not nullable"}
        found.append(
            SchemaChange(
                after.name, ChangeKind.NULLABILITY, words[before.nullable], words[after.nullable]
            )
        )
    return found


def _new(table: SyncedTable, name: str, kind: str) -> SchemaChange:
    note = ""
    if table.mode.value != "full":
        note = "Rows synced before have NULL in it until they change or the table is resynced."
    return SchemaChange(name, ChangeKind.NEW, None, kind, note=note)


def _dropped(name: str, kind: str) -> SchemaChange:
    note = "The lake keeps the column; new rows have NULL in it."
    return SchemaChange(name, ChangeKind.DROPPED, kind, None, note=note)
