import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.health import Fact, IssueKind
from pwh_assets.core.job import Job, JobKind, JobStatus
from pwh_assets.core.source import Source, SyncedTable, TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.services.health import diagnose
from pwh_assets.services.health.grouping import Away
from pwh_assets.services.lineage.graph import build_graph

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


def fact_of(one, **more):
    """What the store says of a table or view."""
    common = {"id": one.id, "status": one.status, "created_at": one.created_at}
    common |= {"frequency": one.frequency, "error": one.latest_error, "failed_at": one.failed_at}
    if isinstance(one, SyncedTable):
        own = {"name": one.table_name, "at_source": one.name, "is_active": one.should_sync}
        own |= {"succeeded_at": one.last_synced_at, "is_missing": one.is_missing}
        own |= {"source_type": "Postgres", "source_id": "s1", "source": "postgres_app"}
    else:
        own = {"name": one.name, "is_view": True, "is_active": one.is_materialized}
        own |= {"succeeded_at": one.last_run_at, "failures": one.failures_in_a_row}
        own |= {"suspended_at": one.suspended_at}
    return Fact(**{**common, **own, **more})


def issues(tables, views=(), checks=(), jobs=(), away=None, **more):
    by_subject = {}
    for check in checks:
        by_subject.setdefault(check.subject_id, []).append(check)
    newest = {job.subject_id: job for job in jobs}
    facts = {}
    for one in (*tables, *views):
        fact = fact_of(one, **more.get(one.name, {}))
        failed = tuple(by_subject.get(one.id, ()))
        facts[fact.name] = replace(fact, failed_checks=failed, last_job=newest.get(one.id))
    return diagnose(build_graph(1, tables, views), facts, NOW, away)


def job(name, code="source_access", **facts):
    facts = {"status": JobStatus.FAILED, "error_code": code, "created_at": NOW} | facts
    return Job(f"job-{name}", 1, JobKind.SYNC, f"id-{name}", name, **facts)


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
    assert issue.since == NOW - timedelta(
        minutes=105
    )  # due at 10:00, a quarter of an hour of grace
    assert "every 1hour" in issue.error and "3 hours ago" in issue.error
    assert (
        "due at 2026-05-01 10:00 UTC" in issue.error and "No run of it was started" in issue.error
    )


def test_one_missed_run_of_a_monthly_table_is_noticed_within_an_hour():
    monthly = Frequency("30day", "10:30")
    (issue,) = issues([table("users", last_synced_at=NOW - timedelta(days=2), frequency=monthly)])
    assert (issue.kind, issue.since) == (IssueKind.STALE, NOW - timedelta(minutes=30))


def test_one_slow_run_is_no_alarm():
    slow = {"last_synced_at": NOW - timedelta(minutes=119), "status": TableStatus.RUNNING}
    assert issues([table("users", **slow)]) == []
    assert issues([table("users", last_synced_at=NOW - timedelta(minutes=59))]) == []


def test_ten_tables_that_fail_for_one_wrong_password_are_one_issue_of_their_source():
    names = [f"t{i}" for i in range(10)]
    wrong = FAILED | {"latest_error": "The server refused the password of `app`."}
    tables = [
        table(n, **wrong | {"failed_at": NOW - timedelta(minutes=i)}) for i, n in enumerate(names)
    ]
    tables.append(table("fine"))
    views = [view("a", "app_t3"), view("b", "app_fine")]
    root, blocked = issues(tables, views, jobs=[job(name) for name in names])
    assert (root.kind, root.type, root.name) == (IssueKind.SOURCE, "source", "postgres_app")
    assert root.tables == tuple(f"app_{n}" for n in names) and root.blocks == ("a",)
    assert root.since == NOW - timedelta(minutes=9) and "10 of its 11 tables" in root.error
    assert "refused the password" in root.error and "pwh sync postgres_app" in root.way_out
    assert (blocked.name, blocked.root) == ("a", "postgres_app")
    found = issues(tables[:1], jobs=[job("t0")])
    assert [one.kind for one in found] == [IssueKind.FAILED]
    found = issues(tables, jobs=[job(name, "contract_broken") for name in names])
    assert {one.kind for one in found} == {IssueKind.FAILED} and len(found) == 10


def test_tables_of_a_source_that_fail_for_reasons_of_their_own_stay_apart():
    users = table("users", **FAILED | {"latest_error": "`app_users` has no column `x`."})
    orders = table("orders", **FAILED | {"latest_error": "`app_orders` has no key."})
    found = issues([users, orders], jobs=[job("users"), job("orders")])
    assert [(one.name, one.kind) for one in found] == [
        ("app_orders", IssueKind.FAILED),
        ("app_users", IssueKind.FAILED),
    ]
    gone = {n: f"`app_{n}` could not be read: the server at `db` does not answer." for n in "xy"}
    tables = [table(n, **FAILED | {"latest_error": words}) for n, words in gone.items()]
    (root,) = issues(tables, jobs=[job("x"), job("y")])
    assert root.kind is IssueKind.SOURCE and "All its 2 tables" in root.error


def test_what_is_late_since_the_daemon_went_is_one_issue():
    late = NOW - timedelta(hours=3)
    tables = [table(n, last_synced_at=late) for n in ("users", "orders")]
    views = [view("a", "app_users", last_run_at=late)]
    (root,) = issues(tables, views, away=Away(NOW - timedelta(minutes=170)))
    assert (root.kind, root.name, root.type) == (IssueKind.DAEMON, "daemon", "daemon")
    assert root.tables == ("a", "app_orders", "app_users") and root.since == NOW - timedelta(
        minutes=170
    )
    before = issues(tables, away=Away(NOW - timedelta(minutes=30)))
    assert {one.kind for one in before} == {IssueKind.STALE}


