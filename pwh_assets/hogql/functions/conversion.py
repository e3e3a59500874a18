"""Conversions between types; a value that does not fit the type is NULL, never an error."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike, on
from pwh_assets.hogql.functions.moments import datetime, local, moment, parse_lenient, zone_of
from pwh_assets.hogql.functions.rules import decimal, first
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.functions.texts import to_boolean, to_float, to_text
from pwh_assets.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FLOAT,
    INTEGER,
    STRING,
    UUID,
    Type,
)

WIDTHS: dict[str, tuple[str, int, int]] = {
    "Int8": ("TINYINT", -(2**7), 2**7 - 1),
    "Int16": ("SMALLINT", -(2**15), 2**15 - 1),
    "Int32": ("INTEGER", -(2**31), 2**31 - 1),
    "Int64": ("BIGINT", -(2**63), 2**63 - 1),
    "Int128": ("HUGEINT", -(2**127), 2**127 - 1),
    "UInt8": ("UTINYINT", 0, 2**8 - 1),
    "UInt16": ("USMALLINT", 0, 2**16 - 1),
    "UInt32": ("UINTEGER", 0, 2**32 - 1),
    "UInt64": ("UBIGINT", 0, 2**64 - 1),
    "UInt128": ("UHUGEINT", 0, 2**128 - 1),
}


def _duckdb_int(arg: Arg, kind: str) -> str:
    match arg.type.name:
        case "Boolean":
            return f"CAST({arg.sql} AS {kind})"
        case "Integer":
            return f"TRY_CAST({arg.sql} AS {kind})"
        case "Float":
            return (
                f"(CASE WHEN {arg.sql} = trunc({arg.sql}) THEN TRY_CAST({arg.sql} AS {kind}) END)"
            )
        case "Decimal":
            return f"TRY_CAST(trunc({arg.sql}) AS {kind})"
        case "Date":
            return f"TRY_CAST(({arg.sql} - DATE '1970-01-01') AS {kind})"
        case "DateTime":
            return f"TRY_CAST(floor(epoch({arg.sql})) AS {kind})"
        case _:
            text = arg.sql if arg.type.name == "String" else f"CAST({arg.sql} AS VARCHAR)"
            if kind == "BIGINT":
                return f"hog_int({text})"
            return f"(CASE WHEN regexp_full_match({text}, '[+-]?[0-9]+') THEN TRY_CAST({text} AS {kind}) END)"


def _to_int(width: str) -> Handler:
    def handler(call: Call, /) -> str:
        arg = call.args[0]
        wide = width.endswith("128")  # Results carry no 128-bit integers, so those are decimals.
        if call.engine == "clickhouse":
            sql = f"accurateCastOrNull({arg.sql}, '{width}')"
            return f"toDecimal128OrNull(toString({sql}), 0)" if wide else sql
        sql = _duckdb_int(arg, WIDTHS[width][0])
        return f"TRY_CAST({sql} AS DECIMAL(38, 0))" if wide else sql

    return handler


def as_float(call: Call, /) -> str:
    return to_float(call.engine, call.args[0])


def as_boolean(call: Call, /) -> str:
    return to_boolean(call.engine, call.args[0])


def or_else(handler: Handler, default: str | Mapping[str, str]) -> Handler:
    """The conversion; where it gives NULL the call's second argument, else a default, which may be one per engine."""

    def or_default(call: Call, /) -> str:
        last = default if isinstance(default, str) else default[call.engine]
        return f"coalesce({handler(call)}, {call.args[1].sql if len(call.args) > 1 else last})"

    return or_default


def scale_of(call: Call) -> int:
    """Digits after the point of a decimal.

    Raises:
        ValueError: they are computed, or too many.
    """
    scale = call.args[1].literal if len(call.args) > 1 else 9
    if not isinstance(scale, int) or not 0 <= scale <= 18:
        raise ValueError("its scale has to be a number from 0 to 18.")
    return scale


