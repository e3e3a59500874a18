"""The sources of one SELECT in a normal form: a core of inner joins, and the others in their order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pwh_assets.hogql.incremental.trees import asks, conjuncts, is_volatile, references
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    ColumnRef,
    Join,
    JoinedSource,
    Logic,
    Property,
    Select,
    Source,
    TupleValue,
    Value,
)
from pwh_assets.hogql.types import BOOLEAN

INNER = ("", "inner", "cross")
FOLLOWING = ("left", "semi", "anti", "asof", "asof left")
"""Joins that keep each row in front of them, or drop it, by what they find for it."""
NULL_FOR_NULL = frozenset(
    (
        *("toString", "toInt", "toFloat", "toDate", "toDateTime", "toUUID", "toDecimal"),
        *("lower", "upper", "trim", "toStartOfDay", "toStartOfHour", "toStartOfMonth"),
    )
)
"""Functions whose answer is NULL when their first argument is."""


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """One joined source. `tests` are the parts of its ON that may be used to find who it belongs to."""

    place: int
    source: Source
    tests: tuple[Value, ...]
    is_core: bool
    """Joined by an inner join that needs none of the others: its order does not matter."""
    may_be_missing: bool
    """Its columns are all NULL where nothing was found."""
    only_tests: bool
    """Says only whether a row stays; nobody sees its columns (SEMI and ANTI JOIN)."""


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    legs: tuple[Leg, ...]
    core_tests: tuple[Value, ...]
    """What holds for every row of the core: ON of its joins, and the parts of WHERE about it alone."""
    by_source: dict[int, Leg]
    arrays: dict[int, ArrayJoinSource]

    def of(self, value: Value) -> set[int] | None:
        """Places of the legs a value reads; None when it also reads something else."""
        found: set[int] = set()
        stack: list[Value] = [value]
        while stack:
            for reference in references(stack.pop()):
                array = self.arrays.get(id(reference.source))
                leg = self.by_source.get(id(reference.source))
                if array is not None:
                    stack += [v for name, v in array.items if name == reference.name]
                elif leg is not None:
                    found.add(leg.place)
                else:
                    return None
        return found

    def arrays_of(self, values: Iterable[Value]) -> list[ArrayJoinSource]:
        """Array joins that the values read, in the order they are carried out."""
        needed: set[int] = set()
        stack = list(values)
        while stack:
            for reference in references(stack.pop()):
                array = self.arrays.get(id(reference.source))
                if array is not None and id(array) not in needed:
                    needed.add(id(array))
                    stack += [value for _, value in array.items]
        return [array for key, array in self.arrays.items() if key in needed]


def legs_of(query: Select) -> Legs | str:
    """The normal form, or why there is none, in words."""
    arrays = {id(source): source for source in query.array_joins}
    legs: list[Leg] = []
    by_source: dict[int, Leg] = {}
    core_tests: list[Value] = []
    for place, (source, kind, on) in enumerate(_flat(query.joins)):
        if kind not in INNER and kind not in FOLLOWING:
            if kind == "bracketed":
                return "it joins tables in brackets by something else than inner joins"
            return f"a {kind.upper()} JOIN has rows that no row of the tables before it stands for"
        tests = [test for test in conjuncts(on) if _is_plain(test, arrays)]
        asked = {
            by_source[id(reference.source)]
            for test in conjuncts(on)
            for reference in references(test)
            if id(reference.source) in by_source
        }
        is_core = kind in INNER and all(leg.is_core for leg in asked)
        is_outer, only_tests = kind in ("left", "asof left"), kind in ("semi", "anti")
        leg = Leg(place, source, tuple(tests), is_core, is_outer, only_tests)
        legs.append(leg)
        by_source[id(source)] = leg
        if is_core:
            core_tests += tests
    made = Legs(tuple(legs), (), by_source, arrays)
    if any(max(made.of(test) or {0}) > leg.place for leg in legs for test in leg.tests):
        return "it joins by a column of a further table that a field of the joined one stands for"
    for test in conjuncts(query.where):
        if _is_plain(test, arrays):
            places = made.of(test)
            if places and all(legs[place].is_core for place in places):
                core_tests.append(test)
    return Legs(made.legs, tuple(core_tests), by_source, arrays)


def _is_plain(test: Value, arrays: dict[int, ArrayJoinSource]) -> bool:
    return (
        not asks(test)
        and not is_volatile(test)
        and not any(id(reference.source) in arrays for reference in references(test))
    )


def _flat(joins: Sequence[Join]) -> Iterator[tuple[Source, str, Value | None]]:
    """Every source with its kind of join and its ON. Inner joins in brackets are as if there were none."""
    for join in joins:
        if not isinstance(join.source, JoinedSource):
            yield join.source, join.kind, join.on
        else:
            inside = list(_flat(join.source.joins))
            is_inner = all(kind in INNER for _, kind, _ in inside) and join.kind in INNER
            for number, (source, kind, on) in enumerate(inside, 1):
                tests = [test for test in (on, join.on if number == len(inside) else None) if test]
                both = (
                    tests[0] if len(tests) == 1 else Logic(BOOLEAN, "AND", tests) if tests else None
                )
                yield source, kind if is_inner else "bracketed", both
        for lazy in join.source.lazy:
            yield lazy.source, lazy.kind, lazy.on


def is_strict(test: Value, source: Source) -> bool:
    """True when the test cannot hold where all of the source's columns are NULL."""
    if not isinstance(test, Call) or test.row.name != "equals":
        return False
    return any(is_from(side, source) for side in test.args)


def is_from(value: Value, source: Source) -> bool:
    """True when the value is NULL wherever the source's columns are."""
    if isinstance(value, TupleValue):
        return any(is_from(item, source) for item in value.items)
    if isinstance(value, ColumnRef):
        return value.source is source
    if isinstance(value, Property):
        return is_from(value.base, source)
    if isinstance(value, Call) and value.row.name in NULL_FOR_NULL and value.args:
        return is_from(value.args[0], source)
    return False
