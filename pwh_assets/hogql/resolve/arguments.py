"""Arguments of calls against what the function takes: read as that where they can be, else a mistake with its place."""

from collections.abc import Sequence

from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg, Fn, WindowFn
from pwh_assets.hogql.functions.rules import common, element_of
from pwh_assets.hogql.functions.signatures import KINDS, SCALARS, TITLES, takes, word_at
from pwh_assets.hogql.resolve.core import CODES
from pwh_assets.hogql.resolve.nodes import (
    ArrayValue,
    Call,
    IntervalValue,
    Lambda,
    Literal,
    TupleValue,
    Value,
)
from pwh_assets.hogql.resolve.operators import NUMBERS, TEXTS, Operators, a, comparable
from pwh_assets.hogql.types import FLOAT, INTEGER, UNKNOWN, Type

OPEN = frozenset(["Unknown", "Null"])
"""Types nothing can be said about."""

ALIKE = frozenset(["coalesce", "ifNull", "least", "greatest", "array"])
"""Functions whose arguments become one value, so have to fit one type."""
SAME_ARRAYS = frozenset(
    ["arrayConcat", "hasAny", "hasAll", "hasSubstr", "arrayIntersect", "arrayJaccardIndex"]
)
"""Functions of arrays whose elements are compared or put together."""
ADDING = frozenset(
    [
        "arraySum",
        "arrayAvg",
        "arrayProduct",
        "arrayCumSum",
        "arrayCumSumNonNegative",
        "arrayDifference",
    ]
)
"""Functions that reckon with an array's elements."""
HINTS: dict[str, str] = {
    "array": "Write `[…]`, or make one, for example with `splitByChar` or `JSONExtractArrayRaw`.",
    "number": "Convert it, for example with `toFloat`.",
    "integer": "Convert it, for example with `toInt`.",
    "time": "Convert it with `toDateTime` or `toDate`.",
    "text": "Convert it, for example with `toString` or `arrayStringConcat`.",
    "string": "Convert it with `toString`.",
    "literal": "Write the value itself.",
    "condition": "Compare it with something.",
}


def of_one_family(left: Type, right: Type) -> bool:
    """Whether values of both types stand in one array without being converted.

    >>> of_one_family(INTEGER, FLOAT), of_one_family(INTEGER, Type("String"))
    (True, False)
    """
    names = {left.name, right.name}
    if names & OPEN:
        return True
    if len(names) == 1:
        return (
            left.name != "Array"
            or not (left.args and right.args)
            or of_one_family(left.args[0], right.args[0])
        )
    return names <= NUMBERS | {"Boolean"} or names <= TEXTS or names <= {"Date", "DateTime"}