def _to_decimal(call: Call, /) -> str:
    arg, scale = call.args[0], scale_of(call)
    if call.engine == "clickhouse":
        return f"accurateCastOrNull({arg.sql}, 'Decimal64({scale})')"
    if arg.type.name in ("String", "JSON"):
        # ClickHouse cuts further digits off, DuckDB would round them.
        number = f"CASE WHEN regexp_full_match({arg.sql}, '[+-]?[0-9]*\\.?[0-9]+([eE][+-]?[0-9]+)?') THEN TRY_CAST({arg.sql} AS DECIMAL(38, {min(scale + 9, 19)})) END"
        factor = 10**scale
        return f"TRY_CAST(trunc(({number}) * {factor}) / {factor} AS DECIMAL(18, {scale}))"
    if arg.type.name == "Float":
        factor = 10**scale
        return f"TRY_CAST(trunc({arg.sql} * {factor}) / {factor} AS DECIMAL(18, {scale}))"
    return f"TRY_CAST({arg.sql} AS DECIMAL(18, {scale}))"


def _decimal_type(args: Sequence[Arg]) -> Type:
    scale = args[1].literal if len(args) > 1 else 9
    return decimal(scale) if isinstance(scale, int) else DECIMAL


def _to_string(call: Call, /) -> str:
    if len(call.args) == 2:
        arg, zone = call.args
        if not isinstance(zone.literal, str):
            raise ValueError("its zone has to be a text such as 'Europe/Berlin'.")
        moved = Arg(datetime(call, arg), replace(DATETIME, timezone=zone.literal), arg.node)
        if call.engine == "clickhouse":
            moved = replace(moved, sql=f"toTimeZone({moved.sql}, {quote(zone.literal)})")
        return to_text(call, moved)
    return to_text(call, call.args[0])


def _to_date(call: Call, /) -> str:
    arg = call.args[0]
    if arg.type.name == "Date":
        return arg.sql
    if arg.type.name == "DateTime":
        there = local(call, arg)
        return f"toDate32({there})" if call.engine == "clickhouse" else f"CAST({there} AS DATE)"
    if arg.type.name in ("Integer", "Float"):
        if call.engine == "clickhouse":
            return f"toDate32({arg.sql})"
        return (
            f"(CASE WHEN abs({arg.sql}) > 120529 THEN CAST(make_timestamp(CAST({arg.sql} * CAST(1000000 AS BIGINT) AS BIGINT)) AS DATE) "
            f"ELSE DATE '1970-01-01' + CAST({arg.sql} AS INTEGER) END)"
        )
    if call.engine == "clickhouse":
        return f"toDate32({local_parse(call, arg)})"
    return f"CAST({local_parse(call, arg)} AS DATE)"


def local_parse(call: Call, arg: Arg) -> str:
    """A text's wall-clock time in the project's zone."""
    parsed = Arg(moment(call, arg), DATETIME, arg.node)
    if call.engine == "clickhouse":
        return parsed.sql
    return local(call, parsed)


def _to_datetime(us: bool = False) -> Handler:
    def handler(call: Call, /) -> str:
        arg = call.args[0]
        zone = call.args[-1].literal if len(call.args) > 1 else None
        zone = zone if isinstance(zone, str) else None
        if arg.type.name in ("String", "JSON", "Unknown", "Null"):
            text = arg.sql if arg.type.name == "String" else _as_varchar(call, arg)
            return parse_lenient(call.engine, text, zone or call.timezone, us)
        sql = datetime(call, arg)
        if call.engine == "clickhouse":
            return f"toTimeZone(toDateTime64({sql}, 6), {quote(zone or zone_of(call, arg))})"
        return sql

    return handler


def _as_varchar(call: Call, arg: Arg) -> str:
    return (
        f"CAST({arg.sql} AS VARCHAR)"
        if call.engine == "duckdb"
        else f"CAST({arg.sql} AS Nullable(String))"
    )


def _zoned(args: Sequence[Arg]) -> Type:
    zone = args[-1].literal if len(args) > 1 else None
    zone = zone if isinstance(zone, str) else args[0].type.timezone
    return replace(DATETIME, timezone=zone)


def _to_uuid(call: Call, /) -> str:
    sql = call.args[0].sql
    if call.engine == "clickhouse":
        return f"accurateCastOrNull({sql}, 'UUID')"
    if call.args[0].type == UUID:
        return sql
    return (
        f"(CASE WHEN regexp_full_match({sql}, "
        "'[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}') "
        f"THEN TRY_CAST({sql} AS UUID) END)"
    )


NIL = "00000000-0000-0000-0000-000000000000"


