"""Parts of dates and times, and seconds since 1970."""

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike, on
from pwh_assets.hogql.functions.moments import (
    UNITS,
    datetime,
    in_zone,
    local,
)
from pwh_assets.hogql.types import DATETIME, INTEGER

DATE_UNITS = (
    "dow",
    "isodow",
    "doy",
    "epoch",
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
)


def date_unit(arg: Arg) -> str:
    """The part of a date a literal names, as `date_part` knows them.

    Raises:
        ValueError: it names none.
    """
    word = str(arg.literal).lower()
    word = word if word in DATE_UNITS else UNITS.get(word, word)
    if word not in DATE_UNITS:
        raise ValueError(f"its part has to be one of {', '.join(DATE_UNITS)}.")
    return word


def part(duckdb: str, clickhouse: str) -> Handler:
    """A number read off the wall clock; `{0}` is the local time."""

    def handler(call: Call, /) -> str:
        template = clickhouse if call.engine == "clickhouse" else duckdb
        return template.replace("{0}", local(call, call.args[0]))

    return handler


def mode_of(call: Call, *known: int) -> int:
    """How weeks are counted: the second argument, else 0.

    Raises:
        ValueError: it is computed, or not one of those known.
    """
    mode = call.args[1].literal if len(call.args) > 1 else 0
    if not isinstance(mode, int):
        raise ValueError("its mode has to be a number.")
    if known and mode not in known:
        *first, last = known
        raise ValueError(f"its week mode has to be {', '.join(map(str, first))} or {last}.")
    return mode


def _day_of_week(call: Call, /) -> str:
    there, mode = local(call, call.args[0]), mode_of(call)
    if call.engine == "clickhouse":
        return f"toDayOfWeek({there}, {mode})"
    return {
        0: f"isodow({there})",
        1: f"(isodow({there}) - 1)",
        2: f"dayofweek({there})",
        3: f"(dayofweek({there}) + 1)",
    }[mode % 4]


def _week(call: Call, /) -> str:
    there = local(call, call.args[0])
    if call.engine == "clickhouse":
        return f"toWeek({there}, {mode_of(call)})"
    match mode_of(call, 0, 1, 3):
        case 0:
            return f"CAST(strftime({there}, '%U') AS INTEGER)"
        case 1:
            return (
                f"(CASE WHEN isoyear({there}) > year({there}) THEN "
                f"weekofyear(CAST({there} AS DATE) - 7) + 1 "
                f"WHEN isoyear({there}) < year({there}) THEN 0 ELSE weekofyear({there}) END)"
            )
        case _:
            return f"weekofyear({there})"


def _year_week(call: Call, /) -> str:
    there = local(call, call.args[0])
    if call.engine == "clickhouse":
        return f"toYearWeek({there}, {mode_of(call)})"
    if mode_of(call, 0, 1, 2, 3) % 2:
        return f"(isoyear({there}) * 100 + weekofyear({there}))"
    sunday = f"(CAST(date_trunc('week', CAST({there} AS DATE) + 1) AS DATE) - 1)"
    return f"(year({sunday}) * 100 + (dayofyear({sunday}) - 1) // 7 + 1)"


def _unix(factor: str, native: str) -> Handler:
    """Seconds (or a finer unit) since 1970 of an instant."""

    def handler(call: Call, /) -> str:
        sql = datetime(in_zone(call, 1), call.args[0])
        if call.engine == "clickhouse":
            return native.replace("{0}", f"toDateTime64({sql}, 6)")
        return factor.replace("{0}", sql)

    return handler


_T = "toDateTime('2024-02-03 04:05:06')"


def _parts() -> list[Row]:
    table: tuple[tuple[str, str, str, str, int, tuple[str, ...]], ...] = (
        ("toYear", "year({0})", "toYear({0})", "The year.", 2024, ("YEAR",)),
        (
            "toQuarter",
            "quarter({0})",
            "toQuarter({0})",
            "The quarter, 1 to 4.",
            1,
            ("QUARTER",),
        ),
        (
            "toMonth",
            "month({0})",
            "toMonth({0})",
            "The month, 1 to 12.",
            2,
            ("MONTH",),
        ),
        (
            "toDayOfMonth",
            "day({0})",
            "toDayOfMonth({0})",
            "The day of the month.",
            3,
            ("DAY", "DAYOFMONTH"),
        ),
        (
            "toDayOfYear",
            "dayofyear({0})",
            "toDayOfYear({0})",
            "The day of the year, 1 to 366.",
            34,
            ("DAYOFYEAR",),
        ),
        ("toHour", "hour({0})", "toHour({0})", "The hour, 0 to 23.", 4, ("HOUR",)),
        (
            "toMinute",
            "minute({0})",
            "toMinute({0})",
            "The minute.",
            5,
            ("MINUTE",),
        ),
        (
            "toSecond",
            "second({0})",
            "toSecond({0})",
            "The second.",
            6,
            ("SECOND",),
        ),
        (
            "toMillisecond",
            "(millisecond({0}) % 1000)",
            "toMillisecond({0})",
            "The milliseconds of the second.",
            0,
            ("MILLISECOND",),
        ),
        (
            "toISOYear",
            "isoyear({0})",
            "toISOYear({0})",
            "The year of the ISO week.",
            2024,
            (),
        ),
        (
            "toISOWeek",
            "weekofyear({0})",
            "toISOWeek({0})",
            "The ISO week, 1 to 53.",
            5,
            (),
        ),
        (
            "toYYYYMM",
            "CAST(strftime({0}, '%Y%m') AS INTEGER)",
            "toYYYYMM({0})",
            "Year and month as a number.",
            202402,
            (),
        ),
        (
            "toYYYYMMDD",
            "CAST(strftime({0}, '%Y%m%d') AS INTEGER)",
            "toYYYYMMDD({0})",
            "Date as a number.",
            20240203,
            (),
        ),
        (
            "toYYYYMMDDhhmmss",
            "CAST(strftime({0}, '%Y%m%d%H%M%S') AS BIGINT)",
            "toYYYYMMDDhhmmss({0})",
            "Date and time as a number.",
            20240203040506,
            (),
        ),
        (
            "toDaysSinceYearZero",
            "(CAST({0} AS DATE) - DATE '1970-01-01' + 719528)",
            "toDaysSinceYearZero(toDate32({0}))",
            "Days since the first of January of year 0.",
            739284,
            ("TO_DAYS",),
        ),
        (
            "toRelativeDayNum",
            "(CAST({0} AS DATE) - DATE '1970-01-01')",
            "dateDiff('day', toDate32('1970-01-01'), toDate32({0}))",
            "Days since 1970.",
            19756,
            (),
        ),
        (
            "toRelativeMonthNum",
            "(year({0}) * 12 + month({0}))",
            "toRelativeMonthNum({0})",
            "Months since year 0.",
            24290,
            (),
        ),
        (
            "toRelativeYearNum",
            "year({0})",
            "toRelativeYearNum({0})",
            "The year.",
            2024,
            (),
        ),
    )
    rows: list[Row] = []
    for name, duckdb, clickhouse, doc, value, aliases in table:
        handler = part(duckdb, clickhouse)
        rows.append(
            Fn(
                name,
                (1, 1),
                INTEGER,
                doc,
                alike(handler),
                example=(f"{name}({_T})", value),
                aliases=aliases,
                category="dates",
            )
        )
    return rows


