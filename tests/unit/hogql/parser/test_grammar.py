"""Each construct of the grammar parses, keeps its places, and survives being printed."""

import importlib.util
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import expressions as exp

from pwh_assets.hogql.format import format_hogql, to_hogql
from pwh_assets.hogql.parser import parse, parse_select
from tests.fuzz.grammar import Grammar, mutated
from tests.fuzz.hogql import formats_to_the_same_tree, parses_or_says_why, shape


def _constructs() -> ModuleType:
    path = Path(__file__).parent / "constructs.py"
    spec = importlib.util.spec_from_file_location("constructs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


constructs = _constructs()
TEXTS = [text for section in constructs.CONSTRUCTS.values() for _, text in section]


@pytest.mark.parametrize("text", TEXTS)
def test_a_construct_parses_to_a_tree_with_places_on_every_node(text: str) -> None:
    tree = parse_select(text)
    for node in tree.walk():
        if isinstance(node, exp.DataType) and node.args.get("kind") is None:
            continue
        start, end = node.meta["start"], node.meta["end"]
        assert 0 <= start <= end <= len(text), node


@pytest.mark.parametrize("text", TEXTS)
def test_a_construct_is_the_same_after_printing(text: str) -> None:
    tree = parse_select(text)
    assert shape(parse_select(to_hogql(tree))) == shape(tree)
    formatted = format_hogql(text)
    assert shape(parse_select(formatted)) == shape(tree)
    assert format_hogql(formatted) == formatted


def test_the_page_about_the_grammar_is_made_from_these_constructs() -> None:
    assert constructs.PAGE.read_text() == constructs.page()


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0, max_value=2**40))
def test_a_random_query_parses_and_survives_printing(seed: int) -> None:
    text = Grammar(seed).query()
    assert parses_or_says_why(text) == "parsed", parse(text).problems
    assert formats_to_the_same_tree(text) == "formatted"


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0, max_value=2**40))
def test_a_query_with_slips_is_a_tree_or_says_why_not(seed: int) -> None:
    text = mutated(Grammar(seed, 20).query(), Random(seed))
    parses_or_says_why(text)
    formats_to_the_same_tree(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all_is_a_tree_or_says_why_not(text: str) -> None:
    parses_or_says_why(text)
