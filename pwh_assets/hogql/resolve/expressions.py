"""Expressions by kind of node."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.filters import beginning, ending, is_relative
from pwh_assets.hogql.functions.base import Agg
from pwh_assets.hogql.resolve.arithmetic import CHAINED, Arithmetic
from pwh_assets.hogql.resolve.core import CODES, MAX_NODES, parse_expression
from pwh_assets.hogql.resolve.filtered import RANGE, filtered
from pwh_assets.hogql.resolve.nodes import (
    Call,
    ColumnRef,
    InList,
    IntervalValue,
    IsNull,
    Literal,
    Property,
    Query,
    ScalarQuery,
    Select,
    TupleValue,
    Value,
    rebuild,
    walk,
)
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, NULL, STRING, Type, tuple_

CASTS: dict[str, str] = {
    word.replace("_", " "): function
    for function, words in {
        "toInt": "int integer bigint smallint tinyint int2 int4 int8 signed unsigned int16 int32 int64 int128 int256 "
        "uint uint8 uint16 uint32 uint64 uint128 uint256 hugeint long",
        "toFloat": "float double real float4 float8 float32 float64 double_precision",
        "toDecimal": "numeric decimal number decimal32 decimal64 decimal128",
        "toString": "string text varchar char character_varying fixedstring bpchar json",
        "toBool": "bool boolean",
        "toDate": "date date32",
        "toDateTime": "datetime datetime64 timestamp timestamptz datetime32 timestampntz timestamp_with_time_zone "
        "timestamp_without_time_zone timestamp_with_local_time_zone",
        "toUUID": "uuid",
    }.items()
    for word in words.split()
}
"""Type names in casts to the function that converts; what does not fit is NULL."""

COMPARING: dict[type, str] = {
    exp.EQ: "equals",
    exp.NEQ: "notEquals",
    exp.LT: "less",
    exp.LTE: "lessOrEquals",
    exp.GT: "greater",
    exp.GTE: "greaterOrEquals",
}
BACKSLASHES = re.compile(r"\\[%_\\]|\\")
"""In a pattern of LIKE: a backslash that escapes something, or stands for itself."""


def is_count(value: Value) -> bool:
    """Whether it is an aggregate that is 0 over no rows."""
    return (
        isinstance(value, Call)
        and isinstance(value.row, Agg)
        and value.window is None
        and (value.row.name.startswith("uniq") or value.row.name in ("count", "countDistinct"))
        and set(value.combinators) <= {"If", "Distinct", "OrDefault"}
    )


def emptied(value: Value) -> Value:
    """What an expression over aggregates is when there are no rows."""
    if isinstance(value, Call) and isinstance(value.row, Agg) and value.window is None:
        zero = exp.Literal(this="0", is_string=False)
        return Literal(INTEGER, 0, node=zero) if is_count(value) else Literal(NULL, None)
    return rebuild(value, emptied)


MATCHING: dict[type, str] = {exp.Like: "like", exp.ILike: "ilike", exp.RegexpLike: "match"}


class Expressions(Arithmetic):
    """Turns any expression node into a value."""

    def value(self, node: exp.Expression) -> Value:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.problem(
                CODES.TOO_LARGE, "The query is too large to compile", node, "Split it into views."
            )
        handler = HANDLERS.get(type(node))
        if handler is None:
            return self.problem(
                CODES.UNSUPPORTED,
                f"`{self.words(node) or type(node).__name__}` cannot stand here",
                node,
            )
        return handler(self, node)

    # Leaves

    def literal(self, node: exp.Expression) -> Value:
        text = node.this
        if node.args.get("is_string"):
            return Literal(STRING, text, node=node)
        if text.isdigit():
            return Literal(INTEGER, int(text), node=node)
        return Literal(FLOAT, float(text), node=node)

    def boolean_literal(self, node: exp.Expression) -> Value:
        return Literal(BOOLEAN, bool(node.this), node=node)

    def null(self, node: exp.Expression) -> Value:
        return Literal(NULL, None, node=node)

    def paren(self, node: exp.Expression) -> Value:
        return self.value(node.this)

    def placeholder(self, node: exp.Expression) -> Value:
        """`{variables.x}`, `{filters}`."""
        words = self.placeholder_name(node)
        found = self.lookup_variable("filters" if words.startswith("filters(") else words)
        if words in ("filters", "filters(") and not isinstance(found, bool):
            return filtered(self, node, found if isinstance(found, Mapping) else {})
        if isinstance(found, str) and words.startswith(RANGE) and is_relative(found):
            moment = ending(found) if words.endswith(".to") else beginning(found)
            return self.value(parse_expression(moment))
        if found is not MISSING:
            return self.constant(found, node)
        hint = (
            self.did_you_mean(words, list(self.options.variables)) or f"Pass a value for `{words}`."
        )
        return self.problem(CODES.UNSUPPORTED, f"`{{{words}}}` has no value", node, hint)

    def placeholder_name(self, node: exp.Expression) -> str:
        inner = node.this
        if isinstance(inner, exp.Anonymous):
            return f"{inner.this}("
        parts: list[str] = []
        while isinstance(inner, exp.Dot):
            parts.append(inner.expression.name)
            inner = inner.this
        parts.append(inner.name if isinstance(inner, exp.Expression) else str(inner))
        return ".".join(reversed(parts))

    def lookup_variable(self, words: str) -> Any:
        variables = self.options.variables
        if words in variables:
            return variables[words]
        current: Any = variables
        for word in words.split("."):
            if not isinstance(current, dict) or word not in current:
                short = words.removeprefix("variables.")
                return variables.get(short, MISSING) if short != words else MISSING
            current = current[word]
        return current

    def constant(self, value: Any, node: exp.Expression) -> Value:
        """A variable's value as a literal."""
        match value:
            case None:
                return Literal(NULL, None, node=node)
            case bool():
                return Literal(BOOLEAN, value, node=exp.Boolean(this=value))
            case int():
                return Literal(INTEGER, value, node=exp.Literal(this=str(value), is_string=False))
            case float():
                return Literal(FLOAT, value, node=exp.Literal(this=repr(value), is_string=False))
            case list() | tuple():
                return self.array_of([self.constant(item, node) for item in value], node)
            case _:
                text = str(value)
                return Literal(STRING, text, node=exp.Literal(this=text, is_string=True))

    def skipped(self, *trees: exp.Expression) -> bool:
        """A comparison with `{filters.dateRange.…}` that nobody has set: it restricts nothing."""
        return any(
            isinstance(tree, exp.Placeholder)
            and self.placeholder_name(tree).startswith("filters.")
            and self.lookup_variable(self.placeholder_name(tree)) in (MISSING, None, "all")
            for tree in trees
        )

    # Operators

    def comparison(self, node: exp.Expression) -> Value:
        if self.skipped(node.this, node.expression):
            return Literal(BOOLEAN, True, node=node)
        return self.compare(
            COMPARING[type(node)], self.value(node.this), self.value(node.expression), node
        )

    def distinct_from(self, node: exp.Expression) -> Value:
        left, right = self.value(node.this), self.value(node.expression)
        return self.differs(left, right, type(node) is exp.NullSafeNEQ, node)

    def matching(self, node: exp.Expression) -> Value:
        word = MATCHING.get(type(node), "match")
        left = self.fit("text", word, self.value(node.this), node)
        right = self.fit("text", word, self.value(node.expression), node)
        if word != "match" and isinstance(right, Literal) and isinstance(right.value, str):
            pattern = BACKSLASHES.sub(lambda found: found[0].rjust(2, "\\"), right.value)
            right = Literal(STRING, pattern, node=exp.Literal(this=pattern, is_string=True))
        if type(node) is exp.RegexpILike:
            insensitive = Literal(STRING, "(?i)")
            right = (
                Literal(
                    STRING,
                    f"(?i){right.value}",
                    node=exp.Literal(this=f"(?i){right.value}", is_string=True),
                )
                if isinstance(right, Literal)
                else self.call("concat", insensitive, right)
            )
            return self.call("match", left, right, node=node)
        return self.call(word, left, right, node=node)

    def escaped(self, node: exp.Expression) -> Value:
        if node.expression.name != "\\":
            return self.problem(CODES.UNSUPPORTED, "`ESCAPE` can only name the backslash", node)
        return self.value(node.this)

    def is_(self, node: exp.Expression) -> Value:
        return IsNull(BOOLEAN, self.value(node.this), node=node)

    def coalesce(self, node: exp.Expression) -> Value:
        args = [self.value(node.this), *(self.value(e) for e in node.expressions)]
        self.one_type("coalesce", args, node)
        return self.call("coalesce", *args, node=node)

    def ternary(self, node: exp.Expression) -> Value:
        yes, no = self.value(node.args["true"]), node.args.get("false")
        otherwise = self.value(no) if no is not None else Literal(NULL, None)
        self.one_type("if", [yes, otherwise], node)
        return self.call("if", self.condition(node.this), yes, otherwise, node=node)

    def case(self, node: exp.Expression) -> Value:
        operand = self.value(node.this) if node.this is not None else None
        args: list[Value] = []
        for when in node.args["ifs"]:
            test = (
                self.condition(when.this)
                if operand is None
                else self.compare("equals", operand, self.value(when.this), when.this)
            )
            args += [test, self.value(when.args["true"])]
        default = node.args.get("default")
        args.append(self.value(default) if default is not None else Literal(NULL, None))
        self.one_type("CASE", [*args[1:-1:2], args[-1]], node)
        return self.call("multiIf", *args, node=node)

    def cast(self, node: exp.Expression) -> Value:
        to = node.args["to"]
        text = " ".join(str(to.meta.get("type_text", "")).split())
        value = self.value(node.this)
        return self.cast_to(value, text, node, to)

    def cast_to(self, value: Value, text: str, node: exp.Expression, to: exp.Expression) -> Value:
        inner = text
        while inner.lower().startswith(("nullable(", "lowcardinality(")) and inner.endswith(")"):
            inner = inner[inner.index("(") + 1 : -1].strip()
        word = inner.split("(")[0].strip().lower()
        if word == "array" or inner.endswith("[]"):
            return value
        name = CASTS.get(word)
        if name is None:
            hint = self.did_you_mean(word, list(CASTS))
            return self.problem(
                CODES.UNSUPPORTED, f"There is no type `{text}` to cast to", to, hint
            )
        if isinstance(value, Literal) and value.value is None:
            return self.call(name, value, node=node)
        if name == "toDateTime" and isinstance(value, Literal) and isinstance(value.value, str):
            return self.moment(value, "DateTime") or self.call(name, value, node=node)
        if name == "toDate" and isinstance(value, Literal) and isinstance(value.value, str):
            found = self.moment(value, "Date")
            return (
                found
                if found is not None and found.type.name == "Date"
                else self.call(name, value, node=node)
            )
        if name == "toInt" and value.type.name in ("Float", "Decimal"):
            value = self.call("trunc", value, node=node)
        if name == "toDecimal":
            digits = inner[inner.index("(") + 1 : -1].split(",") if "(" in inner else []
            if not all(digit.strip().isdecimal() for digit in digits):
                return self.problem(
                    CODES.UNSUPPORTED,
                    f"There is no type `{text}` to cast to",
                    to,
                    "Write it with whole numbers: `Decimal(18, 2)`",
                )
            scale = (
                int(digits[-1])
                if len(digits) > 1 or (digits and word != "decimal")
                else 9
                if not digits
                else 0
            )
            scale_node = exp.Literal(this=str(scale), is_string=False)
            return self.call(name, value, Literal(INTEGER, scale, node=scale_node), node=node)
        return self.call(name, value, node=node)

    # Structures

    def tuple_value(self, node: exp.Expression) -> Value:
        items = [self.value(item) for item in node.expressions]
        return TupleValue(tuple_(*(item.type for item in items)), items, node=node)

    def array_value(self, node: exp.Expression) -> Value:
        return self.array_of([self.value(item) for item in node.expressions], node)

    def interval(self, node: exp.Expression) -> Value:
        unit = str(node.args["unit"].this).lower().removesuffix("s")
        amount = self.numeric(self.value(node.this))
        return IntervalValue(Type("Interval", fields=(unit,)), amount, unit, node=node)

    def named(self, node: exp.Expression) -> Value:
        """`expression AS name` anywhere: from here on the name stands for it."""
        name: str = node.args["alias"].name
        scope = self.scope
        is_new = name not in scope.defining
        scope.defining.add(name)
        try:
            value = self.value(node.this)
        finally:
            if is_new:
                scope.defining.discard(name)
        scope.aliases[name] = value
        return value

    def subquery(self, node: exp.Expression) -> Value:
        inner = node.this if type(node) is exp.Subquery else node
        query = self.query(inner, self.scope.env, self.scope)
        if len(query.columns) == 1:
            found = ScalarQuery(query.columns[0][1], query, node=node)
            return self.counted_from_zero(found, query, node)
        return ScalarQuery(tuple_(*(type_ for _, type_ in query.columns)), query, node=node)

    def counted_from_zero(self, value: Value, query: Query, node: exp.Expression) -> Value:
        """A count in a sub-query is 0 where no row matches, also when it is asked for each row."""
        if not isinstance(query, Select) or query.grouping is not None or query.where is None:
            return value
        if query.having is not None or query.limit is not None or query.offset is not None:
            return value
        item = query.items[0]
        if not any(is_count(part) for part in walk(item)):
            return value
        if any(isinstance(part, ColumnRef) for part in walk(emptied(item))):
            return value
        return self.call("coalesce", value, emptied(item), node=node)

    def exists(self, node: exp.Expression) -> Value:
        from pwh_assets.hogql.resolve.nodes import Exists

        inner = node.this.this if type(node.this) is exp.Subquery else node.this
        return Exists(BOOLEAN, self.query(inner, self.scope.env, self.scope), node=node)

    def star_alone(self, node: exp.Expression) -> Value:
        return self.problem(
            CODES.TYPE, "`*` can only stand in the list of columns or in `count(*)`", node
        )

    def not_here(self, node: exp.Expression) -> Value:
        return self.problem(
            CODES.TYPE, "A lambda can only be an argument of a function that takes one", node
        )


