"""Values as the change stream writes them, texts all, and how they become what a reading of the table gives."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pwh_assets.sources.changes import StagedColumn
from pwh_assets.sources.postgres.types import PgType, is_array, resolved, typed

Parser = Callable[[bytes], Any]

_BC = (
    r"CASE WHEN {0} LIKE '% BC' THEN regexp_replace({0}, '^(\S+)(.*) BC$', '\1 (BC)\2') "
    "ELSE {0} END"
)
_HERE = {
    "bytea": "unhex(substr({0}, 3))",
    "bpchar": "rtrim({0}, ' ')",
    "date": _BC,
    "timestamp": _BC,
    "timestamptz": _BC,
    "money": "regexp_replace({0}, '[^0-9.-]', '', 'g')",
    "inet": "CASE WHEN contains({0}, '/') THEN {0} WHEN contains({0}, ':') THEN {0} || '/128' "
    "ELSE {0} || '/32' END",
}
"""What DuckDB does not take as PostgreSQL writes it; `inet` because a cast to text writes its mask always."""
_FLOATS = ("float4", "float8")
_RAW_IN_JSON = {"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "json", "jsonb"}


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of the stream: what is staged, and how a value's text is taken apart first where it is."""

    column: StagedColumn
    parser: Parser | None = None


def text_column(
    types: Mapping[int, PgType],
    name: str,
    oid: int,
    modifier: int,
    dimensions: int,
    was_text: bool,
) -> TextColumn:
    """How a column of this type comes out of the stream.

    Args:
        was_text: the lake has it as VARCHAR; one whose values outgrew their type stays so.
    """
    lake = typed(types, oid, modifier, dimensions)
    base, modifier = resolved(types, oid, modifier)
    found = types.get(base)
    if found is not None and is_array(found):
        if lake.lake == "JSON":
            element, _ = resolved(types, found.element, -1)
            return TextColumn(StagedColumn(name, "JSON"), _json_parser(types.get(element)))
        here = _list_here(types, found.element, lake.lake)
        return TextColumn(StagedColumn(name, lake.lake, here, "list<string>"), parse_list)
    is_builtin = found is not None and found.is_builtin
    kind = found.name if found is not None and is_builtin else ""
    if lake.fits is not None and kind != "money":
        if was_text:
            return TextColumn(StagedColumn(name, "VARCHAR"))
        return TextColumn(StagedColumn(name, lake.lake, fits=_fits(lake.lake)))
    if kind == "numeric":
        return TextColumn(StagedColumn(name, lake.lake, "NULLIF({0}, 'NaN')"))
    if kind == "money" and was_text:
        return TextColumn(StagedColumn(name, "VARCHAR", _HERE["money"]))
    return TextColumn(StagedColumn(name, lake.lake, _HERE.get(kind, "{0}")))


def _fits(decimal: str) -> str:
    """Whether a number's text goes into the type without losing a digit.

    >>> _fits("DECIMAL(38,9)")
    "regexp_full_match({0}, '-?0*[0-9]{0,29}([.][0-9]{0,9}0*)?')"
    """
    precision, scale = (int(part) for part in decimal[8:-1].split(","))
    return (
        f"regexp_full_match({{0}}, '-?0*[0-9]{{0,{precision - scale}}}([.][0-9]{{0,{scale}}}0*)?')"
    )


def _list_here(types: Mapping[int, PgType], element: int, lake: str) -> str:
    element, _ = resolved(types, element, -1)
    found = types.get(element)
    if found is None or not found.is_builtin:
        return "{0}"
    if found.name == "numeric":
        return f"TRY_CAST({{0}} AS {lake})"
    here = _HERE.get(found.name)
    if here is None or found.name == "money":
        return "{0}"
    return f"list_transform({{0}}, lambda x: {here.replace('{0}', 'x')})"


def parse_list(text: bytes) -> list[str | None]:
    r"""An array of one dimension.

    >>> parse_list(b'{1,NULL,"a,\\"b\\""}'), parse_list(b'[2:3]={x,y}'), parse_list(b'{}')
    (['1', None, 'a,"b"'], ['x', 'y'], [])

    Raises:
        ValueError: it has more dimensions.
    """
    found = parse_array(text)
    if any(isinstance(item, list) for item in found):
        raise ValueError("more than one dimension")
    return found


def parse_array(text: bytes) -> list[Any]:
    """An array of any dimensions as lists of texts and None."""
    words = text.decode()
    if words.startswith("["):
        words = words[words.index("=") + 1 :]
    root: list[Any] = []
    stack = [root]
    i, size = 0, len(words)
    while i < size:
        char = words[i]
        if char == "{":
            inner: list[Any] = []
            stack[-1].append(inner)
            stack.append(inner)
            i += 1
        elif char == "}":
            stack.pop()
            i += 1
        elif char == ",":
            i += 1
        elif char == '"':
            parts, i = [], i + 1
            while words[i] != '"':
                if words[i] == "\\":
                    i += 1
                parts.append(words[i])
                i += 1
            stack[-1].append("".join(parts))
            i += 1
        else:
            end = i
            while words[end] not in ",}":
                end += 1
            word = words[i:end]
            stack[-1].append(None if word == "NULL" else word)
            i = end
    return root[0] if root else []


def _number(text: str) -> str:
    """A float's text as `jsonb` writes it.

    >>> _number("1.5e+08"), _number("-0")
    ('150000000', '0')
    """
    number = Decimal(text)
    return format(number, "f") if number else "0"


def _json_parser(element: PgType | None) -> Parser:
    kind = element.name if element is not None and element.is_builtin else ""

    def word(value: str | None) -> str:
        if value is None:
            return "null"
        if kind == "bool":
            return "true" if value == "t" else "false"
        if kind in _RAW_IN_JSON and value not in ("NaN", "Infinity", "-Infinity"):
            return _number(value) if kind in _FLOATS else value
        if kind in ("timestamp", "timestamptz"):
            value, era = value.replace(" ", "T", 1).removesuffix(" BC"), value[-3:]
            value = f"{value}:00" if kind == "timestamptz" and value[-3:-2] in "+-" else value
            value += era if era == " BC" else ""
        return json.dumps(value, ensure_ascii=False)

    def nested(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(nested, value))}]"
        return word(value)

    return lambda text: nested(parse_array(text))
