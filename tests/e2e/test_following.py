"""Views that follow their inputs, and schedules that follow targets: the sensor and schedules as Dagster asks them."""

import shutil
from datetime import UTC, datetime

import dagster as dg
import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import Refresh
from pwh_assets.definitions import build_defs
from pwh_assets.lake import Lake
from pwh_assets.orchestration.instance import instance_for
from pwh_assets.resources.secrets import SourceSecrets
from pwh_assets.services.freshness.beat import read_heartbeat
from pwh_assets.services.freshness.project import (
    CadenceError,
    UnreachableTargetError,
    set_cadence,
    set_target,
)
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.store import Store
from pwh_assets.store.jobs import ABANDONED_SENTENCE
from tests.e2e.homes import Warehouse, orders, people


class Daemon:
    """Asks the home's sensor as Dagster's daemon does, and runs what it asks for in this process."""

    def __init__(self, warehouse, instance):
        self.platform, self.instance = warehouse.platform, instance
        self.cursor = None
        self.runs = []

    def look(self):
        """The views the sensor asks for, built; None for none."""
        definitions = build_defs(self.platform)
        sensor = definitions.get_repository_def().get_sensor_def("changed_inputs")
        with dg.build_sensor_context(
            self.instance, cursor=self.cursor, resources={"platform": self.platform}
        ) as context:
            tick = sensor.evaluate_tick(context)
        self.cursor, self.said = tick.cursor, tick.skip_message or ""
        for request in tick.run_requests:
            built = definitions.resolve_job_def(request.job_name).execute_in_process(
                instance=self.instance,
                asset_selection=request.asset_selection,
                tags={**request.tags, "dagster/sensor_name": "changed_inputs"},
                raise_on_error=False,
            )
            events = built.get_asset_materialization_events()
            self.runs.append([event.asset_key.path[-1] for event in events])
            return self.runs[-1]
        return None


@pytest.fixture
def warehouse(tmp_path):
    made = Warehouse(tmp_path / "home")
    made.write("users", people())
    made.write("orders", orders(100))
    yield made
    made.close()


@pytest.fixture
def daemon(warehouse):
    with instance_for(warehouse.settings) as instance:
        yield Daemon(warehouse, instance)


def following(warehouse, name, sql, refresh=Refresh.INPUTS, every=None):
    save_view(warehouse.platform, 1, name, sql)
    return materialize_view(warehouse.platform, 1, name, every, refresh=refresh)


def test_a_change_is_built_once_through_a_chain_and_a_sync_without_news_builds_nothing(
    warehouse, daemon
):
    following(
        warehouse, "spent", "SELECT user_id, sum(amount) AS amount FROM app_orders GROUP BY user_id"
    )
    save_view(warehouse.platform, 1, "rich", "SELECT user_id FROM spent WHERE amount > 0")
    following(
        warehouse,
        "rich_people",
        "SELECT count() AS n FROM rich JOIN app_users ON app_users.id = rich.user_id",
    )
    assert daemon.look() is None and "more may come" in daemon.said
    assert daemon.look() == ["spent", "rich_people"]
    assert warehouse.ask("SELECT n FROM rich_people") == [(10,)]
    assert [daemon.look() for _ in range(3)] == [None] * 3

    warehouse.store.update_table(warehouse.table("app_orders").id, last_synced_at=datetime.now(UTC))
    assert daemon.look() is daemon.look() is None

    warehouse.write("users", people(5))
    warehouse.write("orders", orders(100, version=2))
    daemon.look()
    assert daemon.look() == ["spent", "rich_people"]
    assert warehouse.ask("SELECT n FROM rich_people") == [(5,)]
    warehouse.write("users", people(7))
    daemon.look()
    assert daemon.look() == ["rich_people"]
    assert daemon.look() is None and len(daemon.runs) == 3


