"""Columns that a stream of changes showed to be new, gone or of another type, written down as for any other sync."""

from collections.abc import Sequence
from dataclasses import replace

from pwh_assets.core.job import ChangeKind, Job, SchemaChange
from pwh_assets.core.source import Column, SyncedTable
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync import drift
from pwh_assets.sources.changes import StagedColumn


def note_drift(
    platform: Platform,
    table: SyncedTable,
    job: Job,
    seen: Sequence[Column],
    widened: Sequence[str],
    *,
    is_full: bool,
) -> tuple[SchemaChange, ...]:
    """Write down how the columns last seen differ from those known; return the differences.

    Args:
        table: as it was before the run.
        seen: names at the source; empty where the run showed none.
        widened: columns the lake made larger for a value, by the lake's names.
        is_full: the table was read whole, so that what was open before is settled.
    """
    # A column that is not kept may be one the stream never brings: it is not gone.
    kept = {column.name for column in table.columns}
    wants = {column.name: column.name in kept for column in table.available}
    found = drift.changes_at_source(table, seen, wants)
    told = {change.column for change in found}
    before = {column.name: column.type for column in table.columns}
    after = {column.name: column.type for column in platform.store.table(table.id).columns}
    found += [
        SchemaChange(name, ChangeKind.WIDENED, before[name], after.get(name))
        for name in dict.fromkeys(widened)
        if name in before and name not in told
    ]
    if is_full:
        platform.store.resolve_changes(table.id)
    platform.store.add_schema_changes(table.project_id, table.id, job.id, tuple(found))
    available = drift.after_sync(table.available, seen, wants)
    if available != table.available:
        platform.store.update_table(table.id, available=available)
    return tuple(found)


def seen_in_stream(
    staged: Sequence[StagedColumn], known: Sequence[Column], before: Sequence[Column]
) -> tuple[Column, ...]:
    """A stream's columns as a reading would declare them. What a stream does not tell stays as it is known."""
    by_name = {column.name: column for column in (*before, *known)}
    return tuple(
        replace(by_name.get(one.name, Column(one.name, "")), type=one.type) for one in staged
    )
