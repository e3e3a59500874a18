"""MySQL: arithmetic, mathematics, rounding and bits. It has neither inf nor nan, so what may give them is refused."""

from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.mysql.values import CONVERSIONS
from pwh_assets.hogql.functions.remote.numbers import binary, bit_tests, needs_numbers
from pwh_assets.hogql.functions.remote.templates import (
    floats,
    literal_int,
    number_only,
    template,
    whole_only,
    wholes,
)
from pwh_assets.hogql.functions.rounding import AGES, DURATIONS

DAYS = "DATEDIFF({0}, {1})"
BIT = "(CAST({0} AS SIGNED) >> {1})"
NO_NAN = (
    "outside its domain it is inf or nan, which do not exist there; give it a number written out."
)


def wide(call: Call, arg: Arg) -> Arg:
    """A number with room to grow; unsigned columns would refuse to go below 0."""
    if arg.type.name in ("Integer", "Boolean"):
        return Arg(f"CAST({arg.sql} AS SIGNED)", arg.type, arg.node)
    return number_only(call, arg)


def never_zero(arg: Arg) -> bool:
    """Whether it is plain to see: a number written out, or `nullIf(x, 0)`."""
    if isinstance(arg.literal, int | float):
        return bool(arg.literal)
    node = arg.node
    if (
        isinstance(node, exp.Anonymous)
        and str(node.this).lower() == "nullif"
        and len(node.expressions) == 2
    ):
        zero = node.expressions[1]
        return isinstance(zero, exp.Literal) and not zero.is_string and float(zero.this) == 0
    return False


def _divide(call: Call, /) -> str:
    left, right = call.args
    needs_numbers(call)
    if not never_zero(right):
        raise ValueError(
            "divided by zero it is inf or nan, which do not exist there; write x / nullIf(y, 0)."
        )
    return f"({CONVERSIONS.float(left)} / {CONVERSIONS.float(right)})"


def _modulo(call: Call, /) -> str:
    left, right = (number_only(call, arg) for arg in call.args)
    return f"({wide(call, left).sql} % {wide(call, right).sql})"


def _literal(sql: str, low: float, high: float) -> Handler:
    """A function of a number written out that lies in its domain."""

    def handler(call: Call, /) -> str:
        value = call.args[0].literal
        if not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(NO_NAN)
        return sql.replace("{0}", CONVERSIONS.float(call.args[0]))

    return handler


def _power(call: Call, /) -> str:
    exponent = call.args[1].literal
    if not isinstance(exponent, int) or exponent < 0:
        raise ValueError(NO_NAN)
    return f"POW({CONVERSIONS.float(call.args[0])}, {exponent})"


def _round(call: Call, /) -> str:
    arg = number_only(call, call.args[0])
    if len(call.args) == 1:
        return arg.sql if arg.type.name == "Integer" else f"ROUND({arg.sql})"
    return f"ROUND({arg.sql}, {whole_only(call, call.args[1]).sql})"


def _bankers(call: Call, /) -> str:
    arg = number_only(call, call.args[0])
    if arg.type.name != "Float":
        raise ValueError("it takes floats there.")
    return _round(call)


