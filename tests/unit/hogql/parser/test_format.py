"""The formatter: one layout, nothing lost."""

from pwh_assets.hogql.format import format_hogql, to_hogql
from pwh_assets.hogql.parser import parse_select


def test_each_clause_gets_its_line() -> None:
    assert format_hogql(
        "select a,b from t where x=1 and y in (1,2) group by a order by b desc limit 5"
    ) == (
        "SELECT a, b\nFROM t\nWHERE x = 1 AND y IN (1, 2)\nGROUP BY a\nORDER BY b DESC\nLIMIT 5\n"
    )


def test_long_conditions_break_at_and() -> None:
    text = format_hogql(
        "select a from events where properties.$current_url ilike '%pricing%' and timestamp > now() - interval 7 day "
        "and event = '$pageview'"
    )
    assert "\n  AND timestamp > now() - INTERVAL 7 DAY\n  AND event = '$pageview'\n" in text


def test_subqueries_are_indented() -> None:
    assert format_hogql("with x as (select 1 as a) select * from (select a from x) as y") == (
        "WITH\n  x AS (\n    SELECT 1 AS a\n  )\nSELECT *\nFROM (\n  SELECT a\n  FROM x\n) AS y\n"
    )


def test_comments_stay_with_their_lines() -> None:
    text = (
        "-- which\nselect a, -- first\n b -- second\nfrom t // here\n/* only */ where x = 1 # done"
    )
    assert format_hogql(text) == (
        "-- which\nSELECT\n  a,  -- first\n  b  -- second\nFROM t  -- here\n/* only */\nWHERE x = 1  -- done\n"
    )


def test_line_breaks_inside_strings_survive_indenting() -> None:
    text = "select * from (select 'a\n  b' as x)"
    assert parse_select(format_hogql(text)) == parse_select(text)


def test_a_branch_that_has_its_own_limit_keeps_its_brackets() -> None:
    text = to_hogql(parse_select("(select 1 as x limit 1) union all (select 2 limit 2) order by x"))
    assert text.count("(") == 2 and text.endswith("ORDER BY x")


def test_names_that_need_quotes_get_them() -> None:
    assert to_hogql(parse_select('select "odd name", properties.`$a/b` from t')) == (
        "SELECT `odd name`, properties.`$a/b`\nFROM t"
    )


def test_a_named_lambda_does_not_take_its_name_inside() -> None:
    text = "select x -> y k from t"
    assert parse_select(format_hogql(text)) == parse_select(text)
