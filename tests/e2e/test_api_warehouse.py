"""Usage, activity and health over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable
from tests.e2e.api_server import Served


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


@pytest.fixture(scope="module")
def table(api):
    store = api.platform.store
    source = store.add_source(1, "stripe", "", "", {}, {}, [NewTable(name="invoice", columns=())])
    (table,) = store.tables(1, source.id)
    ended = ((JobStatus.COMPLETED, 45_000), (JobStatus.FAILED, 0), (JobStatus.CANCELLED, 3))
    for status, rows in ended:
        job = store.start_job(1, JobKind.SYNC, table.id, table.table_name)
        store.finish_job(job.id, status, rows, 10, error=None if rows else "No answer.")
    store.start_job(1, JobKind.SYNC, table.id, table.table_name)
    store.add_usage(1, table.id, "sync", 45_000, 10)
    store.update_table(
        table.id,
        status=TableStatus.FAILED,
        latest_error="Connection timeout.",
        failed_at=datetime.now(UTC) - timedelta(minutes=1),
    )
    return table


def test_rows_of_the_month_are_counted_per_source(api, table):
    stats = api("GET", "warehouse/total_rows_stats/").json()
    assert stats["total_rows"] == 45_000
    assert stats["breakdown_of_rows_by_source"] == {table.source.id: 45_000}
    assert stats["materialized_rows_in_billing_period"] == 0
    assert stats["billing_period_start"] < stats["billing_period_end"]
    assert api("GET", "data_warehouse/total_rows_stats/").json() == stats


def test_what_runs_and_what_ran_is_listed_whatever_came_of_it(api, table):
    (running,) = api("GET", "warehouse/running_activity/").json()["results"]
    assert (running["type"], running["name"], running["status"]) == ("Stripe", "invoice", "Running")
    page = api("GET", "warehouse/completed_activity/?limit=2").json()
    rest = api.client.get(page["next"], headers={"Authorization": f"Bearer {api.key}"}).json()
    found = [*page["results"], *rest["results"]]
    assert {one["status"] for one in found} == {"Completed", "Failed", "Cancelled"}
    assert len(found) == 3 and rest["next"] is None and rest["previous"]


def test_runs_are_counted_by_hour_and_by_day(api, table):
    for days, buckets in ((1, 24), (7, 7), (30, 30)):
        stats = api("GET", f"warehouse/job_stats/?days={days}").json()
        assert len(stats["breakdown"]) == buckets
        assert (stats["total"], stats["successful"], stats["failed"]) == (4, 1, 1)
        assert sum(bucket["total"] for bucket in stats["breakdown"]) == 4
        assert stats["external_data_jobs"]["cancelled"] == 1
    assert api("GET", "warehouse/job_stats/?days=2").json()["attr"] == "days"


def test_health_has_the_shape_of_the_reference(api, table):
    answer = api("GET", "warehouse/data_health_issues/").json()
    assert answer["count"] == len(answer["results"]) == 1
    (issue,) = answer["results"]
    assert issue["id"] == table.id
    assert (issue["type"], issue["status"]) == ("external_data_sync", "failed")
    assert "Connection timeout" in issue["error"] and issue["failed_at"]
    assert (
        api.client.get(issue["url"], headers={"Authorization": f"Bearer {api.key}"}).json()["name"]
        == "invoice"
    )
