"""What changed in tables between an earlier snapshot and now: rows by what they are, not by how they were written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import ALIAS, Address, literal, quote
from pwh_assets.lake.catalog import metadata

if TYPE_CHECKING:
    import duckdb

Place = tuple[str, ...]
"""Schema and table."""


@dataclass(frozen=True, slots=True)
class TableMark:
    """A table as one snapshot has it."""

    uuid: str
    """Another one when the table was dropped and made anew."""
    changed_snapshot: int
    """When its rows, files or columns last changed; maintenance counts, so it may be later than the rows' change."""
    row_count: int
    columns: Mapping[str, str]
    """Types by name, as DuckLake's catalog spells them; of nested ones only the outermost."""
    columns_changed: Mapping[str, int]
    """For each column, the snapshot in which it was made or altered."""
    comments: Mapping[str, str]
    """Of columns that have one."""


NESTED = frozenset(("list", "struct", "map"))


def current_snapshot(connection: "duckdb.DuckDBPyConnection") -> int:
    """The snapshot that the connection's transaction reads."""
    row = connection.execute(f"SELECT * FROM ducklake_current_snapshot('{ALIAS}')").fetchone()
    return int(row[0]) if row else 0


def has_history(
    connection: "duckdb.DuckDBPyConnection", address: Address, since: int, until: int
) -> bool:
    """True when no snapshot from `since` to `until` was forgotten."""
    row = connection.execute(
        f"SELECT count(*) FROM {metadata(address, 'ducklake_snapshot')} "
        f"WHERE snapshot_id BETWEEN {since} AND {until}"
    ).fetchone()
    return row is not None and int(row[0]) == until - since + 1


_TABLE = """
SELECT t.table_id, t.table_uuid, t.begin_snapshot, s.schema_name, t.table_name
FROM {table} t JOIN {schema} s ON s.schema_id = t.schema_id
WHERE t.begin_snapshot <= {at} AND (t.end_snapshot IS NULL OR t.end_snapshot > {at})
  AND s.begin_snapshot <= {at} AND (s.end_snapshot IS NULL OR s.end_snapshot > {at}) AND ({which})
"""
_FILES = """
SELECT table_id, max(greatest(begin_snapshot, coalesce(end_snapshot, 0), coalesce(partial_max, 0)))
FROM {file} WHERE table_id IN ({ids}) GROUP BY table_id
"""
_COLUMNS = """
SELECT c.table_id, c.column_name, c.column_type, c.begin_snapshot, c.parent_column, g.value
FROM {column} c
LEFT JOIN {tag} g ON g.table_id = c.table_id AND g.column_id = c.column_id AND g.key = 'comment'
  AND g.begin_snapshot <= {at} AND (g.end_snapshot IS NULL OR g.end_snapshot > {at})
WHERE c.table_id IN ({ids}) AND c.begin_snapshot <= {at} AND (c.end_snapshot IS NULL OR c.end_snapshot > {at})
"""


