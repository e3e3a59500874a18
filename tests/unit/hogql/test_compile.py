"""The pipeline: equal plans, the cache, limits on size, texts nobody should send."""

import contextlib
import time

import pytest

from pwh_assets.hogql import compile as compile_hogql
from pwh_assets.hogql import parse
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError
from tests.unit.hogql.catalogs import plan, problems, sql


def test_the_package_offers_compile_and_parse():
    assert compile_hogql("SELECT 1", Catalog(())).sql.startswith("SELECT 1")
    assert parse("SELECT 1").problems == ()


def test_a_repeated_text_is_answered_from_the_cache():
    text = "SELECT count() FROM events WHERE event = 'again'"
    first = plan(text)
    started = time.perf_counter()
    for _ in range(1000):
        assert plan(text) is first
    assert (time.perf_counter() - started) / 1000 < 50e-6


def test_options_make_other_plans():
    text = "SELECT event FROM events"
    assert plan(text, limit=5) is not plan(text, limit=6)
    assert plan(text, "clickhouse") is not plan(text)


@pytest.mark.parametrize(
    ("text", "options", "ending", "limit"),
    [
        ("SELECT event FROM events", {"limit": 100}, "LIMIT 100", 100),
        ("SELECT event FROM events LIMIT 7", {"limit": 100}, "LIMIT 7", 7),
        ("SELECT event FROM events LIMIT 7000", {"limit": 100, "max_limit": 500}, "LIMIT 500", 500),
        ("SELECT event FROM events LIMIT 3 + 4", {"max_limit": 500}, "LIMIT 500", 500),
        ("SELECT 1 AS a UNION ALL SELECT 2", {"limit": 9}, "LIMIT 9", 9),
        ("SELECT event FROM events", {}, '"events"', None),
    ],
)
def test_limits(text, options, ending, limit):
    found = plan(text, **options)
    assert found.sql.endswith(ending)
    assert found.limit == limit


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
        "SELECT 1" + " UNION ALL SELECT 1" * 5000,
        "SELECT '" + "x" * 1_000_000 + "'",
        "SELECT " + " + ".join(["1"] * 20_000),
        "SELECT " + "NOT " * 20_000 + "1",
        "SELECT " + "[" * 5000 + "]" * 5000,
        "SELECT x" + ".y" * 20_000 + " FROM events",
        "SELECT " + "if(1, " * 3000 + "1" + ", 2)" * 3000,
        "SELECT 1 AS a0, " + ", ".join(f"a{i} + a{i} AS a{i + 1}" for i in range(60)),
        "WITH "
        + ", ".join(
            f"a{i} AS (SELECT * FROM a{i - 1})" if i else "a0 AS (SELECT 1 AS x)"
            for i in range(300)
        )
        + " SELECT * FROM a299",
        "SELECT * FROM " + "(SELECT * FROM " * 400 + "events" + ")" * 400,
    ],
    ids=[
        "brackets",
        "union",
        "text",
        "sum",
        "nots",
        "arrays",
        "path",
        "ifs",
        "doubling",
        "ctes",
        "nested",
    ],
)
def test_a_huge_text_is_compiled_or_refused_within_a_second(text):
    started = time.perf_counter()
    with contextlib.suppress(HogQLError):
        plan(text, catalog=_fresh())
    assert time.perf_counter() - started < 2


def _fresh():
    from dataclasses import replace

    from tests.unit.hogql.catalogs import CATALOG

    return replace(CATALOG, version="")


def test_a_nul_character_is_refused():
    assert problems("SELECT 'a\x00b'")[0][0] == "syntax_error"


def test_settings_are_refused_by_name():
    assert problems("SELECT 1 SETTINGS readonly = 0")[0][0] == "not_allowed"


def test_a_name_is_always_quoted_and_a_text_always_escaped():
    text = sql("SELECT 'x''; DROP TABLE t; --' AS `y\"; DROP TABLE t; --`")
    assert text == "SELECT 'x''; DROP TABLE t; --' AS \"y\"\"; DROP TABLE t; --\""


@pytest.mark.parametrize("kind", ["Decimal(10, )", "Decimal(x)", "decimal()"])
def test_a_decimal_without_whole_numbers_is_refused_with_its_place(kind: str) -> None:
    text = f"SELECT CAST(1 AS {kind})"
    with pytest.raises(HogQLError, match="There is no type") as caught:
        compile_hogql(text, Catalog(()))
    assert caught.value.start == text.index(kind)
