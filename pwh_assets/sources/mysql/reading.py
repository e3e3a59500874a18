"""One table's rows: the query, its bounds, and the Arrow batches that come back."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import SourceAccessError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.conditions import conditions
from pwh_assets.sources.cursors import check_cursor, cursor_of
from pwh_assets.sources.errors import TableMissingError
from pwh_assets.sources.mysql.bounds import upper_bound
from pwh_assets.sources.mysql.catalog import MyColumn, MyTable, lake_column, tables
from pwh_assets.sources.mysql.connection import (
    connected,
    fetched,
    literal,
    place,
    quoted_name,
    schema_of,
)
from pwh_assets.sources.mysql.decoding import decoded
from pwh_assets.sources.mysql.types import TEXT
from pwh_assets.sources.mysql.wire import Query

if TYPE_CHECKING:
    import pyarrow as pa

SNAPSHOT = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"

_SQL_TYPES = {
    "instant": "DATETIME(6)",
    "clock": "DATETIME(6)",
    "day": "DATE",
    "number": "DECIMAL(65,30)",
}
"""In what type values of a cursor kind are compared."""

_NUMBER = re.compile(r"-?[0-9]+([.][0-9]+)?")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class TableReader:
    """Reads one table once. `watermark` is set after the last row was taken."""

    config: Mapping[str, Any]
    request: ReadRequest
    table: MyTable
    watermark: str | None = None

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
            columns = tuple(column for column in table.columns if request.wants(column.name))
            reader.table = replace(table, columns=columns)
            reader.table = replace(table, columns=reader._settled(connection))
            return reader

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(lake_column(column) for column in self.table.columns)

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables, all from one snapshot taken after the bound."""
        with connected(self.config) as connection:
            bound = self.bound(connection)
            begin_snapshot(connection)
            rows = 0
            for batch in self.selected(connection, self.where(bound)):
                rows += batch.num_rows
                yield batch
        self.watermark = bound
        _log.info("read table=%s mode=%s rows=%d", self.table.name, self.request.mode.value, rows)

    def selected(self, connection: Any, condition: str) -> Iterator["pa.Table"]:
        """The rows under this condition, a few megabytes at a time."""
        asked = ", ".join(
            f"{column.typed.on_server.format(quoted_name(column.name))} AS c{number}"
            for number, column in enumerate(self.table.columns)
        )
        query = Query(connection, f"SELECT {asked} FROM {self.relation}{condition}")
        columns = [(column.name, column.typed.lake) for column in self.table.columns]
        who = f"`{self.table.name}` at {place(self.config)}"
        for rows in query.rows():
            yield decoded(rows, query.fields, columns, who)

    def cursor_column(self) -> MyColumn | None:
        """The column to sync by; None when the whole table is read."""
        return cursor_of(self.request, self.table.columns)

    def _settled(self, connection: Any) -> tuple[MyColumn, ...]:
        """What may not fit stays text where it was text, or where a value to be read needs it."""
        were_text = {column.name for column in self.request.columns if column.type == "VARCHAR"}
        columns = list(self.table.columns)
        asked = [i for i, column in enumerate(columns) if column.typed.fits]
        tests = [
            f"MIN({columns[i].typed.fits.format(quoted_name(columns[i].name))})"  # type: ignore[union-attr]
            for i in asked
            if columns[i].name not in were_text
        ]
        fits: Iterator[Any] = iter(())
        if tests:
            query = f"SELECT {', '.join(tests)} FROM {self.relation}{self._unbounded()}"
            fits = iter(fetched(connection, query)[0])
        for i in asked:
            if columns[i].name in were_text or next(fits) == 0:
                kind = columns[i].typed.cursor_kind
                columns[i] = replace(columns[i], typed=replace(TEXT, cursor_kind=kind))
        return tuple(columns)

    def bound(self, connection: Any) -> str | None:
        """The new watermark, at least the old one. Also where a missing permission or a lock shows."""
        fetched(connection, f"SELECT 1 FROM {self.relation} LIMIT 0")
        column = self.cursor_column()
        if column is None:
            return None
        kind = column.typed.cursor_kind or "number"
        is_append = self.request.mode is SyncMode.APPEND
        found = upper_bound(connection, self.relation, quoted_name(column.name), kind, is_append)
        since = self.request.since
        if found is None or since is None:
            return found or since
        compared = f"CAST({literal(found)} AS {_SQL_TYPES[kind]}) > CAST({literal(since)} AS {_SQL_TYPES[kind]})"
        ((is_later,),) = fetched(connection, f"SELECT {compared}")
        return found if is_later else since

    def where(self, bound: str | None, *more: str) -> str:
        """Which rows: all, those at or past the watermark, or for appending those between both ends.

        Rows without a cursor value have no place in the order: merging reads them every time, appending
        takes them the first time.
        """
        return self._joined([self._by_cursor(bound), *more])

    def _joined(self, some: Sequence[str]) -> str:
        clauses = [clause for clause in some if clause]
        clauses += conditions(self.request.filters, quoted_name, value_sql)
        return f" WHERE {' AND '.join(f'({clause})' for clause in clauses)}" if clauses else ""

    def _unbounded(self) -> str:
        """As `where`, of every row that may be read however high the bound will be."""
        column, since = self.cursor_column(), self.request.since
        if column is None or self.request.mode is not SyncMode.APPEND:
            return self.where(None)
        past = f"{quoted_name(column.name)} > {cursor_sql(since)}" if since is not None else ""
        return self._joined([past])

    def _by_cursor(self, bound: str | None) -> str:
        column = self.cursor_column()
        if column is None:
            return ""
        name, since = quoted_name(column.name), self.request.since
        nulls = f" OR {name} IS NULL" if column.is_nullable else ""
        if self.request.mode is SyncMode.INCREMENTAL:
            lower = self.request.lower
            return (
                f"{name} >= {cursor_sql(lower)}{out_of_order(column)}" if lower is not None else ""
            )
        if bound is None:
            return "FALSE"
        if since is None:
            return f"{name} <= {cursor_sql(bound)}{nulls}"
        return f"{name} > {cursor_sql(since)} AND {name} <= {cursor_sql(bound)}"

    @property
    def relation(self) -> str:
        return f"{quoted_name(self.table.schema)}.{quoted_name(self.table.name)}"


