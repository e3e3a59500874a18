"""Builds of views that are ended, fail, are held up or are killed: what readers see, and how it goes on."""

import os
import threading
import time

import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import SUSPENDED_AFTER, Refresh
from pwh_assets.errors import BusyError
from pwh_assets.services.models import ModelError
from pwh_assets.services.views.builds import view_exclusively
from pwh_assets.services.views.running import NotRunningError, cancel_build
from pwh_assets.services.views.saved import (
    build_view,
    materialize_view,
    resume_view,
    revert_view,
    save_view,
)
from tests.e2e.crashes import Reader, dice
from tests.e2e.homes import Warehouse, orders, people
from tests.e2e.view_nursery import Nursery

KILLS = int(os.environ.get("PWH_KILLS", "2"))
ENDLESS = (
    "SELECT count() AS n FROM app_orders a CROSS JOIN app_orders b CROSS JOIN app_orders c "
    "CROSS JOIN app_orders d WHERE a.amount + b.amount + c.amount > d.amount"
)
FAILS = "SELECT (SELECT id FROM app_orders) AS id FROM app_users"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("runs") / "home")
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def nursery(home):
    made = Nursery(home.settings.home)
    yield made
    made.close()


def kept(home, name, sql):
    save_view(home.platform, 1, name, sql)
    return materialize_view(home.platform, 1, name, refresh=Refresh.MANUAL)


def runs(home, view):
    return [job.status for job in home.store.jobs(1, subject_id=view.id)]


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def phase_of(home, view):
    (job, *_) = home.store.jobs(1, subject_id=view.id, limit=1) or [None]
    is_running = job is not None and job.status is JobStatus.RUNNING and job.progress is not None
    return job.progress.phase if is_running else None


def test_a_build_in_another_process_is_cancelled_in_the_middle_of_its_query(home, nursery):
    view = kept(home, "endless", "SELECT count() AS n FROM app_orders")
    build_view(home.platform, view)
    save_view(home.platform, 1, "endless", ENDLESS)
    pid = nursery.start("endless")
    wait_for(lambda: phase_of(home, view) == "compute")
    assert [job.name for job in cancel_build(home.platform, 1, "endless")] == ["endless"]
    assert nursery.line().startswith("cancelled: The build of view `endless` was cancelled.")
    assert nursery.line() == f"gone {pid}"
    now = home.store.view(1, "endless")
    assert (now.status, now.is_modified) == (TableStatus.CANCELLED, True)
    assert runs(home, view) == [JobStatus.CANCELLED, JobStatus.COMPLETED]
    assert (now.failures_in_a_row, now.latest_error) == (0, None)
    assert home.ask("SELECT n FROM endless") == [(1000,)]
    with pytest.raises(NotRunningError, match="nothing to cancel") as caught:
        cancel_build(home.platform, 1, "endless")
    assert caught.value.code == "not_running"


def test_a_build_that_waits_for_the_lake_is_cancelled_too(home):
    view = kept(home, "waiting", "SELECT count() AS n FROM app_orders")
    failures = []

    def build():
        try:
            build_view(home.platform, view)
        except Exception as error:
            failures.append(error)

    with home.lake.lock():
        builder = threading.Thread(target=build)
        builder.start()
        wait_for(lambda: phase_of(home, view) == "audit")
        cancel_build(home.platform, 1, "waiting")
        wait_for(lambda: home.store.is_cancel_requested(home.store.jobs(1, limit=1)[0].id))
        time.sleep(1.0)
    builder.join(60)
    assert [error.code for error in failures] == ["cancelled"]
    assert ("views", "waiting") not in {(t.schema, t.name) for t in home.lake.tables()}
    assert build_view(home.platform, view).rows == 1


