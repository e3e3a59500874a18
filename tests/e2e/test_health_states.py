"""Every state of health made to happen for real: a PostgreSQL server, real syncs and builds, and the way back."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.health import IssueKind
from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import PwhError
from pwh_assets.platform import open_platform
from pwh_assets.services.freshness.beat import beat
from pwh_assets.services.health import data_health_issues, evaluate, health
from pwh_assets.services.quality.declare import add_check, remove_check
from pwh_assets.services.quality.run import run_checks
from pwh_assets.services.sources.connecting import create_source, refresh_source
from pwh_assets.services.sources.tables import pause, resume
from pwh_assets.services.sync.limits import set_row_limit
from pwh_assets.services.sync.table import sync_table
from pwh_assets.services.views.saved import build_view, materialize_view, remove_view, save_view
from pwh_assets.settings import Settings

SCHEMA = """
CREATE TABLE users (id bigint PRIMARY KEY, email text, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(10, 2), rank bigint NOT NULL);
CREATE TABLE plans (id bigint PRIMARY KEY, name text);
CREATE TABLE late (id bigint PRIMARY KEY);
INSERT INTO users SELECT i, 'u' || i, now() - interval '1 day' FROM generate_series(1, 50) i;
INSERT INTO orders SELECT i, i, i FROM generate_series(1, 30) i;
INSERT INTO plans VALUES (1, 'free'), (2, 'pro');
CREATE ROLE reader LOGIN PASSWORD 'first';
GRANT USAGE ON SCHEMA public TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
"""


class Shop:
    """A home with the server's tables, synced; `late` is off. A plain view reads the users, another reads that."""

    def __init__(self, server: PrivatePostgres, home: Any) -> None:
        self.server = server
        environment = {"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
        self.platform = open_platform(Settings.from_env(environment))
        self.store = self.platform.store
        login = {**server.config, "user": "reader", "password": "first", "schema": "public"}
        body = {"source_type": "Postgres", "prefix": "app_", "payload": login}
        self.source = create_source(self.platform, 1, body)
        self.set("orders", mode=SyncMode.INCREMENTAL, cursor="rank")
        self.set("late", should_sync=False)
        for name in ("users", "orders", "plans"):
            self.sync(name)
        self.view("people", "SELECT id, email FROM app_users")
        self.view("mails", "SELECT email FROM people")

    def close(self) -> None:
        self.platform.lakes.close()
        self.store.close()

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def table(self, name: str) -> Any:
        found = self.store.find_table(1, f"app_{name}")
        assert found is not None
        return found

    def set(self, name: str, **changes: Any) -> None:
        self.store.update_table(self.table(name).id, **changes)

    def sync(self, *names: str) -> None:
        for name in names or ("users", "orders", "plans"):
            with suppress(PwhError):
                sync_table(self.platform, self.table(name))

    def view(self, name: str, sql: str) -> None:
        save_view(self.platform, 1, name, sql, force=True)

    def build(self, name: str, times: int = 1) -> None:
        """As often as by itself, each in a run of its own."""
        for number in range(times):
            with suppress(PwhError):
                build_view(self.platform, self.store.view(1, name), f"run-{times}-{number}")

    def issues(self, **later: float) -> dict[str, Any]:
        found = health(self.platform, 1, datetime.now(UTC) + timedelta(**later))
        return {issue.name: issue for issue in found}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with PrivatePostgres() as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(SCHEMA)
        opened = Shop(server, tmp_path_factory.mktemp("states") / "home")
        yield opened
        opened.close()


def _broken_check(shop: Shop) -> None:
    shop.run("INSERT INTO plans VALUES (3, NULL)")
    shop.sync("plans")
    check = add_check(
        shop.platform, 1, "app_plans", "not_null", {"columns": ["name"]}, name="named"
    )
    run_checks(shop.platform, 1, [check])


def _mended_check(shop: Shop) -> None:
    remove_check(shop.platform, 1, "app_plans.named")
    shop.run("DELETE FROM plans WHERE name IS NULL")
    shop.sync("plans")


def _limited(rows: int) -> Callable[[Shop], None]:
    def limit(shop: Shop) -> None:
        used = shop.store.rows_used(1, datetime(2020, 1, 1, tzinfo=UTC))
        set_row_limit(shop.platform, 1, used + rows)
        shop.sync("plans")

    return limit


def _unlimited(shop: Shop) -> None:
    set_row_limit(shop.platform, 1, None)
    shop.sync("plans")


def _late_wanted(shop: Shop) -> None:
    shop.set("late", should_sync=True)


def _late_unwanted(shop: Shop) -> None:
    shop.set("late", should_sync=False)


def _kept(shop: Shop, sql: str = "SELECT email FROM people") -> None:
    shop.view("kept", sql)
    materialize_view(shop.platform, 1, "kept")


def _suspended(shop: Shop) -> None:
    _broken_text(shop)
    first = shop.issues()["kept"].since
    shop.build("kept", times=4)
    assert shop.issues()["kept"].since == first, "a later failure is no new beginning"


def _broken_text(shop: Shop) -> None:
    _kept(shop)
    shop.view("people", "SELECT id FROM app_users")
    shop.build("kept")


def _mended_text(shop: Shop) -> None:
    remove_view(shop.platform, 1, "kept", force=True)
    shop.view("people", "SELECT id, email FROM app_users")


def _lost_text(shop: Shop) -> None:
    remove_view(shop.platform, 1, "people", force=True)


def _found_text(shop: Shop) -> None:
    shop.view("people", "SELECT id, email FROM app_users")


def _targeted(shop: Shop) -> None:
    _kept(shop)
    shop.store.update_view(shop.store.view(1, "kept").id, freshness_target="1hour")


def _untargeted(shop: Shop) -> None:
    remove_view(shop.platform, 1, "kept", force=True)


@dataclass(frozen=True)
class State:
    """What makes it happen, what ends it, and what is said of `name` meanwhile."""

    kind: IssueKind
    name: str
    make: Callable[[Shop], None]
    mend: Callable[[Shop], None]
    words: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    later: dict[str, float] | None = None
    status: str = "failed"


def sql(*statements: str, sync: tuple[str, ...] = ()) -> Callable[[Shop], None]:
    def do(shop: Shop) -> None:
        shop.run(*statements)
        shop.sync(*sync)

    return do


def refreshed(*statements: str) -> Callable[[Shop], None]:
    def do(shop: Shop) -> None:
        shop.run(*statements)
        refresh_source(shop.platform, 1, shop.source.id)

    return do


STATES = [
    State(
        IssueKind.FAILED,
        "app_users",
        sql("REVOKE SELECT ON users FROM reader", sync=("users",)),
        sql("GRANT SELECT ON users TO reader", sync=("users",)),
        ("permission denied", "pwh sync app_users"),
        blocks=("mails", "people"),
    ),
    State(
        IssueKind.SOURCE,
        "postgres_app",
        sql("ALTER ROLE reader PASSWORD 'second'"),
        sql("ALTER ROLE reader PASSWORD 'first'"),
        ("All its 3 tables", "password authentication failed", "pwh source update postgres_app"),
        blocks=("mails", "people"),
        tables=("app_orders", "app_plans", "app_users"),
    ),
    State(
        IssueKind.MISSING,
        "app_plans",
        refreshed("ALTER TABLE plans RENAME TO plans_away"),
        refreshed("ALTER TABLE plans_away RENAME TO plans"),
        ("does not have this table any more", "pwh source refresh"),
    ),
    State(
        IssueKind.PAUSED,
        "app_plans",
        lambda shop: pause(shop.platform, 1, [shop.table("plans")]) and None,
        lambda shop: resume(shop.platform, 1, [shop.table("plans")]) and None,
        ("Its sync is off", "Turn it on again"),
        status="disabled",
    ),
    State(
        IssueKind.NEVER_RAN,
        "app_late",
        _late_wanted,
        _late_unwanted,
        ("never has", "No run of it was started since"),
        later={"hours": 7},
    ),
    State(
        IssueKind.CHECK_FAILED,
        "app_plans",
        _broken_check,
        _mended_check,
        ("named",),
        status="degraded",
    ),
    State(
        IssueKind.BILLING_LIMIT,
        "app_plans",
        _limited(0),
        _unlimited,
        ("limit of", "is reached", "next month"),
        status="billing_limit",
    ),
    State(
        IssueKind.BILLING_LIMIT_TOO_LOW,
        "app_plans",
        _limited(1),
        _unlimited,
        ("2 rows to read", "1 are left", "row_filters"),
        status="billing_limit",
    ),
    State(
        IssueKind.MISMATCH,
        "app_orders",
        sql("DELETE FROM orders WHERE id = 7", sync=("orders",)),
        sql("INSERT INTO orders VALUES (7, 7, 7)", sync=("orders",)),
        ("29 rows", "the lake 30", "--deletes on"),
        status="degraded",
    ),
    State(
        IssueKind.DEFINITION,
        "mails",
        _lost_text,
        _found_text,
        ("`people`, which does not exist any more",),
    ),
    State(
        IssueKind.DEFINITION,
        "kept",
        _broken_text,
        _mended_text,
        ("email", "pwh view create kept SQL"),
    ),
    State(
        IssueKind.SUSPENDED,
        "kept",
        _suspended,
        _mended_text,
        ("5 times in a row", "email", "pwh view resume kept"),
        status="disabled",
    ),
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: f"{state.kind.value}-{state.name}")
def test_a_state_is_told_with_cause_beginning_consequences_and_way_out(
    shop: Shop, state: State
) -> None:
    later = state.later or {}
    before = shop.issues(**later)
    assert state.name not in before
    began = datetime.now(UTC)
    state.make(shop)
    issue = shop.issues(**later)[state.name]
    said = f"{issue.error} {issue.way_out}"
    assert issue.kind is state.kind, said
    for words in state.words:
        assert words in said
    assert (issue.blocks, issue.tables) == (state.blocks, state.tables)
    if state.kind in (IssueKind.FAILED, IssueKind.SOURCE, IssueKind.SUSPENDED):
        assert began <= issue.since <= datetime.now(UTC)
        first = issue.since
        if state.name != "kept":
            shop.sync()
        assert shop.issues()[state.name].since == first, "a later failure is no new beginning"
    shown = data_health_issues(shop.platform, 1, datetime.now(UTC) + timedelta(**later))
    (mine,) = [one for one in shown["results"] if one["name"] == state.name]
    assert (mine["status"], mine["kind"], mine["id"]) == (state.status, state.kind, issue.id)
    assert {"type", "error", "failed_at", "url", "source_type"} <= mine.keys()
    json.dumps(shown, default=str)
    state.mend(shop)
    assert set(shop.issues(**later)) <= set(before)
    assert shop.issues() == {}


def test_a_count_that_differs_again_and_again_began_when_it_was_first_seen(shop: Shop) -> None:
    shop.run("DELETE FROM orders WHERE id = 8")
    shop.sync("orders")
    evaluate(shop.platform, 1)
    first = shop.issues()["app_orders"].since
    shop.run("INSERT INTO orders VALUES (31, 1, 31)")
    shop.sync("orders")
    assert shop.issues()["app_orders"].since == first
    shop.run("INSERT INTO orders VALUES (8, 8, 8)")
    shop.sync("orders")
    assert shop.issues() == {}


def test_what_nothing_starts_is_stale_and_one_issue_when_the_daemon_is_known_to_be_gone(
    shop: Shop,
) -> None:
    found = shop.issues(hours=14)
    assert {issue.kind for issue in found.values()} == {IssueKind.STALE}
    assert set(found) == {"app_users", "app_orders", "app_plans"}
    assert "No run of it was started since" in found["app_users"].error
    went = datetime.now(UTC)
    beat(shop.platform.settings, went)
    assert shop.issues() == {}
    (issue,) = shop.issues(hours=14).values()
    assert (issue.kind, issue.since) == (IssueKind.DAEMON, went)
    assert issue.tables == ("app_orders", "app_plans", "app_users") and "pwh up" in issue.way_out
    beat(shop.platform.settings, datetime.now(UTC) + timedelta(hours=14))
    assert IssueKind.DAEMON not in {issue.kind for issue in shop.issues(hours=14).values()}


def test_a_view_with_a_freshness_target_makes_its_table_late_sooner(shop: Shop) -> None:
    shop.set("users", frequency=Frequency("24hour"))
    assert "app_users" not in shop.issues(minutes=30)
    _targeted(shop)
    found = shop.issues(hours=3)
    assert found["app_users"].kind is IssueKind.STALE
    assert "for the freshness of `kept`" in found["app_users"].error
    _untargeted(shop)
    shop.set("users", frequency=Frequency("6hour"))
    assert shop.issues() == {}
