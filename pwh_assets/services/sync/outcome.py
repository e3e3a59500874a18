"""Writing down how a sync went wrong: on its job and on its table."""

import logging
from datetime import UTC, datetime

from pwh_assets.core.job import Job, JobStatus
from pwh_assets.core.source import SyncedTable, TableStatus
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.limits import RowLimitError
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
