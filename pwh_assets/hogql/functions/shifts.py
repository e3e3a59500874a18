"""Differences between dates, intervals, and moving a date by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Rendering, Row, alike
from pwh_assets.hogql.functions.moments import (
    MONTHS,
    datetime,
    in_zone,
    interval,
    local,
    shift,
    unit_of,
)
from pwh_assets.hogql.functions.rules import arithmetic, last
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.types import DATETIME, INTEGER, Type


def _date_diff(call: Call, /) -> str:
    unit, start, end, *_ = call.args
    name = unit_of(unit)
    call = in_zone(call, 3)
    if call.engine == "clickhouse":
        left, right = (_whole(call, arg) for arg in (start, end))
        if name == "week":
            return f"intDiv(dateDiff('day', toMonday({left}), toMonday({right})), 7)"
        return f"dateDiff('{name}', {left}, {right}, {quote(call.timezone)})"
    days = name in ("day", "week", "month", "quarter", "year")
    left, right = (local(call, arg) if days else datetime(call, arg) for arg in (start, end))
    if name == "week":
        return f"((CAST(date_trunc('week', {right}) AS DATE) - CAST(date_trunc('week', {left}) AS DATE)) // 7)"
    if days:
        left, right = (f"CAST({side} AS DATE)" for side in (left, right))
    return f"date_diff('{name}', {left}, {right})"


def _whole(call: Call, arg: Arg) -> str:
    return arg.sql if arg.type.name == "Date" else local(call, arg)


def _age(call: Call, /) -> str:
    unit, start, end, *_ = call.args
    name = unit_of(unit)
    if call.engine == "clickhouse":
        left, right = (_whole(call, arg) for arg in (start, end))
        return f"age('{name}', {left}, {right}, {quote(call.timezone)})"
    left, right = (f"CAST({local(call, arg)} AS TIMESTAMP)" for arg in (start, end))
    if name in MONTHS:
        return f"(hog_months({left}, {right}) // {MONTHS[name]})"
    return f"date_sub('{name}', {left}, {right})"


def _interval_sql(engine: str, unit: str, number: Arg) -> str:
    if engine == "clickhouse":
        return f"toInterval{unit.capitalize()}({number.sql})"
    count = (
        f"CAST({number.sql} AS INTEGER)" if unit not in ("second", "millisecond") else number.sql
    )
    match unit:
        case "quarter":
            return f"to_months(3 * {count})"
        case "second":
            return f"to_microseconds(CAST({number.sql} * CAST(1000000 AS BIGINT) AS BIGINT))"
        case "millisecond":
            return f"to_microseconds(CAST({number.sql} * CAST(1000 AS BIGINT) AS BIGINT))"
        case "microsecond":
            return f"to_microseconds({number.sql})"
        case _:
            return f"to_{unit}s({count})"


@dataclass(frozen=True, slots=True)
class Moves:
    """The functions that move dates and times, for whoever writes an interval its own way."""

    interval_sql: Callable[[str, str, Arg], str]
    """Of an engine, a unit and a number."""

    def to_interval(self, unit: str) -> Handler:
        return lambda call, /: self.interval_sql(call.engine, unit, call.args[0])

    def add(self, unit: str, operator: str) -> Handler:
        return lambda call, /: self._moved(call, unit, call.args[1], call.args[0], operator)

    def date_add(self, operator: str) -> Handler:
        def handler(call: Call, /) -> str:
            if len(call.args) == 3:
                unit, number, arg = call.args
                return self._moved(call, unit_of(unit), number, arg, operator)
            arg, by = call.args
            if arg.type.name == "Interval":
                arg, by = by, arg
            if by.type.name != "Interval":
                unit_word = "day" if arg.type.name == "Date" else "second"
                return self._moved(call, unit_word, by, arg, operator)
            return shift(call, _dated(call, arg), by, operator)

        return handler

    def renderings(self) -> dict[str, Rendering]:
        """All of them, for a dialect's table."""
        found: dict[str, Rendering] = {"dateAdd": self.date_add("+"), "dateSub": self.date_add("-")}
        for word in VALUES:
            unit = word.lower()
            found[f"toInterval{word}"] = self.to_interval(unit)
            if word != "Millisecond":
                found[f"add{word}s"] = self.add(unit, "+")
                found[f"subtract{word}s"] = self.add(unit, "-")
        return found

    def _moved(self, call: Call, unit: str, number: Arg, arg: Arg, operator: str) -> str:
        by = Arg(self.interval_sql(call.engine, unit, number), interval(unit), number.node)
        return shift(call, _dated(call, arg), by, operator)


def _dated(call: Call, arg: Arg) -> Arg:
    """A date or time as it is; anything else as the time it stands for."""
    if arg.type.name in ("Date", "DateTime"):
        return arg
    return Arg(datetime(call, arg), DATETIME, arg.node)


_MOVES = Moves(_interval_sql)


def _add_type(unit: str) -> Callable[[Sequence[Type]], Type]:
    def rule(types: Sequence[Type]) -> Type:
        return arithmetic(
            (types[0] if types[0].name in ("Date", "DateTime") else DATETIME, interval(unit))
        )

    return rule


