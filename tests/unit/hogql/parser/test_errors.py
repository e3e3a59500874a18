"""What is wrong is said in a sentence, at its place, with the way out; and reading goes on after it."""

import time

import pytest
from sqlglot import expressions as exp

from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.parser import parse, parse_select


def only(text: str) -> tuple[str, str, str | None]:
    """The one problem of a text: its message, the text it marks, its hint."""
    (problem,) = parse(text).problems
    return problem.message, text[problem.start : problem.end], problem.hint


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        (
            "SELECT a FROM t WHERE GROUP BY a",
            "Expected an expression after `WHERE`, found `GROUP`",
            "GROUP",
        ),
        ("SELECT FROM t", "Expected at least one column after `SELECT`, found `FROM`", "FROM"),
        ("SELECT a FROM t WHERE a = AND b", "Expected an expression after `=`, found `AND`", "AND"),
        ("SELECT a FROM t ORDER a", "Expected `BY` after `ORDER`, found `a`", "a"),
        ("SELECT a FROM t LEFT u ON 1", "Expected `JOIN` after `LEFT`, found `u`", "u"),
        (
            "SELECT CASE WHEN a THEN b",
            "Expected `END` to close the CASE of line 1 after `b`, found the end of the text",
            "",
        ),
        (
            "SELECT a FROM t WHERE a IS 1",
            "Expected `NULL` or `DISTINCT FROM` after `IS`, found `1`",
            "1",
        ),
        ("SELECT a FROM t LIMIT 5 ORDER BY a", "`ORDER BY` must stand before `LIMIT`", "ORDER"),
        ("SELECT a FROM t LIMIT 5 LIMIT 6", "`LIMIT` is there twice", "LIMIT 6"),
        ("SELECT fn FROM t", "Expected an expression after `SELECT`, found `FN`", "fn"),
        ("", "The text is empty", ""),
    ],
)
def test_a_mistake_says_what_was_expected_and_what_was_found(
    text: str, message: str, marked: str
) -> None:
    found, place, _ = only(text)
    assert found == message
    if marked != "LIMIT 6":
        assert place == marked


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SELECT a FRO events", "Did you mean `FROM` instead of `FRO`?"),
        ("SELECT a FROM t WHRE x = 1", "Did you mean `WHERE` instead of `WHRE`?"),
        ("SELCT a", "Did you mean `SELECT` instead of `SELCT`?"),
        ("SELECT f(a b)", "A comma may be missing before `b`"),
        ("SELECT a FROM t WHERE a === 1", "Equality is written `=` or `==`"),
        ("SELECT a && b", "Write `AND` for both conditions"),
        ("SELECT INTERVAL 3 DAYS", "Write `DAY`"),
        ("FROM t SELECT a", "A query begins with SELECT and names its tables after it"),
        ("SELECT a FROM 'x.csv'", "Files cannot be read from a query; add them as a source"),
        ("WITH a AS SELECT 1", "Write `name AS (SELECT ...)`"),
        (r"SELECT '\d'", r"Double the backslash: `\\d`"),
        ("SELECT 1_000", "Write the number without it"),
        ("SELECT 1; SELECT 2", "Only one query can run at a time"),
        ("SELECT fn FROM t", "`fn` is reserved; put it in backquotes to use it as a name"),
        ("SELECT x FROM t ARRAY JOIN xs", "Write `ARRAY JOIN xs AS x`"),
    ],
)
def test_usual_slips_get_the_way_out(text: str, hint: str) -> None:
    assert hint in [problem.hint for problem in parse(text).problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT count(a FROM t", "`(` opened at line 1, column 13 is never closed"),
        ("SELECT a\nFROM t WHERE (a = [1, 2)", "`[` opened at line 2, column 19 is never closed"),
        ("SELECT a) FROM t", "`)` closes nothing"),
        ("SELECT 'abc FROM t", "The string is never closed"),
        ("SELECT `abc FROM t", "The quoted name is never closed"),
        ("SELECT 1 /* x", "The comment is never closed"),
        ("SELECT f'{a}", "The template string is never closed"),
        ("SELECT <a b", "The tag is never closed"),
        ("SELECT <a></b>", "`</b>` closes `<a>`"),
    ],
)
def test_what_is_opened_must_be_closed(text: str, message: str) -> None:
    assert only(text)[0] == message


@pytest.mark.parametrize(
    "word", ["DROP", "insert", "Update", "EXPLAIN", "SET", "TRUNCATE", "COPY", "ATTACH"]
)
def test_only_select_runs(word: str) -> None:
    assert only(f"{word} table t")[0] == f"Only SELECT can run here, found `{word.upper()}`"


