"""Queries as people and insights write them: each compiles, runs and answers alike on both engines."""

from pathlib import Path

import pytest

from tests.conformance.engines import NAMES, Engines, same

FILE = Path(__file__).with_name("long_tail.txt")
"""A query a line; `⏎` stands for a line break."""
TEXTS = [
    line.replace(" ⏎ ", "\n")
    for line in FILE.read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    found = Engines(tmp_path_factory.mktemp("long_tail"), TEXTS)
    yield found
    found.close()


@pytest.mark.parametrize("text", TEXTS, ids=[text[:60] for text in TEXTS])
def test_a_query_of_the_long_tail_has_one_answer(engines, text):
    answers = [engines.rows(text, name) for name in NAMES]
    assert same(engines, text, answers), (answers[0][:5], answers[1][:5])