def test_a_suspended_view_is_not_started_and_its_readers_are_written_down_as_skipped(
    warehouse, daemon
):
    below = following(warehouse, "below", "SELECT count() AS n FROM app_orders")
    above = following(warehouse, "above", "SELECT n FROM below")
    timed = following(warehouse, "timed", "SELECT n FROM below", Refresh.SCHEDULE, "6hour")
    daemon.look()
    assert daemon.look() == ["below", "above"]
    warehouse.store.update_view(below.id, suspended_at=datetime.now(UTC))
    warehouse.write("orders", orders(50))
    following(warehouse, "beside", "SELECT count() AS n FROM app_orders")
    daemon.look()
    assert daemon.look() == ["beside"]
    schedule = (
        build_defs(warehouse.platform)
        .get_repository_def()
        .get_schedule_def("build_views_every_6hour")
    )
    with dg.build_schedule_context(
        daemon.instance,
        datetime(2026, 11, 20, 6, tzinfo=UTC),
        resources={"platform": warehouse.platform},
    ) as context:
        tick = schedule.evaluate_tick(context)
    assert not tick.run_requests and "`timed`" in tick.skip_message
    (job,) = warehouse.store.jobs(1, limit=1, subject_id=timed.id)
    assert job.status is JobStatus.SKIPPED and "`below` is suspended" in job.error
    assert warehouse.store.view(1, "timed").stale_since is not None

    warehouse.store.update_view(below.id, suspended_at=None)
    assert len(schedule.evaluate_tick(context).run_requests) == 1
    daemon.look()
    assert daemon.look() == ["below", "above"]
    assert warehouse.ask("SELECT n FROM above") == [(50,)]
    assert warehouse.store.view(1, above.id).stale_since is None


def test_schedules_policies_and_metadata_follow_a_target_and_go_back_without_it(warehouse):
    platform = warehouse.platform
    following(warehouse, "daily", "SELECT count() AS n FROM app_users", Refresh.SCHEDULE, "24hour")
    _, followers = set_target(platform, 1, "daily", "1hour")
    assert {(each.name, each.before, each.after) for each in followers} == {
        ("app_users", "6hour", "30min"),
        ("daily", "24hour", "30min"),
    }
    definitions = build_defs(platform)
    names = {each.name for each in definitions.get_repository_def().schedule_defs}
    assert {"sync_postgres_app_every_30min", "build_views_every_30min"} <= names
    assert "sync_postgres_app_every_6hour" in names and "build_views_every_24hour" not in names
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    daily, users = specs["views/daily"], specs["postgres_app/users"]
    assert daily.freshness_policy.fail_window.to_timedelta().total_seconds() == 1_800
    assert users.tags["pwh/frequency"] == "30min"
    assert users.metadata["frequency_set"] == "every 6 hours"
    assert "`daily` promises" in users.metadata["frequency_because"]
    assert (daily.metadata["freshness_target"], daily.metadata["age_at_worst"]) == ("1hour", "1 h")
    set_target(platform, 1, "daily", None)
    names = {each.name for each in build_defs(platform).get_repository_def().schedule_defs}
    assert "build_views_every_24hour" in names and "build_views_every_30min" not in names


def test_what_cannot_be_promised_or_set_is_refused_naming_who_stands_in_the_way(warehouse):
    platform = warehouse.platform
    following(warehouse, "daily", "SELECT count() AS n FROM app_users", Refresh.SCHEDULE, "24hour")
    users = warehouse.table("app_users")
    with pytest.raises(CadenceError) as slow:
        set_cadence(platform, 1, "daily", "1hour")
    assert slow.value.blocker == "app_users" and "--lower-inputs" in slow.value.sentence
    for refresh in (Refresh.SCHEDULE, Refresh.INPUTS, Refresh.MANUAL):
        materialize_view(platform, 1, "daily", refresh=refresh)
        for attempt in (materialize_view, set_cadence):
            with pytest.raises(CadenceError, match="same rows again every `1hour`") as often:
                attempt(platform, 1, "daily", "1hour")
            assert often.value.code == "cadence_out_of_range"
    assert warehouse.store.view(1, "daily").refresh is Refresh.MANUAL
    materialize_view(platform, 1, "daily", "24hour")
    lowered = set_cadence(platform, 1, "daily", "1hour", lower_inputs=True)
    assert [each.name for each in lowered] == ["app_users", "daily"]
    assert warehouse.store.table(users.id).frequency.name == "1hour"
    set_target(platform, 1, "daily", "6hour")
    with pytest.raises(CadenceError) as eager:
        set_cadence(platform, 1, "app_users", "12hour")
    assert eager.value.blocker == "daily" and "promises rows no older than `6hour`" in str(
        eager.value
    )
    with pytest.raises(CadenceError, match="its own target promises rows no older than `6hour`"):
        materialize_view(platform, 1, "daily", "12hour")
    assert materialize_view(platform, 1, "daily").frequency.name == "1hour"
    warehouse.store.update_table(users.id, should_sync=False)
    with pytest.raises(UnreachableTargetError) as stopped:
        set_target(platform, 1, "daily", "24hour")
    assert stopped.value.blocker == "app_users" and "pwh source resume" in stopped.value.sentence
    assert warehouse.store.view(1, "daily").freshness_target == "6hour"

    orders_table = warehouse.table("app_orders")
    warehouse.store.update_table(orders_table.id, frequency=Frequency("7day"))
    weekly = following(warehouse, "weekly", "SELECT id FROM app_orders", Refresh.SCHEDULE)
    assert weekly.frequency.name == "7day"  # as often as there is news
    lowered_too = materialize_view(platform, 1, "weekly", "12hour", "03:30", lower_inputs=True)
    assert (lowered_too.frequency.name, lowered_too.frequency.time_of_day) == ("12hour", "03:30")
    assert warehouse.store.table(orders_table.id).frequency.name == "12hour"


