"""The logical tree: what a text means once every name is known. No sugar, no engine, types everywhere.

The resolver builds it, rules rewrite it, lowering prints it. Nodes are shared (an alias used twice is one node),
so nothing may change a node once it has been handed out; rules build new ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.catalog import TableDef
from pwh_assets.hogql.functions.base import Agg, Fn, WindowFn
from pwh_assets.hogql.types import Type


@dataclass(slots=True, eq=False)
class Value:
    """An expression. `node` is the piece of the user's text it stands for, where there is one."""

    type: Type
    node: exp.Expression | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Literal(Value):
    """A Python value: str, int, float, Decimal, bool, date, datetime, UUID or None."""

    value: Any


@dataclass(slots=True, eq=False)
class Now(Value):
    """The moment the query is compiled at: `now`, `today` or `yesterday`."""

    kind: str = "now"


@dataclass(slots=True, eq=False)
class ColumnRef(Value):
    """A column of one of the sources in reach. `name` is the source's own spelling."""

    source: "Source"
    name: str


@dataclass(slots=True, eq=False)
class Param(Value):
    """A parameter of the lambda around it."""

    name: str


@dataclass(slots=True, eq=False)
class Property(Value):
    """A value read out of JSON: text, NULL for missing and for JSON null. Whole numbers in `path` count from 1."""

    base: Value
    path: "tuple[str | int | Value, ...]"


@dataclass(slots=True, eq=False)
class Item(Value):
    """An element of an array (from 1, negative from the end, NULL outside) or of a map."""

    base: Value
    index: Value


@dataclass(slots=True, eq=False)
class Field(Value):
    """An element of a tuple, from 1. On an array of tuples: the array of those elements."""

    base: Value
    index: int


@dataclass(slots=True, eq=False)
class Slice(Value):
    """Elements `start` to `stop` of an array, both included."""

    base: Value
    start: Value | None
    stop: Value | None


@dataclass(slots=True, eq=False)
class Order:
    this: Value
    is_descending: bool = False
    nulls_first: bool = False


@dataclass(slots=True, eq=False)
class Frame:
    """Bounds are `UNBOUNDED PRECEDING`-like words or an amount with its side."""

    kind: str
    start: "tuple[Value | None, str]"
    end: "tuple[Value | None, str] | None"


@dataclass(slots=True, eq=False)
class Window:
    partition: list[Value]
    order: list[Order]
    frame: Frame | None = None


@dataclass(slots=True, eq=False)
class Call(Value):
    """A call of a registry row; operators are such calls too."""

    row: Fn | Agg | WindowFn
    name: str
    args: list[Value]
    params: list[Value] = field(default_factory=list)
    combinators: tuple[str, ...] = ()
    is_distinct: bool = False
    order: list[Order] = field(default_factory=list)
    filter: Value | None = None
    window: Window | None = None


@dataclass(slots=True, eq=False)
class Logic(Value):
    """`AND` / `OR` over two or more conditions."""

    op: str
    items: list[Value]


@dataclass(slots=True, eq=False)
class Not(Value):
    """`is_safe`: true for NULL, as the NOT of `NOT LIKE`."""

    this: Value
    is_safe: bool = False


@dataclass(slots=True, eq=False)
class IsNull(Value):
    this: Value
    is_negated: bool = False


@dataclass(slots=True, eq=False)
class Between(Value):
    this: Value
    low: Value
    high: Value
    is_negated: bool = False


@dataclass(slots=True, eq=False)
class InList(Value):
    """Membership in values, never NULL: NULL is in a list that names NULL and in no other."""

    this: Value
    items: list[Value]
    has_null: bool = False
    is_negated: bool = False


@dataclass(slots=True, eq=False)
class InQuery(Value):
    """Membership in a query's only column, never NULL."""

    this: Value
    query: "Query"
    is_negated: bool = False


@dataclass(slots=True, eq=False)
class ArrayValue(Value):
    items: list[Value]


@dataclass(slots=True, eq=False)
class TupleValue(Value):
    items: list[Value]


@dataclass(slots=True, eq=False)
class MapValue(Value):
    keys: list[Value]
    values: list[Value]


@dataclass(slots=True, eq=False)
class IntervalValue(Value):
    amount: Value
    unit: str
    """`second` … `year`, singular."""


@dataclass(slots=True, eq=False)
class Lambda(Value):
    """`type` is the body's."""

    names: tuple[str, ...]
    body: Value


@dataclass(slots=True, eq=False)
class ScalarQuery(Value):
    query: "Query"


@dataclass(slots=True, eq=False)
class Exists(Value):
    query: "Query"


@dataclass(slots=True, eq=False)
class Source:
    """Something rows come from. `label` is what its SQL alias is made of."""

    label: str
    lazy: "list[Join]" = field(default_factory=list, kw_only=True)
    """Joins that came from chains, in the order they depend on each other; printed right behind this source."""
    children: "dict[str, Source]" = field(default_factory=dict, kw_only=True)
    """Lazy join name -> its source."""
    used: set[str] = field(default_factory=set, kw_only=True)
    """Columns somebody refers to."""
    sample: "tuple[float, float] | None" = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class TableSource(Source):
    """A stored table."""

    table: TableDef


@dataclass(slots=True, eq=False)
class QuerySource(Source):
    """A sub-query, or a plain view (then `view` names it)."""

    query: "Query"
    view: TableDef | None = None
    columns: "list[tuple[str, Type]]" = field(default_factory=list)
    """Renamed by a column list; else the query's own."""
    metric: str = ""
    """The metric it answers, as lineage calls it."""


