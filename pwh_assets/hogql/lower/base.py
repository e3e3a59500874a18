"""What all engines' SQL has in common: a printer of the logical tree that asks the engine for its spellings."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import Problem, SyntaxProblem
from pwh_assets.hogql.functions.base import Agg, Arg, Fn
from pwh_assets.hogql.functions.base import Call as FunctionCall
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import UnsupportedFunction, render
from pwh_assets.hogql.resolve.core import span
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ArrayValue,
    Between,
    Call,
    ColumnRef,
    Cte,
    Exists,
    Field,
    Frame,
    FunctionSource,
    InList,
    InQuery,
    IntervalValue,
    IsNull,
    Item,
    Join,
    Lambda,
    Literal,
    Logic,
    MapValue,
    Not,
    Now,
    Order,
    Param,
    Property,
    Query,
    ScalarQuery,
    Select,
    Slice,
    Source,
    TupleValue,
    Value,
    ValuesSource,
    Window,
)
from pwh_assets.hogql.types import STRING, Type

Relation = Callable[[tuple[str, ...]], str]
"""SQL for a stored table's path."""

NO_NODE = exp.Null()
MAX_SQL = 4_000_000


def methodcaller_of(name: str) -> Callable[[Any, Any], str]:
    """The engine's own method of that name, whichever class it comes from."""

    def printer(lowering: Any, value: Any) -> str:
        found: str = getattr(lowering, name)(value)
        return found

    return printer


class TooLong(Exception):
    """The SQL has grown past every reasonable size (aliases that double at each step)."""


