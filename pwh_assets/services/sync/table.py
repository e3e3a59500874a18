"""Syncing one table: extract without a lock, publish in one transaction, then write down how it went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pwh_assets.core.job import JobKind, JobProgress, SyncResult
from pwh_assets.core.source import SyncedTable, SyncMode, TableStatus
from pwh_assets.errors import BusyError, PwhError
from pwh_assets.services.hogql.in_place import look
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.attempt import Attempt
from pwh_assets.services.sync.home_storage import HomeStorageError as HomeStorageError
from pwh_assets.services.sync.outcome import note_failure, note_success
from pwh_assets.services.sync.running import Interrupted, Running, SyncCancelledError
from pwh_assets.services.sync.steps import Steps, drained
from pwh_assets.services.views.managed import keep_in_step


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running sync is."""

    table_name: str
    phase: str
    """`extract` or `publish`."""
    rows: int
    bytes: int
    """Bytes seen so far; 0 while the source hands out single rows."""
    elapsed_s: float
    rows_expected: int | None = None
    """What the source says there is to read, when it says so."""
    rows_per_s: float = 0.0
    left_s: float | None = None


class TableBusyError(BusyError):
    """Another sync of the table is running."""

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name
        super().__init__(
            f"`{table_name}` is being synced by another run. Nothing was started; look again when it has ended."
        )


def sync_table(
    platform: Platform,
    table: SyncedTable,
    *,
    full: bool = False,
    run_id: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    attempt: int = 1,
) -> SyncResult:
    """Bring one table up to date with its source.

    Args:
        full: read everything and put it in the place of all rows, whatever the table's mode.
        run_id: Dagster's run this is part of.
        progress: told a few times a second how far it is.
        attempt: 1 for the first try; the job remembers it.

    Raises:
        BusyError: another sync of this table is running; nothing was started.
        SyncCancelledError: somebody cancelled it.
        RowLimitError: the project's row limit stands in the way.
        PwhError: what failed, also written to the job and the table. The lake's table is as it was.
    """
    steps = sync_steps(
        platform, table, full=full, run_id=run_id, progress=progress, attempt=attempt
    )
    return drained(steps)


def sync_steps(
    platform: Platform,
    table: SyncedTable,
    *,
    full: bool = False,
    run_id: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    attempt: int = 1,
) -> Steps[SyncResult]:
    """`sync_table` in steps. At the first nothing was published; where a table is read in chunks, they are being read.

    It yields before whatever takes long in this thread or changes the table, and goes on in the same thread. Somebody
    who ends it there throws `Interrupted` (it was cancelled) or KeyboardInterrupt (the process ends) into it.
    """
    table = platform.store.table(table.id)
    if table.mode is SyncMode.CDC:
        yield
        from pwh_assets.services.changes.stream import SharedStream

        shared = SharedStream(platform, [table])
        return shared.sync(table, full=full, run_id=run_id, attempt=attempt, progress=progress)
    with _only_one(platform, table):
        table = platform.store.table(table.id)
        if table.mode is SyncMode.IN_PLACE:
            yield
            return look(platform, table, run_id=run_id, attempt=attempt)
        platform.store.abandon_jobs(table.project_id)
        job = platform.store.start_job(
            table.project_id,
            JobKind.SYNC,
            table.id,
            table.table_name,
            run_id=run_id,
            attempt=attempt,
        )
        running = Running(platform, table, job, _teller(table, progress))
        try:
            platform.store.update_table(table.id, status=TableStatus.RUNNING)
            with running:
                result, columns, observed = yield from Attempt(platform, table, full, running).run()
            result = note_success(platform, table, job, result, columns, observed)
        except Interrupted:
            cause = running.cause or SyncCancelledError(table.table_name)
            note_failure(platform, table, job, cause)
            raise cause from None
        except BaseException as error:
            if running.cause is not None and isinstance(error, Exception):
                # What was interrupted may say so in words of its own.
                note_failure(platform, table, job, running.cause)
                raise running.cause from None
            if isinstance(error, PwhError):
                error.__cause__ = error.__context__ = None  # a driver's error may show credentials
            note_failure(platform, table, job, error)
            raise
        if table.last_synced_at is None or result.columns_added:
            keep_in_step(platform, table.project_id, table.source.id)
        return result


def _teller(
    table: SyncedTable, progress: Callable[[Progress], None] | None
) -> Callable[[JobProgress], None] | None:
    began = time.monotonic()

    def tell(now: JobProgress) -> None:
        assert progress is not None
        progress(
            Progress(
                table.table_name,
                now.phase,
                now.rows,
                now.bytes,
                time.monotonic() - began,
                now.rows_expected,
                now.rows_per_s,
                now.left_s,
            )
        )

    return tell if progress is not None else None


@contextmanager
def _only_one(platform: Platform, table: SyncedTable) -> Iterator[None]:
    from pwh_assets.lake.locks import hold

    lock = hold(platform.settings, f"sync-{table.id}")
    try:
        lock.__enter__()
    except BusyError:
        raise TableBusyError(table.table_name) from None
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
