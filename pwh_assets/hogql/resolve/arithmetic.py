"""Arithmetic: which types add up, and what texts, truths, times and intervals are among numbers."""

from sqlglot import exp

from pwh_assets.hogql.resolve.arguments import OPEN, a
from pwh_assets.hogql.resolve.core import CODES
from pwh_assets.hogql.resolve.nodes import IntervalValue, Literal, Value
from pwh_assets.hogql.resolve.operators import NUMBERS
from pwh_assets.hogql.resolve.special import SpecialCalls
from pwh_assets.hogql.types import FLOAT

ARITHMETIC: dict[type, str] = {
    exp.Add: "plus",
    exp.Sub: "minus",
    exp.Mul: "multiply",
    exp.Div: "divide",
    exp.Mod: "modulo",
}
CHAINED: frozenset[type] = frozenset([exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe])
WORDS_OF: dict[str, str] = {
    "plus": "{} and {} cannot be added",
    "minus": "From {} no {} can be subtracted",
    "multiply": "{} and {} cannot be multiplied",
    "divide": "{} cannot be divided by {}",
    "modulo": "{} has no remainder by {}",
}
COUNTS = NUMBERS | {"Boolean"}
MOMENTS = frozenset(["Date", "DateTime"])


def adds_up(name: str, left: str, right: str) -> bool:
    """Whether an operator of arithmetic is made for types of these names.

    >>> adds_up("plus", "Date", "Interval"), adds_up("multiply", "Date", "Integer")
    (True, False)
    """
    if left in OPEN or right in OPEN or (left in COUNTS and right in COUNTS):
        return True
    if name == "multiply":
        kinds = {left, right}
        return kinds <= COUNTS | {"Tuple"} or (kinds <= COUNTS | {"Interval"} and left != right)
    if name not in ("plus", "minus"):
        return False
    if left in MOMENTS:
        return right in COUNTS or right == "Interval" or (right in MOMENTS and name == "minus")
    if right in MOMENTS:
        return name == "plus" and (left in COUNTS or left == "Interval")
    return left == right and left in ("Interval", "Tuple")


class Arithmetic(SpecialCalls):
    """Resolves operators that make a number, a time or an interval."""

    def arithmetic(self, node: exp.Expression) -> Value:
        """A chain of operators of one level, without recursion along it."""
        spine: list[exp.Expression] = []
        current = node
        while type(current) in CHAINED:
            spine.append(current)
            current = current.this
        left = self.value(current)
        for link in reversed(spine):
            right = self.value(link.expression)
            if type(link) is exp.DPipe:
                left = self.call("concat", left, right, node=link)
            else:
                left = self.combine(ARITHMETIC[type(link)], left, right, link)
        return left

    def combine(self, name: str, left: Value, right: Value, node: exp.Expression) -> Value:
        kinds = (left.type.name, right.type.name)
        if "String" in kinds and not set(kinds) & {
            "Date",
            "DateTime",
            "Interval",
            "Tuple",
            "Array",
        }:
            left, right = self.numeric(left), self.numeric(right)
        elif "String" in kinds:
            left, right = (
                self.alike(left, right)
                if "Interval" not in kinds
                else (self.timed(left), self.timed(right))
            )
        return self.combined(name, left, right, node)

    def combined(self, name: str, left: Value, right: Value, node: exp.Expression) -> Value:
        """The operator on operands it is made for."""
        ours, theirs = left.type.name, right.type.name
        if not adds_up(name, ours, theirs):
            said = WORDS_OF[name].format(a(left.type), a(right.type))
            return self.problem(
                CODES.TYPE, said[0].upper() + said[1:], node, "Convert one of them."
            )
        if name == "multiply" and "Interval" in (ours, theirs):
            interval, factor = (left, right) if ours == "Interval" else (right, left)
            if isinstance(interval, IntervalValue):
                amount = self.call("multiply", interval.amount, factor, node=node)
                return IntervalValue(interval.type, amount, interval.unit, node=node)
            return self.problem(
                CODES.TYPE,
                "Only an interval written as one can be multiplied",
                node,
                "Multiply the number inside it.",
            )
        if name != "plus" and name != "minus":
            left, right = self.counted(left), self.counted(right)
        return self.call(name, left, right, node=node)

    def counted(self, value: Value) -> Value:
        """A truth among numbers: 1 or 0."""
        if value.type.name == "Boolean":
            return self.call("toInt", value, node=value.node)
        return value

    def numeric(self, value: Value) -> Value:
        if value.type.name not in ("String", "JSON"):
            return value
        if isinstance(value, Literal):
            found = self.read_as(value, FLOAT)
            if found is not value:
                return found
        return self.call("toFloat", value, node=value.node)

    def timed(self, value: Value) -> Value:
        if value.type.name != "String":
            return value
        if isinstance(value, Literal):
            found = self.moment(value, "DateTime")
            if found is not None:
                return found
        return self.call("toDateTime", value, node=value.node)

    def negative(self, node: exp.Expression) -> Value:
        value = self.value(node.this)
        if (
            isinstance(value, Literal)
            and isinstance(value.value, int | float)
            and not isinstance(value.value, bool)
        ):
            return Literal(value.type, -value.value, node=node)
        if value.type.name in ("Date", "DateTime", "UUID", "Array", "Map"):
            return self.problem(CODES.TYPE, f"A {value.type} has no negative", node)
        return self.call("negate", self.numeric(value), node=node)
