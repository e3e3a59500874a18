"""Syncing the tables of a source by its stream of changes: one stream, many tables, one position.

The order that makes it exact: read the stream, commit rows and position to the lake in one transaction, and only then
tell the source that it may forget. Whatever dies in between is said again by the source and begins where the lake is.
"""

import logging
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.job import Job, JobKind, JobStatus, SyncResult
from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, Source, SyncedTable, SyncMode, TableStatus
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.services import package as packages
from pwh_assets.services.egress import guarded
from pwh_assets.services.extract import extract
from pwh_assets.services.limits import Budget, RowLimitReachedError
from pwh_assets.services.outcome import note_failure
from pwh_assets.services.package import Package
from pwh_assets.services.platform import Platform
from pwh_assets.services.running import Interrupted
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.selection import shaped, with_options
from pwh_assets.services.stream_drift import note_drift, seen_in_stream
from pwh_assets.services.stream_running import StreamRunning, Tell
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.changes import (
    ChangeSource,
    ChangeStream,
    Finding,
    StreamSpec,
    StreamStatus,
    StreamTable,
)
from pwh_assets.sources.collecting import (
    Collected,
    Logged,
    RowsSpentError,
    Spilled,
    StagingCollector,
)
from pwh_assets.sources.errors import StreamLostError, StreamNotReadyError

if TYPE_CHECKING:
    from pwh_assets.lake import Lake, SyncState
    from pwh_assets.lake.changes import Applied, ChangeFile, TableBatch
    from pwh_assets.services.sync import Progress

log = logging.getLogger(__name__)

_CURSOR = "changes"
LOG_SUFFIX = "_cdc"
"""What a table of every change is called after its table."""


class StreamBusyHereError(BusyError):
    """Another run of ours reads this source's stream."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"The changes of source `{source}` are being read by another run. Nothing was started; "
            "look again when it has ended."
        )


@dataclass(frozen=True, slots=True)
class _Joined:
    """What the lake's state says of a table in the stream."""

    settled: str
    """From this position on its rows are those of the source; before, some may be newer."""
    mark: str

    @property
    def cursor(self) -> str:
        return f"{_CURSOR} {self.settled} {self.mark}"

    @classmethod
    def of(cls, state: "SyncState | None") -> "_Joined | None":
        parts = (state.cursor or "").split(" ", 2) if state else []
        return cls(parts[1], parts[2]) if len(parts) == 3 and parts[0] == _CURSOR else None


def stream_id(source_id: str) -> str:
    """Under what the lake keeps the position of a source's stream."""
    return f"{_CURSOR}:{source_id}"


def change_source(platform: Platform, source: Source) -> ChangeSource | None:
    """The source's change capture; None where its type has none."""
    return getattr(platform.sources.get(source.source_type), "changes", None)


def spec_of(source_id: str, tables: Sequence[StreamTable] = ()) -> StreamSpec:
    return StreamSpec(f"pwh_{source_id.replace('-', '')[:16]}", tuple(tables))


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
        run = _Run(platform, source, streaming, {table.id for table in wanted}, full, running)
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
    from pwh_assets.services.sync import Progress

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


