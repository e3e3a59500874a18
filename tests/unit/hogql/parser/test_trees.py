"""What the parser makes of what: the contract the resolver reads."""

from typing import Any

import pytest
from sqlglot import expressions as exp

from pwh_assets.hogql.parser import parse_expression, parse_select


def select(text: str) -> exp.Select:
    tree = parse_select(text)
    assert isinstance(tree, exp.Select)
    return tree


def column(text: str) -> Any:
    return parse_expression(text)


def test_a_path_is_a_column_and_dots() -> None:
    node = column("a.b.1.`c d`")
    assert (
        isinstance(node, exp.Dot)
        and node.expression.name == "c d"
        and node.expression.args["quoted"]
    )
    assert node.this.expression.name == "1" and isinstance(node.this.expression, exp.Literal)
    assert isinstance(node.this.this.this, exp.Column) and node.this.this.this.name == "a"


def test_null_safe_access_is_marked() -> None:
    assert (
        column("a?.b").args["safe"]
        and column("a?.[1]").args["safe"]
        and column("a?.1").args["safe"]
    )
    assert isinstance(column("a?.[1]"), exp.Bracket)


def test_a_call_keeps_its_name_as_written() -> None:
    node = column("toStartOfMonth(timestamp)")
    assert isinstance(node, exp.Anonymous) and node.this == "toStartOfMonth"
    assert node.meta["name_end"] == len("toStartOfMonth")


def test_parameters_and_arguments_are_told_apart() -> None:
    node = column("quantile(0.5)(x)")
    assert isinstance(node, exp.ParameterizedAgg)
    assert [part.name for part in node.args["params"]] == ["0.5"] and node.expressions[
        0
    ].name == "x"


def test_distinct_order_filter_and_window_of_a_call() -> None:
    node = column("f(DISTINCT a ORDER BY b) FILTER (WHERE c) OVER w")
    assert isinstance(node, exp.Window) and node.args["alias"].name == "w"
    assert isinstance(node.this, exp.Filter) and node.this.expression.this.name == "c"
    call = node.this.this
    assert isinstance(call.expressions[0], exp.Distinct) and call.args["order"].expressions


@pytest.mark.parametrize(
    "text", ["last_value(x IGNORE NULLS) OVER w", "last_value(x) IGNORE NULLS OVER w"]
)
def test_ignore_nulls_wraps_the_call_wherever_it_stood(text: str) -> None:
    node = column(text)
    assert isinstance(node, exp.Window) and isinstance(node.this, exp.IgnoreNulls)
    assert isinstance(node.this.this, exp.Anonymous)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a + b * c", "a + (b * c)"),
        ("-a.b", "-(a.b)"),
        ("a = b AND c OR d", "((a = b) AND c) OR d"),
        ("NOT a = b AND c", "(NOT (a = b)) AND c"),
        ("a ?? b = c", "a ?? (b = c)"),
        ("a BETWEEN 1 AND 2 AND c", "(a BETWEEN 1 AND 2) AND c"),
        ("a = b IS NULL", "(a = b) IS NULL"),
        ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
        ("a || b + c", "(a || b) + c"),
        ("a IS DISTINCT FROM b ?? c", "(a IS DISTINCT FROM b) ?? c"),
        ("a ?? b NOT IN (1)", "a ?? (b NOT IN (1))"),
        ("-1::int", "(-1)::int"),
        ("a - -b", "a - (-b)"),
        ("x -> x > 1 ? a : b", "x -> (x > 1 ? a : b)"),
        ("INTERVAL 1 + 2 DAY", "INTERVAL (1 + 2) DAY"),
    ],
)
def test_operators_bind_as_hogql_has_them(text: str, same: str) -> None:
    def bare(node: Any) -> Any:
        if isinstance(node, exp.Paren):
            return bare(node.this)
        if isinstance(node, list):
            return [bare(part) for part in node]
        if not isinstance(node, exp.Expr):
            return node
        return type(node).__name__, {key: bare(value) for key, value in node.args.items()}

    assert bare(column(text)) == bare(column(same))


def test_an_operators_own_not_is_told_from_a_not_in_front() -> None:
    for text in (
        "a NOT IN (1)",
        "a NOT LIKE 'x'",
        "a !~ 'x'",
        "a IS NOT NULL",
        "a NOT BETWEEN 1 AND 2",
    ):
        node = column(text)
        assert isinstance(node, exp.Not) and node.meta["infix"], text
    assert "infix" not in column("NOT a IN (1)").meta


