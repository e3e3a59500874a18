"""What every engine says in its own way: the table of literals and clocks, and a method per construct."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pwh_assets.hogql.lower.literals import frozen
from pwh_assets.hogql.lower.names import Names
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Cte,
    Field,
    FunctionSource,
    IntervalValue,
    Item,
    Join,
    MapValue,
    Property,
    Query,
    Select,
    Slice,
    TupleValue,
    Value,
    ValuesSource,
)
from pwh_assets.hogql.types import Type


class Spelling(Names):
    """A dialect overrides these; what it leaves out, it has to refuse by name."""

    literals: ClassVar[Mapping[type, Callable[[Any], str]]] = {}
    """Python type of a literal -> how it is written; texts and missing values are alike everywhere."""
    clock: ClassVar[Mapping[str, str]] = {}
    """`now`, `today`, `yesterday` by the engine's own clock; `{zone}` is the project's, quoted."""

    reads_clock = False
    """Becomes true when what was written so far holds the present moment."""
    is_volatile = False
    """Becomes true when what was written so far holds a function of which two calls may differ."""

    has_having = True
    """Whether HAVING may name what is grouped by but not selected; else rows are chosen around the SELECT."""

    def string(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, str):
            return self.string(value)
        spelled = self.literals.get(type(value))
        if spelled is None:
            raise TypeError(value)
        return spelled(value)

    def now_sql(self, kind: str) -> str:
        zone = self.catalog.timezone
        self.reads_clock = True
        if self.now is not None:
            return self.literal(frozen(self.now, kind, zone))
        return self.clock[kind].replace("{zone}", self.string(zone))

    def property(self, value: Property) -> str:
        raise NotImplementedError

    def item(self, value: Item) -> str:
        raise NotImplementedError

    def field(self, value: Field) -> str:
        raise NotImplementedError

    def slice(self, value: Slice) -> str:
        raise NotImplementedError

    def tuple(self, value: TupleValue) -> str:
        raise NotImplementedError

    def map(self, value: MapValue) -> str:
        raise NotImplementedError

    def interval(self, value: IntervalValue) -> str:
        raise NotImplementedError

    def cte_columns(self, columns: str, cte: Cte) -> str:
        """What stands between a named query's name and AS."""
        raise NotImplementedError

    def anchored(self, item: Value, type_: Type) -> str:
        """A column of a recursive query's first branch, in a type wide enough for the others."""
        raise NotImplementedError

    def branch_item(self, item: Value, type_: Type) -> str | None:
        """A column of one part of a set operation; None for as it is."""
        return None

    def set_word(self, op: str) -> str:
        raise NotImplementedError

    def group_by_nothing(self) -> str:
        """GROUP BY constants: one row, or none over no rows."""
        raise NotImplementedError

    def table_function(self, source: FunctionSource) -> str:
        raise NotImplementedError

    def rows(self, source: ValuesSource) -> str:
        """VALUES as a sub-query with names."""
        raise NotImplementedError

    def join(self, join: Join, source: str) -> str:
        raise NotImplementedError

    def array_join(self, sql: str, source: ArrayJoinSource) -> str:
        """FROM with one row per element."""
        raise NotImplementedError

    def qualify(self, query: Select) -> str:
        raise NotImplementedError

    def wraps(self, query: Select, qualify: str) -> bool:
        """Whether rows have to be chosen or ordered around the SELECT rather than in it."""
        return False

    def wrapped(
        self, query: Select, names: list[str], items: list[str], rest: list[str], qualify: str
    ) -> str:
        raise NotImplementedError

    def select_tail(self, query: Select, positions: dict[str, int]) -> str:
        """ORDER BY and everything after it."""
        raise NotImplementedError

    def limits(self, query: Query) -> str:
        raise NotImplementedError

    def hash_share(self, sql: str) -> str:
        """A number from 0 to 1 that depends on the value alone, the same on every engine."""
        raise NotImplementedError