class Arguments(Operators):
    """Fits values to what a call takes."""

    def fitted(
        self, row: Fn | Agg | WindowFn, name: str, args: list[Value], node: exp.Expression
    ) -> list[Value]:
        """The arguments as the function reads them; a mistake is noted where one cannot be."""
        words = takes(row, len(args))
        if words:
            lambdas = row.category == "lambdas"
            args = [
                arg
                if lambdas and isinstance(arg, Lambda)
                else self.fit(word_at(words, place), name, arg, node)
                for place, arg in enumerate(args)
            ]
            if lambdas and row.name in ADDING and not isinstance(args[0], Lambda):
                self.fit("numbers", name, args[0], node)
            if lambdas:
                self.check_lambda(row, name, args, node)
        elif args and any(isinstance(arg, Lambda) for arg in args):
            self.problem(CODES.TYPE, f"`{name}` takes no lambda", node)
        self.check_alike(row, name, args, node)
        return args

    def fit(self, word: str, name: str, arg: Value, node: exp.Expression) -> Value:
        """One argument as one word of a signature asks."""
        type_ = arg.type
        kind = type_.name
        if isinstance(arg, Lambda):
            if word != "lambda":
                return self.refused(word, name, "a lambda", arg, node)
            return arg
        if word == "any" or kind == "Unknown":
            if word == "literal" and not self.is_literal(arg):
                return self.refused(word, name, "an expression", arg, node)
            return arg
        if word == "lambda":
            return self.refused(word, name, a(type_), arg, node)
        if kind == "Null":
            return arg
        choices = word.split("|") if "|" in word else (word,)
        for choice in choices:
            if kind in KINDS.get(choice, ()):
                if choice in ("numbers", "texts") and not self.holds(choice, type_):
                    continue
                return arg
            if choice == "literal" and self.is_literal(arg):
                return arg
        for choice in choices:
            found = self.converted_to(choice, arg)
            if found is not None:
                return found
        said = "an expression" if choices[0] == "literal" else a(type_)
        return self.refused(word, name, said, arg, node)

    def holds(self, word: str, type_: Type) -> bool:
        of = type_.args[0].name if type_.args else "Unknown"
        if of in OPEN:
            return True
        return of in NUMBERS or of == "Boolean" if word == "numbers" else of in TEXTS

    def is_literal(self, arg: Value) -> bool:
        if isinstance(arg, ArrayValue | TupleValue):
            return all(self.is_literal(item) for item in arg.items)
        return isinstance(arg, Literal | IntervalValue) or (
            isinstance(arg, Call) and arg.name == "negate" and isinstance(arg.args[0], Literal)
        )

    def converted_to(self, word: str, arg: Value) -> Value | None:
        """A value read as a number, a text, a time or a condition; None where it is none."""
        kind = arg.type.name
        if word == "number":
            if isinstance(arg, Literal) and kind in TEXTS:
                found = self.read_as(arg, FLOAT)
                return found if found is not arg else None
            if kind in TEXTS:
                return self.call("toFloat", arg, node=arg.node)
            return self.call("toInt", arg, node=arg.node) if kind == "Boolean" else None
        if word == "integer":
            if isinstance(arg, Literal):
                found = self.read_as(arg, INTEGER) if kind in TEXTS else arg
                value = found.value
                if isinstance(value, bool | str) or not isinstance(value, int | float):
                    return None
                return Literal(INTEGER, int(value), node=arg.node) if value == int(value) else None
            if kind in ("Float", "Decimal"):
                arg = self.call("trunc", arg, node=arg.node)
            elif kind not in TEXTS and kind != "Boolean":
                return None
            return self.call("toInt", arg, node=arg.node)
        if word == "text" and kind in SCALARS:
            return self.call("toString", arg, node=arg.node)
        if word == "instant" and kind == "Date":
            return self.call("toDateTime", arg, node=arg.node)
        if word == "condition" and (kind in NUMBERS or kind in TEXTS or kind == "Boolean"):
            return self.truth(arg)
        return None

    def refused(self, word: str, name: str, said: str, arg: Value, node: exp.Expression) -> Value:
        choices = word.split("|")
        titles = [TITLES.get(choice, "a condition") for choice in choices]
        wanted = ", ".join(titles[:-1]) + (" or " if len(titles) > 1 else "") + titles[-1]
        place = arg.node if arg.node is not None else node
        if isinstance(arg, Literal) and isinstance(arg.value, str) and said == "a String":
            said = f"the text '{arg.value[:40]}'"
        return self.problem(
            CODES.TYPE, f"`{name}` takes {wanted} here, not {said}", place, HINTS.get(choices[0])
        )

    def check_lambda(
        self, row: Fn | Agg | WindowFn, name: str, args: Sequence[Value], node: exp.Expression
    ) -> None:
        """A lambda comes first and has a parameter for each array."""
        head, arrays = args[0], list(args[1:])
        if any(isinstance(arg, Lambda) for arg in arrays):
            self.problem(CODES.TYPE, f"`{name}` takes one lambda, before the arrays", node)
            return
        if not isinstance(head, Lambda):
            if row.args[0] > 1:
                self.problem(
                    CODES.TYPE,
                    f"`{name}` takes a lambda first",
                    head.node if head.node is not None else node,
                    f"Write `{name}(x -> …, …)`.",
                )
            return
        if not arrays:
            self.problem(CODES.ARITY, f"`{name}` takes an array after the lambda", node)
            return
        count = len(head.names)
        if count == len(arrays) or row.name == "arrayFold":
            return
        of = arrays[0].type.args[0] if arrays[0].type.args else UNKNOWN
        is_spread = len(arrays) == 1 and (
            (of.name == "Tuple" and len(of.args) == count) or of.name in OPEN
        )
        if not is_spread:
            plural = "" if count == 1 else "s"
            self.problem(
                CODES.ARITY,
                f"The lambda of `{name}` has {count} parameter{plural} for {len(arrays)} "
                f"array{'' if len(arrays) == 1 else 's'}",
                head.node,
            )

    def check_alike(
        self, row: Fn | Agg | WindowFn, name: str, args: list[Value], node: exp.Expression
    ) -> None:
        """Arguments that become one value have to fit one type."""
        known = row.name
        if known in ALIKE:
            self.one_type(name, args, node)
        elif known in SAME_ARRAYS:
            for other in args[1:]:
                if not of_one_family(args[0].type, other.type):
                    self.unlike(name, args[0].type, other, node)
        elif known == "if":
            self.one_type(name, args[1:3], node)
        elif known == "multiIf":
            self.one_type(name, [*args[1:-1:2], args[-1]], node)
        elif known == "map":
            for some in (args[::2], args[1::2]):
                for other in some[1:]:
                    if not of_one_family(some[0].type, other.type):
                        self.unlike(name, some[0].type, other, node)
        elif (known == "transform" and not comparable(args[0].type, element_of(args[1].type))) or (
            known == "nullIf" and not comparable(args[0].type, args[1].type)
        ):
            self.unlike(name, args[0].type, args[1], node)
        elif known in ("lag", "lead", "lagInFrame", "leadInFrame") and len(args) == 3:
            if not of_one_family(args[0].type, args[2].type):
                self.unlike(name, args[0].type, args[2], node)
        elif known == "concat" and any(arg.type.name == "Array" for arg in args):
            for other in args[1:]:
                if not of_one_family(args[0].type, other.type):
                    self.unlike(name, args[0].type, other, node)
        elif known in ("has", "indexOf", "countEqual"):
            args[1] = self.as_element(name, args[0].type, args[1], node)
        elif known in ("arrayPushBack", "arrayPushFront", "arrayResize") and len(args) > 1:
            of = element_of(args[0].type)
            has_item = known != "arrayResize" or len(args) > 2
            if has_item and not of_one_family(of, args[-1].type):
                self.unlike(name, of, args[-1], node)
        elif known == "arrayElement" and args[0].type.name == "Array":
            args[1] = self.fit("integer", name, args[1], node)
        elif known in ("mapContains", "mapContainsValue") and len(args[0].type.args) == 2:
            of = args[0].type.args[known == "mapContainsValue"]
            if not of_one_family(of, args[1].type):
                self.unlike(name, of, args[1], node)

    def as_element(self, name: str, of: Type, item: Value, node: exp.Expression) -> Value:
        """What is looked for in an array, in the type of its elements."""
        of = element_of(of)
        if not comparable(of, item.type):
            self.unlike(name, of, item, node)
            return item
        if of == item.type or of.name in OPEN or item.type.name in OPEN:
            return item
        if isinstance(item, Literal):
            item = self.read_as(item, of)
        kind = item.type.name
        if of.name in NUMBERS and kind in TEXTS:
            return self.call("toFloat", item, node=item.node)
        if of.name in TEXTS and kind not in TEXTS and kind not in OPEN:
            return self.call("toString", item, node=item.node)
        return item

    def one_type(self, name: str, args: Sequence[Value], node: exp.Expression) -> None:
        types = [arg.type for arg in args]
        if any(type_.name == "Unknown" for type_ in types) or common(types).name != "Unknown":
            return
        first = next(type_ for type_ in types if type_.name != "Null")
        other = next((arg for arg in args if common([first, arg.type]).name == "Unknown"), args[-1])
        self.unlike(name, first, other, node)

    def unlike(self, name: str, first: Type, other: Value, node: exp.Expression) -> None:
        self.problem(
            CODES.TYPE,
            f"`{name}` is given {a(first)} and {a(other.type)}, which have no type in common",
            other.node if other.node is not None else node,
            "Convert one of them, for example with `toString`.",
        )


__all__ = ["Arguments", "a"]