class _Run:
    """One run of one source's stream."""

    def __init__(
        self,
        platform: Platform,
        source: Source,
        tables: Sequence[SyncedTable],
        wanted: set[str],
        full: bool,
        running: StreamRunning,
    ) -> None:
        self.platform, self.source, self.wanted, self.running = platform, source, wanted, running
        self.tables = {table.id: table for table in tables}
        self.full = {table.id for table in tables if full and table.id in wanted}
        self.lake: Lake = platform.lakes.of(source.project_id)
        self.errors: dict[str, PwhError] = {}
        self.results: dict[str, _Tally] = {table.id: _Tally() for table in tables}
        self.reasons: dict[str, str] = {}
        self.began = time.monotonic()
        self.folder = platform.settings.home / "pipelines" / f"changes-{source.id}"
        found = change_source(platform, source)
        if found is None:
            raise InvalidInputError(
                "sync_type",
                f"A {source.source_type} source has no stream of changes. Choose another `sync_type` for its tables.",
            )
        self.changes = found
        self.source_type = platform.sources[source.source_type]

    def run(self) -> None:
        config = self.platform.store.source_config(self.source.id)
        with scrubbed(self.source_type, config):
            self.config = guarded(self.platform.settings, config)
            self._leave_others()
            self._pass()
            again = set(self.reasons) & self.wanted - set(self.errors)
            if again:
                # What was found stale is read whole at once, not only the next time.
                self.reasons = {}
                self._pass()
        for table_id, reason in self.reasons.items():
            self.platform.store.update_table(table_id, resync_reason=reason)

    def cancelled(self) -> None:
        """Every table this run was for was cancelled, unless it had failed already."""
        for table_id in self.wanted:
            self.errors.setdefault(table_id, self.running.ended(self.tables[table_id]))

    def _leave_others(self) -> None:
        """A table whose sync is off misses changes: when it is turned on again it is read whole."""
        others = [
            table.id
            for table in self.platform.store.tables(self.source.project_id, self.source.id)
            if table.mode is SyncMode.CDC and table.id not in self.tables
        ]
        for table_id in others:
            if _Joined.of(self.lake.state(table_id)) is not None:
                self.lake.forget_state(table_id)

    # -- one pass ------------------------------------------------------------------------------

    def _pass(self) -> None:
        changes, config = self.changes, self.config
        stream = self.lake.state(stream_id(self.source.id))
        base = stream.watermark if stream else None
        states = {table_id: self.lake.state(table_id) for table_id in self.tables}
        spec = self._ready(spec_of(self.source.id, [self._told(t) for t in self.tables.values()]))
        if not spec.tables:
            return
        status = changes.status(config, spec)
        if base is not None and not status.exists:
            raise StreamLostError(
                f"Source `{self.source.slug}`", "its stream does not exist any more.", _REPAIR
            )
        if self.platform.store.stream(self.source.id) is None:
            # Written down first, so that what is made at the source is dropped with the source.
            self.platform.store.note_stream(self.source.project_id, self.source.id, facts={})
        prepared = changes.prepare(config, spec)
        if stream is not None and stream.cursor != prepared.identity:
            raise StreamLostError(
                f"Source `{self.source.slug}`",
                f"its stream is `{prepared.identity}` now and was `{stream.cursor}`.",
                _REPAIR,
            )
        since = self._since(base, prepared.position)
        tables = {self._by_name(name).id: name for name in (t.name for t in spec.tables)}
        joined = {table_id: _Joined.of(states[table_id]) for table_id in tables}
        for table_id, name in tables.items():
            if name in prepared.added and joined[table_id] is not None:
                # The source will not say again that it was added, should this run end before the table is read.
                self.lake.forget_state(table_id)
        fresh = [
            table_id
            for table_id, name in tables.items()
            if base is None
            or joined[table_id] is None
            or name in prepared.added
            or table_id in self.full
            or self._must_reread(table_id)
        ]
        batch = _Pass(self, spec, base, since, prepared.identity, joined)
        for table_id in fresh:
            self._read_whole(batch, self.tables[table_id])
        batch.leave(self.errors)
        is_through = batch.stream()
        self.full = set()
        if is_through:
            self._look(batch)

    def _must_reread(self, table_id: str) -> bool:
        return self.tables[table_id].resync_reason is not None

    def _told(self, table: SyncedTable) -> StreamTable:
        joined = _Joined.of(self.lake.state(table.id))
        return _stream_table(table, table.columns, joined.mark if joined else "")

    def _ready(self, spec: StreamSpec) -> StreamSpec:
        """The spec without tables that cannot be streamed; those get an error, and leave the stream."""
        findings = self.changes.check(self.config, spec)
        general = [finding for finding in findings if finding.table is None]
        if general:
            raise _not_ready(f"Source `{self.source.slug}`", general)
        bad: dict[str, list[Finding]] = {}
        for finding in findings:
            bad.setdefault(str(finding.table), []).append(finding)
        good = []
        for table in spec.tables:
            known = self._by_name(table.name)
            error: PwhError | None = _unsupported(known)
            if table.name in bad:
                error = _not_ready(f"Source `{self.source.slug}`", bad[table.name])
            if error is None:
                good.append(table)
                continue
            self.errors[known.id] = error
            if _Joined.of(self.lake.state(known.id)) is not None:
                self.lake.forget_state(known.id)
        return replace(spec, tables=tuple(good))

    def _since(self, base: str | None, offered: str) -> str:
        if base is None:
            return offered
        record = self.platform.store.stream(self.source.id)
        if record and record.base == base and record.idle and record.idle > base:
            return record.idle
        return base

    def _by_name(self, name: str) -> SyncedTable:
        return next(table for table in self.tables.values() if table.name == name)

    # -- reading a table whole -----------------------------------------------------------------

    def _read_whole(self, batch: "_Pass", table: SyncedTable) -> None:
        """Stage all rows of a table, for the next commit. What goes wrong is this table's trouble alone."""
        try:
            if table.options.cdc_table_mode == "cdc_only":
                marks = self.changes.settle(self.config, batch.spec, [table.name])
                batch.join(table, _Joined(batch.since, marks.get(table.name, "")), None)
                return
            batch.join(table, *self._snapshot(batch, table))
        except PwhError as error:
            if self.running.cause is not None:
                raise Interrupted from None
            self.errors[table.id] = error

    def _snapshot(self, batch: "_Pass", table: SyncedTable) -> tuple[_Joined, Package]:
        folder = self.platform.settings.home / "pipelines" / table.id
        request = ReadRequest(
            table.name, SyncMode.FULL, table.columns, table.primary_key, may_chunk=True
        )
        request = with_options(request, table)
        left_out = self.changes.left_out(self.config, batch.spec, table.name)
        request = replace(request, excluded=request.excluded | left_out)
        wish = packages.fingerprint(replace(request, columns=()), batch.since, batch.identity)
        known = packages.load(folder)
        is_asked = table.id in self.full
        budget = batch.budget(table)
        if known and not is_asked and known.mode is SyncMode.CDC and known.base_load_id == wish:
            if error := budget.exceeded_by(known.rows):
                raise error
            parts = (known.cursor or "").split(" ", 2)
            return _Joined(parts[1], parts[2]), known
        expected = budget.check(self.source_type, self.config, request)
        marks = self.changes.settle(self.config, batch.spec, [table.name])
        packages.discard(folder)

        def tell(rows: int, size: int) -> None:
            self.running.tell(table, "extract", rows, size, expected)
            if error := budget.exceeded_by(rows):
                raise error

        reading = shaped(self.source_type.read(self.config, request), request, None)
        extracted = extract(reading, folder, tell)
        columns = tuple(column for column in reading.columns if request.wants(column.name))
        newest = self.changes.status(self.config, batch.spec).newest
        joined = _Joined(newest or batch.since, marks.get(table.name, ""))
        package = Package(
            load_id=str(uuid.uuid4()),
            mode=SyncMode.CDC,
            is_replacement=True,
            cursor=joined.cursor,
            base_load_id=wish,
            watermark=batch.since,
            columns=columns,
            primary_key=table.primary_key,
            files=tuple(str(file.relative_to(folder)) for file in extracted.files),
            rows=extracted.rows,
            bytes=extracted.bytes,
            renames=extracted.renames,
            is_sparse=extracted.is_sparse,
            rows_are_unique=extracted.rows_are_unique,
        )
        packages.save(folder, package)
        return joined, package

    # -- afterwards ----------------------------------------------------------------------------

    def _look(self, batch: "_Pass") -> None:
        """What the stream did not show, and how it stands at the source by now."""
        told = [
            _stream_table(table, table.columns, joined.mark)
            for table in batch.tables()
            if (joined := batch.joined.get(table.id)) is not None
            and table.options.cdc_table_mode != "cdc_only"
        ]
        if told:
            drift = self.changes.drift(self.config, replace(batch.spec, tables=tuple(told)))
            for name, reason in drift.items():
                self.reasons.setdefault(self._by_name(name).id, reason)
        for table_id, reason in self.reasons.items():
            log.warning("%s is read whole again: %s", self.tables[table_id].table_name, reason)
            self.tables[table_id] = replace(self.tables[table_id], resync_reason=reason)
        status = self.changes.status(self.config, batch.spec)
        facts = facts_of(status)
        self.platform.store.note_stream(self.source.project_id, self.source.id, facts=facts)

    def result(self, table: SyncedTable) -> SyncResult:
        tally = self.results[table.id]
        return SyncResult(
            table_name=table.table_name,
            mode=str(table.mode),
            rows_synced=tally.rows,
            row_count=tally.row_count,
            bytes_staged=tally.bytes,
            duration_s=time.monotonic() - self.began,
            cursor_before=tally.before,
            cursor_after=tally.after,
            columns_added=tuple(dict.fromkeys(tally.added)),
            columns_widened=tuple(dict.fromkeys(tally.widened)),
            rows_deleted=tally.deleted,
            is_full=tally.is_full,
        )