MISSING = object()

Handler = Callable[[Expressions, Any], Value]

HANDLERS: dict[type, Handler] = {
    exp.Column: Expressions.chain,
    exp.Dot: Expressions.chain,
    exp.Bracket: Expressions.chain,
    exp.Literal: Expressions.literal,
    exp.Boolean: Expressions.boolean_literal,
    exp.Null: Expressions.null,
    exp.Paren: Expressions.paren,
    exp.Anonymous: Expressions.function,
    exp.ParameterizedAgg: Expressions.function,
    exp.And: Expressions.connect,
    exp.Or: Expressions.connect,
    exp.Not: Expressions.negation,
    exp.In: Expressions.membership,
    exp.Between: Expressions.between,
    exp.Is: Expressions.is_,
    exp.NullSafeEQ: Expressions.distinct_from,
    exp.NullSafeNEQ: Expressions.distinct_from,
    **dict.fromkeys(CHAINED, Expressions.arithmetic),
    **dict.fromkeys(COMPARING, Expressions.comparison),
    **dict.fromkeys(MATCHING, Expressions.matching),
    exp.RegexpILike: Expressions.matching,
    exp.Escape: Expressions.escaped,
    exp.Neg: Expressions.negative,
    exp.Coalesce: Expressions.coalesce,
    exp.If: Expressions.ternary,
    exp.Case: Expressions.case,
    exp.Cast: Expressions.cast,
    exp.TryCast: Expressions.cast,
    exp.Interval: Expressions.interval,
    exp.Tuple: Expressions.tuple_value,
    exp.Array: Expressions.array_value,
    exp.Alias: Expressions.named,
    exp.Subquery: Expressions.subquery,
    exp.Select: Expressions.subquery,
    exp.Union: Expressions.subquery,
    exp.Exists: Expressions.exists,
    exp.Filter: Expressions.filtered,
    exp.WithinGroup: Expressions.wrapped,
    exp.IgnoreNulls: Expressions.wrapped,
    exp.Window: Expressions.windowed,
    exp.Placeholder: Expressions.placeholder,
    exp.Star: Expressions.star_alone,
    exp.Lambda: Expressions.not_here,
}

__all__ = ["CASTS", "Expressions", "InList", "Property"]
