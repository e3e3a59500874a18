"""Postgres: values out of JSON columns. A text column may hold anything, and a cast of what is no JSON would raise."""

import json
from collections.abc import Callable, Sequence

from pwh_assets.hogql.functions.base import Arg, Rendering
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS, float_text, whole
from pwh_assets.hogql.functions.remote.json import Key, Reader, with_simple
from pwh_assets.hogql.functions.sqltext import postgres_text


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


def _whole(low: int) -> Callable[[Arg], str]:
    """The number without its fraction; beyond 15 digits only of what is written as a whole number."""

    def convert(said: Arg) -> str:
        number = CONVERSIONS.float(said)
        cut = f"trunc(cast(nullif({number}, 'NaN'::float8) as numeric))"
        return (
            f"coalesce({whole(said, low)}, "
            f"CASE WHEN abs({number}) < 1e15 AND {cut} >= {low} THEN cast({cut} as bigint) END)"
        )

    return convert


JSON = Reader(
    at=lambda head, keys: at(document(head), keys),
    said="({v} #>> '{}')",
    text=text,
    is_number="jsonb_typeof({v}) IN ('number', 'string')",
)

RENDERINGS: dict[str, Rendering] = with_simple(
    {
        "JSONExtractString": JSON.read("{s}", "''"),
        "JSONExtractInt": JSON.number(_whole(-(2**63))),
        "JSONExtractUInt": JSON.number(_whole(0)),
        "JSONExtractFloat": JSON.number(CONVERSIONS.float),
        "JSONExtractBool": JSON.read(
            "CASE jsonb_typeof({v}) WHEN 'boolean' THEN cast({t} as boolean) "
            "WHEN 'number' THEN CASE WHEN {t} ~ '^-?[0-9]+$' THEN {t} <> '0' END END",
            "false",
        ),
        "JSONHas": JSON.read("({v} IS NOT NULL)", "false"),
        "JSONLength": JSON.read(
            "CASE jsonb_typeof({v}) WHEN 'array' THEN jsonb_array_length({v}) "
            "WHEN 'object' THEN (SELECT count(*) FROM jsonb_object_keys({v})) END",
            "0",
        ),
    }
)
