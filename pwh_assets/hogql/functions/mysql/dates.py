"""MySQL: starts and parts of dates, differences, shifts, times as text; all in UTC."""

from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.dates import date_unit, mode_of
from pwh_assets.hogql.functions.moments import (
    DAY_UNITS,
    MONTHS,
    datetime,
    in_zone,
    local,
    unit_of,
    zone_of,
)
from pwh_assets.hogql.functions.mysql.values import NO_ZONES, micros
from pwh_assets.hogql.functions.periods import bucket_of, week_mode
from pwh_assets.hogql.functions.remote.dates import formatted, made, named, to_zone, truncation
from pwh_assets.hogql.functions.remote.templates import as_it_is, template, whole_only
from pwh_assets.hogql.functions.shifts import Moves
from pwh_assets.hogql.functions.sqltext import mysql_text
from pwh_assets.hogql.functions.zones import zone_literal

EPOCH = "TIMESTAMP'1970-01-01 00:00:00.000000'"


def wall(call: Call, at: int = 0) -> str:
    """The argument as a datetime on the wall clock, which is UTC's."""
    arg = call.args[at]
    if arg.type.name == "Date":
        return f"CAST({arg.sql} AS DATETIME(6))"
    return local(call, arg)


def of_date(sql: str) -> Handler:
    return lambda call, /: sql.replace("{0}", wall(call))


def floored(sql: str, width: str, origin: str = EPOCH) -> str:
    """Start of the interval of so many microseconds."""
    passed = f"TIMESTAMPDIFF(MICROSECOND, {origin}, {sql})"
    return f"({origin} + INTERVAL CAST(FLOOR({passed} / {width}) AS SIGNED) * {width} MICROSECOND)"


SECOND = 1_000_000
WIDTHS = {
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": 86400 * SECOND,
    "week": 604800 * SECOND,
}
YEAR = "MAKEDATE(YEAR({0}), 1)"
STARTS: dict[str, str] = {
    "year": YEAR,
    "quarter": f"({YEAR} + INTERVAL (QUARTER({{0}}) - 1) * 3 MONTH)",
    "month": "DATE(DATE_FORMAT({0}, '%Y-%m-01'))",
    "week": "(DATE({0}) - INTERVAL WEEKDAY({0}) DAY)",
    "day": "CAST(DATE({0}) AS DATETIME(6))",
    "hour": "CAST(DATE_FORMAT({0}, '%Y-%m-%d %H:00:00') AS DATETIME(6))",
    "minute": "CAST(DATE_FORMAT({0}, '%Y-%m-%d %H:%i:00') AS DATETIME(6))",
    "second": "CAST(DATE_FORMAT({0}, '%Y-%m-%d %H:%i:%s') AS DATETIME(6))",
    "millisecond": "CAST(LEFT(DATE_FORMAT({0}, '%Y-%m-%d %H:%i:%s.%f'), 23) AS DATETIME(6))",
}
SUNDAY = "(DATE({0}) - INTERVAL (DAYOFWEEK({0}) - 1) DAY)"


def time_start(unit: str) -> Handler:
    """Start of a period of a day or less; a date is midnight of the project's zone."""

    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if zone_of(call, arg) != "UTC":
            raise ValueError(NO_ZONES)
        return STARTS[unit].replace("{0}", datetime(call, arg))

    return handler


def _bucket(minutes: int) -> Handler:
    def handler(call: Call, /) -> str:
        if zone_of(call, call.args[0]) != "UTC":
            raise ValueError(NO_ZONES)
        return floored(datetime(call, call.args[0]), str(minutes * 60 * SECOND))

    return handler


def _start_of_week(call: Call, /) -> str:
    return (STARTS["week"] if week_mode(call) % 2 else SUNDAY).replace("{0}", wall(call))


def _start_of_interval(call: Call, /) -> str:
    arg = call.args[0]
    number, unit = bucket_of(call.args[1])
    if len(call.args) > 2:
        if unit not in WIDTHS:
            raise ValueError("months are not counted from a third argument there.")
        return floored(
            datetime(call, arg), str(number * WIDTHS[unit]), datetime(call, call.args[2])
        )
    there = wall(call)
    match unit:
        case "week":
            start = floored(
                there, str(number * WIDTHS[unit]), "TIMESTAMP'1970-01-05 00:00:00.000000'"
            )
            return f"DATE({start})"
        case "year":
            return f"MAKEDATE(YEAR({there}) - YEAR({there}) % {number}, 1)"
        case "month" | "quarter":
            size = number * MONTHS[unit]
            months = f"((YEAR({there}) - 1970) * 12 + MONTH({there}) - 1)"
            return f"(DATE'1970-01-01' + INTERVAL CAST(FLOOR({months} / {size}) AS SIGNED) * {size} MONTH)"
    if zone_of(call, arg) != "UTC":
        raise ValueError(NO_ZONES)
    moment = datetime(call, arg)
    if unit == "hour":
        return f"(CAST(DATE({moment}) AS DATETIME(6)) + INTERVAL (HOUR({moment}) DIV {number}) * {number} HOUR)"
    if unit not in WIDTHS:
        raise ValueError(f"it has no interval `{unit}` there.")
    return floored(moment, str(number * WIDTHS[unit]))


