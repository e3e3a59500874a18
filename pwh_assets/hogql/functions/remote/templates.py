"""Templates whose arguments are brought to one type first, for dialects that convert nothing by themselves."""

from collections.abc import Callable
from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Handler
from pwh_assets.hogql.functions.dialect import conversions_of
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import FLOAT, INTEGER, STRING

Change = Callable[[Call, Arg], Arg]


def text_of(call: Call, arg: Arg) -> Arg:
    return arg if arg.type == STRING else Arg(to_text(call, arg), STRING, arg.node)


def float_of(call: Call, arg: Arg) -> Arg:
    return Arg(conversions_of(call.engine).float(arg), FLOAT, arg.node)


def whole_only(call: Call, arg: Arg) -> Arg:
    """A whole number as it is.

    Raises:
        ValueError: it is something else.
    """
    if arg.type.name == "Boolean":
        return Arg(conversions_of(call.engine).cast(call, arg, INTEGER), INTEGER, arg.node)
    if arg.type.name not in ("Integer", "Null"):
        raise ValueError("it takes whole numbers there.")
    return arg


def number_only(call: Call, arg: Arg) -> Arg:
    if arg.type.name not in ("Integer", "Float", "Decimal", "Null"):
        raise ValueError("it takes numbers there.")
    return arg


def text_only(call: Call, arg: Arg) -> Arg:
    if arg.type.name not in ("String", "Null"):
        raise ValueError("it takes texts there.")
    return arg


def array_only(call: Call, arg: Arg) -> Arg:
    if arg.type.name != "Array" or not arg.type.args or arg.type.args[0].name in NESTED:
        raise ValueError("it takes arrays of plain values there.")
    return arg


def as_it_is(call: Call, arg: Arg) -> Arg:
    return arg


NESTED = frozenset(["Array", "Tuple", "Map", "Unknown"])
"""Types an array's elements may not have on a database whose arrays are rectangles."""


def template(sql: str, *changes: Change) -> Handler:
    """The template with each argument changed; the last change serves all further arguments."""

    def handler(call: Call, /) -> str:
        from pwh_assets.hogql.functions.render import fill

        args = [
            changes[min(i, len(changes) - 1)](call, arg) if changes else arg
            for i, arg in enumerate(call.args)
        ]
        return fill(sql, replace(call, args=args))

    return handler


def texts(sql: str) -> Handler:
    return template(sql, text_of)


def floats(sql: str) -> Handler:
    return template(sql, float_of)


def wholes(sql: str) -> Handler:
    return template(sql, whole_only)


def literal_text(arg: Arg, words: str) -> str:
    """A text written out that says something.

    Raises:
        ValueError: it is computed or empty.
    """
    if not isinstance(arg.literal, str) or not arg.literal:
        raise ValueError(f"its {words} has to be a text written out there.")
    return arg.literal


def literal_int(arg: Arg, words: str) -> int:
    """A whole number written out.

    Raises:
        ValueError: it is computed.
    """
    value = arg.literal
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"its {words} has to be a whole number written out there.")
    return value
