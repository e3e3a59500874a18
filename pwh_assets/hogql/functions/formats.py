"""Times as text and back by format letters, dates made of parts, and names of dates."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.moments import UNITS, datetime, in_zone, instant, local, zone_of
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import DATE, DATETIME, INTEGER, STRING, Type, array, tuple_

row = family("dates")

LETTERS: dict[str, str] = {
    "a": "%a", "b": "%b", "c": "%m", "d": "%d", "D": "%m/%d/%y", "e": "%-d", "F": "%Y-%m-%d", "f": "%f",
    "G": "%G", "h": "%I", "H": "%H", "i": "%M", "I": "%I", "j": "%j", "k": "%H", "l": "%I", "m": "%m",
    "M": "%B", "n": "\n", "p": "%p", "r": "%I:%M %p", "R": "%H:%M", "s": "%S", "S": "%S", "t": "\t",
    "T": "%H:%M:%S", "u": "%u", "V": "%V", "w": "%w", "W": "%A", "y": "%y", "Y": "%Y", "%": "%%",
}  # fmt: skip
"""ClickHouse's format letters in DuckDB's; `%i` is the minute, `%M` the month's name."""


def _format(call: Call, /) -> str:
    arg, pattern, *rest = call.args
    if rest and isinstance(rest[0].literal, str):
        call = in_zone(call, 2)
        arg = Arg(datetime(call, arg), DATETIME, arg.node)
    there = local(call, arg)
    if call.engine == "clickhouse":
        return f"formatDateTime({there}, {pattern.sql})"
    text = pattern.literal
    if not isinstance(text, str):
        raise ValueError("its format has to be a text such as '%Y-%m-%d'.")
    parts: list[str] = []
    plain = ""

    def flush() -> None:
        nonlocal plain
        if plain:
            parts.append(f"strftime({there}, {quote(plain)})")
            plain = ""

    at = 0
    while at < len(text):
        letter = text[at + 1 : at + 2] if text[at] == "%" else ""
        if not letter:
            plain += text[at]
            at += 1
            continue
        at += 2
        if letter in LETTERS:
            plain += LETTERS[letter]
            continue
        special = {
            "Q": f"CAST(quarter({there}) AS VARCHAR)",
            "C": f"lpad(CAST(year({there}) // 100 AS VARCHAR), 2, '0')",
            "g": f"right(strftime({there}, '%G'), 2)",
            "z": _offset(call, arg, there),
        }.get(letter)
        if special is None:
            raise ValueError(f"its format letter %{letter} is not known.")
        flush()
        parts.append(special)
    flush()
    return "(" + " || ".join(parts) + ")" if parts else "''"


def _offset(call: Call, arg: Arg, there: str) -> str:
    if zone_of(call, arg) == "UTC" or arg.type.name == "Date":
        return "'+0000'"
    minutes = f"date_diff('minute', {datetime(call, arg)}, {there})"
    return (
        f"(CASE WHEN {minutes} < 0 THEN '-' ELSE '+' END || lpad(CAST(abs({minutes}) // 60 AS VARCHAR), 2, '0') "
        f"|| lpad(CAST(abs({minutes}) % 60 AS VARCHAR), 2, '0'))"
    )


PARSED: dict[str, str] = {
    **{letter: LETTERS[letter] for letter in "abcdFfHiIjmMpRsSTyY%ehklDr"},
    "e": "%d",
    "W": "%A",
    "n": "\n",
    "t": "\t",
}


def _parse(call: Call, /) -> str:
    text = to_text(call, call.args[0])
    pattern = call.args[1]
    zone = call.args[2].literal if len(call.args) > 2 else call.timezone
    if not isinstance(zone, str):
        raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
    if call.engine == "clickhouse":
        return f"toDateTime64(parseDateTime64OrNull({text}, {pattern.sql}, {quote(zone)}), 6)"
    given = pattern.literal
    if not isinstance(given, str):
        raise ValueError("its format has to be a text such as '%Y-%m-%d'.")
    out, at = "", 0
    while at < len(given):
        if given[at] == "%" and at + 1 < len(given):
            letter = PARSED.get(given[at + 1])
            if letter is None:
                raise ValueError(f"its format letter %{given[at + 1]} is not known.")
            out += letter
            at += 2
        else:
            out += given[at]
            at += 1
    return instant(call, f"try_strptime({text}, {quote(out)})", zone)


def _zoned(args: Sequence[Arg]) -> Type:
    from dataclasses import replace

    zone = args[2].literal if len(args) > 2 else None
    return replace(DATETIME, timezone=zone if isinstance(zone, str) else None)