def _date_trunc(call: Call, /) -> str:
    name, of_time = truncation(call, STARTS)
    if name in DAY_UNITS and name != "day":
        return STARTS[name].replace("{0}", wall(of_time))
    return time_start(name)(of_time)


def _day_of_week(call: Call, /) -> str:
    mode = mode_of(call)
    sql = ("(WEEKDAY({0}) + 1)", "WEEKDAY({0})", "(DAYOFWEEK({0}) - 1)", "DAYOFWEEK({0})")[mode % 4]
    return sql.replace("{0}", wall(call))


def _week(call: Call, /) -> str:
    return f"WEEK({wall(call)}, {mode_of(call, 0, 1, 3)})"


def _year_week(call: Call, /) -> str:
    return f"YEARWEEK({wall(call)}, {mode_of(call, 0, 1, 2, 3)})"


def _unix(divisor: int) -> Handler:
    def handler(call: Call, /) -> str:
        passed = micros(datetime(in_zone(call, 1), call.args[0]))
        return passed if divisor == 1 else f"CAST(FLOOR({passed} / {divisor}) AS SIGNED)"

    return handler


def _date_diff(call: Call, /) -> str:
    unit, start, end, *rest = call.args
    name = unit_of(unit)
    if rest:
        call = replace(call, timezone=zone_literal(rest[0]))
    if name in DAY_UNITS:
        left, right = (wall(replace(call, args=(arg,))) for arg in (start, end))
        if name == "day":
            return f"DATEDIFF({right}, {left})"
        if name == "week":
            monday = STARTS["week"]
            return (
                f"(DATEDIFF({monday.replace('{0}', right)}, {monday.replace('{0}', left)}) DIV 7)"
            )
        months = [
            f"((YEAR({side}) * 12 + MONTH({side}) - 1) DIV {MONTHS[name]})"
            for side in (right, left)
        ]
        return f"(CAST({months[0]} AS SIGNED) - CAST({months[1]} AS SIGNED))"
    width = {
        "hour": 3600 * SECOND,
        "minute": 60 * SECOND,
        "second": SECOND,
        "millisecond": 1000,
        "microsecond": 1,
    }[name]
    left, right = (
        f"CAST(FLOOR({micros(datetime(call, arg))} / {width}) AS SIGNED)" for arg in (start, end)
    )
    return f"({right} - {left})"


def interval_sql(unit: str, number: Arg) -> str:
    """What stands after + or - of a time; an interval is no value there."""
    if number.type.name not in ("Integer", "Boolean", "Null"):
        raise ValueError("it takes whole numbers there.")
    if unit == "millisecond":
        return f"INTERVAL {number.sql} * 1000 MICROSECOND"
    return f"INTERVAL {number.sql} {unit.upper()}"


LETTERS: dict[str, str] = {
    "a": "%a", "b": "%b", "c": "%m", "d": "%d", "D": "%m/%d/%y", "e": "%e", "F": "%Y-%m-%d", "f": "%f", "G": "%x", "h": "%h",
    "H": "%H", "i": "%i", "I": "%h", "j": "%j", "k": "%H", "l": "%h", "m": "%m", "M": "%M", "p": "%p", "r": "%h:%i %p",
    "R": "%H:%i", "s": "%s", "S": "%s", "T": "%H:%i:%s", "V": "%v", "w": "%w", "W": "%W", "y": "%y", "Y": "%Y", "%": "%%",
    "n": "\n", "t": "\t",
}  # fmt: skip
"""ClickHouse's format letters in MySQL's."""


def _plain(letter: str) -> str:
    return "%%" if letter == "%" else letter


def _date_format(there: str, pattern: str) -> str:
    return f"DATE_FORMAT({there}, {mysql_text(pattern)})"


NAMES = {
    "year": "CAST(YEAR({0}) AS CHAR)",
    "quarter": "CAST(QUARTER({0}) AS CHAR)",
    "month": "DATE_FORMAT({0}, '%M')",
    "week": "CAST(WEEK({0}, 3) AS CHAR)",
    "dayofyear": "CAST(DAYOFYEAR({0}) AS CHAR)",
    "day": "CAST(DAY({0}) AS CHAR)",
    "weekday": "DATE_FORMAT({0}, '%W')",
    "hour": "CAST(HOUR({0}) AS CHAR)",
    "minute": "CAST(MINUTE({0}) AS CHAR)",
    "second": "CAST(SECOND({0}) AS CHAR)",
}


