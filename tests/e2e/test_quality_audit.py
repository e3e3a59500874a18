"""Write, audit, publish: what readers see of a materialized view passed its checks, whatever happens on the way."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.quality import CheckState, CheckTrigger
from pwh_assets.core.source import TableStatus
from pwh_assets.engines.base import QueryCancelledError
from pwh_assets.services.health import health
from pwh_assets.services.incremental import IncrementalConfig, set_incremental
from pwh_assets.services.quality import QualityFailedError, add_check, audit, run_checks
from pwh_assets.services.views.saved import build_view, materialize_view, save_view
from tests.e2e.homes import Warehouse, orders, people

ROOT = Path(__file__).parents[2]
SPENT = "SELECT user_id, sum(amount) AS spent, count() AS orders FROM app_orders GROUP BY user_id"
BAD = [{"id": 2000, "user_id": 77, "amount": -5.0, "version": 2}]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("audit") / "home")
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module")
def view(home):
    save_view(home.platform, 1, "kept.spent", SPENT)
    found = materialize_view(home.platform, 1, "kept.spent")
    for kind, options, severity in (
        ("relationships", {"column": "user_id", "to": "app_users"}, "error"),
        ("custom", {"sql": "SELECT user_id, spent FROM kept.spent WHERE spent < 0"}, "warn"),
        ("schema", {"columns": {"user_id": "BIGINT", "spent": "Float"}}, "error"),
        ("row_count", {"min": 1}, "error"),
    ):
        add_check(home.platform, 1, "kept.spent", kind, options, severity=severity)
    assert build_view(home.platform, found).rows == 10
    return found


def states(home, view):
    return {
        each.name: each.passed for each in home.store.latest_checks(1) if each.subject_id == view.id
    }


def test_rows_that_fail_are_never_seen_the_build_names_the_check_and_the_next_good_one_heals(
    home, view
):
    assert all(states(home, view).values()) and len(states(home, view)) == 4
    good = home.ask("SELECT count(), sum(spent) FROM kept.spent")

    home.write("orders", orders() + BAD)
    with pytest.raises(QualityFailedError) as caught:
        build_view(home.platform, view, "run-2")
    assert "`relationships_user_id`: 1 of 11 rows refer by `user_id`" in str(caught.value)
    assert "`custom`" not in str(caught.value)  # a warning blocks nothing
    assert home.ask("SELECT count(), sum(spent) FROM kept.spent") == good
    now = home.store.view(1, "kept.spent")
    assert (now.status, now.row_count) == (TableStatus.FAILED, 10)
    assert not now.is_suspended and "relationships_user_id" in now.latest_error
    job = home.store.jobs(1, subject_id=view.id)[0]
    assert (job.status, job.error_code) == (JobStatus.FAILED, "quality_failed")
    found = {each.name: each for each in home.store.check_runs(1, run_id="run-2")}
    assert found["relationships_user_id"].trigger is CheckTrigger.BUILD
    assert found["relationships_user_id"].details["examples"] == [
        {"user_id": 77, "rows_with_it": 1}
    ]
    assert (found["custom"].state, found["row_count"].passed) == (CheckState.FAILED, True)
    (issue,) = [each for each in health(home.platform, 1) if each.name == "kept.spent"]
    assert "relationships_user_id" in issue.error

    (published,) = run_checks(
        home.platform, 1, [c for c in home.store.quality_checks(1) if c.kind == "relationships"]
    )
    assert published.passed  # what readers see is good

    bad = [{**BAD[0], "user_id": 3, "amount": -1e9}]
    home.write("orders", orders() + bad)
    assert build_view(home.platform, view).rows == 10
    assert states(home, view)["custom"] is False and states(home, view)["relationships_user_id"]
    home.write("orders", orders())
    build_view(home.platform, view)
    assert all(states(home, view).values())
    assert home.store.view(1, "kept.spent").latest_error is None


def test_a_check_that_cannot_be_computed_blocks_too_and_says_why(home, view):
    save_view(
        home.platform,
        1,
        "kept.spent",
        SPENT.replace("user_id, sum", "user_id AS who, sum"),
        force=True,
    )
    with pytest.raises(QualityFailedError, match=r"It cannot be computed: .*user_id"):
        build_view(home.platform, view)
    assert home.ask("SELECT count(user_id) FROM kept.spent") == [(10,)]
    save_view(home.platform, 1, "kept.spent", SPENT)
    assert build_view(home.platform, view).rows == 10


def test_an_audit_sees_the_table_as_it_will_be_and_not_only_what_is_new(home, view):
    """As an incremental build previews it: what stays of the old table, and what is new."""
    checks = home.store.quality_checks(1, view.id)
    preview = 'SELECT * FROM lake.views."kept.spent" WHERE user_id <> 3 UNION ALL SELECT 3, 5.0, 1'
    with home.lake.write() as connection:
        runs = audit(home.platform, view, connection, preview)
        assert all(run.passed for run in runs) and len(runs) == len(checks)
        rows = {run.name: run.details.get("rows") for run in runs}
        assert rows["row_count"] == 10
        with pytest.raises(QualityFailedError, match="user_id"):
            audit(home.platform, view, connection, preview + " UNION ALL SELECT 99, 1.0, 1")
        with pytest.raises(QualityFailedError, match="There are 0 rows"):
            audit(home.platform, view, connection, f"SELECT * FROM ({preview}) WHERE false")
        open_minded = replace(view, audit_blocks=False)
        (failed,) = [
            run
            for run in audit(
                home.platform, open_minded, connection, preview + " UNION ALL SELECT 99, 1.0, 1"
            )
            if not run.passed
        ]
        assert failed.name == "relationships_user_id"
        assert connection.execute("SHOW TABLES").fetchall() == []
    home.store.update_view(view.id, status=TableStatus.COMPLETED)


def test_a_build_of_a_part_is_audited_as_the_whole_table_it_makes(home):
    save_view(home.platform, 1, "parts", SPENT)
    found = materialize_view(home.platform, 1, "parts")
    found = set_incremental(home.platform, found, IncrementalConfig("user_id"))
    add_check(home.platform, 1, "parts", "row_count", {"min": 10, "max": 10})
    assert build_view(home.platform, found).rows == 10
    change(home, "UPDATE {orders} SET amount = 7 WHERE id = 0")
    part = build_view(home.platform, found)
    assert (part.mode.value, part.rows) == ("incremental", 10)
    good = home.ask("SELECT user_id, spent FROM parts ORDER BY user_id")
    change(home, "INSERT INTO {orders} VALUES (2000, 77, -5, 2)")
    with pytest.raises(QualityFailedError, match="There are 11 rows"):
        build_view(home.platform, found)
    assert home.ask("SELECT user_id, spent FROM parts ORDER BY user_id") == good
    change(home, "DELETE FROM {orders} WHERE id IN (1, 2000)")
    healed = build_view(home.platform, found)
    assert (healed.mode.value, healed.rows) == ("incremental", 10)
    assert home.ask("SELECT sum(spent) FROM parts") == home.ask(
        "SELECT sum(amount) FROM app_orders"
    )
    home.write("orders", orders())


def change(home, sql):
    with home.lake.write() as connection:
        connection.execute(sql.format(orders="lake.postgres_app.orders"))


def test_an_audit_that_takes_long_can_be_cancelled(home, view):
    numbers = "numbers(10000000)"
    sql = (
        f"SELECT sum(a.number * b.number * s.user_id) > 0 FROM {numbers} AS a "
        f"CROSS JOIN {numbers} AS b CROSS JOIN kept.spent AS s"
    )
    slow = add_check(
        home.platform, 1, "kept.spent", "custom", {"sql": sql, "expect": "true"}, name="slow"
    )
    before = len(home.store.check_runs(1))
    try:
        with home.lake.write() as connection:
            timer = threading.Timer(1.0, connection.interrupt)
            timer.start()
            with pytest.raises(QueryCancelledError):
                audit(home.platform, view, connection, 'SELECT * FROM lake.views."kept.spent"')
            timer.join()
    finally:
        home.store.remove_quality_check(1, slow.id)
    assert len(home.store.check_runs(1)) == before


BUILDING = """
import os, sys
from pwh_assets.errors import PwhError
from pwh_assets.platform import open_platform
from pwh_assets.services.views import builds as view_builds
from pwh_assets.settings import Settings
platform = open_platform(Settings.from_env({"PWH_HOME": sys.argv[1]}))
view = platform.store.view(1, "kept.spent")
if sys.argv[2] == "die_before_publishing":
    real = view_builds.audit
    def audit(*args):
        real(*args)
        os.kill(os.getpid(), 9)
    view_builds.audit = audit
