"""A sample of a stored table: rows from places all over it, a place at a time, bounded in time and memory."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pwh_assets.lake.attach import ALIAS, quote

if TYPE_CHECKING:
    import duckdb

PLACES = 20
ROWS_A_PLACE = 250
LONGEST_TEXT = 300
"""Characters of a text that are looked at: no personal detail is longer."""
LARGEST_DOCUMENT = 65_536
"""Bytes of a JSON document that is looked at."""
TABLE_S = 10.0
"""After so long on one table no further place is read. Places come in no order, so what was read is spread too."""
_TYPES = frozenset({"String", "Integer", "JSON"})


@dataclass(frozen=True, slots=True)
class Sampled:
    """A column to take values of."""

    name: str
    type: str
    """Name of its type in HogQL."""

    @property
    def has_values(self) -> bool:
        """Whether its values can tell anything: times, flags, ids and fractions cannot."""
        return self.type in _TYPES

    @property
    def sql(self) -> str:
        name = quote(self.name)
        if self.type == "String":
            return f"left(CAST({name} AS VARCHAR), {LONGEST_TEXT})"
        if self.type == "JSON":
            return (
                f"CASE WHEN strlen(CAST({name} AS VARCHAR)) <= {LARGEST_DOCUMENT} THEN {name} END"
            )
        return name


def sample(
    connection: "duckdb.DuckDBPyConnection",
    place: Sequence[str],
    columns: Sequence[Sampled],
) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of a table by schema and name, a few hundred at a time: all of a small table, else some from each twentieth.

    Only the parts of files that hold the places are read, so it costs about the same for any number of rows.
    """
    until = time.monotonic() + TABLE_S
    listed = ", ".join(column.sql for column in columns)
    source = ".".join((ALIAS, *map(quote, place)))
    bounds = connection.execute(f"SELECT count(*), min(rowid), max(rowid) FROM {source}").fetchone()
    count, first, last = bounds or (0, None, None)
    if not count:
        return
    if count <= PLACES * ROWS_A_PLACE:
        found = connection.execute(f"SELECT {listed} FROM {source}")
        while rows := found.fetchmany(ROWS_A_PLACE):
            yield rows
        return
    choice = random.Random(f"{source} {count}")  # the same table, the same sample
    edges = [first + (last + 1 - first) * i // PLACES for i in range(PLACES + 1)]
    for low, high in choice.sample(list(pairwise(edges)), PLACES):
        start = choice.randrange(low, high)
        rows = []
        for since, before in ((start, high), (low, start)):  # rows that are gone leave gaps
            if len(rows) < ROWS_A_PLACE:
                rows += connection.execute(
                    f"SELECT {listed} FROM {source} WHERE rowid >= {since} AND rowid < {before} "
                    f"LIMIT {ROWS_A_PLACE - len(rows)}"
                ).fetchall()
        yield rows
        if time.monotonic() > until:
            return
