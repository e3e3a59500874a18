"""Our parser against PostHog's: what it takes we take, to the same meaning; what it refuses we refuse, but for a list."""

import importlib.util
import json
import os
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

if importlib.util.find_spec("hogql_parser") is None:
    pytest.skip("the oracle is a development dependency", allow_module_level=True)

from pwh_assets.hogql.parser import parse
from tests.conformance.hogql_oracle import (
    oracle,
    our_names,
    ours,
    refusal,
    their_names,
    theirs,
    without_sugar,
)
from tests.fuzz.grammar import Grammar, mutated

ROOT = Path(__file__).parents[2]
CORPUS = Path(
    os.environ.get("PWH_HOGQL_CORPUS") or ROOT.parent / "shared/corpus/hogql-sample.jsonl"
)

OWN_TEXTS = [
    line for line in (Path(__file__).parent / "hogql_texts.txt").read_text().splitlines() if line
]

# What we take although the oracle refuses it, by what gives it away.
EXTENSIONS = {
    r"offset\s+\S+\s+with\s+ties": "WITH TIES after OFFSET",
    r"extract\s*\(\s*\w+\s+from": "EXTRACT(unit FROM x)",
    r"substring\s*\(.*\bfrom\b": "SUBSTRING(s FROM a FOR n)",
    r"\b(date|timestamp)\s+'": "DATE and TIMESTAMP literals",
    r"\bescape\s+'": "LIKE with ESCAPE",
    r"\.\s*-\s*\d": "negative tuple indexes",
    r"\*\s*(except|replace)\b|exclude\s*\([^)]*\)\s*replace": "* EXCEPT and * REPLACE without brackets",
    r"\bsettings\b": "SETTINGS parse and are refused by name later",
    r"\btop\s+\d": "TOP n",
    r"\bpercent\b": "PERCENT as a word",
    r"\bglobal\b": "GLOBAL before IN and JOIN",
    r"ignore\s+nulls\s+over": "IGNORE NULLS after the brackets",
    r"::\s*\w+\s*(\(|\[\s*\])": "types with arguments after ::",
    r"enum\d*\s*\(": "enumerations as types",
    r"\bon\b.*,": "a comma join after ON",
    r"<\s*[a-z_]": "a < before a letter compares where an operand stands in front",
    r"'\s*'": "two strings in a row are one where the first is an alias",
}

# What we refuse although the oracle takes it: accidents of its grammar that hide a mistake.
REFUSED = {
    "select 1_000": "the oracle reads the value 1 named _000",
    "select a as b c from t": "two aliases: a comma is missing",
    "select a from t x y": "two aliases of one table",
    "select a from t as x y": "two aliases of one table",
    "select a from t x as y": "two aliases of one table",
    "select a from t limit 5 limit 6": "the second LIMIT silently replaces the first",
    "select a from t limit 5, 6 offset 3": "two offsets",
    "select /* x */ 1 /* y": "a comment that never ends",
    "select 1.5.2": "no number",
    "select 1 .5": "a number with a space inside",
    "select inf.a": "a number has no properties",
    "select case + 1 from t": "CASE begins a CASE",
    "select 1. 5": "a number with a space inside",
}

# What both take, to different meanings.
DIFFERENT = {
    "select position('a' in b)": "the oracle calls position with one argument that is a comparison",
    "(select 1 limit 5) limit 3": "the oracle drops the inner limit",
    "select not(a), not (a) and b, not(a, b), not()": "NOT before brackets is the operator, not a function",
}

WORDS = """
all anti any array ascending both by case cast cohort columns cube current date day desc end exclude
extract filter final first following for full group grouping hour id if include inner interval join
key lambda last leading left limit local minute month name natural nulls offset on order outer over
partition pivot preceding qualify quarter range recursive replace return right rollup row rows
sample second semi sets settings substring then ties time timestamp to top totals trailing trim
truncate unbounded union using values week when where window with year zone try_cast fn fun let
catch throw while within materialized intersect except
"""


def _is_extension(text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE | re.DOTALL) for pattern in EXTENSIONS)


