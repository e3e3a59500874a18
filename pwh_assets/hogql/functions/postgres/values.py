"""Postgres: values of one type as another. A DateTime is a `timestamp` in UTC, a JSON value `jsonb` or `json`."""

from pwh_assets.hogql.functions.base import Arg, Call
from pwh_assets.hogql.functions.sqltext import postgres_text
from pwh_assets.hogql.types import BOOLEAN, Type

TYPES: dict[str, str] = {
    "String": "text",
    "Integer": "bigint",
    "Float": "double precision",
    "Decimal": "numeric",
    "Boolean": "boolean",
    "Date": "date",
    "DateTime": "timestamp",
    "Interval": "interval",
    "UUID": "uuid",
    "JSON": "jsonb",
    "Null": "text",
}
NUMBER = "'^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$'"
"""Texts that are floats; exponents of three digits might overflow, which Postgres raises."""
INFINITE = "'^[+-]?(inf|infinity|nan)$'"


def sql_type(type_: Type) -> str:
    """Postgres's spelling of a type.

    Raises:
        ValueError: it has none.
    """
    if type_.name == "Array" and type_.args and type_.args[0].name in TYPES:
        return f"{TYPES[type_.args[0].name]}[]"
    if type_.name not in TYPES:
        raise ValueError(f"there is no {type_} there.")
    return TYPES[type_.name]


def float_text(sql: str) -> str:
    """A float as ClickHouse prints it: 3, 0.00001, 1e30, inf."""
    shortest = f"cast({sql} as text)"
    return (
        f"(CASE WHEN {sql} IN ('Infinity'::float8, '-Infinity'::float8, 'NaN'::float8) "
        f"THEN replace(lower({shortest}), 'inity', '') "
        f"WHEN {sql} = 0 THEN '0' "
        f"WHEN abs({sql}) < 1e21 AND abs({sql}) >= 1e-6 THEN cast(trim_scale(cast({shortest} as numeric)) as text) "
        f"ELSE regexp_replace({shortest}, 'e[+]?(-?)0*', 'e\\1') END)"
    )


def whole(arg: Arg, low: int = -(2**63), high: int = 2**63 - 1, kind: str = "bigint") -> str:
    """A whole number between bounds, NULL where the value is none."""
    sql = arg.sql
    match arg.type.name:
        case "Boolean":
            return f"cast(cast({sql} as integer) as {kind})"
        case "Integer":
            if (low, high) == (-(2**63), 2**63 - 1):
                return f"cast({sql} as bigint)"
            return f"(CASE WHEN {sql} BETWEEN {low} AND {high} THEN cast({sql} as {kind}) END)"
        case "Float":
            return (
                f"(CASE WHEN {sql} = trunc({sql}) AND {sql} >= {low}::float8 AND {sql} {_below(high)}::float8 "
                f"THEN cast({sql} as {kind}) END)"
            )
        case "Decimal":
            return f"(CASE WHEN trunc({sql}) BETWEEN {low} AND {high} THEN cast(trunc({sql}) as {kind}) END)"
        case "Date":
            days = f"({sql} - date '1970-01-01')"
            return f"(CASE WHEN {days} BETWEEN {low} AND {high} THEN cast({days} as {kind}) END)"
        case "DateTime":
            seconds = f"floor(extract(epoch from {sql}))"
            return (
                f"(CASE WHEN {seconds} BETWEEN {low} AND {high} THEN cast({seconds} as {kind}) END)"
            )
        case "String":
            number = f"cast({sql} as numeric)"
            return (
                f"(CASE WHEN {sql} ~ '^[+-]?[0-9]{{1,60}}$' THEN CASE WHEN {number} BETWEEN {low} AND {high} "
                f"THEN cast({number} as {kind}) END END)"
            )
        case "Null":
            return f"cast(NULL as {kind})"
    raise ValueError(f"it does not take a {arg.type} there.")


def _below(high: int) -> str:
    """A float has no 2^63 - 1, so the bound itself is out."""
    return f"< {high + 1}" if high > 2**53 else f"<= {high}"


