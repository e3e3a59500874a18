"""Whole queries on the databases that are queried where they are: the rows DuckDB gives, or a refusal with its reason."""

from collections.abc import Iterator
from typing import Any

import pytest

from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.lower import DIALECTS
from tests.conformance.dialects import Tables, is_refusal, serving, stored_rows, without_numbers
from tests.conformance.queries import QUERIES
from tests.conformance.random_queries import Queries
from tests.conformance.test_random_queries import SEED
from tests.fuzz.running import with_random_tables

LEAST = {"postgres": 0.9, "mysql": 0.75}
"""Share of our own queries a dialect has to run."""
RANDOM = 60


@pytest.fixture(scope="module", params=DIALECTS)
def tables(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Tables]:
    with serving(request.param) as server:
        found = Tables(tmp_path_factory.mktemp(request.param), QUERIES, server)
        add_random(found)
        yield found
        found.close()


def add_random(found: Tables) -> None:
    """The tables of the random queries, beside the others."""
    with_random_tables(found, SEED)
    with found.lakes.of(1).read() as connection:
        for table in found.catalog.tables:
            if table.physical[:1] == ("random",):
                kinds = [(column.name, column.type) for column in table.columns]
                found.server.make(table.physical, kinds, stored_rows(connection, table, kinds))


def check(tables: Tables, texts: list[str]) -> int:
    """How many ran; all of them have DuckDB's rows, the others were refused for a reason of the dialect."""
    different, ran = [], 0
    for text in texts:
        try:
            tables.plan(text, tables.server.engine)
        except HogQLError as error:
            if not is_refusal(error):
                raise
            continue
        ran += 1
        if not tables.agree(text):
            different.append(text)
    assert not different, different
    return ran


def test_our_queries_have_the_rows_duckdb_gives_or_are_refused_by_name(tables: Tables) -> None:
    engine = tables.server.engine
    texts = [without_numbers(text) if engine == "mysql" else text for text in QUERIES]
    assert check(tables, texts) >= LEAST[engine] * len(texts)


def test_random_queries_have_the_rows_duckdb_gives_or_are_refused_by_name(tables: Tables) -> None:
    texts = [Queries(SEED * 100_000 + number).query() for number in range(RANDOM)]
    assert check(tables, texts) >= RANDOM // 2


ORDERED = (
    "SELECT word FROM made_up ORDER BY word, id",
    "SELECT word FROM made_up ORDER BY word DESC, id",
    "SELECT DISTINCT word FROM made_up ORDER BY word",
    "SELECT DISTINCT number_a FROM made_up ORDER BY number_a DESC",
    "SELECT word, count() AS c FROM made_up GROUP BY word ORDER BY c DESC, word",
    "SELECT rate, id FROM made_up ORDER BY rate, id LIMIT 5 OFFSET 3",
    "SELECT kind, word, id FROM made_up ORDER BY kind, word, id LIMIT 2 BY kind",
    "SELECT word FROM made_up UNION ALL SELECT word FROM other ORDER BY word DESC",
    "SELECT id, row_number() OVER (PARTITION BY kind ORDER BY word, id) AS r FROM made_up ORDER BY id",
    "SELECT number_a FROM made_up GROUP BY number_a HAVING number_a > 2 OR number_a IS NULL ORDER BY number_a",
)


@pytest.mark.parametrize("text", ORDERED)
def test_rows_come_in_the_same_order(tables: Tables, text: str) -> None:
    assert tables.rows(text, "duckdb") == tables.rows(text, tables.server.engine)


def test_texts_are_told_apart_by_case_and_by_their_last_spaces(tables: Tables) -> None:
    cells = "(VALUES ('a'), ('A'), ('a '), ('ä')) AS v(x)"
    for text in (
        f"SELECT count() FROM {cells} WHERE x = 'a'",
        f"SELECT uniq(x) FROM {cells}",
        f"SELECT x, count() FROM {cells} GROUP BY x ORDER BY x",
        f"SELECT count() FROM {cells} WHERE x LIKE 'a%'",
        f"SELECT count() FROM {cells} WHERE x ILIKE 'A'",
        "SELECT count() FROM made_up WHERE word = 'B' OR word = 'AB'",
        "SELECT count() FROM made_up WHERE word IN ('A', 'b')",
        "SELECT max(word), min(word) FROM made_up",
        "SELECT count() FROM made_up a JOIN other b ON a.word = b.word",
    ):
        assert tables.rows(text, "duckdb") == tables.rows(text, tables.server.engine), text
