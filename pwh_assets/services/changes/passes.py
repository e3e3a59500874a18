"""One pass over a stream, from where the lake is to what was the newest position: read a batch, commit it, let go of it."""

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, SyncedTable, SyncMode
from pwh_assets.errors import PwhError, quoted
from pwh_assets.services.changes.drift import seen_in_stream
from pwh_assets.services.changes.tables import LOG_SUFFIX, Joined, stream_id, stream_table
from pwh_assets.services.sync import package as packages
from pwh_assets.services.sync.keys import respelled
from pwh_assets.services.sync.limits import Budget, RowLimitReachedError
from pwh_assets.services.sync.package import Package
from pwh_assets.sources.changes import (
    ChangeStream,
    StreamSpec,
    StreamTable,
)
from pwh_assets.sources.collecting import (
    Collected,
    Logged,
    RowsSpentError,
    Spilled,
    StagingCollector,
)
from pwh_assets.sources.moved import Moved

if TYPE_CHECKING:
    from pwh_assets.lake.changes import Applied, ChangeFile, TableBatch
    from pwh_assets.services.changes.run import StreamRun


class StreamPass:
    """From where the lake is to what was the newest position: batch by batch."""

    def __init__(
        self,
        run: "StreamRun",
        spec: StreamSpec,
        base: str | None,
        since: str,
        identity: str,
        joined: Mapping[str, Joined | None],
    ) -> None:
        self.run, self.spec, self.base, self.since = run, spec, base, since
        self.identity = identity
        self.joined = {table_id: one for table_id, one in joined.items() if one is not None}
        self.waiting: dict[str, tuple[Joined, Package | None]] = {}
        """Tables that were read whole, until the next commit."""
        self.moved: dict[str, Moved] = {}
        """What is noted of rows that come and go, by the table's name."""

    def join(self, table: SyncedTable, joined: Joined, package: Package | None) -> None:
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
            told.append(stream_table(table, run.clear(table, columns), self.joined[table.id].mark))
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
            moved=self.moved,
            masks={table.name: masker for table in self.tables() if (masker := run.masker(table))},
        )
        reached = stream.read(collector)
        collected = collector.finish()
        self._progressed(collector.rows)
        with run.running.shielded():
            if collected or collector.reasons or self.waiting or self.base is None:
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
            table = run.by_name(name)
            run.running.tell(table, "extract", run.results[table.id].rows + rows)

    def _commit(
        self, collected: Sequence[Collected], collector: StagingCollector, position: str
    ) -> None:
        from pwh_assets.lake.changes import Batch

        run = self.run
        unsettled = collector.unsettled
        found = {run.by_name(each.table).id: each for each in collected}
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
            _, package = self.waiting.get(table_id, (None, None))
            before = replace(table, columns=package.columns) if package is not None else table
            if names := respelled(before, run.tables[table_id].columns):
                why = (
                    f"`{table.name}` has values in its key {quoted(names)} that outgrew their type."
                )
                collector.stale(table.name, why)
            if applied.holes and table.name not in unsettled:
                collector.stale(
                    table.name,
                    f"`{table.name}` lacks {applied.holes} rows the stream took for known.",
                )
        for name, reason in collector.reasons.items():
            table_id = run.by_name(name).id
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
            known = joined[1].columns
            tally.seen = run.clear(table, known)
            changed = {"resync_reason": None, "full_synced_at": datetime.now(UTC)}
        if changes is not None and changes.columns:
            tally.seen = seen_in_stream(changes.columns, run.clear(table, known), table.available)
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
class Tally:
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
