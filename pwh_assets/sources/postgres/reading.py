"""One table's rows: the query, its bounds, and the chunks or Arrow batches that come back."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg import sql

from pwh_assets.core.options import RowFilter
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import SourceAccessError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.cursors import check_cursor, cursor_of
from pwh_assets.sources.errors import TableMissingError
from pwh_assets.sources.postgres import xmin
from pwh_assets.sources.postgres.bounds import upper_bound
from pwh_assets.sources.postgres.catalog import PgColumn, PgTable, lake_column, tables
from pwh_assets.sources.postgres.chunks import TableChunks
from pwh_assets.sources.postgres.connection import (
    attached,
    connected,
    literal,
    place,
    quoted_name,
)
from pwh_assets.sources.postgres.dividing import Division, divided
from pwh_assets.sources.postgres.types import SQL_TYPES, TEXT

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

_log = logging.getLogger(__name__)

BATCH_BYTES = 64 << 20
_ROW_BYTES = """
SELECT CASE WHEN c.reltuples > 0 THEN pg_table_size(c.oid) / c.reltuples
    ELSE (SELECT avg(pg_column_size(s)) FROM (SELECT {columns} FROM {relation} LIMIT 50) s) END
FROM pg_class c WHERE c.oid = {oid} AND c.relkind IN ('r', 'm')
"""
"""Bytes per row, large values included; of a table that was never analyzed by its first rows."""


@dataclass(slots=True)
class TableReader:
    """Reads one table once. `watermark` is set after the last row was taken."""

    config: Mapping[str, Any]
    request: ReadRequest
    table: PgTable
    watermark: str | None = None
    chunks: TableChunks | None = None
    """How the rows come when they may be written in chunks."""

    @classmethod
    def open(cls, config: Mapping[str, Any], request: ReadRequest) -> "TableReader":
        """Look at the table as it is now and settle every column's type.

        Raises:
            TableMissingError, CursorMissingError, CursorTypeError, CursorChangedError: what the request names is not
                there, or not what it was.
            SourceAccessError, SourceUnavailableError.
        """
        with connected(config) as connection:
            table = find_table(connection, config, request.table)
            check_cursor(request, table.columns)
            reader = cls(config, request, table)
            wanted = tuple(column for column in table.columns if request.wants(column.name))
            reader.table = replace(table, columns=wanted)
            reader.table = replace(table, columns=reader._settled(connection))
            if request.may_chunk:
                reader._plan(connection)
            return reader

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(lake_column(column) for column in self.table.columns)

    @property
    def rows_expected(self) -> int | None:
        """The server's estimate of a read of everything; it has none for a part."""
        is_part = self.request.lower is not None or self.request.filters
        return None if is_part else self.table.row_estimate

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables of at most `batch_rows` rows, all from one snapshot taken after the bound."""
        import pyarrow as pa

        with connected(self.config) as connection:
            bound = self._bound(connection)
            batch_rows = self._batch_rows(connection)
        rows = 0
        with attached(self.config) as here:
            for batch in here.execute(self.query(bound)).to_arrow_reader(batch_rows):
                rows += batch.num_rows
                yield pa.Table.from_batches([batch])
        self.watermark = bound
        _log.info("read table=%s mode=%s rows=%d", self.table.name, self.request.mode.value, rows)

    def _plan(self, connection: "psycopg.Connection[Any]") -> None:
        """Take up the plan of a dead run if the table still is what it was made for, or make one."""
        columns = [[column.name, column.typed.lake] for column in self.table.columns]
        left = self.request.unfinished
        row_bytes = self._row_bytes(connection)
        if left and (left.plan.get("columns"), left.plan.get("oid")) == (columns, self.table.oid):
            self._touch(connection)
            self.chunks = TableChunks(self, left.plan, left.done, row_bytes)
            return
        bound = self._bound(connection)
        division = divided(
            connection,
            self.table,
            self.relation,
            self.request,
            self.cursor_column(),
            bound,
            self._where(bound),
        )
        plan = {
            "bound": bound,
            "by": division.by,
            "column": division.column,
            "ends": list(division.ends),
            "columns": columns,
            "oid": self.table.oid,
            "key_is_unique": bool(self.table.primary_key)
            and not self.table.has_children
            and set(self.table.primary_key) <= set(self.request.primary_key),
        }
        self.chunks = TableChunks(self, plan, (), row_bytes)

    def condition(self, division: Division, number: int) -> str:
        """Which rows one piece has, among those that are wanted."""
        column = next((c for c in self.table.columns if c.name == division.column), None)
        return division.condition(
            number, quoted_name(division.column), column is not None and column.is_nullable
        )

    def cursor_column(self) -> PgColumn | None:
        """The column to sync by; None when the whole table is read."""
        return cursor_of(self.request, self.table.columns)

    def _settled(self, connection: "psycopg.Connection[Any]") -> tuple[PgColumn, ...]:
        """What may not fit its type stays what it was read as, or becomes that where a value to be read needs it."""
        stored = {column.name: column.type for column in self.request.columns}
        columns = list(self.table.columns)
        asked = [i for i, column in enumerate(columns) if column.typed.fits]
        others = {i: columns[i].typed.otherwise or TEXT for i in asked}
        settled = {i for i in asked if stored.get(columns[i].name) in ("VARCHAR", others[i].lake)}
        tests = [
            f"bool_and({columns[i].typed.fits.format(quoted_name(columns[i].name))})"  # type: ignore[union-attr]
            for i in asked
            if i not in settled
        ]
        fits = iter(self._fits(connection, tests))
        for i in asked:
            if i in settled or next(fits) is False:
                kind = columns[i].typed.cursor_kind
                columns[i] = replace(columns[i], typed=replace(others[i], cursor_kind=kind))
        return tuple(columns)

    def _fits(self, connection: "psycopg.Connection[Any]", tests: list[str]) -> Sequence[Any]:
        if not tests:
            return ()
        query = f"SELECT {', '.join(tests)} FROM {self.relation}{self._where(None)}"
        return connection.execute(query.encode()).fetchone() or ()

    def _bound(self, connection: "psycopg.Connection[Any]") -> str | None:
        """The new watermark, at least the old one."""
        self._touch(connection)
        if self.request.mode is SyncMode.XMIN:
            return xmin.bound(connection, self.table)
        column = self.cursor_column()
        if column is None:
            return None
        found = upper_bound(
            connection,
            sql.Identifier(self.config["schema"], self.table.name),
            self.table.oid,
            column.name,
            column.typed.cursor_kind or "",
            self.request.mode is SyncMode.APPEND,
        )
        if found is None or self.request.since is None:
            return found or self.request.since
        kind = SQL_TYPES[column.typed.cursor_kind or "number"]
        query = f"SELECT greatest({literal(found)}::{kind}, {literal(self.request.since)}::{kind})::text"
        row = connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else found

    def _touch(self, connection: "psycopg.Connection[Any]") -> None:
        """Where a missing permission or a lock shows."""
        connection.execute(f"SELECT 1 FROM {self.relation} LIMIT 0".encode())

    def _batch_rows(self, connection: "psycopg.Connection[Any]") -> int:
        """As many rows as were asked for, fewer where rows are so wide that they would fill the memory."""
        rows = int(BATCH_BYTES / self._row_bytes(connection))
        return max(1_000, min(self.request.batch_rows, rows))

    def _row_bytes(self, connection: "psycopg.Connection[Any]") -> float:
        columns = ", ".join(quoted_name(column.name) for column in self.table.columns)
        query = _ROW_BYTES.format(columns=columns, relation=self.relation, oid=self.table.oid)
        row = connection.execute(query.encode()).fetchone()
        return max(1.0, float(row[0] or 0)) if row else 1.0

    def _where(self, bound: str | None, piece: str = "") -> str:
        """The condition of a query, of one piece of the rows or of all."""
        known = {column.name: column for column in self.table.columns}
        filters = [filter_sql(one, known.get(one.column)) for one in self.request.filters]
        words = [word for word in (self._by_cursor(bound), *filters, piece) if word]
        return " WHERE " + " AND ".join(f"({word})" for word in words) if words else ""

    def _by_cursor(self, bound: str | None) -> str:
        """Which rows: all, those at or past the watermark, or for appending those between both ends.

        Rows without a cursor value have no place in the order: merging reads them every time, appending
        takes them the first time.
        """
        if self.request.mode is SyncMode.XMIN:
            return xmin.condition(self.request.since, bound)
        column = self.cursor_column()
        if column is None:
            return ""
        name, since = quoted_name(column.name), self.request.since
        nulls = f" OR {name} IS NULL" if column.is_nullable else ""
        if self.request.mode is SyncMode.INCREMENTAL:
            lower = self.request.lower
            return f"{name} >= {literal(lower)}{nulls}" if lower is not None else ""
        if since is None:
            return f"{name} <= {literal(bound)}{nulls}" if bound is not None else ""
        upper = f" AND {name} <= {literal(bound)}" if bound is not None else ""
        return f"{name} > {literal(since)}{upper}"

    def query(self, bound: str | None, piece: str = "", *, is_exact: bool = False) -> str:
        """DuckDB's SQL for the rows, with the source's names. Exact ones have the lake's types already: as Arrow
        there is none for JSON.
        """
        columns = self.table.columns
        condition = self._where(bound, piece)
        if self.cursor_column() and self.request.mode is SyncMode.APPEND and bound is None:
            condition = " WHERE false"
        on_server = ", ".join(
            f"{column.typed.on_server.format(quoted_name(column.name))} AS c{i}"
            for i, column in enumerate(columns)
        )
        values = [column.typed.here.format(f"c{i}") for i, column in enumerate(columns)]
        if is_exact:
            values = [
                f"CAST({value} AS {c.typed.lake})" for value, c in zip(values, columns, strict=True)
            ]
        masks = self.request.masks
        if is_exact and masks is not None:
            values = [
                masks.sql(c.name, value) if masks.covers(c.name) else value
                for value, c in zip(values, columns, strict=True)
            ]
        aliases = self.aliases if is_exact else {}
        here = ", ".join(
            f"{value} AS {quoted_name(aliases.get(column.name, column.name))}"
            for value, column in zip(values, columns, strict=True)
        )
        query = f"SELECT {on_server} FROM {self.relation}{condition}"
        return f"SELECT {here} FROM postgres_query('pg', {literal(query)})"

    @property
    def aliases(self) -> dict[str, str]:
        """What columns are called in files whose names differ from another's by case alone: DuckDB's COPY would take
        them for one name and number them.
        """
        names = [column.name for column in self.table.columns]
        seen: set[str] = set()
        found: dict[str, str] = {}
        for name in names:
            if name.lower() in seen:
                found[name] = alias_of(name, {*names, *found.values()})
            seen.add(name.lower())
        return found

    @property
    def relation(self) -> str:
        return f"{quoted_name(self.config['schema'])}.{quoted_name(self.table.name)}"


def alias_of(name: str, taken: Collection[str]) -> str:
    """A name that no other is, whatever the case of its letters.

    >>> alias_of("id", ["ID", "id"]), alias_of("id", ["ID", "id", "Id (2)"])
    ('id (2)', 'id (3)')
    """
    lower, number = {one.lower() for one in taken}, 2
    while f"{name} ({number})".lower() in lower:
        number += 1
    return f"{name} ({number})"


def filter_sql(one: RowFilter, column: PgColumn | None) -> str:
    r"""A row filter on the server. Texts have the order of their characters' numbers, as elsewhere in the product.

    >>> filter_sql(RowFilter("plan", "NOT IN", ("free", "trial")), None)
    '"plan" NOT IN (\'free\', \'trial\')'
    """
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    words = [literal(str(v).lower() if isinstance(v, bool) else v) for v in values]
    name = quoted_name(one.column)
    if column is not None and column.typed.lake == "VARCHAR":
        name = column.typed.on_server.format(name)
        if one.operator[0] in "<>":
            name = f'{name} COLLATE "C"'
    if one.operator in ("IN", "NOT IN"):
        return f"{name} {one.operator} ({', '.join(words) or 'NULL'})"
    return f"{name} {one.operator} {words[0]}"


def find_table(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], name: str
) -> PgTable:
    """The relation as it is now.

    Raises:
        TableMissingError: there is none.
        SourceAccessError: there is one that our user may not read.
    """
    for table in tables(connection, config["schema"], name):
        return table
    relation = f"{quoted_name(config['schema'])}.{quoted_name(name)}"
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [relation]).fetchone()
    if row and row[0]:
        raise SourceAccessError(
            f"{place(config)} does not let `{config['user']}` read `{name}`: permission denied for table {name}. "
            f"Grant it: `GRANT SELECT ON {relation} TO {quoted_name(str(config['user']))}`."
        )
    raise TableMissingError(f"{config['schema']}.{name}", place(config))