ROWS: tuple[Row, ...] = (
    *_parts(),
    Fn(
        "toDayOfWeek",
        (1, 3),
        INTEGER,
        "Day of the week, Monday 1 to Sunday 7; modes 1, 2, 3 count from 0 or from Sunday.",
        alike(_day_of_week),
        example=(
            ("toDayOfWeek(toDate('2024-11-17'))", 7),
            ("toDayOfWeek(toDate('2024-11-17'), 2)", 0),
        ),
        aliases=("DAYOFWEEK",),
        category="dates",
    ),
    Fn(
        "toWeek",
        (1, 3),
        INTEGER,
        "Week of the year; mode 0 counts from Sundays, 1 from Mondays, 3 is the ISO week.",
        alike(_week),
        example=(("toWeek(toDate('2024-12-30'))", 52), ("toWeek(toDate('2024-12-30'), 3)", 1)),
        aliases=("WEEK",),
        category="dates",
    ),
    Fn(
        "toYearWeek",
        (1, 3),
        INTEGER,
        "Year and week as a number.",
        alike(_year_week),
        example=(
            ("toYearWeek(toDate('2024-12-30'))", 202452),
            ("toYearWeek(toDate('2024-12-30'), 3)", 202501),
        ),
        aliases=("YEARWEEK",),
        category="dates",
    ),
    Fn(
        "toUnixTimestamp",
        (1, 2),
        INTEGER,
        "Seconds since 1970.",
        alike(_unix("CAST(floor(epoch({0})) AS BIGINT)", "toInt64(floor(toFloat64({0})))")),
        example=(f"toUnixTimestamp({_T})", 1706933106),
        category="dates",
    ),
    Fn(
        "toUnixTimestamp64Milli",
        (1, 1),
        INTEGER,
        "Milliseconds since 1970.",
        alike(_unix("epoch_ms({0})", "toUnixTimestamp64Milli({0})")),
        example=(f"toUnixTimestamp64Milli({_T})", 1706933106000),
        category="dates",
    ),
    Fn(
        "toUnixTimestamp64Micro",
        (1, 1),
        INTEGER,
        "Microseconds since 1970.",
        alike(_unix("epoch_us({0})", "toUnixTimestamp64Micro({0})")),
        example=(f"toUnixTimestamp64Micro({_T})", 1706933106000000),
        category="dates",
    ),
    Fn(
        "fromUnixTimestamp",
        (1, 1),
        DATETIME,
        "The time so many seconds after 1970.",
        on(
            "make_timestamp(CAST({0} * CAST(1000000 AS BIGINT) AS BIGINT))",
            "toDateTime64({0}, 6, 'UTC')",
        ),
        example=("toString(fromUnixTimestamp(1706933106))", "2024-02-03 04:05:06"),
        aliases=("to_timestamp", "FROM_UNIXTIME"),
        category="dates",
    ),
    Fn(
        "fromUnixTimestamp64Milli",
        (1, 2),
        DATETIME,
        "The time so many milliseconds after 1970.",
        on(
            "make_timestamp(CAST({0} AS BIGINT) * 1000)",
            "toDateTime64(fromUnixTimestamp64Milli(toInt64({0}), 'UTC'), 6)",
        ),
        example=("toString(fromUnixTimestamp64Milli(1706933106500))", "2024-02-03 04:05:06.500000"),
        category="dates",
    ),
    Fn(
        "fromUnixTimestamp64Micro",
        (1, 2),
        DATETIME,
        "The time so many microseconds after 1970.",
        on(
            "make_timestamp(CAST({0} AS BIGINT))",
            "fromUnixTimestamp64Micro(toInt64({0}), 'UTC')",
        ),
        example=(
            "toString(fromUnixTimestamp64Micro(1706933106500000))",
            "2024-02-03 04:05:06.500000",
        ),
        category="dates",
    ),
)
