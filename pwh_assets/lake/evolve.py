"""A table's columns follow its source: new ones are added, types widen, missing ones stay as NULL."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.lake.staged import Staged
from pwh_assets.lake.types import widened, widens_in_place

if TYPE_CHECKING:
    import duckdb


SMALL_ROWS = 200_000
"""Tables up to this size are emptied by deleting their rows, larger ones by making them anew."""


@dataclass(frozen=True, slots=True)
class Evolution:
    """What happens to the columns. Names are the lake's, `types` is the table afterwards, in order."""

    before: Mapping[str, str]
    types: Mapping[str, str]
    added: tuple[str, ...]
    widened: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def is_any(self) -> bool:
        return bool(self.added or self.widened)

    @property
    def needs_rebuild(self) -> bool:
        return any(
            not widens_in_place(self.before[name], self.types[name]) for name in self.widened
        )


def plan_columns(
    connection: "duckdb.DuckDBPyConnection",
    target: str,
    is_replaced: bool,
    current: Mapping[str, str],
    declared: Mapping[str, str],
    staged: Staged,
    names: Mapping[str, str],
) -> Evolution:
    """Decide each column's type. Rows that replace all bring the source's types as they are now; others widen."""
    found = staged.columns
    types = dict(current)
    for name, lake_name in names.items():
        new = declared.get(name) or reduce(widened, found[name])
        old = current.get(lake_name)
        if old is None or is_replaced:
            types[lake_name] = new
            continue
        kind = widened(old, new)
        if kind == "DOUBLE" and (
            _loses_digits(connection, f"SELECT {quote(lake_name)} AS v FROM {target}", old)
            or any(
                _loses_digits(
                    connection, f"SELECT v FROM ({_one(staged, names, name, have)})", have
                )
                for have in found.get(name, ())
            )
        ):
            kind = "VARCHAR"
        types[lake_name] = kind
    seen = set(names.values())
    return Evolution(
        before=current,
        types=types,
        added=tuple(name for name in types if name not in current),
        widened=tuple(name for name, kind in current.items() if types[name] != kind),
        missing=tuple(name for name in current if name not in seen),
    )


def _one(staged: Staged, names: Mapping[str, str], name: str, kind: str) -> str:
    column = names[name]
    return f"SELECT {quote(column)} AS v FROM ({staged.select(names, {column: kind})})"


def _loses_digits(connection: "duckdb.DuckDBPyConnection", values: str, kind: str) -> bool:
    """True when a whole or exact number among these would come back different from a DOUBLE."""
    if kind not in ("BIGINT", "HUGEINT", "UBIGINT"):
        return False
    limit = 2**53
    return (
        connection.execute(
            f"SELECT 1 FROM ({values}) WHERE v > {limit} OR v < -{limit} LIMIT 1"
        ).fetchone()
        is not None
    )


class Made(Enum):
    """What became of the table itself while its columns followed."""

    ANEW = "anew"
    KEPT = "kept"
    COPIED = "copied"
    """Its rows were written again, under a name of their own that was changed afterwards."""


def evolve(
    connection: "duckdb.DuckDBPyConnection",
    schema: str,
    table: str,
    change: Evolution,
    *,
    is_replaced: bool,
) -> Made:
    """Make the table look as planned; with `is_replaced` it is empty afterwards."""
    target = f"{ALIAS}.{quote(schema)}.{quote(table)}"
    if not change.before:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ALIAS}.{quote(schema)}")
    if is_replaced and change.before and not change.widened and _is_small(connection, target):
        connection.execute(f"DELETE FROM {target}")
    elif is_replaced or not change.before:
        if change.before:
            connection.execute(f"DROP TABLE {target}")
        connection.execute(f"CREATE TABLE {target} ({_spelled(change.types)})")
        return Made.ANEW
    if change.widened and change.needs_rebuild:
        _rebuild(connection, schema, table, change)
        return Made.COPIED
    for name in change.widened:
        connection.execute(
            f"ALTER TABLE {target} ALTER COLUMN {quote(name)} SET DATA TYPE {change.types[name]}"
        )
    for name in change.added:
        connection.execute(f"ALTER TABLE {target} ADD COLUMN {quote(name)} {change.types[name]}")
    return Made.KEPT


def _is_small(connection: "duckdb.DuckDBPyConnection", target: str) -> bool:
    """Deleting reads every row to note that it is gone; dropping makes every reader load the catalog again."""
    row = connection.execute(f"SELECT count(*) FROM {target}").fetchone()
    return not row or int(row[0]) <= SMALL_ROWS


def _rebuild(
    connection: "duckdb.DuckDBPyConnection", schema: str, table: str, change: Evolution
) -> None:
    """Write the table again with its new types: for changes DuckLake does not do in its catalog."""
    old = f"{ALIAS}.{quote(schema)}.{quote(table)}"
    name = f"__pwh_rebuild_{table}"
    new = f"{ALIAS}.{quote(schema)}.{quote(name)}"
    values = ", ".join(
        f"CAST({quote(column) if column in change.before else 'NULL'} AS {kind})"
        for column, kind in change.types.items()
    )
    connection.execute(f"CREATE TABLE {new} ({_spelled(change.types)})")
    connection.execute(f"INSERT INTO {new} SELECT {values} FROM {old}")
    connection.execute(f"DROP TABLE {old}")
    connection.execute(f"ALTER TABLE {new} RENAME TO {quote(table)}")


def _spelled(types: Mapping[str, str]) -> str:
    return ", ".join(f"{quote(name)} {kind}" for name, kind in types.items())
