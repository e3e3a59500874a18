"""Saved queries, jobs, usage, checks and keys in the store."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import Column, TableStatus
from pwh_assets.errors import NotFoundError
from pwh_assets.store import NewTable, Store
from pwh_assets.store.jobs import ABANDONED
from pwh_assets.store.keys import KeyKind
from pwh_assets.store.names import NameClashError


def test_a_new_text_is_a_new_version_and_the_old_one_stays(store: Store) -> None:
    first = store.save_view(
        1, "Active", "SELECT 1", [Column("a", "INTEGER")], ["events"], "d", "me", "ann"
    )
    second = store.save_view(
        1, "active", "SELECT 2", [Column("b", "INTEGER")], ["persons"], author="bob"
    )
    assert (second.id, second.version, second.sql) == (first.id, 2, "SELECT 2")
    assert (second.description, second.owner) == ("d", "me")
    assert second.inputs == ("persons",)
    versions = store.view_versions(first.id)
    assert [(v.version, v.sql, v.author) for v in versions] == [
        (1, "SELECT 1", "ann"),
        (2, "SELECT 2", "bob"),
    ]
    assert store.save_view(1, "ACTIVE", "SELECT 2", second.columns, second.inputs) == second
    assert len(store.view_versions(first.id)) == 2


def test_a_view_is_found_by_name_in_any_case_and_by_id(store: Store) -> None:
    view = store.save_view(1, "Revenue.MRR", "SELECT 1", [], [])
    assert (
        store.find_view(1, "revenue.mrr")
        == store.find_view(1, view.id)
        == store.view(1, "Revenue.MRR")
        == view
    )
    assert store.find_view(2, view.id) is None
    with pytest.raises(NotFoundError, match="no view `x`"):
        store.view(1, "x")


def test_a_view_and_a_table_never_share_a_name(store: Store) -> None:
    store.save_view(1, "stripe_invoice", "SELECT 1", [], [])
    with pytest.raises(NameClashError, match="a view has that name"):
        store.add_source(1, "stripe", "", "", {}, {}, [NewTable("invoice")])
    with pytest.raises(NameClashError, match="product's own table"):
        store.save_view(1, "Events", "SELECT 1", [], [])


def test_a_removed_views_name_is_free_and_its_versions_stay(store: Store) -> None:
    view = store.save_view(1, "v", "SELECT 1", [], [])
    store.remove_view(view.id)
    assert store.views(1) == [] and store.find_view(1, "v") is None
    again = store.save_view(1, "v", "SELECT 3", [], [])
    assert again.id != view.id and again.version == 1
    assert len(store.view_versions(view.id)) == 1


def test_a_views_name_and_text_change_through_save_only(store: Store) -> None:
    view = store.save_view(1, "v", "SELECT 1", [], [])
    for field in ("name", "sql", "version"):
        with pytest.raises(TypeError):
            store.update_view(view.id, **{field: "x"})


def test_jobs_come_newest_first_and_filtered(store: Store) -> None:
    jobs = [store.start_job(1, "sync", f"t{i}", f"table {i}", run_id="r") for i in range(5)]
    store.start_job(2, "view", "v", "other project's")
    done = store.finish_job(
        jobs[2].id, JobStatus.FAILED, rows=7, bytes=9, error="e", error_code="c"
    )
    assert [job.name for job in store.jobs(1)] == [f"table {i}" for i in (4, 3, 2, 1, 0)]
    assert store.jobs(1, limit=2)[1].name == "table 3"
    assert store.jobs(1, status="Failed") == [done]
    assert store.jobs(1, subject_id="t4") == [jobs[4]]
    assert (done.rows, done.bytes, done.error, done.error_code, done.run_id) == (
        7,
        9,
        "e",
        "c",
        "r",
    )
    assert done.finished_at is not None and done.created_at is not None
    assert done.finished_at >= done.created_at


DYING = """
import os, sys
from pwh_assets.store import Store
store = Store.open(sys.argv[1])
store.start_job(1, "sync", sys.argv[2], "t")
print("started", flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_job_of_a_killed_process_is_failed_and_its_table_with_it(
    store: Store, url: str
) -> None:
    store.add_source(1, "stripe", "", "", {}, {}, [NewTable("invoice"), NewTable("charge")])
    charge, invoice = store.tables(1)
    store.update_table(invoice.id, status=TableStatus.RUNNING)
    store.update_table(charge.id, status=TableStatus.RUNNING)
    mine = store.start_job(1, "sync", charge.id, "charge")
    subprocess.run([sys.executable, "-c", DYING, url, invoice.id], capture_output=True, timeout=60)
    (failed,) = store.abandon_jobs()
    assert failed.subject_id == invoice.id
    assert (failed.status, failed.error_code) == (JobStatus.FAILED, ABANDONED)
    assert store.table(invoice.id).status is TableStatus.FAILED
    assert "ended before it was done" in (store.table(invoice.id).latest_error or "")
    assert store.table(charge.id).status is TableStatus.RUNNING
    assert store.jobs(1, status="Running") == [mine]
    assert store.abandon_jobs() == []


def test_all_jobs_of_a_run_that_is_over_can_be_failed(store: Store) -> None:
    store.start_job(1, "sync", "a", "a", run_id="run-1")
    kept = store.start_job(1, "sync", "b", "b", run_id="run-2")
    assert [job.subject_id for job in store.abandon_jobs(run_id="run-1")] == ["a"]
    assert store.jobs(1, status="Running") == [kept]


def test_usage_adds_up_within_the_period_only(store: Store) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    end = start + timedelta(days=31)
    for at, rows in (
        (start, 1),
        (end - timedelta(microseconds=1), 10),
        (end, 100),
        (start - timedelta(seconds=1), 1000),
    ):
        store.add_usage(1, "t", "sync", rows, 0, at)
    store.add_usage(1, "v", "view", 5, 0, start)
    store.add_usage(2, "t", "sync", 7, 0, start)
    assert store.usage(1, start, end) == {"t": 11, "v": 5}
    assert store.usage(1, start, end, kind="view") == {"v": 5}
    assert store.usage(2, start, end) == {"t": 7}


def test_the_latest_check_wins_whatever_the_order(store: Store) -> None:
    now = datetime.now(UTC)
    store.record_check(1, "t", "unique", False, "error", {"rows": 3}, now)
    store.record_check(1, "t", "unique", True, "error", {}, now - timedelta(hours=1))
    store.record_check(1, "t", "types", True, "warn", {"α": [1, None]})
    types, unique = store.latest_checks(1)
    assert (unique.name, unique.passed, unique.details, unique.at) == (
        "unique",
        False,
        {"rows": 3, "failing_since": now.isoformat()},
        now,
    )
    assert types.details == {"α": [1, None]} and types.failing_since == types.at

    hours = [now + timedelta(hours=n) for n in range(5)]
    for at, passed in zip(hours, (False, False, True, False, False), strict=True):
        store.record_check(1, "t", "unique", passed, "error", {}, at)
        (unique,) = store.checks_named(1, "unique")
        first = hours[0] if at < hours[2] else hours[3]
        assert unique.at == at and (passed or unique.failing_since == first)
    assert store.latest_checks(2) == []
    store.forget_checks("t")
    assert store.latest_checks(1) == []


def test_a_home_is_claimed_once_and_keys_are_kept_hashed(store: Store) -> None:
    claimed = store.claim_home()
    assert claimed is not None and store.claim_home() is None
    personal, capture = claimed
    assert personal.startswith("phx_") and capture.startswith("phc_")
    found = store.find_key(personal)
    assert found is not None and (found.kind, found.user, found.project_id) == (
        KeyKind.PERSONAL,
        "owner",
        1,
    )
    assert personal not in repr(found)
    assert store.find_key(capture).kind is KeyKind.CAPTURE  # type: ignore[union-attr]
    assert store.find_key("phx_guess") is None and store.find_key("\ud800") is None
    store.revoke_key(found.id)
    assert store.find_key(personal) is None
    assert store.find_key(store.add_key(2, KeyKind.CAPTURE, "web")).project_id == 2  # type: ignore[union-attr]
