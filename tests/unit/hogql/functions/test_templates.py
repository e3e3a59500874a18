"""Templates: what a user writes fills a hole, and is never looked through for holes itself."""

import re

import pytest

from pwh_assets.hogql import compile as compile_hogql
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.lower import LOWERINGS
from tests.conformance.test_functions import examples_of

HOSTILE = (
    "HOLE{0}{1}{2}{3}{r0}{r1}{a}{b}{c}{d}{e}{k}{n}{p}{p0}{s}{t}{v}{x}{body}{map}{filter}{over}{order}{distinct}{tz}{zone}"
    "{*}{1*}{}END"
)
LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'")
INSIDE_OTHERS = (
    "arrayExists(x -> x = 'a', ['b'])",
    "arrayCount(x -> x = 'a', ['b'])",
    "arrayFirstIndex(x -> x = 'a', ['b'])",
    "arrayCumSum(x -> length(concat(x, 'a')), ['b'])",
    "mapExists((k, v) -> k = 'a', map('b', 'c'))",
    "bitAnd(toInt('a'), toInt('b'))",
    "pow(toFloat('a'), toFloat('b'))",
    "LpNorm([toFloat('a')], toInt('b'))",
    "greatCircleDistance(toFloat('a'), toFloat('b'), 1, 2)",
    "minus(if('a' = 'b', today(), today()), if('b' = 'a', today(), today()))",
    "bitTestAny(length('a'), length('b'))",
    "makeDate(length('a'), length('b'), length('c'))",
    "JSONExtractBool('{}', 'a')",
    "JSONLength('{}', 'a', 'b')",
)


def texts() -> list[str]:
    """Every example, and calls in which a text stands deeper, with one text after the other that is all holes."""
    examples = [text for row in REGISTRY for text, _ in examples_of(row)]
    return [
        f"{text[: found.start()]}'{HOSTILE}'{text[found.end() :]}"
        for text in (*examples, *INSIDE_OTHERS)
        for found in list(LITERAL.finditer(text))[:4]
        if not text.upper().startswith("SELECT")
    ]


@pytest.mark.parametrize("engine", LOWERINGS)
def test_a_text_that_looks_like_a_hole_stays_a_text(engine: str) -> None:
    compiled = 0
    for text in texts():
        try:
            sql = compile_hogql(f"SELECT {text} AS answer", Catalog(()), engine).sql
        except HogQLError:
            continue
        compiled += sql.count("HOLE") > 0
        for found in re.finditer("HOLE", sql):
            assert sql.startswith(HOSTILE, found.start()), f"{text}\n{sql}"
    assert compiled > 100