def marks_of(
    connection: "duckdb.DuckDBPyConnection", address: Address, places: Iterable[Place], at: int
) -> dict[Place, TableMark]:
    """The tables that exist in a snapshot, by place."""
    wanted = {(place[-2].lower(), place[-1].lower()): place for place in places}
    if not wanted:
        return {}
    names = {
        key: metadata(address, f"ducklake_{name}")
        for key, name in (
            ("table", "table"),
            ("schema", "schema"),
            ("column", "column"),
            ("tag", "column_tag"),
        )
    }
    which = " OR ".join(
        f"(lower(s.schema_name) = {literal(schema)} AND lower(t.table_name) = {literal(table)})"
        for schema, table in wanted
    )
    tables = connection.execute(_TABLE.format(**names, at=at, which=which)).fetchall()
    if not tables:
        return {}
    ids = ", ".join(str(int(row[0])) for row in tables)
    changed: dict[int, int] = {}
    for file in ("data_file", "delete_file"):
        name = metadata(address, f"ducklake_{file}")
        for table_id, snapshot in connection.execute(_FILES.format(file=name, ids=ids)).fetchall():
            changed[table_id] = max(changed.get(table_id, 0), int(snapshot or 0))
    columns: dict[int, list[tuple[str, str, int, str | None]]] = {}
    nested: dict[int, int] = {}
    for table_id, name, kind, since, parent, comment in connection.execute(
        _COLUMNS.format(**names, at=at, ids=ids)
    ).fetchall():
        if parent is None:
            columns.setdefault(table_id, []).append((name, kind, int(since), comment))
        else:
            nested[table_id] = max(nested.get(table_id, 0), int(since))
    found = {}
    for table_id, uuid, begin, schema, table in tables:
        own = columns.get(table_id, [])
        target = f"{ALIAS}.{quote(schema)}.{quote(table)}"
        count = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
        inside = nested.get(table_id, 0)
        found[wanted[schema.lower(), table.lower()]] = TableMark(
            str(uuid),
            max(int(begin), changed.get(table_id, 0), inside, *(since for _, _, since, _ in own)),
            int(count[0]) if count else 0,
            {name: kind for name, kind, _, _ in own},
            {name: max(since, inside) for name, _, since, _ in own},
            {name: comment for name, _, _, comment in own if comment},
        )
    return found


@dataclass(frozen=True, slots=True)
class Feed:
    """Where the changes of one table are read, as queries over its columns."""

    inserted: str
    deleted: str
    count: int
    """Rows in both: how much there is to look at."""


class FeedError(Exception):
    """The changes do not add up; the text says how, to stand behind `because`."""


def feed_of(
    connection: "duckdb.DuckDBPyConnection",
    place: Place,
    columns: Sequence[str],
    snapshots: tuple[int, int],
    row_counts: tuple[int, int],
    *,
    was_replaced: bool,
) -> Feed:
    """The rows that came and went between two snapshots, updated ones as both.

    A table that was made anew is all gone and all new. `row_counts` are those of the two snapshots.

    Raises:
        FeedError: what came and went does not explain how many rows there are now.
    """
    schema, table = place[-2], place[-1]
    target = f"{ALIAS}.{quote(schema)}.{quote(table)}"
    listed = ", ".join(map(quote, columns))
    (since, until), (before, now) = snapshots, row_counts
    if was_replaced:
        return Feed(
            f"SELECT {listed} FROM {target}",
            f"SELECT {listed} FROM {target} AT (VERSION => {since})",
            before + now,
        )
    between = f"'{ALIAS}', {literal(schema)}, {literal(table)}, {since + 1}, {until}"
    came, went = (
        f"ducklake_table_insertions({between})",
        f"ducklake_table_deletions({between})",
    )
    more, fewer = _count(connection, came), _count(connection, went)
    if before + more - fewer != now:
        raise FeedError(
            f"{before} rows, {more} more and {fewer} fewer do not make the {now} there are"
        )
    return Feed(f"SELECT {listed} FROM {came}", f"SELECT {listed} FROM {went}", more + fewer)


def _count(connection: "duckdb.DuckDBPyConnection", source: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(row[0]) if row else 0


def net_changes(
    connection: "duckdb.DuckDBPyConnection", name: str, feed: Feed, columns: Sequence[str]
) -> int:
    """Make a temporary table of the rows that there are more or fewer of than before; returns how many kinds.

    Rows that were written again as they were, as by a full sync, do not count.
    """
    listed = ", ".join(map(quote, columns))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS SELECT {listed} FROM ("
        f"SELECT *, 1 AS pwh_n FROM ({feed.inserted}) UNION ALL BY NAME SELECT *, -1 AS pwh_n FROM ({feed.deleted})"
        f") GROUP BY ALL HAVING sum(pwh_n) <> 0"
    )
    return _count(connection, f"temp.{quote(name)}")
