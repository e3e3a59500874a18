"""MySQL: values out of JSON, in columns of JSON or of text."""

from collections.abc import Callable, Sequence

from pwh_assets.hogql.functions.base import Arg, Rendering
from pwh_assets.hogql.functions.mysql.values import CONVERSIONS, float_text, whole
from pwh_assets.hogql.functions.remote.json import Key, Reader, with_simple
from pwh_assets.hogql.functions.sqltext import mysql_text

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


def _whole(low: int) -> Callable[[Arg], str]:
    """The number without its fraction; beyond 15 digits only of what is written as a whole number."""

    def convert(said: Arg) -> str:
        cut = f"TRUNCATE({CONVERSIONS.float(said)}, 0)"
        return (
            f"COALESCE({whole(said, low)}, "
            f"CASE WHEN ABS({cut}) < 1e15 AND {cut} >= {low} THEN CAST({cut} AS SIGNED) END)"
        )

    return convert


JSON = Reader(
    at=lambda head, keys: extracted(head.sql, head.type.name, keys),
    said="CAST(JSON_UNQUOTE({v}) AS CHAR)",
    text=text,
    is_number="JSON_TYPE({v}) IN ('INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL', 'STRING')",
)

RENDERINGS: dict[str, Rendering] = {
    "isValidJSON": "JSON_VALID({0})",
    **with_simple(
        {
            "JSONExtractString": JSON.read("{s}", "''"),
            "JSONExtractInt": JSON.number(_whole(-(2**63))),
            "JSONExtractUInt": JSON.number(_whole(0)),
            "JSONExtractFloat": JSON.number(CONVERSIONS.float, "0e0"),
            "JSONExtractBool": JSON.read(
                "CASE JSON_TYPE({v}) WHEN 'BOOLEAN' THEN {t} = 'true' WHEN 'INTEGER' THEN {t} <> '0' "
                "WHEN 'UNSIGNED INTEGER' THEN {t} <> '0' END",
                "FALSE",
            ),
            "JSONHas": JSON.read("({v} IS NOT NULL)", "FALSE"),
            "JSONLength": JSON.read(
                "CASE WHEN JSON_TYPE({v}) IN ('ARRAY', 'OBJECT') THEN JSON_LENGTH({v}) END", "0"
            ),
        }
    ),
}