@dataclass(slots=True, eq=False)
class Cte:
    """A named query of a WITH clause. Printed once, before the statement."""

    name: str
    query: "Query | None"
    columns: "list[tuple[str, Type]]"
    is_recursive: bool = False


@dataclass(slots=True, eq=False)
class CteSource(Source):
    cte: Cte


@dataclass(slots=True, eq=False)
class FunctionSource(Source):
    """A table function of our own short list."""

    name: str
    args: list[Value]
    columns: "list[tuple[str, Type]]"


@dataclass(slots=True, eq=False)
class ValuesSource(Source):
    rows: list[list[Value]]
    columns: "list[tuple[str, Type]]"


@dataclass(slots=True, eq=False)
class JoinedSource(Source):
    """Joined sources in brackets: `a JOIN (b JOIN c ON x) ON y`. Names inside stay visible."""

    joins: "list[Join]"


@dataclass(slots=True, eq=False)
class ArrayJoinSource(Source):
    """Elements of arrays, one row each. `is_inline` came from `arrayJoin()`."""

    items: "list[tuple[str, Value]]"
    is_outer: bool = False
    is_inline: bool = False


@dataclass(slots=True, eq=False)
class Join:
    """A source and how it joins what stands before it; `kind` is empty for the first."""

    source: Source
    kind: str = ""
    """`inner`, `left`, `right`, `full`, `cross`, `semi`, `anti`, `positional`, `asof`, `asof left`."""
    on: Value | None = None
    is_any: bool = False


@dataclass(slots=True, eq=False)
class Query:
    """Columns are what somebody outside may name; `names` are unique, whatever the engine thinks of case."""

    columns: "list[tuple[str, Type]]"
    """Name as written (may repeat) and type."""
    names: list[str]
    order: list[Order] = field(default_factory=list, kw_only=True)
    limit: Value | None = field(default=None, kw_only=True)
    offset: Value | None = field(default=None, kw_only=True)
    has_ties: bool = field(default=False, kw_only=True)
    is_percent: bool = field(default=False, kw_only=True)


@dataclass(slots=True, eq=False)
class Grouping:
    """GROUP BY. `sets` is for ROLLUP, CUBE, GROUPING SETS and WITH TOTALS, written out."""

    keys: list[Value]
    sets: list[list[Value]] | None = None


@dataclass(slots=True, eq=False)
class Select(Query):
    items: list[Value] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    array_joins: list[ArrayJoinSource] = field(default_factory=list)
    where: Value | None = None
    grouping: Grouping | None = None
    having: Value | None = None
    qualify: Value | None = None
    distinct: list[Value] | bool = False
    limit_by: tuple[Value, Value | None, list[Value]] | None = None


@dataclass(slots=True, eq=False)
class SetQuery(Query):
    """Branches from left to right; `ops[i]` stands between branch i and i+1."""

    branches: list[Query] = field(default_factory=list)
    source: "QuerySource | None" = None
    """What ORDER BY refers to."""
    ops: list[str] = field(default_factory=list)
    """`UNION ALL`, `UNION DISTINCT`, `INTERSECT DISTINCT`, `EXCEPT DISTINCT`, `INTERSECT ALL`, `EXCEPT ALL`."""


def _parts(kind: Any) -> tuple[str, ...]:
    """Fields of a node that may hold values."""
    found = _PARTS.get(kind)
    if found is None:
        found = _PARTS[kind] = _parts_of(kind)
    return found


def _parts_of(kind: Any) -> tuple[str, ...]:
    skip = {"type", "node", "row", "name", "value", "source", "query"}
    return tuple(f.name for f in fields(kind) if f.name not in skip)


_PARTS: dict[Any, tuple[str, ...]] = {}


def children(value: Value) -> Iterator[Value]:
    """The values directly inside a value; not those of sub-queries."""
    for name in _parts(type(value)):
        yield from _values(getattr(value, name))


def _values(part: Any) -> Iterator[Value]:
    if isinstance(part, Value):
        yield part
    elif isinstance(part, list | tuple):
        for item in part:
            yield from _values(item)
    elif isinstance(part, Order):
        yield part.this
    elif isinstance(part, Window):
        yield from part.partition
        for order in part.order:
            yield order.this


def walk(value: Value) -> Iterator[Value]:
    """The value and all inside it, each shared node once."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        stack.extend(children(current))


def has_aggregate(value: Value) -> bool:
    return any(
        isinstance(v, Call) and isinstance(v.row, Agg) and v.window is None for v in walk(value)
    )


def has_window(value: Value) -> bool:
    return any(isinstance(v, Call) and v.window is not None for v in walk(value))


def rebuild(value: Value, change: Callable[[Value], Value]) -> Value:
    """A copy of the value with each value directly inside it changed."""
    changes = {}
    for name in _parts(type(value)):
        part = getattr(value, name)
        changed = _changed(part, change)
        if changed is not part:
            changes[name] = changed
    return replace(value, **changes) if changes else value


def _changed(part: Any, change: Callable[[Value], Value]) -> Any:
    if isinstance(part, Value):
        return change(part)
    if isinstance(part, Order):
        return Order(change(part.this), part.is_descending, part.nulls_first)
    if isinstance(part, Window):
        return Window(_changed(part.partition, change), _changed(part.order, change), part.frame)
    if isinstance(part, list):
        return [_changed(item, change) for item in part]
    if isinstance(part, tuple):
        return tuple(_changed(item, change) for item in part)
    return part