_NAMES = {
    "year": ("CAST(year({0}) AS VARCHAR)", "year"),
    "quarter": ("CAST(quarter({0}) AS VARCHAR)", "quarter"),
    "month": ("monthname({0})", "month"),
    "week": ("CAST(weekofyear({0}) AS VARCHAR)", "week"),
    "dayofyear": ("CAST(dayofyear({0}) AS VARCHAR)", "dayofyear"),
    "day": ("CAST(day({0}) AS VARCHAR)", "day"),
    "weekday": ("dayname({0})", "weekday"),
    "hour": ("CAST(hour({0}) AS VARCHAR)", "hour"),
    "minute": ("CAST(minute({0}) AS VARCHAR)", "minute"),
    "second": ("CAST(second({0}) AS VARCHAR)", "second"),
}


def _name(call: Call, /) -> str:
    unit, arg, *_ = call.args
    word = str(unit.literal).lower()
    if word not in _NAMES:
        raise ValueError(f"its part has to be one of {', '.join(_NAMES)}.")
    there = local(call, arg)
    if call.engine == "clickhouse":
        return f"dateName('{word}', {there})"
    return _NAMES[word][0].replace("{0}", there)


def _local_name(duckdb: str, clickhouse: str) -> tuple[Handler, Handler]:
    return (
        lambda call, /: duckdb.replace("{0}", local(call, call.args[0])),
        lambda call, /: clickhouse.replace("{0}", local(call, call.args[0])),
    )


_PARTS = {
    "dow": ("isodow({0})", "toDayOfWeek({0})"),
    "isodow": ("isodow({0})", "toDayOfWeek({0})"),
    "doy": ("dayofyear({0})", "toDayOfYear({0})"),
    "epoch": ("CAST(floor(epoch({0})) AS BIGINT)", "toInt64(toUnixTimestamp({0}))"),
    "year": ("year({0})", "toYear({0})"),
    "quarter": ("quarter({0})", "toQuarter({0})"),
    "month": ("month({0})", "toMonth({0})"),
    "week": ("weekofyear({0})", "toISOWeek({0})"),
    "day": ("day({0})", "toDayOfMonth({0})"),
    "hour": ("hour({0})", "toHour({0})"),
    "minute": ("minute({0})", "toMinute({0})"),
    "second": ("second({0})", "toSecond({0})"),
}


def _part(call: Call, /) -> str:
    unit, arg = call.args
    word = str(unit.literal).lower()
    word = word if word in _PARTS else UNITS.get(word, word)
    if word not in _PARTS:
        raise ValueError(f"its part has to be one of {', '.join(_PARTS)}.")
    if call.engine == "clickhouse":
        return _PARTS[word][1].replace("{0}", local(call, arg))
    there = datetime(call, arg) if word == "epoch" else local(call, arg)
    if word in ("hour", "minute", "second"):
        there = f"CAST({there} AS TIMESTAMP)"
    if word in ("hour", "minute", "second", "epoch") or call.engine == "duckdb":
        return _PARTS[word][0].replace("{0}", there)
    return f"date_part('{word}', {there})"


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


_T = "toDateTime('2024-02-03 04:05:06')"
_STREAM = Unsupported("time windows exist in ClickHouse only; use toStartOfInterval.")

ROWS: tuple[Row, ...] = (
    row(
        "formatDateTime",
        (2, 3),
        STRING,
        "A time by a format such as '%Y-%m-%d %H:%i:%S', in the third argument's zone.",
        _format,
        _format,
        (f"formatDateTime({_T}, '%Y-%m-%d %H:%i:%S')", "2024-02-03 04:05:06"),
        (f"formatDateTime({_T}, '%M %e, %a')", "February 3, Sat"),
        (f"formatDateTime({_T}, '%H:%i', 'Europe/Berlin')", "05:05"),
        aliases=("to_char", "DATE_FORMAT", "date_format"),
    ),
    row(
        "parseDateTime",
        (2, 3),
        DATETIME,
        "The time in a text by a format, NULL where it does not fit.",
        _parse,
        _parse,
        ("toString(parseDateTime('03/02/2024 04:05', '%d/%m/%Y %H:%i'))", "2024-02-03 04:05:00"),
        ("parseDateTime('x', '%Y')", None),
        aliases=(
            "parseDateTimeOrNull",
            "parseDateTime64",
            "parseDateTime64OrNull",
            "str_to_date",
            "STR_TO_DATE",
        ),
        typed=_zoned,
    ),
    row(
        "dateName",
        (2, 3),
        STRING,
        "A part of a date in words: dateName('weekday', date).",
        _name,
        _name,
        (f"dateName('weekday', {_T})", "Saturday"),
        (f"dateName('month', {_T})", "February"),
    ),
    row(
        "monthName",
        (1, 1),
        STRING,
        "The month in words.",
        *_local_name("monthname({0})", "monthName({0})"),
        (f"monthName({_T})", "February"),
    ),
    row(
        "date_part",
        (2, 2),
        INTEGER,
        "A part of a date by its name: date_part('month', date).",
        _part,
        _part,
        (f"date_part('month', {_T})", 2),
        (f"date_part('dow', {_T})", 6),
        aliases=("datePart", "DATE_PART", "__extract"),
    ),
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
