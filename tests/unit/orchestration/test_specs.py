from datetime import timedelta

import dagster as dg

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, Source, SyncMode
from pwh_assets.orchestration.specs import (
    external_spec,
    product_specs,
    synced_spec,
    view_spec,
    virtual_assets_allowed,
)


def test_a_synced_table_says_all_that_is_known_before_it_ran(make_table, inventory_of):
    table = make_table("invoice", description="What customers owe.")
    spec = synced_spec(inventory_of([table]), table)
    assert spec.key == dg.AssetKey(["stripe", "invoice"])
    assert [dep.asset_key.path for dep in spec.deps] == [["external", "stripe", "invoice"]]
    assert spec.group_name == "stripe"
    assert spec.kinds == {"stripe", "dlt", "ducklake"}
    assert spec.owners == ["team:data"]
    assert spec.skippable
    assert spec.tags["pwh/mode"] == "incremental"
    assert spec.metadata["dagster/table_name"] == "lake.stripe.invoice"
    schema = spec.metadata["dagster/column_schema"]
    assert [(column.name, column.type) for column in schema.columns] == [
        ("id", "BIGINT"),
        ("email", "VARCHAR"),
    ]
    assert schema.columns[0].constraints.unique and not schema.columns[0].constraints.nullable
    assert schema.columns[1].description == "Where"
    assert "rows past `created`, merged on `id`; every 6 hours" in spec.description


def test_freshness_comes_from_the_frequency(make_table, inventory_of):
    table = make_table("invoice", frequency=Frequency("1hour"))
    policy = synced_spec(inventory_of([table]), table).freshness_policy
    assert policy.fail_window.to_timedelta() == timedelta(hours=2, minutes=5)
    assert policy.warn_window.to_timedelta() == timedelta(hours=1, minutes=5)


def test_a_paused_or_missing_table_has_no_freshness_to_break(make_table, inventory_of):
    for changes, words in (
        ({"should_sync": False}, "paused"),
        ({"is_missing": True}, "no longer at the source"),
    ):
        table = make_table("invoice", **changes)
        spec = synced_spec(inventory_of([table]), table)
        assert spec.freshness_policy is None
        assert words in spec.description


def test_names_no_identifier_could_have_become_keys(make_table, inventory_of):
    source = Source("s", 1, "Postgres", prefix="Prod EU-")
    table = make_table("Order Items (2024)", source)
    inventory = inventory_of([table])
    assert synced_spec(inventory, table).key.path == ["postgres_prod_eu", "order_items_2024"]
    assert external_spec(inventory, table).key.path[0] == "external"
    assert synced_spec(inventory, table).group_name == "postgres_prod_eu"


def test_another_project_keeps_to_itself(make_table, inventory_of):
    table = make_table("invoice", Source("s", 7, "stripe"))
    spec = synced_spec(inventory_of([table], project_id=7), table)
    assert spec.key.path == ["7", "stripe", "invoice"]
    assert spec.group_name == "project_7_stripe"


def test_a_plain_view_is_virtual_and_a_materialized_one_is_a_table(
    make_table, make_view, inventory_of
):
    plain = make_view("paid", ["stripe_invoice"], owner="ada@example.com")
    kept = make_view("paid_daily", ["paid"], is_materialized=True, frequency=Frequency("24hour"))
    inventory = inventory_of([make_table("invoice")], [plain, kept])
    with virtual_assets_allowed():
        first, second = view_spec(inventory, plain), view_spec(inventory, kept)
    assert first.is_virtual and not second.is_virtual
    assert [dep.asset_key.path for dep in first.deps] == [["stripe", "invoice"]]
    assert [dep.asset_key.path for dep in second.deps] == [["views", "paid"]]
    assert first.freshness_policy is None and second.freshness_policy is not None
    assert first.owners == ["ada@example.com"]
    assert second.kinds == {"dbt", "sql", "ducklake"}
    assert "SELECT 1 AS n -- paid" in first.description


def test_owners_dagster_would_refuse_become_teams(make_view, inventory_of):
    view = make_view("v", owner="Growth & Co", is_materialized=True)
    assert view_spec(inventory_of([], [view]), view).owners == ["team:growth_co"]


def test_sessions_are_made_from_events(inventory_of):
    with virtual_assets_allowed():
        specs = {spec.key.path[-1]: spec for spec in product_specs(inventory_of())}
    assert [dep.asset_key.path for dep in specs["sessions"].deps] == [["product", "events"]]
    assert specs["sessions"].is_virtual and not specs["events"].is_virtual


def test_a_table_whose_columns_are_not_known_yet_has_no_schema(make_table, inventory_of):
    table = make_table("invoice", columns=(), primary_key=(), mode=SyncMode.FULL, cursor=None)
    spec = synced_spec(inventory_of([table]), table)
    assert "dagster/column_schema" not in spec.metadata
    assert "the whole table" in spec.description


def test_a_composite_key_is_not_called_unique_by_column(make_table, inventory_of):
    columns = (Column("a", "BIGINT"), Column("b", "BIGINT"))
    table = make_table("pairs", columns=columns, primary_key=("a", "b"))
    schema = synced_spec(inventory_of([table]), table).metadata["dagster/column_schema"]
    assert not any(column.constraints.unique for column in schema.columns)
    assert not any(column.constraints.nullable for column in schema.columns)
