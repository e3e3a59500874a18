"""Calls that are other things: operators written as functions, literals in disguise, `arrayJoin`, tuples, EXISTS."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.functions.base import Fn
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.resolve.calls import Calls
from pwh_assets.hogql.resolve.core import CODES, typed
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ArrayValue,
    Call,
    ColumnRef,
    Exists,
    IsNull,
    Literal,
    MapValue,
    Now,
    TupleValue,
    Value,
)
from pwh_assets.hogql.resolve.operators import comparable
from pwh_assets.hogql.resolve.stored import convert_currency, matches_action
from pwh_assets.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    STRING,
    UNKNOWN,
    Type,
    array,
    map_,
    tuple_,
)

NOWS: dict[str, str] = {
    "now": "now",
    "now64": "now",
    "nowinblock": "now",
    "current_timestamp": "now",
    "utctimestamp": "now",
    "utc_timestamp": "now",
    "today": "today",
    "curdate": "today",
    "current_date": "today",
    "yesterday": "yesterday",
}
TAG_MARK = "__hx_tag"
"""What the tuple of a display tag begins with."""


class SpecialCalls(Calls):
    """Resolves calls that stand for something else."""

    def now(self, node: exp.Expression) -> Value | None:
        kind = NOWS[str(node.this).lower()]
        if any(not isinstance(arg, exp.Literal) for arg in node.expressions):
            return None
        type_ = DATETIME if kind == "now" else DATE
        zone = (
            node.expressions[0].this if node.expressions and node.expressions[0].is_string else None
        )
        if zone and kind == "now":
            type_ = Type("DateTime", timezone=zone)
        return Now(type_, kind, node=node)

    def infix_call(self, node: exp.Expression) -> Value | None:
        """`and(a, b)`, `equals(a, b)`, `in(a, tuple(…))`: operators written as calls."""
        trees = node.expressions
        folded = str(node.this).lower()
        name = INFIX_NAMES.get(folded, folded)
        if folded in ("and", "or") and len(trees) > 1:
            return self.logic(folded.upper(), [self.value(tree) for tree in trees], node)
        if folded == "not" and len(trees) == 1:
            return self.invert(self.value(trees[0]), node)
        if (
            name in ("equals", "notEquals", "less", "greater", "lessOrEquals", "greaterOrEquals")
            and len(trees) == 2
        ):
            if self.skipped(*trees):
                return Literal(BOOLEAN, True, node=node)
            return self.compare(name, self.value(trees[0]), self.value(trees[1]), node)
        if name in ("isDistinctFrom", "isNotDistinctFrom") and len(trees) == 2:
            left, right = self.value(trees[0]), self.value(trees[1])
            return self.differs(left, right, name == "isDistinctFrom", node)
        if name in ("in", "notIn", "globalIn", "globalNotIn") and len(trees) == 2:
            is_negated = name.lower().endswith("notin")
            if isinstance(trees[1], exp.Subquery | exp.Select):
                return self.in_query(self.value(trees[0]), trees[1], is_negated, node)
            return self.among(self.value(trees[0]), [self.value(trees[1])], is_negated, node)
        if name in ("isNull", "isNotNull") and len(trees) == 1:
            return IsNull(BOOLEAN, self.value(trees[0]), name == "isNotNull", node=node)
        return None

    def tuple_call(self, node: exp.Expression) -> Value | None:
        items = [self.value(tree) for tree in node.expressions]
        return TupleValue(tuple_(*(item.type for item in items)), items, node=node)

    def array_call(self, node: exp.Expression) -> Value | None:
        return self.array_of([self.value(tree) for tree in node.expressions], node)

    def array_of(self, items: list[Value], node: exp.Expression) -> Value:
        self.one_type("array", items, node)
        return ArrayValue(
            array(common([item.type for item in items]) if items else UNKNOWN), items, node=node
        )

    def dict_call(self, node: exp.Expression) -> Value | None:
        values = [self.value(tree) for tree in node.expressions]
        keys, items = values[::2], values[1::2]
        self.one_type("map", keys, node)
        self.one_type("map", items, node)
        type_ = map_(common([k.type for k in keys]), common([v.type for v in items]))
        return MapValue(type_, keys, items, node=node)

    def array_join(self, node: exp.Expression) -> Value | None:
        """`arrayJoin(xs)`: one row per element; the same argument is one and the same expansion."""
        if len(node.expressions) != 1:
            return None
        argument = self.fit("array|map", "arrayJoin", self.value(node.expressions[0]), node)
        of = (
            argument.type.args[0]
            if argument.type.name == "Array" and argument.type.args
            else UNKNOWN
        )
        if argument.type.name == "Map" and argument.type.args:
            of = tuple_(*argument.type.args)
        words = " ".join(self.words(node.expressions[0]).split())
        for text, known in self.scope.array_joins:
            if text and text == words:
                return known
        source = ArrayJoinSource("joined", [("item", argument)], is_inline=True)
        found = ColumnRef(of, source, "item", node=node)
        self.scope.array_joins.append((words, found))
        return found

    def if_call(self, node: exp.Expression) -> Value | None:
        """`if` and `multiIf`: their conditions are conditions."""
        row = REGISTRY.find(str(node.this))
        args = [self.value(tree) for tree in node.expressions]
        if not isinstance(row, Fn) or not self.counts_right(row, str(node.this), len(args), node):
            return Literal(UNKNOWN, None, node=node)
        for index in range(0, len(args) - 1, 2):
            args[index] = self.truth(args[index])
        self.check_alike(row, row.name, args, node)
        call = Call(UNKNOWN, row, row.name, args, node=node)
        call.type = typed(row, args)
        return call

    def null_if(self, node: exp.Expression) -> Value | None:
        if len(node.expressions) != 2:
            return None
        left, right = (
            self.fit("scalar", "nullIf", self.value(tree), node) for tree in node.expressions
        )
        if not comparable(left.type, right.type):
            self.unlike("nullIf", left.type, right, node)
        return self.call("nullIf", left, self.alike(left, right)[1], node=node)

    def literal_moment(self, node: exp.Expression) -> Value | None:
        """`toDateTime('2024-01-02 03:04:05')` and `toDate('2024-01-02')` of a literal are literals."""
        if len(node.expressions) != 1:
            return None
        tree = node.expressions[0]
        if not isinstance(tree, exp.Literal) or not tree.is_string:
            return None
        kind = "Date" if str(node.this).lower() == "todate" else "DateTime"
        found = self.moment(Literal(STRING, tree.this, node=node), kind)
        return found if found is not None and found.type.name == kind else None

    def extract_call(self, node: exp.Expression) -> Value | None:
        """`EXTRACT(DAY FROM x)`."""
        unit, tree = node.expressions
        name = EXTRACTED.get(str(unit.this).lower().removesuffix("s"))
        if name is None:
            return self.problem(
                CODES.UNSUPPORTED,
                f"`{unit.this}` cannot be extracted",
                unit,
                f"Use one of {', '.join(EXTRACTED)}.",
            )
        row = REGISTRY.find(name)
        assert isinstance(row, Fn), name
        return self.call(name, self.value(tree), node=node)

    def query_exists(self, node: exp.Expression) -> Value | None:
        tree = node.expressions[0] if len(node.expressions) == 1 else None
        if not isinstance(tree, exp.Subquery | exp.Select | exp.SetOperation):
            return None
        inner = tree.this if isinstance(tree, exp.Subquery) else tree
        return Exists(BOOLEAN, self.query(inner, self.scope.env, self.scope), node=node)

    def tag(self, node: exp.Expression) -> Value | None:
        """`<Name key={value} />`: the tuple `('__hx_tag', 'Name', 'key', value, …)` that a page draws."""
        name, *attributes = node.expressions
        items: list[Value] = [
            Literal(STRING, TAG_MARK, node=exp.Literal(this=TAG_MARK, is_string=True)),
            self.value(name),
        ]
        for attribute in attributes:
            key = attribute.this.name
            items.append(Literal(STRING, key, node=exp.Literal(this=key, is_string=True)))
            items.append(self.drawn(attribute.expression))
        return TupleValue(tuple_(*(item.type for item in items)), items, node=node)

    def drawn(self, tree: exp.Expression) -> Value:
        """A tag's attribute: arrays written out may hold values of any type."""
        if isinstance(tree, exp.Array):
            items = [self.drawn(item) for item in tree.expressions]
            if common([item.type for item in items]).name == "Unknown" or any(
                item.type.name == "Tuple" for item in items
            ):
                return TupleValue(tuple_(*(item.type for item in items)), items, node=tree)
            return self.array_of(items, tree)
        return self.value(tree)

    def called_value(self, node: exp.Expression) -> Value | None:
        return self.problem(CODES.UNSUPPORTED, "Only a function can be called", node)


