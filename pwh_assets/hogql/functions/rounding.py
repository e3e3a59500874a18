"""Rounding; a half goes to the even neighbour for floats, away from zero for decimals and whole numbers."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Call, Handler, Row, family
from pwh_assets.hogql.functions.rules import first
from pwh_assets.hogql.functions.sqltext import one_zero
from pwh_assets.hogql.functions.texts import to_number
from pwh_assets.hogql.types import FLOAT, INTEGER, Type

row = family("rounding")


def _digits(call: Call) -> str | None:
    return call.args[1].sql if len(call.args) > 1 else None


def _kept(types: Sequence[Type]) -> Type:
    head = first(types)
    return head if head.name in ("Integer", "Decimal") else FLOAT


def _is_exact(type_: Type) -> bool:
    return type_.name in ("Integer", "Decimal", "Boolean")


def _round(bankers: bool) -> Handler:
    def handler(call: Call, /) -> str:
        arg, digits = call.args[0], _digits(call)
        sql = to_number(call.engine, arg)
        if call.engine == "clickhouse":
            name = "roundBankers" if bankers else "round"
            rounded = f"{name}({sql}{f', {digits}' if digits else ''})"
            return rounded if _is_exact(arg.type) else one_zero(rounded, call.engine)
        if arg.type.name == "Integer":
            if digits is None:
                return sql
            if bankers:
                return f"CAST(round_even(CAST({sql} AS DOUBLE), {digits}) AS BIGINT)"
            return f"round(CAST({sql} AS BIGINT), {digits})"
        if arg.type.name == "Decimal":
            return f"round({sql}{f', {digits}' if digits else ''})"
        return f"round_even(CAST({sql} AS DOUBLE), {digits or 0})"

    return handler


def _cut(function: str) -> Handler:
    """floor, ceil and trunc, also at a digit."""

    def handler(call: Call, /) -> str:
        arg, digits = call.args[0], _digits(call)
        sql = to_number(call.engine, arg)
        if call.engine == "clickhouse":
            cut = f"{function}({sql}{f', {digits}' if digits else ''})"
            return cut if _is_exact(arg.type) else one_zero(cut, call.engine)
        if digits is None:
            return (
                sql
                if arg.type.name == "Integer" and call.engine == "duckdb"
                else f"{function}({sql})"
            )
        if arg.type.name == "Integer":
            factor = f"CAST(pow(10, greatest(-({digits}), 0)) AS BIGINT)"
            return f"CAST({function}(CAST({sql} AS DOUBLE) / {factor}) * {factor} AS BIGINT)"
        if isinstance(call.args[1].literal, int):
            power = call.args[1].literal
            if power < 0:
                return f"({function}({sql} / 1e{-power}) * 1e{-power})"
            return f"({function}({sql} * 1e{power}) / 1e{power})"
        return f"({function}({sql} * pow(10, {digits})) / pow(10, {digits}))"

    return handler


def _steps(table: tuple[tuple[int, int], ...]) -> str:
    whens = " ".join(f"WHEN {{0}} < {limit} THEN {value}" for limit, value in table[:-1])
    return f"(CASE {whens} WHEN {{0}} IS NOT NULL THEN {table[-1][1]} END)"


_DURATION = (1, 10, 30, 60, 120, 180, 240, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000)
DURATIONS = _steps(tuple(zip((*_DURATION, 0), (0, *_DURATION), strict=True)))
AGES = _steps(((1, 0), (18, 17), (25, 18), (35, 25), (45, 35), (55, 45), (0, 55)))


def _down(call: Call, /) -> str:
    number, steps = (arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"roundDown({number}, {steps})"
    return (
        f"coalesce(list_max(list_filter({steps}, lambda __s: __s <= {number})), "
        f"CASE WHEN {number} IS NOT NULL THEN list_min({steps}) END)"
    )


ROWS: tuple[Row, ...] = (
    row(
        "round",
        (1, 2),
        _kept,
        "Rounded to so many digits after the point, of a float a half to the even neighbour.",
        _round(False),
        _round(False),
        ("round(2.5)", 2.0),
        ("round(103.125, 2)", 103.12),
        ("round(25, -1)", 30),
        ("round(-2.5)", -2.0),
    ),
    row(
        "roundBankers",
        (1, 2),
        _kept,
        "Rounded with a half to the even neighbour.",
        _round(True),
        _round(True),
        ("roundBankers(2.5)", 2.0),
        ("roundBankers(3.5)", 4.0),
        ("roundBankers(25, -1)", 20),
    ),
    row(
        "floor",
        (1, 2),
        _kept,
        "Rounded down, at so many digits after the point.",
        _cut("floor"),
        _cut("floor"),
        ("floor(-2.5)", -3.0),
        ("floor(123.456, 1)", 123.4),
        ("floor(156, -1)", 150),
    ),
    row(
        "ceil",
        (1, 2),
        _kept,
        "Rounded up, at so many digits after the point.",
        _cut("ceil"),
        _cut("ceil"),
        ("ceil(2.1)", 3.0),
        ("ceil(123.456, 1)", 123.5),
        aliases=("ceiling",),
    ),
    row(
        "trunc",
        (1, 2),
        _kept,
        "Cut off after so many digits.",
        _cut("trunc"),
        _cut("trunc"),
        ("trunc(-2.7)", -2.0),
        ("trunc(123.456, 1)", 123.4),
        aliases=("truncate",),
    ),
    row(
        "roundToExp2",
        (1, 1),
        _kept,
        "Down to a power of two.",
        "(CASE WHEN {0} <= 0 THEN 0 WHEN {0} IS NOT NULL THEN CAST(pow(2, floor(log2({0}))) AS BIGINT) END)",
        "roundToExp2({0})",
        ("roundToExp2(100)", 64),
        ("roundToExp2(0)", 0),
    ),
    row(
        "roundDuration",
        (1, 1),
        INTEGER,
        "Down to 0, 1, 10, 30 … 36000 seconds.",
        DURATIONS,
        "roundDuration({0})",
        ("roundDuration(65)", 60),
        ("roundDuration(50000)", 36000),
    ),
    row(
        "roundAge",
        (1, 1),
        INTEGER,
        "Age group: 0, 17, 18, 25, 35, 45 or 55.",
        AGES,
        "roundAge({0})",
        ("roundAge(30)", 25),
        ("roundAge(70)", 55),
    ),
    row(
        "roundDown",
        (2, 2),
        first,
        "Down to a number of the array.",
        _down,
        _down,
        ("roundDown(7, [1, 5, 10])", 5),
        ("roundDown(0, [1, 5])", 1),
    ),
)