class _Pass:
    """From where the lake is to what was the newest position: batch by batch."""

    def __init__(
        self,
        run: _Run,
        spec: StreamSpec,
        base: str | None,
        since: str,
        identity: str,
        joined: Mapping[str, _Joined | None],
    ) -> None:
        self.run, self.spec, self.base, self.since = run, spec, base, since
        self.identity = identity
        self.joined = {table_id: one for table_id, one in joined.items() if one is not None}
        self.waiting: dict[str, tuple[_Joined, Package | None]] = {}
        """Tables that were read whole, until the next commit."""

    def join(self, table: SyncedTable, joined: _Joined, package: Package | None) -> None:
        self.waiting[table.id] = joined, package
        self.joined[table.id] = joined

    def leave(self, errors: Mapping[str, PwhError]) -> None:
        """Tables that could not be read whole are not in the stream; the next sync reads them whole."""
        for table_id in errors:
            if self.joined.pop(table_id, None) is not None:
                # Their changes are passed by, so what the lake has of them is not up to date any more.
                self.run.lake.forget_state(table_id)

    def tables(self) -> list[SyncedTable]:
        return [self.run.tables[table_id] for table_id in self.joined]

    def budget(self, table: SyncedTable) -> Budget:
        """What is left of the project's rows, less those this run has read and nobody booked."""
        run = self.run
        read = sum(tally.rows for tally in run.results.values())
        staged = sum(package.rows for _, package in self.waiting.values() if package)
        return Budget(
            run.platform,
            table.project_id,
            table.table_name,
            *run.running.job_ids,
            spent=read + staged,
        )

    def stream(self) -> bool:
        """Read and commit all there is; False when the project's row limit ended it before."""
        try:
            self._stream(None)
        except RowsSpentError as spent:
            if spent.whole:
                # A transaction too many: those before it still fit.
                self._stream(spent.whole)
            for table in self.tables():
                self.run.errors.setdefault(table.id, self._reached(table))
            return False
        return True

    def _reached(self, table: SyncedTable) -> RowLimitReachedError:
        budget = self.budget(table)
        return RowLimitReachedError(
            table.table_name, budget.limit or 0, budget.used, budget.period.until
        )

    def _stream(self, until: str | None) -> None:
        run = self.run
        told = []
        for table in self.tables():
            _, package = self.waiting.get(table.id, (None, None))
            columns = package.columns if package is not None else table.columns
            told.append(_stream_table(table, columns, self.joined[table.id].mark))
        spec = replace(self.spec, tables=tuple(told))
        with run.changes.open(run.config, spec, self.since) as stream:
            while not self._batch(stream, told, until):
                pass

    def _batch(
        self, stream: ChangeStream, told: Sequence[StreamTable], until: str | None = None
    ) -> bool:
        """Read and commit one batch; True when all is read, or all until there."""
        run = self.run
        shutil.rmtree(run.folder, ignore_errors=True)
        options = {table.name: table.options.cdc_table_mode for table in self.tables()}
        collector = StagingCollector(
            run.folder,
            logged=frozenset(n for n, mode in options.items() if mode != "consolidated"),
            consolidated=frozenset(n for n, mode in options.items() if mode != "cdc_only"),
            tables=told,
            unsettled=frozenset(
                table.name for table in self.tables() if self.joined[table.id].settled > self.since
            ),
            on_rows=self._progressed,
            most_rows=self.budget(self.tables()[0]).left if self.joined else None,
            until=until,
        )
        reached = stream.read(collector)
        collected = collector.finish()
        self._progressed(collector.rows)
        with run.running.shielded():
            if collected or self.waiting or self.base is None:
                self._commit(collected, collector, reached.position)
            elif reached.position > self.since:
                run.platform.store.note_stream(
                    run.source.project_id, run.source.id, base=self.base, idle=reached.position
                )
            self.since = max(self.since, reached.position)
            stream.confirm(self.since)
        shutil.rmtree(run.folder, ignore_errors=True)
        return reached.is_caught_up or (until is not None and self.since >= until)

    def _progressed(self, staged: Mapping[str, int]) -> None:
        """So many rows are staged per table, by its name."""
        run = self.run
        for name, rows in staged.items():
            table = run._by_name(name)
            run.running.tell(table, "extract", run.results[table.id].rows + rows)

    def _commit(
        self, collected: Sequence[Collected], collector: StagingCollector, position: str
    ) -> None:
        from pwh_assets.lake.changes import Batch

        run = self.run
        unsettled = collector.unsettled
        found = {run._by_name(each.table).id: each for each in collected}
        parts = []
        for table in self.tables():
            changes = found.get(table.id)
            if changes is None and table.id not in self.waiting:
                continue
            package = self.waiting.get(table.id, (None, None))[1]
            rows, size = (package.rows, package.bytes) if package else (0, 0)
            rows += run.results[table.id].rows + collector.rows.get(table.name, 0)
            run.running.tell(table, "publish", rows, size)
            parts.append(self._part(table, changes))
        load_id = str(uuid.uuid4())
        batch = Batch(
            stream_id=stream_id(run.source.id),
            base=self.base,
            position=position,
            load_id=load_id,
            at=datetime.now(UTC).replace(tzinfo=None),
            identity=self.identity,
            tables=tuple(parts),
        )
        done = run.lake.apply_changes(batch)
        for table_id, applied in done.items():
            table = run.tables[table_id]
            self._count(table, applied, found.get(table_id), position)
            if applied.holes and table.name not in unsettled:
                collector.stale(
                    table.name,
                    f"`{table.name}` lacks {applied.holes} rows the stream took for known.",
                )
        for name, reason in collector.reasons.items():
            table_id = run._by_name(name).id
            run.reasons.setdefault(table_id, reason)
            # At once: the stream does not say it again, should this run end before it is through.
            run.platform.store.update_table(table_id, resync_reason=reason)
        for table_id in self.waiting:
            packages.discard(run.platform.settings.home / "pipelines" / table_id)
        self.waiting = {}
        self.base = position

    def _part(self, table: SyncedTable, changes: Collected | None) -> "TableBatch":
        from pwh_assets.lake import Publish
        from pwh_assets.lake.changes import TableBatch

        run = self.run
        name, snapshot = slug(table.name), None
        package = self.waiting.get(table.id, (None, None))[1]
        if package is not None:
            folder = run.platform.settings.home / "pipelines" / table.id
            snapshot = Publish(
                schema=run.source.slug,
                table=name,
                mode=SyncMode.FULL,
                files=[folder / file for file in package.files],
                columns=package.columns,
                primary_key=package.primary_key,
                renames=package.renames,
                is_replacement=True,
                is_rebuild=table.resync_reason is not None,
            )
        is_logged = table.options.cdc_table_mode != "consolidated"
        return TableBatch(
            table_id=table.id,
            schema=run.source.slug,
            table=name,
            key=table.primary_key,
            cursor=self.joined[table.id].cursor,
            snapshot=snapshot,
            is_truncated=changes.is_truncated if changes else False,
            files=_files(changes.spilled) if changes else (),
            log_table=f"{name}{LOG_SUFFIX}" if is_logged and changes else None,
            log_files=_files(changes.logged) if changes else (),
        )

    def _count(
        self, table: SyncedTable, applied: "Applied", changes: Collected | None, position: str
    ) -> None:
        run = self.run
        tally = run.results[table.id]
        tally.written += applied.rows_written
        tally.deleted += applied.rows_deleted
        tally.row_count = applied.row_count
        tally.before = tally.before or self.since
        tally.after = position
        tally.added += applied.columns_added
        tally.widened += applied.columns_widened
        joined = self.waiting.get(table.id)
        known = table.columns
        changed: dict[str, Any] = {}
        if joined is not None and joined[1] is not None:
            tally.is_full, tally.bytes = True, tally.bytes + joined[1].bytes
            known = tally.seen = joined[1].columns
            changed = {"resync_reason": None, "full_synced_at": datetime.now(UTC)}
        if changes is not None and changes.columns:
            tally.seen = seen_in_stream(changes.columns, known, table.available)
        columns = _columns(known, table.columns, applied)
        if columns and columns != table.columns:
            changed["columns"] = columns
        run.tables[table.id] = run.platform.store.update_table(
            table.id,
            watermark=position,
            row_count=applied.row_count,
            last_synced_at=datetime.now(UTC),
            **changed,
        )


