"""Virtual tables and metrics from a file to answers that were computed by hand, on both engines."""

import re
from pathlib import Path

import pytest

from pwh_assets.core.view import ViewOrigin
from pwh_assets.errors import InvalidInputError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.lineage.tracing import lineage
from pwh_assets.services.semantic import (
    DocumentError,
    NotExportableError,
    StillReadError,
    apply_document,
    export_document,
    export_metricflow,
    metric_history,
    remove_metric,
    run_metric,
)
from pwh_assets.services.views.impact import impact_without
from pwh_assets.services.views.saved import ManagedViewError, ViewCycleError, save_view
from tests.e2e.homes import Warehouse, people

FILE = """\
virtual_tables:
  - name: enriched_orders
    base: warehouse.app_orders
    as: o
    joins:
      - {table: app_users, as: u, on: o.user_id = u.id}
    columns:
      - o.id
      - o.amount
      - {name: plan, expression: u.plan}
      - {name: at, expression: toDateTime('2026-01-01 00:00:00') + toIntervalDay(o.version)}
    description: Orders with the plan of who ordered
metrics:
  - name: Monthly Revenue
    source: enriched_orders
    query: SUM(amount) WHERE amount > 10
    dimensions: [plan]
    time: at
    grain: month
    owner: ann
  - name: orders
    source: enriched_orders
    measure: count
    dimensions: [plan, {name: size, expression: "if(amount > 25, 'big', 'small')"}]
    time: at
  - name: paid orders
    source: enriched_orders
    measure: count
    filter: plan = 'paid'
    dimensions: [plan]
    time: at
  - {name: users, source: app_users, query: COUNT(DISTINCT email), dimensions: [plan]}
  - {name: order value, numerator: monthly_revenue, denominator: orders}
  - {name: per user, numerator: orders, denominator: users}
  - {name: net, formula: "monthly_revenue - 2 * p", metrics: [{metric: paid_orders, as: p}]}
  - {name: revenue to date, cumulative: monthly_revenue}
  - {name: p90, source: enriched_orders, measure: quantile, expression: amount, level: 0.9}
"""
# id, user, amount, days after new year; even users are `paid`. User 9 is nobody we know.
ROWS = [
    (1, 0, 10.0, 0),
    (2, 0, 20.0, 1),
    (3, 1, 30.0, 2),
    (4, 2, 40.0, 31),
    (5, 3, 50.0, 32),
    (6, 9, 60.0, 59),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("metrics") / "home")
    warehouse.write("users", people(4))
    names = ("id", "user_id", "amount", "version")
    warehouse.write("orders", [dict(zip(names, row, strict=True)) for row in ROWS])
    done = apply_document(warehouse.platform, 1, FILE)
    assert len(done.added) == 10 and not done.changed
    yield warehouse
    warehouse.close()


ANSWERS = [
    ("SELECT value FROM metric('monthly_revenue')", [(200.0,)]),
    (
        "SELECT * FROM metric('Monthly Revenue', 'month', plan) ORDER BY time, plan",
        [
            ("2026-01-01", "free", 30.0),
            ("2026-01-01", "paid", 20.0),
            ("2026-02-01", "free", 50.0),
            ("2026-02-01", "paid", 40.0),
            ("2026-03-01", None, 60.0),
        ],
    ),
    (
        "SELECT toString(plan), value FROM metric('order_value', 'plan') WHERE plan IS NOT NULL ORDER BY plan",
        [("free", 40.0), ("paid", 20.0)],
    ),
    # Orders of nobody we know have no users to be divided by: the group is there, its ratio is not.
    (
        "SELECT plan, value FROM metric('per_user', plan) AS m ORDER BY plan IS NULL, plan",
        [("free", 1.0), ("paid", 1.5), (None, None)],
    ),
    (
        "SELECT value FROM metric('net', 'month') ORDER BY time",
        [(46.0,), (88.0,), (None,)],
    ),
    (
        "SELECT value FROM metric('revenue_to_date', 'month') ORDER BY time",
        [(50.0,), (140.0,), (200.0,)],
    ),
    ("SELECT value FROM metric('p90')", [(55.0,)]),
    (
        "SELECT plan, metric('order_value') AS v, metric('net') FROM enriched_orders AS o "
        "WHERE plan != '' GROUP BY plan HAVING metric('orders') > 1 ORDER BY v",
        [("paid", 20.0, 54.0), ("free", 40.0, 80.0)],
    ),
]


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_metrics_are_what_they_are_by_hand_on_every_engine(home, engine):
    for sql, rows in ANSWERS:
        assert home.ask(sql, engine=engine) == rows, sql
    found = run_metric(
        home.platform,
        1,
        "monthly revenue",
        by=["plan"],
        start="2026-01-02",
        end="2026-02-01",
        where=["plan = 'paid'"],
        engine=engine,
    )
    assert found.columns == ("time", "plan", "value")
    assert found.rows == [("2026-01-01", "paid", 20.0), ("2026-02-01", "paid", 40.0)]