def _reads_not_as_call(text: str) -> bool:
    """`NOT (a) = b`: the oracle takes `not(a) = b`, we the standard's `NOT ((a) = b)`."""
    return re.search(r"\bNOT\s*\(", text, re.IGNORECASE) is not None


def _verdict(text: str) -> str:
    """`same`, or how the two differ."""
    expected, result = oracle(text), parse(text)
    if expected is None:
        if result.problems:
            return "same"
        return "extension" if _is_extension(text) else f"taken, oracle: {refusal(text)}"
    if result.problems or result.tree is None:
        return f"refused: {result.problems[0].message}"
    if ours(result.tree) != theirs(expected):
        return "different"
    functions, tables = our_names(result.tree)
    their_functions, their_tables = their_names(expected)
    if without_sugar(functions) != without_sugar(their_functions) or tables != their_tables:
        return "different names"
    return "same"


def _corpus() -> list[str]:
    if not CORPUS.exists():
        pytest.skip("no corpus of queries here; PWH_HOGQL_CORPUS names one (JSON lines with `sql`)")
    return [json.loads(line)["sql"] for line in CORPUS.read_text().splitlines() if line.strip()]


def test_real_queries_mean_the_same() -> None:
    verdicts = {text: _verdict(text) for text in _corpus()}
    assert {
        text: verdict for text, verdict in verdicts.items() if verdict not in ("same", "extension")
    } == {}


@pytest.mark.parametrize(
    "text", [text for text in OWN_TEXTS if text not in REFUSED.keys() | DIFFERENT.keys()]
)
def test_a_text_means_the_same(text: str) -> None:
    assert _verdict(text) in ("same", "extension")


@pytest.mark.parametrize("text", list(REFUSED))
def test_accidents_of_the_oracle_are_refused(text: str) -> None:
    assert oracle(text) is not None and parse(text).problems


@pytest.mark.parametrize("text", list(DIFFERENT))
def test_known_differences_are_still_there(text: str) -> None:
    assert _verdict(text) == "different"


def test_words_of_the_grammar_are_names_where_the_oracle_has_them_so() -> None:
    wrong = []
    places = [
        *(
            "select {} from t",
            "select a, {}, b from t",
            "select t.{} from t",
            "select {}.a from t",
            "select x as {} from t",
        ),
        *(
            "select {}(1) from t",
            "select f({}) from t",
            "select f({} -> 1)",
            "select 1 from a.{}",
            "select 1 from t as {}",
        ),
        *(
            "with {} as (select 1) select 1",
            "select 1 from t order by {} desc",
            "select 1 from t group by {}",
        ),
        *(
            "select 1 from t where {} = 1",
            "select 1 from t where 1 = {}",
            "select {} + 1 from t",
            "select ({}) from t",
        ),
        *(
            "select 1 from t where {}",
            "select 1 from t where {} and 1",
            "select {} in (1) from t",
            "select {}: 1",
        ),
        *(
            "select * exclude ({}) from t",
            "select {}.* from t",
            "select a {}, b from t",
            "select 1 from t {} where 1",
        ),
    ]
    for place in places:
        for word in WORDS.split():
            text = place.format(word)
            if text in REFUSED:
                continue
            if (oracle(text) is None) != bool(parse(text).problems):
                wrong.append(text)
    assert wrong == []


def test_random_queries_mean_the_same() -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(200):
        text = Grammar(seed, 25).query()
        if _reads_not_as_call(text) or len(text) > 1_500:
            continue
        verdict = _verdict(text)
        verdicts[verdict] += 1
        assert verdict in ("same", "extension"), text
    assert verdicts["same"] > 120


def test_random_queries_with_slips_are_judged_alike() -> None:
    """The oracle takes some slips, reading words of the grammar as names; those it takes and we do not are few."""
    verdicts: Counter[str] = Counter()
    for seed in range(300):
        text = mutated(Grammar(seed, 12).query(), Random(seed))
        if _reads_not_as_call(text) or len(text) > 1_000:
            continue
        verdict = _verdict(text)
        assert not verdict.startswith(("taken", "different")), (text, verdict)
        verdicts[verdict.split(":")[0]] += 1
    assert verdicts["refused"] < 0.04 * sum(verdicts.values()), verdicts