def test_in_takes_a_list_a_query_or_one_value() -> None:
    assert [part.name for part in column("a IN (1, 2)").expressions] == ["1", "2"]
    assert isinstance(column("a IN (SELECT 1)").args["query"], exp.Subquery)
    assert column("a IN xs").args["field"].name == "xs"
    assert (
        column("a IN COHORT 5").args["cohort"]
        and column("a IN COHORT 5").expressions[0].name == "5"
    )


def test_casts_keep_the_text_of_their_type() -> None:
    assert (
        column("CAST(a AS Array( Nullable(String) ))").args["to"].meta["type_text"]
        == "Array( Nullable(String) )"
    )
    assert (
        column("a::timestamp  with time zone").args["to"].meta["type_text"]
        == "timestamp with time zone"
    )
    assert isinstance(column("TRY_CAST(a AS int)"), exp.TryCast)
    assert column("DATE '2024-01-02'").args["to"].meta["type_text"] == "Date"


def test_intervals_are_an_amount_and_a_unit() -> None:
    for text in ("INTERVAL 7 DAY", "INTERVAL '7 days'", "INTERVAL '7' DAY"):
        node = column(text)
        assert (
            isinstance(node, exp.Interval)
            and node.this.name == "7"
            and node.args["unit"].name == "DAY"
        )


def test_special_forms_become_the_calls_they_stand_for() -> None:
    assert column("SUBSTRING(s FROM 2 FOR 3)") == column("SUBSTRING(s, 2, 3)")
    assert column("trim(BOTH 'x' FROM s)") == column("trim(s, 'x')")
    assert column("TRIM(LEADING 'x' FROM s)") == column("trimLeft(s, 'x')")
    assert column("position('a' IN s)") == column("position(s, 'a')")
    extract = column("EXTRACT(day FROM t)")
    assert extract.this == "__extract" and extract.expressions[0].name == "day"
    assert column("extract(day, t)").this == "extract"


def test_dicts_tags_templates_and_placeholders() -> None:
    assert column("{'a': 1}").this == "__dict" and len(column("{'a': 1}").expressions) == 2
    tag = column("<A b='c' d={1} e/>")
    assert tag.this == "__hx" and tag.expressions[0].name == "A"
    assert [part.this.name for part in tag.expressions[1:]] == ["b", "d", "e"]
    template = column("f'a {b}'")
    assert template.this == "concat" and template.meta["fstring"] and len(template.expressions) == 2
    assert isinstance(column("{a.b}"), exp.Placeholder) and isinstance(
        column("{a.b}").this, exp.Dot
    )


def test_strings_and_numbers_are_their_values() -> None:
    assert column(r"'it''s\n\\d\''").name == "it's\n\\d'"
    assert [column(text).name for text in ("0x1F", "0b11", "017", ".5", "5.", "inf")] == [
        "31",
        "3",
        "17",
        "0.5",
        "5.0",
        "inf",
    ]
    assert isinstance(column("-1"), exp.Neg)


def test_lambdas_in_all_spellings_are_one() -> None:
    trees = [
        column(text) for text in ("f((x, y) -> x + y)", "f(x, y -> x + y)", "f(lambda x, y: x + y)")
    ]
    assert trees[0] == trees[1] == trees[2]
    assert [name.name for name in trees[0].expressions[0].expressions] == ["x", "y"]


def test_a_table_keeps_its_parts() -> None:
    table = select("SELECT 1 FROM a.`b.c`.d AS x FINAL SAMPLE 1/10").args["from_"].this
    assert table.meta["parts"] == ["a", "b.c", "d"] and table.args["alias"].name == "x"
    assert table.args["final"] and isinstance(table.args["sample"].args["size"], exp.Div)


def test_table_functions_subqueries_and_values() -> None:
    assert isinstance(select("SELECT 1 FROM numbers(3)").args["from_"].this.this, exp.Anonymous)
    assert isinstance(select("SELECT 1 FROM (SELECT 2) AS x").args["from_"].this, exp.Subquery)
    values = select("SELECT 1 FROM (VALUES (1), (2)) AS v (a)").args["from_"].this
    assert isinstance(values, exp.Values) and [
        name.name for name in values.args["alias"].args["columns"]
    ] == ["a"]


@pytest.mark.parametrize(
    ("text", "kind", "side", "method"),
    [
        ("JOIN", "", None, None),
        ("INNER JOIN", "INNER", None, None),
        ("LEFT OUTER JOIN", "", "LEFT", None),
        ("ANY LEFT JOIN", "", "LEFT", "ANY"),
        ("LEFT ANY JOIN", "", "LEFT", "ANY"),
        ("SEMI LEFT JOIN", "SEMI", "LEFT", None),
        ("ANTI JOIN", "ANTI", None, None),
        ("ASOF JOIN", "", None, "ASOF"),
        ("NATURAL JOIN", "", None, "NATURAL"),
        ("POSITIONAL JOIN", "POSITIONAL", None, None),
        ("GLOBAL ALL INNER JOIN", "INNER", None, None),
    ],
)
def test_joins_say_kind_side_and_method(
    text: str, kind: str, side: str | None, method: str | None
) -> None:
    join = select(f"SELECT 1 FROM a {text} b ON a.x = b.x").args["joins"][0]
    assert (join.args["kind"], join.args.get("side"), join.args.get("method")) == (
        kind,
        side,
        method,
    )
    assert isinstance(join.args["on"], exp.EQ)


