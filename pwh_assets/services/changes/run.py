"""One run of a source's stream: which tables are in it, which of them are read whole first, and what the stream did not show."""

import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pwh_assets.core.job import Reconciliation, SyncResult
from pwh_assets.core.source import Column, Source, SyncedTable, SyncMode
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.services.changes.counting import reconcile_streamed
from pwh_assets.services.changes.passes import StreamPass, Tally
from pwh_assets.services.changes.running import StreamRunning
from pwh_assets.services.changes.tables import (
    REPAIR,
    Joined,
    change_source,
    clear_columns,
    facts_of,
    not_ready,
    spec_of,
    stream_id,
    stream_table,
    unsupported,
)
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources.egress import guarded
from pwh_assets.services.sync import package as packages
from pwh_assets.services.sync.extract import extract
from pwh_assets.services.sync.masking import Masker, masker_of
from pwh_assets.services.sync.package import Package
from pwh_assets.services.sync.running import Interrupted
from pwh_assets.services.sync.selection import shaped, with_options
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.changes import (
    Finding,
    StreamSpec,
    StreamTable,
)
from pwh_assets.sources.errors import StreamLostError

if TYPE_CHECKING:
    from pwh_assets.lake import Lake

log = logging.getLogger(__name__)


class StreamRun:
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
        self.results: dict[str, Tally] = {table.id: Tally() for table in tables}
        self.reasons: dict[str, str] = {}
        self.reconciled: dict[str, Reconciliation] = {}
        self.seen: dict[str, tuple[Column, ...]] = {}
        """Columns of tables that were read whole, before masks."""
        self._maskers: dict[str, Masker | None] = {}
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
            if Joined.of(self.lake.state(table_id)) is not None:
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
                f"Source `{self.source.slug}`", "its stream does not exist any more.", REPAIR
            )
        if self.platform.store.stream(self.source.id) is None:
            # Written down first, so that what is made at the source is dropped with the source.
            self.platform.store.note_stream(self.source.project_id, self.source.id, facts={})
        prepared = changes.prepare(config, spec)
        if stream is not None and stream.cursor != prepared.identity:
            raise StreamLostError(
                f"Source `{self.source.slug}`",
                f"its stream is `{prepared.identity}` now and was `{stream.cursor}`.",
                REPAIR,
            )
        since = self._since(base, prepared.position)
        tables = {self.by_name(name).id: name for name in (t.name for t in spec.tables)}
        joined = {table_id: Joined.of(states[table_id]) for table_id in tables}
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
        batch = StreamPass(self, spec, base, since, prepared.identity, joined)
        for table_id in fresh:
            self._read_whole(batch, self.tables[table_id])
        batch.leave(self.errors)
        is_through = batch.stream()
        self.full = set()
        if is_through:
            self._look(batch)
            self.reconciled |= reconcile_streamed(self, batch)

    def _must_reread(self, table_id: str) -> bool:
        return self.tables[table_id].resync_reason is not None

    def _told(self, table: SyncedTable) -> StreamTable:
        joined = Joined.of(self.lake.state(table.id))
        return stream_table(table, self.clear(table, table.columns), joined.mark if joined else "")

    def clear(self, table: SyncedTable, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The columns as the source has them, whatever masks make of them."""
        return clear_columns(table, columns, self.seen.get(table.id, ()))

    def masker(self, table: SyncedTable) -> Masker | None:
        """The table's masks; None when it has none."""
        if table.id not in self._maskers:
            store, project_id = self.platform.store, table.project_id
            self._maskers[table.id] = masker_of(
                table.options.masks, lambda: store.mask_key(project_id)
            )
        return self._maskers[table.id]

    def _ready(self, spec: StreamSpec) -> StreamSpec:
        """The spec without tables that cannot be streamed; those get an error, and leave the stream."""
        findings = self.changes.check(self.config, spec)
        general = [finding for finding in findings if finding.table is None]
        if general:
            raise not_ready(f"Source `{self.source.slug}`", general)
        bad: dict[str, list[Finding]] = {}
        for finding in findings:
            bad.setdefault(str(finding.table), []).append(finding)
        good = []
        for table in spec.tables:
            known = self.by_name(table.name)
            error: PwhError | None = unsupported(known)
            if table.name in bad:
                error = not_ready(f"Source `{self.source.slug}`", bad[table.name])
            if error is None:
                good.append(table)
                continue
            self.errors[known.id] = error
            if Joined.of(self.lake.state(known.id)) is not None:
                self.lake.forget_state(known.id)
        return replace(spec, tables=tuple(good))

    def _since(self, base: str | None, offered: str) -> str:
        if base is None:
            return offered
        record = self.platform.store.stream(self.source.id)
        if record and record.base == base and record.idle and record.idle > base:
            return record.idle
        return base

    def by_name(self, name: str) -> SyncedTable:
        return next(table for table in self.tables.values() if table.name == name)

    # -- reading a table whole -----------------------------------------------------------------

    def _read_whole(self, batch: "StreamPass", table: SyncedTable) -> None:
        """Stage all rows of a table, for the next commit. What goes wrong is this table's trouble alone."""
        try:
            if table.options.cdc_table_mode == "cdc_only":
                marks = self.changes.settle(self.config, batch.spec, [table.name])
                batch.join(table, Joined(batch.since, marks.get(table.name, "")), None)
                return
            batch.join(table, *self._snapshot(batch, table))
        except PwhError as error:
            if self.running.cause is not None:
                raise Interrupted from None
            self.errors[table.id] = error

    def _snapshot(self, batch: "StreamPass", table: SyncedTable) -> tuple[Joined, Package]:
        folder = self.platform.settings.home / "pipelines" / table.id
        request = ReadRequest(
            table.name, SyncMode.FULL, table.columns, table.primary_key, may_chunk=True
        )
        masker = self.masker(table)
        can_mask = getattr(self.source_type, "masks_in_chunks", False)
        request = with_options(request, table, masker, can_mask)
        left_out = self.changes.left_out(self.config, batch.spec, table.name)
        request = replace(request, excluded=request.excluded | left_out)
        wish = packages.fingerprint(
            replace(request, columns=(), masks=None),
            batch.since,
            batch.identity,
            repr(table.options),
        )
        known = packages.load(folder)
        is_asked = table.id in self.full
        budget = batch.budget(table)
        if known and not is_asked and known.mode is SyncMode.CDC and known.base_load_id == wish:
            if error := budget.exceeded_by(known.rows):
                raise error
            parts = (known.cursor or "").split(" ", 2)
            return Joined(parts[1], parts[2]), known
        expected = budget.check(self.source_type, self.config, request)
        marks = self.changes.settle(self.config, batch.spec, [table.name])
        packages.discard(folder)

        def tell(rows: int, size: int) -> None:
            self.running.tell(table, "extract", rows, size, expected)
            if error := budget.exceeded_by(rows):
                raise error

        reading = self.source_type.read(self.config, request)
        self.seen[table.id] = tuple(c for c in reading.columns if request.wants(c.name))
        reading = shaped(reading, request, masker)
        extracted = extract(reading, folder, tell)
        columns = tuple(column for column in reading.columns if request.wants(column.name))
        newest = self.changes.status(self.config, batch.spec).newest
        joined = Joined(newest or batch.since, marks.get(table.name, ""))
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

    def _look(self, batch: "StreamPass") -> None:
        """What the stream did not show, and how it stands at the source by now."""
        told = [
            stream_table(table, self.clear(table, table.columns), joined.mark)
            for table in batch.tables()
            if (joined := batch.joined.get(table.id)) is not None
            and table.options.cdc_table_mode != "cdc_only"
        ]
        if told:
            drift = self.changes.drift(self.config, replace(batch.spec, tables=tuple(told)))
            for name, reason in drift.items():
                self.reasons.setdefault(self.by_name(name).id, reason)
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
            reconciliation=self.reconciled.get(table.id),
        )
