"""Views whose inputs are broken: they keep their last good rows, say why, and are built once the cause is mended."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import Refresh
from pwh_assets.definitions import build_defs
from pwh_assets.orchestration import retry
from pwh_assets.orchestration.instance import instance_for
from pwh_assets.orchestration.names import views_job_name
from pwh_assets.orchestration.run import run_views
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.services.views.skips import obstacles
from tests.e2e.homes import Warehouse, orders, people

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FAILS = "SELECT (SELECT id FROM app_orders) AS id FROM app_users"


class Daemon:
    """Begins runs nobody asked for by hand, and asks the sensor of mended views as Dagster does."""

    def __init__(self, home, instance):
        self.home, self.instance = home, instance

    def build(self, *names, **tags):
        job = build_defs(self.home.platform).resolve_job_def(views_job_name(1))
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(["views", name]) for name in names],
            tags={"dagster/schedule_name": "hourly", **tags},
            raise_on_error=False,
        )

    def left_out(self, result):
        """The view that a run which did nothing names as the one it left out; it is no failed run."""
        assert result.success and result.get_asset_materialization_events() == []
        return self.instance.get_run_by_id(result.run_id).tags["pwh/skipped"]

    def look(self):
        """Names of the views the sensor asks to build, which are built."""
        sensor = build_defs(self.home.platform).get_repository_def().get_sensor_def("mended_views")
        resources = {"platform": self.home.platform}
        with dg.build_sensor_context(self.instance, resources=resources) as context:
            tick = sensor.evaluate_tick(context)
        for request in tick.run_requests:
            names = [key.path[-1] for key in request.asset_selection]
            self.build(*names, **request.tags)
            return names
        return []


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    made = Warehouse(tmp_path / "home")
    made.write("users", people())
    made.write("orders", orders())
    yield made
    made.close()


@pytest.fixture
def daemon(home):
    with instance_for(home.settings) as instance:
        yield Daemon(home, instance)


def kept(home, name, sql):
    save_view(home.platform, 1, name, sql)
    return materialize_view(home.platform, 1, name, refresh=Refresh.MANUAL)


def latest(home, name):
    view = home.store.view(1, name)
    return home.store.jobs(1, subject_id=view.id, limit=1)[0]


def test_a_failed_view_holds_up_its_readers_alone_and_they_follow_when_it_is_mended(home, daemon):
    kept(home, "base", "SELECT id FROM app_users")
    save_view(home.platform, 1, "between", "SELECT id FROM base")
    for name, above in (("middle", "between"), ("top", "middle")):
        kept(home, name, f"SELECT id FROM {above}")
    kept(home, "sibling", "SELECT id FROM app_users")
    every = ("base", "middle", "top", "sibling")
    views = [home.store.view(1, name) for name in every]
    assert run_views(home.platform, views).is_ok

    home.write("users", people(20))
    save_view(home.platform, 1, "base", FAILS, force=True)
    result = daemon.build(*every)
    assert not result.success
    assert home.store.view(1, "base").status is TableStatus.FAILED
    assert home.ask("SELECT count() FROM sibling") == [(20,)]
    for name in ("middle", "top"):
        view, job = home.store.view(1, name), latest(home, name)
        assert job.status is JobStatus.SKIPPED and job.run_id == result.run_id
        assert "`base` was not built: View `base` could not be built" in job.error
        assert (view.stale_reason, view.failures_in_a_row) == (job.error, 0)
        assert home.ask(f"SELECT count() FROM {name}") == [(10,)]
    assert home.store.view(1, "sibling").stale_since is None

    # Alone, by schedule, a reader is not begun either; its history says so once per reason.
    since = home.store.view(1, "middle").stale_since
    for _ in range(2):
        assert daemon.left_out(daemon.build("middle")) == "middle"
    middle = home.store.view(1, "middle")
    assert middle.stale_since == since and "`base` could not be built" in middle.stale_reason
    skips = [job.status for job in home.store.jobs(1, subject_id=middle.id)]
    assert skips == [JobStatus.SKIPPED, JobStatus.SKIPPED, JobStatus.COMPLETED]
    assert daemon.look() == []

    # By hand it is built from the rows there are. Then the cause is mended, and nobody asks for the rest.
    assert run_views(home.platform, [middle]).is_ok
    save_view(home.platform, 1, "base", "SELECT id FROM app_users")
    assert run_views(home.platform, [home.store.view(1, "base")]).is_ok
    assert obstacles(home.platform, home.store.view(1, "top")) == {}
    assert daemon.look() == ["top"]
    assert home.store.views_kept_back(1) == [] and daemon.look() == []


def test_a_failed_sync_keeps_readers_back_until_the_next_good_one_and_a_whole_chain_follows(
    home, daemon
):
    kept(home, "lower", "SELECT id, email FROM app_users")
    kept(home, "upper", "SELECT id FROM lower")
    assert daemon.build("lower", "upper").success
    table = home.table("app_users")
    home.store.update_table(
        table.id,
        status=TableStatus.FAILED,
        latest_error="The server said no.",
        failed_at=datetime.now(UTC),
    )
    left_out = daemon.build("lower", "upper")
    assert daemon.left_out(left_out) == "lower"
    steps = {event.step_key for event in left_out.all_events if event.is_step_skipped}
    assert steps == {"view_upper"}
    (seen,) = left_out.get_asset_observation_events()
    observation = seen.event_specific_data.asset_observation
    assert "The server said no." in observation.description
    assert observation.metadata["code"].value == "skipped"
    lower, upper = home.store.view(1, "lower"), home.store.view(1, "upper")
    assert lower.status is TableStatus.COMPLETED and upper.status is TableStatus.COMPLETED
    assert "`app_users` could not be synced: The server said no." in lower.stale_reason
    assert "`lower` was not built" in upper.stale_reason
    assert daemon.look() == []

    # The next tick of a schedule does not begin a run for them; what is beside them goes on.
    for name in ("lower", "upper", "beside"):
        if name == "beside":
            save_view(home.platform, 1, name, "SELECT id FROM app_orders")
        materialize_view(home.platform, 1, name, "24hour")
    schedules = build_defs(home.platform).get_repository_def()
    resources = {"platform": home.platform}
    with dg.build_schedule_context(daemon.instance, NOON, resources=resources) as context:
        tick = schedules.get_schedule_def("build_views_every_24hour").evaluate_tick(context)
    (request,) = tick.run_requests
    assert request.asset_selection == [dg.AssetKey(["views", "beside"])]
    assert "`app_users` could not be synced" in latest(home, "lower").error
    assert "`lower` was not built" in latest(home, "upper").error

    home.write("users", people(15))
    assert sorted(daemon.look()) == ["lower", "upper"]
    assert home.ask("SELECT count() FROM upper") == [(15,)]
    assert home.store.views_kept_back(1) == []


def test_a_suspended_view_is_not_begun_by_itself_and_its_readers_wait(home, daemon):
    view = kept(home, "tired", "SELECT id FROM app_users")
    kept(home, "patient", "SELECT id FROM tired")
    assert daemon.build("tired", "patient").success
    home.store.update_view(view.id, suspended_at=datetime.now(UTC), failures_in_a_row=5)
    assert daemon.left_out(daemon.build("tired", "patient")) == "tired"
    job = latest(home, "tired")
    assert job.status is JobStatus.SKIPPED and "pwh view resume tired" in job.error
    assert latest(home, "patient").status is JobStatus.SKIPPED
    assert "`tired` was not built" in home.store.view(1, "patient").stale_reason
    assert home.store.view(1, "tired").is_suspended
    assert run_views(home.platform, [home.store.view(1, "tired")]).is_ok
    assert daemon.look() == ["patient"]
