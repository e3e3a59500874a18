"""Reconciliation of streamed tables: does the lake hold as many rows, and the same keys, as the source?

Both are compared at two moments that differ: the source in a snapshot taken once the stream was read, the lake after the
stream was read on past that snapshot. The rows that came or went in between are told by that second reading; they are
left out on both sides. So nobody has to stand still, and what is left has to be equal.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pwh_assets.core.job import Reconciliation, ReconciliationStatus
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import PwhError
from pwh_assets.services.changes.tables import stream_table
from pwh_assets.services.sync.reconciliation import EVERY, SMALL_ROWS, difference, in_lake, unknown
from pwh_assets.sources.base import Tally
from pwh_assets.sources.changes import Counting
from pwh_assets.sources.moved import Moved, key_texts

if TYPE_CHECKING:
    from pwh_assets.services.changes.passes import StreamPass
    from pwh_assets.services.changes.passes import Tally as Streamed
    from pwh_assets.services.changes.run import StreamRun

log = logging.getLogger(__name__)

OFTEN = timedelta(hours=1)
"""A small table that changes is counted so often, at most."""


def is_due(
    rows: int, done: "Streamed", last: Reconciliation | None, now: datetime | None = None
) -> bool:
    """Whether a table is worth counting at the source after this run."""
    if done.is_full or last is None or last.at is None:
        return True
    age = (now or datetime.now(UTC)) - last.at
    if age >= EVERY or rows > SMALL_ROWS:
        return age >= EVERY
    if last.status is not ReconciliationStatus.MATCHED:
        return True
    return done.rows > 0 and age >= OFTEN


def reconcile_streamed(run: "StreamRun", batch: "StreamPass") -> dict[str, Reconciliation]:
    """Compare tables that are due, by table id. A difference counts when it is there twice: the second time all who were
    writing are waited for, so that what the stream has passed is visible.
    """
    known = run.platform.store.reconciliations(run.source.project_id)
    due = [
        table
        for table in batch.tables()
        if table.id in run.wanted
        and table.id not in run.errors
        and table.id not in run.reasons
        and table.options.cdc_table_mode != "cdc_only"
        and is_due(table.row_count or 0, run.results[table.id], known.get(table.id))
    ]
    found = _compared(run, batch, due, is_last=False)
    again = [
        t for t in due if t.id in found and found[t.id].status is ReconciliationStatus.MISMATCHED
    ]
    return found | _compared(run, batch, again, is_last=True)


def _compared(
    run: "StreamRun", batch: "StreamPass", tables: Sequence[SyncedTable], is_last: bool
) -> dict[str, Reconciliation]:
    counting = getattr(run.changes, "counting", None)
    if not tables or counting is None:
        return {}
    for table in tables:
        run.running.tell(table, "reconcile", run.results[table.id].rows)
    try:
        if is_last:
            run.changes.settle(run.config, batch.spec, [table.name for table in tables])
        with counting(run.config) as counts:
            return _in_state(run, batch, tables, counts)
    except PwhError as error:
        if run.running.cause is not None:
            raise
        log.warning("streamed tables could not be counted: %s", error.sentence)
        cause = "The source could not be counted."
        return {table.id: unknown(cause, None) for table in tables}


def _in_state(
    run: "StreamRun", batch: "StreamPass", tables: Sequence[SyncedTable], counts: Counting
) -> dict[str, Reconciliation]:
    told = {table.id: stream_table(table, (), "") for table in tables}
    whole = {table.id: counts.count(told[table.id]) for table in tables}
    batch.moved = {table.name: Moved() for table in tables}
    try:
        is_through = batch.stream()
        moved = batch.moved
    finally:
        batch.moved = {}
    found = {}
    for table in tables:
        tally, gone = whole[table.id], moved[table.name]
        if not is_through or tally is None or not gone.is_known or table.id in run.reasons:
            found[table.id] = unknown("Too much changed while the source was counted.", None)
            continue
        keys = list(gone.keys)
        without = counts.count(told[table.id], keys) if keys else Tally(0, 0)
        if without is None:
            found[table.id] = unknown("The source took too long to count.", None)
            continue
        found[table.id] = _judged(run, run.tables[table.id], tally, without, gone)
    return found


def _judged(
    run: "StreamRun", table: SyncedTable, whole: Tally, without: Tally, moved: Moved
) -> Reconciliation:
    checksum = None if whole.checksum is None else whole.checksum - (without.checksum or 0)
    texts = key_texts(moved, run.masker(table))
    tally = replace(whole, rows=whole.rows - without.rows, checksum=checksum, moved_keys=texts)
    with run.lake.read() as connection:
        rows, stored = in_lake(connection, table, None, tally, None)
    status, cause = ReconciliationStatus.MATCHED, ""
    if rows != tally.rows or (stored is not None and stored != checksum):
        status, cause = ReconciliationStatus.MISMATCHED, difference(tally.rows, rows)
    return Reconciliation(
        status,
        tally.rows,
        rows,
        None if stored is None else str(checksum),
        None if stored is None else str(stored),
        None,
        cause,
        datetime.now(UTC),
    )
