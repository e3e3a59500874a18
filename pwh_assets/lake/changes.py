"""Changes of a stream become a project's tables: all tables of a batch and the position reached, in one transaction."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.source import Column
from pwh_assets.lake.attach import ALIAS, Address, literal, quote
from pwh_assets.lake.catalog import existing_tables
from pwh_assets.lake.errors import LakeError, PublishError
from pwh_assets.lake.evolve import Evolution, evolve
from pwh_assets.lake.matching import Equals, equals_of, same
from pwh_assets.lake.publish import Guard, Publish, Published, publish_within
from pwh_assets.lake.staged import lake_names
from pwh_assets.lake.state import STATE, SyncState, read_state, write_state
from pwh_assets.lake.types import canonical, widened

if TYPE_CHECKING:
    import duckdb

_log = logging.getLogger(__name__)

SEQUENCE, GONE = '"__pwh_seq"', '"__pwh_gone"'
LOG_COLUMNS = {
    "_pwh_op": "VARCHAR",
    "_pwh_position": "VARCHAR",
    "_pwh_seq": "BIGINT",
    "_pwh_committed_at": "TIMESTAMP WITH TIME ZONE",
    "_pwh_unchanged": "VARCHAR[]",
}
"""What a table of every change has before the columns of its table."""


@dataclass(frozen=True, slots=True)
class ChangeColumn:
    """A staged column: `here` makes the lake's `type` of what is staged; see `sources.changes.StagedColumn`."""

    name: str
    type: str
    here: str = "{0}"
    fits: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeFile:
    """Staged changes; the layout is that of `sources.collecting.Spilled`, for a log that of `Logged`."""

    file: Path
    columns: tuple[ChangeColumn, ...]
    unresolved: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TableBatch:
    """What a batch has for one table. Files are in the order of the stream."""

    table_id: str
    schema: str
    table: str
    key: tuple[str, ...]
    cursor: str
    """What the table's state says it is synced by."""
    snapshot: Publish | None = None
    """Rows that take the place of all there are, before the changes are applied."""
    is_truncated: bool = False
    files: tuple[ChangeFile, ...] = ()
    log_table: str | None = None
    """Where every change is added, in the same schema."""
    log_files: tuple[ChangeFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of one stream. `base` is where the lake has to be for it: None for a stream that never was applied."""

    stream_id: str
    base: str | None
    position: str
    load_id: str
    at: datetime
    identity: str
    """Which stream of the source the position belongs to."""
    tables: tuple[TableBatch, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch did to one table. Names are the lake's; see `Published`."""

    rows_written: int
    rows_deleted: int
    row_count: int
    columns: tuple[Column, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    columns_added: tuple[str, ...] = ()
    columns_widened: tuple[str, ...] = ()
    holes: int = 0
    """Rows with a value that the stream took for known and the lake does not have."""


class StreamMovedError(LakeError):
    """Another run applied changes of this stream in between; nothing of this batch was."""

    code = "stream_moved"
    retryable = True

    def __init__(self, expected: str | None, found: str | None) -> None:
        super().__init__(
            f"The stream was read from `{expected}`, but the lake is at `{found}` by now. Sync again: it goes on there."
        )


def apply(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    batch: Batch,
    guard: Guard | None = None,
) -> dict[str, Applied]:
    """Apply a batch over a read-write connection that holds the lake's lock. Everything or nothing happens.

    Raises:
        StreamMovedError: the lake is not where the batch begins.
        PublishError: values do not fit their types.
    """
    import duckdb

    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("BEGIN")
    try:
        known = read_state(connection, batch.stream_id)
        at = known.watermark if known else None
        if at != batch.base:
            raise StreamMovedError(batch.base, at)
        done = {
            table.table_id: _apply_table(connection, address, batch, table, guard)
            for table in batch.tables
        }
        state = SyncState(
            batch.stream_id, batch.load_id, batch.position, 0, batch.at, batch.identity
        )
        write_state(connection, state)
        connection.execute("COMMIT")
    except duckdb.ConversionException as error:
        _rollback(connection)
        text = str(error).replace("Conversion Error: ", "").split("\n", 1)[0].rstrip(". :")
        raise PublishError(
            f"Changes do not fit the types of their columns: {text}. Nothing was changed."
        ) from None
    except BaseException:
        _rollback(connection)
        raise
    return done


def forget(connection: "duckdb.DuckDBPyConnection", ids: Sequence[str]) -> None:
    """Forget where these tables and streams are; their rows stay."""
    words = ", ".join(map(literal, ids))
    if words:
        connection.execute(f"DELETE FROM {STATE} WHERE table_id IN ({words})")


def _rollback(connection: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
        connection.execute("ROLLBACK")


def _apply_table(
    connection: "duckdb.DuckDBPyConnection",
    address: Address,
    batch: Batch,
    what: TableBatch,
    guard: Guard | None,
) -> Applied:
    done: Applied | None = None
    if what.snapshot is not None:
        done = _of_published(publish_within(connection, address, what.snapshot, guard))
    if what.files or what.is_truncated:
        merged = _Merge(connection, address, what).run()
        written = merged.rows_written + (done.rows_written if done else 0)
        done = replace(merged, rows_written=written)
    if what.log_table is not None:
        log = replace(what, table=what.log_table, files=what.log_files, snapshot=None)
        logged = _Merge(connection, address, log).append(batch)
        done = done or logged
        if guard is not None:
            guard(connection, what.schema, what.log_table)
    if done is None:
        done = Applied(0, 0, 0, ())
    if guard is not None and what.files:
        kept_out = guard(connection, what.schema, what.table)
        done = replace(done, row_count=done.row_count - kept_out)
    state = SyncState(
        what.table_id, batch.load_id, batch.position, done.row_count, batch.at, what.cursor
    )
    write_state(connection, state)
    return done


def _of_published(done: Published) -> Applied:
    return Applied(
        done.rows_written,
        0,
        done.row_count,
        done.columns,
        done.names,
        done.columns_added,
        done.columns_widened,
    )


class _Merge:
    """One table's part of a batch."""

    def __init__(
        self, connection: "duckdb.DuckDBPyConnection", address: Address, what: TableBatch
    ) -> None:
        self.connection, self.what = connection, what
        self.target = f"{ALIAS}.{quote(what.schema)}.{quote(what.table)}"
        # The catalog's tables do not show what this transaction made.
        self.exists = what.snapshot is not None or (what.schema.lower(), what.table.lower()) in {
            (schema.lower(), table.lower())
            for schema, table in existing_tables(connection, address)
        }
        self.files = [self._settled(file) for file in what.files]
        self.current = self._describe() if self.exists else {}
        declared: dict[str, str] = {}
        for file in self.files:
            kinds = canonical(connection, [column.type for column in file.columns])
            for column, kind in zip(file.columns, kinds, strict=True):
                old = declared.get(column.name)
                declared[column.name] = kind if old is None else _wider(old, kind)
        self.declared = declared
        self.names = lake_names(list(declared), list(self.current))

    def run(self) -> Applied:
        """Rows as they are now."""
        change = self._evolve({})
        deleted = holes = written = 0
        if self.what.is_truncated:
            deleted += self._execute(f"DELETE FROM {self.target}")
        for wave in self._waves():
            more, gone, open_ones = self._wave(wave, change.types)
            written, deleted, holes = written + more, deleted + gone, holes + open_ones
        return self._applied(change, written, deleted, holes)

    def append(self, batch: Batch) -> Applied:
        """Every change as a row of its own."""
        change = self._evolve(LOG_COLUMNS)
        written = 0
        for file in self.files:
            values = [
                '"op"',
                '"position"',
                SEQUENCE,
                '"at"',
                '"unchanged"',
                *(self._value(file, name, kind) for name, kind in self._own(change)),
            ]
            columns = ", ".join(map(quote, [*LOG_COLUMNS, *(n for n, _ in self._own(change))]))
            written += self._execute(
                f"INSERT INTO {self.target} ({columns}) SELECT {', '.join(values)} "
                f"FROM {_read(file.file)}"
            )
        return self._applied(change, written, 0, 0)

    # -- columns -------------------------------------------------------------------------------

    def _own(self, change: Evolution) -> list[tuple[str, str]]:
        return [(name, kind) for name, kind in change.types.items() if name not in LOG_COLUMNS]

    def _settled(self, file: ChangeFile) -> ChangeFile:
        """With texts where a value does not fit the type it should have."""
        tests = [
            (i, column.fits.replace("{0}", f"c{i}"))
            for i, column in enumerate(file.columns)
            if column.fits is not None
        ]
        if not tests:
            return file
        words = ", ".join(f"bool_and({test})" for _, test in tests)
        row = self.connection.execute(f"SELECT {words} FROM {_read(file.file)}").fetchone() or ()
        columns = list(file.columns)
        for (i, _), fits in zip(tests, row, strict=True):
            if fits is False:
                columns[i] = ChangeColumn(columns[i].name, "VARCHAR")
        return replace(file, columns=tuple(columns))

    def _evolve(self, fixed: Mapping[str, str]) -> Evolution:
        types = {**fixed, **self.current}
        for name, kind in self.declared.items():
            lake_name = self.names[name]
            old = types.get(lake_name)
            types[lake_name] = kind if old is None else _wider(old, kind)
        change = Evolution(
            before=self.current,
            types=types,
            added=tuple(name for name in types if name not in self.current),
            widened=tuple(name for name, kind in self.current.items() if types[name] != kind),
            missing=(),
        )
        if types and (not self.exists or change.is_any):
            evolve(
                self.connection,
                self.what.schema,
                self.what.table,
                change,
                is_replaced=False,
            )
        return change

    def _value(self, file: ChangeFile, lake_name: str, kind: str) -> str:
        """SQL of one column of the lake out of a staged file."""
        for i, column in enumerate(file.columns):
            if self.names[column.name] == lake_name:
                inner = column.here.replace("{0}", f"c{i}")
                return f"CAST(CAST({inner} AS {column.type}) AS {kind})"
        return f"CAST(NULL AS {kind})"

    # -- rows ----------------------------------------------------------------------------------

    def _waves(self) -> list[list[ChangeFile]]:
        """Files that may be applied together: values to be looked up must be those before the file."""
        waves: list[list[ChangeFile]] = []
        for file in self.files:
            if not waves or file.unresolved:
                waves.append([])
            waves[-1].append(file)
        return waves

    def _wave(self, files: Sequence[ChangeFile], types: Mapping[str, str]) -> tuple[int, int, int]:
        """Rows written, rows deleted, rows with a value that was not found."""
        key = [self.names[name] for name in self.what.key]
        keys = ", ".join(map(quote, key))
        first, holes = files[0], 0
        only_keys = self._keys(files, types, key)
        before = [f"__pwh_o{place}" for place in range(len(key))]
        equals = equals_of(self.connection, only_keys, key, before)
        source = self._last_per_key(files, types, only_keys, equals)
        if first.unresolved:
            holes = self._resolve(source, types, equals)
            source = "SELECT * FROM pwh_resolved"
        matches = same("t", "s", equals)
        deleted = self._execute(
            f"DELETE FROM {self.target} AS t USING (SELECT {keys} FROM ({source})) AS s WHERE {matches}"
        )
        columns = ", ".join(map(quote, types))
        written = self._execute(
            f"INSERT INTO {self.target} ({columns}) SELECT {columns} FROM ({source}) WHERE NOT {GONE}"
        )
        gone = self._execute(f"SELECT count(*) FROM ({source}) WHERE {GONE}")
        return written, min(deleted, gone), holes

    def _keys(
        self, files: Sequence[ChangeFile], types: Mapping[str, str], key: Sequence[str]
    ) -> str:
        """SQL of the staged rows' keys."""
        kinds = {name: types[name] for name in key}
        return " UNION ALL ".join(self._select(file, kinds, key) for file in files)

    def _last_per_key(
        self,
        files: Sequence[ChangeFile],
        types: Mapping[str, str],
        only_keys: str,
        equals: Equals,
    ) -> str:
        """SQL of the staged rows, of those with the same key only the last."""
        keys = ", ".join(map(quote, equals))
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE pwh_repeated AS SELECT {keys}, max({SEQUENCE}) AS {SEQUENCE} "
            f"FROM ({only_keys}) GROUP BY {keys} HAVING count(*) > 1"
        )
        rows = " UNION ALL ".join(self._select(file, types, list(equals)) for file in files)
        if not self._execute("SELECT count(*) FROM pwh_repeated"):
            return rows
        return (
            f"SELECT s.* FROM ({rows}) s WHERE NOT EXISTS (SELECT 1 FROM pwh_repeated r "
            f"WHERE {same('r', 's', equals)} AND r.{SEQUENCE} > s.{SEQUENCE})"
        )

    def _select(self, file: ChangeFile, types: Mapping[str, str], key: Sequence[str]) -> str:
        words = [
            f"{self._value(file, name, kind)} AS {quote(name)}" for name, kind in types.items()
        ]
        words += [SEQUENCE, GONE]
        unresolved = {self.names[file.columns[i].name]: i for i in file.unresolved}
        for place, name in enumerate(types):
            flag = f"u{unresolved[name]}" if name in unresolved else "false"
            words.append(f"{flag} AS __pwh_u{place}")
        for place, name in enumerate(key):
            kind = types[name]
            origin = self._value(file, name, kind)
            if file.unresolved:
                i = next(
                    i for i, column in enumerate(file.columns) if self.names[column.name] == name
                )
                column = file.columns[i]
                inner = column.here.replace("{0}", f"o{place}")
                origin = f"CAST(CAST({inner} AS {column.type}) AS {kind})"
            words.append(f"{origin} AS __pwh_o{place}")
        return f"SELECT {', '.join(words)} FROM {_read(file.file)}"

    def _resolve(self, source: str, types: Mapping[str, str], equals: Equals) -> int:
        """Fill in values the stream left out, from the rows as they are stored."""
        run = self.connection.execute
        matches = " AND ".join(
            f"t.{quote(name)} {equal} s.__pwh_o{place}"
            for place, (name, equal) in enumerate(equals.items())
        )
        flags = [f"s.__pwh_u{place}" for place in range(len(types))]
        is_open = " OR ".join(flags)
        words = ", ".join(
            f"CASE WHEN {flag} THEN t.{quote(name)} ELSE s.{quote(name)} END AS {quote(name)}"
            for flag, name in zip(flags, types, strict=True)
        )
        run(
            f"CREATE OR REPLACE TEMP TABLE pwh_resolved AS SELECT {words}, s.{SEQUENCE}, s.{GONE}, "
            f"(NOT s.{GONE} AND ({is_open}) AND t.rowid IS NULL) AS __pwh_hole "
            f"FROM ({source}) s LEFT JOIN {self.target} t ON ({is_open}) AND {matches}"
        )
        row = run("SELECT count(*) FROM pwh_resolved WHERE __pwh_hole").fetchone()
        return int(row[0]) if row else 0

    # -- bookkeeping ---------------------------------------------------------------------------

    def _applied(self, change: Evolution, written: int, deleted: int, holes: int) -> Applied:
        count = self.connection.execute(f"SELECT count(*) FROM {self.target}").fetchone()
        return Applied(
            rows_written=written,
            rows_deleted=deleted,
            row_count=int(count[0]) if count else 0,
            columns=tuple(Column(name, kind) for name, kind in change.types.items()),
            names=self.names,
            columns_added=change.added if self.exists else (),
            columns_widened=change.widened,
            holes=holes,
        )

    def _execute(self, statement: str) -> int:
        row = self.connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def _describe(self) -> dict[str, str]:
        rows = self.connection.execute(f"DESCRIBE {self.target}").fetchall()
        return {str(row[0]): str(row[1]) for row in rows}


def _wider(old: str, new: str) -> str:
    """As `widened`, but whole numbers beside floats become text, which keeps all digits."""
    kind = widened(old, new)
    if kind == "DOUBLE" and old != new and {old, new} & {"BIGINT", "HUGEINT", "UBIGINT"}:
        return "VARCHAR"
    return kind


def _read(file: Path) -> str:
    return f"read_parquet({literal(str(file))}, hive_partitioning = false)"
