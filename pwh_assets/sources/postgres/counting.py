"""Counting at the source: rows a read would bring, and what a table should hold after a sync."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceUnavailableError
from pwh_assets.sources.base import MIXED_KEY, ReadRequest, Tally
from pwh_assets.sources.changes import StreamTable
from pwh_assets.sources.postgres import xmin
from pwh_assets.sources.postgres.catalog import PgColumn
from pwh_assets.sources.postgres.connection import connected, literal, quoted_name
from pwh_assets.sources.postgres.dividing import WHOLE_NUMBERS
from pwh_assets.sources.postgres.reading import TableReader, filter_sql, find_table

if TYPE_CHECKING:
    import psycopg

PATIENCE = "60s"
"""How long the server may count."""
MOST_MOVED = 100_000
"""Keys changed since the sync that are still compared one by one."""
FLUSH_S = 5.0
"""How long the server may take to make its log safe."""
_POINT_FIRST = re.compile(r"DECIMAL\((\d+),\1\)")
"""Decimals without a digit before the point: the lake writes `.5`."""
_PLAIN_KEYS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UUID", "VARCHAR")
"""Lake types whose text is the same on the server and in the lake."""


def count_rows(config: Mapping[str, Any], request: ReadRequest) -> int | None:
    """Rows a read of this request would bring now; None when counting takes the server too long."""
    from psycopg.errors import QueryCanceled

    with connected(config) as connection:
        table = find_table(connection, config, request.table)
        reader = TableReader(config, request, table)
        until = xmin.bound(connection, table) if request.mode is SyncMode.XMIN else None
        where = reader._where(until)
        relation = f"{quoted_name(config['schema'])}.{quoted_name(table.name)}"
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'".encode())
                query = f"SELECT count(*) FROM {relation}{where}"
                row = connection.execute(query.encode()).fetchone()
        except QueryCanceled:
            return None
        return int(row[0]) if row else None


def reconcile(config: Mapping[str, Any], request: ReadRequest, bound: str | None) -> Tally | None:
    """Count, checksum and the keys past the bound, in one snapshot; None when the server takes too long."""
    from psycopg.errors import QueryCanceled

    with connected(config) as connection:
        table = find_table(connection, config, request.table)
        known = {column.name: column for column in table.columns}
        relation = f"{quoted_name(config['schema'])}.{quoted_name(table.name)}"
        key = [known[name] for name in request.primary_key if name in known]
        filters = [filter_sql(one, known.get(one.column)) for one in request.filters]
        upto, past = list(filters), list(filters)
        if bound is not None and request.cursor and request.mode is not SyncMode.FULL:
            cursor = quoted_name(request.cursor)
            upto.append(f"({cursor} <= {literal(bound)} OR {cursor} IS NULL)")
            past.append(f"{cursor} > {literal(bound)}")
        if bound is not None and request.mode is SyncMode.XMIN:
            upto.append(f"NOT ({xmin.past(bound)})")
            past.append(xmin.past(bound))
        try:
            with connection.transaction():
                connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'".encode())
                tally = _counted(connection, relation, key, _where(upto))
                moved: tuple[tuple[str, ...], ...] | None = ()
                if len(past) > len(filters) and key:
                    moved = _keys(connection, relation, key, _where(past))
        except QueryCanceled:
            return None
    return replace(tally, moved_keys=moved)


@contextmanager
def counting(config: Mapping[str, Any]) -> Iterator["SnapshotCounting"]:
    """Tables of one snapshot, all of which a stream opened from now on brings."""
    with connected(config) as connection, connection.transaction():
        connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'".encode())
        row = connection.execute(_LOG_END).fetchone()
        end, give_up_at = row[0] if row else None, time.monotonic() + FLUSH_S
        # What was committed without waiting for the disk is seen already, and streamed only when it is safe.
        while time.monotonic() < give_up_at:
            row = connection.execute(_IS_SAFE, [end]).fetchone()
            if row is None or row[0] is not False:
                break
            time.sleep(0.05)
        yield SnapshotCounting(config, connection)


@dataclass(frozen=True, slots=True)
class SnapshotCounting:
    """See `sources.changes.Counting`."""

    config: Mapping[str, Any]
    connection: "psycopg.Connection[Any]"

    def count(
        self, table: StreamTable, keys: Sequence[tuple[Any, ...]] | None = None
    ) -> Tally | None:
        from psycopg.errors import QueryCanceled

        found = find_table(self.connection, self.config, table.name)
        known = {column.name: column for column in found.columns}
        if any(name not in known for name in table.key):
            return None
        key = [known[name] for name in table.key]
        relation = f"{quoted_name(self.config['schema'])}.{quoted_name(table.name)}"
        where = "" if keys is None else f" WHERE {_one_of(table.key, keys)}"
        try:
            with self.connection.transaction():  # so that the snapshot outlives a timeout
                return _counted(self.connection, relation, key, where)
        except QueryCanceled:
            return None


def _one_of(names: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> str:
    """SQL that holds for rows with one of these keys, whose parts are texts of the server."""
    if not keys:
        return "false"
    parts = (
        ", ".join(literal(part.decode() if isinstance(part, bytes) else part) for part in key)
        for key in keys
    )
    values = ", ".join(f"({part})" for part in parts)
    return f"({', '.join(map(quoted_name, names))}) IN ({values})"


_LOG_END = """
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn() END
"""
_IS_SAFE = """
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn() >= %s::pg_lsn END
"""


def _counted(
    connection: "psycopg.Connection[Any]", relation: str, key: list[PgColumn], where: str
) -> Tally:
    is_mixed = len(key) == 1 and _lake(key[0]) in WHOLE_NUMBERS
    if is_mixed:
        value = MIXED_KEY.format(f"{quoted_name(key[0].name)}::bigint")
    elif key and all(_lake(column) in _PLAIN_KEYS for column in key):
        text = f"concat_ws(chr(31), {', '.join(_text(column) for column in key)})"
        value = f"('x' || substr(md5(convert_to({text}, 'UTF8')), 1, 15))::bit(60)::bigint"
    else:
        value = ""
    checksum = f"coalesce(sum({value}), 0)" if value else "NULL"
    query = f"SELECT count(*), {checksum} FROM {relation}{where}"
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise SourceUnavailableError("The server counted nothing. Sync again later.")
    return Tally(int(row[0]), None if row[1] is None else int(row[1]), is_mixed=is_mixed)


def _keys(
    connection: "psycopg.Connection[Any]", relation: str, key: list[PgColumn], where: str
) -> tuple[tuple[str, ...], ...] | None:
    most = MOST_MOVED if all(map(_is_spelled_alike, key)) else 0
    texts = ", ".join(_text(column) for column in key)
    query = f"SELECT {texts if most else '1'} FROM {relation}{where} LIMIT {most + 1}"
    found = [tuple(row) for row in connection.execute(query.encode())]
    if len(found) > most:
        return None
    # NaN, which a DECIMAL has none of, and years before Christ, which the lake spells otherwise.
    is_odd = any(part is None or part.endswith(" BC") for key in found for part in key)
    return None if is_odd else tuple(found)


def _is_spelled_alike(column: PgColumn) -> bool:
    """Whether a key's text on the server is the lake's, as far as its type tells."""
    kind = _lake(column)
    if column.typed.fits is not None or kind.endswith("[]"):
        return False
    return kind not in ("BLOB", "FLOAT", "DOUBLE") and not _POINT_FIRST.fullmatch(kind)


def _lake(column: PgColumn) -> str:
    return column.typed.lake


def _text(column: PgColumn) -> str:
    """The key's text as the lake writes it."""
    return f"({column.typed.on_server.format(quoted_name(column.name))})::text"


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(f'({one})' for one in conditions)}" if conditions else ""
