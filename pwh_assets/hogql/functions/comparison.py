"""Comparisons and logic; the operators `= != < <= > >= and or not` are these rows.

`!=`, `NOT LIKE` and `NOT IN` are null-safe, as everywhere in HogQL: a missing value differs from every value.
"""

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike, same
from pwh_assets.hogql.functions.moments import datetime, parse_lenient
from pwh_assets.hogql.functions.rules import is_number, is_time
from pwh_assets.hogql.functions.texts import to_boolean, to_float, to_text
from pwh_assets.hogql.types import BOOLEAN


def comparable(call: Call, left: Arg, right: Arg) -> tuple[str, str]:
    """Both sides in one type: a text beside a number, date or Boolean is read as such, NULL when it is none."""
    names = {left.type.name, right.type.name}
    if names & {"String", "JSON"} and len(names) > 1:
        other = right if left.type.name in ("String", "JSON") else left
        if is_time(other.type):
            return _as_time(call, left), _as_time(call, right)
        if other.type == BOOLEAN:
            return to_boolean(call.engine, left), to_boolean(call.engine, right)
        if is_number(other.type):
            return tuple(  # type: ignore[return-value]
                to_float(call.engine, arg) if arg.type.name in ("String", "JSON") else arg.sql
                for arg in (left, right)
            )
        if other.type.name == "UUID":
            return to_text(call, left), to_text(call, right)
    if names == {"Date", "DateTime"}:
        return datetime(call, left), datetime(call, right)
    if (
        BOOLEAN.name in names
        and names & {"Integer", "Float", "Decimal"}
        and call.engine == "duckdb"
    ):
        return tuple(  # type: ignore[return-value]
            f"CAST({arg.sql} AS BIGINT)" if arg.type == BOOLEAN else arg.sql
            for arg in (left, right)
        )
    return left.sql, right.sql


def _as_time(call: Call, arg: Arg) -> str:
    if arg.type.name == "Date":
        return datetime(call, arg)
    if arg.type.name == "DateTime":
        return arg.sql
    return parse_lenient(call.engine, arg.sql, call.timezone)


def compare(operator: str) -> Handler:
    """Both sides in one type, and an operator between them."""

    def handler(call: Call, /) -> str:
        left, right = comparable(call, *call.args)
        return f"({left} {operator} {right})"

    return handler


def _not_equals(call: Call, /) -> str:
    left, right = comparable(call, *call.args)
    return f"({left} IS DISTINCT FROM {right})"


def _in(negated: bool) -> Handler:
    def handler(call: Call, /) -> str:
        needle, *rest = call.args
        if len(rest) == 1 and rest[0].type.name == "Array":
            contains = "list_contains" if call.engine == "duckdb" else "has"
            found = f"{contains}({rest[0].sql}, {needle.sql})"
        else:
            found = f"({needle.sql} IN {rest[0].sql})"
        return f"coalesce(NOT ({found}), true)" if negated else f"coalesce({found}, false)"

    return handler


def _junction(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        return "(" + f" {word} ".join(f"({arg.sql})" for arg in call.args) + ")"

    return handler


def _xor(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"xor({', '.join(arg.sql for arg in call.args)})"
    booleans = [f"CAST({arg.sql} AS BOOLEAN)" for arg in call.args]
    sql = booleans[0]
    for other in booleans[1:]:
        sql = f"({sql} <> {other})"
    return sql


def _not(call: Call, /) -> str:
    (arg,) = call.args
    if arg.type.name in ("Integer", "Float", "Decimal"):
        return f"({arg.sql} = 0)"
    return f"(NOT ({arg.sql}))"


ROWS: tuple[Row, ...] = (
    Fn(
        "equals",
        (2, 2),
        BOOLEAN,
        "Whether both are equal; NULL when one is missing. The operator `=`.",
        alike(compare("=")),
        example=(
            ("equals(1, 1)", True),
            ("equals('10', 10)", True),
            ("equals(1, nullIf(2, 2))", None),
        ),
        category="comparison",
    ),
    Fn(
        "notEquals",
        (2, 2),
        BOOLEAN,
        "Whether both differ; a missing value differs from every value. The operator `!=`.",
        alike(_not_equals),
        example=(
            ("notEquals(1, 2)", True),
            ("notEquals(1, NULL)", True),
            ("notEquals(1, 1)", False),
        ),
        category="comparison",
    ),
    *(
        Fn(
            name,
            (2, 2),
            BOOLEAN,
            f"Whether the first is {words} the second. The operator `{operator}`.",
            alike(compare(operator)),
            example=((f"{name}(1, 2)", value), (f"{name}('b', 'a')", not value)),
            category="comparison",
        )
        for name, operator, words, value in (
            ("less", "<", "less than", True),
            ("greater", ">", "greater than", False),
            ("lessOrEquals", "<=", "at most", True),
            ("greaterOrEquals", ">=", "at least", False),
        )
    ),
    Fn(
        "in",
        (2, 2),
        BOOLEAN,
        "Whether the first is among the second's elements. The operator `IN`.",
        alike(_in(False)),
        example=(("in(2, [1, 2])", True), ("in('x', ['a'])", False)),
        category="comparison",
    ),
    Fn(
        "notIn",
        (2, 2),
        BOOLEAN,
        "Whether the first is not among the second's elements. The operator `NOT IN`.",
        alike(_in(True)),
        example=("notIn(2, [1, 2])", False),
        category="comparison",
    ),
    Fn(
        "isDistinctFrom",
        (2, 2),
        BOOLEAN,
        "Whether both differ, where two missing values are alike.",
        same("({0} IS DISTINCT FROM {1})"),
        example=(("isDistinctFrom(1, NULL)", True), ("isDistinctFrom(1, 1)", False)),
        category="comparison",
    ),
    Fn(
        "isNotDistinctFrom",
        (2, 2),
        BOOLEAN,
        "Whether both are equal, where two missing values are alike.",
        same("({0} IS NOT DISTINCT FROM {1})"),
        example=(("isNotDistinctFrom(1, NULL)", False), ("isNotDistinctFrom(1, 1)", True)),
        category="comparison",
    ),
    Fn(
        "and",
        (1, None),
        BOOLEAN,
        "Whether all are true. The operator `AND`.",
        alike(_junction("AND")),
        example=(("and(true, 1 = 1)", True), ("and(true, NULL, false)", False)),
        category="logical",
    ),
    Fn(
        "or",
        (1, None),
        BOOLEAN,
        "Whether one is true. The operator `OR`.",
        alike(_junction("OR")),
        example=(("or(false, 1 = 1)", True), ("or(NULL, true)", True)),
        category="logical",
    ),
    Fn(
        "xor",
        (2, None),
        BOOLEAN,
        "Whether an odd number of them is true.",
        alike(_xor),
        example=(("xor(true, false)", True), ("xor(true, true)", False)),
        category="logical",
    ),
    Fn(
        "not",
        (1, 1),
        BOOLEAN,
        "The opposite. The operator `NOT`.",
        alike(_not),
        example=(("not(true)", False), ("not(0)", True), ("not(NULL)", None)),
        category="logical",
    ),
)