def _date_add_type(args: Sequence[Arg]) -> Type:
    if len(args) == 3:
        try:
            return _add_type(unit_of(args[0]))([args[2].type])
        except ValueError:
            return args[2].type
    moved = [arg.type for arg in args]
    if moved and moved[0].name == "Interval":
        moved.reverse()
    head = moved[0] if moved and moved[0].name in ("Date", "DateTime") else DATETIME
    return arithmetic((head, moved[1])) if len(moved) > 1 else head


VALUES = {
    "Second": "2024-02-03 04:05:08",
    "Minute": "2024-02-03 04:07:06",
    "Hour": "2024-02-03 06:05:06",
    "Day": "2024-02-05 04:05:06",
    "Week": "2024-02-17 04:05:06",
    "Month": "2024-04-03 04:05:06",
    "Quarter": "2024-08-03 04:05:06",
    "Year": "2026-02-03 04:05:06",
    "Millisecond": "2024-02-03 04:05:06.002000",
}
"""Units, and what two of them later than `_T` is."""
_T = "toDateTime('2024-02-03 04:05:06')"


def _shifts() -> list[Row]:
    rows: list[Row] = []
    for word, value in VALUES.items():
        unit = word.lower()
        handler = _MOVES.to_interval(unit)
        rows.append(
            Fn(
                f"toInterval{word}",
                (1, 1),
                interval(unit),
                f"That many {unit}s, to add to a date or time.",
                alike(handler),
                example=(f"toString({_T} + toInterval{word}(2))", value),
                category="dates",
            )
        )
        if word == "Millisecond":
            continue
        add, subtract = _MOVES.add(unit, "+"), _MOVES.add(unit, "-")
        rows.append(
            Fn(
                f"add{word}s",
                (2, 2),
                _add_type(unit),
                f"The date or time so many {unit}s later.",
                alike(add),
                example=(f"toString(add{word}s({_T}, 2))", value),
                category="dates",
            )
        )
        rows.append(
            Fn(
                f"subtract{word}s",
                (2, 2),
                _add_type(unit),
                f"The date or time so many {unit}s earlier.",
                alike(subtract),
                example=(
                    f"toString(subtract{word}s(add{word}s({_T}, 2), 2))",
                    "2024-02-03 04:05:06",
                ),
                category="dates",
            )
        )
    return rows


ROWS: tuple[Row, ...] = (
    Fn(
        "dateDiff",
        (3, 4),
        INTEGER,
        "Boundaries of the unit crossed between two times; weeks begin on Monday.",
        alike(_date_diff),
        example=(
            (
                "dateDiff('day', toDateTime('2024-01-01 23:00:00'), toDateTime('2024-01-02 01:00:00'))",
                1,
            ),
            ("dateDiff('week', toDate('2024-11-17'), toDate('2024-11-18'))", 1),
            ("date_diff('month', toDate('2024-01-31'), toDate('2024-02-01'))", 1),
            (
                "dateDiff('second', toDateTime('2024-01-02 00:00:00'), toDateTime('2024-01-01 00:00:00'))",
                -86400,
            ),
        ),
        aliases=("date_diff", "DATE_DIFF", "timestampDiff", "TIMESTAMP_DIFF"),
        category="dates",
    ),
    Fn(
        "age",
        (3, 4),
        INTEGER,
        "Whole units that have passed between two times.",
        alike(_age),
        example=(
            ("age('month', toDate('2024-01-31'), toDate('2024-03-01'))", 1),
            ("age('day', toDateTime('2024-01-01 23:00:00'), toDateTime('2024-01-02 01:00:00'))", 0),
        ),
        category="dates",
    ),
    *_shifts(),
    Fn(
        "dateAdd",
        (2, 3),
        last,
        "A time later by an interval: dateAdd('day', 2, time) or dateAdd(time, INTERVAL 2 DAY).",
        alike(_MOVES.date_add("+")),
        example=(
            (f"toString(dateAdd('day', 2, {_T}))", "2024-02-05 04:05:06"),
            ("toString(dateAdd(toDate('2024-01-31'), toIntervalMonth(1)))", "2024-02-29"),
        ),
        aliases=("date_add", "DATE_ADD", "timestampAdd", "timeStampAdd", "TIMESTAMP_ADD"),
        category="dates",
        typed=_date_add_type,
    ),
    Fn(
        "dateSub",
        (2, 3),
        last,
        "A time earlier by an interval: dateSub('day', 2, time) or dateSub(time, INTERVAL 2 DAY).",
        alike(_MOVES.date_add("-")),
        example=(f"toString(dateSub('hour', 2, {_T}))", "2024-02-03 02:05:06"),
        aliases=(
            "date_sub",
            "DATE_SUB",
            "date_subtract",
            "timestampSub",
            "timeStampSub",
            "TIMESTAMP_SUB",
        ),
        category="dates",
        typed=_date_add_type,
    ),
)