while True:
    try:
        view_builds.build_view(platform, view)
    except PwhError as error:
        print(error.code, flush=True)
"""


def start(home, how):
    words = [sys.executable, "-c", BUILDING, str(home.settings.home), how]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_process_killed_after_the_audit_leaves_the_old_table_whole(home, view):
    good = home.ask("SELECT count(), sum(orders) FROM kept.spent")
    home.write("orders", orders(500))
    with start(home, "die_before_publishing") as process:
        process.wait(timeout=200)
    assert process.returncode == -9
    assert home.ask("SELECT count(), sum(orders) FROM kept.spent") == good
    assert build_view(home.platform, view).rows == 10
    assert home.ask("SELECT count(), sum(orders) FROM kept.spent") == [(10, 500)]


def test_readers_never_see_rows_that_fail_while_builds_of_them_go_on_and_are_killed(home, view):
    good = home.ask("SELECT count(), sum(orders) FROM kept.spent")
    home.write("orders", orders(700) + BAD)
    with start(home, "loop") as process:
        assert process.stdout.readline().strip() == "quality_failed"
        until = time.monotonic() + 2.5
        seen = set()
        while time.monotonic() < until:
            seen.update(home.ask("SELECT count(), sum(orders) FROM kept.spent"))
        process.kill()
        process.communicate()
    seen.update(home.ask("SELECT count(), sum(orders) FROM kept.spent"))
    assert seen == set(good)
    home.write("orders", orders(700))
    assert build_view(home.platform, view).rows == 10
    assert home.lake.verify() == []
