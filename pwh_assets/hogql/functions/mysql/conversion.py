"""MySQL: conversions that give NULL where a value does not fit, comparisons and conditions."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Call, Handler, Rendering
from pwh_assets.hogql.functions.comparison import comparable
from pwh_assets.hogql.functions.conditional import case, coalesce, null_if
from pwh_assets.hogql.functions.conversion import WIDTHS
from pwh_assets.hogql.functions.moments import datetime, local
from pwh_assets.hogql.functions.mysql.values import END, whole
from pwh_assets.hogql.functions.postgres.conversion import NIL, or_else
from pwh_assets.hogql.functions.remote.templates import text_of
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.functions.sqltext import mysql_text
from pwh_assets.hogql.functions.texts import to_boolean, to_float, to_text, unify

UUID_TEXT = mysql_text(
    f"^[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}{END}"
)


def _to_int(width: str) -> Handler:
    _, low, high = WIDTHS[width]
    kind = "DECIMAL(65, 0)" if width in ("UInt64", "Int128", "UInt128") else "SIGNED"
    return lambda call, /: whole(call.args[0], low, high, kind)


def _to_float(call: Call, /) -> str:
    return to_float(call.engine, call.args[0])


def _to_bool(call: Call, /) -> str:
    return to_boolean(call.engine, call.args[0])


def _to_string(call: Call, /) -> str:
    if len(call.args) > 1 and call.args[1].literal != "UTC":
        raise ValueError("zones other than UTC are not known there.")
    return to_text(call, call.args[0])


def _to_decimal(call: Call, /) -> str:
    arg = call.args[0]
    scale = call.args[1].literal if len(call.args) > 1 else 9
    if not isinstance(scale, int) or not 0 <= scale <= 18:
        raise ValueError("its scale has to be a number from 0 to 18.")
    if arg.type.name not in ("Integer", "Decimal"):
        raise ValueError(f"it does not take a {arg.type} there.")
    cut = f"TRUNCATE({arg.sql}, {scale})"
    return f"(CASE WHEN ABS({cut}) < {10 ** (18 - scale)} THEN CAST({cut} AS DECIMAL(18, {scale})) END)"


def _to_date(call: Call, /) -> str:
    arg = call.args[0]
    match arg.type.name:
        case "Date":
            return arg.sql
        case "DateTime":
            # CAST rounds half a second before midnight up on MySQL, DATE() does not.
            return f"DATE({local(call, arg)})"
        case "Integer":
            seconds = f"DATE(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL {arg.sql} SECOND)"
            days = f"(DATE'1970-01-01' + INTERVAL {arg.sql} DAY)"
            return f"(CASE WHEN ABS({arg.sql}) > 120529 THEN {seconds} ELSE {days} END)"
        case "Null":
            return "CAST(NULL AS DATE)"
    raise ValueError("it takes dates, times and numbers there; texts are read more leniently here.")


def _to_datetime(call: Call, /) -> str:
    return datetime(call, call.args[0])


def _to_uuid(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "UUID":
        return arg.sql
    text = text_of(call, arg).sql
    return f"(CASE WHEN {text} REGEXP {UUID_TEXT} THEN LOWER({text}) END)"


def _compare(operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        left, right = comparable(call, *call.args)
        return f"({left} {operator} {right})"

    return handler


def _not_equals(call: Call, /) -> str:
    left, right = comparable(call, *call.args)
    return f"(NOT ({left} <=> {right}))"


def _junction(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        return "(" + f" {word} ".join(to_boolean(call.engine, arg) for arg in call.args) + ")"

    return handler


def _xor(call: Call, /) -> str:
    return "(" + " XOR ".join(to_boolean(call.engine, arg) for arg in call.args) + ")"


def _extreme(word: str) -> Handler:
    """The least or greatest that is not NULL; MySQL's own is NULL as soon as one is."""

    def handler(call: Call, /) -> str:
        wanted = common(call.types())
        values = unify(call, list(call.args), wanted)
        if len(values) > 4:
            raise ValueError("it takes four values at most there.")
        return _skipping(word, values)

    return handler


def _skipping(word: str, values: Sequence[str]) -> str:
    first, *rest = values
    if not rest:
        return first
    other = _skipping(word, rest)
    return f"COALESCE({word}({first}, {other}), {first}, {other})"


def _not(call: Call, /) -> str:
    return f"(NOT {to_boolean(call.engine, call.args[0])})"


RENDERINGS: dict[str, Rendering] = {
    "toInt": _to_int("Int64"),
    "toInt64OrZero": or_else(_to_int("Int64"), "0"),
    "toInt64OrDefault": or_else(_to_int("Int64"), "0"),
    **{f"to{width}": _to_int(width) for width in WIDTHS if width != "Int64"},
    **{f"to{width}Or{word}": or_else(_to_int(width), "0") for width in WIDTHS for word in ("Zero", "Default")},
    "toFloat": _to_float,
    "toFloatOrZero": or_else(_to_float, "0e0"),
    "toFloatOrDefault": or_else(_to_float, "0e0"),
    "toDecimal": _to_decimal,
    "toString": _to_string,
    "toBool": _to_bool,
    "toDate": _to_date,
    "toDateTime": _to_datetime,
    "toUUID": _to_uuid,
    "toUUIDOrZero": or_else(_to_uuid, f"'{NIL}'"),
    "toUUIDOrDefault": or_else(_to_uuid, f"'{NIL}'"),
    "identity": "{0}",
    "equals": _compare("="),
    "notEquals": _not_equals,
    "less": _compare("<"),
    "greater": _compare(">"),
    "lessOrEquals": _compare("<="),
    "greaterOrEquals": _compare(">="),
    "isDistinctFrom": _not_equals,
    "isNotDistinctFrom": _compare("<=>"),
    "and": _junction("AND"),
    "or": _junction("OR"),
    "xor": _xor,
    "not": _not,
    "if": case,
    "multiIf": case,
    "coalesce": coalesce,
    "ifNull": coalesce,
    "nullIf": null_if,
    "isNull": "({0} IS NULL)",
    "isNotNull": "({0} IS NOT NULL)",
    "isZeroOrNull": lambda call, /: f"COALESCE(NOT {to_boolean(call.engine, call.args[0])}, TRUE)",
    "assumeNotNull": "{0}",
    "toNullable": "{0}",
    "least": _extreme("LEAST"),
    "greatest": _extreme("GREATEST"),
    "generateUUIDv4": "CAST(UUID() AS CHAR)",
    "toTypeName": lambda call, /: mysql_text(str(call.args[0].type)),
}  # fmt: skip
