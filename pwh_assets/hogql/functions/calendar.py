"""Dates made of parts, days that are counted, and times cut to slots and bins."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Row, Unsupported, family
from pwh_assets.hogql.functions.moments import datetime, instant, local, zone_of
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import DATE, DATETIME, INTEGER, STRING, Type, array, tuple_

row = family("dates")


def _make_date(call: Call, /) -> str:
    parts = [arg.sql for arg in call.args]
    limits = ((1900, 2299), (1, 366)) if len(parts) == 2 else ((1900, 2299), (1, 12), (1, 31))
    valid = " AND ".join(
        f"{part} BETWEEN {low} AND {high}" for part, (low, high) in zip(parts, limits, strict=True)
    )
    if call.engine == "clickhouse":
        made = f"makeDate32({', '.join(parts)})"
    elif len(parts) == 2:
        made = f"make_date(CAST({parts[0]} AS INTEGER), 1, 1) + CAST({parts[1]} - 1 AS INTEGER)"
    else:
        year, month, day = parts
        made = f"make_date(CAST({year} AS INTEGER), CAST({month} AS INTEGER), 1) + CAST({day} - 1 AS INTEGER)"
    return f"(CASE WHEN {valid} THEN {made} END)"


def _make_datetime(call: Call, /) -> str:
    parts = [arg.sql for arg in call.args]
    zone = call.args[6].literal if len(parts) > 6 else call.timezone
    if not isinstance(zone, str):
        raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
    limits = ((1971, 2105), (1, 12), (1, 28), (0, 23), (0, 59), (0, 59))
    year, month, day, *rest = parts[:6]
    valid = " AND ".join(
        f"{part} BETWEEN {low} AND {high}"
        for part, (low, high) in zip((year, month, "1", *rest), limits, strict=True)
    )
    valid += f" AND {day} BETWEEN 1 AND 31"
    if call.engine == "clickhouse":
        listed = ", ".join(f"toInt64({part})" for part in (year, month, "1", *rest))
        made = f"addDays(toDateTime64(makeDateTime({listed}, {quote(zone)}), 6), {day} - 1)"
    else:
        whole = ", ".join(f"CAST({part} AS BIGINT)" for part in (year, month, "1", *rest[:2]))
        local_time = f"make_timestamp({whole}, CAST(trunc({rest[2]}) AS DOUBLE)) + to_days(CAST({day} - 1 AS INTEGER))"
        made = instant(call, local_time, zone)
    return f"(CASE WHEN {valid} THEN {made} END)"


def _make_zoned(args: Sequence[Arg]) -> Type:
    from dataclasses import replace

    zone = args[6].literal if len(args) > 6 else None
    return replace(DATETIME, timezone=zone if isinstance(zone, str) else None)


def _make_interval(call: Call, /) -> str:
    units = ("Year", "Month", "Day", "Hour", "Minute", "Second")
    if call.engine == "clickhouse":
        raise ValueError(
            "an interval of several units cannot stand alone there; add them one by one."
        )
    return (
        "("
        + " + ".join(
            f"to_{unit.lower()}s(CAST({arg.sql} AS INTEGER))"
            for unit, arg in zip(units, call.args, strict=True)
        )
        + ")"
    )


def _slots(call: Call, /) -> str:
    duration, *size = (arg.sql for arg in call.args[1:])
    step = size[0] if size else "1800"
    begin = datetime(call, call.args[0])
    if call.engine == "clickhouse":
        return (
            f"arrayMap(i -> toDateTime64(i, 6, 'UTC'), range(toUInt64(intDiv(toUnixTimestamp({begin}), {step}) * {step}), "
            f"toUInt64(intDiv(toUnixTimestamp({begin}) + toInt64({duration}), {step}) * {step} + 1), toUInt64({step})))"
        )
    epoch = f"CAST(floor(epoch({begin})) AS BIGINT)"
    return (
        f"list_transform(range(({epoch} // {step}) * {step}, (({epoch} + CAST({duration} AS BIGINT)) // {step}) * {step} + 1, {step}), "
        "lambda __s: make_timestamp(__s * 1000000))"
    )


def _bin(call: Call, /) -> str:
    from pwh_assets.hogql.functions.periods import from_origin, interval_parts

    width, arg, origin = call.args
    return from_origin(call, arg, origin, *interval_parts(width))


def _time_of_day(call: Call, /) -> str:
    arg = call.args[0]
    there = local(call, arg)
    if call.engine == "clickhouse":
        return f"toDateTime64(toTimeWithFixedDate({there}), 6)"
    passed = f"date_trunc('second', {there}) - date_trunc('day', {there})"
    return instant(call, f"(TIMESTAMP '1970-01-02 00:00:00' + ({passed}))", zone_of(call, arg))


def _julian(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Date":
        text = (
            f"toString({arg.sql})" if call.engine == "clickhouse" else f"CAST({arg.sql} AS VARCHAR)"
        )
    else:
        text = to_text(call, arg)
    if call.engine == "clickhouse":
        return f"toModifiedJulianDayOrNull({text})"
    return f"(CASE WHEN regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN TRY_CAST({text} AS DATE) - DATE '1858-11-17' END)"


_STREAM = Unsupported("time windows exist in ClickHouse only; use toStartOfInterval.")


_T = "toDateTime('2024-02-03 04:05:06')"

ROWS: tuple[Row, ...] = (
    row(
        "makeDate",
        (2, 3),
        DATE,
        "The date of year, month and day, or of year and day of the year.",
        _make_date,
        _make_date,
        ("toString(makeDate(2024, 2, 3))", "2024-02-03"),
        ("toString(makeDate(2024, 34))", "2024-02-03"),
        aliases=("make_date", "makeDate32"),
    ),
    row(
        "makeDateTime",
        (6, 7),
        DATETIME,
        "The time of year, month, day, hour, minute and second in a zone.",
        _make_datetime,
        _make_datetime,
        ("toString(makeDateTime(2024, 2, 3, 4, 5, 6))", "2024-02-03 04:05:06"),
        aliases=("make_timestamp", "make_timestamptz"),
        typed=_make_zoned,
    ),
    row(
        "make_interval",
        (6, 6),
        Type("Interval"),
        "So many years, months, days, hours, minutes and seconds.",
        _make_interval,
        Unsupported("an interval of several units cannot stand alone there; add them one by one."),
        (
            "toString(toDateTime('2024-01-01 00:00:00') + make_interval(0, 1, 2, 3, 4, 5))",
            "2024-02-03 03:04:05",
        ),
    ),
    row(
        "timeSlot",
        (1, 1),
        DATETIME,
        "Start of the half hour.",
        lambda call, /: (
            f"time_bucket(INTERVAL '30 minutes', {datetime(call, call.args[0])}, TIMESTAMP '1970-01-01')"
        ),
        lambda call, /: f"timeSlot({datetime(call, call.args[0])})",
        (f"toString(timeSlot({_T}))", "2024-02-03 04:00:00"),
    ),
    row(
        "timeSlots",
        (2, 3),
        array(DATETIME),
        "Starts of the half hours, or so many seconds, a span touches.",
        _slots,
        _slots,
        (f"length(timeSlots({_T}, 3600))", 3),
    ),
    row(
        "date_bin",
        (3, 3),
        DATETIME,
        "Start of the interval a time lies in, counted from an origin.",
        _bin,
        _bin,
        (
            f"toString(date_bin(toIntervalHour(2), {_T}, toDateTime('2024-01-01 01:00:00')))",
            "2024-02-03 03:00:00",
        ),
    ),
    row(
        "toModifiedJulianDay",
        (1, 1),
        INTEGER,
        "The modified Julian day of a date or its text.",
        _julian,
        _julian,
        ("toModifiedJulianDay('2024-01-04')", 60313),
        ("toModifiedJulianDay('x')", None),
        aliases=("toModifiedJulianDayOrNull",),
    ),
    row(
        "fromModifiedJulianDay",
        (1, 1),
        STRING,
        "The date of a modified Julian day as text.",
        "CAST(DATE '1858-11-17' + CAST({0} AS INTEGER) AS VARCHAR)",
        "fromModifiedJulianDayOrNull(toInt32({0}))",
        ("fromModifiedJulianDay(60313)", "2024-01-04"),
        aliases=("fromModifiedJulianDayOrNull",),
    ),
    row(
        "toTime",
        (1, 1),
        DATETIME,
        "The time of day on the second of January 1970.",
        _time_of_day,
        _time_of_day,
        (f"toString(toTime({_T}))", "1970-01-02 04:05:06"),
    ),
    row(
        "timezone",
        (2, 2),
        DATETIME,
        "The same instant, whose fields are read in the zone of the first argument.",
        lambda call, /: datetime(call, call.args[1]),
        lambda call, /: f"toTimeZone({datetime(call, call.args[1])}, {call.args[0].sql})",
        (f"toHour(timezone('Europe/Berlin', {_T}))", 5),
        typed=lambda args: Type(
            "DateTime", timezone=args[0].literal if isinstance(args[0].literal, str) else None
        ),
    ),
    *(
        row(
            name,
            args,
            returns,
            doc,
            _STREAM,
            f"{name}(toDateTime(assumeNotNull({{0}})), {{1*}})",
            example,
        )
        for name, args, returns, doc, example in (
            (
                "tumble",
                (2, 3),
                tuple_(DATETIME, DATETIME),
                "The window a time lies in.",
                (
                    "toString(tumbleStart(toDateTime('2024-01-01 10:30:00'), toIntervalHour(1))) > ''",
                    True,
                ),
            ),
            (
                "tumbleStart",
                (2, 3),
                DATETIME,
                "Start of the window.",
                (
                    "toString(tumbleStart(toDateTime('2024-01-01 10:30:00'), toIntervalHour(1))) > ''",
                    True,
                ),
            ),
            (
                "tumbleEnd",
                (2, 3),
                DATETIME,
                "End of the window.",
                (
                    "toString(tumbleEnd(toDateTime('2024-01-01 10:30:00'), toIntervalHour(1))) > ''",
                    True,
                ),
            ),
            (
                "hop",
                (3, 4),
                tuple_(DATETIME, DATETIME),
                "The hopping window a time lies in.",
                (
                    "toString(hopStart(toDateTime('2024-01-01 10:30:00'), toIntervalHour(1), toIntervalHour(2))) > ''",
                    True,
                ),
            ),
            (
                "hopStart",
                (3, 4),
                DATETIME,
                "Start of the hopping window.",
                (
                    "toString(hopStart(toDateTime('2024-01-01 10:30:00'), toIntervalHour(1), toIntervalHour(2))) > ''",
                    True,
                ),
            ),
            (
                "hopEnd",
                (3, 4),
                DATETIME,
                "End of the hopping window.",
                (
                    "toString(hopEnd(toDateTime('2024-01-01 10:30:00'), toIntervalHour(1), toIntervalHour(2))) > ''",
                    True,
                ),
            ),
        )
    ),
)
