"""Types of stored columns: from the lake's spelling to HogQL's, and how a printer reads those it has no word for."""

from functools import lru_cache

from pwh_assets.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    FLOAT,
    INTEGER,
    INTERVAL,
    JSON,
    STRING,
    UUID,
    Type,
    array,
    map_,
)

_PLAIN: dict[str, Type] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), INTEGER),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), INTEGER),
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL"), FLOAT),
    **dict.fromkeys(("VARCHAR", "BLOB", "TIME", "BIT", "TIME WITH TIME ZONE"), STRING),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"), DATETIME),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), DATETIME),
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    "INTERVAL": INTERVAL,
    "UUID": UUID,
    "JSON": JSON,
}

READ_AS: dict[str, str] = {
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIME": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "BLOB": "VARCHAR",
    "BIT": "VARCHAR",
    "FLOAT": "DOUBLE",
    "REAL": "DOUBLE",
}
"""Stored types DuckDB casts on reading, so that every function meets HogQL's types only."""


@lru_cache(maxsize=4096)
def type_of(text: str) -> Type:
    """HogQL's type of a lake column.

    >>> str(type_of("BIGINT[]")), str(type_of('STRUCT("a" BIGINT, b VARCHAR)')), str(type_of("DECIMAL(18,2)"))
    ('Array(Integer)', 'Tuple(Integer, String)', 'Decimal(18, 2)')
    """
    text = text.strip()
    if text.endswith("[]"):
        return array(type_of(text[:-2]))
    upper = text.upper()
    if upper in _PLAIN:
        return _PLAIN[upper]
    if upper.startswith("DECIMAL(") or upper.startswith("NUMERIC("):
        digits = [int(part) for part in text[text.index("(") + 1 : -1].split(",")]
        return Type("Decimal", precision=(digits[0], digits[1] if len(digits) > 1 else 0))
    if upper.startswith("STRUCT("):
        fields = [_field(part) for part in _split(text[7:-1])]
        return Type(
            "Tuple", tuple(type_of(kind) for _, kind in fields), tuple(name for name, _ in fields)
        )
    if upper.startswith("MAP("):
        key, value = _split(text[4:-1])
        return map_(type_of(key), type_of(value))
    return STRING


def _split(text: str) -> list[str]:
    """Parts between the commas that stand in no brackets and no quotes."""
    parts: list[str] = []
    depth, start, is_quoted = 0, 0, False
    for place, letter in enumerate(text):
        if letter == '"':
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (letter in "([") - (letter in ")]")
            if letter == "," and not depth:
                parts.append(text[start:place].strip())
                start = place + 1
    parts.append(text[start:].strip())
    return parts


def _field(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        end = text.index('"', 1)
        while text[end + 1 : end + 2] == '"':
            end = text.index('"', end + 2)
        return text[1:end].replace('""', '"'), text[end + 1 :].strip()
    name, _, kind = text.partition(" ")
    return name, kind.strip()
