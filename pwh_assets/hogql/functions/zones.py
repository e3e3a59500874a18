"""Zones, and the moment a query is compiled at."""

from collections.abc import Sequence

from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike
from pwh_assets.hogql.functions.moments import (
    datetime,
    local,
    zone_of,
)
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.types import DATE, DATETIME, INTEGER, STRING, Type


def zone_literal(arg: Arg) -> str:
    """The zone a literal names.

    Raises:
        ValueError: it is computed.
    """
    if not isinstance(arg.literal, str):
        raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
    return arg.literal


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


ROWS: tuple[Row, ...] = (
    Fn(
        "toTimeZone",
        (1, 2),
        DATETIME,
        "The same instant, whose fields are read in that zone.",
        alike(_to_zone),
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
        alike(_zone_of),
        example=(f"timeZoneOf(toTimeZone({_T}, 'Europe/Berlin'))", "Europe/Berlin"),
        aliases=("timezoneOf",),
        category="dates",
    ),
    Fn(
        "timeZoneOffset",
        (1, 1),
        INTEGER,
        "Seconds the zone of a time is ahead of UTC.",
        alike(_zone_offset),
        example=(f"timeZoneOffset(toTimeZone({_T}, 'Europe/Berlin'))", 3600),
        aliases=("timezoneOffset",),
        category="dates",
    ),
    Fn(
        "now",
        (0, 1),
        DATETIME,
        "The moment the query was compiled.",
        alike(_now),
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
        alike(_today(0)),
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
        alike(_today(1)),
        example=("yesterday() < today()", True),
        category="dates",
        volatile=True,
    ),
)
