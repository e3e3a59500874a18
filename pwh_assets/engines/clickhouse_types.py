"""The lake's types in ClickHouse: what a copy's columns are, and how values go there and come back unchanged."""

from typing import TYPE_CHECKING

from pwh_assets.hogql.stored import type_of
from pwh_assets.hogql.types import Type

if TYPE_CHECKING:
    from pwh_assets.core.source import Column

WIDE: dict[str, str] = {
    "HUGEINT": "Nullable(Int128)",
    "UBIGINT": "Nullable(UInt64)",
    "UHUGEINT": "Nullable(UInt128)",
}
"""Stored integers that do not fit ClickHouse's Int64."""

_EXACT = frozenset(
    ("String", "Integer", "Float", "Boolean", "Date", "DateTime", "UUID", "JSON", "Decimal")
)
_LOSSY = frozenset(("BLOB", "BIT", "TIME", "TIME WITH TIME ZONE"))
_AS_TEXT = frozenset(("Nullable(Int128)", "Nullable(UInt128)", "Nullable(UUID)"))
"""Types that Arrow has no words for, or not the same ones on both sides."""


def column_type(column: "Column") -> str:
    """The copy's type: every scalar may be NULL; arrays and maps are empty instead."""
    from pwh_assets.hogql.functions.sqltext import sql_type  # brings sqlglot: only when copying

    return WIDE.get(column.type.upper()) or sql_type(type_of(column.type), "clickhouse")


def is_exact(column: "Column") -> bool:
    """True when ClickHouse can hold every value of the column, and give it back as it was."""
    return column.type.upper() not in _LOSSY and _is_exact(type_of(column.type), column.type)


def _is_exact(type_: Type, stored: str) -> bool:
    if type_.name == "Array":
        inner = stored.strip()[:-2]
        return inner.upper() not in {*WIDE, *_LOSSY} and _is_exact(type_.args[0], inner)
    return type_.name in _EXACT


# From the lake to ClickHouse


def read_of(column: "Column") -> str:
    """A stored column as Arrow hands it over: without loss, but for the sign of a float's zero.

    ClickHouse would group and join `-0.0` apart from `0.0`.
    """
    type_ = type_of(column.type)
    name = quoted(column.name)
    kind = _arrow_type(type_, column.type)
    cast = name if kind is None else f"CAST({name} AS {kind})"
    if type_.name == "Float":
        return f"{cast} + 0.0"
    if type_.name == "Array":
        return f"coalesce({cast}, [])"
    if type_.name == "Map":
        return f"coalesce({cast}, MAP {{}})"
    return cast


def _arrow_type(type_: Type, stored: str) -> str | None:
    """What to cast to before handing over; None for as it is."""
    stored = stored.upper()
    if stored in WIDE:
        return "VARCHAR"
    match type_.name:
        case "String" | "JSON" | "UUID" | "Interval":
            return None if stored == "VARCHAR" else "VARCHAR"
        case "DateTime":
            return None if stored == "TIMESTAMP" else "TIMESTAMP"
        case "Integer":
            return "BIGINT"
        case "Float":
            return "DOUBLE"
        case "Array":
            inner = _arrow_type(type_.args[0], stored[:-2]) if type_.args else None
            return f"{inner}[]" if inner else None
        case _:
            return None


# What is computed in ClickHouse


def computed(column: "Column", text: str) -> str:
    """ClickHouse's expression as the column's type; a value that does not fit is an error, never another value."""
    kind = column_type(column)
    type_ = type_of(column.type)
    if type_.name == "Integer":
        return f"accurateCast({text}, {literal(kind)})"
    if type_.name == "Decimal" and type_.precision:
        return f"CAST(round({text}, {type_.precision[1]}), {literal(kind)})"
    cast = f"CAST({text}, {literal(kind)})"
    return f"{cast} + 0" if type_.name == "Float" else cast


# From ClickHouse to the lake


def given_back(column: "Column") -> str:
    """ClickHouse's expression of a column of a copy, for Arrow."""
    return f"{_given(column_type(column), identifier(column.name))} AS {identifier(column.name)}"


def _given(kind: str, text: str, depth: int = 0) -> str:
    if kind in _AS_TEXT:
        return f"toString({text})"
    if kind.startswith("Array("):
        inner = _given(kind[6:-1], f"v{depth}", depth + 1)
        return text if inner == f"v{depth}" else f"arrayMap(v{depth} -> {inner}, {text})"
    return text


def literal(text: str) -> str:
    """A text in ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name in ClickHouse's SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def quoted(name: str) -> str:
    """A name in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'
