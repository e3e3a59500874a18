"""Dates, times and zones as SQL: what the families of date functions are made of.

On DuckDB a DateTime is a TIMESTAMP in UTC, always an instant; its zone is in its type only. A function that reads
fields first goes to the wall clock of the zone (`local`), and one that returns an instant comes back (`instant`). On
ClickHouse the value itself carries the zone of its type; the project's zone is put on where the type names none.
"""

from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call
from pwh_assets.hogql.functions.dialect import WITHIN, conversions_of
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.types import DATETIME, Type

UNITS: dict[str, str] = {
    unit: name
    for name, spellings in {
        "microsecond": ("microsecond", "microseconds", "us", "u"),
        "millisecond": ("millisecond", "milliseconds", "ms"),
        "second": ("second", "seconds", "ss", "s"),
        "minute": ("minute", "minutes", "mi", "n"),
        "hour": ("hour", "hours", "hh", "h"),
        "day": ("day", "days", "dd", "d"),
        "week": ("week", "weeks", "wk", "ww"),
        "month": ("month", "months", "mm", "m"),
        "quarter": ("quarter", "quarters", "qq", "q"),
        "year": ("year", "years", "yyyy", "yy"),
    }.items()
    for unit in spellings
}
"""Every spelling of a unit, in lower case, to its name."""


def unit_of(arg: Arg) -> str:
    """The unit a literal names.

    Raises:
        ValueError: it is no literal, or no unit.
    """
    unit = UNITS.get(str(arg.literal).lower()) if isinstance(arg.literal, str) else None
    if unit is None:
        raise ValueError(f"its unit has to be one of {', '.join(sorted(set(UNITS.values())))}.")
    return unit


def zone_of(call: Call, arg: Arg) -> str:
    """The zone an argument's fields are read in."""
    return arg.type.timezone or call.timezone


def in_zone(call: Call, at: int) -> Call:
    """The call in the zone that an argument names, where there is one."""
    zone = call.args[at].literal if len(call.args) > at else None
    return replace(call, timezone=zone) if isinstance(zone, str) else call


def local(call: Call, arg: Arg, zone: str | None = None) -> str:
    """The argument on the wall clock of its zone: on DuckDB a TIMESTAMP or DATE, on ClickHouse a value with zone."""
    sql = moment(call, arg)
    if arg.type.name == "Date":
        return sql
    if call.engine == "clickhouse":
        wanted = zone or (None if arg.type.timezone else call.timezone)
        return f"toTimeZone({sql}, {quote(wanted)})" if wanted and wanted != "UTC" else sql
    wanted = zone or zone_of(call, arg)
    if wanted == "UTC":
        return sql
    if call.engine not in WITHIN:
        return conversions_of(call.engine).local(call, arg, wanted)
    return f"timezone({quote(wanted)}, timezone('UTC', {sql}))"


def instant(call: Call, local_sql: str, zone: str) -> str:
    """A wall-clock TIMESTAMP as the instant in UTC (ClickHouse has no need of it)."""
    if zone == "UTC":
        return local_sql
    if call.engine not in WITHIN:
        return conversions_of(call.engine).instant(local_sql, zone)
    return f"timezone('UTC', timezone({quote(zone)}, {local_sql}))"


def moment(call: Call, arg: Arg) -> str:
    """A date or time as it is; a text parsed; a number taken as seconds since 1970."""
    if arg.type.name in ("Date", "DateTime"):
        return arg.sql
    if call.engine not in WITHIN:
        return conversions_of(call.engine).moment(call, arg)
    if arg.type.name in ("String", "JSON"):
        return parse_lenient(call.engine, arg.sql, call.timezone)
    if arg.type.name in ("Integer", "Float", "Decimal"):
        if call.engine == "clickhouse":
            return f"toDateTime64({arg.sql}, 6, 'UTC')"
        return f"make_timestamp(CAST({arg.sql} * CAST(1000000 AS BIGINT) AS BIGINT))"
    return arg.sql