def _cut(function: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = number_only(call, call.args[0])
        whole = "TRUNCATE({}, 0)" if function == "TRUNCATE" else f"{function}({{}})"
        if len(call.args) == 1:
            return arg.sql if arg.type.name == "Integer" else whole.format(arg.sql)
        places = literal_int(call.args[1], "number of digits")
        if arg.type.name == "Integer":
            factor = 10 ** max(-places, 0)
            return f"CAST({whole.format(f'CAST({arg.sql} AS DOUBLE) / {factor}')} * {factor} AS SIGNED)"
        if places < 0:
            return f"({whole.format(f'{arg.sql} / 1e{-places}')} * 1e{-places})"
        return f"({whole.format(f'{arg.sql} * 1e{places}')} / 1e{places})"

    return handler


RENDERINGS: dict[str, Rendering] = {
    "plus": binary("+", wide, DAYS),
    "minus": binary("-", wide, DAYS),
    "multiply": binary("*", wide, DAYS),
    "divide": _divide,
    "intDiv": wholes("(CAST({0} AS SIGNED) DIV NULLIF({1}, 0))"),
    "intDivOrZero": wholes("(CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN 0 ELSE CAST({0} AS SIGNED) DIV NULLIF({1}, 0) END)"),
    "modulo": _modulo,
    "moduloOrZero": wholes("(CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN 0 ELSE CAST({0} AS SIGNED) % NULLIF({1}, 0) END)"),
    "positiveModulo": wholes("(((CAST({0} AS SIGNED) % NULLIF({1}, 0)) + ABS(CAST({1} AS SIGNED))) % NULLIF({1}, 0))"),
    "negate": template("(-({0}))", number_only),
    "abs": template("ABS({0})", number_only),
    "max2": floats("(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN GREATEST({0}, {1}) END)"),
    "min2": floats("(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN LEAST({0}, {1}) END)"),
    "e": "EXP(1e0)",
    "pi": "(PI() + 0e0)",
    "exp": floats("EXP({0})"),
    "ln": _literal("LN({0})", 1e-300, 1e300),
    "log2": _literal("LOG2({0})", 1e-300, 1e300),
    "log10": _literal("LOG10({0})", 1e-300, 1e300),
    "sqrt": _literal("SQRT({0})", 0, 1e300),
    "asin": _literal("ASIN({0})", -1, 1),
    "acos": _literal("ACOS({0})", -1, 1),
    "pow": _power,
    "sin": floats("SIN({0})"),
    "cos": floats("COS({0})"),
    "tan": floats("TAN({0})"),
    "atan": floats("ATAN({0})"),
    "atan2": floats("ATAN2({0}, {1})"),
    "hypot": floats("SQRT({0} * {0} + {1} * {1})"),
    "sign": template("CAST(SIGN({0}) AS SIGNED)", number_only),
    "degrees": floats("DEGREES({0})"),
    "radians": floats("RADIANS({0})"),
    "width_bucket": floats(
        "(CASE WHEN {2} IS NULL OR {3} IS NULL THEN NULL WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN CAST({3} AS SIGNED) + 1 "
        "ELSE CAST(FLOOR(({0} - {1}) / ({2} - {1}) * {3}) AS SIGNED) + 1 END)"
    ),
    "isFinite": template("({0} IS NOT NULL OR NULL)", number_only),
    "rand": "CAST(FLOOR(RAND() * 4294967296) AS SIGNED)",
    "randCanonical": "RAND()",
    "round": _round,
    "roundBankers": _bankers,
    "floor": _cut("FLOOR"),
    "ceil": _cut("CEIL"),
    "trunc": _cut("TRUNCATE"),
    "roundDuration": template(DURATIONS, number_only),
    "roundAge": template(AGES, number_only),
    "bitAnd": wholes("CAST({0} & {1} AS SIGNED)"),
    "bitOr": wholes("CAST({0} | {1} AS SIGNED)"),
    "bitXor": wholes("CAST({0} ^ {1} AS SIGNED)"),
    "bitNot": wholes("CAST(~{0} AS SIGNED)"),
    "bitShiftLeft": wholes("(CASE WHEN {1} NOT BETWEEN 0 AND 63 THEN 0 ELSE CAST({0} << {1} AS SIGNED) END)"),
    "bitShiftRight": wholes(
        "(CASE WHEN {1} NOT BETWEEN 0 AND 63 THEN 0 WHEN {0} < 0 THEN CAST(~((~{0}) >> {1}) AS SIGNED) "
        "ELSE CAST({0} >> {1} AS SIGNED) END)"
    ),
    "bitTest": bit_tests("AND", BIT),
    "bitTestAll": bit_tests("AND", BIT),
    "bitTestAny": bit_tests("OR", BIT),
    "bitCount": wholes("BIT_COUNT({0})"),
    "bitHammingDistance": wholes("BIT_COUNT({0} ^ {1})"),
}  # fmt: skip
