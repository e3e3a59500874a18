"""Changes of a stream on their way to the lake: consolidated in memory, spilled to Parquet, bounded.

Of several changes of one row only the last is kept, so a table that is written often costs what it holds, not what
happened to it. A value an update left alone is taken from the change before, else it is looked up in the lake when the
rows are applied: by the key the row had there, its origin.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column
from pwh_assets.sources.base import SqlMasks
from pwh_assets.sources.changes import UNCHANGED, StagedColumn, StreamTable, TableShape
from pwh_assets.sources.moved import Moved
from pwh_assets.sources.staged_values import array_of, clear_sql

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_CHANGES = 500_000
"""After so many changes a batch ends with its transaction."""
MEMORY_BYTES = 128 << 20
"""What all tables of a batch may hold in memory, about; beyond that the largest goes to disk."""
ROW_BYTES = 400
"""What a row costs in memory besides its values, about."""

REPORT_CHANGES, REPORT_EVERY_S = 1000, 0.25
"""After so many changes it is looked whether so much time went by, to tell how far it is."""

SEQUENCE, GONE = "__pwh_seq", "__pwh_gone"


@dataclass(frozen=True, slots=True)
class Spilled:
    """A Parquet file of changes. Columns are `c0`, `c1` … in the order of the shape, after `__pwh_seq` and
    `__pwh_gone`. Where the file has rows with values to be looked up, there are `u<i>`, which says so of column i,
    and `o0`, `o1` …, the key to look them up by.
    """

    file: Path
    columns: tuple[StagedColumn, ...]
    rows: int
    unresolved: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Logged:
    """A Parquet file of every single change: `__pwh_seq`, `op`, `position`, `at`, `unchanged`, then `c0`, `c1` …"""

    file: Path
    columns: tuple[StagedColumn, ...]
    rows: int


@dataclass(slots=True)
class Collected:
    """What a batch has for one table."""

    table: str
    key: tuple[str, ...]
    is_truncated: bool = False
    """Everything that was there before the batch is gone."""
    spilled: list[Spilled] = field(default_factory=list)
    logged: list[Logged] = field(default_factory=list)
    changes: int = 0
    columns: tuple[StagedColumn, ...] = ()
    """Of the last shape, those that are wanted."""


class RowsSpentError(Exception):
    """More rows were staged than there may be. `whole`: the position up to which there were not; empty for none."""

    def __init__(self, whole: str, rows: int) -> None:
        self.whole, self.rows = whole, rows
        super().__init__(f"{rows} rows")


class StagingCollector:
    """A `Collector` that stages in a folder. `finish` gives what came of it."""

    def __init__(
        self,
        folder: Path,
        *,
        logged: frozenset[str] = frozenset(),
        consolidated: frozenset[str] | None = None,
        tables: Sequence[StreamTable] = (),
        unsettled: frozenset[str] = frozenset(),
        batch_changes: int = BATCH_CHANGES,
        memory_bytes: int = MEMORY_BYTES,
        on_rows: Callable[[Mapping[str, int]], None] = lambda rows: None,
        most_rows: int | None = None,
        until: str | None = None,
        masks: Mapping[str, SqlMasks] | None = None,
        moved: Mapping[str, Moved] | None = None,
    ) -> None:
        """Args:
        logged: tables every change of which is kept.
        consolidated: tables whose rows are kept as they are now; None for all.
        tables: what the stream was asked for; columns they do not want are not staged.
        unsettled: tables that were read whole at a later moment than the stream is at: a stored row may be newer
            than a change of it.
        on_rows: told a few times a second how many rows are staged per table; may raise.
        most_rows: with more, it raises RowsSpentError; None for any number.
        until: a transaction begun at this position or later is the last.
        masks: of tables with masked columns, of which nothing clear is staged.
        moved: tables of which it is noted here what rows came and went.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.changes = 0
        self.bytes = 0
        self.reasons: dict[str, str] = {}
        """Tables that have to be read whole again, and why."""
        self._logged, self._consolidated = logged, consolidated
        self._wanted = {table.name: table for table in tables}
        self._masks, self._moved = dict(masks or {}), dict(moved or {})
        self.unsettled = unsettled
        self._batch_changes, self._memory_bytes = batch_changes, memory_bytes
        self._most_rows, self._until, self._whole = most_rows, until, ""
        self._on_rows, self._reported_at = on_rows, time.monotonic()
        self._tables: dict[str, _Table] = {}
        self._files = count()
        self.sequence = count()
        self.position = ""
        self.committed_at: datetime | None = None

    @property
    def is_full(self) -> bool:
        self._check_rows()
        self._whole = self.position
        is_last = self._until is not None and self.position >= self._until
        return is_last or self.changes >= self._batch_changes

    def begin(self, position: str, committed_at: datetime | None) -> None:
        self.position, self.committed_at = position, committed_at

    def stale(self, table: str, reason: str) -> None:
        self.reasons.setdefault(table, reason)

    def shape(self, shape: TableShape) -> "_Table":
        found = self._tables.get(shape.table)
        if found is None:
            found = self._tables[shape.table] = _Table(
                self,
                shape,
                shape.table in self._logged,
                self._consolidated is None or shape.table in self._consolidated,
                self._wanted.get(shape.table),
                self._masks.get(shape.table),
                self._moved.get(shape.table),
            )
        else:
            found.reshape(shape)
        return found

    def finish(self) -> list[Collected]:
        """Everything to disk; the tables that changed."""
        for table in self._tables.values():
            table.spill()
        return [table.collected for table in self._tables.values() if table.collected.changes]

    @property
    def rows(self) -> dict[str, int]:
        """How many rows are staged per table."""
        return {name: table.rows for name, table in self._tables.items()}

    def grown(self, size: int) -> None:
        self.changes += 1
        self.bytes += size
        if self.changes % REPORT_CHANGES == 0:
            self._check_rows()
            self._report()
        if self.bytes > self._memory_bytes:
            largest = max(self._tables.values(), key=lambda table: table.bytes)
            largest.spill()

    def _check_rows(self) -> None:
        most = self._most_rows
        if most is None or 2 * self.changes <= most:  # a change is two rows at most
            return
        rows = sum(self.rows.values())
        if rows > most:
            raise RowsSpentError(self._whole, rows)

    def _report(self) -> None:
        if time.monotonic() - self._reported_at > REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            self._on_rows(self.rows)

    def file(self, kind: str) -> Path:
        return self.folder / f"{kind}-{next(self._files):06d}.parquet"


