"""Templates, handlers and suffixes become SQL."""

import pytest
from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg, Arg, Call, Fn, Unsupported, on
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import (
    UnsupportedFunction,
    arity,
    lambda_types,
    render,
    result_type,
)
from pwh_assets.hogql.types import BOOLEAN, DATE, FLOAT, INTEGER, STRING, Type, array

X = Arg('"x"', INTEGER, exp.column("x"))
OK = Arg('"ok"', BOOLEAN, exp.column("ok"))


def sql(name: str, *args: Arg, engine: str = "duckdb", **more: object) -> str:
    found = REGISTRY.aggregate(name)
    row, suffixes = found or (REGISTRY.find(name), ())
    assert row is not None
    return render(row, Call(name, engine, args, **more), suffixes)  # type: ignore[arg-type]


def test_a_template_is_filled_with_arguments_in_any_order() -> None:
    row = Fn("f", (3, None), INTEGER, "F.", on("g({1}, {0}, {2*}, {{}}, {*})", "g()"))
    args = [Arg(letter, INTEGER, exp.Null()) for letter in "abcd"]
    assert render(row, Call("f", "duckdb", args)) == "g(b, a, c, d, {}, a, b, c, d)"


def test_if_is_a_filter_and_several_conditions_are_one() -> None:
    assert sql("minIf", X, OK) == 'min("x") FILTER (WHERE "ok")'
    assert sql("minIf", X, OK, filter_sql="y > 1") == 'min("x") FILTER (WHERE (y > 1) AND ("ok"))'


def test_distinct_order_and_over_stand_where_the_engine_wants_them() -> None:
    assert (
        sql("min", X, distinct=True, over_sql="(PARTITION BY y)")
        == 'min(DISTINCT "x") OVER (PARTITION BY y)'
    )
    assert sql("min", X, over_sql="OVER (w)") == 'min("x") OVER (w)'
    assert 'list("x" ORDER BY y)' in sql("groupArray", X, order_sql="y")
    assert "arraySort(t -> (t.2)" in sql(
        "groupArray", X, engine="clickhouse", order_sql="y", order_keys=(("y", False),)
    )


def test_suffixes_go_to_clickhouse_own_names() -> None:
    assert (
        sql("uniqArrayIf", X, OK, engine="clickhouse") == 'uniqExactArray("x") FILTER (WHERE "ok")'
    )
    assert sql(
        "quantileState",
        X,
        engine="clickhouse",
        params=(Arg("0.9", FLOAT, exp.Literal.number(0.9)),),
    ) == ('quantileExactInclusiveState(0.9)("x")')


def test_what_an_engine_lacks_is_refused_by_name_and_reason() -> None:
    with pytest.raises(
        UnsupportedFunction, match="`sumState` does not run on DuckDB: aggregation states"
    ) as caught:
        sql("sumState", X)
    assert (caught.value.name, caught.value.engine) == ("sumState", "duckdb")
    row = Fn("f", (0, 0), INTEGER, "F.", on(Unsupported("it is too hard."), "f()"))
    with pytest.raises(UnsupportedFunction, match="it is too hard"):
        render(row, Call("f", "duckdb", ()))
    with pytest.raises(UnsupportedFunction, match="no equivalent"):
        render(row, Call("f", "mysql", ()))


def test_a_handler_that_objects_becomes_a_refusal() -> None:
    with pytest.raises(UnsupportedFunction, match="week"):
        sql(
            "toStartOfWeek", Arg('"d"', DATE, exp.column("d")), Arg('"m"', INTEGER, exp.column("m"))
        )


def test_types_follow_arguments_and_suffixes() -> None:
    row, suffixes = REGISTRY.aggregate("maxForEach") or (None, ())
    assert row is not None
    assert result_type(row, [Arg("a", array(STRING), exp.Null())], suffixes) == array(STRING)
    extract = REGISTRY.find("JSONExtract")
    assert extract is not None
    args = [
        Arg("a", STRING, exp.Null()),
        Arg("'Array(Float64)'", STRING, exp.Literal.string("Array(Float64)")),
    ]
    assert result_type(extract, args) == array(FLOAT)
    zone = REGISTRY.find("toTimeZone")
    assert zone is not None
    args = [
        Arg("t", Type("DateTime"), exp.Null()),
        Arg("'Asia/Tokyo'", STRING, exp.Literal.string("Asia/Tokyo")),
    ]
    assert result_type(zone, args).timezone == "Asia/Tokyo"


def test_lambdas_know_their_parameters() -> None:
    row = REGISTRY.find("arrayMap")
    assert row is not None
    assert list(lambda_types(row, [array(STRING), array(INTEGER)])) == [STRING, INTEGER]
    fold = REGISTRY.find("arrayFold")
    assert fold is not None
    assert list(lambda_types(fold, [array(STRING), INTEGER])) == [INTEGER, STRING]


def test_suffixes_change_how_many_arguments_there_are() -> None:
    row = REGISTRY.find("sum")
    assert isinstance(row, Agg)
    assert arity(row, ("If",)) == (2, 2)
    assert arity(row, ("ArgMax", "If")) == (3, 3)
    assert arity(row, ("If", "Merge")) == (1, 1)


def test_macros_have_our_prefix_and_different_names() -> None:
    names = [macro.split("MACRO ")[1].split("(")[0] for macro in DUCKDB_MACROS]
    assert all(name.startswith("hog_") for name in names)
    assert len(set(names)) == len(names)
