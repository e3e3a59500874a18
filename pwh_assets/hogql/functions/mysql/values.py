"""MySQL: values of one type as another. A Boolean is 0 or 1, a UUID a text, a DateTime a `datetime(6)` in UTC."""

from pwh_assets.hogql.functions.base import Arg, Call
from pwh_assets.hogql.functions.sqltext import mysql_text
from pwh_assets.hogql.types import Type

NO_ZONES = "zones other than UTC are not known there: a server may lack their tables."
END = "\\z"
"""End of text in both libraries, MariaDB's PCRE2 and MySQL's ICU; `$` stands before a last newline, too."""
NUMBER = mysql_text(f"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{{1,2}})?{END}")
WHOLE = mysql_text(f"^[+-]?[0-9]{{1,60}}{END}")


def float_text(sql: str) -> str:
    """A float as ClickHouse prints it: 3, 0.00001, 1e30."""
    shortest = f"CAST({sql} AS CHAR)"
    digits = f"CAST({shortest} AS DECIMAL(65, 30))"
    trimmed = f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({digits} AS CHAR)))"
    return (
        f"(CASE WHEN {sql} = 0 THEN '0' WHEN ABS({sql}) < 1e21 AND ABS({sql}) >= 1e-6 THEN {trimmed} "
        f"ELSE REPLACE(REPLACE({shortest}, 'e+', 'e'), 'e-0', 'e-') END)"
    )


def micros(sql: str) -> str:
    """Microseconds since 1970."""
    return f"TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', {sql})"


def whole(arg: Arg, low: int = -(2**63), high: int = 2**63 - 1, kind: str = "SIGNED") -> str:
    """A whole number between bounds, NULL where the value is none."""
    sql = arg.sql
    match arg.type.name:
        case "Boolean":
            return f"CAST({sql} AS {kind})"
        case "Integer":
            if (low, high) == (-(2**63), 2**63 - 1):
                return f"CAST({sql} AS SIGNED)"
            return f"(CASE WHEN {sql} BETWEEN {low} AND {high} THEN CAST({sql} AS {kind}) END)"
        case "Float":
            most = f"< {high + 1}e0" if high > 2**53 else f"<= {high}e0"
            return (
                f"(CASE WHEN {sql} = TRUNCATE({sql}, 0) AND {sql} >= {low}e0 AND {sql} {most} "
                f"THEN CAST({sql} AS {kind}) END)"
            )
        case "Decimal":
            return f"(CASE WHEN TRUNCATE({sql}, 0) BETWEEN {low} AND {high} THEN CAST(TRUNCATE({sql}, 0) AS {kind}) END)"
        case "Date":
            days = f"DATEDIFF({sql}, DATE'1970-01-01')"
            return f"(CASE WHEN {days} BETWEEN {low} AND {high} THEN CAST({days} AS {kind}) END)"
        case "DateTime":
            seconds = f"FLOOR({micros(sql)} / 1000000)"
            return (
                f"(CASE WHEN {seconds} BETWEEN {low} AND {high} THEN CAST({seconds} AS {kind}) END)"
            )
        case "String":
            number = f"CAST({sql} AS DECIMAL(65, 0))"
            return (
                f"(CASE WHEN {sql} REGEXP {WHOLE} THEN CASE WHEN {number} BETWEEN {low} AND {high} "
                f"THEN CAST({number} AS {kind}) END END)"
            )
        case "Null":
            return "NULL"
    raise ValueError(f"it does not take a {arg.type} there.")