@dataclass(slots=True)
class _Tally:
    written: int = 0
    deleted: int = 0
    row_count: int = 0
    bytes: int = 0
    before: str | None = None
    after: str | None = None
    added: tuple[str, ...] = ()
    widened: tuple[str, ...] = ()
    is_full: bool = False
    seen: tuple[Column, ...] = ()
    """The table's columns as the source last showed them."""

    @property
    def rows(self) -> int:
        return self.written + self.deleted


_REPAIR = (
    "`pwh source cdc repair` makes a new one; the next sync then reads the tables whole again."
)


def _not_ready(place: str, findings: Sequence[Finding]) -> StreamNotReadyError:
    return StreamNotReadyError(
        place,
        [finding.problem for finding in findings],
        [statement for finding in findings for statement in finding.statements],
    )


def _unsupported(table: SyncedTable) -> InvalidInputError | None:
    """What a table's options ask for that a stream cannot give."""
    options = table.options
    if options.row_filters:
        return InvalidInputError(
            "row_filters",
            f"`{table.table_name}` is synced in mode `cdc`, where rows cannot be filtered: a row that stops fulfilling a "
            "filter would stay. Take `row_filters` off, or choose another `sync_type`.",
        )
    if any(mask.column not in options.dropped for mask in options.masks):
        return InvalidInputError(
            "masks",
            f"`{table.table_name}` is synced in mode `cdc`, where columns can be dropped but not masked otherwise. "
            "Use `drop`, or choose another `sync_type`.",
        )
    return None


