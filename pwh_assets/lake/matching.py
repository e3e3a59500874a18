"""Rows that have the same key: the staged ones and those of the table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import quote

if TYPE_CHECKING:
    import duckdb

Equals = Mapping[str, str]
"""The operator that compares each column of a key, in the key's order."""


def equals_of(
    connection: "duckdb.DuckDBPyConnection",
    rows: str,
    key: Sequence[str],
    before: Sequence[str] = (),
) -> Equals:
    """How keys of these staged rows are found in the table. `before` are columns with the keys that rows had before.

    A part that is none at the source may be NULL here: a date no calendar has, a decimal's NaN. Where none is, DuckDB reads of
    the table only files and row groups where such keys can be, which it does not for IS NOT DISTINCT FROM.
    """
    parts = [
        [quote(name), *map(quote, before[place : place + 1])] for place, name in enumerate(key)
    ]
    tests = ", ".join(f"bool_or({' OR '.join(f'{one} IS NULL' for one in part)})" for part in parts)
    found = connection.execute(f"SELECT {tests} FROM ({rows})").fetchone() or ()
    return {
        name: "IS NOT DISTINCT FROM" if has_nulls else "="
        for name, has_nulls in zip(key, found, strict=True)
    }


def same(one: str, other: str, equals: Equals) -> str:
    """SQL that holds for rows of one key."""
    return " AND ".join(
        f"{one}.{quote(name)} {equal} {other}.{quote(name)}" for name, equal in equals.items()
    )
