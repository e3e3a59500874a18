"""Mistakes: a HogQL error with a place and a code, the same on both engines; nothing of the engine's own words."""

from pathlib import Path

import pytest

from pwh_assets.engines.base import StatementRefusedError
from pwh_assets.hogql.blame import blamed
from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.stored import type_of
from tests.conformance.engines import NAMES, Engines

TABLE = {
    "s": "VARCHAR",
    "i": "BIGINT",
    "f": "DOUBLE",
    "b": "BOOLEAN",
    "d": "DATE",
    "t": "TIMESTAMP",
    "u": "UUID",
    "ai": "BIGINT[]",
    "sa": "VARCHAR[]",
    "m": "MAP(VARCHAR, BIGINT)",
}
CASES = Path(__file__).with_name("mistakes.txt")
"""A code, a bar, and a query in which what is wrong stands between « and »."""


def cases():
    for line in CASES.read_text().splitlines():
        if line and not line.startswith("#"):
            code, text = (part.strip() for part in line.split("|", 1))
            start = text.index("«")
            end = text.index("»") - 1
            yield pytest.param(
                code, text.replace("«", "").replace("»", ""), start, end, id=text[:70]
            )


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    found = Engines(tmp_path_factory.mktemp("mistakes"), [])
    columns = tuple(ColumnDef(name, type_of(kind), stored=kind) for name, kind in TABLE.items())
    table = TableDef("kinds", columns, physical=("random", "kinds"))
    found.catalog = Catalog((*found.catalog.tables, table), "mistakes")
    with found.lakes.of(1).write() as connection:
        connection.execute("CREATE SCHEMA lake.random")
        spelled = ", ".join(f'"{name}" {kind}' for name, kind in TABLE.items())
        connection.execute(f"CREATE TABLE lake.random.kinds ({spelled})")
        connection.execute(
            "INSERT INTO lake.random.kinds VALUES ('a b', 3, 2.5, true, DATE '2024-01-02', "
            "TIMESTAMP '2024-01-02 03:04:05', '6f1ed002-ab5a-4c4a-8f0e-000000000001', [1, 2], ['a'], MAP{'a': 1})"
        )
    yield found
    found.close()


def mistake(engines, text, engine):
    """The error a user gets."""
    try:
        rows = engines.rows(text, engine)
    except HogQLError as error:
        return error
    except StatementRefusedError as error:
        return blamed(text, error.reason, error.title)
    raise AssertionError(f"{engine} answered {rows[:3]}")


@pytest.mark.parametrize(("code", "text", "start", "end"), list(cases()))
def test_a_mistake_has_one_code_and_place_on_both_engines(engines, code, text, start, end):
    for engine in NAMES:
        error = mistake(engines, text, engine)
        problem = error.problems[0]
        assert problem.code == code, (engine, str(error))
        marked = text[problem.start : problem.end]
        assert (problem.start, problem.end) == (start, end), (engine, marked, str(error))
        assert "refused the query" not in str(error)