def _stream_table(table: SyncedTable, columns: Sequence[Column], mark: str) -> StreamTable:
    kept = table.options.enabled_columns
    only = None if kept is None else frozenset((*kept, *table.primary_key))
    return StreamTable(
        table.name, table.primary_key, tuple(columns), mark, only, table.options.dropped
    )


def _files(staged: "Sequence[Spilled | Logged]") -> "tuple[ChangeFile, ...]":
    from pwh_assets.lake.changes import ChangeColumn, ChangeFile

    return tuple(
        ChangeFile(
            one.file,
            tuple(ChangeColumn(c.name, c.type, c.here, c.fits) for c in one.columns),
            one.unresolved if isinstance(one, Spilled) else (),
        )
        for one in staged
    )


def _columns(
    known: Sequence[Column], before: Sequence[Column], applied: "Applied"
) -> tuple[Column, ...]:
    """The columns as the source spells them, with the types the lake has; known ones keep their place."""
    types = {column.name: column.type for column in applied.columns}
    by_name = {column.name: column for column in (*before, *known)}
    found = {
        name: replace(by_name.get(name, Column(name, "")), type=types[lake_name])
        for name, lake_name in applied.names.items()
        if lake_name in types
    }
    kept = [found.pop(column.name, column) for column in known]
    return (*kept, *found.values())


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


# -- writing down how it went --------------------------------------------------------------------


def _note(platform: Platform, run: _Run, table: SyncedTable, job: Job) -> SyncResult | PwhError:
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
    store = platform.store
    if result.cursor_after is None:
        state = run.lake.state(table.id)
        result = replace(
            result,
            row_count=state.row_count if state else 0,
            cursor_before=state.watermark if state else None,
            cursor_after=state.watermark if state else None,
        )
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
    )
    log.info("synced %s: %d rows", result.table_name, result.rows_synced)
    return result


def _note_stream_error(platform: Platform, source: Source, error: PwhError) -> None:
    record = platform.store.stream(source.id)
    facts = dict(record.facts) if record else {}
    if isinstance(error, StreamLostError):
        facts |= {"is_lost": True, "error": error.sentence}
        platform.store.note_stream(source.project_id, source.id, facts=facts)
