"""Random typed queries over random rows: what one engine answers, the other answers too."""

import json
import os
from datetime import timedelta
from random import Random

import pytest

from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.stored import type_of
from tests.conformance.engines import NAMES, Engines, same
from tests.conformance.made import NOW, _insert
from tests.conformance.random_queries import Queries

SEED = int(os.environ.get("PWH_TEST_SEED", "20260614"))
COUNT = int(os.environ.get("PWH_TEST_QUERIES", "150"))
COLUMNS = {
    "id": "BIGINT",
    "number_a": "BIGINT",
    "number_b": "INTEGER",
    "rate": "DOUBLE",
    "word": "VARCHAR",
    "kind": "VARCHAR",
    "text_number": "VARCHAR",
    "flag": "BOOLEAN",
    "at": "TIMESTAMP",
    "day": "DATE",
    "doc": "JSON",
}


def rows(seed, count):
    chance = Random(seed)

    def maybe(value):
        return None if chance.random() < 0.15 else value

    return [
        {
            "id": i,
            "number_a": maybe(chance.randrange(-3, 12)),
            "number_b": maybe(chance.randrange(8)),
            "rate": maybe(chance.choice([0.0, 0.5, -1.25, 3.0, 1e6])),
            "word": maybe(chance.choice(["", "a", "ab", "B", "it's", "é", "ba nana"])),
            "kind": chance.choice(["x", "y"]),
            "text_number": maybe(chance.choice(["1", "2", "07", "2.5", "x", ""])),
            "flag": maybe(chance.random() < 0.5),
            "at": maybe(NOW - timedelta(seconds=chance.randrange(20 * 86400))),
            "day": maybe((NOW - timedelta(days=chance.randrange(20))).date()),
            "doc": json.dumps(
                {
                    "n": chance.choice([1, 2.5, None, "7"]),
                    "name": chance.choice(["a", None, "z"]),
                    "a b": chance.choice(["q", 5]),
                }
            ),
        }
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    found = Engines(tmp_path_factory.mktemp("random"), [])
    columns = tuple(ColumnDef(name, type_of(kind), stored=kind) for name, kind in COLUMNS.items())
    tables = [TableDef(name, columns, physical=("random", name)) for name in ("made_up", "other")]
    found.catalog = Catalog((*found.catalog.tables, *tables), "random")
    with found.lakes.of(1).write() as connection:
        connection.execute("CREATE SCHEMA lake.random")
        for place, (table, count) in enumerate([("made_up", 120), ("other", 40)]):
            spelled = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
            connection.execute(f"CREATE TABLE lake.random.{table} ({spelled})")
            _insert(connection, f"lake.random.{table}", rows(SEED + place, count))
    yield found
    found.close()


@pytest.mark.parametrize("number", range(COUNT))
def test_a_random_query_has_one_answer(engines, number):
    text = Queries(SEED * 100_000 + number).query()
    answers = [engines.rows(text, name) for name in NAMES]
    assert same(engines, text, answers), (text, answers[0][:5], answers[1][:5])
