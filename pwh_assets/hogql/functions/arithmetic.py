"""Arithmetic; the operators `+ - * / %` are these rows."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike, on, same
from pwh_assets.hogql.functions.moments import seconds_between, shift
from pwh_assets.hogql.functions.rules import arithmetic, common, first, is_time
from pwh_assets.hogql.functions.sqltext import field_of, one_zero, struct_of
from pwh_assets.hogql.types import FLOAT, INTEGER, Type


def wide(arg: Arg, engine: str) -> str:
    """A number's SQL with room to grow: a Boolean or a 32-bit integer becomes 64 bits on DuckDB."""
    if engine == "duckdb" and arg.type.name in ("Integer", "Boolean"):
        return f"CAST({arg.sql} AS BIGINT)"
    return arg.sql


def _tuples(operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        left, right = call.args
        width = max(len(left.type.args), len(right.type.args))
        if call.engine == "clickhouse":
            native = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide"}[operator]
            return f"{native}({left.sql}, {right.sql})"

        def part(arg: Arg, at: int) -> str:
            return field_of(arg.sql, at) if arg.type.name == "Tuple" else arg.sql

        cells = (f"{part(left, i)} {operator} {part(right, i)}" for i in range(1, width + 1))
        return struct_of(cells)

    return handler


def _binary(operator: str) -> Handler:
    """`+`, `-` and `*` with ClickHouse's meaning for dates, tuples and narrow integers."""
    tuples = _tuples(operator)

    def handler(call: Call, /) -> str:
        left, right = call.args
        if "Tuple" in (left.type.name, right.type.name):
            return tuples(call)
        if is_time(left.type) and is_time(right.type) and operator == "-":
            if left.type.name == right.type.name == "Date":
                if call.engine == "clickhouse":
                    return f"dateDiff('day', {right.sql}, {left.sql})"
                return f"({left.sql} - {right.sql})"
            return seconds_between(call.engine, right, left)
        if is_time(left.type) or is_time(right.type):
            moment, other = (left, right) if is_time(left.type) else (right, left)
            return shift(call, moment, other, operator)
        sql = f"({wide(left, call.engine)} {operator} {wide(right, call.engine)})"
        makes_zero = operator == "*" and "Float" in (left.type.name, right.type.name)
        return one_zero(sql, call.engine) if makes_zero else sql

    return handler


def _divide(call: Call, /) -> str:
    left, right = call.args
    if left.type.name == "Tuple":
        return _tuples("/")(call)
    if call.engine == "duckdb":
        return f"(CAST({left.sql} AS DOUBLE) / CAST({right.sql} AS DOUBLE))"
    return one_zero(f"(toFloat64({left.sql}) / toFloat64({right.sql}))", call.engine)


def _int_div(call: Call, /) -> str:
    left, right = call.args
    if call.engine == "clickhouse":
        return f"intDivOrNull({left.sql}, {right.sql})"
    if {left.type.name, right.type.name} <= {"Integer", "Boolean"}:
        return f"({wide(left, call.engine)} // {right.sql})"
    return f"CAST(trunc({left.sql} / nullif({right.sql}, 0)) AS BIGINT)"


def _modulo(call: Call, /) -> str:
    left, right = call.args
    if call.engine == "clickhouse":
        sql = f"moduloOrNull({left.sql}, {right.sql})"
        return one_zero(sql, call.engine) if left.type.name == "Float" else sql
    return f"({wide(left, 'duckdb')} % nullif({right.sql}, 0))"


def _divided(types: Sequence[Type]) -> Type:
    return types[0] if types and types[0].name == "Tuple" else FLOAT


def _negate(call: Call, /) -> str:
    (value,) = call.args
    sql = f"(-({value.sql}))"
    return one_zero(sql, call.engine) if value.type.name == "Float" else sql


def _positive_modulo(call: Call, /) -> str:
    left, right = (arg.sql for arg in call.args)
    if call.engine == "clickhouse":
        return f"positiveModuloOrNull({left}, {right})"
    divisor = f"nullif({right}, 0)"
    return f"((({left} % {divisor}) + abs({divisor})) % {divisor})"


ROWS: tuple[Row, ...] = (
    Fn(
        "plus",
        (2, 2),
        arithmetic,
        "Sum; a number added to a date means days, to a date with time seconds. The operator `+`.",
        alike(_binary("+")),
        example=(("plus(2, 3)", 5), ("plus(2.5, 1)", 3.5), ("plus(true, 1)", 2)),
        category="arithmetic",
    ),
    Fn(
        "minus",
        (2, 2),
        arithmetic,
        "Difference; of two dates the days, of two times the seconds between them. The operator `-`.",
        alike(_binary("-")),
        example=(("minus(2, 3)", -1), ("minus(toDate('2024-03-01'), toDate('2024-02-28'))", 2)),
        category="arithmetic",
    ),
    Fn(
        "multiply",
        (2, 2),
        arithmetic,
        "Product. The operator `*`.",
        alike(_binary("*")),
        example=(("multiply(2, 3)", 6), ("multiply(2000000000, 3)", 6000000000)),
        category="arithmetic",
    ),
    Fn(
        "divide",
        (2, 2),
        _divided,
        "Quotient as a float, also of integers; by zero it is inf, -inf or nan. The operator `/`.",
        alike(_divide),
        example=(("divide(1, 2)", 0.5), ("divide(1, 0)", float("inf"))),
        category="arithmetic",
    ),
    Fn(
        "intDiv",
        (2, 2),
        INTEGER,
        "Quotient without its fraction, towards zero; NULL when divided by zero.",
        alike(_int_div),
        example=(("intDiv(7, 2)", 3), ("intDiv(-7, 2)", -3), ("intDiv(7, 0)", None)),
        aliases=("intDivOrNull",),
        category="arithmetic",
    ),
    Fn(
        "intDivOrZero",
        (2, 2),
        INTEGER,
        "Quotient without its fraction; 0 when divided by zero.",
        on(
            "CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN 0 ELSE ({0} // nullif({1}, 0)) END",
            "intDivOrZero({0}, {1})",
        ),
        example=(("intDivOrZero(7, 0)", 0), ("intDivOrZero(7, 2)", 3)),
        category="arithmetic",
    ),
    Fn(
        "modulo",
        (2, 2),
        common,
        "Remainder with the sign of the dividend; NULL when divided by zero. The operator `%`.",
        alike(_modulo),
        example=(("modulo(-7, 3)", -1), ("modulo(7.5, 2)", 1.5), ("modulo(7, 0)", None)),
        aliases=("mod", "moduloOrNull"),
        category="arithmetic",
    ),
    Fn(
        "moduloOrZero",
        (2, 2),
        common,
        "Remainder; 0 when divided by zero.",
        on(
            "CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN 0 ELSE ({0} % nullif({1}, 0)) END",
            "moduloOrZero({0}, {1})",
        ),
        example=(("moduloOrZero(7, 0)", 0), ("moduloOrZero(7, 4)", 3)),
        category="arithmetic",
    ),
    Fn(
        "positiveModulo",
        (2, 2),
        common,
        "Remainder that is never negative; NULL when divided by zero.",
        alike(_positive_modulo),
        example=(("positiveModulo(-7, 3)", 2), ("positiveModulo(7, 3)", 1)),
        aliases=("positive_modulo", "pmod"),
        category="arithmetic",
    ),
    Fn(
        "negate",
        (1, 1),
        first,
        "The number with the other sign.",
        alike(_negate),
        example=(("negate(5)", -5), ("negate(-1.5)", 1.5)),
        category="arithmetic",
    ),
    Fn(
        "abs",
        (1, 1),
        first,
        "The number without its sign.",
        same("abs({0})"),
        example=(("abs(-5)", 5), ("abs(-1.5)", 1.5)),
        category="arithmetic",
    ),
    Fn(
        "gcd",
        (2, 2),
        INTEGER,
        "Greatest common divisor of two integers.",
        same("gcd({0}, {1})"),
        example=("gcd(12, 18)", 6),
        category="arithmetic",
    ),
    Fn(
        "lcm",
        (2, 2),
        INTEGER,
        "Least common multiple of two integers.",
        same("lcm({0}, {1})"),
        example=("lcm(4, 6)", 12),
        category="arithmetic",
    ),
    Fn(
        "max2",
        (2, 2),
        FLOAT,
        "The greater of two numbers, as a float.",
        on(
            "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL "
            "THEN CAST(greatest({0}, {1}) AS DOUBLE) END",
            "max2({0}, {1})",
        ),
        example=("max2(3, 5)", 5.0),
        category="arithmetic",
    ),
    Fn(
        "min2",
        (2, 2),
        FLOAT,
        "The smaller of two numbers, as a float.",
        on(
            "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL "
            "THEN CAST(least({0}, {1}) AS DOUBLE) END",
            "min2({0}, {1})",
        ),
        example=("min2(3, 5)", 3.0),
        category="arithmetic",
    ),
)
