"""Literals per engine, as one table each, and the frozen clock."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

Literals = Mapping[type, Callable[[Any], str]]


def signed(text: str) -> str:
    """A negative number in brackets, so that no operator before it can touch it."""
    return f"({text})" if text.startswith("-") else text


def with_exponent(value: float) -> str:
    """A finite float that no engine takes for a decimal."""
    text = repr(value)
    return signed(text if "e" in text else f"{text}e0")


def _duckdb_float(value: float) -> str:
    if math.isnan(value):
        return "CAST('nan' AS DOUBLE)"
    if math.isinf(value):
        return f"CAST('{'-' if value < 0 else ''}inf' AS DOUBLE)"
    return with_exponent(value)


def _clickhouse_float(value: float) -> str:
    return signed(repr(value + 0.0)) if math.isfinite(value) else f"({value!r})"  # no signed zero


DUCKDB: Literals = {
    bool: lambda value: "TRUE" if value else "FALSE",
    int: lambda value: signed(str(value)),
    float: _duckdb_float,
    Decimal: lambda value: f"CAST({value} AS DECIMAL(38, 9))",
    datetime: lambda value: f"TIMESTAMP '{value.isoformat(sep=' ')}'",
    date: lambda value: f"DATE '{value.isoformat()}'",
    UUID: lambda value: f"CAST('{value}' AS UUID)",
}
CLICKHOUSE: Literals = {
    bool: lambda value: "true" if value else "false",
    int: lambda value: signed(str(value)),
    float: _clickhouse_float,
    Decimal: lambda value: f"toDecimal128('{value}', 9)",
    datetime: lambda value: f"toDateTime64('{value.isoformat(sep=' ')}', 6, 'UTC')",
    date: lambda value: f"toDate32('{value.isoformat()}')",
    UUID: lambda value: f"toUUID('{value}')",
}

POSTGRES: Literals = {
    bool: lambda value: "TRUE" if value else "FALSE",
    int: lambda value: signed(str(value)),
    float: lambda value: f"'{value!r}'::float8",
    Decimal: lambda value: f"'{value}'::numeric",
    datetime: lambda value: f"timestamp '{value.isoformat(sep=' ')}'",
    date: lambda value: f"date '{value.isoformat()}'",
    UUID: lambda value: f"'{value}'::uuid",
}

MYSQL: Literals = {
    bool: lambda value: "TRUE" if value else "FALSE",
    int: lambda value: signed(str(value)),
    float: lambda value: _mysql_float(value),
    Decimal: lambda value: f"CAST({value} AS DECIMAL(38, 9))",
    datetime: lambda value: f"TIMESTAMP'{value.isoformat(sep=' ', timespec='microseconds')}'",
    date: lambda value: f"DATE'{value.isoformat()}'",
    UUID: lambda value: f"'{value}'",
}


def _mysql_float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("there is neither inf nor nan.")
    return with_exponent(value)


def frozen(now: datetime, kind: str, zone: str) -> date:
    """The moment of compilation as `now()`, `today()` or `yesterday()` show it."""
    moment = now if now.tzinfo is not None else now.replace(tzinfo=UTC)
    if kind == "now":
        return moment.astimezone(UTC).replace(tzinfo=None)
    today = moment.astimezone(ZoneInfo(zone)).date()
    return today if kind == "today" else today - timedelta(days=1)
