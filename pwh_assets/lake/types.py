"""Column types of the lake: spelling, DuckLake's own names, and what a column becomes when values outgrow it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import quote

if TYPE_CHECKING:
    import duckdb

_FROM_DUCKLAKE = {
    "boolean": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "int128": "HUGEINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "uint128": "UHUGEINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "timetz": "TIME WITH TIME ZONE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
_STORED_AS = {
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "BIT": "VARCHAR",
    "BIGNUM": "VARCHAR",
    '"NULL"': "VARCHAR",
}
"""Types that another one stands for in the lake."""
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 38} | {
    "UTINYINT": 3,
    "USMALLINT": 5,
    "UINTEGER": 10,
    "UBIGINT": 20,
}
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def canonical(connection: "duckdb.DuckDBPyConnection", types: Sequence[str]) -> list[str]:
    """Each type as the lake stores it, in DuckDB's one spelling (`int8` is `BIGINT`, an enum `VARCHAR`)."""
    if not types:
        return []
    casts = ", ".join(f"CAST(NULL AS {text}) AS c{i}" for i, text in enumerate(types))
    described = connection.execute(f"DESCRIBE SELECT {casts}").fetchall()
    if len(described) != len(types):
        raise ValueError(f"one of these is not a type: {', '.join(types)}")
    return [stored(str(row[1])) for row in described]


def stored(text: str) -> str:
    """The lake's type for one of DuckDB's.

    >>> stored("ENUM('a', 'b')"), stored("TIMESTAMP_NS"), stored("BIGINT")
    ('VARCHAR', 'TIMESTAMP', 'BIGINT')
    """
    if text.startswith(("ENUM(", "UNION(")):
        return "VARCHAR"
    return _STORED_AS.get(text, text)


def from_ducklake(text: str, children: Sequence[tuple[str, str]] = ()) -> str:
    """DuckDB's spelling of a type in DuckLake's catalog; `children` are (name, type) of a nested one.

    >>> from_ducklake("int64"), from_ducklake("decimal(18,2)"), from_ducklake("list", [("element", "VARCHAR")])
    ('BIGINT', 'DECIMAL(18,2)', 'VARCHAR[]')
    """
    if text == "list":
        return f"{children[0][1]}[]"
    if text == "struct":
        fields = ", ".join(f"{_field(name)} {kind}" for name, kind in children)
        return f"STRUCT({fields})"
    if text == "map":
        return f"MAP({children[0][1]}, {children[1][1]})"
    return _FROM_DUCKLAKE.get(text, text.upper())


def _field(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quote(name)


def _decimal(text: str) -> tuple[int, int] | None:
    """(digits before the point, digits after) of an exact number."""
    if text in _DIGITS:
        return _DIGITS[text], 0
    match = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", text)
    return (int(match[1]) - int(match[2]), int(match[2])) if match else None


def widened(old: str, new: str) -> str:
    """The narrowest type that holds the values of both; VARCHAR when nothing else does.

    >>> widened("INTEGER", "BIGINT"), widened("BIGINT", "DOUBLE"), widened("DOUBLE", "VARCHAR")
    ('BIGINT', 'DOUBLE', 'VARCHAR')
    >>> widened("DECIMAL(10,2)", "DECIMAL(9,4)"), widened("BIGINT", "SMALLINT"), widened("JSON", "BIGINT")
    ('DECIMAL(12,4)', 'BIGINT', 'VARCHAR')
    """
    if old == new:
        return old
    if old in _INTEGERS and new in _INTEGERS:
        return max(old, new, key=_INTEGERS.index)
    if old in _UNSIGNED and new in _UNSIGNED:
        return max(old, new, key=_UNSIGNED.index)
    floats = {"FLOAT", "DOUBLE"}
    a, b = _decimal(old), _decimal(new)
    if {old, new} <= floats or (a and new in floats) or (b and old in floats):
        return "DOUBLE"
    if a and b:
        if old in _DIGITS and new in _DIGITS:
            signed, unsigned = (old, new) if old in _INTEGERS else (new, old)
            holds = next(kind for kind in _INTEGERS if _DIGITS[kind] > _DIGITS[unsigned])
            return max(signed, holds, key=_INTEGERS.index)
        whole, after = max(a[0], b[0]), max(a[1], b[1])
        return f"DECIMAL({whole + after},{after})" if whole + after <= 38 else "DOUBLE"
    if old in _MOMENTS and new in _MOMENTS:
        return max(old, new, key=_MOMENTS.index)
    return "VARCHAR"


def widens_in_place(old: str, new: str) -> bool:
    """True when DuckLake changes the type in its catalog alone and reads old files right.

    >>> widens_in_place("INTEGER", "BIGINT"), widens_in_place("BIGINT", "VARCHAR")
    (True, False)
    """
    for ladder in (_INTEGERS[:4], _UNSIGNED, ("FLOAT", "DOUBLE")):
        if old in ladder and new in ladder:
            return ladder.index(old) < ladder.index(new)
    return old in _INTEGERS[:3] and new == "DOUBLE"
