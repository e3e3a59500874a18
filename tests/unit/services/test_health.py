import time
from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.health import IssueKind
from pwh_assets.core.source import Source, SyncedTable, TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.services.graph import build_graph
from pwh_assets.services.health import diagnose, table_fact, view_fact

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
APP = Source("s1", 1, "Postgres", "app_")
HOUR = Frequency("1hour")


def table(name, **facts):
    facts = {
        "status": TableStatus.COMPLETED,
        "last_synced_at": NOW - timedelta(minutes=10),
        "created_at": NOW - timedelta(days=30),
        "frequency": HOUR,
    } | facts
    return SyncedTable(f"id-{name}", APP, name, **facts)


def view(name, *inputs, **facts):
    facts = {
        "is_materialized": True,
        "status": TableStatus.COMPLETED,
        "last_run_at": NOW - timedelta(minutes=10),
        "created_at": NOW - timedelta(days=30),
        "frequency": HOUR,
    } | facts
    return SavedQuery(f"id-{name}", 1, name, "select 1", inputs=inputs, **facts)


def issues(tables, views=(), checks=()):
    by_subject = {}
    for check in checks:
        by_subject.setdefault(check.subject_id, []).append(check)
    facts = [table_fact(t, by_subject) for t in tables] + [view_fact(v, by_subject) for v in views]
    return diagnose(build_graph(1, tables, views), {fact.name: fact for fact in facts}, NOW)


FAILED = {
    "status": TableStatus.FAILED,
    "latest_error": "permission denied for table users.",
    "failed_at": NOW - timedelta(minutes=3),
}
NEVER = {"status": TableStatus.NEVER_RUN, "last_synced_at": None, "last_run_at": None}


def never(**more):
    return {"status": TableStatus.NEVER_RUN, "last_synced_at": None} | more


def test_a_healthy_project_has_no_issues():
    assert issues([table("users")], [view("a", "app_users"), view("b", "a")]) == []


def test_a_failed_table_names_its_cause_and_all_it_blocks_through_plain_views():
    root, *blocked = issues(
        [table("users", **FAILED), table("orders")],
        [
            view("plain", "app_users", is_materialized=False, frequency=None),
            view("a", "plain", "app_orders"),
            view("b", "a"),
            view("other", "app_orders"),
        ],
    )
    assert (root.name, root.kind, root.root) == ("app_users", IssueKind.FAILED, None)
    assert root.error == "permission denied for table users."
    assert root.blocks == ("a", "b", "plain")
    assert root.since == FAILED["failed_at"] and root.source_type == "Postgres"
    assert "pwh sync app_users" in root.way_out
    assert [(i.name, i.kind, i.root) for i in blocked] == [
        ("a", IssueKind.BLOCKED, "app_users"),
        ("b", IssueKind.BLOCKED, "app_users"),
    ]
    assert "`app_users` failed" in blocked[0].error and "11:50 UTC" in blocked[0].error
    assert {i.type for i in blocked} == {"materialized_view"}


def test_a_table_that_should_have_run_and_did_not_is_stale():
    (issue,) = issues([table("users", last_synced_at=NOW - timedelta(hours=3))])
    assert issue.kind is IssueKind.STALE
    assert issue.since == NOW - timedelta(minutes=55)
    assert "every 1hour" in issue.error and "3 hours ago" in issue.error


def test_one_slow_run_is_no_alarm():
    assert issues([table("users", last_synced_at=NOW - timedelta(minutes=119))]) == []


def test_a_table_that_never_ran_is_an_issue_after_one_period():
    young = table("users", **never(created_at=NOW - timedelta(minutes=59)))
    assert issues([young]) == []
    (issue,) = issues([table("users", **never(created_at=NOW - timedelta(days=2)))])
    assert issue.kind is IssueKind.NEVER_RAN and "2 days ago" in issue.error


def test_a_table_gone_at_its_source_is_an_issue_although_it_never_failed():
    (issue,) = issues([table("users", is_missing=True)])
    assert issue.kind is IssueKind.MISSING and "pwh source refresh s1" in issue.way_out


def test_a_table_never_asked_for_is_no_issue_until_a_view_reads_it():
    off = table("users", **never(should_sync=False))
    assert issues([off]) == []
    root, blocked = issues([off], [view("a", "app_users")])
    assert root.kind is IssueKind.PAUSED and "`a` reads it" in root.error
    assert (blocked.kind, blocked.root) == (IssueKind.BLOCKED, "app_users")


def test_a_table_switched_off_after_it_had_rows_is_paused():
    (issue,) = issues([table("users", should_sync=False)])
    assert issue.kind is IssueKind.PAUSED


