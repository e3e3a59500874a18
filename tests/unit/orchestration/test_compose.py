from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.execution.api import create_execution_plan
from dagster._core.remote_representation.external_data import RepositorySnap
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, Source, SyncMode
from pwh_assets.core.view import SavedQuery
from pwh_assets.orchestration.compose import compose
from pwh_assets.orchestration.failures import failure_of
from pwh_assets.orchestration.names import MOST_JOBS
from pwh_assets.orchestration.one_job import definitions_for
from pwh_assets.orchestration.watcher import Trouble

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=90)


def definitions(*inventories):
    nothing = {name: object() for name in ("platform", "lake", "hogql", "dbt", "secrets")}
    return compose(inventories, nothing)


def test_one_schedule_per_source_and_rhythm(make_table, inventory_of):
    shop = Source("s2", 1, "postgres", prefix="shop_")
    tables = [
        make_table("invoice"),
        make_table("customer"),
        make_table("price", frequency=Frequency("24hour", "02:30")),
        make_table("orders", shop),
        make_table("paused", shop, should_sync=False),
        make_table("gone", shop, is_missing=True, frequency=Frequency("5min")),
    ]
    repository = definitions(inventory_of(tables)).get_repository_def()
    schedules = {each.name: each for each in repository.schedule_defs}
    assert set(schedules) == {
        "sync_stripe_every_6hour",
        "sync_stripe_every_24hour_at_0230",
        "sync_postgres_shop_every_6hour",
        "maintain_lake_nightly",
    }
    assert schedules["sync_stripe_every_24hour_at_0230"].cron_schedule == "30 2 * * *"
    assert all(each.execution_timezone == "UTC" for each in schedules.values())
    assert {each.default_status for each in schedules.values()} == {
        dg.DefaultScheduleStatus.RUNNING
    }


def test_sensors_are_on_and_there_is_one_per_kind_of_source(make_table, inventory_of):
    other = Source("s2", 1, "stripe", prefix="eu_")
    tables = [make_table("invoice"), make_table("invoice", other)]
    sensors = definitions(inventory_of(tables)).get_repository_def().sensor_defs
    assert sorted(each.name for each in sensors) == [
        "changes_in_stripe",
        "dbt_projects",
        "product_data",
    ]
    assert {each.default_status for each in sensors} == {dg.DefaultSensorStatus.RUNNING}


def test_many_sources_share_a_job_and_keep_their_own_place_in_the_queue(make_table, inventory_of):
    sources = [Source(f"s{n}", 1, "stripe", prefix=f"shop{n}_") for n in range(MOST_JOBS + 1)]
    inventory = inventory_of([make_table("invoice", source) for source in sources])
    repository = definitions(inventory).get_repository_def()
    names = {job.name for job in repository.get_all_jobs()} - {"__ASSET_JOB"}
    assert names == {"sync", "maintain_lake"}
    assert len(repository.schedule_defs) == len(sources) + 1


@pytest.mark.parametrize("job", ["sync_stripe", "build_views", "maintain_lake"])
def test_one_job_by_itself_is_what_it_is_among_all_others(make_table, inventory_of, job):
    shop = Source("s2", 1, "postgres", prefix="shop_")
    tables = [make_table("invoice"), make_table("customer"), make_table("orders", shop)]
    views = [SavedQuery("v1", 1, "big", "SELECT id FROM stripe_invoice", is_materialized=True)]
    inventory = inventory_of(tables, views)
    nothing = {name: object() for name in ("platform", "lake", "hogql", "dbt", "secrets")}
    alone = definitions_for(inventory, job, nothing).resolve_job_def(job)
    among_all = definitions(inventory).resolve_job_def(job)
    assert alone.get_job_snapshot() == among_all.get_job_snapshot()