_NIL_UUID = {"duckdb": f"CAST('{NIL}' AS UUID)", "clickhouse": f"toUUID('{NIL}')"}
_FIRST_DAY = {"duckdb": "DATE '1970-01-01'", "clickhouse": "toDate32('1970-01-01')"}
_FIRST_MOMENT = {
    "duckdb": "TIMESTAMP '1970-01-01 00:00:00'",
    "clickhouse": "toDateTime64('1970-01-01 00:00:00', 6, 'UTC')",
}


def _integers() -> list[Row]:
    rows: list[Row] = []
    for width in WIDTHS:
        handler = _to_int(width)
        words = "whole number" if width == "Int64" else f"whole number of {width}'s range"
        special = width == "Int64"
        rows.append(
            Fn(
                "toInt" if special else f"to{width}",
                (1, 1),
                INTEGER,
                f"The value as a {words}; NULL where it is none.",
                alike(handler),
                example=(
                    (f"to{width}('12')", 12),
                    (f"to{width}('12.7')", None),
                    (f"to{width}('x')", None),
                    (f"to{width}(5.0)", 5),
                ),
                aliases=(
                    *((f"to{width}", "_toInt64") if special else (f"_to{width}",)),
                    f"to{width}OrNull",
                    *(("toIntOrNull",) if special else ()),
                ),
                category="conversion",
            )
        )
        rows.append(
            Fn(
                f"to{width}OrZero",
                (1, 1),
                INTEGER,
                f"The value as a {words}; 0 where it is none.",
                alike(or_else(handler, "0")),
                example=((f"to{width}OrZero('12')", 12), (f"to{width}OrZero('x')", 0)),
                aliases=("toIntOrZero",) if special else (),
                category="conversion",
            )
        )
        rows.append(
            Fn(
                f"to{width}OrDefault",
                (1, 2),
                INTEGER,
                f"The value as a {words}; the second argument, else 0, where it is none.",
                alike(or_else(handler, "0")),
                example=(f"to{width}OrDefault('x', 7)", 7),
                aliases=("toIntOrDefault",) if special else (),
                category="conversion",
            )
        )
    return rows


