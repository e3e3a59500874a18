"""Starts of periods, parts of dates, differences and shifts."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Rendering, Row, on
from pwh_assets.hogql.functions.moments import (
    UNITS,
    datetime,
    instant,
    interval,
    local,
    shift,
    unit_of,
    zone_of,
)
from pwh_assets.hogql.functions.rules import arithmetic, last
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.types import DATE, DATETIME, INTEGER, STRING, Type


def _pair(handler: Handler) -> dict[str, Rendering]:
    return on(handler, handler)


def _time_of_first(types: Sequence[Type]) -> Type:
    """A DateTime in the zone of the first argument."""
    return types[0] if types and types[0].name == "DateTime" else DATETIME


def zone_literal(arg: Arg) -> str:
    """The zone a literal names.

    Raises:
        ValueError: it is computed.
    """
    if not isinstance(arg.literal, str):
        raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
    return arg.literal


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


# --- starts of periods -------------------------------------------------------------------------


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


def _start_of_interval(call: Call, /) -> str:
    arg = call.args[0]
    number, unit = interval_parts(call.args[1])
    if number < 1:
        raise ValueError("its interval has to be positive.")
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


# --- parts ------------------------------------------------------------------------------------


def _part(duckdb: str, clickhouse: str) -> Handler:
    """A number read off the wall clock; `{0}` is the local time."""

    def handler(call: Call, /) -> str:
        template = clickhouse if call.engine == "clickhouse" else duckdb
        return template.replace("{0}", local(call, call.args[0]))

    return handler


def _day_of_week(call: Call, /) -> str:
    there = local(call, call.args[0])
    mode = call.args[1].literal if len(call.args) > 1 else 0
    if not isinstance(mode, int):
        raise ValueError("its mode has to be a number.")
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
    mode = call.args[1].literal if len(call.args) > 1 else 0
    if call.engine == "clickhouse":
        return f"toWeek({there}, {mode})"
    match mode:
        case 0:
            return f"CAST(strftime({there}, '%U') AS INTEGER)"
        case 1:
            return (
                f"(CASE WHEN isoyear({there}) > year({there}) THEN "
                f"weekofyear(CAST({there} AS DATE) - 7) + 1 "
                f"WHEN isoyear({there}) < year({there}) THEN 0 ELSE weekofyear({there}) END)"
            )
        case 3:
            return f"weekofyear({there})"
        case _:
            raise ValueError("its week mode has to be 0, 1 or 3.")


def _year_week(call: Call, /) -> str:
    there = local(call, call.args[0])
    mode = call.args[1].literal if len(call.args) > 1 else 0
    if call.engine == "clickhouse":
        return f"toYearWeek({there}, {mode})"
    if mode in (1, 3):
        return f"(isoyear({there}) * 100 + weekofyear({there}))"
    if mode not in (0, 2):
        raise ValueError("its week mode has to be 0, 1, 2 or 3.")
    sunday = f"(CAST(date_trunc('week', CAST({there} AS DATE) + 1) AS DATE) - 1)"
    return f"(year({sunday}) * 100 + (dayofyear({sunday}) - 1) // 7 + 1)"


def _unix(factor: str, native: str) -> Handler:
    """Seconds (or a finer unit) since 1970 of an instant."""

    def handler(call: Call, /) -> str:
        arg = call.args[0]
        if len(call.args) > 1 and isinstance(call.args[1].literal, str):
            call = Call(call.name, call.engine, call.args, timezone=call.args[1].literal)
        sql = datetime(call, arg)
        if call.engine == "clickhouse":
            return native.replace("{0}", f"toDateTime64({sql}, 6)")
        return factor.replace("{0}", sql)

    return handler


# --- differences and shifts ----------------------------------------------------------------------


def _date_diff(call: Call, /) -> str:
    unit, start, end, *rest = call.args
    name = unit_of(unit)
    if rest and isinstance(rest[0].literal, str):
        call = Call(call.name, call.engine, call.args, timezone=rest[0].literal)
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
    months = {"month": 1, "quarter": 3, "year": 12}.get(name)
    if months:
        return f"(hog_months({left}, {right}) // {months})"
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


def _to_interval(unit: str) -> Handler:
    def handler(call: Call, /) -> str:
        return _interval_sql(call.engine, unit, call.args[0])

    return handler


def _moved(call: Call, unit: str, number: Arg, arg: Arg, operator: str) -> str:
    if arg.type.name not in ("Date", "DateTime"):
        arg = Arg(datetime(call, arg), DATETIME, arg.node)
    by = Arg(_interval_sql(call.engine, unit, number), interval(unit), number.node)
    return shift(call, arg, by, operator)


def _add(unit: str, operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg, number = call.args
        return _moved(call, unit, number, arg, operator)

    return handler


def _add_type(unit: str) -> Callable[[Sequence[Type]], Type]:
    def rule(types: Sequence[Type]) -> Type:
        return arithmetic(
            (types[0] if types[0].name in ("Date", "DateTime") else DATETIME, interval(unit))
        )

    return rule


def _date_add(operator: str) -> Handler:
    def handler(call: Call, /) -> str:
        if len(call.args) == 3:
            unit, number, arg = call.args
            return _moved(call, unit_of(unit), number, arg, operator)
        arg, by = call.args
        if arg.type.name == "Interval":
            arg, by = by, arg
        if by.type.name != "Interval":
            return _moved(call, "day" if arg.type.name == "Date" else "second", by, arg, operator)
        if arg.type.name not in ("Date", "DateTime"):
            arg = Arg(datetime(call, arg), DATETIME, arg.node)
        return shift(call, arg, by, operator)

    return handler


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


# --- zones ---------------------------------------------------------------------------------------


def _to_zone(call: Call, /) -> str:
    arg, *rest = call.args
    zone = rest[0].literal if rest else call.timezone
    if not isinstance(zone, str):
        raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
    sql = datetime(call, arg)
    return f"toTimeZone({sql}, {quote(zone)})" if call.engine == "clickhouse" else sql


def _to_zone_type(args: Sequence[Arg]) -> Type:
    from dataclasses import replace

    zone = args[1].literal if len(args) > 1 else None
    return replace(DATETIME, timezone=zone if isinstance(zone, str) else None)


def _zone_of(call: Call, /) -> str:
    return quote(zone_of(call, call.args[0]), call.engine)


def _zone_offset(call: Call, /) -> str:
    arg = call.args[0]
    there = local(call, arg)
    if call.engine == "clickhouse":
        return f"timeZoneOffset({there})"
    return f"date_diff('second', {datetime(call, arg)}, CAST({there} AS TIMESTAMP))"


_NOW = {"duckdb": "CAST(timezone('UTC', now()) AS TIMESTAMP)", "clickhouse": "now64(6, 'UTC')"}


def _now(call: Call, /) -> str:
    return _NOW[call.engine]


def _today(days: int) -> Handler:
    def handler(call: Call, /) -> str:
        at = Arg(_NOW[call.engine], DATETIME, exp.Null())
        there = local(call, at)
        minus = f" - {days}" if days else ""
        if call.engine == "clickhouse":
            return f"(toDate32({there}){minus})"
        return f"(CAST({there} AS DATE){minus})"

    return handler


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
                on(handler, handler),
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
                on(handler, handler),
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
                _pair(_bucket(minutes, name)),
                example=(f"toString({name}({_T}))", f"2024-02-03 {value}"),
                aliases=("toStartOfFiveMinute",) if minutes == 5 else (),
                category="dates",
            )
        )
    return rows


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
        handler = _part(duckdb, clickhouse)
        rows.append(
            Fn(
                name,
                (1, 1),
                INTEGER,
                doc,
                on(
                    handler,
                    handler,
                ),
                example=(f"{name}({_T})", value),
                aliases=aliases,
                category="dates",
            )
        )
    return rows


def _shifts() -> list[Row]:
    rows: list[Row] = []
    values = {
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
    for word, value in values.items():
        unit = word.lower()
        handler = _to_interval(unit)
        rows.append(
            Fn(
                f"toInterval{word}",
                (1, 1),
                interval(unit),
                f"That many {unit}s, to add to a date or time.",
                on(handler, handler),
                example=(f"toString({_T} + toInterval{word}(2))", value),
                category="dates",
            )
        )
        if word == "Millisecond":
            continue
        add, subtract = _add(unit, "+"), _add(unit, "-")
        rows.append(
            Fn(
                f"add{word}s",
                (2, 2),
                _add_type(unit),
                f"The date or time so many {unit}s later.",
                on(add, add),
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
                on(subtract, subtract),
                example=(
                    f"toString(subtract{word}s(add{word}s({_T}, 2), 2))",
                    "2024-02-03 04:05:06",
                ),
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
        _pair(_start_of_week),
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
        _pair(_last_of_week),
        example=("toString(toLastDayOfWeek(toDate('2024-11-20')))", "2024-11-23"),
        category="dates",
    ),
    Fn(
        "toLastDayOfMonth",
        (1, 1),
        DATE,
        "Last day of the month.",
        _pair(
            _part(
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
        _pair(
            _part(
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
        _pair(_start_of_interval),
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
        on(_date_trunc, _date_trunc),
        example=(
            (f"toString(dateTrunc('month', {_T}))", "2024-02-01"),
            (f"toString(date_trunc('hour', {_T}))", "2024-02-03 04:00:00"),
        ),
        aliases=("date_trunc", "DATE_TRUNC"),
        category="dates",
        typed=_trunc_type,
    ),
    *_parts(),
    Fn(
        "toDayOfWeek",
        (1, 3),
        INTEGER,
        "Day of the week, Monday 1 to Sunday 7; modes 1, 2, 3 count from 0 or from Sunday.",
        _pair(_day_of_week),
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
        _pair(_week),
        example=(("toWeek(toDate('2024-12-30'))", 52), ("toWeek(toDate('2024-12-30'), 3)", 1)),
        aliases=("WEEK",),
        category="dates",
    ),
    Fn(
        "toYearWeek",
        (1, 3),
        INTEGER,
        "Year and week as a number.",
        _pair(_year_week),
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
        _pair(_unix("CAST(floor(epoch({0})) AS BIGINT)", "toInt64(floor(toFloat64({0})))")),
        example=(f"toUnixTimestamp({_T})", 1706933106),
        category="dates",
    ),
    Fn(
        "toUnixTimestamp64Milli",
        (1, 1),
        INTEGER,
        "Milliseconds since 1970.",
        _pair(_unix("epoch_ms({0})", "toUnixTimestamp64Milli({0})")),
        example=(f"toUnixTimestamp64Milli({_T})", 1706933106000),
        category="dates",
    ),
    Fn(
        "toUnixTimestamp64Micro",
        (1, 1),
        INTEGER,
        "Microseconds since 1970.",
        _pair(_unix("epoch_us({0})", "toUnixTimestamp64Micro({0})")),
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
    Fn(
        "dateDiff",
        (3, 4),
        INTEGER,
        "Boundaries of the unit crossed between two times; weeks begin on Monday.",
        on(_date_diff, _date_diff),
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
        _pair(_age),
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
        _pair(_date_add("+")),
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
        _pair(_date_add("-")),
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
    Fn(
        "toTimeZone",
        (1, 2),
        DATETIME,
        "The same instant, whose fields are read in that zone.",
        _pair(_to_zone),
        example=(
            (f"toString(toTimeZone({_T}, 'Europe/Berlin'))", "2024-02-03 05:05:06"),
            (f"toHour(toTimeZone({_T}, 'America/New_York'))", 23),
            (f"toTimeZone({_T}, 'Asia/Tokyo') = {_T}", True),
        ),
        aliases=("toTimezone",),
        category="dates",
        typed=_to_zone_type,
    ),
    Fn(
        "timeZoneOf",
        (1, 1),
        STRING,
        "The zone a time's fields are read in.",
        _pair(_zone_of),
        example=(f"timeZoneOf(toTimeZone({_T}, 'Europe/Berlin'))", "Europe/Berlin"),
        aliases=("timezoneOf",),
        category="dates",
    ),
    Fn(
        "timeZoneOffset",
        (1, 1),
        INTEGER,
        "Seconds the zone of a time is ahead of UTC.",
        _pair(_zone_offset),
        example=(f"timeZoneOffset(toTimeZone({_T}, 'Europe/Berlin'))", 3600),
        aliases=("timezoneOffset",),
        category="dates",
    ),
    Fn(
        "now",
        (0, 1),
        DATETIME,
        "The moment the query was compiled.",
        on(_now, _now),
        example=("dateDiff('day', now(), now())", 0),
        aliases=("now64", "current_timestamp", "nowInBlock", "UTCTimestamp", "UTC_timestamp"),
        category="dates",
        volatile=True,
    ),
    Fn(
        "today",
        (0, 1),
        DATE,
        "The date the query was compiled, in the project's zone.",
        on(_today(0), _today(0)),
        example=("today() - yesterday()", 1),
        aliases=("current_date", "curdate"),
        category="dates",
        volatile=True,
    ),
    Fn(
        "yesterday",
        (0, 0),
        DATE,
        "The day before the query was compiled.",
        on(_today(1), _today(1)),
        example=("yesterday() < today()", True),
        category="dates",
        volatile=True,
    ),
)
