"""Postgres: conversions that give NULL where a value does not fit. Texts are not read as times: that is more lenient here."""

from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.comparison import comparable
from pwh_assets.hogql.functions.conditional import case, coalesce, null_if
from pwh_assets.hogql.functions.conversion import WIDTHS
from pwh_assets.hogql.functions.moments import datetime, local
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS, whole
from pwh_assets.hogql.functions.remote.templates import text_of
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.functions.sqltext import postgres_text
from pwh_assets.hogql.functions.texts import to_boolean, to_float, to_text, unify
from pwh_assets.hogql.functions.zones import zone_literal
from pwh_assets.hogql.types import DATETIME, STRING

NIL = "00000000-0000-0000-0000-000000000000"
UUID_TEXT = "'^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'"


def to_int(width: str) -> Handler:
    _, low, high = WIDTHS[width]
    kind = "numeric" if width in ("UInt64", "Int128", "UInt128") else "bigint"
    return lambda call, /: whole(call.args[0], low, high, kind)


def or_else(handler: Handler, default: str) -> Handler:
    """The conversion, else its second argument, else a default."""

    def or_default(call: Call, /) -> str:
        fallback = call.args[1].sql if len(call.args) > 1 else default
        return f"coalesce({handler(call)}, {fallback})"

    return or_default


def _to_float(call: Call, /) -> str:
    return to_float(call.engine, call.args[0])


def _to_bool(call: Call, /) -> str:
    return to_boolean(call.engine, call.args[0])


def _to_string(call: Call, /) -> str:
    if len(call.args) == 1:
        return to_text(call, call.args[0])
    arg, zone = call.args
    moved = Arg(datetime(call, arg), replace(DATETIME, timezone=zone_literal(zone)), arg.node)
    return to_text(call, moved)


def _to_decimal(call: Call, /) -> str:
    arg = call.args[0]
    scale = call.args[1].literal if len(call.args) > 1 else 9
    if not isinstance(scale, int) or not 0 <= scale <= 18:
        raise ValueError("its scale has to be a number from 0 to 18.")
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


def _to_datetime(call: Call, /) -> str:
    return datetime(call, call.args[0])


def _to_uuid(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "UUID":
        return arg.sql
    text = text_of(call, arg).sql
    return f"(CASE WHEN {text} ~ {UUID_TEXT} THEN cast({text} as uuid) END)"


def _compare(operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        left, right = comparable(call, *call.args)
        if operator != "=" and call.args[0].type == call.args[1].type == STRING:
            left, right = (CONVERSIONS.ordered(side, STRING) for side in (left, right))
        return f"({left} {operator} {right})"

    return handler


def _distinct(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        left, right = comparable(call, *call.args)
        return f"({left} {word} {right})"

    return handler


def _in(negated: bool) -> Handler:
    def handler(call: Call, /) -> str:
        needle, haystack = call.args
        if haystack.type.name != "Array":
            raise ValueError("it takes an array there.")
        found = f"({needle.sql} = ANY({haystack.sql}))"
        return f"coalesce(NOT {found}, true)" if negated else f"coalesce({found}, false)"

    return handler


def _junction(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        return "(" + f" {word} ".join(to_boolean(call.engine, arg) for arg in call.args) + ")"

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


def _not(call: Call, /) -> str:
    return f"(NOT {to_boolean(call.engine, call.args[0])})"


RENDERINGS: dict[str, Rendering] = {
    "toInt": to_int("Int64"),
    "toInt64OrZero": or_else(to_int("Int64"), "0"),
    "toInt64OrDefault": or_else(to_int("Int64"), "0"),
    **{f"to{width}": to_int(width) for width in WIDTHS if width != "Int64"},
    **{f"to{width}Or{word}": or_else(to_int(width), "0") for width in WIDTHS for word in ("Zero", "Default")},
    "toFloat": _to_float,
    "toFloatOrZero": or_else(_to_float, "0"),
    "toFloatOrDefault": or_else(_to_float, "0"),
    "toDecimal": _to_decimal,
    "toString": _to_string,
    "toBool": _to_bool,
    "toDate": _to_date,
    "toDateTime": _to_datetime,
    "toUUID": _to_uuid,
    "toUUIDOrZero": or_else(_to_uuid, f"cast('{NIL}' as uuid)"),
    "toUUIDOrDefault": or_else(_to_uuid, f"cast('{NIL}' as uuid)"),
    "identity": "{0}",
    "equals": _compare("="),
    "notEquals": _distinct("IS DISTINCT FROM"),
    "less": _compare("<"),
    "greater": _compare(">"),
    "lessOrEquals": _compare("<="),
    "greaterOrEquals": _compare(">="),
    "in": _in(False),
    "notIn": _in(True),
    "isDistinctFrom": _distinct("IS DISTINCT FROM"),
    "isNotDistinctFrom": _distinct("IS NOT DISTINCT FROM"),
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
    "isZeroOrNull": lambda call, /: f"coalesce(NOT {to_boolean(call.engine, call.args[0])}, true)",
    "assumeNotNull": "{0}",
    "toNullable": "{0}",
    "least": _extreme("least"),
    "greatest": _extreme("greatest"),
    "generateUUIDv4": "gen_random_uuid()",
    "toTypeName": lambda call, /: f"{postgres_text(str(call.args[0].type))}::text",
}  # fmt: skip
