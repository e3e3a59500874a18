"""Runs as `pwh sync` and `pwh view run` start them: on real sources, seen again through Dagster's own instance."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import duckdb
import psycopg
import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import Column, TableStatus
from pwh_assets.definitions import build_defs
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.lake import Lake
from pwh_assets.orchestration import retry
from pwh_assets.orchestration import run as running
from pwh_assets.orchestration.instance import instance_for
from pwh_assets.orchestration.names import maintenance_job_name
from pwh_assets.orchestration.processes import fail_dead_runs, forget_old_runs
from pwh_assets.orchestration.run import (
    PlainViewError,
    run_sync,
    run_views,
)
from pwh_assets.orchestration.watcher import Watcher
from pwh_assets.platform import open_platform
from pwh_assets.resources.hogql import HogQLService
from pwh_assets.resources.lake import LakeReader
from pwh_assets.services.models import runner
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.settings import Settings

pytestmark = pytest.mark.filterwarnings("default")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def postgres():
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def sql(postgres):
    """Runs SQL at the source; each test has its own schema."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS app CASCADE")
        connection.execute("CREATE SCHEMA app")
        for name in ("users", "orders", "plans"):
            connection.execute(
                f"CREATE TABLE app.{name} (id bigint primary key, name text, updated_at timestamptz)"
            )
            connection.execute(
                f"INSERT INTO app.{name} SELECT i, 'n' || i, now() FROM generate_series(1, 100) i"
            )
        yield connection.execute


