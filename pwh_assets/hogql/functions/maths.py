"""Mathematics on floats: outside a function's domain the result is nan, as in ClickHouse."""

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.sqltext import filled
from pwh_assets.hogql.functions.texts import to_number
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER

row = family("maths")

_NAN = "CAST('nan' AS DOUBLE)"


def _of(template: str) -> Handler:
    """`{0}`, `{1}` are the arguments as floats."""

    def handler(call: Call, /) -> str:
        return filled(template, *(_float(call, arg) for arg in call.args))

    return handler


def _float(call: Call, arg: Arg) -> str:
    number = to_number(call.engine, arg)
    if call.engine == "duckdb" and arg.type != FLOAT:
        return f"CAST({number} AS DOUBLE)"
    return number


def _within(condition: str, sql: str) -> Handler:
    """DuckDB raises outside a function's domain; nan is what ClickHouse says."""
    return _of(f"(CASE WHEN {condition} THEN {sql} WHEN {{0}} IS NOT NULL THEN {_NAN} END)")


def _log(name: str) -> Handler:
    return _of(
        f"(CASE WHEN {{0}} > 0 THEN {name}({{0}}) WHEN {{0}} = 0 THEN CAST('-inf' AS DOUBLE) "
        f"WHEN {{0}} IS NOT NULL THEN {_NAN} END)"
    )


def _both(name: str, doc: str, example: tuple[str, object], **extra: object) -> Row:
    """The same name and meaning on both engines."""
    fewest = 2 if name in ("atan2",) else 1
    listed = ", ".join(f"{{{i}}}" for i in range(fewest))
    return row(
        name,
        (fewest, fewest),
        FLOAT,
        doc,
        _of(f"{name}({listed})"),
        _of(f"{name}({listed})"),
        example,
        **extra,
    )


_PURE = Unsupported("DuckDB has no error function.")