def test_views_that_a_warehouse_which_is_away_could_not_build_are_one_issue():
    away = FAILED | {"latest_error": "View was not built in ClickHouse."}
    views = [
        view("a", "app_users", **away),
        view("b", "app_users", **away | {"failed_at": NOW - timedelta(minutes=9)}),
        view("by_itself", "app_users", **FAILED),
        view("below", "a"),
        view("plain", "b", is_materialized=False, frequency=None),
    ]
    jobs = [job(name, "engine_unavailable") for name in "ab"]
    root, own, blocked = issues([table("users")], views, jobs=jobs)
    assert (root.kind, root.type, root.subject) == (
        IssueKind.WAREHOUSE,
        "warehouse",
        "warehouse:clickhouse",
    )
    assert root.tables == ("a", "b") and root.blocks == ("below", "plain")
    assert root.since == NOW - timedelta(minutes=9) and "2 views were not built" in root.error
    assert "pwh doctor" in root.way_out and "`pwh view run a` and the others" in root.way_out
    assert (own.name, own.kind) == ("by_itself", IssueKind.FAILED)
    assert (blocked.name, blocked.root) == ("below", "clickhouse")
    (alone, _) = issues([table("users")], [views[0], views[3]], jobs=jobs[:1])
    assert alone.subject == root.subject and "1 view was not built and keeps" in alone.error


def test_a_suspended_view_tells_its_first_failure_and_how_to_resume():
    facts = {"status": TableStatus.FAILED, "failures_in_a_row": 5, "latest_error": "Out of memory."}
    facts |= {"failed_at": NOW - timedelta(hours=5), "suspended_at": NOW - timedelta(hours=1)}
    root, blocked = issues([table("users")], [view("a", "app_users", **facts), view("b", "a")])
    assert (root.kind, root.since) == (IssueKind.SUSPENDED, NOW - timedelta(hours=5))
    assert "5 times in a row" in root.error and "Out of memory." in root.error
    assert root.blocks == ("b",) and "pwh view resume a" in root.way_out and blocked.root == "a"


def test_a_view_whose_text_no_longer_compiles_has_a_broken_definition():
    facts = FAILED | {"latest_error": "There is no column `plan`."}
    (issue,) = issues(
        [table("users")], [view("a", "app_users", **facts)], jobs=[job("a", "hogql_error")]
    )
    assert issue.kind is IssueKind.DEFINITION and "There is no column `plan`." in issue.error


def test_a_view_that_breaks_its_freshness_target_names_the_oldest_table_it_shows():
    users = table("users", frequency=Frequency("24hour"), last_synced_at=NOW - timedelta(hours=7))
    hour = {"a": {"target": HOUR}}
    (issue,) = issues([users, table("orders")], [view("a", "app_users", "app_orders")], **hour)
    assert (issue.name, issue.kind) == ("a", IssueKind.STALE)
    assert issue.since == NOW - timedelta(hours=6) and "`app_users` is so old" in issue.error
    assert issues([table("users")], [view("a", "app_users")], **hour) == []


def test_a_table_that_must_run_more_often_for_a_target_is_late_by_that():
    users = table("users", frequency=Frequency("24hour"), last_synced_at=NOW - timedelta(hours=3))
    assert issues([users]) == []
    (issue,) = issues([users], users={"effective": HOUR, "cadence_for": "a"})
    assert issue.kind is IssueKind.STALE and "every 1hour (for the freshness of `a`)" in issue.error


def test_both_kinds_of_row_limit_say_what_to_do():
    for status, kind, words in (
        (TableStatus.BILLING_LIMIT_REACHED, IssueKind.BILLING_LIMIT, "next month"),
        (TableStatus.BILLING_LIMIT_TOO_LOW, IssueKind.BILLING_LIMIT_TOO_LOW, "row_filters"),
    ):
        (issue,) = issues([table("users", **FAILED | {"status": status})])
        assert (
            issue.kind is kind and words in issue.way_out and "pwh usage --limit" in issue.way_out
        )


def test_a_pending_retry_says_so():
    again = job("users", attempt=2, retry_at=NOW + timedelta(seconds=40))
    (issue,) = issues([table("users", **FAILED)], jobs=[again])
    assert issue.is_retrying and "Attempt 2 failed; the next begins at 12:00:40 UTC" in issue.error


def test_a_table_that_never_ran_is_an_issue_after_one_period():
    young = table("users", **never(created_at=NOW - timedelta(minutes=59)))
    assert issues([young]) == []
    (issue,) = issues([table("users", **never(created_at=NOW - timedelta(days=2)))])
    assert issue.kind is IssueKind.NEVER_RAN and "2 days ago" in issue.error


def test_a_table_gone_at_its_source_is_an_issue_although_it_never_failed():
    (issue,) = issues([table("users", is_missing=True)])
    assert issue.kind is IssueKind.MISSING and "pwh source refresh postgres_app" in issue.way_out


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
    assert issue.kind is IssueKind.DEFINITION and issue.type == "view"
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
    facts = {fact.name: fact for fact in map(fact_of, [*tables, *views])}
    graph = build_graph(1, tables, views)
    found, best = [], 1e9
    for _ in range(3):
        started = time.process_time()
        found = diagnose(graph, facts, NOW)
        best = min(best, time.process_time() - started)
    assert best < 0.1
    assert (len(found) > 0) == (broken > 0)