ROWS: tuple[Row, ...] = (
    *_integers(),
    Fn(
        "toFloat",
        (1, 1),
        FLOAT,
        "The value as a float; NULL where it is none.",
        alike(as_float),
        example=(
            ("toFloat('1.5')", 1.5),
            ("toFloat('x')", None),
            ("toFloat(2)", 2.0),
            ("toFloat('1e3')", 1000.0),
        ),
        aliases=("toFloat64", "_toFloat64", "toFloat64OrNull", "toFloatOrNull"),
        category="conversion",
    ),
    Fn(
        "toFloatOrZero",
        (1, 1),
        FLOAT,
        "The value as a float; 0 where it is none.",
        alike(or_else(as_float, "0")),
        example=(("toFloatOrZero('x')", 0.0), ("toFloatOrZero('2.5')", 2.5)),
        aliases=("toFloat64OrZero",),
        category="conversion",
    ),
    Fn(
        "toFloatOrDefault",
        (1, 2),
        FLOAT,
        "The value as a float; the second argument, else 0, where it is none.",
        alike(or_else(as_float, "0")),
        example=(("toFloatOrDefault('x', 7.5)", 7.5), ("toFloatOrDefault('1.5', 7)", 1.5)),
        aliases=("toFloat64OrDefault",),
        category="conversion",
    ),
    Fn(
        "toDecimal",
        (1, 2),
        DECIMAL,
        "The value as a decimal with that many digits after the point; NULL where it is none.",
        alike(_to_decimal),
        example=(("toString(toDecimal('1.25', 2))", "1.25"), ("toDecimal('x', 2)", None)),
        aliases=("toDecimal64", "toDecimal64OrNull", "toDecimal32", "toDecimal128"),
        category="conversion",
        typed=_decimal_type,
    ),
    Fn(
        "toString",
        (1, 2),
        STRING,
        "The value as text; of a time in the zone of the second argument.",
        alike(_to_string),
        example=(
            ("toString(3.0)", "3"),
            ("toString(1 = 1)", "true"),
            ("toString(toDate('2024-02-03'))", "2024-02-03"),
            ("toString(toDateTime('2024-02-03 04:05:06'))", "2024-02-03 04:05:06"),
            ("toString(0.1 + 0.2)", "0.30000000000000004"),
            ("toString([1, 2])", "[1,2]"),
            ("toString(['a'])", "['a']"),
        ),
        aliases=("toNullableString",),
        category="conversion",
    ),
    Fn(
        "toBool",
        (1, 1),
        BOOLEAN,
        "The value as true or false; NULL for any other text.",
        alike(as_boolean),
        example=(("toBool('true')", True), ("toBool(0)", False), ("toBool('x')", None)),
        aliases=("_toNullableBool",),
        category="conversion",
    ),
    Fn(
        "toDate",
        (1, 2),
        DATE,
        "The date of a time, in its zone, or of a text; NULL where the text has none.",
        alike(_to_date),
        example=(
            ("toString(toDate('2024-02-03 04:05:06'))", "2024-02-03"),
            ("toDate('x')", None),
            ("toString(toDate(19000))", "2022-01-08"),
        ),
        aliases=("to_date", "_toDate", "toDateOrNull", "toDate32", "toDate32OrNull", "DATE"),
        category="conversion",
    ),
    Fn(
        "toDateOrZero",
        (1, 1),
        DATE,
        "The date of a text; 1970-01-01 where it has none.",
        alike(or_else(_to_date, _FIRST_DAY)),
        example=("toString(toDateOrZero('x'))", "1970-01-01"),
        aliases=("toDateOrDefault",),
        category="conversion",
    ),
    Fn(
        "toDateTime",
        (1, 3),
        DATETIME,
        "The moment of a text, a date or a Unix time; a text without offset is in the project's zone, or the second argument's.",
        alike(_to_datetime()),
        example=(
            ("toString(toDateTime('2024-02-03 04:05:06'))", "2024-02-03 04:05:06"),
            ("toString(toDateTime('2024-02-03T04:05:06Z'))", "2024-02-03 04:05:06"),
            ("toString(toDateTime('2024-02-03 04:05:06+02:00'))", "2024-02-03 02:05:06"),
            ("toString(toDateTime(1700000000))", "2023-11-14 22:13:20"),
            ("toDateTime('x')", None),
            ("toString(toDateTime('4-Dec-2023'))", "2023-12-04 00:00:00"),
        ),
        aliases=(
            "toDateTime64",
            "toDateTimeOrNull",
            "toDateTime64OrNull",
            "parseDateTimeBestEffort",
            "parseDateTimeBestEffortOrNull",
            "parseDateTime64BestEffort",
            "parseDateTime64BestEffortOrNull",
            "_toDateTime",
        ),
        category="conversion",
        typed=_zoned,
    ),
    Fn(
        "toDateTimeUS",
        (1, 3),
        DATETIME,
        "Like toDateTime, reading 01/02/2024 as the second of January.",
        alike(_to_datetime(us=True)),
        example=("toString(toDateTimeUS('01/02/2024'))", "2024-01-02 00:00:00"),
        aliases=("parseDateTimeBestEffortUS", "parseDateTimeBestEffortUSOrNull"),
        category="conversion",
        typed=_zoned,
    ),
    Fn(
        "toDateTimeOrZero",
        (1, 2),
        DATETIME,
        "The moment of a text; 1970-01-01 00:00:00 where it has none.",
        alike(or_else(_to_datetime(), _FIRST_MOMENT)),
        example=("toString(toDateTimeOrZero('x'))", "1970-01-01 00:00:00"),
        aliases=("parseDateTimeBestEffortOrZero",),
        category="conversion",
    ),
    Fn(
        "toUUID",
        (1, 1),
        UUID,
        "A text as a UUID; NULL where it is none.",
        alike(_to_uuid),
        example=(
            (
                "toString(toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'))",
                "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
            ),
            ("toUUID('x')", None),
        ),
        aliases=("toUUIDOrNull",),
        category="conversion",
    ),
    Fn(
        "toUUIDOrZero",
        (1, 1),
        UUID,
        "A text as a UUID; the nil UUID where it is none.",
        alike(or_else(_to_uuid, _NIL_UUID)),
        example=("toString(toUUIDOrZero('x'))", NIL),
        category="conversion",
    ),
    Fn(
        "toUUIDOrDefault",
        (1, 2),
        UUID,
        "A text as a UUID; the second argument where it is none.",
        alike(or_else(_to_uuid, _NIL_UUID)),
        example=(
            "toString(toUUIDOrDefault('x', toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')))",
            "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
        ),
        category="conversion",
    ),
    Fn(
        "identity",
        (1, 1),
        first,
        "The value itself.",
        on("{0}", "materialize({0})"),
        example=("identity(5)", 5),
        aliases=("materialize",),
        category="conversion",
    ),
)