def begin_snapshot(connection: Any) -> None:
    """From here on the connection sees one state of all InnoDB tables."""
    connection.query(SNAPSHOT)


def find_table(connection: Any, config: Mapping[str, Any], name: str) -> MyTable:
    """The table or view as it is now.

    Raises:
        TableMissingError: there is none that our user could know of.
        SourceAccessError: there is one that our user may not read.
    """
    schema = schema_of(config)
    for table in tables(connection, schema, name):
        return table
    query = (
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    )
    if fetched(connection, query, [schema, name])[0][0]:
        raise SourceAccessError(
            f"{place(config)} does not let `{config['user']}` read `{name}`. "
            f"Grant it: `GRANT SELECT ON {quoted_name(schema)}.{quoted_name(name)} TO '{config['user']}'@'%'`."
        )
    raise TableMissingError(f"{schema}.{name}", place(config))


def out_of_order(column: MyColumn) -> str:
    """SQL to add to a condition on a cursor for rows that have no place in its order: NULL, and zero for a time."""
    name = quoted_name(column.name)
    zero = "" if column.typed.cursor_kind == "number" else f" OR {name} = 0"
    return (f" OR {name} IS NULL" if column.is_nullable else "") + zero


def cursor_sql(value: str) -> str:
    """A cursor's value in SQL. Numbers are numbers: MySQL compares a decimal with a text as floats.

    >>> cursor_sql("12345678901234567890.12"), cursor_sql("2024-01-01")
    ('12345678901234567890.12', "'2024-01-01'")
    """
    return value if _NUMBER.fullmatch(value) else literal(value)


def value_sql(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return literal(value)
