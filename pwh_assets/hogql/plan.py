"""The result of compiling: SQL for one engine, the shape of its answer, and what it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pwh_assets.hogql.types import Type


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of the answer and, for lineage, the (table, column, property path) triples it is made of."""

    name: str
    type: Type
    origins: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Ready to run. The same text, catalog version and options always give an equal plan."""

    engine: str
    sql: str
    columns: tuple[OutputColumn, ...]
    tables: tuple[str, ...]
    """HogQL names of the tables and views the text itself names (views unexpanded)."""
    physical: tuple[tuple[str, ...], ...]
    """Paths of the stored tables that are read, after view expansion."""
    limit: int | None = None
    settings: Mapping[str, str | int | float] = field(default_factory=dict)
    """Engine settings the answer depends on (ClickHouse's null behaviour and time zone)."""
    reads_clock: bool = False
    """True when the answer depends on the moment it is asked."""
    is_volatile: bool = False
    """True when two answers may differ although nothing changed (`rand()`)."""
