"""Random typed queries over random rows: what one engine answers, the other answers too."""

import os

import pytest

from tests.conformance.engines import NAMES, Engines, same
from tests.conformance.random_queries import Queries
from tests.fuzz.running import with_random_tables

SEED = int(os.environ.get("PWH_TEST_SEED", "20260614"))
COUNT = int(os.environ.get("PWH_TEST_QUERIES", "150"))


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    found = Engines(tmp_path_factory.mktemp("random"), [])
    with_random_tables(found, SEED)
    yield found
    found.close()


@pytest.mark.parametrize("number", range(COUNT))
def test_a_random_query_has_one_answer(engines, number):
    text = Queries(SEED * 100_000 + number).query()
    answers = [engines.rows(text, name) for name in NAMES]
    assert same(engines, text, answers), (text, answers[0][:5], answers[1][:5])