class MySQLConversions:
    """How MySQL and MariaDB convert."""

    def text(self, call: Call, arg: Arg, /) -> str:
        match arg.type.name:
            case "String" | "UUID":
                return arg.sql
            case "Integer" | "Date" | "Null":
                return f"CAST({arg.sql} AS CHAR)"
            case "Boolean":
                return f"(CASE WHEN {arg.sql} THEN 'true' WHEN NOT {arg.sql} THEN 'false' END)"
            case "Float":
                return float_text(arg.sql)
            case "Decimal":
                digits = f"CAST(CAST({arg.sql} AS DECIMAL(65, 20)) AS CHAR)"
                return f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {digits}))"
            case "DateTime":
                from pwh_assets.hogql.functions.moments import local

                return f"REPLACE(DATE_FORMAT({local(call, arg)}, '%Y-%m-%d %H:%i:%s.%f'), '.000000', '')"
        raise ValueError(f"a {arg.type} is printed otherwise there.")

    def float(self, arg: Arg, /) -> str:
        match arg.type.name:
            case "Float":
                return arg.sql
            case "Integer" | "Decimal" | "Boolean" | "Null":
                return f"CAST({arg.sql} AS DOUBLE)"
            case "Date":
                return f"CAST(DATEDIFF({arg.sql}, DATE'1970-01-01') AS DOUBLE)"
            case "DateTime":
                return f"(CAST({micros(arg.sql)} AS DOUBLE) / 1000000)"
            case "String":
                return f"(CASE WHEN {arg.sql} REGEXP {NUMBER} THEN CAST({arg.sql} AS DOUBLE) END)"
        raise ValueError(f"it does not take a {arg.type} there.")

    def boolean(self, arg: Arg, /) -> str:
        match arg.type.name:
            case "Boolean" | "Null":
                return arg.sql
            case "String":
                return f"(CASE LOWER({arg.sql}) WHEN 'true' THEN TRUE WHEN '1' THEN TRUE WHEN 'false' THEN FALSE WHEN '0' THEN FALSE END)"
            case "Integer" | "Float" | "Decimal":
                return f"({arg.sql} <> 0)"
        raise ValueError(f"it does not take a {arg.type} there.")

    def cast(self, call: Call, arg: Arg, wanted: Type, /) -> str:
        match wanted.name:
            case "String":
                return self.text(call, arg)
            case "DateTime" if arg.type.name == "Date":
                return self.datetime(call, arg)
            case "Integer":
                return f"CAST({arg.sql} AS SIGNED)"
            case "Float":
                return f"CAST({arg.sql} AS DOUBLE)"
            case "Decimal":
                return f"CAST({arg.sql} AS DECIMAL(38, 9))"
        return arg.sql

    def moment(self, call: Call, arg: Arg, /) -> str:
        match arg.type.name:
            case "Integer":
                return f"(TIMESTAMP'1970-01-01 00:00:00.000000' + INTERVAL {arg.sql} SECOND)"
            case "Null":
                return "CAST(NULL AS DATETIME(6))"
        raise ValueError(
            "it takes dates, times and whole numbers there; texts are read more leniently here."
        )

    def datetime(self, call: Call, arg: Arg, /) -> str:
        if arg.type.name != "Date":
            return self.moment(call, arg)
        if call.timezone != "UTC":
            raise ValueError(NO_ZONES)
        return f"CAST({arg.sql} AS DATETIME(6))"

    def local(self, call: Call, arg: Arg, zone: str, /) -> str:
        raise ValueError(NO_ZONES)

    def instant(self, local_sql: str, zone: str, /) -> str:
        raise ValueError(NO_ZONES)

    def seconds_between(self, start: Arg, end: Arg, /) -> str:
        first, second = (f"CAST({arg.sql} AS DATETIME(6))" for arg in (start, end))
        return f"(CAST(TIMESTAMPDIFF(MICROSECOND, {first}, {second}) AS DOUBLE) / 1000000)"

    def shift(self, call: Call, arg: Arg, by: Arg, operator: str, /) -> str:
        from pwh_assets.hogql.functions.moments import keeps_date, zone_of

        at = arg.sql
        if by.type.name == "Interval":
            if arg.type.name == "Date" and not keeps_date(by.type):
                at = self.datetime(call, arg)
            elif (
                arg.type.name == "DateTime" and keeps_date(by.type) and zone_of(call, arg) != "UTC"
            ):
                raise ValueError(NO_ZONES)
            return f"({at} {operator} {by.sql})"
        if by.type.name not in ("Integer", "Boolean"):
            raise ValueError("a time is moved by an interval or a whole number there.")
        return (
            f"({at} {operator} INTERVAL {by.sql} {'DAY' if arg.type.name == 'Date' else 'SECOND'})"
        )

    def ordered(self, sql: str, type_: Type, /) -> str:
        return sql


CONVERSIONS = MySQLConversions()