class _Table:
    """One table's changes since it was spilled last."""

    def __init__(
        self,
        owner: StagingCollector,
        shape: TableShape,
        is_logged: bool,
        is_consolidated: bool,
        wanted: StreamTable | None,
        masks: SqlMasks | None,
        moved: Moved | None,
    ) -> None:
        self.owner, self.wanted, self.masks, self.moved = owner, wanted, masks, moved
        self.is_logged, self.is_consolidated = is_logged, is_consolidated
        self.collected = Collected(shape.table, shape.key)
        self.bytes = 0
        self._rows: dict[tuple[Any, ...], _Row] = {}
        self._log: list[tuple[Any, ...]] = []
        self._take(shape)

    def _take(self, shape: TableShape) -> None:
        self.shape = shape
        names = [column.name for column in shape.columns]
        self._key = tuple(names.index(name) for name in shape.key)
        wanted = self.wanted
        self._kept = [i for i, name in enumerate(names) if wanted is None or wanted.wants(name)]
        self.collected.columns = tuple(shape.columns[i] for i in self._kept)
        if self.moved is not None:
            columns = tuple(shape.columns[i] for i in self._key)
            if self.moved.keys and columns != self.moved.columns:
                self.moved.forget()
            self.moved.columns = columns

    def reshape(self, shape: TableShape) -> None:
        if shape.columns != self.shape.columns or shape.key != self.shape.key:
            self.spill()
            self.collected.key = shape.key
        self._take(shape)

    # -- what the stream says ------------------------------------------------------------------

    def insert(self, row: Sequence[Any]) -> None:
        key = tuple([row[i] for i in self._key])
        size = _size(row)
        if self.is_consolidated:
            self._rows[key] = _Row(next(self.owner.sequence), row, None)
        if self.is_logged:
            self._note("insert", row)
        self._moves(key)
        self._grown(size)

    def update(self, row: Sequence[Any], old_key: tuple[Any, ...] | None = None) -> None:
        key = tuple([row[i] for i in self._key])
        size = _size(row)
        if self.is_consolidated:
            known = self._rows.get(old_key or key)
            origin = None
            if UNCHANGED in row:
                if known is not None and known.values is not None:
                    before = known.values
                    row = [
                        before[i] if value is UNCHANGED else value for i, value in enumerate(row)
                    ]
                    origin = known.origin if UNCHANGED in row else None
                elif known is None:
                    origin = old_key or key
                if (
                    origin is not None
                    and origin != key
                    and self.shape.table in self.owner.unsettled
                ):
                    self.owner.stale(
                        self.shape.table,
                        f"A key of `{self.shape.table}` changed while the table was read, in a row with large values.",
                    )
            sequence = next(self.owner.sequence)
            if old_key is not None and old_key != key:
                self._rows[old_key] = _Row(sequence, None, None)
                sequence = next(self.owner.sequence)
                size += ROW_BYTES
            self._rows[key] = _Row(sequence, row, origin)
        if self.is_logged:
            if old_key is not None and old_key != key:
                self._note("delete", self._only_key(old_key))
                self._note("insert", row)
            else:
                self._note("update", row)
        if old_key is not None and old_key != key:
            self._moves(old_key, key)
        self._grown(size)

    def delete(self, key: tuple[Any, ...]) -> None:
        if self.is_consolidated:
            self._rows[key] = _Row(next(self.owner.sequence), None, None)
        if self.is_logged:
            self._note("delete", self._only_key(key))
        self._moves(key)
        self._grown(ROW_BYTES)

    def truncate(self) -> None:
        if self.is_consolidated:
            self._rows.clear()
            for one in self.collected.spilled:
                one.file.unlink(missing_ok=True)
            self.collected.spilled.clear()
            self.collected.is_truncated = True
        if self.is_logged:
            self._note("truncate", self._only_key(()))
        if self.moved is not None:
            self.moved.forget()
        self._grown(0)

    def _moves(self, *keys: tuple[Any, ...]) -> None:
        if self.moved is not None and self.moved.is_known:
            for key in keys:
                self.moved.add(key)

    # -- to disk -------------------------------------------------------------------------------

    def spill(self) -> None:
        if self._rows:
            self._spill_rows()
        if self._log:
            self._spill_log()
        self.owner.bytes -= self.bytes
        self.bytes = 0

    def _spill_rows(self) -> None:
        import pyarrow as pa

        rows = list(self._rows.items())
        self._rows = {}
        width = len(self.shape.columns)
        blank: list[Any] = [None] * width
        values: list[Sequence[Any]] = []
        open_columns: set[int] = set()
        for key, row in rows:
            if row.values is None:
                line = list(blank)
                for i, part in zip(self._key, key, strict=True):
                    line[i] = part
                values.append(line)
                continue
            values.append(row.values)
            if row.origin is not None:
                open_columns |= {i for i, value in enumerate(row.values) if value is UNCHANGED}
        unresolved = tuple(sorted(open_columns & set(self._kept)))
        arrays: dict[str, pa.Array] = {
            SEQUENCE: pa.array([row.sequence for _, row in rows], pa.int64()),
            GONE: pa.array([row.values is None for _, row in rows], pa.bool_()),
        }
        by_column = list(zip(*values, strict=True))
        for i in unresolved:
            arrays[f"u{i}"] = pa.array([value is UNCHANGED for value in by_column[i]])
        if unresolved:
            origins = [row.origin or key for key, row in rows]
            for place, part in enumerate(zip(*origins, strict=True)):
                arrays[f"o{place}"] = array_of(part, self.shape.columns[self._key[place]])
        self._write("rows", arrays, by_column, len(rows), unresolved)

    def _spill_log(self) -> None:
        import pyarrow as pa

        log, self._log = self._log, []
        sequence, op, position, at, unchanged, rows = zip(*log, strict=True)
        arrays = {
            SEQUENCE: pa.array(sequence, pa.int64()),
            "op": pa.array(op, pa.string()),
            "position": pa.array(position, pa.string()),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "unchanged": pa.array(unchanged, pa.list_(pa.string())),
        }
        self._write("log", arrays, list(zip(*rows, strict=True)), len(log), ())

    def _write(
        self,
        kind: str,
        arrays: "dict[str, pa.Array]",
        by_column: Sequence[Sequence[Any]],
        rows: int,
        unresolved: tuple[int, ...],
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = []
        places = {i: place for place, i in enumerate(self._kept)}
        named = {}
        for name, array in arrays.items():
            is_flag = name[0] == "u" and name[1:].isdigit()
            named[f"u{places[int(name[1:])]}" if is_flag else name] = array
        for i in self._kept:
            column = self.shape.columns[i]
            named[f"c{places[i]}"] = array_of(by_column[i], column)
            columns.append(column)
        file = self.owner.file(kind)
        pq.write_table(self._masked(pa.table(named), columns), file, compression="lz4")
        if kind == "log":
            self.collected.logged.append(Logged(file, tuple(columns), rows))
        else:
            places_open = tuple(places[i] for i in unresolved)
            self.collected.spilled.append(Spilled(file, tuple(columns), rows, places_open))

    def _masked(self, table: "pa.Table", columns: list[StagedColumn]) -> "pa.Table":
        """The table as it may be written; `columns` become those of what is written."""
        clear: dict[str, tuple[str, str]] = {}
        for i, column in enumerate(columns):
            if self.masks is None or not self.masks.covers(column.name):
                continue
            names = [
                f"c{i}",
                *(f"o{p}" for p, key in enumerate(self.shape.key) if key == column.name),
            ]
            clear |= {
                name: (column.name, clear_sql(column, name))
                for name in names
                if name in table.column_names
            }
            (written,) = self.masks.columns([Column(column.name, column.type)])
            columns[i] = StagedColumn(column.name, written.type)
        return self.masks.staged(table, clear) if self.masks is not None and clear else table

    # -- bookkeeping ---------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """Rows that are staged; where only the log is kept, its entries."""
        if self.is_consolidated:
            return len(self._rows) + sum(one.rows for one in self.collected.spilled)
        return len(self._log) + sum(one.rows for one in self.collected.logged)

    def _grown(self, size: int) -> None:
        self.collected.changes += 1
        self.bytes += size
        self.owner.grown(size)

    def _only_key(self, key: tuple[Any, ...]) -> list[Any]:
        row: list[Any] = [None] * len(self.shape.columns)
        for i, part in zip(self._key, key, strict=False):
            row[i] = part
        return row

    def _note(self, op: str, row: Sequence[Any]) -> None:
        owner = self.owner
        names = None
        if UNCHANGED in row:
            columns = self.shape.columns
            names = [columns[i].name for i in self._kept if row[i] is UNCHANGED]
        self._log.append((next(owner.sequence), op, owner.position, owner.committed_at, names, row))


@dataclass(slots=True)
class _Row:
    """`values` of a row as it is last; None when it is gone. `origin`: the key to look up what is UNCHANGED by."""

    sequence: int
    values: Sequence[Any] | None
    origin: tuple[Any, ...] | None


def _size(row: Sequence[Any]) -> int:
    try:
        return ROW_BYTES + sum(map(len, filter(None, row)))
    except TypeError:
        return ROW_BYTES + sum(
            len(v) if isinstance(v, str | bytes | list) else 16 for v in row if v
        )
