"""Postgres: arithmetic, mathematics, rounding and bits. Where floats leave their domain it raises; here they become nan."""

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS
from pwh_assets.hogql.functions.remote.numbers import binary, bit_tests, needs_numbers
from pwh_assets.hogql.functions.remote.templates import (
    floats,
    literal_int,
    number_only,
    template,
    wholes,
)
from pwh_assets.hogql.functions.rounding import AGES, DURATIONS

NAN = "'NaN'::float8"
INF = "'Infinity'::float8"
DAYS = "cast({0} - {1} as bigint)"
BIT = "(cast({0} as bigint) >> cast({1} as integer))"


def wide(call: Call, arg: Arg) -> Arg:
    """A number with room to grow: 64 bits for whole ones."""
    if arg.type.name in ("Integer", "Boolean"):
        sql = f"cast({arg.sql} as integer)" if arg.type.name == "Boolean" else arg.sql
        return Arg(f"cast({sql} as bigint)", arg.type, arg.node)
    return number_only(call, arg)


def divide(call: Call, /) -> str:
    """Postgres raises where a float has inf and nan."""
    needs_numbers(call)
    left, right = (CONVERSIONS.float(arg) for arg in call.args)
    if call.args[1].literal and isinstance(call.args[1].literal, int | float):
        return f"({left} / {right})"
    return (
        f"(CASE WHEN {right} <> 0 THEN {left} / nullif({right}, 0) WHEN {right} = 0 THEN CASE "
        f"WHEN {left} = {NAN} OR {left} = 0 THEN {NAN} WHEN {left} > 0 THEN {INF} "
        f"WHEN {left} < 0 THEN -{INF} END END)"
    )


def int_div(call: Call, /) -> str:
    left, right = (number_only(call, arg) for arg in call.args)
    if {left.type.name, right.type.name} == {"Integer"}:
        return f"(cast({left.sql} as bigint) / nullif({right.sql}, 0))"
    return f"cast(trunc({left.sql} / nullif({right.sql}, 0)) as bigint)"


def log(sql: str) -> Handler:
    return floats(
        f"(CASE WHEN {{0}} > 0 THEN {sql} WHEN {{0}} = 0 THEN -{INF} WHEN {{0}} < 0 THEN {NAN} END)"
    )


def within(condition: str, sql: str) -> Handler:
    """Nan outside the domain."""
    return floats(f"(CASE WHEN {condition} THEN {sql} WHEN {{0}} IS NOT NULL THEN {NAN} END)")


def grows(sql: str, most: float) -> Handler:
    """A function that overflows beyond a bound: inf there, 0 as far below."""
    return floats(
        f"(CASE WHEN {{0}} > {most}::float8 THEN {INF} WHEN {{0}} < -{most}::float8 THEN 0 ELSE {sql} END)"
    )


def _round(call: Call, /) -> str:
    arg = number_only(call, call.args[0])
    digits = call.args[1] if len(call.args) > 1 else None
    if arg.type.name in ("Integer", "Decimal", "Null"):
        whole = f", cast({digits.sql} as integer)" if digits else ""
        rounded = f"round(cast({arg.sql} as numeric){whole})"
        return f"cast({rounded} as bigint)" if arg.type.name == "Integer" else rounded
    if digits is None:
        return f"round({arg.sql})"
    return _at_digits("round", arg, digits)


def _at_digits(function: str, arg: Arg, digits: Arg) -> str:
    """A float rounded at a digit as DuckDB does it: scaled by a power of ten, rounded, scaled back."""
    places = literal_int(digits, "number of digits")
    if places < 0:
        return f"({function}({arg.sql} / 1e{-places}::float8) * 1e{-places}::float8)"
    return f"({function}({arg.sql} * 1e{places}::float8) / 1e{places}::float8)"


