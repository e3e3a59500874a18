"""Small pieces of SQL text that handlers share."""

import re
from collections.abc import Callable, Iterable

from pwh_assets.hogql.functions.base import Call
from pwh_assets.hogql.types import Type


def quote(text: str, engine: str = "duckdb") -> str:
    """A string literal of one of the engines that run every query. ClickHouse reads backslashes, so they are doubled."""
    if engine == "clickhouse":
        text = text.replace("\\", "\\\\")
    return "'" + text.replace("'", "''") + "'"


def postgres_text(text: str) -> str:
    """A Postgres literal that ends where it should whatever `standard_conforming_strings` says.

    Raises:
        ValueError: a text there holds no NUL character.
    """
    if "\0" in text:
        raise ValueError("a text holds no NUL character there.")
    doubled = text.replace("'", "''")
    if "\\" in text:
        escaped = doubled.replace("\\", "\\\\")
        return f"E'{escaped}'"
    return f"'{doubled}'"


def mysql_text(text: str) -> str:
    """A MySQL literal that ends where it should with and without `NO_BACKSLASH_ESCAPES`."""
    doubled = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def name(identifier: str) -> str:
    """A quoted identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def filled(template: str, *places: str, **names: str) -> str:
    """A template with `{0}`, `{1}` … and `{name}` filled, all at once: a user's text may hold what looks like a hole.

    >>> filled("f({0}, {1}, {n})", "'{1}'", "'b'", n="3")
    "f('{1}', 'b', 3)"
    """
    parts = {str(place): sql for place, sql in enumerate(places)} | names
    return re.sub(r"\{(\w+)\}", lambda hole: parts.get(hole[1], hole[0]), template)


def order_clause(call: Call) -> str:
    """The ORDER BY inside an aggregate's parentheses."""
    order = call.order_sql.strip()
    if not order:
        return ""
    return f" {order}" if order.upper().startswith("ORDER BY") else f" ORDER BY {order}"


def filter_clause(call: Call) -> str:
    return f" FILTER (WHERE {call.filter_sql})" if call.filter_sql else ""


def over_clause(call: Call) -> str:
    over = call.over_sql.strip()
    if not over:
        return ""
    if over[:4].upper() == "OVER":
        return f" {over}"
    return f" OVER {over}" if over.startswith("(") else f" OVER ({over})"


def tail(call: Call) -> str:
    """FILTER and OVER, as an aggregate's call ends."""
    return filter_clause(call) + over_clause(call)


def both(left: str, right: str) -> str:
    """Two conditions as one; an empty one is left out."""
    return f"({left}) AND ({right})" if left and right else left or right


def lambda_(engine: str, names: tuple[str, ...], body: str) -> str:
    """A lambda as the engine writes it."""
    listed = ", ".join(map(name, names))
    if engine == "duckdb":
        return f"lambda {listed}: {body}"
    return f"({listed}) -> {body}" if len(names) != 1 else f"{listed} -> {body}"


def let(sql: str, body: Callable[[str], str], variable: str = "__v") -> str:
    """DuckDB: `body` with `sql` computed once, whatever number of times it names it."""
    quoted = name(variable)
    return f"(list_transform([{sql}], lambda {quoted}: {body(quoted)})[1])"


def struct_of(cells: Iterable[str], fields: tuple[str, ...] = ()) -> str:
    """DuckDB: a tuple. Its elements have names, since DuckDB 1.5 loses track of unnamed ones in subqueries."""
    named = (
        f"'{fields[i] if i < len(fields) else f'v{i + 1}'}': {cell}" for i, cell in enumerate(cells)
    )
    return f"{{{', '.join(named)}}}"


def field_of(sql: str, place: int) -> str:
    """DuckDB: the element of a tuple at a place counted from 1."""
    return f"struct_extract_at({sql}, {place})"


def sql_type(type_: Type, engine: str) -> str:
    """The engine's spelling of a type."""
    if type_.name == "Array":
        inner = sql_type(type_.args[0], engine)
        return f"{inner}[]" if engine == "duckdb" else f"Array({inner})"
    if type_.name == "Map":
        key, value = (sql_type(part, engine) for part in type_.args)
        return f"MAP({key}, {value})" if engine == "duckdb" else f"Map({_bare(key)}, {value})"
    if type_.name == "Tuple":
        parts = [sql_type(part, engine) for part in type_.args]
        if engine == "duckdb":
            return f"STRUCT({', '.join(f'v{i} {part}' for i, part in enumerate(parts, 1))})"
        return f"Tuple({', '.join(parts)})"
    if type_.name == "Decimal":
        digits, scale = type_.precision or (38, 9)
        spelled = (
            f"DECIMAL({digits}, {scale})"
            if engine != "clickhouse"
            else f"Decimal({digits}, {scale})"
        )
    else:
        spelled = _SPELLINGS[engine].get(type_.name, "VARCHAR" if engine == "duckdb" else "String")
    return f"Nullable({spelled})" if engine == "clickhouse" else spelled


def _bare(spelled: str) -> str:
    return (
        spelled.removeprefix("Nullable(").removesuffix(")")
        if spelled.startswith("Nullable")
        else spelled
    )


_SPELLINGS = {
    "duckdb": {
        "String": "VARCHAR",
        "Integer": "BIGINT",
        "Float": "DOUBLE",
        "Boolean": "BOOLEAN",
        "Date": "DATE",
        "DateTime": "TIMESTAMP",
        "Interval": "INTERVAL",
        "UUID": "UUID",
        "JSON": "JSON",
    },
    "clickhouse": {
        "String": "String",
        "Integer": "Int64",
        "Float": "Float64",
        "Boolean": "Bool",
        "Date": "Date32",
        "DateTime": "DateTime64(6, 'UTC')",
        "UUID": "UUID",
        "JSON": "String",
    },
}


def default_value(type_: Type, engine: str) -> str:
    """What ClickHouse calls a type's default: 0, '', an empty array, the first day of 1970."""
    match type_.name:
        case "Integer" | "Float" | "Decimal":
            return "0"
        case "Boolean":
            return "false"
        case "Array":
            return "[]"
        case "Date":
            return (
                "CAST('1970-01-01' AS DATE)" if engine != "clickhouse" else "toDate32('1970-01-01')"
            )
        case "DateTime":
            if engine == "clickhouse":
                return "toDateTime64('1970-01-01 00:00:00', 6, 'UTC')"
            return "CAST('1970-01-01 00:00:00' AS TIMESTAMP)"
        case "UUID":
            if engine == "clickhouse":
                return "toUUID('00000000-0000-0000-0000-000000000000')"
            return "CAST('00000000-0000-0000-0000-000000000000' AS UUID)"
        case _:
            return "''"


def one_zero(sql: str, engine: str) -> str:
    """A float whose zero has no sign: ClickHouse groups, joins and counts `-0.0` apart from `0.0`, DuckDB does not."""
    return f"({sql} + 0.)" if engine == "clickhouse" else sql
