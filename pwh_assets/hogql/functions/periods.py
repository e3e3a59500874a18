"""Starts and ends of periods: days, weeks, intervals, what a time is cut to."""

from collections.abc import Sequence

from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike
from pwh_assets.hogql.functions.dates import part
from pwh_assets.hogql.functions.moments import (
    datetime,
    instant,
    local,
    unit_of,
    zone_of,
)
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.types import DATE, DATETIME, Type


def _date_start(unit: str, native: str) -> Handler:
    """Start of a period of days, as a date."""

    def handler(call: Call, /) -> str:
        there = local(call, call.args[0])
        if call.engine == "clickhouse":
            return f"toDate32({native}({there}))"
        return f"CAST(date_trunc('{unit}', {there}) AS DATE)"

    return handler


def week_mode(call: Call, at: int = 1) -> int:
    if len(call.args) > at:
        mode = call.args[at].literal
        if not isinstance(mode, int):
            raise ValueError("its week mode has to be a number.")
        return mode
    return 1 if call.week_start == "monday" else 0


def _start_of_week(call: Call, /) -> str:
    there, mode = local(call, call.args[0]), week_mode(call)
    if call.engine == "clickhouse":
        return f"toDate32(toStartOfWeek({there}, {mode}))"
    if mode % 2:
        return f"CAST(date_trunc('week', {there}) AS DATE)"
    return f"(CAST(date_trunc('week', CAST({there} AS DATE) + 1) AS DATE) - 1)"


def _last_of_week(call: Call, /) -> str:
    if call.engine == "clickhouse":
        there, mode = local(call, call.args[0]), week_mode(call)
        return f"toDate32(toStartOfWeek({there}, {mode})) + 6"
    return f"({_start_of_week(call)} + 6)"


def _time_start(unit: str, native: str) -> Handler:
    """Start of a period of a day or less, as an instant."""

    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if arg.type.name == "Date":
            arg = Arg(datetime(call, arg), DATETIME, arg.node)
        there = local(call, arg)
        if call.engine == "clickhouse":
            return f"{native}({there})"
        zone = zone_of(call, arg)
        start = f"date_trunc('{unit}', {there})"
        if zone == "UTC":
            return start
        if unit == "day":
            return instant(call, start, zone)
        return f"({arg.sql} - ({there} - {start}))"

    return handler


