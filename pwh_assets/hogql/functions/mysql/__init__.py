"""MySQL's renderings of the registry's rows, for queries over tables that live in a MySQL 8 or a MariaDB (10.11 and later).

Belongs here: a table per family from a row's name to SQL both servers take. Keep out: clauses (`lower/mysql.py`).
"""

from pwh_assets.hogql.functions.base import Rendering
from pwh_assets.hogql.functions.dialect import Functions
from pwh_assets.hogql.functions.mysql import aggregates, conversion, dates, json, numbers, texts
from pwh_assets.hogql.functions.mysql.values import CONVERSIONS

RENDERINGS: dict[str, Rendering] = {
    name: rendering
    for family in (numbers, conversion, texts, dates, json, aggregates)
    for name, rendering in family.RENDERINGS.items()
}

FUNCTIONS = Functions("mysql", "MySQL", RENDERINGS, CONVERSIONS, has_filter=False)