def test_a_virtual_table_is_a_view_only_its_file_changes(home):
    view = home.store.view(1, "enriched_orders")
    assert view.origin is ViewOrigin.VIRTUAL and view.managed_by == "semantic"
    assert [column.name for column in view.columns] == ["id", "amount", "plan", "at"]
    assert view.inputs == ("app_orders", "app_users")
    with pytest.raises(ManagedViewError):
        save_view(home.platform, 1, "enriched_orders", "SELECT 1 AS a")


@pytest.mark.parametrize(
    ("sql", "where", "words"),
    [
        ("SELECT *\nFROM metric('orderz')", (2, 13), "Did you mean `orders`?"),
        ("SELECT * FROM metric('orders',\n 'month', 'nope')", (2, 11), "It has `plan`, `size`"),
        ("SELECT * FROM metric('per_user', 'day')", (1, 15), "Metric `users` has no time"),
        ("SELECT metric('orders') FROM app_users", (1, 8), "is not in this FROM"),
        ("SELECT metric('per_user') FROM enriched_orders", (1, 8), "`FROM metric('per_user', …)`"),
    ],
)
def test_a_mistake_has_its_place_and_a_way_out(home, sql, where, words):
    with pytest.raises(HogQLError) as caught:
        home.ask(sql)
    assert caught.value.problems[0].place(sql) == where
    assert words in str(caught.value)


def test_all_mistakes_of_a_file_are_told_at_once_by_line_and_column(home):
    text = """\
virtual_tables:
  - name: wrong
    query: |
      SELECT id,
        nmae FROM app_users
  - {name: one, query: SELECT * FROM two}
  - {name: two, query: SELECT * FROM one}
metrics:
  - {name: a, source: app_user, measure: count}
  - name: b
    source: app_users
    measure: sum
    expression: plans
    filters: [id > 1, "idd < 3"]
    time: plan
    grane: day
  - {name: c, formula: "b - nothing"}
  - {name: d, numerator: e, denominator: orders}
  - {name: e, numerator: d, denominator: orders}
  - {name: f, source: app_users, query: id + 1}
"""
    with pytest.raises(DocumentError) as caught:
        apply_document(home.platform, 1, text, file="metrics.yml")
    found = {(each.line, each.column): each.message for each in caught.value.mistakes}
    expected = {
        (5, 9): "nmae",
        (6, 12): "circle",
        (7, 12): "circle",
        (9, 23): "app_users",
        (13, 17): "plans",
        (14, 24): "idd",
        (15, 11): "date or a time",
        (16, 5): "grain",
        (17, 29): "`nothing`",
        (18, 12): "made of itself",
        (19, 12): "made of itself",
        (20, 41): "aggregate",
    }
    assert found.keys() == expected.keys()
    for place, words in expected.items():
        assert words in found[place], place
    assert str(caught.value).startswith("metrics.yml:5:9: ")
    assert home.store.find_view(1, "wrong") is None


def test_versions_lineage_impact_and_readers(home):
    again = apply_document(home.platform, 1, FILE)
    assert len(again.unchanged) == 10 and not (again.added or again.changed)
    view = save_view(home.platform, 1, "board", "SELECT * FROM metric('order_value', 'month')")
    assert "metric:order_value" in view.inputs
    traced = lineage(home.platform, 1, "order value")
    assert traced.downstream == ("board",)
    assert {"metric:monthly_revenue", "metric:orders", "enriched_orders", "app_users"} <= set(
        traced.upstream
    )
    impact = impact_without(home.platform, 1, "app_orders", ["amount"])
    broken = {each.view for each in impact.breaks}
    assert {"enriched_orders", "metric:monthly_revenue", "board"} <= broken
    own = impact_without(home.platform, 1, "app_users", ["email"])
    assert [each.view for each in own.breaks][:1] == ["metric:users"]
    assert "`email`" in own.breaks[0].message
    with pytest.raises(StillReadError) as caught:
        remove_metric(home.platform, 1, "order value")
    assert [name for name, _ in caught.value.breaks] == ["board"]
    with pytest.raises(StillReadError):
        apply_document(home.platform, 1, "metrics: []", prune=True)
    save_view(home.platform, 1, "loop", "SELECT id FROM app_orders")
    apply_document(home.platform, 1, "metrics: [{name: looped, source: loop, measure: count}]")
    with pytest.raises(ViewCycleError):
        save_view(home.platform, 1, "loop", "SELECT value AS id FROM metric('looped')")
    changed = apply_document(home.platform, 1, FILE.replace("amount > 10", "amount > 20"))
    assert changed.changed == ("metric:monthly_revenue",)
    versions = metric_history(home.platform, 1, "monthly_revenue")
    assert [each.definition.filters for each in versions] == [("amount > 10",), ("amount > 20",)]
    assert home.ask("SELECT value FROM metric('monthly_revenue')") == [(180.0,)]
    assert apply_document(home.platform, 1, export_document(home.platform, 1)).changed == ()
    apply_document(home.platform, 1, FILE)


