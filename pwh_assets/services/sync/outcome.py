"""Writing down how a sync went: on its job and on its table."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pwh_assets.core.job import Job, JobKind, JobStatus, SyncResult
from pwh_assets.core.source import Column, SyncedTable, TableStatus
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.limits import RowLimitError
from pwh_assets.services.sync.observing import Observed, fresh_changes
from pwh_assets.services.sync.running import SyncCancelledError, was_stopped

log = logging.getLogger(__name__)


def rested(table: SyncedTable) -> TableStatus:
    """What a table is when nothing runs."""
    return TableStatus.COMPLETED if table.last_synced_at else TableStatus.NEVER_RUN


def note_failure(platform: Platform, table: SyncedTable, job: Job, error: BaseException) -> None:
    """What went wrong goes to the job and the table; a failure to write that down must not hide it."""
    store = platform.store
    try:
        if was_stopped(error):
            store.finish_job(job.id, JobStatus.CANCELLED, error="The run was stopped.")
            back = table.status if table.status is not TableStatus.RUNNING else TableStatus.FAILED
            store.update_table(table.id, status=back)
            return
        sentence, code = f"Internal error: {type(error).__name__}. See the log.", "internal"
        if isinstance(error, PwhError):
            sentence, code = error.sentence, error.code
        if isinstance(error, SyncCancelledError):
            store.finish_job(job.id, JobStatus.CANCELLED, error=sentence, error_code=code)
            was_running = table.status is TableStatus.RUNNING
            store.update_table(table.id, status=rested(table) if was_running else table.status)
            return
        status = error.job_status if isinstance(error, RowLimitError) else JobStatus.FAILED
        store.finish_job(job.id, status, error=sentence, error_code=code)
        since = table.failed_at if table.latest_error and table.failed_at else datetime.now(UTC)
        store.update_table(
            table.id,
            status=TableStatus(status.value),
            latest_error=sentence,
            failed_at=since,
        )
    except Exception:
        log.exception("%s: the failure could not be written down", table.table_name)


def note_success(
    platform: Platform,
    table: SyncedTable,
    job: Job,
    result: SyncResult,
    columns: tuple[Column, ...],
    observed: Observed,
) -> SyncResult:
    """What came of it goes to the job, the usage and the table; returned with the changes that are news."""
    store = platform.store
    if result.is_full:
        store.resolve_changes(table.id)
    elif observed.filled:
        store.resolve_changes(table.id, observed.filled)
    known = store.open_changes(table.project_id, table.id).get(table.id, [])
    result = replace(result, changes=fresh_changes(result.changes, known))
    store.add_schema_changes(table.project_id, table.id, job.id, result.changes)
    changes: dict[str, Any] = {"columns": columns} if columns and columns != table.columns else {}
    if observed.available and observed.available != table.available:
        changes["available"] = observed.available
    if result.is_full:
        changes["full_synced_at"] = datetime.now(UTC)
        # Options that were changed while this ran are not in these rows yet.
        if store.table(table.id).options == table.options:
            changes["resync_reason"] = None
    note_rows(platform, table, job, result, watermark=result.cursor_after, **changes)
    return result


def note_rows(
    platform: Platform, table: SyncedTable, job: Job, result: SyncResult, **changes: Any
) -> None:
    """What was moved goes to the job, the usage and the table, which is well now; `changes` are what else of it is new."""
    store = platform.store
    if result.reconciliation is not None:
        store.note_reconciliation(job.id, table.id, replace(result.reconciliation, job_id=job.id))
    store.finish_job(
        job.id, JobStatus.COMPLETED, rows=result.rows_synced, bytes=result.bytes_staged
    )
    store.add_usage(
        table.project_id, table.id, JobKind.SYNC, result.rows_synced, result.bytes_staged
    )
    store.update_table(
        table.id,
        status=TableStatus.COMPLETED,
        row_count=result.row_count,
        last_synced_at=datetime.now(UTC),
        latest_error=None,
        failed_at=None,
        **changes,
    )
