"""Postgres: values out of JSON columns. A text column may hold anything, and a cast of what is no JSON would raise."""

import json
from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS, float_text, whole
from pwh_assets.hogql.functions.sqltext import filled, postgres_text
from pwh_assets.hogql.types import STRING

Key = str | int


def document(arg: Arg) -> str:
    """An argument as `jsonb`.

    Raises:
        ValueError: it is a text that may be no JSON.
    """
    if arg.type.name == "JSON":
        return f"cast({arg.sql} as jsonb)"
    if isinstance(arg.literal, str):
        try:
            json.loads(arg.literal, parse_constant=_refuse)
        except ValueError:
            return "cast(NULL as jsonb)"
        return f"cast({postgres_text(arg.literal)} as jsonb)"
    if arg.type.name == "Null":
        return "cast(NULL as jsonb)"
    raise ValueError("it reads JSON columns there; a text may be no JSON.")


def _refuse(word: str) -> None:
    raise ValueError(word)


def at(base: str, keys: Sequence[Key]) -> str:
    """A value inside a `jsonb`; whole numbers count from 1, or from the end."""
    sql = base
    for key in keys:
        if isinstance(key, str):
            sql = f"({sql} -> {postgres_text(key)})"
        else:
            place = key - 1 if key > 0 else key if key < 0 else 2147483647
            sql = f"({sql} -> {place})"
    return sql


COMPACT = """regexp_replace({0} #>> '{}', E'("(?:\\\\\\\\.|[^"\\\\\\\\])*")|[ ]+', E'\\\\1', 'g')"""
"""Without the spaces Postgres prints between the parts of an array or object."""


def text(value: str) -> str:
    """A JSON value as text, NULL for missing and for null; 1.0 is `1`, and an array has no spaces between its elements."""
    number = f"cast({value} #>> '{{}}' as numeric)"
    return (
        f"(CASE jsonb_typeof({value}) WHEN 'null' THEN NULL WHEN 'number' THEN "
        f"CASE WHEN {number} = trunc({number}) AND abs({number}) < 1e15 THEN cast(trunc({number}) as text) "
        f"ELSE {float_text(f'cast({number} as double precision)')} END "
        f"WHEN 'string' THEN {value} #>> '{{}}' ELSE {COMPACT.replace('{0}', value)} END)"
    )


def _keys(args: Sequence[Arg]) -> list[Key]:
    keys: list[Key] = []
    for arg in args:
        if not isinstance(arg.literal, str | int) or isinstance(arg.literal, bool):
            raise ValueError("its keys have to be written out there.")
        keys.append(arg.literal)
    return keys


def _read(template: str, default: str) -> Handler:
    """`{v}` is the value as `jsonb`, `{t}` its text; the default where there is none, NULL where the JSON is."""

    def handler(call: Call, /) -> str:
        head, *keys = call.args
        value = at(document(head), _keys(keys))
        sql = filled(template, v=value, t=f"({value} #>> '{{}}')", s=text(value))
        return f"(CASE WHEN {head.sql} IS NOT NULL THEN coalesce({sql}, {default}) END)"

    return handler


def _number(call: Call, low: int, high: int) -> str:
    head, *keys = call.args
    value = at(document(head), _keys(keys))
    said = Arg(f"({value} #>> '{{}}')", STRING, head.node)
    cut = f"trunc(cast(nullif({CONVERSIONS.float(said)}, 'NaN'::float8) as numeric))"
    sql = (
        f"CASE WHEN jsonb_typeof({value}) IN ('number', 'string') THEN coalesce({whole(said, low, high)}, "
        f"CASE WHEN abs({CONVERSIONS.float(said)}) < 1e15 AND {cut} >= {low} THEN cast({cut} as bigint) END) END"
    )
    return f"(CASE WHEN {head.sql} IS NOT NULL THEN coalesce({sql}, 0) END)"


def _int(call: Call, /) -> str:
    return _number(call, -(2**63), 2**63 - 1)


def _uint(call: Call, /) -> str:
    return _number(call, 0, 2**63 - 1)


def _float(call: Call, /) -> str:
    head, *keys = call.args
    value = at(document(head), _keys(keys))
    said = Arg(f"({value} #>> '{{}}')", STRING, head.node)
    sql = f"CASE WHEN jsonb_typeof({value}) IN ('number', 'string') THEN {CONVERSIONS.float(said)} END"
    return f"(CASE WHEN {head.sql} IS NOT NULL THEN coalesce({sql}, 0) END)"


_STRING = _read("{s}", "''")
_BOOL = _read(
    "CASE jsonb_typeof({v}) WHEN 'boolean' THEN cast({t} as boolean) "
    "WHEN 'number' THEN CASE WHEN {t} ~ '^-?[0-9]+$' THEN {t} <> '0' END END",
    "false",
)
_HAS = _read("({v} IS NOT NULL)", "false")
_LENGTH = _read(
    "CASE jsonb_typeof({v}) WHEN 'array' THEN jsonb_array_length({v}) "
    "WHEN 'object' THEN (SELECT count(*) FROM jsonb_object_keys({v})) END",
    "0",
)

RENDERINGS: dict[str, Rendering] = {
    "JSONExtractString": _STRING,
    "JSONExtractInt": _int,
    "JSONExtractUInt": _uint,
    "JSONExtractFloat": _float,
    "JSONExtractBool": _BOOL,
    "JSONHas": _HAS,
    "JSONLength": _LENGTH,
    "simpleJSONExtractString": _STRING,
    "simpleJSONExtractInt": _int,
    "simpleJSONExtractUInt": _uint,
    "simpleJSONExtractFloat": _float,
    "simpleJSONExtractBool": _BOOL,
    "simpleJSONHas": _HAS,
}
