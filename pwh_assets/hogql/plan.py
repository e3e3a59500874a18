"""The result of compiling: SQL for one engine, the shape of its answer, and what it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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
    policy: str = ""
    """What of its reader's policies the answer depends on; empty where no table it reads has any."""
    mask_token: str = ""
    """Stands in `sql` for the key of hashed columns, which nobody is shown; `keyed` puts the key in."""

    def keyed(self, key: Callable[[], str]) -> "Plan":
        """The plan as the engine gets it. Only for running: its SQL is not to be shown, kept or logged."""
        if not self.mask_token:
            return self
        return replace(self, sql=self.sql.replace(self.mask_token, key()))
