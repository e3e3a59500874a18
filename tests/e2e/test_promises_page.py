"""What the pages on freshness and health show is what the commands print."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pwh_assets.cli import main
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import TableStatus
from pwh_assets.services.views.saved import build_view, materialize_view, save_view
from tests.e2e.homes import Warehouse, orders, people

DOCS = Path(__file__).parents[2] / "docs"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


def blocks(page):
    found = re.findall(r"(?ms)^```\n(.*?)^```", (DOCS / page).read_text("utf-8"))
    return [MOMENT.sub("<moment>", block).splitlines() for block in found]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Tables `app_users` and `app_orders`, and what reads them on the pages."""
    home = Warehouse(tmp_path / "home")
    home.write("users", people())
    home.write("orders", orders(10))
    for name in ("users", "orders"):
        home.store.update_table(home.table(f"app_{name}").id, should_sync=True)
    monkeypatch.setenv("PWH_HOME", str(home.settings.home))
    yield home
    home.close()


def view(home, name, sql):
    save_view(home.platform, 1, name, sql)
    build_view(home.platform, materialize_view(home.platform, 1, name))


def printed(capsys, *words):
    capsys.readouterr()
    status = main([*words])
    both = capsys.readouterr()
    return status, MOMENT.sub("<moment>", both.out + both.err)


def test_a_promise_is_told_as_the_page_on_freshness_tells_it(home, capsys):
    shown, refused = blocks("freshness.md")
    view(home, "revenue", "SELECT sum(amount) AS total FROM app_orders")
    command, *lines = shown
    _, said = printed(capsys, *command.removeprefix("pwh ").split())
    assert [line for line in lines if line.strip() not in said] == [], said
    joined = (
        "SELECT sum(o.amount) AS total FROM app_orders AS o JOIN app_users AS u ON u.id = o.user_id"
    )
    save_view(home.platform, 1, "revenue", joined, force=True)
    users = home.table("app_users")
    home.store.update_table(users.id, frequency=Frequency("never"))
    status, said = printed(capsys, "view", "freshness", "revenue", "--target", "24hour")
    assert status != 0 and refused[0] in said


def test_issues_are_told_as_the_page_on_health_tells_them(home, capsys):
    (shown, *_) = blocks("health.md")
    joined = (
        "SELECT u.plan AS plan, sum(o.amount) AS total FROM app_orders AS o "
        "JOIN app_users AS u ON u.id = o.user_id GROUP BY plan"
    )
    view(home, "orders_by_plan", joined)
    save_view(home.platform, 1, "weekly", "SELECT plan FROM orders_by_plan")
    home.store.update_table(
        home.table("app_users").id,
        status=TableStatus.FAILED,
        latest_error="permission denied for table users",
        failed_at=datetime.now(UTC) - timedelta(minutes=1),
    )
    status, said = printed(capsys, "health")
    assert status == 1
    assert [line for line in shown if line.rstrip() not in said] == []
