"""The seam for databases that are only queried where they are: renderings by name, and how values change type there.

DuckDB and ClickHouse run every query, so their SQL stands in the rows themselves. A further dialect brings one table from
a row's name to its rendering; a row the table does not name is refused there by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Protocol

from pwh_assets.hogql.functions.base import Arg, Call, Rendering, Row, Unsupported
from pwh_assets.hogql.types import Type

WITHIN: frozenset[str] = frozenset(["duckdb", "clickhouse"])
"""Engines whose SQL stands in the rows."""


class Conversions(Protocol):
    """Values of one type as another. A `ValueError` says in a sentence what a dialect cannot convert."""

    def text(self, call: Call, arg: Arg, /) -> str: ...

    def float(self, arg: Arg, /) -> str: ...

    def boolean(self, arg: Arg, /) -> str: ...

    def cast(self, call: Call, arg: Arg, wanted: Type, /) -> str:
        """A value in the wider type it shares with others."""
        ...

    def moment(self, call: Call, arg: Arg, /) -> str:
        """A date or time as it is, a number as seconds since 1970."""
        ...

    def datetime(self, call: Call, arg: Arg, /) -> str:
        """The same, and a date is midnight in the project's zone."""
        ...

    def local(self, call: Call, arg: Arg, zone: str, /) -> str:
        """A DateTime on the wall clock of a zone."""
        ...

    def instant(self, local_sql: str, zone: str, /) -> str:
        """A wall-clock time as an instant."""
        ...

    def seconds_between(self, start: Arg, end: Arg, /) -> str: ...

    def shift(self, call: Call, arg: Arg, by: Arg, operator: str, /) -> str:
        """A date or time moved by an interval, or a number of days or seconds."""
        ...

    def ordered(self, sql: str, type_: Type, /) -> str:
        """A value as it is compared with `<` and sorted: texts by their bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Functions:
    """What a dialect calls things."""

    engine: str
    title: str
    renderings: Mapping[str, Rendering]
    conversions: Conversions
    has_filter: bool = True
    """Whether aggregates take FILTER (WHERE …); without it the arguments become NULL where the condition fails."""


@lru_cache(maxsize=16)
def functions_of(engine: str) -> Functions | None:
    """The dialect's table; None for an engine whose SQL stands in the rows, or that does not exist."""
    if engine in WITHIN:
        return None
    try:
        found = import_module(f"pwh_assets.hogql.lower.{engine}").FUNCTIONS
    except (ModuleNotFoundError, AttributeError):
        return None
    assert isinstance(found, Functions)
    return found


def conversions_of(engine: str) -> Conversions:
    """The dialect's conversions.

    Raises:
        ValueError: there is no such dialect.
    """
    found = functions_of(engine)
    if found is None:
        raise ValueError("it has no equivalent there.")
    return found.conversions


def rendering_of(row: Row, engine: str) -> Rendering | None:
    """How an engine writes the row; None or `Unsupported` where it does not."""
    if engine in WITHIN:
        own: Rendering | None = getattr(row, "sql", {}).get(engine)
        return own
    table = functions_of(engine)
    return None if table is None else table.renderings.get(row.name)


def can_render(row: Row, engine: str) -> bool:
    """Whether the engine has the row at all; its arguments may still be such that it cannot."""
    found = rendering_of(row, engine)
    return found is not None and not isinstance(found, Unsupported)