def datetime(call: Call, arg: Arg) -> str:
    """Like `moment`, and a date is midnight in the project's zone."""
    if arg.type.name != "Date":
        return moment(call, arg)
    if call.engine not in WITHIN:
        return conversions_of(call.engine).datetime(call, arg)
    if call.engine == "clickhouse":
        return f"toDateTime64({arg.sql}, 6, {quote(call.timezone)})"
    return instant(call, f"CAST({arg.sql} AS TIMESTAMP)", call.timezone)


LENIENT_FORMATS: tuple[str, ...] = (
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d %Y",
    "%b %d, %Y",
    "%B %d %Y",
    "%B %d, %Y",
    "%d %B %Y",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m",
    "%Y",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%b %d, %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S GMT",
)
"""Further texts ClickHouse's best-effort parser reads, tried in this order on DuckDB."""


def parse_lenient(engine: str, sql: str, zone: str = "UTC", us: bool = False) -> str:
    """A text read as a time as leniently as ClickHouse does; NULL when it is none."""
    if engine == "clickhouse":
        function = "parseDateTime64BestEffortUSOrNull" if us else "parseDateTime64BestEffortOrNull"
        return f"toTimeZone({function}({sql}, 6, {quote(zone)}), {quote(zone)})"
    if engine != "duckdb":
        raise ValueError("texts are read as times as leniently nowhere else.")
    macro = "hog_parse_us" if us else "hog_parse"
    return f"{macro}({sql}, {quote(zone)})"


def seconds_between(engine: str, start: Arg, end: Arg) -> str:
    """Seconds from one time to the other, with their fraction."""
    if engine == "clickhouse":
        casts = (f"toDateTime64({arg.sql}, 6)" for arg in (end, start))
        return f"toFloat64({' - '.join(casts)})"
    if engine == "duckdb":
        first, second = (f"CAST({arg.sql} AS TIMESTAMP)" for arg in (start, end))
        return f"(date_diff('microsecond', {first}, {second}) / 1000000)"
    return conversions_of(engine).seconds_between(start, end)


DAY_UNITS = ("day", "week", "month", "quarter", "year")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""Months in a unit."""


def interval(unit: str) -> Type:
    """The type of an interval whose unit is known; a date moved by days or more stays a date."""
    return Type("Interval", fields=(unit,))


def keeps_date(type_: Type) -> bool:
    """Whether a Date moved by such an interval is still a Date."""
    return bool(type_.fields) and type_.fields[0] in DAY_UNITS


def shift(call: Call, arg: Arg, by: Arg, operator: str) -> str:
    """A date or time moved by an interval, or by a number of days (date) or seconds (time)."""
    if call.engine not in WITHIN:
        return conversions_of(call.engine).shift(call, arg, by, operator)
    duckdb = call.engine == "duckdb"
    if by.type.name == "Interval":
        if arg.type.name == "Date" and keeps_date(by.type):
            moved = f"({arg.sql} {operator} {by.sql})"
            return f"CAST({moved} AS DATE)" if duckdb else moved
        if not duckdb:
            return f"({local(call, arg) if arg.type.name != 'Date' else datetime(call, arg)} {operator} {by.sql})"
        if by.type.fields and not keeps_date(by.type):
            return f"({datetime(call, arg)} {operator} {by.sql})"
        at = arg if arg.type.name != "Date" else Arg(datetime(call, arg), DATETIME, arg.node)
        return instant(call, f"({local(call, at)} {operator} {by.sql})", zone_of(call, at))
    if arg.type.name == "Date":
        number = f"CAST({by.sql} AS INTEGER)" if duckdb else by.sql
        return f"({arg.sql} {operator} {number})"
    if duckdb:
        return f"({arg.sql} {operator} to_microseconds(CAST({by.sql} * CAST(1000000 AS BIGINT) AS BIGINT)))"
    return f"({arg.sql} {operator} {by.sql})"
