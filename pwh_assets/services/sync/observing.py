"""What a sync finds out besides its rows: drift, deletes at the source, and whether both sides agree."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.job import ChangeKind, Reconciliation, SchemaChange
from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, SyncedTable, SyncMode
from pwh_assets.lake.attach import quote
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync import drift
from pwh_assets.services.sync.deletes import remove_gone
from pwh_assets.services.sync.masking import Masker
from pwh_assets.services.sync.package import Package
from pwh_assets.services.sync.reconciliation import is_due, reconcile
from pwh_assets.services.sync.running import Running
from pwh_assets.sources.base import ReadRequest, SourceType

if TYPE_CHECKING:
    from pwh_assets.lake import Lake, Published

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """What one sync found. `filled` are columns that have values again."""

    changes: tuple[SchemaChange, ...] = ()
    available: tuple[Column, ...] = ()
    filled: frozenset[str] = frozenset()
    reconciliation: Reconciliation | None = None
    rows_deleted: int = 0
    row_count: int | None = None


@dataclass
class Observer:
    """Follows one sync through its steps."""

    platform: Platform
    table: SyncedTable
    running: Running
    source_type: SourceType | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    request: ReadRequest | None = None
    columns: tuple[Column, ...] = ()
    """As the source declares them, before masks."""
    masker: Masker | None = None
    _mark: str | None = None
    _filled: drift.Filled = drift.Filled(0, frozenset(), frozenset())
    _gone: tuple[SchemaChange, ...] = ()

    @property
    def lake(self) -> "Lake":
        return self.platform.lakes.of(self.table.project_id)

    def before_reading(
        self, source_type: SourceType, config: Mapping[str, Any], request: ReadRequest
    ) -> None:
        self.source_type, self.config, self.request = source_type, config, request
        if request.mode is SyncMode.FULL and hasattr(source_type, "reconcile"):
            self._mark = self._probed()

    def before_publish(self, package: Package, folder: Path) -> None:
        """Look at the staged rows while the lake still has those from before."""
        if not package.rows:
            return
        files = [folder / file for file in package.files]
        with self.lake.read(is_short=True) as connection:
            found = drift.filled(connection, files, package.renames)
        declared = {column.name for column in self.columns}
        # A column of which every value is NULL may not be in the files at all.
        absent = {
            column.name
            for column in self.table.columns
            if column.name not in found.names and (column.name in declared or package.is_sparse)
        }
        self._filled = replace(found, empty=found.empty | absent)
        schema, name = self.table.source.slug, slug(self.table.name)
        if self._filled.empty and self.lake.has_table(schema, name):
            with self.lake.read() as connection:
                place = f"{quote(schema)}.{quote(name)}"
                self._gone = tuple(drift.gone_null(connection, self.table, place, self._filled))

    def after_publish(self, package: Package, done: "Published | None", folder: Path) -> Observed:
        changes = [*self._changes(package, done), *self._gone]
        rows, deleted = (done.row_count if done else None), 0
        request, source_type = self.request, self.source_type
        if done is None or request is None or source_type is None:
            return Observed(tuple(changes), self._available(), self._filled.filled)
        if self.table.options.detect_deletes and not package.is_replacement:
            deleted, rows = remove_gone(
                self.lake, self.table, source_type, self.config, self.masker, folder, self.running
            )
        return Observed(
            tuple(changes),
            self._available(),
            self._filled.filled,
            self._reconciled(package, rows or 0),
            deleted,
            rows,
        )

    def _reconciled(self, package: Package, rows: int) -> Reconciliation | None:
        assert self.source_type is not None
        assert self.request is not None
        if not hasattr(self.source_type, "reconcile"):
            return None
        last = self.platform.store.reconciliations(self.table.project_id).get(self.table.id)
        is_whole = self.table.mode is SyncMode.FULL
        if not is_due(rows, package.is_replacement and not is_whole, last):
            return None
        if not is_whole and package.watermark is None:
            return None
        self.running.tell("reconcile", rows)
        marks = iter([self._mark])
        return reconcile(
            self.lake,
            self.table,
            self.source_type,
            self.config,
            self.request,
            None if is_whole else package.watermark,
            self.masker,
            lambda: next(marks, None) or self._probed(),
        )

    def _probed(self) -> str | None:
        assert self.source_type is not None
        assert self.request is not None
        try:
            return self.source_type.probe(self.config, [self.request]).get(self.request.table)
        except Exception as error:  # only a hint
            log.debug("probe failed: %s", type(error).__name__)
            return None

    def _changes(self, package: Package, done: "Published | None") -> list[SchemaChange]:
        if self.columns:
            return drift.changes_at_source(self.table, self.columns, self._wants())
        if done is None:
            return []
        types = {column.name: column.type for column in done.columns}
        missing = done.columns_missing if package.shows_all_columns else ()
        return drift.changes_in_lake(
            self.table, done.columns_added, done.columns_widened, missing, types
        )

    def _available(self) -> tuple[Column, ...]:
        return drift.after_sync(self.table.available, self.columns, self._wants())

    def _wants(self) -> dict[str, bool]:
        request = self.request
        if request is None:
            return {}
        return {
            column.name: request.wants(column.name)
            for column in (*self.table.available, *self.columns)
        }


def fresh_changes(
    found: tuple[SchemaChange, ...], known: list[SchemaChange]
) -> tuple[SchemaChange, ...]:
    """Without those that are open already: a column is told to have gone NULL once."""
    told = {(change.column, change.kind) for change in known}
    return tuple(
        change
        for change in found
        if change.kind is not ChangeKind.ALL_NULL or (change.column, change.kind) not in told
    )