ROWS: tuple[Row, ...] = (
    row(
        "e",
        (0, 0),
        FLOAT,
        "Euler's number.",
        "exp(1)",
        "e()",
        ("e()", 2.718281828459045),
    ),
    row(
        "pi",
        (0, 0),
        FLOAT,
        "The ratio of a circle's circumference to its diameter.",
        "pi()",
        "pi()",
        ("pi()", 3.141592653589793),
    ),
    _both("exp", "e to the power of the number.", ("exp(0)", 1.0)),
    row(
        "ln",
        (1, 1),
        FLOAT,
        "Natural logarithm; -inf of 0, nan of less.",
        _log("ln"),
        _of("log({0})"),
        ("log(1)", 0.0),
        ("log(0)", float("-inf")),
        ("log(-1)", float("nan")),
        aliases=("log",),
    ),
    row(
        "log2",
        (1, 1),
        FLOAT,
        "Logarithm to base 2.",
        _log("log2"),
        _of("log2({0})"),
        ("log2(8)", 3.0),
    ),
    row(
        "log10",
        (1, 1),
        FLOAT,
        "Logarithm to base 10.",
        _log("log10"),
        _of("log10({0})"),
        ("log10(100)", 2.0),
    ),
    row(
        "log1p",
        (1, 1),
        FLOAT,
        "Natural logarithm of the number plus 1.",
        _of("hog_log1p({0})"),
        _of("log1p({0})"),
        ("log1p(1)", 0.6931471805599453),
    ),
    row(
        "exp2",
        (1, 1),
        FLOAT,
        "2 to the power of the number.",
        _of("pow(2, {0})"),
        _of("exp2({0})"),
        ("exp2(3)", 8.0),
    ),
    row(
        "exp10",
        (1, 1),
        FLOAT,
        "10 to the power of the number.",
        _of("pow(10, {0})"),
        _of("exp10({0})"),
        ("exp10(2)", 100.0),
    ),
    row(
        "intExp2",
        (1, 1),
        INTEGER,
        "2 to the power of the number, as a whole number.",
        "CASE WHEN {0} IS NULL THEN NULL WHEN {0} >= 64 THEN 18446744073709551615 ELSE CAST(CASE WHEN {0} < 0 THEN 0 ELSE pow(2, least({0}, 63)) END AS UBIGINT) END",
        "intExp2({0})",
        ("intExp2(3)", 8),
    ),
    row(
        "intExp10",
        (1, 1),
        INTEGER,
        "10 to the power of the number, as a whole number.",
        "CASE WHEN {0} IS NULL THEN NULL WHEN {0} >= 20 THEN 18446744073709551615 ELSE CAST(CASE WHEN {0} < 0 THEN 0 ELSE pow(10, least({0}, 19)) END AS UBIGINT) END",
        "intExp10({0})",
        ("intExp10(3)", 1000),
    ),
    row(
        "sqrt",
        (1, 1),
        FLOAT,
        "Square root; nan of a negative number.",
        _within("{0} >= 0", "sqrt({0})"),
        _of("sqrt({0})"),
        ("sqrt(4)", 2.0),
        ("sqrt(-1)", float("nan")),
    ),
    _both("cbrt", "Cube root.", ("cbrt(27)", 3.0)),
    row(
        "pow",
        (2, 2),
        FLOAT,
        "The first to the power of the second.",
        _of("pow({0}, {1})"),
        _of("pow({0}, {1})"),
        ("pow(2, 3)", 8.0),
        aliases=("power",),
    ),
    _both("sin", "Sine.", ("sin(0)", 0.0)),
    _both("cos", "Cosine.", ("cos(0)", 1.0)),
    _both("tan", "Tangent.", ("tan(0)", 0.0)),
    row(
        "asin",
        (1, 1),
        FLOAT,
        "Arcsine; nan beyond 1.",
        _within("{0} BETWEEN -1 AND 1", "asin({0})"),
        _of("asin({0})"),
        ("asin(0)", 0.0),
        ("asin(2)", float("nan")),
    ),
    row(
        "acos",
        (1, 1),
        FLOAT,
        "Arccosine; nan beyond 1.",
        _within("{0} BETWEEN -1 AND 1", "acos({0})"),
        _of("acos({0})"),
        ("acos(1)", 0.0),
    ),
    _both("atan", "Arctangent.", ("atan(0)", 0.0)),
    _both("atan2", "Angle of a point, from its y and x.", ("atan2(0, 1)", 0.0)),
    _both("sinh", "Hyperbolic sine.", ("sinh(0)", 0.0)),
    _both("cosh", "Hyperbolic cosine.", ("cosh(0)", 1.0)),
    _both("tanh", "Hyperbolic tangent.", ("tanh(0)", 0.0)),
    _both("asinh", "Inverse hyperbolic sine.", ("asinh(0)", 0.0)),
    row(
        "acosh",
        (1, 1),
        FLOAT,
        "Inverse hyperbolic cosine; nan below 1.",
        _within("{0} >= 1", "acosh({0})"),
        _of("acosh({0})"),
        ("acosh(1)", 0.0),
    ),
    row(
        "atanh",
        (1, 1),
        FLOAT,
        "Inverse hyperbolic tangent; nan beyond 1.",
        _of(
            f"(CASE WHEN abs({{0}}) < 1 THEN atanh({{0}}) WHEN abs({{0}}) = 1 THEN {{0}} * CAST('inf' AS DOUBLE) WHEN {{0}} IS NOT NULL THEN {_NAN} END)"
        ),
        _of("atanh({0})"),
        ("atanh(0)", 0.0),
    ),
    row(
        "hypot",
        (2, 2),
        FLOAT,
        "Length of the hypotenuse.",
        _of("sqrt({0} * {0} + {1} * {1})"),
        _of("hypot({0}, {1})"),
        ("hypot(3, 4)", 5.0),
    ),
    row(
        "lgamma",
        (1, 1),
        FLOAT,
        "Logarithm of the gamma function.",
        _of("(CASE WHEN {0} = 0 THEN CAST('inf' AS DOUBLE) ELSE lgamma({0}) END)"),
        _of("lgamma({0})"),
        ("lgamma(1)", 0.0),
    ),
    row(
        "tgamma",
        (1, 1),
        FLOAT,
        "Gamma function.",
        _of("(CASE WHEN {0} = 0 THEN CAST('inf' AS DOUBLE) ELSE gamma({0}) END)"),
        _of("tgamma({0})"),
        ("tgamma(5)", 24.0),
    ),
    row("erf", (1, 1), FLOAT, "Error function.", _PURE, _of("erf({0})"), ("erf(0)", 0.0)),
    row(
        "erfc",
        (1, 1),
        FLOAT,
        "1 minus the error function.",
        _PURE,
        _of("erfc({0})"),
        ("erfc(0)", 1.0),
    ),
    row(
        "sign",
        (1, 1),
        INTEGER,
        "-1, 0 or 1.",
        "sign({0})",
        "sign({0})",
        ("sign(-5)", -1),
        ("sign(0)", 0),
    ),
    _both("degrees", "Radians as degrees.", ("degrees(0)", 0.0)),
    _both("radians", "Degrees as radians.", ("radians(0)", 0.0)),
    row(
        "factorial",
        (1, 1),
        INTEGER,
        "Product of the numbers up to it; 1 of less than 1.",
        "CAST(factorial(CASE WHEN {0} < 0 THEN 0 ELSE CAST({0} AS INTEGER) END) AS UBIGINT)",
        "factorial({0})",
        ("factorial(5)", 120),
    ),
    row(
        "width_bucket",
        (4, 4),
        INTEGER,
        "Which of so many equal intervals between two bounds a number lies in.",
        "CAST(CASE WHEN {2} IS NULL OR {3} IS NULL THEN NULL WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1 ELSE floor(CAST({0} - {1} AS DOUBLE) / ({2} - {1}) * {3}) + 1 END AS BIGINT)",
        "widthBucket({0}, {1}, {2}, {3})",
        ("width_bucket(5, 0, 10, 5)", 3),
        ("width_bucket(-1, 0, 10, 5)", 0),
        aliases=("widthBucket",),
    ),
    row(
        "isFinite",
        (1, 1),
        BOOLEAN,
        "Whether the number is neither infinite nor nan.",
        "isfinite(CAST({0} AS DOUBLE))",
        "isFinite({0})",
        ("isFinite(1)", True),
        ("isFinite(1 / 0)", False),
    ),
    row(
        "isInfinite",
        (1, 1),
        BOOLEAN,
        "Whether the number is infinite.",
        "isinf(CAST({0} AS DOUBLE))",
        "isInfinite({0})",
        ("isInfinite(1 / 0)", True),
    ),
    row(
        "isNaN",
        (1, 1),
        BOOLEAN,
        "Whether the number is nan.",
        "isnan(CAST({0} AS DOUBLE))",
        "isNaN({0})",
        ("isNaN(0 / 0)", True),
        ("isNaN(1)", False),
    ),
    row(
        "ifNotFinite",
        (2, 2),
        FLOAT,
        "The number, or the second where it is infinite or nan.",
        "(CASE WHEN isfinite(CAST({0} AS DOUBLE)) OR {0} IS NULL THEN {0} ELSE {1} END)",
        "(CASE WHEN isFinite({0}) OR {0} IS NULL THEN {0} ELSE {1} END)",
        ("ifNotFinite(1 / 0, 5)", 5),
        ("ifNotFinite(2, 5)", 2),
    ),
    row(
        "rand",
        (0, 1),
        INTEGER,
        "A random whole number below 2^32.",
        "CAST(floor(random() * 4294967296) AS BIGINT)",
        "rand()",
        ("rand() >= 0", True),
        aliases=("rand32",),
        volatile=True,
    ),
    row(
        "rand64",
        (0, 1),
        INTEGER,
        "A random whole number.",
        "CAST(floor(random() * 9223372036854775807) AS BIGINT)",
        "toInt64(rand64() % 9223372036854775807)",
        ("rand64() >= 0", True),
        volatile=True,
    ),
    row(
        "randCanonical",
        (0, 1),
        FLOAT,
        "A random float from 0 to 1.",
        "random()",
        "randCanonical()",
        ("randCanonical() < 1", True),
        volatile=True,
    ),
)
