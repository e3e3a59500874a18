"""Health of a real home: every state made to happen, through the store, the lake and dbt."""

from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.check import CheckResult
from pwh_assets.core.health import IssueKind
from pwh_assets.core.source import TableStatus
from pwh_assets.errors import PwhError
from pwh_assets.services.health import definitions, health
from pwh_assets.services.views.saved import build_view, materialize_view, remove_view, save_view
from tests.e2e.homes import Warehouse, orders, people


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("health") / "home")
    yield warehouse
    warehouse.close()


@pytest.fixture
def home(warehouse):
    """Two tables, a plain view and two materialized ones, all well."""
    warehouse.write("users", people())
    warehouse.write("orders", orders(100))
    for name in ("users", "orders"):
        table = warehouse.table(f"app_{name}")
        warehouse.store.update_table(table.id, should_sync=True)
        warehouse.store.forget_checks(table.id)
    for view in warehouse.store.views(1):
        remove_view(warehouse.platform, 1, view.name, force=True)
    save_view(warehouse.platform, 1, "plain", "SELECT id, email FROM app_users")
    save_view(warehouse.platform, 1, "kept", "SELECT id FROM plain")
    save_view(warehouse.platform, 1, "sums", "SELECT sum(amount) AS total FROM app_orders")
    for name in ("kept", "sums"):
        build_view(warehouse.platform, materialize_view(warehouse.platform, 1, name))
    return warehouse


def issues(home, **moment):
    now = datetime.now(UTC) + timedelta(**moment)
    return {issue.name: issue for issue in health(home.platform, 1, now)}


def test_a_failed_sync_is_the_root_of_the_views_below_it_until_it_is_mended(home):
    assert issues(home) == {}
    failed = {
        "status": TableStatus.FAILED,
        "latest_error": "No route to host.",
        "failed_at": datetime.now(UTC),
    }
    home.store.update_table(home.table("app_users").id, **failed)
    found = issues(home)
    assert set(found) == {"app_users", "kept"}
    assert found["app_users"].kind is IssueKind.FAILED and found["app_users"].blocks == (
        "kept",
        "plain",
    )
    assert found["kept"].kind is IssueKind.BLOCKED and found["kept"].root == "app_users"
    assert home.ask("SELECT count() FROM kept") == [(10,)]
    home.write("users", people())
    assert issues(home) == {}


def test_everything_goes_stale_when_nothing_runs(home):
    found = issues(home, days=3)
    assert {name: issue.kind for name, issue in found.items()} == {
        "app_users": IssueKind.STALE,
        "app_orders": IssueKind.STALE,
        "kept": IssueKind.BLOCKED,
        "sums": IssueKind.BLOCKED,
    }


def test_a_materialized_view_that_was_never_built_is_an_issue_after_its_period(home):
    save_view(home.platform, 1, "late", "SELECT 1 AS a")
    materialize_view(home.platform, 1, "late", "15min")
    assert issues(home) == {}
    assert issues(home, minutes=20)["late"].kind is IssueKind.NEVER_RAN


def test_a_view_that_fails_alone_leaves_its_siblings_well(home):
    save_view(
        home.platform, 1, "sums", "SELECT (SELECT id FROM app_orders) AS total FROM app_users"
    )
    with pytest.raises(PwhError):
        build_view(home.platform, home.store.view(1, "sums"))
    (issue,) = issues(home).values()
    assert (issue.name, issue.kind, issue.type) == ("sums", IssueKind.FAILED, "materialized_view")
    assert "could not be built" in issue.error and "pwh view run sums" in issue.way_out


def test_a_plain_view_whose_column_is_gone_is_the_root_of_what_reads_it_until_it_is_mended(
    home, monkeypatch
):
    save_view(home.platform, 1, "above", "SELECT id, upper(email) AS mail FROM plain")
    columns = home.table("app_users").columns
    with home.lake.write() as connection:
        connection.execute("ALTER TABLE lake.postgres_app.users DROP COLUMN email")
    left = tuple(column for column in columns if column.name != "email")
    home.store.update_table(home.table("app_users").id, columns=left)
    found = issues(home)
    issue = found["plain"]
    assert (issue.kind, issue.type, issue.blocks) == (
        IssueKind.DEFINITION,
        "view",
        ("above", "kept"),
    )
    assert "`email`" in issue.error and "pwh view create plain SQL" in issue.way_out
    assert set(found) == {"plain", "kept"} and found["kept"].root == "plain"
    began = issue.since
    save_view(home.platform, 1, "other", "SELECT 1 AS a")
    assert issues(home)["plain"].since == began
    definitions._verified.clear()  # as in another process, which has nothing to compile
    with monkeypatch.context() as patched:
        patched.setattr(definitions, "_looked_at", None)
        assert issues(home)["plain"].since == began

    save_view(home.platform, 1, "plain", "SELECT id, plan FROM app_users", force=True)
    (broken,) = issues(home).values()
    assert broken.name == "above" and "`email`" in broken.error
    save_view(home.platform, 1, "above", "SELECT id FROM plain")
    assert issues(home) == {}
    with home.lake.write() as connection:
        connection.execute("ALTER TABLE lake.postgres_app.users ADD COLUMN email VARCHAR")
    home.store.update_table(home.table("app_users").id, columns=columns)


def test_a_forced_removal_shows_in_the_views_it_broke(home):
    remove_view(home.platform, 1, "plain", force=True)
    issue = issues(home)["kept"]
    assert issue.kind is IssueKind.DEFINITION and "`plain`" in issue.error


def test_a_failed_check_and_a_paused_table_are_issues(home):
    users, orders_table = home.table("app_users"), home.table("app_orders")
    home.store.record_check(1, users.id, "primary_key", False, "error", {"message": "2 nulls"})
    home.store.record_check(1, users.id, "volume", False, "warn", {})
    home.store.update_table(orders_table.id, should_sync=False)
    found = issues(home)
    assert (
        found["app_users"].kind is IssueKind.CHECK_FAILED and "2 nulls" in found["app_users"].error
    )
    assert found["app_orders"].kind is IssueKind.PAUSED and found["app_orders"].blocks == ("sums",)
    assert isinstance(home.store.latest_checks(1)[0], CheckResult)


def test_a_removed_source_breaks_its_views_in_words(tmp_path):
    other = Warehouse(tmp_path / "home")
    other.write("users", people())
    save_view(other.platform, 1, "plain", "SELECT id, email FROM app_users")
    save_view(other.platform, 1, "top", "SELECT id FROM plain")
    materialize_view(other.platform, 1, "top")
    other.store.remove_source(other.source.id)
    found = issues(other)
    other.close()
    assert set(found) == {"plain", "top"}
    assert "`app_users`" in found["plain"].error and found["top"].root == "plain"