class Looks:
    """Asks sensors of one loading of the definitions, as a code server that stays, and counts what they read."""

    def __init__(self, warehouse, instance, monkeypatch):
        self.platform, self.instance = warehouse.platform, instance
        self.repository = build_defs(warehouse.platform).get_repository_def()
        self.cursors, self.read = {}, []
        for owner, name in ((Lake, "changed_snapshots"), (Store, "views"), (Store, "tables")):
            monkeypatch.setattr(owner, name, self.counting(name, getattr(owner, name)))

    def counting(self, name, method):
        return lambda *given: self.read.append(name) or method(*given)

    def __call__(self, name):
        """The tick, and which of the large readings it took."""
        self.read.clear()
        resources = {"platform": self.platform}
        if name.startswith("changes_in"):
            resources["secrets"] = SourceSecrets(self.platform)
        with dg.build_sensor_context(
            self.instance, cursor=self.cursors.get(name), resources=resources
        ) as context:
            tick = self.repository.get_sensor_def(name).evaluate_tick(context)
        self.cursors[name] = tick.cursor
        return tick, sorted(set(self.read))


def test_looks_at_what_did_not_change_read_two_marks_and_see_the_next_change(
    warehouse, monkeypatch
):
    view = following(warehouse, "spent", "SELECT count() AS n FROM app_orders")
    current = {"attempted_snapshot": warehouse.lake.snapshot_id(), "status": TableStatus.COMPLETED}
    warehouse.store.update_view(view.id, last_attempt_at=datetime.now(UTC), **current)
    with instance_for(warehouse.settings) as instance:
        look = Looks(warehouse, instance, monkeypatch)
        for name in ("changed_inputs", "product_data", "changes_in_postgres"):
            assert look(name)[1], name
            assert not look(name)[1], name
        assert read_heartbeat(warehouse.settings).is_alive(datetime.now(UTC))

        warehouse.write("orders", orders(7))
        tick, read = look("changed_inputs")
        assert "more may come" in tick.skip_message and "changed_snapshots" in read
        (request,) = look("changed_inputs")[0].run_requests
        assert request.asset_selection == [dg.AssetKey(["views", "spent"])]
        assert "`spent` waits" in look("changed_inputs")[0].skip_message
        fresh = warehouse.lake.snapshot_id()
        warehouse.store.update_view(view.id, attempted_snapshot=fresh)
        assert look("changed_inputs")[1] and not look("changed_inputs")[1]

        killed = {"status": TableStatus.FAILED, "latest_error": ABANDONED_SENTENCE}
        warehouse.store.update_view(view.id, failed_at=datetime.now(UTC), **killed)
        assert "more may come" in look("changed_inputs")[0].skip_message

        assert look("product_data")[1] == ["changed_snapshots"]
        assert look("product_data")[1] == []
        warehouse.store.update_table(warehouse.table("app_users").id, status=TableStatus.NEVER_RUN)
        tick, read = look("changes_in_postgres")
        assert read == [] and [each.asset_selection for each in tick.run_requests] == [
            [dg.AssetKey(["postgres_app", "users"])]
        ]
        warehouse.store.update_table(warehouse.table("app_users").id, should_sync=False)
        tick, read = look("changes_in_postgres")
        assert read == ["tables"] and "Nothing new in 1 tables" in tick.skip_message


def test_a_second_look_at_the_instance_reads_no_revisions_and_a_new_home_in_its_place_is_made(
    warehouse, monkeypatch
):
    from dagster._core.storage.runs.sqlite import sqlite_run_storage

    looked = []
    check = sqlite_run_storage.check_alembic_revision
    monkeypatch.setattr(
        sqlite_run_storage,
        "check_alembic_revision",
        lambda *given: looked.append(1) or check(*given),
    )
    for _ in range(3):
        with instance_for(warehouse.settings) as instance:
            assert instance.get_runs() == []
    assert len(looked) == 1
    shutil.rmtree(warehouse.settings.dagster_home)
    with instance_for(warehouse.settings) as instance:
        assert instance.get_runs() == []
    assert len(looked) == 2
