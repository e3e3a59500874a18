"""One language, equal answers: every query runs on every engine over the same rows."""

import json
from pathlib import Path

import pytest

from pwh_assets.errors import PwhError
from tests.conformance.engines import NAMES, Engines, same
from tests.conformance.queries import QUERIES

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hogql-sample.jsonl"


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    texts = list(QUERIES)
    if CORPUS.exists():
        texts += [json.loads(line)["sql"] for line in CORPUS.read_text().splitlines()]
    found = Engines(tmp_path_factory.mktemp("engines"), texts)
    yield found
    found.close()


@pytest.mark.parametrize("text", QUERIES)
def test_both_engines_give_the_same_rows(engines, text):
    answers = [engines.rows(text, name) for name in NAMES]
    assert same(engines, text, answers), (answers[0][:5], answers[1][:5])


@pytest.mark.skipif(
    not CORPUS.exists(), reason="the sample of real queries is not beside the project"
)
def test_real_queries_compile_run_and_agree(engines):
    texts = {row["id"]: row["sql"] for row in map(json.loads, CORPUS.read_text().splitlines())}
    failed = {"compile": [], "run": [], "differ": []}
    ran = 0
    for key, text in texts.items():
        answers = []
        for name in NAMES:
            try:
                engines.plan(text, name)
            except PwhError as error:
                failed["compile"].append((key, name, str(error)))
                continue
            try:
                answers.append(engines.rows(text, name))
            except PwhError as error:
                failed["run"].append((key, name, str(error)))
        if len(answers) == len(NAMES):
            ran += 1
            if not same(engines, text, answers):
                failed["differ"].append(key)
    most = len(texts) * len(NAMES)
    assert len(failed["compile"]) <= 0.03 * most, failed["compile"]
    assert len(failed["compile"]) + len(failed["run"]) <= 0.05 * most, failed["run"]
    assert len(failed["differ"]) <= 0.01 * ran + 1, failed["differ"]