def test_a_comma_joins_too() -> None:
    join = select("SELECT 1 FROM a, b").args["joins"][0]
    assert join.args["kind"] == "CROSS" and join.args["comma"]


def test_the_second_on_belongs_to_the_first_join() -> None:
    (join,) = select("SELECT 1 FROM a JOIN b JOIN c ON x ON y").args["joins"]
    assert join.args["on"].name == "y" and isinstance(join.this, exp.Paren)
    (inner,) = join.this.this.args["joins"]
    assert inner.args["on"].name == "x"


def test_limits_in_all_their_orders() -> None:
    tree = select("SELECT a FROM t LIMIT 2 OFFSET 1 BY b LIMIT 10 % WITH TIES OFFSET 3")
    assert [part.name for part in tree.args["limit_by"].expressions] == ["2", "1", "b"]
    assert tree.args["limit"].expression.name == "10" and tree.args["offset"].expression.name == "3"
    assert tree.args["limit"].args["limit_options"].args == {"percent": True, "with_ties": True}
    swapped = select("SELECT a FROM t LIMIT 10, 3")
    assert (
        swapped.args["limit"].expression.name == "10"
        and swapped.args["offset"].expression.name == "3"
    )
    assert [
        part.name for part in select("SELECT a FROM t LIMIT 1, 2 BY b").args["limit_by"].expressions
    ] == ["2", "1", "b"]


def test_grouping_by_everything_and_by_sets() -> None:
    assert select("SELECT a FROM t GROUP BY ALL").args["group"].args["all"]
    group = select("SELECT a FROM t GROUP BY a, b WITH ROLLUP WITH TOTALS").args["group"]
    assert (
        group.args["totals"]
        and len(group.args["rollup"][0].expressions) == 2
        and not group.expressions
    )
    assert (
        len(
            select("SELECT a FROM t GROUP BY GROUPING SETS ((a), ())")
            .args["group"]
            .args["grouping_sets"][0]
            .expressions
        )
        == 2
    )


def test_order_and_limit_after_a_set_operation_are_for_the_whole() -> None:
    tree = parse_select(
        "WITH a AS (SELECT 1) SELECT x FROM a UNION ALL SELECT 2 ORDER BY x LIMIT 3"
    )
    assert isinstance(tree, exp.Union) and not tree.args["distinct"]
    assert tree.args["order"] and tree.args["limit"] and tree.args["with_"]
    assert not tree.this.args.get("with_") and not tree.expression.args.get("limit")


def test_intersect_binds_tighter_than_union() -> None:
    tree = parse_select("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3 EXCEPT SELECT 4")
    assert isinstance(tree, exp.Except) and isinstance(tree.this, exp.Union)
    assert isinstance(tree.this.expression, exp.Intersect) and tree.this.args["distinct"]


def test_a_limit_on_top_of_a_limit_keeps_both() -> None:
    tree = select("(SELECT a FROM t LIMIT 5) LIMIT 3")
    assert tree.args["limit"].expression.name == "3"
    assert tree.args["from_"].this.this.args["limit"].expression.name == "5"


def test_common_tables_know_what_they_are() -> None:
    with_ = select("WITH RECURSIVE a (x) AS MATERIALIZED (SELECT 1), 2 AS b SELECT 1").args["with_"]
    table, value = with_.expressions
    assert (
        with_.args["recursive"]
        and table.args["materialized"] is True
        and not table.args.get("scalar")
    )
    assert value.args["scalar"] and value.args["alias"].this.name == "b" and value.this.name == "2"


def test_a_place_covers_the_text_it_came_from() -> None:
    text = "SELECT upper(a) AS b FROM events WHERE a.b = 'x' GROUP BY 1"
    tree = select(text)

    def source(node: exp.Expr) -> str:
        return text[node.meta["start"] : node.meta["end"]]

    assert source(tree) == text
    assert (
        source(tree.expressions[0]) == "upper(a) AS b"
        and source(tree.expressions[0].this) == "upper(a)"
    )
    assert (
        source(tree.args["where"].this) == "a.b = 'x'"
        and source(tree.args["from_"].this) == "events"
    )