def _bucket(minutes: int, native: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if arg.type.name != "DateTime":
            arg = Arg(datetime(call, arg), DATETIME, arg.node)
        there = local(call, arg)
        if call.engine == "clickhouse":
            return f"{native}({there})"
        start = _time_bucket(f"{minutes} minutes", there)
        return start if zone_of(call, arg) == "UTC" else f"({arg.sql} - ({there} - {start}))"

    return handler


def _time_bucket(width: str, sql: str, origin: str = "1970-01-01") -> str:
    return f"time_bucket(INTERVAL '{width}', CAST({sql} AS TIMESTAMP), TIMESTAMP '{origin}')"


def interval_parts(arg: Arg) -> tuple[int, str]:
    """Number and unit of an interval written with literals.

    Raises:
        ValueError: it is computed.
    """
    node: exp.Expression = arg.node
    if isinstance(node, exp.Interval):
        number = node.this
        unit = node.args["unit"].name.lower().rstrip("s") if node.args.get("unit") else ""
        if isinstance(number, exp.Literal):
            parts = number.this.split()
            if len(parts) == 2:
                return int(parts[0]), parts[1].lower().rstrip("s")
            return int(number.this), unit
    if isinstance(node, exp.Anonymous) and str(node.this).lower().startswith("tointerval"):
        number = node.expressions[0]
        if isinstance(number, exp.Literal) and number.this.isdigit():
            return int(number.this), str(node.this)[len("toInterval") :].lower()
    raise ValueError("its interval has to be written with a number, such as INTERVAL 15 MINUTE.")


def bucket_of(arg: Arg) -> tuple[int, str]:
    """Number and unit of the interval that times are cut to.

    Raises:
        ValueError: it is computed, or none.
    """
    number, unit = interval_parts(arg)
    if number < 1:
        raise ValueError("its interval has to be positive.")
    return number, unit


def _start_of_interval(call: Call, /) -> str:
    arg = call.args[0]
    number, unit = bucket_of(call.args[1])
    whole_days = unit in ("week", "month", "quarter", "year")
    if arg.type.name == "Date" and not whole_days:
        arg = Arg(datetime(call, arg), DATETIME, arg.node)
    there = local(call, arg)
    if len(call.args) > 2:
        return from_origin(call, arg, call.args[2], number, unit)
    if call.engine == "clickhouse":
        started = f"toStartOfInterval({there}, toInterval{unit.capitalize()}({number}))"
        return f"toDate32({started})" if whole_days else started
    match unit:
        case "week":
            sql = f"CAST({_time_bucket(f'{7 * number} days', there, '1970-01-05')} AS DATE)"
        case "month" | "quarter":
            months = number * (3 if unit == "quarter" else 1)
            sql = f"CAST({_time_bucket(f'{months} months', there)} AS DATE)"
        case "year":
            sql = f"make_date(CAST(year({there}) - year({there}) % {number} AS INTEGER), 1, 1)"
        case "day":
            sql = instant(call, _time_bucket(f"{number} days", there), zone_of(call, arg))
        case "hour":
            # Hours are counted from midnight, as in ClickHouse.
            midnight = f"date_trunc('day', {there})"
            passed = f"(date_diff('hour', {midnight}, {there}) // {number}) * {number}"
            start = f"({midnight} + to_hours({passed}))"
            sql = instant(call, start, zone_of(call, arg))
        case "minute" | "second" | "millisecond":
            start = _time_bucket(f"{number} {unit}s", there)
            sql = start if zone_of(call, arg) == "UTC" else f"({arg.sql} - ({there} - {start}))"
        case _:
            raise ValueError(f"it has no interval `{unit}`.")
    return sql


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def from_origin(call: Call, arg: Arg, start: Arg, number: int, unit: str) -> str:
    """Start of the interval a time lies in, where one interval begins at a given time."""
    moment, origin = datetime(call, arg), datetime(call, start)
    if call.engine == "duckdb":
        return f"time_bucket(INTERVAL '{number} {unit}s', {moment}, {origin})"
    if unit not in _SECONDS:
        return f"toStartOfInterval({moment}, toInterval{unit.capitalize()}({number}), {origin})"
    width = number * _SECONDS[unit]
    passed = f"toUnixTimestamp64Micro(toDateTime64({moment}, 6)) - toUnixTimestamp64Micro(toDateTime64({origin}, 6))"
    return f"(toDateTime64({origin}, 6) + toIntervalSecond(toInt64(floor(({passed}) / {width}000000)) * {width}))"


def _interval_type(args: Sequence[Arg]) -> Type:
    try:
        _, unit = interval_parts(args[1])
    except (ValueError, IndexError):
        return DATETIME
    if len(args) > 2:
        return DATETIME
    return DATE if unit in ("week", "month", "quarter", "year") else _time_of_first([args[0].type])


_TRUNCATIONS: dict[str, Handler] = {
    "year": _date_start("year", "toStartOfYear"),
    "quarter": _date_start("quarter", "toStartOfQuarter"),
    "month": _date_start("month", "toStartOfMonth"),
    "week": _date_start("week", "toMonday"),
    "day": _time_start("day", "toStartOfDay"),
    "hour": _time_start("hour", "toStartOfHour"),
    "minute": _time_start("minute", "toStartOfMinute"),
    "second": _time_start("second", "toStartOfSecond"),
    "millisecond": _time_start("millisecond", "toStartOfMillisecond"),
}


def _date_trunc(call: Call, /) -> str:
    unit, arg, *rest = call.args
    name = unit_of(unit)
    if rest:
        from dataclasses import replace

        zone = rest[0].literal
        if not isinstance(zone, str):
            raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
        if arg.type.name == "DateTime":
            sql = (
                f"toTimeZone({arg.sql}, {quote(zone)})" if call.engine == "clickhouse" else arg.sql
            )
            arg = Arg(sql, replace(DATETIME, timezone=zone), arg.node)
    if name not in _TRUNCATIONS:
        raise ValueError(f"it cannot truncate to `{name}`.")
    if name == "day" and arg.type.name == "Date":
        return datetime(call, arg)
    return _TRUNCATIONS[name](
        Call(call.name, call.engine, (arg,), timezone=call.timezone, week_start=call.week_start)
    )


def _trunc_type(args: Sequence[Arg]) -> Type:
    from dataclasses import replace

    try:
        name = unit_of(args[0])
    except (ValueError, IndexError):
        return DATETIME
    if name in ("year", "quarter", "month", "week"):
        return DATE
    zone = args[2].literal if len(args) > 2 else args[1].type.timezone if len(args) > 1 else None
    return replace(DATETIME, timezone=zone if isinstance(zone, str) else None)


def _time_of_first(types: Sequence[Type]) -> Type:
    """A DateTime in the zone of the first argument."""
    return types[0] if types and types[0].name == "DateTime" else DATETIME


_T = "toDateTime('2024-02-03 04:05:06')"


def _starts() -> list[Row]:
    rows: list[Row] = []
    for name, unit, native, doc, value in (
        ("toStartOfYear", "year", "toStartOfYear", "First day of the year.", "2024-01-01"),
        (
            "toStartOfQuarter",
            "quarter",
            "toStartOfQuarter",
            "First day of the quarter.",
            "2024-01-01",
        ),
        ("toStartOfMonth", "month", "toStartOfMonth", "First day of the month.", "2024-02-01"),
        ("toMonday", "week", "toMonday", "The Monday of the week.", "2024-01-29"),
    ):
        handler = _date_start(unit, native)
        rows.append(
            Fn(
                name,
                (1, 1),
                DATE,
                doc,
                alike(handler),
                example=(f"toString({name}({_T}))", value),
                category="dates",
            )
        )
    for name, unit, doc, value in (
        ("toStartOfDay", "day", "Midnight of the day.", "2024-02-03 00:00:00"),
        ("toStartOfHour", "hour", "The full hour.", "2024-02-03 04:00:00"),
        ("toStartOfMinute", "minute", "The full minute.", "2024-02-03 04:05:00"),
        ("toStartOfSecond", "second", "The full second.", "2024-02-03 04:05:06"),
        ("toStartOfMillisecond", "millisecond", "The full millisecond.", "2024-02-03 04:05:06"),
    ):
        handler = _time_start(unit, name)
        rows.append(
            Fn(
                name,
                (1, 1),
                _time_of_first,
                doc,
                alike(handler),
                example=(f"toString({name}({_T}))", value),
                category="dates",
            )
        )
    for minutes, word, value in (
        (5, "Five", "04:05:00"),
        (10, "Ten", "04:00:00"),
        (15, "Fifteen", "04:00:00"),
    ):
        name = f"toStartOf{word}Minutes"
        rows.append(
            Fn(
                name,
                (1, 1),
                _time_of_first,
                f"The start of the {minutes} minutes.",
                alike(_bucket(minutes, name)),
                example=(f"toString({name}({_T}))", f"2024-02-03 {value}"),
                aliases=("toStartOfFiveMinute",) if minutes == 5 else (),
                category="dates",
            )
        )
    return rows


ROWS: tuple[Row, ...] = (
    *_starts(),
    Fn(
        "toStartOfWeek",
        (1, 2),
        DATE,
        "First day of the week: by the project's week start, or with mode 0 Sunday, with mode 1 Monday.",
        alike(_start_of_week),
        example=(
            ("toString(toStartOfWeek(toDate('2024-11-20')))", "2024-11-17"),
            ("toString(toStartOfWeek(toDate('2024-11-20'), 1))", "2024-11-18"),
        ),
        category="dates",
    ),
    Fn(
        "toLastDayOfWeek",
        (1, 2),
        DATE,
        "Last day of the week; the second argument is the week mode.",
        alike(_last_of_week),
        example=("toString(toLastDayOfWeek(toDate('2024-11-20')))", "2024-11-23"),
        category="dates",
    ),
    Fn(
        "toLastDayOfMonth",
        (1, 1),
        DATE,
        "Last day of the month.",
        alike(
            part(
                "last_day(CAST({0} AS DATE))",
                "toDate32(addMonths(toStartOfMonth({0}), 1)) - 1",
            )
        ),
        example=(f"toString(toLastDayOfMonth({_T}))", "2024-02-29"),
        aliases=("LAST_DAY",),
        category="dates",
    ),
    Fn(
        "toStartOfISOYear",
        (1, 1),
        DATE,
        "First day of the ISO year, a Monday.",
        alike(
            part(
                "CAST(date_trunc('week', make_date(CAST(isoyear({0}) AS INTEGER), 1, 4)) AS DATE)",
                "toDate32(toStartOfISOYear({0}))",
            )
        ),
        example=(f"toString(toStartOfISOYear({_T}))", "2024-01-01"),
        category="dates",
    ),
    Fn(
        "toStartOfInterval",
        (2, 3),
        DATETIME,
        "Start of the interval a time lies in, counted from 1970 or from the third argument.",
        alike(_start_of_interval),
        example=(
            (f"toString(toStartOfInterval({_T}, toIntervalMinute(15)))", "2024-02-03 04:00:00"),
            (f"toString(toStartOfInterval({_T}, toIntervalMonth(3)))", "2024-01-01"),
        ),
        category="dates",
        typed=_interval_type,
    ),
    Fn(
        "dateTrunc",
        (2, 3),
        DATETIME,
        "Start of the year, quarter, month, week (Monday), day, hour, minute or second.",
        alike(_date_trunc),
        example=(
            (f"toString(dateTrunc('month', {_T}))", "2024-02-01"),
            (f"toString(date_trunc('hour', {_T}))", "2024-02-03 04:00:00"),
        ),
        aliases=("date_trunc", "DATE_TRUNC"),
        category="dates",
        typed=_trunc_type,
    ),
)
