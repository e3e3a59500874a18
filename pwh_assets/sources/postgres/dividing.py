"""How a table is divided into pieces of about the size of one Parquet file.

Belongs here: where one piece ends and the next begins. Keep out: reading them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.postgres.catalog import PgColumn, PgTable
from pwh_assets.sources.postgres.connection import literal, quoted_name

if TYPE_CHECKING:
    import psycopg

CHUNK_BYTES = 96 << 20
"""About how much of a table, large values included, makes one chunk."""
MOST_CHUNKS = 2_000
WIDE_ROW_BYTES = 32 << 10
"""Rows wider than this are never put into larger chunks: two thousand of them are in memory at once."""
WHOLE_NUMBERS = ("SMALLINT", "INTEGER", "BIGINT")
ORDERED = 0.8
"""A column whose correlation with the rows' places is lower is not divided by: each range would read pages all over."""


@dataclass(frozen=True, slots=True)
class Division:
    """Pieces that together are the whole: `ends` are where each but the last ends.

    `by` says of what: `whole` (one piece), `column` (values of the column) or `pages` (places in the table's
    file, which are those of one snapshot only).
    """

    by: str
    column: str = ""
    ends: tuple[str, ...] = ()

    def condition(self, number: int, quoted: str, is_nullable: bool) -> str:
        """SQL that holds for the rows of one piece; empty when there is only one."""
        if not self.ends:
            return ""
        place = "ctid" if self.by == "pages" else quoted
        kind = "::tid" if self.by == "pages" else ""
        words = []
        if number > 0:
            words.append(f"{place} >= {literal(self.ends[number - 1])}{kind}")
        if number < len(self.ends):
            words.append(f"{place} < {literal(self.ends[number])}{kind}")
        found = " AND ".join(words)
        if number == 0 and is_nullable and self.by == "column":
            found = f"({found} OR {place} IS NULL)"
        return found


