"""Postgres: starts and parts of dates, differences, shifts, times as text."""

from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.dates import date_unit, mode_of
from pwh_assets.hogql.functions.moments import (
    DAY_UNITS,
    MONTHS,
    datetime,
    in_zone,
    instant,
    local,
    unit_of,
    zone_of,
)
from pwh_assets.hogql.functions.periods import bucket_of, week_mode
from pwh_assets.hogql.functions.remote.dates import formatted, made, named, to_zone, truncation
from pwh_assets.hogql.functions.remote.templates import as_it_is, number_only, template, whole_only
from pwh_assets.hogql.functions.shifts import Moves
from pwh_assets.hogql.functions.sqltext import postgres_text
from pwh_assets.hogql.functions.zones import zone_literal
from pwh_assets.hogql.types import DATETIME


def _time(call: Call, arg: Arg) -> Arg:
    """A date or number as a DateTime."""
    return arg if arg.type.name == "DateTime" else Arg(datetime(call, arg), DATETIME, arg.node)


def _wall(call: Call, at: int = 0) -> str:
    """The argument on the wall clock of its zone, as a timestamp."""
    arg = call.args[at]
    there = local(call, arg)
    return f"cast({there} as timestamp)" if arg.type.name == "Date" else there


def of_date(sql: str) -> Handler:
    """A template over the wall clock."""
    return lambda call, /: sql.replace("{0}", _wall(call))


def date_start(unit: str) -> Handler:
    return of_date(f"cast(date_trunc('{unit}', {{0}}) as date)")