def test_five_failed_runs_suspend_a_view_and_a_success_or_a_word_lifts_it(home):
    view = kept(home, "weak", "SELECT id FROM app_users")
    build_view(home.platform, view, "run-0")
    save_view(home.platform, 1, "weak", FAILS)
    assert home.store.view(1, "weak").status is TableStatus.MODIFIED
    for number in range(1, SUSPENDED_AFTER + 1):
        assert not home.store.view(1, "weak").is_suspended
        for attempt in (1, 2):  # of one run: they count once
            with pytest.raises(ModelError):
                build_view(home.platform, view, f"run-{number}")
            assert home.store.jobs(1, subject_id=view.id, limit=1)[0].attempt == attempt
        assert home.store.view(1, "weak").failures_in_a_row == number
    now = home.store.view(1, "weak")
    assert now.is_suspended and now.status is TableStatus.FAILED
    assert home.ask("SELECT count() FROM weak") == [(10,)]

    resumed = resume_view(home.platform, 1, "weak")
    assert (resumed.is_suspended, resumed.failures_in_a_row) == (False, 0)
    assert resume_view(home.platform, 1, "weak") == resumed
    home.store.update_view(view.id, suspended_at=now.suspended_at, failures_in_a_row=5)
    save_view(home.platform, 1, "weak", "SELECT id FROM app_users LIMIT 4")
    assert build_view(home.platform, view).rows == 4  # asked for by hand: tried, and mended
    now = home.store.view(1, "weak")
    assert (now.is_suspended, now.failures_in_a_row, now.status) == (
        False,
        0,
        TableStatus.COMPLETED,
    )


def test_what_is_not_the_views_fault_does_not_suspend_it(home, monkeypatch):
    view = kept(home, "innocent", "SELECT id FROM app_users")

    def busy(*_):
        raise BusyError("The lake is being written.")

    monkeypatch.setattr("pwh_assets.services.views.builds.models.run", busy)
    for number in range(SUSPENDED_AFTER + 1):
        with pytest.raises(BusyError):
            build_view(home.platform, view, f"busy-{number}")
    now = home.store.view(1, "innocent")
    assert (now.failures_in_a_row, now.is_suspended, now.status) == (0, False, TableStatus.FAILED)


def test_an_edit_during_a_build_leaves_the_view_modified_with_its_new_columns(home, monkeypatch):
    from pwh_assets.services import models

    view, run = kept(home, "moving", "SELECT id FROM app_users"), models.run

    def edit_then_run(*arguments):
        save_view(home.platform, 1, "moving", "SELECT id, email FROM app_users")
        return run(*arguments)

    monkeypatch.setattr("pwh_assets.services.views.builds.models.run", edit_then_run)
    build_view(home.platform, view)
    now = home.store.view(1, "moving")
    assert (now.status, now.built_version, now.version) == (TableStatus.MODIFIED, 1, 2)
    assert [column.name for column in now.columns] == ["id", "email"]


def test_a_reverted_view_forgets_its_builds(home):
    view = kept(home, "undone", "SELECT id FROM app_users")
    build_view(home.platform, view)
    home.store.keep_back(view.id, "`app_users` could not be synced.")
    now = revert_view(home.platform, 1, "undone")
    assert (now.built_version, now.stale_since, now.last_attempt_at) == (None, None, None)
    assert now.refresh is Refresh.SCHEDULE and not now.is_materialized


def test_readers_never_see_half_a_table_whenever_a_build_is_killed(home, nursery):
    """`PWH_KILLS=20` for as many random moments as the promise names."""
    rolls = dice()
    sql = "SELECT id, version, repeat(toString(id), 20) AS text FROM app_orders"
    view = kept(home, "killed", sql)
    build_view(home.platform, view)
    began = time.monotonic()
    build_view(home.platform, view)
    duration_s = time.monotonic() - began
    whole = "count(*) = 1000 AND count(DISTINCT version) = 1 AND min(length(text)) > 0"
    reader = Reader(home.settings.home, f"SELECT {whole} FROM lake.views.killed")
    for number in range(KILLS):
        home.write("orders", orders(version=number + 2))
        pid = nursery.start("killed")
        wait_for(lambda: home.store.view(1, "killed").status is TableStatus.RUNNING)
        time.sleep(rolls.uniform(0, 1.5 * duration_s))
        nursery.kill(pid)
        assert home.ask(
            f"SELECT {whole.replace('count(DISTINCT version)', 'uniq(version)')} FROM killed"
        ) == [(True,)]
    looks, odd = reader.end()
    assert odd == [] and looks > KILLS
    with view_exclusively(home.platform, 1, view):  # the dead left no lock behind
        pass
    result = build_view(home.platform, view)
    assert result.rows == 1000 and home.ask("SELECT min(version) FROM killed") == [(KILLS + 1,)]
    assert home.store.jobs(1, status=JobStatus.RUNNING, subject_id=view.id) == []
    assert home.store.view(1, "killed").failures_in_a_row == 0
    assert [each for each in home.lake.verify() if "rphan" not in each] == []
