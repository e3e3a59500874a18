"""MySQL: conversions that give NULL where a value does not fit, comparisons and conditions."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Call, Handler, Rendering
from pwh_assets.hogql.functions.comparison import comparable, compare
from pwh_assets.hogql.functions.conversion import NIL, as_float, or_else, scale_of
from pwh_assets.hogql.functions.moments import local
from pwh_assets.hogql.functions.mysql.values import END, whole
from pwh_assets.hogql.functions.remote import conversion
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.functions.sqltext import mysql_text
from pwh_assets.hogql.functions.texts import to_boolean, to_text, unify

_UUID_TEXT = mysql_text(
    f"^[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}{END}"
)


def _to_string(call: Call, /) -> str:
    if len(call.args) > 1 and call.args[1].literal != "UTC":
        raise ValueError("zones other than UTC are not known there.")
    return to_text(call, call.args[0])


def _to_decimal(call: Call, /) -> str:
    arg, scale = call.args[0], scale_of(call)
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


def _not_equals(call: Call, /) -> str:
    left, right = comparable(call, *call.args)
    return f"(NOT ({left} <=> {right}))"


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


_UUID = conversion.to_uuid(f"(CASE WHEN {{0}} REGEXP {_UUID_TEXT} THEN LOWER({{0}}) END)")

RENDERINGS: dict[str, Rendering] = {
    **conversion.RENDERINGS,
    **conversion.integers(whole, "SIGNED", "DECIMAL(65, 0)"),
    "toFloatOrZero": or_else(as_float, "0e0"),
    "toFloatOrDefault": or_else(as_float, "0e0"),
    "toDecimal": _to_decimal,
    "toString": _to_string,
    "toDate": _to_date,
    "toUUID": _UUID,
    "toUUIDOrZero": or_else(_UUID, f"'{NIL}'"),
    "toUUIDOrDefault": or_else(_UUID, f"'{NIL}'"),
    "equals": compare("="),
    "notEquals": _not_equals,
    "less": compare("<"),
    "greater": compare(">"),
    "lessOrEquals": compare("<="),
    "greaterOrEquals": compare(">="),
    "isDistinctFrom": _not_equals,
    "isNotDistinctFrom": compare("<=>"),
    "xor": _xor,
    "least": _extreme("LEAST"),
    "greatest": _extreme("GREATEST"),
    "generateUUIDv4": "CAST(UUID() AS CHAR)",
    "toTypeName": lambda call, /: mysql_text(str(call.args[0].type)),
}  # fmt: skip
