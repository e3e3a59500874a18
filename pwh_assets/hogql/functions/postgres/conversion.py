"""Postgres: conversions that give NULL where a value does not fit. Texts are not read as times: that is more lenient here."""

from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.comparison import comparable, compare
from pwh_assets.hogql.functions.conversion import NIL, as_float, or_else, scale_of
from pwh_assets.hogql.functions.moments import datetime, local
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS, whole
from pwh_assets.hogql.functions.remote import conversion
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.functions.sqltext import postgres_text
from pwh_assets.hogql.functions.texts import to_boolean, to_text, unify
from pwh_assets.hogql.functions.zones import zone_literal
from pwh_assets.hogql.types import DATETIME, STRING

_UUID_TEXT = "'^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'"


def _to_string(call: Call, /) -> str:
    if len(call.args) == 1:
        return to_text(call, call.args[0])
    arg, zone = call.args
    moved = Arg(datetime(call, arg), replace(DATETIME, timezone=zone_literal(zone)), arg.node)
    return to_text(call, moved)


def _to_decimal(call: Call, /) -> str:
    arg, scale = call.args[0], scale_of(call)
    match arg.type.name:
        case "Integer" | "Decimal":
            number = f"cast({arg.sql} as numeric)"
        case "String":
            number = (
                f"(CASE WHEN {arg.sql} ~ '^[+-]?[0-9]*[.]?[0-9]+([eE][+-]?[0-9]{{1,2}})?$' "
                f"THEN cast({arg.sql} as numeric) END)"
            )
        case _:
            raise ValueError(f"it does not take a {arg.type} there.")
    cut = f"trunc({number}, {scale})"
    return f"(CASE WHEN abs({cut}) < {10 ** (18 - scale)} THEN cast({cut} as numeric(18, {scale})) END)"


def _to_date(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Date":
        return arg.sql
    if arg.type.name == "DateTime":
        return f"cast({local(call, arg)} as date)"
    if arg.type.name == "Integer":
        seconds = f"cast(timestamp '1970-01-01' + {arg.sql} * interval '1 second' as date)"
        days = f"date '1970-01-01' + cast({arg.sql} as integer)"
        return f"(CASE WHEN abs({arg.sql}) > 120529 THEN {seconds} ELSE {days} END)"
    if arg.type.name == "Null":
        return "cast(NULL as date)"
    raise ValueError("it takes dates, times and numbers there; texts are read more leniently here.")


def _order(operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        left, right = comparable(call, *call.args)
        if call.args[0].type == call.args[1].type == STRING:
            left, right = (CONVERSIONS.ordered(side, STRING) for side in (left, right))
        return f"({left} {operator} {right})"

    return handler


def _in(negated: bool) -> Handler:
    def handler(call: Call, /) -> str:
        needle, haystack = call.args
        if haystack.type.name != "Array":
            raise ValueError("it takes an array there.")
        found = f"({needle.sql} = ANY({haystack.sql}))"
        return f"coalesce(NOT {found}, true)" if negated else f"coalesce({found}, false)"

    return handler


def _xor(call: Call, /) -> str:
    sql, *rest = (to_boolean(call.engine, arg) for arg in call.args)
    for other in rest:
        sql = f"({sql} <> {other})"
    return sql


def _extreme(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        wanted = common(call.types())
        values = unify(call, list(call.args), wanted)
        return f"{word}({', '.join(CONVERSIONS.ordered(value, wanted) for value in values)})"

    return handler


_UUID = conversion.to_uuid(f"(CASE WHEN {{0}} ~ {_UUID_TEXT} THEN cast({{0}} as uuid) END)")

RENDERINGS: dict[str, Rendering] = {
    **conversion.RENDERINGS,
    **conversion.integers(whole, "bigint", "numeric"),
    "toFloatOrZero": or_else(as_float, "0"),
    "toFloatOrDefault": or_else(as_float, "0"),
    "toDecimal": _to_decimal,
    "toString": _to_string,
    "toDate": _to_date,
    "toUUID": _UUID,
    "toUUIDOrZero": or_else(_UUID, f"cast('{NIL}' as uuid)"),
    "toUUIDOrDefault": or_else(_UUID, f"cast('{NIL}' as uuid)"),
    "equals": compare("="),
    "notEquals": compare("IS DISTINCT FROM"),
    "less": _order("<"),
    "greater": _order(">"),
    "lessOrEquals": _order("<="),
    "greaterOrEquals": _order(">="),
    "in": _in(False),
    "notIn": _in(True),
    "isDistinctFrom": compare("IS DISTINCT FROM"),
    "isNotDistinctFrom": compare("IS NOT DISTINCT FROM"),
    "xor": _xor,
    "least": _extreme("least"),
    "greatest": _extreme("greatest"),
    "generateUUIDv4": "gen_random_uuid()",
    "toTypeName": lambda call, /: f"{postgres_text(str(call.args[0].type))}::text",
}  # fmt: skip
