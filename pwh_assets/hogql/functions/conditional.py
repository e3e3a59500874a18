"""Conditions and missing values."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Call, Fn, Handler, Row, alike, on, same
from pwh_assets.hogql.functions.comparison import comparable
from pwh_assets.hogql.functions.rules import common, first
from pwh_assets.hogql.functions.texts import unify
from pwh_assets.hogql.types import BOOLEAN, Type


def _branches(types: Sequence[Type]) -> list[Type]:
    """Types of the values of `multiIf(c1, v1, c2, v2, …, else)`."""
    values = list(types[1:-1:2])
    return [*values, types[-1]]


def _if_type(types: Sequence[Type]) -> Type:
    return common(_branches(types))


def case(call: Call, /) -> str:
    pairs = len(call.args) // 2
    odd = len(call.args) % 2 == 1
    values = [call.args[i * 2 + 1] for i in range(pairs)] + ([call.args[-1]] if odd else [])
    unified = unify(call, values, common([arg.type for arg in values]))
    whens = " ".join(f"WHEN {call.args[i * 2].sql} THEN {unified[i]}" for i in range(pairs))
    otherwise = f" ELSE {unified[-1]}" if odd else ""
    return f"(CASE {whens}{otherwise} END)"


def coalesce(call: Call, /) -> str:
    values = unify(call, list(call.args), common(call.types()))
    return f"coalesce({', '.join(values)})"


def null_if(call: Call, /) -> str:
    left, right = comparable(call, *call.args)
    if (left, right) == (call.args[0].sql, call.args[1].sql):
        return f"nullIf({left}, {right})"
    return f"(CASE WHEN {left} = {right} THEN NULL ELSE {call.args[0].sql} END)"


def _extreme(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        values = unify(call, list(call.args), common(call.types()))
        return f"{word}({', '.join(values)})"

    return handler


ROWS: tuple[Row, ...] = (
    Fn(
        "if",
        (3, 3),
        _if_type,
        "The second where the first is true, else the third. Also `condition ? a : b`.",
        alike(case),
        example=(
            ("if(1 = 1, 'a', 'b')", "a"),
            ("if(NULL, 1, 2)", 2),
            ("if(false, 1, NULL)", None),
            ("if(true, 1, 'x')", "1"),
        ),
        category="conditional",
    ),
    Fn(
        "multiIf",
        (3, None),
        _if_type,
        "The value after the first condition that is true, else the last.",
        alike(case),
        example=(
            ("multiIf(1 = 2, 'a', 2 = 2, 'b', 'c')", "b"),
            ("multiIf(NULL, 'a', 'c')", "c"),
            ("multiIf(false, 1, 2.5)", 2.5),
        ),
        aliases=("caseWithoutExpression", "caseWithoutExpr"),
        category="conditional",
    ),
    Fn(
        "coalesce",
        (1, None),
        common,
        "The first that is not NULL. The operator `??`.",
        alike(coalesce),
        example=(
            ("coalesce(NULL, 2, 3)", 2),
            ("coalesce(NULL, 'a')", "a"),
            ("coalesce(1, 'a')", "1"),
        ),
        category="conditional",
    ),
    Fn(
        "ifNull",
        (2, 2),
        common,
        "The first, or the second where the first is NULL.",
        alike(coalesce),
        example=(("ifNull(NULL, 'x')", "x"), ("ifNull(1, 2)", 1)),
        category="conditional",
    ),
    Fn(
        "nullIf",
        (2, 2),
        first,
        "NULL where both are equal, else the first.",
        alike(null_if),
        example=(("nullIf('', '')", None), ("nullIf(1, 2)", 1)),
        category="conditional",
    ),
    Fn(
        "isNull",
        (1, 1),
        BOOLEAN,
        "Whether it is NULL.",
        same("({0} IS NULL)"),
        example=(("isNull(NULL)", True), ("isNull('')", False)),
        category="conditional",
    ),
    Fn(
        "isNotNull",
        (1, 1),
        BOOLEAN,
        "Whether it is not NULL.",
        same("({0} IS NOT NULL)"),
        example=(("isNotNull(NULL)", False), ("isNotNull('')", True)),
        category="conditional",
    ),
    Fn(
        "isZeroOrNull",
        (1, 1),
        BOOLEAN,
        "Whether it is 0 or NULL.",
        on("coalesce({0} = 0, true)", "isZeroOrNull({0})"),
        example=(
            ("isZeroOrNull(0)", True),
            ("isZeroOrNull(NULL)", True),
            ("isZeroOrNull(2)", False),
        ),
        category="conditional",
    ),
    Fn(
        "assumeNotNull",
        (1, 1),
        first,
        "The value itself. What is NULL stays NULL here.",
        same("{0}"),
        example=(("assumeNotNull(5)", 5), ("assumeNotNull('a')", "a")),
        category="conditional",
    ),
    Fn(
        "toNullable",
        (1, 1),
        first,
        "The value itself; everything may be NULL in HogQL.",
        same("{0}"),
        example=("toNullable(5)", 5),
        category="conditional",
    ),
    Fn(
        "least",
        (1, None),
        common,
        "The smallest; NULLs are skipped.",
        alike(_extreme("least")),
        example=(("least(3, 1, 2)", 1), ("least('b', 'a')", "a"), ("least(1, NULL)", 1)),
        category="conditional",
    ),
    Fn(
        "greatest",
        (1, None),
        common,
        "The greatest; NULLs are skipped.",
        alike(_extreme("greatest")),
        example=(("greatest(3, 1, 2)", 3), ("greatest('b', 'a')", "b"), ("greatest(1, NULL)", 1)),
        category="conditional",
    ),
)
