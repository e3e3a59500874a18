"""Operators and bits: numbers as the dialect widens them, times as it moves them."""

from pwh_assets.hogql.functions.base import Call, Handler
from pwh_assets.hogql.functions.moments import seconds_between, shift
from pwh_assets.hogql.functions.remote.templates import Change, whole_only
from pwh_assets.hogql.functions.rules import is_number, is_time
from pwh_assets.hogql.functions.sqltext import filled


def binary(operator: str, wide: Change, days: str) -> Handler:
    """`+`, `-` or `*`.

    Args:
        wide: a number with room to grow.
        days: the days from the date `{1}` to the date `{0}`.
    """

    def handler(call: Call, /) -> str:
        left, right = call.args
        if is_time(left.type) and is_time(right.type) and operator == "-":
            if left.type.name == right.type.name == "Date":
                return filled(days, left.sql, right.sql)
            return seconds_between(call.engine, right, left)
        if (is_time(left.type) or is_time(right.type)) and operator in "+-":
            at, other = (left, right) if is_time(left.type) else (right, left)
            return shift(call, at, other, operator)
        if not (is_number(left.type) and is_number(right.type)):
            raise ValueError("it takes numbers there, or a time and an interval.")
        return f"({wide(call, left).sql} {operator} {wide(call, right).sql})"

    return handler


def needs_numbers(call: Call) -> None:
    """
    Raises:
        ValueError: an argument is neither a number nor a text read as one.
    """
    for arg in call.args:
        if not is_number(arg.type) and arg.type.name not in ("String", "Null"):
            raise ValueError("it takes numbers there.")


def bit_tests(word: str, bit: str) -> Handler:
    """Whether the bits of a number are set, joined by AND or OR; `bit` is the bit `{1}` of the number `{0}`."""

    def handler(call: Call, /) -> str:
        number, *places = (whole_only(call, arg).sql for arg in call.args)
        tests = (f"({filled(bit, number, at)} & 1) = 1" for at in places)
        return "(" + f" {word} ".join(tests) + ")"

    return handler
