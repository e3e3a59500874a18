"""Checks as Dagster sees them: in a sync's run, in a view's build, on their own schedule."""

import dagster as dg
import psycopg
import pytest

from pwh_assets.core.quality import CheckState, CheckTrigger
from pwh_assets.core.source import SyncMode, TableStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.orchestration import retry
from pwh_assets.orchestration.compose import compose
from pwh_assets.orchestration.instance import in_process_instance, instance_for
from pwh_assets.orchestration.inventory import read_inventories
from pwh_assets.orchestration.run import run_sync, run_views
from pwh_assets.platform import open_platform
from pwh_assets.resources.parts import of_platform
from pwh_assets.services.hogql.query import run_query
from pwh_assets.services.quality import add_check
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.settings import Settings

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as found, psycopg.connect(found.dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA app")
        connection.execute("CREATE TABLE app.users (id bigint primary key, mail text, plan text)")
        connection.execute(
            "INSERT INTO app.users SELECT i, 'p' || i || '@example.com', 'free' FROM generate_series(1, 20) i"
        )
        yield found


@pytest.fixture(scope="module")
def app(server, tmp_path_factory):
    home = tmp_path_factory.mktemp("quality") / "home"
    environ = {"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    platform = open_platform(Settings.from_env(environ))
    facts = {
        name: getattr(server, name) for name in ("host", "port", "database", "user", "password")
    }
    payload = {**facts, "schema": "app"}
    create_source(platform, 1, {"source_type": "Postgres", "prefix": "app_", "payload": payload})
    yield platform
    platform.lakes.close()
    platform.store.close()


def evaluations(platform, path, name):
    """What Dagster keeps of a check, newest first: (passed, severity, description)."""
    with instance_for(platform.settings) as instance:
        key = dg.AssetCheckKey(dg.AssetKey(path), name)
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        found = [
            record.event.dagster_event.event_specific_data for record in records if record.event
        ]
        return [
            (each.passed, each.severity.value, each.description)
            for each in found
            if hasattr(each, "passed")
        ]


def test_a_table_s_checks_run_with_its_sync_block_its_readers_and_heal(app, server, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    users = app.store.find_table(1, "app_users")
    add_check(
        app, 1, "app_users", "accepted_values", {"column": "plan", "values": ["free", "paid"]}
    )
    add_check(app, 1, "app_users", "row_count", {"max": 5}, severity="warn")
    add_check(app, 1, "app_users", "not_null", {"columns": ["mail"]}, where="id > 5", every="1hour")
    outcome = run_sync(app, [users])
    assert outcome.is_ok, outcome
    path = ["postgres_app", "users"]
    assert evaluations(app, path, "accepted_values_plan") == [
        (True, "ERROR", "Every `plan` is among `free` and `paid`.")
    ]
    ((passed, severity, words),) = evaluations(app, path, "row_count")
    assert (passed, severity) == (False, "WARN") and "There are 20 rows; at most 5" in words
    assert evaluations(app, path, "not_null_mail")[0][0]

    save_view(app, 1, "plans", "SELECT plan, count() AS users FROM app_users GROUP BY plan")
    view = materialize_view(app, 1, "plans")
    assert run_views(app, [view]).is_ok

    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("UPDATE app.users SET plan = 'gold', mail = NULL WHERE id = 7")
        outcome = run_sync(app, [users], full=True)
        assert not outcome.is_ok and not outcome.failed
        (broken,) = outcome.broken
        assert {check.name for check in broken.failed_checks} == {
            "accepted_values_plan",
            "not_null_mail",
            "row_count",
        }
        assert not evaluations(app, path, "accepted_values_plan")[0][0]
        (failed,) = run_views(app, [view]).failed
        assert (
            failed.trouble.code == "broken_input"
            and "`accepted_values_plan`" in failed.trouble.text
        )
        connection.execute("UPDATE app.users SET plan = 'paid', mail = 'x' WHERE id = 7")
    app.store.update_table(users.id, mode=SyncMode.INCREMENTAL, cursor="id")
    assert run_sync(app, [users], full=True).is_ok
    assert run_sync(app, [users]).outcomes[0].result.rows_synced == 0
    asked = {}
    for run in app.store.check_runs(1, subject_id=users.id):
        asked[run.name] = asked.get(run.name, 0) + 1
    # What depends on the rows alone is not asked again when none moved; a failed warning and a filter are.
    assert asked == {"accepted_values_plan": 3, "row_count": 4, "not_null_mail": 4}
    assert len(evaluations(app, path, "accepted_values_plan")) == 4
    assert run_views(app, [view]).is_ok
    kept = run_query(app, 1, "SELECT plan, users FROM plans ORDER BY plan").rows
    assert [tuple(row) for row in kept] == [("free", 19), ("paid", 1)]


def test_an_audit_that_fails_is_an_asset_check_and_the_view_keeps_its_rows(app):
    save_view(app, 1, "few", "SELECT id, plan FROM app_users WHERE id <= 3")
    view = materialize_view(app, 1, "few")
    add_check(app, 1, "few", "row_count", {"max": 10})
    add_check(app, 1, "few", "unique", {"columns": ["plan"]}, severity="warn")
    assert run_views(app, [view]).is_ok
    path = ["views", "few"]
    assert evaluations(app, path, "row_count")[0][0]
    assert evaluations(app, path, "unique_plan")[0][:2] == (False, "WARN")
    save_view(app, 1, "few", "SELECT id, plan FROM app_users")
    (failed,) = run_views(app, [view]).failed
    assert failed.trouble.code == "quality_failed" and "`row_count`" in failed.trouble.text
    passed, severity, words = evaluations(app, path, "row_count")[0]
    assert (passed, severity) == (False, "ERROR") and "There are 20 rows" in words
    assert run_query(app, 1, "SELECT count() FROM few").rows == [(3,)]
    assert app.store.view(1, "few").status is TableStatus.FAILED
    assert app.store.jobs(1, subject_id=view.id)[0].error_code == "quality_failed"

    # Asked alone, as by a click in Dagster's UI, the checks look at the rows there are, and nothing is built.
    definitions = compose(read_inventories(app, [1]), of_platform(app))
    alone = {dg.AssetCheckKey(dg.AssetKey(path), "row_count")}
    job = definitions.resolve_job_def("build_views").get_subset(asset_check_selection=alone)
    with in_process_instance(app.settings) as instance:
        result = job.execute_in_process(instance=instance)
    assert result.success and not result.get_asset_materialization_events()
    passed, _, words = evaluations(app, path, "row_count")[0]
    assert passed and "There are 3 rows" in words


def test_checks_on_a_schedule_and_of_plain_views_are_reported_as_their_assets_checks(app):
    save_view(app, 1, "mails", "SELECT id, mail FROM app_users")
    add_check(app, 1, "mails", "not_null", {"columns": ["mail"]}, every="24hour")
    add_check(app, 1, "events", "row_count", {"min": 1}, severity="warn", every="24hour")
    definitions = compose(read_inventories(app, [1]), of_platform(app))
    schedules = {each.name: each for each in definitions.schedules}
    daily = schedules["check_quality_every_24hour"]
    assert daily.cron_schedule == "0 0 * * *" and "check_quality_every_1hour" in schedules
    with in_process_instance(app.settings) as instance:
        with dg.build_schedule_context(instance=instance) as context:
            request = daily.evaluate_tick(context).run_requests[0]
        job = definitions.resolve_job_def(daily.job_name)
        assert job.execute_in_process(instance=instance, run_config=request.run_config).success
        standing = definitions.resolve_implicit_global_asset_job_def()
        key = dg.AssetCheckKey(dg.AssetKey(["views", "mails"]), "not_null_mail")
        selected = standing.get_subset(asset_check_selection={key}, asset_selection=set())
        assert selected.execute_in_process(instance=instance).success
    assert [each[0] for each in evaluations(app, ["views", "mails"], "not_null_mail")] == [
        True,
        True,
    ]
    assert evaluations(app, ["product", "events"], "row_count")[0][:2] == (False, "WARN")
    (scheduled, *_) = app.store.check_runs(1, subject_id="events")
    assert (scheduled.state, scheduled.trigger) == (CheckState.FAILED, CheckTrigger.SCHEDULE)
    assert not app.store.check_runs(1, name="not_null_mail", limit=1)[0].details.get("examples")