@pytest.fixture
def platform(tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    environ = {"PWH_HOME": str(tmp_path / "home"), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    opened = open_platform(Settings.from_env(environ))
    yield opened
    opened.lakes.close()
    opened.store.close()


@pytest.fixture
def app(platform, postgres, sql):
    create_source(platform, 1, body(postgres))
    return platform


def body(postgres):
    facts = {
        name: getattr(postgres, name) for name in ("host", "port", "database", "user", "password")
    }
    return {"source_type": "Postgres", "prefix": "app_", "payload": {**facts, "schema": "app"}}


def table(platform, name):
    return platform.store.find_table(1, name)


def materializations(platform, *path):
    with instance_for(platform.settings) as instance:
        found = instance.fetch_materializations(dg.AssetKey(list(path)), limit=20).records
        return [record.asset_materialization for record in found]


def test_a_sync_is_a_run_with_materializations_and_checks(app):
    outcome = run_sync(app, app.store.tables(1))
    assert outcome.is_ok and len(outcome.run_ids) == 1
    assert [each.name for each in outcome.outcomes] == ["app_orders", "app_plans", "app_users"]
    (made,) = materializations(app, "postgres_app", "users")
    metadata = {key: value.value for key, value in made.metadata.items()}
    assert metadata["dagster/row_count"] == metadata["rows_synced"] == 100
    assert metadata["dagster/table_name"] == "lake.postgres_app.users"
    assert metadata["bytes"] > 0 and metadata["duration_s"] > 0
    assert metadata["cursor_before"] == "none" and metadata["cursor_after"] != "none"
    assert (metadata["columns_added"], metadata["columns_missing"]) == ("none", "none")
    assert metadata["dlt/resource"] == "users"
    assert [column.name for column in metadata["dagster/column_schema"].columns] == [
        "id",
        "name",
        "updated_at",
    ]
    lineage = metadata["dagster/column_lineage"].deps_by_column["name"]
    assert lineage[0].asset_key.path == ["external", "postgres_app", "users"]
    with instance_for(app.settings) as instance:
        run = instance.get_run_by_id(outcome.run_ids[0])
        assert run.job_name == "sync_postgres_app" and run.is_success
        key = dg.AssetCheckKey(dg.AssetKey(["postgres_app", "users"]), "key_is_unique")
        checks = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
        assert checks[key].status.value == "SUCCEEDED"
    passed = {(each.name, each.passed) for each in app.store.latest_checks(1)}
    assert passed == {("columns_as_declared", True), ("key_is_unique", True)}


def test_a_broken_table_fails_alone_and_says_why(app, sql):
    sql("DROP TABLE app.plans")
    outcome = run_sync(app, app.store.tables(1))
    assert [each.name for each in outcome.failed] == ["app_plans"]
    assert "plans" in outcome.failed[0].trouble.text
    assert len(materializations(app, "postgres_app", "users")) == 1
    assert not materializations(app, "postgres_app", "plans")
    with instance_for(app.settings) as instance:
        run = instance.get_run_by_id(outcome.run_ids[0])
        assert run.status is dg.DagsterRunStatus.FAILURE
        failed = [
            record.event_log_entry.dagster_event
            for record in instance.get_records_for_run(run.run_id).records
            if record.event_log_entry.dagster_event
            and record.event_log_entry.dagster_event.is_step_failure
        ]
    words = failed[0].step_failure_data.user_failure_data.description
    assert "1 of 3 tables of `postgres_app` failed: `app_plans`. The others are fresh." in words
    assert app.store.find_table(1, "app_plans").status is TableStatus.FAILED


def test_a_later_run_takes_only_what_is_new_and_the_contract_is_not_read_again(app, sql):
    users = [table(app, "app_users")]
    run_sync(app, users)
    again = run_sync(app, users).outcomes[0].result
    assert again.rows_synced == 0 and again.row_count == 100
    sql("INSERT INTO app.users VALUES (101, 'new', now() + interval '1 second')")
    third = run_sync(app, users).outcomes[0].result
    assert 1 <= third.rows_synced < 100 and third.row_count == 101
    full = run_sync(app, users, full=True).outcomes[0].result
    assert full.rows_synced == 101
    made = materializations(app, "postgres_app", "users")
    versions = [each.tags["dagster/data_version"] for each in made]
    assert versions[3] == versions[2] != versions[1] != versions[0]
    counts = [
        made.metadata["rows_synced"].value
        for made in materializations(app, "postgres_app", "users")
    ]
    assert counts == [101, third.rows_synced, 0, 100]


def test_a_source_that_is_down_is_tried_again_once_and_not_table_by_table(app, postgres):
    source = app.store.sources(1)[0]
    app.store.update_source(source.id, config={**source.config, "port": 1})

    class Counting(Watcher):
        retries = 0

        def retrying(self, subject, error, attempt, wait_s):
            self.retries += 1

    watcher = Counting()
    outcome = run_sync(app, app.store.tables(1), watcher=watcher)
    assert len(outcome.failed) == 3
    assert {each.trouble.code for each in outcome.failed} == {"source_unavailable"}
    assert watcher.retries == 2
    assert postgres.password not in str(outcome)


def test_a_broken_contract_fails_the_run_and_stops_its_views(app, sql):
    users = [table(app, "app_users")]
    run_sync(app, users)
    save_view(app, 1, "names", "SELECT name FROM app_users")
    save_view(app, 1, "names_daily", "SELECT name FROM names")
    materialize_view(app, 1, "names_daily", "24hour")
    view = app.store.view(1, "names_daily")
    assert run_views(app, [view]).is_ok
    app.store.update_table(users[0].id, mode="full")
    with app.lakes.of(1).write() as connection:
        connection.execute(
            "INSERT INTO lake.postgres_app.users SELECT * FROM lake.postgres_app.users"
        )
    app.store.update_table(users[0].id, primary_key=("name",), mode="append")
    app.store.update_table(users[0].id, mode="full")
    sql("ALTER TABLE app.users ADD COLUMN twin text DEFAULT 'same'")
    sql("UPDATE app.users SET name = 'same' WHERE id <= 3")
    outcome = run_sync(app, users)
    assert not outcome.failed and not outcome.is_ok
    (check,) = outcome.broken[0].failed_checks
    assert check.name == "key_is_unique" and check.details["surplus_rows"] == 2
    blocked = run_views(app, [view])
    assert blocked.failed[0].trouble.code == "broken_input"
    assert (
        "`app_users` breaks its key `name`: 2 rows repeat a key" in blocked.failed[0].trouble.text
    )
    sql("UPDATE app.users SET name = 'n' || id")
    assert run_sync(app, users).is_ok
    assert run_views(app, [view]).is_ok


def test_views_are_built_inputs_first_with_their_column_lineage(app, sql):
    run_sync(app, app.store.tables(1))
    save_view(app, 1, "named", "SELECT id AS user_id, upper(name) AS loud FROM app_users")
    save_view(app, 1, "plain", "SELECT loud FROM named")
    save_view(app, 1, "counted", "SELECT count() AS n, max(loud) AS top FROM plain")
    for name in ("named", "counted"):
        materialize_view(app, 1, name, "24hour")
    views = [app.store.view(1, name) for name in ("counted", "named")]
    assert run_views(app, views).is_ok
    sql("UPDATE app.users SET name = 'zz' WHERE id = 1")
    assert run_sync(app, [app.store.find_table(1, "app_users")], full=True).is_ok
    outcome = run_views(app, views)
    assert outcome.is_ok, outcome
    assert [(each.name, each.result.rows) for each in outcome.outcomes] == [
        ("counted", 1),
        ("named", 100),
    ]
    with app.lakes.of(1).read() as connection:
        place = ".".join(app.store.view(1, "counted").place)
        assert connection.execute(f"SELECT top FROM lake.{place}").fetchone() == ("ZZ",)
    made = materializations(app, "views", "named")[0]
    lineage = made.metadata["dagster/column_lineage"].value.deps_by_column
    assert lineage["loud"] == [dg.TableColumnDep(dg.AssetKey(["postgres_app", "users"]), "name")]
    with pytest.raises(PlainViewError):
        run_views(app, [app.store.view(1, "plain")])


def test_maintenance_verifies_the_lake(app):
    run_sync(app, app.store.tables(1))
    with instance_for(app.settings) as instance:
        job = build_defs(app).resolve_job_def(maintenance_job_name(1))
        result = job.execute_in_process(instance=instance)
        assert instance.get_run_by_id(result.run_id).is_success
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    (made,) = materializations(app, "lake", "maintenance")
    assert made.metadata["tables"].value >= 3
    assert [job.name for job in app.store.jobs(1, limit=1)] == ["lake maintenance"]


def test_a_run_that_began_by_itself_leaves_out_what_was_synced_while_it_waited(app, monkeypatch):
    class Meanwhile(Watcher):
        def started(self, subject):
            if subject.table_name == "app_orders":
                sync_table(app, table(app, "app_users"))

    monkeypatch.setattr(running, "TRIGGER_TAG", "dagster/sensor_name")
    outcome = run_sync(app, app.store.tables(1), watcher=Meanwhile())
    names = {table(app, name).id: name for name in ("app_orders", "app_plans", "app_users")}
    synced = sorted(names[job.subject_id] for job in app.store.jobs(1))
    assert synced == ["app_orders", "app_plans", "app_users"]
    assert [each.trouble.code for each in outcome.failed] == ["left_out"]
    assert statuses(app) == [dg.DagsterRunStatus.SUCCESS]
    monkeypatch.undo()
    assert run_sync(app, [table(app, "app_users")]).is_ok and len(app.store.jobs(1)) == 4


def test_two_sources_are_two_runs(app):
    invoices = [
        {"id": f"in_{n}", "object": "invoice", "created": 1_700_000_000 + n} for n in range(30)
    ]
    with StripeServer(data={"invoices": invoices}) as stripe:
        payload = {"api_key": stripe.api_key, "base_url": stripe.base_url}
        create_source(app, 1, {"source_type": "Stripe", "payload": payload})
        tables = [table(app, "stripe_invoice"), table(app, "app_users")]
        outcome = run_sync(app, tables)
    assert outcome.is_ok and len(set(outcome.run_ids)) == 2
    assert [each.name for each in outcome.outcomes] == ["stripe_invoice", "app_users"]


KILLED = """
import os, sys
from pwh_assets.platform import open_platform
from pwh_assets.orchestration.run import run_sync
from pwh_assets.orchestration.watcher import Watcher

class Tell(Watcher):
    def started(self, subject):
        print("started", flush=True)
        sys.stdin.readline()

platform = open_platform()
run_sync(platform, [platform.store.find_table(1, "app_users")], watcher=Tell())
"""


def started(platform):
    environ = {
        **os.environ,
        "PWH_HOME": str(platform.settings.home),
        "PWH_ALLOW_PRIVATE_HOSTS": "1",
    }
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "started\n"
    return child


def statuses(platform):
    with instance_for(platform.settings) as instance:
        return [run.status for run in instance.get_runs()]


def test_the_run_of_a_killed_process_is_failed_by_the_next(app):
    child = started(app)
    assert statuses(app) == [dg.DagsterRunStatus.STARTED]
    child.kill()
    child.communicate()
    outcome = run_sync(app, [table(app, "app_users")])
    assert outcome.is_ok
    assert statuses(app) == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def test_a_running_process_is_not_taken_for_dead(app):
    child = started(app)
    try:
        with instance_for(app.settings) as instance:
            assert fail_dead_runs(instance, app) == []
    finally:
        child.communicate("\n", timeout=60)
    assert statuses(app) == [dg.DagsterRunStatus.SUCCESS]


def test_ctrl_c_ends_the_run_too(app):
    child = started(app)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode != 0
    assert statuses(app)[0] in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def test_a_run_leaves_the_callers_signals_alone(app):
    def handler(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, handler)
    try:
        run_sync(app, [table(app, "app_users")])
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_ends_a_run_also_while_duckdb_works(app, monkeypatch):
    """DuckDB swallows what a signal's handler raises; the run must not go on with the next table."""
    begun = []

    def publish(lake, what):
        begun.append(what.table)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return duckdb.sql(
            "SELECT count(*) FROM range(10_000_000_000) WHERE random() < 0"
        ).fetchall()

    tables = [table(app, "app_users"), table(app, "app_orders")]
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "publish", publish)
        with pytest.raises(KeyboardInterrupt):
            run_sync(app, tables)
    assert len(begun) == 1
    assert {job.status for job in app.store.jobs(1)} == {JobStatus.CANCELLED}
    assert run_sync(app, tables).is_ok


def test_sigterm_ends_a_run_while_dbt_builds_and_no_other_view_is_begun(app, monkeypatch):
    """dbt takes what a signal's handler raises for a failure of the model."""
    for name in ("first", "second"):
        save_view(app, 1, name, "SELECT count() AS n FROM numbers(500000000) WHERE number % 7 = 3")
        materialize_view(app, 1, name)
    run_model = runner.run_model

    def interrupted(*given):
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return run_model(*given)

    monkeypatch.setattr(runner, "run_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_views(app, app.store.views(1))
    assert {view.status for view in app.store.views(1)} == {
        TableStatus.CANCELLED,
        TableStatus.NEVER_RUN,
    }


def test_runs_of_long_ago_are_forgotten_with_their_events(app):
    run_sync(app, [table(app, "app_users")])
    with instance_for(app.settings) as instance:
        assert forget_old_runs(instance) == 0
        time.sleep(0.05)
        assert forget_old_runs(instance, keep_days=0) == 1
        assert instance.get_runs() == []


def test_columns_wider_than_declared_and_new_ones_are_told(app, sql):
    users = [table(app, "app_users")]
    run_sync(app, users)
    sql("ALTER TABLE app.users ADD COLUMN age integer")
    sql("UPDATE app.users SET age = 7, updated_at = now() + interval '1 second'")
    outcome = run_sync(app, users)
    assert outcome.is_ok
    assert outcome.outcomes[0].result.columns_added == ("age",)
    made = materializations(app, "postgres_app", "users")[0]
    assert made.metadata["columns_added"].value == "age"
    assert Column("age", "INTEGER") in table(app, "app_users").columns


def test_assets_of_ones_own_ask_with_the_same_resources(app):
    run_sync(app, [table(app, "app_users")])

    @dg.asset
    def names(
        lake: dg.ResourceParam[LakeReader], hogql: dg.ResourceParam[HogQLService]
    ) -> dg.MaterializeResult:
        rows = hogql.query(1, "SELECT count() AS n FROM app_users").rows
        users = "lake.postgres_app.users"
        (stored,) = lake.connection(1).execute(f"SELECT count(*) FROM {users}").fetchone()
        plan = hogql.compile(1, "SELECT name FROM app_users")
        assert plan.columns[0].origins[0][:2] == ("app_users", "name")
        assert hogql.lineage(1, "app_users").upstream == ("postgres_app/users",)
        with pytest.raises(duckdb.Error):
            lake.connection(1).execute("DELETE FROM lake.postgres_app.users")
        return dg.MaterializeResult(metadata={"hogql": next(iter(rows))[0], "lake": stored})

    resources = build_defs(app).resources
    result = dg.materialize([names], resources=resources)
    (made,) = result.asset_materializations_for_node("names")
    assert made.metadata["hogql"].value == made.metadata["lake"].value == 100


def test_a_dlt_source_of_ones_own_gets_keys_like_ours():
    import dlt
    from dagster_dlt import dlt_assets

    from pwh_assets.resources.translator import SyncedTableTranslator

    source = dlt.source(lambda: dlt.resource([{"id": 1}], name="Line Items"), name="shop")()
    assets = dlt_assets(
        name="shop_tables",
        dlt_source=source,
        dlt_pipeline=dlt.pipeline("shop", destination="duckdb"),
        dagster_dlt_translator=SyncedTableTranslator(("shop",), "shop"),
    )(lambda: None)
    (spec,) = assets.specs
    assert spec.key.path == ["shop", "line_items"] and spec.group_name == "shop"
    assert [dep.asset_key.path for dep in spec.deps] == [["external", "shop", "line_items"]]
    assert spec.metadata["dlt/write_disposition"] == "append"