class Lowering:
    """Prints one query for one engine. One use per query."""

    engine = ""

    def __init__(
        self,
        catalog: Catalog,
        *,
        now: datetime | None = None,
        relation: Relation | None = None,
    ) -> None:
        self.catalog = catalog
        self.now = now
        self.relation = relation or self.stored
        self.problems: list[Problem] = []
        self.physical: dict[tuple[str, ...], None] = {}
        self.places: dict[int, tuple[str, str]] = {}
        """Source -> its alias and what its columns' names begin with there."""
        self.taken: set[str] = set()
        self.cte_names: dict[int, str] = {}
        self.ctes: list[str] = []
        self.has_recursion = False
        self.memo: dict[int, str] = {}
        self.maps: dict[int, dict[str, str]] = {}
        self.size = 0

    # The engine's spellings

    def identifier(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def string(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def stored(self, path: tuple[str, ...]) -> str:
        raise NotImplementedError

    def literal(self, value: Any) -> str:
        raise NotImplementedError

    def now_sql(self, kind: str) -> str:
        raise NotImplementedError

    def property(self, value: Property) -> str:
        raise NotImplementedError

    # The whole

    def statement(self, query: Query) -> str:
        from pwh_assets.hogql.lower.clauses import query_sql

        body = query_sql(self, query, query.names, None)
        if self.ctes:
            if body.startswith("("):
                body = f"SELECT * FROM ({body}) AS {self.identifier(self.fresh('u'))}"
            word = "WITH RECURSIVE " if self.has_recursion else "WITH "
            return f"{word}{', '.join(self.ctes)} {body}"
        return body

    def refuse(self, error: UnsupportedFunction | ValueError, node: exp.Expression | None) -> str:
        start, end = span(node)
        problem = Problem(SyntaxProblem.UNSUPPORTED, str(error), start, end)
        if problem not in self.problems:
            self.problems.append(problem)
        return "NULL"

    # Names

    def place(self, source: Source) -> tuple[str, str]:
        found = self.places.get(id(source))
        if found is None:
            found = self.places[id(source)] = (self.fresh(source.label), "")
        return found

    def fresh(self, label: str) -> str:
        """A table alias no other in the statement has, also not by case."""
        base = "".join(c if c.isalnum() or c in "_$" else "_" for c in label)[:60] or "t"
        name, count = base, 2
        while name.lower() in self.taken:
            name = f"{base}_{count}"
            count += 1
        self.taken.add(name.lower())
        return name

    def column(self, value: ColumnRef) -> str:
        alias, prefix = self.place(value.source)
        return f"{self.identifier(alias)}.{self.identifier(prefix + self.column_name(value.source, value.name))}"

    def column_name(self, source: Source, name: str) -> str:
        """The name a source's column has in the SQL."""
        names = self.maps.get(id(source))
        if names is None:
            names = self.maps[id(source)] = self.name_map(source)
        return names.get(name, name)

    def name_map(self, source: Source) -> dict[str, str]:
        from pwh_assets.hogql.lower.clauses import output_names
        from pwh_assets.hogql.resolve.sources import columns_of

        found: dict[str, str] = {}
        for (name, _), printed in zip(columns_of(source), output_names(source), strict=False):
            found.setdefault(name, printed)
        return found

    def cte(self, cte: Cte) -> str:
        """The name of a named query, which is printed at its first use."""
        from pwh_assets.hogql.lower.clauses import cte_sql

        name = self.cte_names.get(id(cte))
        if name is None:
            name = self.cte_names[id(cte)] = self.fresh(cte.name)
            sql = cte_sql(self, cte, name)
            self.ctes.append(sql)
        return name

    # Values

    def value(self, value: Value) -> str:
        key = id(value)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = PRINTERS[type(value)](self, value)
        self.size += len(found)
        if self.size > MAX_SQL:
            raise TooLong
        return found

    def values(self, values: Sequence[Value]) -> str:
        return ", ".join([self.value(value) for value in values])

    def filter(self, value: Value) -> str:
        """A condition whose NULL counts as false: what stands in WHERE, ON and HAVING."""
        if isinstance(value, Logic) and value.op == "AND":
            return " AND ".join([self.filter(item) for item in value.items])
        if isinstance(value, Logic):
            return "(" + " OR ".join([self.filter(item) for item in value.items]) + ")"
        if isinstance(value, InList) and not value.is_negated:
            return self.in_list(value, True)
        if isinstance(value, InQuery) and not value.is_negated:
            return self.in_query(value, True)
        return self.value(value)

    def literal_value(self, value: Literal) -> str:
        return self.literal(value.value)

    def now_value(self, value: Now) -> str:
        return self.now_sql(value.kind)

    def param(self, value: Param) -> str:
        return self.identifier(value.name)

    def logic(self, value: Logic) -> str:
        return "(" + f" {value.op} ".join([self.value(item) for item in value.items]) + ")"

    def not_(self, value: Not) -> str:
        if value.is_safe:
            return f"coalesce(NOT ({self.value(value.this)}), TRUE)"
        return f"(NOT {self.value(value.this)})"

    def is_null(self, value: IsNull) -> str:
        return f"({self.value(value.this)} IS {'NOT ' if value.is_negated else ''}NULL)"

    def between(self, value: Between) -> str:
        low, high = self.value(value.low), self.value(value.high)
        return f"({self.value(value.this)} BETWEEN {low} AND {high})"

    def in_list(self, value: InList, is_filter: bool = False) -> str:
        this = self.value(value.this)
        if not value.items:
            if value.has_null:
                return f"({this} IS {'NOT ' if value.is_negated else ''}NULL)"
            return "TRUE" if value.is_negated else "FALSE"
        test = self.in_items(this, value)
        if value.is_negated:
            return (
                f"({this} IS NOT NULL AND NOT {test})"
                if value.has_null
                else f"coalesce(NOT {test}, TRUE)"
            )
        if value.has_null:
            return f"({this} IS NULL OR {test})"
        return test if is_filter else f"coalesce({test}, FALSE)"

    def in_items(self, this: str, value: InList) -> str:
        return f"({this} IN ({self.values(value.items)}))"

    def in_query(self, value: InQuery, is_filter: bool = False) -> str:
        test = f"({self.value(value.this)} IN ({self.subquery(value.query)}))"
        if value.is_negated:
            return f"coalesce(NOT {test}, TRUE)"
        return test if is_filter else f"coalesce({test}, FALSE)"

    def subquery(self, query: Query) -> str:
        from pwh_assets.hogql.lower.clauses import query_sql

        return query_sql(self, query, query.names, None)

    def scalar_query(self, value: ScalarQuery) -> str:
        return f"({self.subquery(value.query)})"

    def exists(self, value: Exists) -> str:
        return f"EXISTS ({self.subquery(value.query)})"

    def array(self, value: ArrayValue) -> str:
        return f"[{', '.join(self.unified(value.items, value.type.args[0] if value.type.args else None))}]"

    def unified(self, items: Sequence[Value], wanted: Any) -> list[str]:
        """Values brought to the type they all fit in."""
        from pwh_assets.hogql.functions.texts import unify

        if wanted is None or all(item.type == wanted for item in items):
            return [self.value(item) for item in items]
        call = FunctionCall("", self.engine, (), timezone=self.catalog.timezone)
        return unify(call, [self.arg(item) for item in items], wanted)

    def arg(self, value: Value) -> Arg:
        node = value.node if value.node is not None else NO_NODE
        if isinstance(value, Lambda):
            return Arg(self.value(value.body), value.type, node, value.names)
        return Arg(self.value(value), value.type, node)

    def convert(self, name: str, sql: str, value: Value) -> str:
        """`sql` through one of the registry's conversions."""
        row = REGISTRY.find(name)
        assert isinstance(row, Fn), name
        call = FunctionCall(
            name, self.engine, [Arg(sql, STRING, NO_NODE)], timezone=self.catalog.timezone
        )
        return render(row, call)

    # Calls

    def call(self, value: Call) -> str:
        order = value.order
        function = FunctionCall(
            value.name,
            self.engine,
            [self.arg(arg) for arg in value.args],
            [self.arg(param) for param in value.params],
            distinct=value.is_distinct,
            order_sql=f"ORDER BY {self.orders(order)}" if order else "",
            order_keys=[(self.value(o.this), o.is_descending) for o in order] if order else (),
            filter_sql=self.value(value.filter) if value.filter is not None else "",
            over_sql=f"OVER ({self.window(value.window)})" if value.window is not None else "",
            timezone=self.catalog.timezone,
            week_start=self.catalog.week_start,
        )
        try:
            if isinstance(value.row, Agg):
                return render(value.row, function, value.combinators)
            return render(value.row, function)
        except UnsupportedFunction as error:
            return self.refuse(error, value.node)

    def window(self, window: Window) -> str:
        parts: list[str] = []
        if window.partition:
            parts.append(f"PARTITION BY {self.values(window.partition)}")
        if window.order:
            parts.append(f"ORDER BY {self.orders(window.order)}")
        if window.frame is not None:
            parts.append(self.frame(window.frame))
        return " ".join(parts)

    def frame(self, frame: Frame) -> str:
        def bound(edge: tuple[Value | None, str]) -> str:
            amount, side = edge
            return side if amount is None else f"{self.value(amount)} {side}"

        if frame.end is None:
            return f"{frame.kind} {bound(frame.start)}"
        return f"{frame.kind} BETWEEN {bound(frame.start)} AND {bound(frame.end)}"

    def orders(self, orders: Sequence[Order]) -> str:
        return ", ".join([self.order(order, self.value(order.this)) for order in orders])

    def order(self, order: Order, sql: str) -> str:
        direction = " DESC" if order.is_descending else ""
        return f"{sql}{direction} NULLS {'FIRST' if order.nulls_first else 'LAST'}"

    # What engines spell differently

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
        raise NotImplementedError

    def join(self, join: Join, source: str) -> str:
        raise NotImplementedError

    def array_join(self, sql: str, source: ArrayJoinSource) -> str:
        """FROM with one row per element."""
        raise NotImplementedError

    def qualify(self, query: Select) -> str:
        raise NotImplementedError

    def select_tail(self, query: Select, positions: dict[str, int]) -> str:
        """ORDER BY and everything after it."""
        raise NotImplementedError

    def limits(self, query: Query) -> str:
        raise NotImplementedError

    def hash_share(self, sql: str) -> str:
        """A number from 0 to 1 that depends on the value alone, the same on every engine."""
        raise NotImplementedError

    def lambda_(self, value: Lambda) -> str:
        return self.value(value.body)


PRINTERS: dict[type, Callable[[Any, Any], str]] = {
    kind: methodcaller_of(name)
    for kind, name in (
        (Literal, "literal_value"),
        (Now, "now_value"),
        (ColumnRef, "column"),
        (Param, "param"),
        (Property, "property"),
        (Item, "item"),
        (Field, "field"),
        (Slice, "slice"),
        (Call, "call"),
        (Logic, "logic"),
        (Not, "not_"),
        (IsNull, "is_null"),
        (Between, "between"),
        (InList, "in_list"),
        (InQuery, "in_query"),
        (ArrayValue, "array"),
        (TupleValue, "tuple"),
        (MapValue, "map"),
        (IntervalValue, "interval"),
        (Lambda, "lambda_"),
        (ScalarQuery, "scalar_query"),
        (Exists, "exists"),
    )
}
