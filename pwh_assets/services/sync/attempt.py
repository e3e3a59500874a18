"""One run of one table, after it got the table's lock: what was left is finished, rows are read and published."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.job import SyncResult
from pwh_assets.core.names import slug
from pwh_assets.core.nested import divided
from pwh_assets.core.source import Column, SyncedTable, SyncMode
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources import webhooks
from pwh_assets.services.sources.egress import guarded
from pwh_assets.services.sync import package as packages
from pwh_assets.services.sync.extract import extracting
from pwh_assets.services.sync.home_storage import storage_errors
from pwh_assets.services.sync.keys import respelled
from pwh_assets.services.sync.limits import Budget
from pwh_assets.services.sync.masking import masker_of
from pwh_assets.services.sync.observing import Observed, Observer
from pwh_assets.services.sync.package import Package
from pwh_assets.services.sync.running import Interrupted, Running
from pwh_assets.services.sync.selection import shaped, with_options
from pwh_assets.services.sync.steps import Steps
from pwh_assets.sources.base import ReadRequest, secret_fields

if TYPE_CHECKING:
    from pwh_assets.lake import Lake, Publish, Published, SyncState

log = logging.getLogger(__name__)


class Attempt:
    """One run of one table, after it got the table's lock."""

    def __init__(
        self,
        platform: Platform,
        table: SyncedTable,
        full: bool,
        running: Running,
    ) -> None:
        self.platform, self.table, self.running = platform, table, running
        self.is_full = full or table.resync_reason is not None or is_refresh_due(table)
        self.lake: Lake = platform.lakes.of(table.project_id)
        self.schema, self.name = table.source.slug, slug(table.name)
        self.folder: Path = platform.settings.home / "pipelines" / table.id
        self.observer = Observer(platform, table, running)
        self.delivered = webhooks.waiting(platform, table)
        self.is_resumed = False
        """Whether the last extraction went on with the chunks of a run that died."""

    def run(self) -> Steps[tuple[SyncResult, tuple[Column, ...], Observed]]:
        """The result, the columns as the source spells them with the types the lake has, and what else was found."""
        first = self.lake.state(self.table.id)
        recovered = yield from self._recover(first)
        state = self.lake.state(self.table.id) if recovered else first
        package = yield from self._extract(state)
        if self.is_resumed and package.mode is SyncMode.APPEND:
            # It ends where the dead run meant to: what came since is read right after it. Merging has read it already.
            recovered = self._publish(package)
            packages.discard(self.folder)
            package = yield from self._extract(self.lake.state(self.table.id))
        self.observer.before_publish(package, self.folder)
        done = self._publish(package)
        self.running.disarm()
        packages.discard(self.folder)
        webhooks.done(self.delivered)
        with self._guarded():
            keys = self.folder.with_name(f"{self.folder.name}-keys")
            observed = self.observer.after_publish(package, done, keys)
        both = [one for one in (recovered, done) if one is not None]
        last = both[-1] if both else None
        result = SyncResult(
            table_name=self.table.table_name,
            mode=str(self.table.mode),
            rows_synced=sum(one.rows_written for one in both),
            row_count=observed.row_count
            if observed.row_count is not None
            else (last.row_count if last else 0),
            bytes_staged=package.bytes,
            duration_s=self.running.elapsed_s,
            is_full=package.is_replacement or (recovered is not None and first is None),
            changes=observed.changes,
            reconciliation=observed.reconciliation,
            rows_deleted=observed.rows_deleted,
            cursor_before=first.watermark if first else None,
            cursor_after=package.watermark,
            columns_added=tuple(dict.fromkeys(name for one in both for name in one.columns_added)),
            columns_widened=tuple(
                dict.fromkeys(name for one in both for name in one.columns_widened)
            ),
            columns_missing=last.columns_missing if last and package.shows_all_columns else (),
            was_recovered=recovered is not None,
        )
        log.info("synced %s: %d rows", result.table_name, result.rows_synced)
        return result, _source_columns(self.table, package, last), observed

    def _pause(self) -> Steps[None]:
        """A step's end. A wish to end the sync that comes meanwhile is fulfilled when it goes on."""
        with self.running.shielded():
            yield

    def _recover(self, state: "SyncState | None") -> "Steps[Published | None]":
        """Publish what a dead run finished extracting, when the table still is what it was read for.

        A full copy is not recovered: it would show the source as it was, not as it is.
        """
        package = packages.load(self.folder)
        if package is None or self.is_full or not self._fits(package, state):
            return None
        yield from self._pause()
        try:
            done = self._publish(package)
        except PwhError as error:
            if error.retryable:
                raise
            log.warning(
                "%s: a left package was thrown away: %s", self.table.table_name, error.sentence
            )
            done = None
        packages.discard(self.folder)
        return done

    def _fits(self, package: Package, state: "SyncState | None") -> bool:
        table = self.table
        return (
            package.mode is table.mode
            and package.mode is not SyncMode.FULL
            and package.cursor == table.tracked_by
            and package.primary_key == table.primary_key
            and package.base_load_id == (state.load_id if state else None)
        )

    def _extract(self, state: "SyncState | None") -> Steps[Package]:
        table, platform = self.table, self.platform
        source_type = platform.sources[table.source.source_type]
        if table.mode.merges and not table.primary_key:
            raise InvalidInputError(
                "primary_key",
                f"`{table.table_name}` is synced in mode `incremental` but has no primary key to merge on. "
                "Choose the key's columns, or another mode.",
            )
        exists = self.lake.has_table(self.schema, self.name)
        by_cursor = table.tracked_by is not None
        fits = state is not None and exists and state.cursor == table.tracked_by
        since = state.watermark if state and by_cursor and fits and not self.is_full else None
        request = ReadRequest(
            table=table.name,
            mode=table.mode,
            columns=table.columns,
            primary_key=table.primary_key,
            cursor=table.cursor,
            since=since,
        )
        masker = masker_of(table.options.masks, lambda: platform.store.mask_key(table.project_id))
        can_mask = getattr(source_type, "masks_in_chunks", False)
        request = with_options(request, table, masker, can_mask)
        config = platform.store.source_config(table.source.id)
        public, _ = divided(config, secret_fields(source_type))
        fingerprint = packages.fingerprint(
            request, state.load_id if state else None, public, repr(table.options)
        )
        # A copy somebody asked for shows the source as it is now, deleted rows too: it begins anew.
        unfinished = None if self.is_full else packages.unfinished(self.folder, fingerprint)
        with scrubbed(source_type, config), storage_errors(self.folder):
            config = guarded(platform.settings, config)
            budget = Budget(platform, table.project_id, table.table_name, self.running.job.id)
            if budget.limit is not None:
                yield from self._pause()  # it may be counted
            counted = budget.check(source_type, config, request)
            self.observer.before_reading(source_type, config, request)
            self.running.on_rows = budget.exceeded_by
            request = replace(
                request,
                unfinished=unfinished,
                deliveries=tuple(self.delivered.values()),
                may_be_partial=not exists,
            )
            reading = source_type.read(config, request)
            if since is not None and table.mode.merges and respelled(table, reading.columns):
                if reading.chunks is not None:
                    reading.chunks.close()
                since, fingerprint, unfinished = None, "", None
                request = replace(request, since=None, unfinished=None)
                reading = source_type.read(config, request)
            self.running.rows_expected = counted or reading.rows_expected
            self.observer.masker, self.observer.columns = masker, reading.columns
            reading = shaped(reading, request, masker)
            self.is_resumed = unfinished is not None and (
                reading.chunks is not None and reading.chunks.plan == unfinished.plan
            )
            extracted = yield from extracting(
                reading,
                self.folder,
                lambda rows, size: self.running.tell("extract", rows, size),
                fingerprint="" if self.is_full else fingerprint,
                unfinished=unfinished,
                pause=self._pause,
            )
            watermark = reading.watermark() or since
        package = Package(
            load_id=str(uuid.uuid4()),
            mode=table.mode,
            is_replacement=since is None,
            cursor=table.tracked_by,
            base_load_id=state.load_id if state else None,
            watermark=watermark if by_cursor else None,
            columns=reading.columns,
            primary_key=table.primary_key,
            files=tuple(str(file.relative_to(self.folder)) for file in extracted.files),
            rows=extracted.rows,
            bytes=extracted.bytes,
            renames=extracted.renames,
            is_sparse=extracted.is_sparse,
            rows_are_unique=extracted.rows_are_unique,
        )
        with storage_errors(self.folder):
            packages.save(self.folder, package)
        return package

    def _publish(self, package: Package) -> "Published | None":
        from pwh_assets.lake import Publish, SyncState

        is_known = package.rows or package.columns or self.lake.has_table(self.schema, self.name)
        if not is_known:
            return None  # no row yet, and the source says nothing about columns
        self.running.tell("publish", package.rows, package.bytes)
        return self._publish_unless_cancelled(
            Publish(
                schema=self.schema,
                table=self.name,
                mode=package.mode,
                files=[self.folder / file for file in package.files],
                columns=package.columns,
                primary_key=package.primary_key,
                renames=package.renames,
                is_replacement=package.is_replacement,
                is_rebuild=package.is_replacement and self.table.resync_reason is not None,
                rows_are_unique=package.rows_are_unique,
                files_are_final=True,
                state=SyncState(
                    table_id=self.table.id,
                    load_id=package.load_id,
                    watermark=package.watermark,
                    row_count=0,
                    at=_now(),
                    cursor=package.cursor,
                ),
            )
        )

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Around calls into the source."""
        source_type = self.platform.sources[self.table.source.source_type]
        with scrubbed(source_type, self.observer.config), storage_errors(self.folder):
            yield

    def _publish_unless_cancelled(self, what: "Publish") -> "Published":
        try:
            return self.lake.publish(what)
        except (Exception, Interrupted):
            if self.running.cause is None or what.state is None:
                raise
            self.running.disarm()
            state = self.lake.state(self.table.id)
            if state is None or state.load_id != what.state.load_id:
                raise
            return self.lake.publish(what)  # it was in already: this only tells what there is


def is_refresh_due(table: SyncedTable, now: datetime | None = None) -> bool:
    """Whether the table's `full_refresh_interval_days` have gone by since everything was read."""
    days = table.options.full_refresh_interval_days
    if days is None or table.mode is SyncMode.FULL or table.last_synced_at is None:
        return False
    since = table.full_synced_at or table.created_at or table.last_synced_at
    return since + timedelta(days=days) <= (now or datetime.now(UTC))


def _source_columns(
    table: SyncedTable, package: Package, done: "Published | None"
) -> tuple[Column, ...]:
    """The columns as the source spells them, with the types the lake has; known ones keep their place."""
    if done is None:
        return ()
    types = {column.name: column.type for column in done.columns}
    known = {column.name: column for column in (*table.columns, *package.columns)}
    found = [
        replace(known.get(name, Column(name, "")), type=types[lake_name])
        for name, lake_name in done.names.items()
    ]
    if package.shows_all_columns:
        return tuple(found)
    fresh = {column.name: column for column in found}
    kept = [fresh.pop(column.name, column) for column in table.columns]
    return (*kept, *fresh.values())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
