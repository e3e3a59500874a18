"""Counting at the server: rows a read would bring, and what a table should hold after a sync."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pwh_assets.core.source import SyncMode
from pwh_assets.sources.base import MIXED_KEY, ReadRequest, Tally
from pwh_assets.sources.changes import StreamTable
from pwh_assets.sources.conditions import conditions
from pwh_assets.sources.mysql.catalog import MyColumn
from pwh_assets.sources.mysql.connection import connected, fetched, quoted_name, schema_of
from pwh_assets.sources.mysql.reading import (
    TableReader,
    begin_snapshot,
    cursor_sql,
    find_table,
    value_sql,
)

PATIENCE_S = 60
"""How long the server may count."""
MOST_MOVED = 100_000
"""Keys changed since the sync that are still compared one by one."""
_TIMED_OUT = (1969, 3024)
_WHOLE_NUMBERS = frozenset((
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
))  # fmt: skip
"""Types of keys whose values fit 64 bits with a sign."""
_NUMBERS = ("year", "bit")
"""Numbers in the lake whose texts on the server are others: `0000`, and bytes."""


class _TookTooLong(Exception):
    """The server did not count in time."""


def count_rows(config: Mapping[str, Any], request: ReadRequest) -> int | None:
    """Rows a read of this request would bring now; None when counting takes the server too long."""
    try:
        with _counting(config) as connection:
            table = find_table(connection, config, request.table)
            reader = TableReader(config, request, table)
            where = reader.where(reader.bound(connection))
            ((rows,),) = fetched(connection, f"SELECT COUNT(*) FROM {reader.relation}{where}")
    except _TookTooLong:
        return None
    return int(rows)


def reconcile(config: Mapping[str, Any], request: ReadRequest, bound: str | None) -> Tally | None:
    """Count, checksum and the keys past the bound, in one snapshot; None when the server takes too long."""
    try:
        with _counting(config) as connection:
            table = find_table(connection, config, request.table)
            relation = TableReader(config, request, table).relation
            known = {column.name: column for column in table.columns}
            key = [known[name] for name in request.primary_key if name in known]
            filters = list(conditions(request.filters, quoted_name, value_sql))
            upto, past = list(filters), list(filters)
            if bound is not None and request.cursor and request.mode is not SyncMode.FULL:
                cursor = quoted_name(request.cursor)
                upto.append(f"{cursor} <= {cursor_sql(bound)} OR {cursor} IS NULL")
                past.append(f"{cursor} > {cursor_sql(bound)}")
            begin_snapshot(connection)
            tally = _counted(connection, relation, key, _where(upto))
            moved: tuple[tuple[str, ...], ...] | None = ()
            if len(past) > len(filters) and key:
                moved = _moved(connection, relation, key, _where(past))
    except _TookTooLong:
        return None
    return replace(tally, moved_keys=moved)


@contextmanager
def counting(config: Mapping[str, Any]) -> Iterator["SnapshotCounting"]:
    """Tables of one snapshot. What others see is in the binlog already, so a stream opened from now on brings it."""
    with _counting(config) as connection:
        begin_snapshot(connection)
        yield SnapshotCounting(config, connection)


@dataclass(frozen=True, slots=True)
class SnapshotCounting:
    """See `sources.changes.Counting`."""

    config: Mapping[str, Any]
    connection: Any

    def count(
        self, table: StreamTable, keys: Sequence[tuple[Any, ...]] | None = None
    ) -> Tally | None:
        import pymysql.err

        found = find_table(self.connection, self.config, table.name)
        known = {column.name: column for column in found.columns}
        if any(name not in known for name in table.key):
            return None
        key = [known[name] for name in table.key]
        relation = f"{quoted_name(schema_of(self.config))}.{quoted_name(table.name)}"
        where = "" if keys is None else f" WHERE {_one_of(key, keys)}"
        try:
            return _counted(self.connection, relation, key, where)
        except pymysql.err.Error as error:
            if error.args and error.args[0] in _TIMED_OUT:
                return None
            raise


def _one_of(columns: Sequence[MyColumn], keys: Sequence[tuple[Any, ...]]) -> str:
    """SQL that holds for rows with one of these keys, whose parts are as the binlog's are staged."""
    if not keys:
        return "FALSE"
    values = ", ".join(f"({', '.join(map(_part, columns, key))})" for key in keys)
    return f"({', '.join(quoted_name(column.name) for column in columns)}) IN ({values})"


def _part(column: MyColumn, value: Any) -> str:
    """A key's part in SQL, of the column's own kind: texts beside numbers would be compared as floats."""
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return str(value) if column.kind == "decimal" else value_sql(value)


@contextmanager
def _counting(config: Mapping[str, Any]) -> Iterator[Any]:
    """A connection whose statements end in time. Raises _TookTooLong."""
    import pymysql.err

    with connected(config) as connection:
        is_mariadb = "mariadb" in connection.get_server_info().lower()
        limit = (
            f"max_statement_time = {PATIENCE_S}"
            if is_mariadb
            else f"max_execution_time = {round(PATIENCE_S * 1000)}"
        )
        connection.query(f"SET SESSION {limit}")
        try:
            yield connection
        except pymysql.err.Error as error:
            if error.args and error.args[0] in _TIMED_OUT:
                raise _TookTooLong from None
            raise


def _counted(connection: Any, relation: str, key: Sequence[MyColumn], where: str) -> Tally:
    is_mixed = len(key) == 1 and key[0].typed.lake in _WHOLE_NUMBERS
    if is_mixed:
        value = MIXED_KEY.format(quoted_name(key[0].name))
    elif key and all(map(_is_plain, key)):
        text = f"CONCAT_WS(CHAR(31 USING utf8mb4), {', '.join(map(_text, key))})"
        # As a number of its own: CONV gives a text, which would be added up as floats.
        value = f"CAST(CONV(SUBSTR(MD5({text}), 1, 15), 16, 10) AS UNSIGNED)"
    else:
        value = ""
    checksum = f"COALESCE(SUM({value}), 0)" if value else "NULL"
    query = f"SELECT COUNT(*), {checksum} FROM {relation}{where}"
    ((rows, total),) = fetched(connection, query)
    return Tally(int(rows), None if total is None else int(total), is_mixed=is_mixed)


def _moved(
    connection: Any, relation: str, key: Sequence[MyColumn], where: str
) -> tuple[tuple[str, ...], ...] | None:
    """Keys past the bound; None for too many, or where their texts are not the lake's."""
    most = MOST_MOVED if all(map(_is_plain, key)) else 0
    query = f"SELECT {', '.join(map(_text, key))} FROM {relation}{where} LIMIT {most + 1}"
    found = fetched(connection, query)
    return None if len(found) > most else tuple(tuple(map(str, row)) for row in found)


def _is_plain(column: MyColumn) -> bool:
    """Whether a value's text is the same on the server and in the lake."""
    if column.is_integer:
        return "zerofill" not in column.full
    if column.kind in _NUMBERS:
        return column.typed.lake != "BOOLEAN"
    is_text = column.kind in ("char", "varchar") and column.charset not in (None, "binary")
    return is_text or column.kind == "uuid"


def _text(column: MyColumn) -> str:
    value = quoted_name(column.name) + (" + 0" if column.kind in _NUMBERS else "")
    return f"CONVERT(CAST({value} AS CHAR) USING utf8mb4)"


def _where(clauses: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(f'({one})' for one in clauses)}" if clauses else ""
