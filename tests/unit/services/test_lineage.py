import time

import pytest

from pwh_assets.core.source import Source, SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.services.lineage.graph import NodeKind, build_graph
from pwh_assets.services.lineage.tracing import LineageEdge, trace

APP = Source("s1", 1, "Postgres", "app_")


def table(name):
    return SyncedTable(f"id-{name}", APP, name)


def view(name, *inputs, materialized=True):
    return SavedQuery(f"id-{name}", 1, name, "", inputs=inputs, is_materialized=materialized)


def graph():
    return build_graph(
        1,
        [table("Users"), table("orders")],
        [
            view("plain", "postgres.app.users", "events", materialized=False),
            view("a", "PLAIN", "app_orders"),
            view("b", "a"),
            view("other", "app_orders"),
        ],
    )


def test_lineage_goes_from_the_source_to_the_last_reader():
    found = trace(graph(), graph().find("a"))
    assert [(n.name, n.depth) for n in found.nodes if n.depth < 0] == [
        ("postgres_app/Users", -3),
        ("app_users", -2),
        ("events", -2),
        ("postgres_app/orders", -2),
        ("app_orders", -1),
        ("plain", -1),
    ]
    assert found.downstream == ("b",)
    assert LineageEdge("app_users", "plain") in found.edges
    assert LineageEdge("app_orders", "other") not in found.edges


def test_a_synced_table_shows_its_source_and_every_reader():
    found = trace(graph(), graph().find("app_orders"))
    assert found.upstream == ("postgres_app/orders",)
    assert found.downstream == ("a", "other", "b")
    assert LineageEdge("plain", "a") not in found.edges


@pytest.mark.parametrize(
    "spelling",
    [
        "app_users",
        "APP_USERS",
        "postgres.app.users",
        "app_postgres_users",
        "postgres_app.users",
        "id-Users",
    ],
)
def test_a_table_is_found_by_every_spelling(spelling):
    assert graph().find(spelling).name == "app_users"


def test_an_external_table_is_found_by_source_and_name():
    node = graph().find("postgres_app/users")
    assert node.kind is NodeKind.EXTERNAL and node.asset_key == (
        "external",
        "postgres_app",
        "users",
    )


def test_names_that_nothing_has_are_kept_as_missing():
    lost = build_graph(1, [], [view("a", "gone", "events")])
    assert lost.missing == {"a": ("gone",)} and lost.inputs["a"] == ("events",)


def test_sessions_are_made_of_events():
    assert trace(graph(), graph().find("sessions")).upstream == ("events",)


def test_plain_json_values_come_out():
    import json

    shown = json.loads(json.dumps(trace(graph(), graph().find("b")).as_dict()))
    assert shown["name"] == "b" and {"source": "a", "target": "b"} in shown["edges"]
    assert shown["nodes"][-1]["asset_key"] == ["views", "b"]


def test_a_thousand_tables_and_five_hundred_views_answer_in_50_ms():
    tables = [table(f"t{i}") for i in range(1000)]
    views = []
    for i in range(500):
        above = (f"v{i - 1}",) if i % 12 else ()
        views.append(view(f"v{i}", *above, f"app_t{i * 2}", f"app_t{i * 2 + 1}"))
    best = 1e9
    for _ in range(3):
        started = time.process_time()
        built = build_graph(1, tables, views)
        found = trace(built, built.find("v11"))
        best = min(best, time.process_time() - started)
    assert len(found.upstream) == 11 + 24 * 2
    assert best < 0.05
