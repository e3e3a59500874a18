"""Merging staged rows on a primary key: bounded memory, and only files with changed rows are touched."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import literal, quote
from pwh_assets.lake.matching import equals_of, same
from pwh_assets.lake.staged import POSITION, Staged

if TYPE_CHECKING:
    import duckdb

SMALL_ROWS = 20_000
"""Up to this many staged rows are compared with the table first, so that rows read again are not rewritten."""

_ORDERED = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"))
"""Types of keys whose ends are written into the query, for the lake to leave out files."""


def merge(
    connection: "duckdb.DuckDBPyConnection",
    target: str,
    staged: Staged,
    names: Mapping[str, str],
    types: Mapping[str, str],
    key: Sequence[str],
    write: Callable[[str | None], int],
    *,
    is_empty: bool,
    is_unique: bool,
    cursor: str | None = None,
) -> int:
    """Replace rows with a staged key and add the rest; of rows with the same key the last staged one counts.

    `write` adds the rows of a query, or all staged ones. `cursor` is a column that differs where a row changed.
    Returns how many rows were written.
    """
    rows = None if is_unique else _last_per_key(connection, staged, names, types, key)
    if not is_empty and staged.row_count <= SMALL_ROWS:
        every = rows or staged.select(names, types)
        rows = changed_only(connection, target, every, types, key, cursor)
        if rows is None:
            return 0
    if not is_empty:
        keys = ", ".join(map(quote, key))
        some = rows or staged.select(names, {name: types[name] for name in key})
        matches = same("t", "s", equals_of(connection, some, key))
        connection.execute(
            f"DELETE FROM {target} AS t USING (SELECT {keys} FROM ({some})) AS s WHERE {matches}"
        )
    return write(rows)


def _last_per_key(
    connection: "duckdb.DuckDBPyConnection",
    staged: Staged,
    names: Mapping[str, str],
    types: Mapping[str, str],
    key: Sequence[str],
) -> str | None:
    """SQL of the staged rows without those that a later one with the same key replaces; None when there are none."""
    keys = ", ".join(map(quote, key))
    key_types = {name: types[name] for name in key}
    only_keys = staged.select(names, key_types, with_position=True)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE pwh_repeated AS SELECT {keys}, max({POSITION}) AS {POSITION} "
        f"FROM ({only_keys}) GROUP BY {keys} HAVING count(*) > 1"
    )
    repeated = connection.execute("SELECT count(*) FROM pwh_repeated").fetchone()
    if not repeated or not repeated[0]:
        return None
    every = staged.select(names, types, with_position=True)
    matches = " AND ".join(f"r.{quote(name)} IS NOT DISTINCT FROM s.{quote(name)}" for name in key)
    columns = ", ".join(f"s.{quote(name)}" for name in types)
    return (
        f"SELECT {columns} FROM ({every}) s WHERE NOT EXISTS (SELECT 1 FROM pwh_repeated r "
        f"WHERE {matches} AND r.{POSITION} > s.{POSITION})"
    )


def changed_only(
    connection: "duckdb.DuckDBPyConnection",
    target: str,
    rows: str,
    types: Mapping[str, str],
    key: Sequence[str],
    cursor: str | None,
) -> str | None:
    """SQL of the staged rows that the table lacks or has differently; None when there are none.

    Only rows whose cursor is the table's own may be the same: those are found by two columns of the table, and
    the others are read only of the files they lie in.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE pwh_staged AS {rows}")
    narrow = (*key, *((cursor,) if cursor and cursor not in key else ()))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE pwh_alike AS SELECT s.* FROM pwh_staged s SEMI JOIN "
        f"{_within(connection, 'pwh_staged', target, key)} t ON {_same(narrow, key)}"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE pwh_same AS SELECT {', '.join(f's.{quote(name)}' for name in key)} "
        f"FROM pwh_alike s SEMI JOIN {_within(connection, 'pwh_alike', target, key)} t "
        f"ON {_same((*key, *(name for name in types if name not in key)), key)}"
    )
    columns = ", ".join(f"s.{quote(name)}" for name in types)
    changed = connection.execute(
        f"CREATE OR REPLACE TEMP TABLE pwh_changed AS SELECT {columns} FROM pwh_staged s "
        f"ANTI JOIN pwh_same t ON {_same(key, key)}"
    ).fetchone()
    return "SELECT * FROM pwh_changed" if changed and changed[0] else None


def _same(names: Sequence[str], key: Sequence[str]) -> str:
    """SQL that holds for rows that agree in these columns. A NULL in a key agrees with nothing."""
    return " AND ".join(
        f"t.{quote(name)} {'=' if name in key else 'IS NOT DISTINCT FROM'} s.{quote(name)}"
        for name in names
    )


def _within(
    connection: "duckdb.DuckDBPyConnection", rows: str, target: str, key: Sequence[str]
) -> str:
    """The table as far as its keys lie between the least and the greatest of these rows: other files stay closed."""
    first = quote(key[0])
    ends = connection.execute(
        f"SELECT CAST(min({first}) AS VARCHAR), CAST(max({first}) AS VARCHAR), any_value(typeof({first})) FROM {rows}"
    ).fetchone()
    if ends is None or ends[0] is None:
        return f"(FROM {target} LIMIT 0)"
    if ends[2] not in _ORDERED:
        return target
    least, greatest = (f"CAST({literal(end)} AS {ends[2]})" for end in ends[:2])
    return f"(FROM {target} WHERE {first} BETWEEN {least} AND {greatest})"
