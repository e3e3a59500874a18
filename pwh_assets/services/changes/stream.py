"""Syncing the tables of a source by its stream of changes: one stream, many tables, one position.

The order that makes it exact: read the stream, commit rows and position to the lake in one transaction, and only then
tell the source that it may forget. Whatever dies in between is said again by the source and begins where the lake is.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pwh_assets.core.job import Job, JobKind, SyncResult
from pwh_assets.core.source import Source, SyncedTable, SyncMode, TableStatus
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.services.changes.drift import note_drift
from pwh_assets.services.changes.run import StreamRun
from pwh_assets.services.changes.running import StreamRunning, Tell
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.outcome import note_failure, note_rows
from pwh_assets.services.sync.running import Interrupted
from pwh_assets.sources.errors import StreamLostError

if TYPE_CHECKING:
    from pwh_assets.services.sync.table import Progress

log = logging.getLogger(__name__)


class StreamBusyHereError(BusyError):
    """Another run of ours reads this source's stream."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"The changes of source `{source}` are being read by another run. Nothing was started; "
            "look again when it has ended."
        )


def sync_changes(
    platform: Platform,
    source_id: str,
    tables: Sequence[SyncedTable],
    *,
    full: bool = False,
    run_id: str | None = None,
    attempt: int = 1,
    tell: Tell = lambda table, phase, rows, size: None,
) -> dict[str, SyncResult | PwhError]:
    """Bring these tables, and all others of the source in mode `cdc` that were read before, up to date.

    Returns, by table id, what was done or what went wrong. A table that fails fails alone. Cancelling one ends the
    pass for all: they share a position, which stays where the lake was committed last.

    Raises:
        BusyError: the stream or one of the tables is being worked on; nothing was started.
    """
    store = platform.store
    source = store.source(source_id)
    with _only_one(platform, source, tables) as streaming:
        known = {table.id: table for table in streaming}
        wanted = [known[table.id] for table in tables if table.id in known]
        jobs = {
            table.id: store.start_job(
                table.project_id,
                JobKind.SYNC,
                table.id,
                table.table_name,
                run_id=run_id,
                attempt=attempt,
            )
            for table in wanted
        }
        for table in wanted:
            store.update_table(table.id, status=TableStatus.RUNNING)
        running = StreamRunning(platform, jobs, tell)
        run = StreamRun(platform, source, streaming, {table.id for table in wanted}, full, running)
        try:
            with running:
                run.run()
        except Interrupted:
            run.cancelled()
        except PwhError as error:
            if running.cause is not None:
                run.cancelled()  # what was interrupted may say so in words of its own
            error.__cause__ = error.__context__ = None  # a driver's error may show credentials
            for table in wanted:
                run.errors.setdefault(table.id, error)
            _note_stream_error(platform, source, error)
        except BaseException as error:
            if running.cause is None or not isinstance(error, Exception):
                for table in wanted:
                    note_failure(platform, table, jobs[table.id], error)
                raise
            run.cancelled()
        return {table.id: _note(platform, run, table, jobs[table.id]) for table in wanted}


class SharedStream:
    """Tables of one source that are synced in one run: its stream is read once for all of them."""

    def __init__(self, platform: Platform, tables: Sequence[SyncedTable]) -> None:
        self._platform = platform
        self._tables = [table for table in tables if table.mode is SyncMode.CDC]
        self._done: dict[str, SyncResult | PwhError] = {}
        self._asked: set[str] = set()

    def sync(
        self,
        table: SyncedTable,
        *,
        full: bool = False,
        run_id: str | None = None,
        attempt: int = 1,
        progress: "Callable[[Progress], None] | None" = None,
    ) -> SyncResult:
        """As `services.sync.sync_table`, of one of the tables."""
        found = self._done.pop(table.id, None)
        if found is None:
            others = [each for each in self._tables if each.id not in self._asked | {table.id}]
            self._asked |= {table.id, *(each.id for each in others)}
            self._done |= sync_changes(
                self._platform,
                table.source.id,
                [table, *others],
                full=full,
                run_id=run_id,
                attempt=attempt,
                tell=_teller(progress),
            )
            found = self._done.pop(table.id, None)
        if found is None:
            raise InvalidInputError(
                "sync_type",
                f"`{table.table_name}` does not follow its source's changes any more. Sync it again.",
            )
        if isinstance(found, PwhError):
            raise found
        return found


def _teller(progress: "Callable[[Progress], None] | None") -> Tell:
    from pwh_assets.services.sync.table import Progress

    began = time.monotonic()

    def tell(table: SyncedTable, phase: str, rows: int, size: int) -> None:
        if progress is not None:
            elapsed = time.monotonic() - began
            progress(Progress(table.table_name, phase, rows, size, elapsed))

    return tell


@contextmanager
def _only_one(
    platform: Platform, source: Source, tables: Sequence[SyncedTable]
) -> Iterator[list[SyncedTable]]:
    """The tables of the stream, with their locks and that of the stream held."""
    from pwh_assets.lake.locks import hold

    asked = {table.id for table in tables}
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(platform.settings, f"changes-{source.id}"))
        except BusyError:
            raise StreamBusyHereError(source.slug) from None
        streaming = [
            table
            for table in platform.store.tables(source.project_id, source.id)
            if table.mode is SyncMode.CDC
            and (table.id in asked or (table.should_sync and not table.is_missing))
        ]
        for table in streaming:
            try:
                stack.enter_context(hold(platform.settings, f"sync-{table.id}"))
            except BusyError:
                raise StreamBusyHereError(source.slug) from None
        platform.store.abandon_jobs(source.project_id)
        yield streaming


# -- writing down how it went --------------------------------------------------------------------


def _note(
    platform: Platform, run: StreamRun, table: SyncedTable, job: Job
) -> SyncResult | PwhError:
    error, tally = run.errors.get(table.id), run.results[table.id]
    changes = note_drift(
        platform, table, job, tally.seen, tally.widened, is_full=tally.is_full and error is None
    )
    if error is not None:
        if tally.rows:  # of batches that were committed before
            platform.store.add_usage(
                table.project_id, table.id, JobKind.SYNC, tally.rows, tally.bytes
            )
        note_failure(platform, table, job, error)
        return error
    result = replace(run.result(table), changes=changes)
    if result.cursor_after is None:
        state = run.lake.state(table.id)
        result = replace(
            result,
            row_count=state.row_count if state else 0,
            cursor_before=state.watermark if state else None,
            cursor_after=state.watermark if state else None,
        )
    note_rows(platform, table, job, result)
    log.info("synced %s: %d rows", result.table_name, result.rows_synced)
    return result


def _note_stream_error(platform: Platform, source: Source, error: PwhError) -> None:
    record = platform.store.stream(source.id)
    facts = dict(record.facts) if record else {}
    if isinstance(error, StreamLostError):
        facts |= {"is_lost": True, "error": error.sentence}
        platform.store.note_stream(source.project_id, source.id, facts=facts)