def _cut(function: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = number_only(call, call.args[0])
        if len(call.args) == 1:
            return arg.sql if arg.type.name == "Integer" else f"{function}({arg.sql})"
        if arg.type.name == "Integer":
            factor = 10 ** max(-literal_int(call.args[1], "number of digits"), 0)
            return f"cast({function}(cast({arg.sql} as double precision) / {factor}) * {factor} as bigint)"
        return _at_digits(function, arg, call.args[1])

    return handler


def _bankers(call: Call, /) -> str:
    arg = number_only(call, call.args[0])
    if arg.type.name == "Integer" and len(call.args) == 1:
        return arg.sql
    if arg.type.name == "Decimal":
        raise ValueError("it takes floats and whole numbers there.")
    sql = f"cast({arg.sql} as double precision)"
    rounded = (
        f"round({sql})"
        if len(call.args) == 1
        else _at_digits("round", Arg(sql, arg.type, arg.node), call.args[1])
    )
    return f"cast({rounded} as bigint)" if arg.type.name == "Integer" else rounded


RENDERINGS: dict[str, Rendering] = {
    "plus": binary("+", wide, DAYS),
    "minus": binary("-", wide, DAYS),
    "multiply": binary("*", wide, DAYS),
    "divide": divide,
    "intDiv": int_div,
    "intDivOrZero": wholes("(CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN 0 ELSE cast({0} as bigint) / nullif({1}, 0) END)"),
    "modulo": wholes("(cast({0} as bigint) % nullif({1}, 0))"),
    "moduloOrZero": wholes("(CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN 0 ELSE cast({0} as bigint) % nullif({1}, 0) END)"),
    "positiveModulo": wholes("(((cast({0} as bigint) % nullif({1}, 0)) + abs(cast({1} as bigint))) % nullif({1}, 0))"),
    "negate": template("(-({0}))", number_only),
    "abs": template("abs({0})", number_only),
    "gcd": wholes("gcd(cast({0} as bigint), cast({1} as bigint))"),
    "lcm": wholes("lcm(cast({0} as bigint), cast({1} as bigint))"),
    "max2": floats("(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN greatest({0}, {1}) END)"),
    "min2": floats("(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN least({0}, {1}) END)"),
    "e": "exp(1::float8)",
    "pi": "pi()",
    "exp": grows("exp({0})", 709.78),
    "exp2": grows("power(2::float8, {0})", 1023.9),
    "exp10": grows("power(10::float8, {0})", 308.2),
    "ln": log("ln({0})"),
    "log2": log("(ln({0}) / ln(2::float8))"),
    "log10": log("log({0})"),
    "sqrt": within("{0} >= 0", "sqrt({0})"),
    "cbrt": floats("cbrt({0})"),
    "sin": floats("sin({0})"),
    "cos": floats("cos({0})"),
    "tan": floats("tan({0})"),
    "asin": within("{0} BETWEEN -1 AND 1", "asin({0})"),
    "acos": within("{0} BETWEEN -1 AND 1", "acos({0})"),
    "atan": floats("atan({0})"),
    "atan2": floats("atan2({0}, {1})"),
    "sinh": floats(f"(CASE WHEN abs({{0}}) > 710 THEN sign({{0}}) * {INF} ELSE sinh({{0}}) END)"),
    "cosh": floats(f"(CASE WHEN abs({{0}}) > 710 THEN {INF} ELSE cosh({{0}}) END)"),
    "tanh": floats("tanh({0})"),
    "asinh": floats("asinh({0})"),
    "acosh": within("{0} >= 1", "acosh({0})"),
    "atanh": floats(
        f"(CASE WHEN abs({{0}}) < 1 THEN atanh({{0}}) WHEN abs({{0}}) = 1 THEN {{0}} * {INF} "
        f"WHEN {{0}} IS NOT NULL THEN {NAN} END)"
    ),
    "hypot": floats("sqrt({0} * {0} + {1} * {1})"),
    "sign": template("cast(sign({0}) as bigint)", number_only),
    "degrees": floats("degrees({0})"),
    "radians": floats("radians({0})"),
    "width_bucket": floats(
        "(CASE WHEN {2} IS NULL OR {3} IS NULL THEN NULL WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN cast({3} as bigint) + 1 "
        "ELSE cast(floor(({0} - {1}) / ({2} - {1}) * {3}) as bigint) + 1 END)"
    ),
    "isFinite": floats(f"({{0}} NOT IN ({INF}, -{INF}, {NAN}))"),
    "isInfinite": floats(f"({{0}} IN ({INF}, -{INF}))"),
    "isNaN": floats(f"({{0}} = {NAN})"),
    "ifNotFinite": floats(f"(CASE WHEN {{0}} IN ({INF}, -{INF}, {NAN}) THEN {{1}} ELSE {{0}} END)"),
    "factorial": wholes("factorial(CASE WHEN {0} < 0 THEN 0 ELSE cast({0} as bigint) END)"),
    "rand": "cast(floor(random() * 4294967296) as bigint)",
    "rand64": "cast(floor(random() * 9223372036854774784) as bigint)",
    "randCanonical": "random()",
    "round": _round,
    "roundBankers": _bankers,
    "floor": _cut("floor"),
    "ceil": _cut("ceil"),
    "trunc": _cut("trunc"),
    "roundToExp2": wholes("(CASE WHEN {0} <= 0 THEN 0 WHEN {0} IS NOT NULL THEN cast(power(2::float8, floor(ln(cast({0} as float8)) / ln(2::float8) + 1e-12)) as bigint) END)"),
    "roundDuration": template(DURATIONS, number_only),
    "roundAge": template(AGES, number_only),
    "bitAnd": wholes("({0} & {1})"),
    "bitOr": wholes("({0} | {1})"),
    "bitXor": wholes("({0} # {1})"),
    "bitNot": wholes("(~cast({0} as bigint))"),
    "bitShiftLeft": wholes("(CASE WHEN {1} NOT BETWEEN 0 AND 63 THEN 0 ELSE cast({0} as bigint) << cast({1} as integer) END)"),
    "bitShiftRight": wholes("(CASE WHEN {1} NOT BETWEEN 0 AND 63 THEN 0 ELSE cast({0} as bigint) >> cast({1} as integer) END)"),
    "bitTest": bit_tests("AND", BIT),
    "bitTestAll": bit_tests("AND", BIT),
    "bitTestAny": bit_tests("OR", BIT),
    "bitCount": wholes("bit_count(cast(cast({0} as bigint) as bit(64)))"),
    "bitHammingDistance": wholes("bit_count(cast(cast({0} as bigint) # cast({1} as bigint) as bit(64)))"),
}  # fmt: skip
