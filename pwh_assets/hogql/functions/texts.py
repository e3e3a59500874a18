"""Values as text and texts as values, the same on every engine."""

from collections.abc import Callable

from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg, Call
from pwh_assets.hogql.functions.dialect import WITHIN, conversions_of
from pwh_assets.hogql.functions.moments import datetime, local
from pwh_assets.hogql.functions.sqltext import field_of
from pwh_assets.hogql.types import BOOLEAN, STRING, Type


def to_text(call: Call, arg: Arg) -> str:
    """A value as ClickHouse prints it: 3.0 is '3', a Boolean 'true', a time without a zero fraction."""
    if call.engine == "clickhouse":
        return _clickhouse_text(call, arg)
    if call.engine != "duckdb":
        return conversions_of(call.engine).text(call, arg)
    return _duckdb_text(call, arg.sql, arg.type, arg)


def text_at(call: Call, at: int = 0) -> str:
    """An argument as text."""
    return to_text(call, call.args[at])


def listed(arg: Arg, text: str, of: Callable[[str], str]) -> str:
    """ClickHouse: a function from a text to an array, where no text gives no elements."""
    if arg.literal is not None:
        return of(text)
    return f"if({text} IS NULL, [], {of(f'assumeNotNull({text})')})"


def _clickhouse_text(call: Call, arg: Arg) -> str:
    match arg.type.name:
        case "String" | "JSON":
            return arg.sql
        case "Boolean":
            return f"toString(CAST({arg.sql} AS Nullable(Bool)))"
        case "DateTime":
            return f"replaceOne(toString(toDateTime64({local(call, arg)}, 6)), '.000000', '')"
        case _:
            return f"toString({arg.sql})"


def _duckdb_text(call: Call, sql: str, type_: Type, arg: Arg | None = None) -> str:
    match type_.name:
        case "String":
            return sql
        case "Float":
            return f"hog_float_text({sql})"
        case "Decimal":
            return f"hog_decimal_text(CAST({sql} AS VARCHAR))"
        case "DateTime":
            moment = local(call, arg or Arg(sql, type_, _NONE))
            return f"replace(strftime({moment}, '%Y-%m-%d %H:%M:%S.%f'), '.000000', '')"
        case "Array" if type_.args:
            inner = _duckdb_quoted(call, "__t", type_.args[0])
            return (
                f"('[' || array_to_string(list_transform({sql}, lambda __t: {inner}), ',') || ']')"
            )
        case "Tuple" if type_.args:
            cells = " || ',' || ".join(
                _duckdb_quoted(call, field_of(sql, i), part) for i, part in enumerate(type_.args, 1)
            )
            return f"('(' || {cells} || ')')"
        case "Map" if type_.args:
            key = _duckdb_quoted(call, "__t.key", type_.args[0])
            value = _duckdb_quoted(call, "__t.value", type_.args[1])
            return (
                f"('{{' || array_to_string(list_transform(map_entries({sql}), "
                f"lambda __t: {key} || ':' || {value}), ',') || '}}')"
            )
        case _:
            return f"CAST({sql} AS VARCHAR)"


def _duckdb_quoted(call: Call, sql: str, type_: Type) -> str:
    text = _duckdb_text(call, sql, type_)
    if type_.name in ("String", "Date", "DateTime", "UUID"):
        text = f"'''' || replace(replace({text}, '\\', '\\\\'), '''', '\\''') || ''''"
    return f"coalesce({text}, 'NULL')"


_NONE = exp.Null()


def to_number(engine: str, arg: Arg) -> str:
    """A text as a float, NULL when it is none; other values as they are."""
    if arg.type.name not in ("String", "JSON"):
        return arg.sql
    return to_float(engine, arg)


def to_float(engine: str, arg: Arg) -> str:
    match engine:
        case "clickhouse":
            return f"accurateCastOrNull({arg.sql}, 'Float64')"
        case "duckdb" if arg.type.name in ("String", "JSON", "Unknown"):
            return f"hog_float(CAST({arg.sql} AS VARCHAR))"
        case "duckdb" if arg.type.name in ("Date", "DateTime"):
            return (
                f"CAST(epoch({arg.sql}) AS DOUBLE)"
                if arg.type.name == "DateTime"
                else (f"CAST({arg.sql} - DATE '1970-01-01' AS DOUBLE)")
            )
        case "duckdb":
            return f"CAST({arg.sql} AS DOUBLE)"
        case _:
            return conversions_of(engine).float(arg)


def to_boolean(engine: str, arg: Arg) -> str:
    """A text as a Boolean: true and 1, false and 0, else NULL."""
    if arg.type == BOOLEAN:
        return arg.sql
    if engine == "clickhouse":
        return f"accurateCastOrNull({arg.sql}, 'Bool')"
    if engine == "duckdb" and arg.type.name in ("String", "JSON", "Unknown"):
        return f"hog_bool(CAST({arg.sql} AS VARCHAR))"
    if engine != "duckdb":
        return conversions_of(engine).boolean(arg)
    return f"({arg.sql} <> 0)"


def unify(call: Call, args: list[Arg], wanted: Type) -> list[str]:
    """The arguments' SQL in the type all of them fit in, as `rules.common` names it."""
    return [_unified(call, arg, wanted) for arg in args]


_CASTS: dict[str, str] = {"Integer": "BIGINT", "Float": "DOUBLE", "Decimal": "DECIMAL(38, 9)"}


def _unified(call: Call, arg: Arg, wanted: Type) -> str:
    if arg.type == wanted or arg.type.name in ("Null", "Unknown"):
        return arg.sql
    if call.engine not in WITHIN:
        return conversions_of(call.engine).cast(call, arg, wanted)
    if wanted == STRING:
        return to_text(call, arg)
    if wanted.name == "DateTime" and arg.type.name == "Date":
        return datetime(call, arg)
    if wanted.name not in ("Integer", "Float", "Decimal"):
        return arg.sql
    narrow = arg.type.name == "Boolean" or (
        wanted.name != arg.type.name and wanted.name != "Integer"
    )
    if not narrow:
        return arg.sql
    if call.engine == "clickhouse":
        if wanted.name == "Decimal" and arg.type.name != "Boolean":
            return arg.sql
        return f"{'toFloat64' if wanted.name == 'Float' else 'toInt64'}({arg.sql})"
    return f"CAST({arg.sql} AS {_CASTS[wanted.name]})"