EXTRACTED: dict[str, str] = {
    "year": "toYear",
    "quarter": "toQuarter",
    "month": "toMonth",
    "week": "toISOWeek",
    "day": "toDayOfMonth",
    "dow": "toDayOfWeek",
    "doy": "toDayOfYear",
    "hour": "toHour",
    "minute": "toMinute",
    "second": "toSecond",
    "epoch": "toUnixTimestamp",
}

INFIX = (
    "equals",
    "notEquals",
    "less",
    "greater",
    "lessOrEquals",
    "greaterOrEquals",
    "in",
    "notIn",
    "globalIn",
    "globalNotIn",
    "isNull",
    "isNotNull",
    "isDistinctFrom",
    "isNotDistinctFrom",
)
INFIX_NAMES: dict[str, str] = {name.lower(): name for name in INFIX}

Special = Callable[[Any, exp.Expression], Value | None]

SPECIAL: dict[str, Special] = {
    **dict.fromkeys(("and", "or", "not", *INFIX), SpecialCalls.infix_call),
    "tuple": SpecialCalls.tuple_call,
    "array": SpecialCalls.array_call,
    "arrayJoin": SpecialCalls.array_join,
    "if": SpecialCalls.if_call,
    "multiIf": SpecialCalls.if_call,
    "toDateTime": SpecialCalls.literal_moment,
    "toDate": SpecialCalls.literal_moment,
    "nullIf": SpecialCalls.null_if,
    "nullif": SpecialCalls.null_if,
    "exists": SpecialCalls.query_exists,
    "matchesAction": matches_action,
    "metric": lambda resolver, node: resolver.metric_value(node),
    "convertCurrency": convert_currency,
    "__dict": SpecialCalls.dict_call,
    "__extract": SpecialCalls.extract_call,
    "__hx": SpecialCalls.tag,
    "__call": SpecialCalls.called_value,
}

SPECIAL_FOLDED: dict[str, Special] = {
    **dict.fromkeys(NOWS, SpecialCalls.now),
    **{name.lower(): handler for name, handler in SPECIAL.items()},
    "unnest": SpecialCalls.array_join,
    "explode": SpecialCalls.array_join,
}

SpecialCalls.specials = {**SPECIAL_FOLDED, **SPECIAL}
