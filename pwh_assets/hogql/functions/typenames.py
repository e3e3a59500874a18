"""Type names as users write them in casts: ClickHouse's and SQL's spellings to HogQL's types."""

import re

from pwh_assets.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    FLOAT,
    INTEGER,
    INTERVAL,
    JSON,
    STRING,
    UUID,
    Type,
    array,
    map_,
    tuple_,
)

_NAMES: dict[str, Type] = {
    name: type_
    for type_, names in (
        (
            INTEGER,
            "int8 int16 int32 int64 int128 int256 uint8 uint16 uint32 uint64 uint128 uint256 int integer "
            "bigint smallint tinyint int2 int4 signed unsigned hugeint",
        ),
        (FLOAT, "float32 float64 float double real float4 float8"),
        (STRING, "string text varchar char fixedstring bpchar character"),
        (BOOLEAN, "bool boolean"),
        (DATE, "date date32"),
        (DATETIME, "datetime datetime64 datetime32 timestamp timestamptz"),
        (DECIMAL, "decimal numeric decimal32 decimal64 decimal128 decimal256"),
        (UUID, "uuid"),
        (JSON, "json jsonb object"),
        (INTERVAL, "interval"),
    )
    for name in names.split()
}


_NEEDED = {"nullable": 1, "lowcardinality": 1, "array": 1, "tuple": 1, "map": 2}
"""How many types stand in the brackets at least."""


def parse_type(text: str) -> tuple[Type, bool]:
    """A type by its name, and whether it was written Nullable.

    >>> str(parse_type("Array(Nullable(String))")[0])
    'Array(String)'

    Raises:
        ValueError: no such type.
    """
    text = text.strip()
    found = re.fullmatch(r"([A-Za-z_][\w ]*?)\s*(?:\((.*)\))?(\[\])*", text, re.S)
    if not found:
        raise ValueError(f"`{text}` is no type.")
    name, inside = found.group(1).lower(), found.group(2)
    if text.endswith("[]"):
        return array(parse_type(text[:-2])[0]), False
    parts = _split(inside) if inside else []
    if len(parts) < _NEEDED.get(name, 0):
        raise ValueError(f"`{text}` is no type.")
    match name:
        case "nullable":
            return parse_type(parts[0])[0], True
        case "lowcardinality":
            return parse_type(parts[0])
        case "array":
            return array(parse_type(parts[0])[0]), False
        case "tuple":
            fields = [re.fullmatch(r"(?:(\w+)\s+)?(.+)", part, re.S) for part in parts]
            named = tuple(field.group(1) or "" for field in fields if field)
            types = (parse_type(field.group(2))[0] for field in fields if field)
            return tuple_(*types, fields=named if all(named) else ()), False
        case "map":
            return map_(parse_type(parts[0])[0], parse_type(parts[1])[0]), False
        case "decimal" | "numeric" if parts:
            scale = int(parts[1]) if len(parts) > 1 else 0
            return Type("Decimal", precision=(int(parts[0]), scale)), False
        case "decimal32" | "decimal64" | "decimal128" if parts:
            digits = {"decimal32": 9, "decimal64": 18, "decimal128": 38}[name]
            return Type("Decimal", precision=(digits, int(parts[0]))), False
        case "datetime64" | "datetime":
            zones = [part.strip("'\" ") for part in parts if part.strip()[:1] in "'\""]
            return Type("DateTime", timezone=zones[0] if zones else None), False
    head = name.split()[0]
    if name in _NAMES or head in _NAMES:
        return _NAMES.get(name) or _NAMES[head], False
    raise ValueError(f"`{text}` is no type.")


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]