class PostgresConversions:
    """How Postgres converts."""

    def text(self, call: Call, arg: Arg, /) -> str:
        match arg.type.name:
            case "String":
                return arg.sql
            case "Integer" | "Date" | "UUID" | "Null":
                return f"cast({arg.sql} as text)"
            case "Boolean":
                return f"cast({arg.sql} as text)"
            case "Float":
                return float_text(arg.sql)
            case "Decimal":
                return f"cast(trim_scale({arg.sql}) as text)"
            case "DateTime":
                from pwh_assets.hogql.functions.moments import local

                moment = local(call, arg)
                return f"replace(to_char({moment}, 'YYYY-MM-DD HH24:MI:SS.US'), '.000000', '')"
        raise ValueError(f"a {arg.type} is printed otherwise there.")

    def float(self, arg: Arg, /) -> str:
        match arg.type.name:
            case "Float":
                return arg.sql
            case "Integer" | "Decimal" | "Null":
                return f"cast({arg.sql} as double precision)"
            case "Boolean":
                return f"cast(cast({arg.sql} as integer) as double precision)"
            case "Date":
                return f"cast({arg.sql} - date '1970-01-01' as double precision)"
            case "DateTime":
                return f"cast(extract(epoch from {arg.sql}) as double precision)"
            case "String":
                return (
                    f"(CASE WHEN {arg.sql} ~ {NUMBER} OR {arg.sql} ~* {INFINITE} "
                    f"THEN cast({arg.sql} as double precision) END)"
                )
        raise ValueError(f"it does not take a {arg.type} there.")

    def boolean(self, arg: Arg, /) -> str:
        match arg.type.name:
            case "Boolean":
                return arg.sql
            case "Null":
                return "cast(NULL as boolean)"
            case "String":
                return f"(CASE lower({arg.sql}) WHEN 'true' THEN true WHEN '1' THEN true WHEN 'false' THEN false WHEN '0' THEN false END)"
            case "Integer" | "Float" | "Decimal":
                return f"({arg.sql} <> 0)"
        raise ValueError(f"it does not take a {arg.type} there.")

    def cast(self, call: Call, arg: Arg, wanted: Type, /) -> str:
        if wanted.name == "String":
            return self.text(call, arg)
        if wanted.name == "DateTime" and arg.type.name == "Date":
            return self.datetime(call, arg)
        if arg.type == BOOLEAN and wanted.name in ("Integer", "Float", "Decimal"):
            return f"cast(cast({arg.sql} as integer) as {TYPES[wanted.name]})"
        if wanted.name in ("Integer", "Float", "Decimal"):
            return f"cast({arg.sql} as {TYPES[wanted.name]})"
        return arg.sql

    def moment(self, call: Call, arg: Arg, /) -> str:
        match arg.type.name:
            case "Integer" | "Float" | "Decimal":
                return f"(timestamp '1970-01-01' + {arg.sql} * interval '1 second')"
            case "Null":
                return "cast(NULL as timestamp)"
        raise ValueError("it takes dates and times there; texts are read more leniently here.")

    def datetime(self, call: Call, arg: Arg, /) -> str:
        if arg.type.name != "Date":
            return self.moment(call, arg)
        sql = f"cast({arg.sql} as timestamp)"
        return sql if call.timezone == "UTC" else self.instant(sql, call.timezone)

    def local(self, call: Call, arg: Arg, zone: str, /) -> str:
        return f"timezone({postgres_text(zone)}, timezone('UTC', {self.moment_of(call, arg)}))"

    def moment_of(self, call: Call, arg: Arg) -> str:
        return arg.sql if arg.type.name == "DateTime" else self.moment(call, arg)

    def instant(self, local_sql: str, zone: str, /) -> str:
        return f"timezone('UTC', timezone({postgres_text(zone)}, {local_sql}))"

    def seconds_between(self, start: Arg, end: Arg, /) -> str:
        first, second = (f"cast({arg.sql} as timestamp)" for arg in (start, end))
        return f"cast(extract(epoch from ({second} - {first})) as double precision)"

    def shift(self, call: Call, arg: Arg, by: Arg, operator: str, /) -> str:
        from pwh_assets.hogql.functions.moments import instant, keeps_date, local, zone_of
        from pwh_assets.hogql.types import DATETIME

        if by.type.name == "Interval":
            if arg.type.name == "Date" and keeps_date(by.type):
                return f"cast({arg.sql} {operator} {by.sql} as date)"
            at = arg
            if arg.type.name == "Date":
                at = Arg(self.datetime(call, arg), DATETIME, arg.node)
            if by.type.fields and not keeps_date(by.type):
                return f"({at.sql} {operator} {by.sql})"
            return instant(call, f"({local(call, at)} {operator} {by.sql})", zone_of(call, at))
        if by.type.name not in ("Integer", "Float", "Decimal", "Boolean"):
            raise ValueError("a time is moved by an interval or a number there.")
        if arg.type.name == "Date":
            return f"({arg.sql} {operator} cast({by.sql} as integer))"
        return f"({arg.sql} {operator} {by.sql} * interval '1 second')"

    def ordered(self, sql: str, type_: Type, /) -> str:
        return f'({sql} COLLATE "C")' if type_.name == "String" else sql


CONVERSIONS = PostgresConversions()
