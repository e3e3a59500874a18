"""Values: operands, operators, calls and windows, as every engine writes them unless it overrides them."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg, Arg, Fn
from pwh_assets.hogql.functions.base import Call as FunctionCall
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import UnsupportedFunction, render
from pwh_assets.hogql.lower.spelling import Spelling
from pwh_assets.hogql.resolve.nodes import (
    ArrayValue,
    Between,
    Call,
    ColumnRef,
    Exists,
    Field,
    Frame,
    InList,
    InQuery,
    IntervalValue,
    IsNull,
    Item,
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
    Slice,
    TupleValue,
    Value,
    ValuesSource,
    Window,
)
from pwh_assets.hogql.types import STRING

NO_NODE = exp.Null()
MAX_SQL = 4_000_000


class TooLong(Exception):
    """The SQL has grown past every reasonable size (aliases that double at each step)."""


class Values(Spelling):
    """Prints expressions; each shared node once."""

    def subquery(self, query: Query) -> str:
        raise NotImplementedError

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
            if isinstance(value.row, Fn) and value.row.volatile:
                self.is_volatile = True
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

    def lambda_(self, value: Lambda) -> str:
        return self.value(value.body)

    def rows(self, source: ValuesSource) -> str:
        selects = []
        for row in source.rows:
            cells = [
                f"{self.unified([cell], type_)[0]} AS {self.identifier(name)}"
                for cell, (name, type_) in zip(row, source.columns, strict=True)
            ]
            selects.append("SELECT " + ", ".join(cells))
        return "(" + " UNION ALL ".join(selects or ["SELECT NULL WHERE FALSE"]) + ")"


def printer_of(name: str) -> Callable[[Any, Any], str]:
    """The engine's own method of that name, whichever class it comes from."""

    def printer(lowering: Any, value: Any) -> str:
        found: str = getattr(lowering, name)(value)
        return found

    return printer


PRINTERS: dict[type, Callable[[Any, Any], str]] = {
    kind: printer_of(name)
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
