"""Dates by parts and by format letters, once a dialect has said how it writes a wall clock."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Handler
from pwh_assets.hogql.functions.moments import datetime, unit_of
from pwh_assets.hogql.functions.remote.templates import whole_only
from pwh_assets.hogql.functions.sqltext import filled
from pwh_assets.hogql.functions.zones import zone_literal
from pwh_assets.hogql.types import DATETIME

Wall = Callable[[Call, int], str]
"""The argument at a place on the wall clock of its zone."""


def to_zone(call: Call, /) -> str:
    """The same instant; its zone is in its type."""
    if len(call.args) > 1:
        zone_literal(call.args[1])
    return datetime(call, call.args[0])


def truncation(call: Call, units: Collection[str]) -> tuple[str, Call]:
    """Unit of `dateTrunc` and a call of its time alone, in the zone of a third argument.

    Raises:
        ValueError: it is none of the units.
    """
    unit, arg, *rest = call.args
    name = unit_of(unit)
    if name not in units:
        raise ValueError(f"it cannot truncate to `{name}`.")
    if rest and arg.type.name == "DateTime":
        arg = Arg(arg.sql, replace(DATETIME, timezone=zone_literal(rest[0])), arg.node)
    return name, replace(call, args=(arg,))


def named(names: Mapping[str, str], wall: Wall) -> Handler:
    """The part of a time that the first argument names."""

    def handler(call: Call, /) -> str:
        word = str(call.args[0].literal).lower()
        if word not in names:
            raise ValueError(f"its part has to be one of {', '.join(names)}.")
        return names[word].replace("{0}", wall(call, 1))

    return handler


def formatted(
    sql: Callable[[str, str], str],
    letters: Mapping[str, str],
    plain: Callable[[str], str],
    wall: Wall,
) -> Handler:
    """`formatDateTime`.

    Args:
        sql: of a wall clock and a format in the dialect's words.
        letters: ClickHouse's format letters in the dialect's.
        plain: a character that stands for itself.
    """

    def handler(call: Call, /) -> str:
        arg, pattern, *rest = call.args
        if rest:
            call = replace(call, timezone=zone_literal(rest[0]))
            arg = Arg(datetime(call, arg), DATETIME, arg.node)
        text = pattern.literal
        if not isinstance(text, str):
            raise ValueError("its format has to be a text such as '%Y-%m-%d'.")
        out, at = "", 0
        while at < len(text):
            letter = text[at + 1 : at + 2] if text[at] == "%" else ""
            if letter and letter not in letters:
                raise ValueError(f"its format letter %{letter} is not known there.")
            out += letters[letter] if letter else plain(text[at])
            at += 2 if letter else 1
        return sql(wall(replace(call, args=(arg,)), 0), out) if out else "''"

    return handler


def made(by_day: str, by_month: str) -> Handler:
    """`makeDate` of a year `{0}` and its day `{1}`, or of year, month and day; NULL where a part is out of its range."""

    def handler(call: Call, /) -> str:
        parts = [whole_only(call, arg).sql for arg in call.args]
        sql, most = (by_day, (366,)) if len(parts) == 2 else (by_month, (12, 31))
        tests = [f"{parts[0]} BETWEEN 1900 AND 2299"]
        tests += [
            f"{part} BETWEEN 1 AND {high}" for part, high in zip(parts[1:], most, strict=True)
        ]
        return f"(CASE WHEN {' AND '.join(tests)} THEN {filled(sql, *parts)} END)"

    return handler