WHOLE = Division("whole")


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a relation is, with its partitions."""

    size_bytes: int
    pages: int
    """Of the largest partition."""
    rows: float
    """Estimated; 0 when it was never analyzed."""
    has_pages: bool
    """True when all of it lies in ordinary files that can be read by place."""

    @property
    def row_bytes(self) -> float:
        return self.size_bytes / self.rows if self.rows > 0 else 0.0


def divided(
    connection: "psycopg.Connection[Any]",
    table: PgTable,
    relation: str,
    request: ReadRequest,
    cursor: PgColumn | None,
    bound: str | None,
    where: str,
) -> Division:
    """The pieces in which to read the rows that fulfil `where`.

    By the key, or the cursor, when the sync goes by a cursor: such pieces can be read on after a crash. By place when
    everything is read, or neither column lies in the order of the file.
    """
    if table.kind not in "rmp":
        return WHOLE
    extent = extent_of(connection, table.oid)
    if extent.size_bytes < 2 * CHUNK_BYTES:
        return WHOLE
    if cursor is not None and request.since is not None:
        return _of_delta(connection, table, relation, cursor, request.since, bound, where, extent)
    count = _count(extent.size_bytes, extent.row_bytes)
    if bound is not None and request.since is None:
        names = [*request.primary_key[:1], *([cursor.name] if cursor is not None else [])]
        for column in (_column(table, name, request) for name in dict.fromkeys(names)):
            ends = _ends(connection, table, relation, column, count) if column else ()
            if column and ends:
                return Division("column", column.name, ends)
    if extent.has_pages:
        step = extent.pages / count
        places = dict.fromkeys(int(step * number) for number in range(1, count))
        return Division("pages", "", tuple(f"({place},0)" for place in places if place > 0))
    column = _column(table, table.primary_key[0], request) if table.primary_key else None
    ends = _ends(connection, table, relation, column, count) if column else ()
    return Division("column", column.name, ends) if column and ends else WHOLE


def extent_of(connection: "psycopg.Connection[Any]", oid: int) -> Extent:
    row = connection.execute(_EXTENT, [oid]).fetchone()
    assert row is not None
    return Extent(int(row[0]), int(row[1]), float(row[2]), bool(row[3]))


def _count(size_bytes: float, row_bytes: float) -> int:
    """Even, so that two readers end together."""
    count = max(2, -(-int(size_bytes) // CHUNK_BYTES))
    if row_bytes < WIDE_ROW_BYTES:
        count = min(count, MOST_CHUNKS)
    return count + count % 2


def _column(table: PgTable, name: str, request: ReadRequest) -> PgColumn | None:
    """None also where the column is masked: its values would be in the plan, which is written down."""
    if request.masks is not None and request.masks.covers(name):
        return None
    return next((column for column in table.columns if column.name == name), None)


def _of_delta(
    connection: "psycopg.Connection[Any]",
    table: PgTable,
    relation: str,
    cursor: PgColumn,
    since: str,
    bound: str | None,
    where: str,
    extent: Extent,
) -> Division:
    """Rows past a watermark: equal steps of the cursor, when they are many and an index finds them."""
    row = connection.execute(
        f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {relation}{where}".encode()
    ).fetchone()
    rows = row[0][0]["Plan"]["Plan Rows"] if row else 0
    size = rows * extent.row_bytes
    if bound is None or size < 2 * CHUNK_BYTES or not _is_indexed(connection, table, cursor.name):
        return WHOLE
    count = _count(size, extent.row_bytes)
    kind = {"instant": "timestamptz", "clock": "timestamp", "day": "date"}.get(
        cursor.typed.cursor_kind or "", "numeric"
    )
    a, b = f"{literal(since)}::{kind}", f"{literal(bound)}::{kind}"
    part = f"({b} - {a}) * i::float8 / {count}"
    if kind == "numeric":
        part = f"({b} - {a}) * i / {count}"
    step = f"({a} + ({part})::int)" if kind == "date" else f"({a} + {part})"
    if cursor.typed.lake in WHOLE_NUMBERS:
        step = f"trunc{step}"
    found = connection.execute(
        f"SELECT v::text FROM (SELECT DISTINCT {step} AS v FROM generate_series(1, {count - 1}) i "
        f"WHERE {b} > {a}) s ORDER BY s.v".encode()
    ).fetchall()
    return Division("column", cursor.name, tuple(row[0] for row in found)) if found else WHOLE


def _is_indexed(connection: "psycopg.Connection[Any]", table: PgTable, column: str) -> bool:
    return connection.execute(_LEADING, [table.oid, column]).fetchone() is not None


def _ends(
    connection: "psycopg.Connection[Any]",
    table: PgTable,
    relation: str,
    column: PgColumn,
    count: int,
) -> tuple[str, ...]:
    """Values that divide an indexed column into about equal parts; none when it does not lie in order."""
    if not _is_indexed(connection, table, column.name):
        return ()
    row = connection.execute(_STATISTICS, [table.oid, column.name]).fetchone()
    correlation, bounds = row if row else (None, None)
    if correlation is not None and abs(correlation) < ORDERED:
        return ()
    is_whole = column.typed.lake in WHOLE_NUMBERS
    if bounds and (len(bounds) > count or not is_whole):
        last = len(bounds) - 1
        places = dict.fromkeys(round(last * number / count) for number in range(1, count))
        return tuple(dict.fromkeys(bounds[place] for place in places if 0 < place <= last))
    if not is_whole:
        return ()
    name = quoted_name(column.name)
    row = connection.execute(f"SELECT min({name}), max({name}) FROM {relation}".encode()).fetchone()
    if row is None or row[0] is None:
        return ()
    low, high = int(row[0]), int(row[1])
    steps = dict.fromkeys(low + (high - low) * number // count for number in range(1, count))
    return tuple(str(step) for step in steps if step > low)


_FAMILY = """
WITH RECURSIVE family(oid) AS (
    SELECT %s::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN family ON i.inhparent = family.oid)
"""

_EXTENT = f"""{_FAMILY}
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint,
    coalesce(max(pg_relation_size(c.oid)), 0)::bigint / current_setting('block_size')::bigint,
    coalesce(sum(greatest(c.reltuples, 0)), 0)::float8,
    bool_and(c.relkind IN ('r', 'm', 'p') AND coalesce(a.amname, 'heap') = 'heap')
        AND current_setting('server_version_num')::int >= 140000
FROM family JOIN pg_class c ON c.oid = family.oid LEFT JOIN pg_am a ON a.oid = c.relam
"""
"""A partitioned table has no file itself. Ranges of places are found without reading the rest since version 14."""

_LEADING = """
SELECT 1 FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = %s AND a.attname = %s AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
"""

_STATISTICS = """
SELECT s.correlation, s.histogram_bounds::text::text[]
FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
WHERE c.oid = %s AND s.attname = %s ORDER BY s.inherited DESC LIMIT 1
"""
