"""Conversions and conditions that only ask the dialect how a value changes type."""

from collections.abc import Callable

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.conditional import case, coalesce, null_if
from pwh_assets.hogql.functions.conversion import WIDTHS, as_boolean, as_float, or_else
from pwh_assets.hogql.functions.moments import datetime
from pwh_assets.hogql.functions.remote.templates import text_of
from pwh_assets.hogql.functions.texts import to_boolean


def integers(
    whole: Callable[[Arg, int, int, str], str], kind: str, wide: str
) -> dict[str, Rendering]:
    """Every width of `toInt`, with its defaults.

    Args:
        whole: a whole number between two bounds in a type of the dialect, NULL where the value is none.
        kind: the type that holds 64 bits with a sign.
        wide: the type of what has more.
    """

    def to_int(width: str) -> Handler:
        _, low, high = WIDTHS[width]
        into = wide if high > 2**63 - 1 else kind
        return lambda call, /: whole(call.args[0], low, high, into)

    found: dict[str, Rendering] = {}
    for width in WIDTHS:
        found["toInt" if width == "Int64" else f"to{width}"] = to_int(width)
        found[f"to{width}OrZero"] = found[f"to{width}OrDefault"] = or_else(to_int(width), "0")
    return found


def to_uuid(sql: str) -> Handler:
    """A UUID as it is, anything else by a template over its text."""

    def handler(call: Call, /) -> str:
        arg = call.args[0]
        return arg.sql if arg.type.name == "UUID" else sql.replace("{0}", text_of(call, arg).sql)

    return handler


def _junction(word: str) -> Handler:
    def handler(call: Call, /) -> str:
        return "(" + f" {word} ".join(to_boolean(call.engine, arg) for arg in call.args) + ")"

    return handler


def _not(call: Call, /) -> str:
    return f"(NOT {to_boolean(call.engine, call.args[0])})"


RENDERINGS: dict[str, Rendering] = {
    "toFloat": as_float,
    "toBool": as_boolean,
    "toDateTime": lambda call, /: datetime(call, call.args[0]),
    "identity": "{0}",
    "and": _junction("AND"),
    "or": _junction("OR"),
    "not": _not,
    "if": case,
    "multiIf": case,
    "coalesce": coalesce,
    "ifNull": coalesce,
    "nullIf": null_if,
    "isNull": "({0} IS NULL)",
    "isNotNull": "({0} IS NOT NULL)",
    "isZeroOrNull": lambda call, /: f"coalesce(NOT {to_boolean(call.engine, call.args[0])}, TRUE)",
    "assumeNotNull": "{0}",
    "toNullable": "{0}",
}