METRICFLOW = """\
semantic_models:
  - name: orders
    model: ref('app_orders')
    defaults: {agg_time_dimension: ordered_at}
    entities:
      - {name: order, type: primary, expr: id}
    dimensions:
      - {name: buyer, type: categorical, expr: user_id}
      - {name: is_big, type: categorical, expr: amount > 25}
      - name: ordered_at
        type: time
        expr: toDateTime('2026-01-01 00:00:00') + toIntervalDay(version)
        type_params: {time_granularity: day}
    measures:
      - {name: revenue, agg: sum, expr: amount}
      - {name: order_count, agg: count, expr: "1"}
      - {name: p50, agg: median, expr: amount}
metrics:
  - name: big_revenue
    type: simple
    type_params: {measure: revenue}
    filter: "{{ Dimension('order__is_big') }} AND {{ TimeDimension('order__ordered_at', 'month') }} < toDate('2026-03-01')"
  - {name: mf_revenue, type: simple, type_params: {measure: {name: revenue}}}
  - {name: mf_orders, type: simple, type_params: {measure: order_count}}
  - {name: typical, type: simple, type_params: {measure: p50}}
  - {name: share, type: ratio, type_params: {numerator: big_revenue, denominator: mf_revenue}}
  - name: doubled
    type: derived
    type_params: {expr: 2 * r, metrics: [{name: mf_revenue, alias: r, filter: "{{ Dimension('order__buyer') }} = 0"}]}
  - name: so_far
    type: cumulative
    type_params: {measure: revenue, cumulative_type_params: {grain_to_date: year}}
"""


def test_metricflow_goes_in_and_out_with_the_same_meaning(home):
    apply_document(home.platform, 1, METRICFLOW, file="mf.yml")
    mine = ["big_revenue", "mf_revenue", "mf_orders", "typical", "share", "doubled", "so_far"]
    kept = {each.definition.key: each.definition for each in home.store.metrics(1)}
    by_hand = {"big_revenue": 120.0, "mf_revenue": 210.0, "mf_orders": 6, "typical": 35.0}
    by_hand |= {"share": 120 / 210, "doubled": 60.0}
    for name, value in by_hand.items():
        assert home.ask(f"SELECT value FROM metric('{name}')") == [(value,)], name
    found = home.ask("SELECT value FROM metric('so_far', 'month') ORDER BY time")
    assert found == [(60.0,), (150.0,), (210.0,)]
    written = export_metricflow(home.platform, 1, mine)
    again = apply_document(home.platform, 1, written)
    assert again.added == again.changed == ()
    now = {each.definition.key: each.definition for each in home.store.metrics(1)}
    assert now == kept and export_metricflow(home.platform, 1, mine) == written
    with pytest.raises(NotExportableError) as caught:
        export_metricflow(home.platform, 1, ["monthly_revenue"])
    assert [name for name, _ in caught.value.reasons] == ["monthly_revenue"]


def test_what_metricflow_means_otherwise_is_refused_by_name_and_place(home):
    text = METRICFLOW.replace("cumulative_type_params: {grain_to_date: year}", "window: 7 days")
    text = text.replace("order__buyer", "customer__region").replace(
        "type: ratio", "type: conversion"
    )
    with pytest.raises(DocumentError) as caught:
        apply_document(home.platform, 1, text)
    words = " ".join(each.message for each in caught.value.mistakes)
    assert "trailing `window`" in words and "customer__region" in words and "`conversion`" in words
    assert len(caught.value.mistakes) == 3


def test_a_metric_asked_wrongly_says_how(home):
    with pytest.raises(InvalidInputError, match="no grain"):
        run_metric(home.platform, 1, "orders", grain="fortnight")
    with pytest.raises(InvalidInputError, match="Write it as"):
        run_metric(home.platform, 1, "orders", start="yesterday")


PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_example_of_the_page_runs(tmp_path):
    warehouse = Warehouse(tmp_path / "home")
    try:
        warehouse.write("users", people(4))
        names = ("id", "user_id", "amount", "version")
        warehouse.write("orders", [dict(zip(names, row, strict=True)) for row in ROWS])
        blocks = re.findall(r"```(yaml|sql)\n(.*?)```", PAGE.read_text(), re.S)
        assert {kind for kind, _ in blocks} == {"yaml", "sql"}
        for kind, text in blocks:
            if kind == "yaml":
                apply_document(warehouse.platform, 1, text, file="docs/metrics.md")
            else:
                for query in filter(str.strip, text.split(";")):
                    assert warehouse.ask(query), query
    finally:
        warehouse.close()