def test_of_a_job_only_what_a_run_takes_is_defined_and_runs_in_its_order(make_table, inventory_of):
    tables = [make_table("invoice"), make_table("customer")]
    views = [
        SavedQuery("v1", 1, "zero", "SELECT id FROM stripe_invoice", is_materialized=True),
        SavedQuery("v2", 1, "between", "SELECT id FROM zero", inputs=("zero",)),
        SavedQuery("v3", 1, "after", "SELECT id FROM between", inputs=("between",)),
        SavedQuery("v4", 1, "other", "SELECT id FROM stripe_invoice", is_materialized=True),
    ]
    views[2] = replace(views[2], is_materialized=True)
    inventory = inventory_of(tables, views)
    nothing = {name: object() for name in ("platform", "lake", "hogql", "dbt", "secrets")}
    for job, paths, steps in (
        ("sync_stripe", [["stripe", "invoice"]], [["stripe_tables"]]),
        ("build_views", [["views", "zero"], ["views", "after"]], [["view_zero"], ["view_after"]]),
    ):
        only = {dg.AssetKey(path) for path in paths}
        part = definitions_for(inventory, job, nothing, only=only).resolve_job_def(job)
        assert part.asset_layer.executable_asset_keys == only
        levels = create_execution_plan(part).get_steps_to_execute_by_level()
        assert [[step.key for step in level] for level in levels] == steps


def test_checks_block_and_follow_the_mode(make_table, inventory_of):
    tables = [
        make_table("merged"),
        make_table("added", mode=SyncMode.APPEND),
        make_table("keyless", primary_key=(), mode=SyncMode.FULL),
    ]
    graph = definitions(inventory_of(tables)).resolve_asset_graph()
    checks = {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys}
    assert checks - {("maintenance", "lake_is_whole")} == {
        ("merged", "columns_as_declared"),
        ("merged", "key_is_unique"),
        ("added", "columns_as_declared"),
        ("added", "key_is_present"),
        ("keyless", "columns_as_declared"),
    }
    for key in graph.asset_check_keys:
        assert graph.get_check_spec(key).blocking == (key.name != "lake_is_whole")


def test_views_dagster_could_not_tell_apart_still_load(make_view, inventory_of):
    views = [
        make_view("a.b", is_materialized=True),
        make_view("a_b", is_materialized=True),
        make_view("A_b", is_materialized=True),
    ]
    defs = definitions(inventory_of([], views))
    assert len(defs.resolve_job_def("build_views").asset_layer.selected_asset_keys) == 3


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition:DeprecationWarning")
@settings(
    max_examples=60,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(prefix=TEXT, name=TEXT, description=TEXT, column=TEXT, kind=TEXT, owner=TEXT, sql=TEXT)
def test_no_text_a_user_or_a_source_can_write_stops_dagster_from_loading(
    make_table, make_view, inventory_of, prefix, name, description, column, kind, owner, sql
):
    source = Source("s", 1, "postgres", prefix=prefix, description=description)
    table = make_table(name, source, description=description, columns=(Column(column, kind),))
    view = SavedQuery("v", 1, "v", sql, owner=owner, description=description, is_materialized=True)
    plain = replace(view, id="w", name="w", is_materialized=False, inputs=("v",))
    defs = definitions(inventory_of([table], [view, plain]))
    repository_snapshot_of(defs)


def repository_snapshot_of(defs):
    """What a code server makes of definitions."""
    return RepositorySnap.from_def(defs.get_repository_def(), defer_snapshots=True)


def test_projects_live_beside_each_other(make_table, inventory_of):
    other = make_table("invoice", Source("s7", 7, "stripe"))
    defs = definitions(inventory_of([make_table("invoice")]), inventory_of([other], project_id=7))
    names = {job.name for job in defs.get_repository_def().get_all_jobs()}
    assert {"sync_stripe", "project_7_sync_stripe", "project_7_maintain_lake"} <= names


def test_a_failure_names_the_tables_and_their_causes():
    failure = failure_of("stripe", "table", {"stripe_invoice": Trouble("No answer.", "x")}, 6)
    assert (
        "1 of 6 tables of `stripe` failed: `stripe_invoice`. The others are fresh."
        in failure.description
    )
    assert "`stripe_invoice`: No answer." in failure.description
    assert failure.metadata["stripe_invoice"].value == "[x] No answer."


def test_a_foreign_error_tells_its_kind_and_not_its_text():
    trouble = Trouble.of(ValueError("password=hunter2"))
    assert "ValueError" in trouble.text and "hunter2" not in trouble.text