def time_start(unit: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = _time(call, call.args[0])
        there = local(call, arg)
        start, zone = f"date_trunc('{unit}', {there})", zone_of(call, arg)
        if zone == "UTC":
            return start
        if unit == "day":
            return instant(call, start, zone)
        return f"({arg.sql} - ({there} - {start}))"

    return handler


def bucket(width: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = _time(call, call.args[0])
        there = local(call, arg)
        start = f"date_bin(interval '{width}', {there}, timestamp '1970-01-01')"
        return start if zone_of(call, arg) == "UTC" else f"({arg.sql} - ({there} - {start}))"

    return handler


def _start_of_week(call: Call, /) -> str:
    there = _wall(call)
    if week_mode(call) % 2:
        return f"cast(date_trunc('week', {there}) as date)"
    return f"(cast(date_trunc('week', {there} + interval '1 day') as date) - 1)"


def _start_of_interval(call: Call, /) -> str:
    arg = call.args[0]
    number, unit = bucket_of(call.args[1])
    if len(call.args) > 2:
        if unit in ("month", "quarter", "year"):
            raise ValueError("months are not counted from a third argument there.")
        origin = _time(call, call.args[2]).sql
        return f"date_bin(interval '{number} {unit}s', {_time(call, arg).sql}, {origin})"
    there = _wall(replace(call, args=(arg,)))
    match unit:
        case "week":
            return f"cast(date_bin(interval '{7 * number} days', {there}, timestamp '1970-01-05') as date)"
        case "month" | "quarter" | "year":
            size = number * MONTHS[unit]
            if unit == "year":
                year = f"cast(extract(year from {there}) as integer)"
                return f"make_date({year} - {year} % {number}, 1, 1)"
            months = f"cast((extract(year from {there}) - 1970) * 12 + extract(month from {there}) - 1 as integer)"
            whole = f"cast(floor({months} / {size}::float8) as integer) * {size}"
            return f"cast(timestamp '1970-01-01' + {whole} * interval '1 month' as date)"
    arg = _time(call, arg)
    there, zone = local(call, arg), zone_of(call, arg)
    if unit == "day":
        return instant(
            call, f"date_bin(interval '{number} days', {there}, timestamp '1970-01-01')", zone
        )
    if unit == "hour":
        # Hours are counted from midnight, as in ClickHouse.
        start = f"date_bin(interval '{number} hours', {there}, date_trunc('day', {there}))"
        return instant(call, start, zone)
    if unit not in ("minute", "second", "millisecond"):
        raise ValueError(f"it has no interval `{unit}`.")
    start = f"date_bin(interval '{number} {unit}s', {there}, timestamp '1970-01-01')"
    return start if zone == "UTC" else f"({arg.sql} - ({there} - {start}))"


STARTS: dict[str, Handler] = {
    **{unit: date_start(unit) for unit in ("year", "quarter", "month", "week")},
    **{unit: time_start(unit) for unit in ("day", "hour", "minute", "second", "millisecond")},
}


def _date_trunc(call: Call, /) -> str:
    name, of_time = truncation(call, STARTS)
    return STARTS[name](of_time)


def part(field: str) -> Handler:
    return of_date(f"cast(extract({field} from {{0}}) as bigint)")


def _day_of_week(call: Call, /) -> str:
    field, more = (("isodow", 0), ("isodow", -1), ("dow", 0), ("dow", 1))[mode_of(call) % 4]
    return f"(cast(extract({field} from {_wall(call)}) as bigint) + {more})"


def _week(call: Call, /) -> str:
    there = _wall(call)
    if mode_of(call, 0, 3) == 3:
        return f"cast(extract(week from {there}) as bigint)"
    doy, dow = (f"cast(extract({field} from {there}) as bigint)" for field in ("doy", "dow"))
    return f"(({doy} + 6 - {dow}) / 7)"


def _year_week(call: Call, /) -> str:
    there = _wall(call)
    if mode_of(call, 0, 1, 2, 3) % 2:
        return f"cast(extract(isoyear from {there}) * 100 + extract(week from {there}) as bigint)"
    sunday = f"(date_trunc('week', {there} + interval '1 day') - interval '1 day')"
    return f"cast(extract(year from {sunday}) * 100 + floor((extract(doy from {sunday}) - 1) / 7) + 1 as bigint)"


def _unix(sql: str) -> Handler:
    return lambda call, /: sql.replace("{0}", datetime(in_zone(call, 1), call.args[0]))


def _date_diff(call: Call, /) -> str:
    unit, start, end, *rest = call.args
    name = unit_of(unit)
    if rest:
        call = replace(call, timezone=zone_literal(rest[0]))
    if name in DAY_UNITS:
        left, right = (_wall(replace(call, args=(arg,))) for arg in (start, end))
        if name in ("day", "week"):
            days = [f"cast(date_trunc('{name}', {side}) as date)" for side in (right, left)]
            return f"cast(({days[0]} - {days[1]}) / {7 if name == 'week' else 1} as bigint)"
        months = [
            f"cast(extract(year from {side}) * 12 + extract(month from {side}) - 1 as bigint) / {MONTHS[name]}"
            for side in (right, left)
        ]
        return f"({months[0]} - {months[1]})"
    seconds = {"hour": 3600, "minute": 60, "second": 1}.get(name)
    left, right = (_time(call, arg).sql for arg in (start, end))
    if seconds is None:
        factor = {"millisecond": 1000, "microsecond": 1000000}[name]
        whole = [f"floor(extract(epoch from {side}) * {factor})" for side in (right, left)]
        return f"cast({whole[0]} - {whole[1]} as bigint)"
    parts = [f"floor(extract(epoch from {side}) / {seconds})" for side in (right, left)]
    return f"cast({parts[0]} - {parts[1]} as bigint)"


def interval_sql(unit: str, number: Arg) -> str:
    if number.type.name not in ("Integer", "Float", "Decimal", "Boolean", "Null"):
        raise ValueError("it takes numbers there.")
    if number.type.name == "Float" and unit not in ("second", "millisecond", "microsecond"):
        raise ValueError("it takes whole numbers there.")
    if unit == "quarter":
        return f"({number.sql} * interval '3 months')"
    return f"({number.sql} * interval '1 {unit}')"


LETTERS: dict[str, str] = {
    "a": "Dy", "b": "Mon", "c": "MM", "d": "DD", "D": "MM/DD/YY", "e": "FMDD", "F": "YYYY-MM-DD", "f": "US", "G": "IYYY",
    "h": "HH12", "H": "HH24", "i": "MI", "I": "HH12", "j": "DDD", "k": "HH24", "l": "HH12", "m": "MM", "M": "FMMonth",
    "p": "AM", "r": "HH12:MI AM", "R": "HH24:MI", "s": "SS", "S": "SS", "T": "HH24:MI:SS", "u": "ID", "V": "IW",
    "W": "FMDay", "y": "YY", "Y": "YYYY", "Q": "Q", "g": "IY", "n": '"\n"', "t": '"\t"', "%": '"%"',
}  # fmt: skip
"""ClickHouse's format letters in Postgres's."""


def _plain(letter: str) -> str:
    return '"' + letter.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _to_char(there: str, pattern: str) -> str:
    return f"to_char({there}, {postgres_text(pattern)})"


NAMES = {
    "year": "cast(extract(year from {0}) as text)",
    "quarter": "to_char({0}, 'Q')",
    "month": "to_char({0}, 'FMMonth')",
    "week": "cast(extract(week from {0}) as text)",
    "dayofyear": "cast(extract(doy from {0}) as text)",
    "day": "cast(extract(day from {0}) as text)",
    "weekday": "to_char({0}, 'FMDay')",
    "hour": "cast(extract(hour from {0}) as text)",
    "minute": "cast(extract(minute from {0}) as text)",
    "second": "cast(cast(floor(extract(second from {0})) as integer) as text)",
}


def _date_part(call: Call, /) -> str:
    unit, arg = call.args
    word = date_unit(unit)
    if word == "epoch":
        return f"cast(floor(extract(epoch from {datetime(call, arg)})) as bigint)"
    field = "isodow" if word == "dow" else word
    return f"cast(floor(extract({field} from {_wall(call, 1)})) as bigint)"


def _make_interval(call: Call, /) -> str:
    year, month, day, hour, minute, second = (f"cast({arg.sql} as integer)" for arg in call.args)
    return f"make_interval({year}, {month}, 0, {day}, {hour}, {minute}, {second})"


def _zone_offset(call: Call, /) -> str:
    there = _wall(call)
    return f"cast(extract(epoch from ({there} - {datetime(call, call.args[0])})) as bigint)"


RENDERINGS: dict[str, Rendering] = {
    "toStartOfYear": date_start("year"),
    "toStartOfQuarter": date_start("quarter"),
    "toStartOfMonth": date_start("month"),
    "toMonday": date_start("week"),
    "toStartOfDay": time_start("day"),
    "toStartOfHour": time_start("hour"),
    "toStartOfMinute": time_start("minute"),
    "toStartOfSecond": time_start("second"),
    "toStartOfMillisecond": time_start("millisecond"),
    "toStartOfFiveMinutes": bucket("5 minutes"),
    "toStartOfTenMinutes": bucket("10 minutes"),
    "toStartOfFifteenMinutes": bucket("15 minutes"),
    "toStartOfWeek": _start_of_week,
    "toLastDayOfWeek": lambda call, /: f"({_start_of_week(call)} + 6)",
    "toLastDayOfMonth": of_date("cast(date_trunc('month', {0}) + interval '1 month' - interval '1 day' as date)"),
    "toStartOfISOYear": of_date("cast(date_trunc('week', make_timestamp(cast(extract(isoyear from {0}) as integer), 1, 4, 0, 0, 0)) as date)"),
    "toStartOfInterval": _start_of_interval,
    "dateTrunc": _date_trunc,
    "toYear": part("year"),
    "toQuarter": part("quarter"),
    "toMonth": part("month"),
    "toDayOfMonth": part("day"),
    "toDayOfYear": part("doy"),
    "toHour": part("hour"),
    "toMinute": part("minute"),
    "toSecond": of_date("cast(floor(extract(second from {0})) as bigint)"),
    "toMillisecond": of_date("(cast(floor(extract(milliseconds from {0})) as bigint) % 1000)"),
    "toISOYear": part("isoyear"),
    "toISOWeek": part("week"),
    "toYYYYMM": of_date("cast(to_char({0}, 'YYYYMM') as bigint)"),
    "toYYYYMMDD": of_date("cast(to_char({0}, 'YYYYMMDD') as bigint)"),
    "toYYYYMMDDhhmmss": of_date("cast(to_char({0}, 'YYYYMMDDHH24MISS') as bigint)"),
    "toDaysSinceYearZero": of_date("cast(cast({0} as date) - date '1970-01-01' + 719528 as bigint)"),
    "toRelativeDayNum": of_date("cast(cast({0} as date) - date '1970-01-01' as bigint)"),
    "toRelativeMonthNum": of_date("cast(extract(year from {0}) * 12 + extract(month from {0}) as bigint)"),
    "toRelativeYearNum": part("year"),
    "toDayOfWeek": _day_of_week,
    "toWeek": _week,
    "toYearWeek": _year_week,
    "toUnixTimestamp": _unix("cast(floor(extract(epoch from {0})) as bigint)"),
    "toUnixTimestamp64Milli": _unix("cast(floor(extract(epoch from {0}) * 1000) as bigint)"),
    "toUnixTimestamp64Micro": _unix("cast(extract(epoch from {0}) * 1000000 as bigint)"),
    "fromUnixTimestamp": template("(timestamp '1970-01-01' + {0} * interval '1 second')", number_only),
    "fromUnixTimestamp64Milli": template("(timestamp '1970-01-01' + {0} * interval '1 millisecond')", whole_only, as_it_is),
    "fromUnixTimestamp64Micro": template("(timestamp '1970-01-01' + {0} * interval '1 microsecond')", whole_only, as_it_is),
    "dateDiff": _date_diff,
    "toTimeZone": to_zone,
    "timeZoneOf": lambda call, /: f"{postgres_text(zone_of(call, call.args[0]))}::text",
    "timeZoneOffset": _zone_offset,
    "now": "timezone('UTC', now())",
    "today": lambda call, /: f"cast(timezone({postgres_text(call.timezone)}, now()) as date)",
    "yesterday": lambda call, /: f"(cast(timezone({postgres_text(call.timezone)}, now()) as date) - 1)",
    "formatDateTime": formatted(_to_char, LETTERS, _plain, _wall),
    "dateName": named(NAMES, _wall),
    "monthName": of_date("to_char({0}, 'FMMonth')"),
    "date_part": _date_part,
    "makeDate": made(
        "make_date(cast({0} as integer), 1, 1) + cast({1} - 1 as integer)",
        "make_date(cast({0} as integer), cast({1} as integer), 1) + cast({2} - 1 as integer)",
    ),
    "make_interval": _make_interval,
    "timeSlot": bucket("30 minutes"),
    **Moves(lambda engine, unit, number: interval_sql(unit, number)).renderings(),
}  # fmt: skip