def test_a_failed_error_check_is_an_issue_and_a_warning_is_not_asked_for():
    check = CheckResult(1, "id-users", "primary_key", False, "error", {"message": "3 nulls"}, NOW)
    (issue,) = issues([table("users")], checks=[check])
    assert issue.kind is IssueKind.CHECK_FAILED
    assert issue.error == "`primary_key` did not pass: 3 nulls." and issue.since == NOW


def test_a_broken_contract_says_what_it_found():
    found = {"key": ["id"], "rows": 9, "null_keys": 0, "duplicated_keys": 1, "surplus_rows": 2}
    check = CheckResult(1, "id-users", "unique_key", False, "error", found, NOW)
    (issue,) = issues([table("users")], checks=[check])
    assert issue.error == "`app_users` breaks its key `id`: 2 rows repeat a key (in 1 keys)."
    silent = CheckResult(1, "id-users", "mine", False, "error", {}, NOW)
    (issue,) = issues([table("users")], checks=[silent])
    assert issue.error == "`mine` did not pass."


def test_a_view_that_fails_by_itself_is_a_root_even_below_another():
    found = {
        i.name: i
        for i in issues(
            [table("users", **FAILED)],
            [view("a", "app_users", **FAILED), view("b", "a")],
        )
    }
    assert found["a"].kind is IssueKind.FAILED and found["a"].root is None
    assert found["a"].blocks == ("b",) and found["app_users"].blocks == ("a", "b")
    assert "`a`" in found["b"].way_out and "`app_users`" in found["b"].way_out


def test_a_view_that_failed_for_want_of_an_input_is_blocked_by_it():
    lost = table("users", **FAILED, last_synced_at=None)
    root, blocked = issues([lost], [view("a", "app_users", **FAILED, last_run_at=None)])
    assert (root.name, blocked.name) == ("app_users", "a")
    assert (blocked.kind, blocked.root) == (IssueKind.BLOCKED, "app_users")
    assert blocked.error == "It has no rows yet, because `app_users` failed."


def test_a_view_that_was_stale_before_its_input_failed_is_a_root():
    stale = view("a", "app_users", last_run_at=NOW - timedelta(days=3))
    found = {i.name: i for i in issues([table("users", **FAILED)], [stale])}
    assert found["a"].kind is IssueKind.STALE and found["a"].root is None


def test_a_view_late_because_its_input_is_late_is_blocked():
    late = NOW - timedelta(hours=5)
    found = issues(
        [table("users", last_synced_at=late)], [view("a", "app_users", last_run_at=late)]
    )
    assert [(i.name, i.kind) for i in found] == [
        ("app_users", IssueKind.STALE),
        ("a", IssueKind.BLOCKED),
    ]


def test_a_view_whose_input_was_removed_says_which():
    (issue,) = issues([], [view("a", "gone_table", is_materialized=False, frequency=None)])
    assert issue.kind is IssueKind.FAILED and issue.type == "view"
    assert issue.error == "Its text reads `gone_table`, which does not exist any more."


def test_a_retry_of_a_failed_table_still_shows_the_failure():
    (issue,) = issues([table("users", **FAILED | {"status": TableStatus.RUNNING})])
    assert issue.kind is IssueKind.FAILED and "tried again now" in issue.error


def test_the_roots_come_first_and_what_blocks_most_comes_first():
    found = issues(
        [table("a", **FAILED), table("b", **FAILED), table("c", **FAILED)],
        [view("x", "app_b"), view("y", "app_b", "app_c")],
    )
    assert [i.name for i in found] == ["app_b", "app_c", "app_a", "x", "y"]


@pytest.mark.parametrize("broken", [0, 50, 1000])
def test_a_thousand_tables_and_five_hundred_views_are_judged_in_100_ms(broken):
    tables = [table(f"t{i}", **(FAILED if i < broken else {})) for i in range(1000)]
    views = []
    for i in range(500):
        above = (f"v{i - 1}",) if i % 12 else ()
        views.append(view(f"v{i}", *above, f"app_t{i * 2}", f"app_t{i * 2 + 1}"))
    facts = {
        f.name: f for f in [table_fact(t, {}) for t in tables] + [view_fact(v, {}) for v in views]
    }
    graph = build_graph(1, tables, views)
    found, best = [], 1e9
    for _ in range(3):
        started = time.process_time()
        found = diagnose(graph, facts, NOW)
        best = min(best, time.process_time() - started)
    assert best < 0.1
    assert (len(found) > 0) == (broken > 0)
