"""MySQL: values out of JSON, in columns of JSON or of text."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.mysql.values import CONVERSIONS, float_text, whole
from pwh_assets.hogql.functions.sqltext import filled, mysql_text
from pwh_assets.hogql.types import STRING

Key = str | int
COMPACT = mysql_text(r'[ ]+(?=(?:[^"\\]|\\.)*(?:"(?:[^"\\]|\\.)*"(?:[^"\\]|\\.)*)*$)')
"""Spaces outside the strings of a JSON text, which MySQL prints and MariaDB does not."""


def path(keys: Sequence[Key]) -> str:
    """A JSON path; whole numbers count from 1.

    Raises:
        ValueError: a place counts from the end.
    """
    text = "$"
    for key in keys:
        if isinstance(key, str):
            text += '."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
        elif key < 0:
            # MariaDB 10.11 finds nothing at `$.a[last]` of some documents that have it.
            raise ValueError("places count from the front there.")
        else:
            text += f"[{key - 1}]" if key else "[4294967294]"
    return mysql_text(text)


def extracted(base: str, type_name: str, keys: Sequence[Key]) -> str:
    """A value inside a JSON, NULL where the text is none."""
    found = f"JSON_EXTRACT({base}, {path(keys)})"
    return found if type_name == "JSON" else f"(CASE WHEN JSON_VALID({base}) THEN {found} END)"


def text(value: str) -> str:
    """A JSON value as text, NULL for missing and for null; 1.0 is `1`."""
    said = f"CAST(JSON_UNQUOTE({value}) AS CHAR)"
    return (
        f"(CASE JSON_TYPE({value}) WHEN 'NULL' THEN NULL WHEN 'DOUBLE' THEN {float_text(f'CAST({said} AS DOUBLE)')} "
        f"WHEN 'ARRAY' THEN REGEXP_REPLACE({said}, {COMPACT}, '') WHEN 'OBJECT' THEN REGEXP_REPLACE({said}, {COMPACT}, '') "
        f"ELSE {said} END)"
    )


def _keys(args: Sequence[Arg]) -> list[Key]:
    keys: list[Key] = []
    for arg in args:
        if not isinstance(arg.literal, str | int) or isinstance(arg.literal, bool):
            raise ValueError("its keys have to be written out there.")
        keys.append(arg.literal)
    return keys


def _read(template: str, default: str) -> Handler:
    """`{v}` is the value as JSON, `{t}` its text; the default where there is none, NULL where the JSON is."""

    def handler(call: Call, /) -> str:
        head, *keys = call.args
        value = extracted(head.sql, head.type.name, _keys(keys))
        sql = filled(template, v=value, t=f"CAST(JSON_UNQUOTE({value}) AS CHAR)", s=text(value))
        return f"(CASE WHEN {head.sql} IS NOT NULL THEN COALESCE({sql}, {default}) END)"

    return handler


IS_NUMBER = "JSON_TYPE({v}) IN ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL', 'STRING')"


def _number(low: int) -> Handler:
    def handler(call: Call, /) -> str:
        head, *keys = call.args
        value = extracted(head.sql, head.type.name, _keys(keys))
        said = Arg(f"CAST(JSON_UNQUOTE({value}) AS CHAR)", STRING, head.node)
        cut = f"TRUNCATE({CONVERSIONS.float(said)}, 0)"
        sql = (
            f"CASE WHEN {IS_NUMBER.replace('{v}', value)} THEN COALESCE({whole(said, low)}, "
            f"CASE WHEN ABS({cut}) < 1e15 AND {cut} >= {low} THEN CAST({cut} AS SIGNED) END) END"
        )
        return f"(CASE WHEN {head.sql} IS NOT NULL THEN COALESCE({sql}, 0) END)"

    return handler


def _float(call: Call, /) -> str:
    head, *keys = call.args
    value = extracted(head.sql, head.type.name, _keys(keys))
    said = Arg(f"CAST(JSON_UNQUOTE({value}) AS CHAR)", STRING, head.node)
    sql = f"CASE WHEN {IS_NUMBER.replace('{v}', value)} THEN {CONVERSIONS.float(said)} END"
    return f"(CASE WHEN {head.sql} IS NOT NULL THEN COALESCE({sql}, 0e0) END)"


_STRING = _read("{s}", "''")
_BOOL = _read(
    "CASE JSON_TYPE({v}) WHEN 'BOOLEAN' THEN {t} = 'true' WHEN 'INTEGER' THEN {t} <> '0' "
    "WHEN 'UNSIGNED INTEGER' THEN {t} <> '0' END",
    "FALSE",
)
_HAS = _read("({v} IS NOT NULL)", "FALSE")
_LENGTH = _read("CASE WHEN JSON_TYPE({v}) IN ('ARRAY', 'OBJECT') THEN JSON_LENGTH({v}) END", "0")

RENDERINGS: dict[str, Rendering] = {
    "JSONExtractString": _STRING,
    "JSONExtractInt": _number(-(2**63)),
    "JSONExtractUInt": _number(0),
    "JSONExtractFloat": _float,
    "JSONExtractBool": _BOOL,
    "JSONHas": _HAS,
    "JSONLength": _LENGTH,
    "isValidJSON": "JSON_VALID({0})",
    "simpleJSONExtractString": _STRING,
    "simpleJSONExtractInt": _number(-(2**63)),
    "simpleJSONExtractUInt": _number(0),
    "simpleJSONExtractFloat": _float,
    "simpleJSONExtractBool": _BOOL,
    "simpleJSONHas": _HAS,
}