def test_independent_mistakes_are_all_found() -> None:
    text = "SELECT a +, f(b c) FROM t WHERE (d = ) AND e GROUP BY LIMIT 3"
    marked = [text[problem.start : problem.end] for problem in parse(text).problems]
    assert marked == [",", "c", ")", "LIMIT"]


def test_a_broken_text_still_leaves_a_tree_to_complete_in() -> None:
    tree = parse("SELECT a, FROM events AS e WHERE e.").tree
    assert isinstance(tree, exp.Select) and tree.args["from_"].this.args["alias"].name == "e"
    union = parse("SELECT a FROM t UNION ALL SELECT ").tree
    assert isinstance(union, exp.Union) and isinstance(union.this, exp.Select)
    assert parse("SELCT").tree is not None


def test_the_error_holds_every_problem_in_order() -> None:
    with pytest.raises(HogQLError) as caught:
        parse_select("SELECT a +, b * FROM t")
    assert [problem.code for problem in caught.value.problems] == ["syntax_error", "syntax_error"]
    assert caught.value.start == 10


def test_columns_of_a_line_count_from_its_start() -> None:
    (problem,) = parse("SELECT a\nFROM t\nWHERE = 1").problems
    assert problem.place("SELECT a\nFROM t\nWHERE = 1") == (3, 7)


_LARGE = {
    "a megabyte": "SELECT " + "a, " * 350_000 + "b",
    "open brackets": "SELECT " + "(" * 10_000,
    "brackets": "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
    "subqueries": "SELECT * FROM " + "(SELECT * FROM " * 5_000 + "t" + ")" * 5_000,
    "unions": " UNION ALL ".join(["SELECT 1"] * 5_000),
    "alternating unions": " UNION ALL SELECT 1 EXCEPT ".join(["SELECT 1"] * 1_000),
    "sums": "SELECT " + " + ".join(["1"] * 5_000),
    "comparisons": "SELECT " + " = ".join(["1"] * 5_000),
    "paths": "SELECT a" + ".b" * 5_000,
    "indexes": "SELECT a" + "[1]" * 5_000,
    "calls": "SELECT a" + "(1)" * 5_000,
    "casts": "SELECT a" + "::int" * 5_000,
    "ternaries": "SELECT " + "a ? b : " * 5_000 + "c",
    "lambdas": "SELECT " + "x -> " * 5_000 + "x",
    "colon lambdas": "SELECT " + "lambda x: " * 5_000 + "x",
    "negations": "SELECT " + "NOT " * 5_000 + "a",
    "signs": "SELECT " + "- " * 5_000 + "a",
    "cases": "SELECT " + "CASE WHEN " * 5_000,
    "intervals": "SELECT " + "INTERVAL " * 5_000 + "1",
    "tags": "SELECT " + "<a>" * 5_000,
    "templates": "SELECT " + "f'{" * 5_000,
    "nested joins": "SELECT 1 FROM t" + " JOIN t" * 1_000 + " ON 1" * 1_000,
    "words": "SELECT " + "a," * 130_000,
}


@pytest.mark.parametrize("name", list(_LARGE))
def test_too_much_is_refused_quickly_and_without_recursion(name: str) -> None:
    started = time.process_time()
    (problem,) = parse(_LARGE[name]).problems
    assert problem.code == "query_too_large"
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t WHERE " + " AND ".join(f"a = {number}" for number in range(2_000)),
        "SELECT a FROM t WHERE " + " OR ".join(f"a = {number}" for number in range(2_000)),
        "SELECT " + " + ".join(["1"] * 2_000),
        "SELECT " + " || ".join(["a"] * 2_000),
        " UNION ALL ".join(["SELECT 1"] * 2_000),
        "SELECT a FROM t WHERE a IN (" + ", ".join(f"'{number}'" for number in range(20_000)) + ")",
        "SELECT " + "(" * 100 + "1" + ")" * 100,
        "SELECT " + "interval(" * 100 + "1" + ")" * 100,
        "SELECT " + "position(" * 100 + "1" + ")" * 100,
    ],
)
def test_much_but_not_too_much_parses(text: str) -> None:
    started = time.process_time()
    assert not parse(text).problems
    assert time.process_time() - started < 2


def test_long_logic_and_unions_make_shallow_trees() -> None:
    for text in (
        "SELECT " + " AND ".join(["a"] * 2_000),
        "SELECT " + " OR ".join(["a"] * 2_000),
        " UNION ALL ".join(["SELECT 1"] * 2_000),
    ):
        depths = {}
        deepest = 0
        for node in parse_select(text).walk(bfs=True):
            depths[id(node)] = depths.get(id(node.parent), 0) + 1
            deepest = max(deepest, depths[id(node)])
        assert deepest < 25
