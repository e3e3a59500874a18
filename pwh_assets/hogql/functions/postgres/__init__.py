"""Postgres's renderings of the registry's rows, for queries over tables that live in a Postgres (15 and later).

Belongs here: a table per family from a row's name to its SQL. Keep out: clauses (`lower/postgres.py`).
"""

from pwh_assets.hogql.functions.base import Rendering
from pwh_assets.hogql.functions.dialect import Functions
from pwh_assets.hogql.functions.postgres import (
    aggregates,
    arrays,
    conversion,
    dates,
    json,
    numbers,
    texts,
)
from pwh_assets.hogql.functions.postgres.values import CONVERSIONS

RENDERINGS: dict[str, Rendering] = {
    name: rendering
    for family in (numbers, conversion, texts, dates, arrays, json, aggregates)
    for name, rendering in family.RENDERINGS.items()
}

FUNCTIONS = Functions("postgres", "Postgres", RENDERINGS, CONVERSIONS)