PARTS: dict[str, str] = {
    "year": "YEAR({0})",
    "quarter": "QUARTER({0})",
    "month": "MONTH({0})",
    "week": "WEEK({0}, 3)",
    "day": "DAY({0})",
    "doy": "DAYOFYEAR({0})",
    "dow": "(WEEKDAY({0}) + 1)",
    "isodow": "(WEEKDAY({0}) + 1)",
    "hour": "HOUR({0})",
    "minute": "MINUTE({0})",
    "second": "SECOND({0})",
}


def _date_part(call: Call, /) -> str:
    word = date_unit(call.args[0])
    if word == "epoch":
        return f"CAST(FLOOR({micros(datetime(call, call.args[1]))} / {SECOND}) AS SIGNED)"
    return PARTS[word].replace("{0}", wall(call, 1))


def _in_utc(sql: str) -> Handler:
    def handler(call: Call, /) -> str:
        if call.timezone != "UTC":
            raise ValueError(NO_ZONES)
        return sql

    return handler


RENDERINGS: dict[str, Rendering] = {
    "toStartOfYear": of_date(STARTS["year"]),
    "toStartOfQuarter": of_date(STARTS["quarter"]),
    "toStartOfMonth": of_date(STARTS["month"]),
    "toMonday": of_date(STARTS["week"]),
    "toStartOfDay": time_start("day"),
    "toStartOfHour": time_start("hour"),
    "toStartOfMinute": time_start("minute"),
    "toStartOfSecond": time_start("second"),
    "toStartOfMillisecond": time_start("millisecond"),
    "toStartOfFiveMinutes": _bucket(5),
    "toStartOfTenMinutes": _bucket(10),
    "toStartOfFifteenMinutes": _bucket(15),
    "timeSlot": _bucket(30),
    "toStartOfWeek": _start_of_week,
    "toLastDayOfWeek": lambda call, /: f"({_start_of_week(call)} + INTERVAL 6 DAY)",
    "toLastDayOfMonth": of_date("LAST_DAY({0})"),
    "toStartOfInterval": _start_of_interval,
    "dateTrunc": _date_trunc,
    "toYear": of_date("YEAR({0})"),
    "toQuarter": of_date("QUARTER({0})"),
    "toMonth": of_date("MONTH({0})"),
    "toDayOfMonth": of_date("DAY({0})"),
    "toDayOfYear": of_date("DAYOFYEAR({0})"),
    "toHour": of_date("HOUR({0})"),
    "toMinute": of_date("MINUTE({0})"),
    "toSecond": of_date("SECOND({0})"),
    "toMillisecond": of_date("(MICROSECOND({0}) DIV 1000)"),
    "toISOYear": of_date("(YEARWEEK({0}, 3) DIV 100)"),
    "toISOWeek": of_date("WEEK({0}, 3)"),
    "toYYYYMM": of_date("(YEAR({0}) * 100 + MONTH({0}))"),
    "toYYYYMMDD": of_date("(YEAR({0}) * 10000 + MONTH({0}) * 100 + DAY({0}))"),
    "toYYYYMMDDhhmmss": of_date("CAST(DATE_FORMAT({0}, '%Y%m%d%H%i%s') AS SIGNED)"),
    "toDaysSinceYearZero": of_date("TO_DAYS({0})"),
    "toRelativeDayNum": of_date("DATEDIFF({0}, DATE'1970-01-01')"),
    "toRelativeMonthNum": of_date("(YEAR({0}) * 12 + MONTH({0}))"),
    "toRelativeYearNum": of_date("YEAR({0})"),
    "toDayOfWeek": _day_of_week,
    "toWeek": _week,
    "toYearWeek": _year_week,
    "toUnixTimestamp": _unix(SECOND),
    "toUnixTimestamp64Milli": _unix(1000),
    "toUnixTimestamp64Micro": _unix(1),
    "fromUnixTimestamp": template(f"({EPOCH} + INTERVAL {{0}} SECOND)", whole_only),
    "fromUnixTimestamp64Milli": template(f"({EPOCH} + INTERVAL {{0}} * 1000 MICROSECOND)", whole_only, as_it_is),
    "fromUnixTimestamp64Micro": template(f"({EPOCH} + INTERVAL {{0}} MICROSECOND)", whole_only, as_it_is),
    "dateDiff": _date_diff,
    "toTimeZone": to_zone,
    "timeZoneOf": lambda call, /: mysql_text(zone_of(call, call.args[0])),
    "now": "UTC_TIMESTAMP(6)",
    "today": _in_utc("UTC_DATE()"),
    "yesterday": _in_utc("(UTC_DATE() - INTERVAL 1 DAY)"),
    "formatDateTime": formatted(_date_format, LETTERS, _plain, wall),
    "dateName": named(NAMES, wall),
    "monthName": of_date("DATE_FORMAT({0}, '%M')"),
    "date_part": _date_part,
    "makeDate": made("MAKEDATE({0}, {1})", "MAKEDATE({0}, 1) + INTERVAL {1} - 1 MONTH + INTERVAL {2} - 1 DAY"),
    **Moves(lambda engine, unit, number: interval_sql(unit, number)).renderings(),
}  # fmt: skip
