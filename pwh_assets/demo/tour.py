"""The guided tour: a company's database, payments and product events, joined, changed, broken and mended."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from pwh_assets.demo import answers, data
from pwh_assets.demo.answers import WrongAnswerError, must
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.private import free_port
from pwh_assets.demo.stripe import StripeServer

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform

MARKER = ".pwh-demo-home"
READER = "pwh_reader"
SHOWN = 8
"""Rows of an answer that are printed."""


def main(exit_after: bool, home: Path | None = None) -> int:
    """Run the tour on an own home, made afresh. Returns the exit status: 0 only when every answer was right."""
    home = (home or Path(".pwh-demo")).resolve()
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        print(f"`{home}` holds something else; name an empty folder for the demo with PWH_HOME.")
        return 2
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARKER).touch()
    os.environ.update(PWH_HOME=str(home), PWH_ALLOW_PRIVATE_HOSTS="1")
    tour = Tour(home)
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tour.servers:
            tour.run()
            return 0 if exit_after else tour.stay_up()
    except WrongAnswerError as error:
        print(f"\n✗ Wrong answer: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


class Tour:
    """One run of the demo. Everything it starts is in `servers` and ends with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.servers = ExitStack()
        self.times: list[tuple[str, float]] = []
        self.password = os.urandom(9).hex()

    def run(self) -> None:
        from pwh_assets.platform import open_platform

        with self.phase("A company: application database, payments, product events"):
            self.company = data.make_company()
            self.start_postgres()
            self.start_stripe()
        self.platform: Platform = open_platform()
        with self.phase("Events and persons into the lake"):
            self.import_events()
        with self.phase("Connect both sources"):
            self.connect()
        with (
            self.phase("Sync every table, while the application goes on writing"),
            self.updates_going_on(),
        ):
            self.pwh("sync")
        with self.phase("Save two queries as views and materialize them through dbt"):
            self.create_views()
        with self.phase("Ask: the same language over payments, events and the database"):
            self.ask()
        with self.phase(
            "Change rows at the source, sync again: only what is new moves, the view follows"
        ):
            self.change()
        with self.phase(
            "Break one table at the source: it fails alone, and health says what it blocks"
        ):
            self.break_users()
        with self.phase("Mend it: health is clean"):
            self.mend_users()
        print("\nTime per phase")
        for title, seconds in self.times:
            print(f"  {seconds:6.1f} s  {title}")
        print(
            f"  {sum(seconds for _, seconds in self.times):6.1f} s  in all. Every answer was right."
        )

    # ------------------------------------------------------------------ the outside world

    def start_postgres(self) -> None:
        self.postgres = self.servers.enter_context(PrivatePostgres())
        with psycopg.connect(self.postgres.dsn) as connection:
            connection.execute(data.SCHEMA)
            connection.execute(data.FILL)
            connection.execute(
                f"CREATE ROLE {READER} LOGIN PASSWORD '{self.password}'"
            )  # made up above
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
            version = connection.execute("SHOW server_version").fetchone()
        rows = data.ORGANIZATIONS + data.USERS + data.ORDERS + data.ORDER_ITEMS
        print(
            f"  PostgreSQL {version[0] if version else ''} on 127.0.0.1:{self.postgres.port}: "
            f"organizations, users, orders, order_items, {rows:,} rows"
        )

    def start_stripe(self) -> None:
        self.stripe = self.servers.enter_context(StripeServer(data=self.company.stripe))
        counts = ", ".join(f"{len(rows):,} {name}" for name, rows in self.company.stripe.items())
        print(f"  Stripe-compatible server on {self.stripe.base_url}: {counts}")
        print(f"  {len(self.company.events):,} events of {len(self.company.persons):,} persons")

    @contextmanager
    def updates_going_on(self) -> Iterator[None]:
        """The application keeps changing orders from another connection."""
        done = threading.Event()
        changed = 0

        def write() -> None:
            nonlocal changed
            with psycopg.connect(self.postgres.dsn, autocommit=True) as connection:
                while not done.wait(0.05):
                    changed += connection.execute(
                        "UPDATE orders SET status = 'paid', updated_at = now() "
                        f"WHERE id IN (SELECT (random() * {data.ORDERS})::bigint FROM generate_series(1, 3))"
                    ).rowcount

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            yield
        finally:
            done.set()
            writer.join(10)
            print(f"  meanwhile the application changed {changed} orders")

    # ------------------------------------------------------------------ the steps

    def import_events(self) -> None:
        files = data.write_events(self.company, self.home / "tmp" / "demo")
        self.pwh(
            "persons", "import", str(files["persons"]), "--distinct-ids", str(files["distinct_ids"])
        )
        self.pwh("events", "import", str(files["events"]))

    def connect(self) -> None:
        self.add_source(
            {
                "source_type": "Postgres",
                "prefix": "app_",
                "description": "The application's database",
                "payload": {
                    "host": "127.0.0.1",
                    "port": self.postgres.port,
                    "database": self.postgres.database,
                    "user": READER,
                    "password": self.password,
                    "schema": "public",
                    "schemas": [
                        *(
                            {
                                "name": name,
                                "sync_type": "incremental",
                                "incremental_field": "updated_at",
                            }
                            for name in ("organizations", "users", "orders")
                        ),
                        {"name": "order_items", "sync_type": "append", "incremental_field": "id"},
                    ],
                },
            }
        )
        self.add_source(
            {
                "source_type": "Stripe",
                "description": "Payments",
                "payload": {
                    "api_key": self.stripe.api_key,
                    "base_url": self.stripe.base_url,
                    "schemas": [
                        {
                            "name": name,
                            "should_sync": True,
                            "sync_type": "incremental",
                            "incremental_field": "created",
                        }
                        for name in (
                            "customer",
                            "invoice",
                            "charge",
                            "subscription",
                            "product",
                            "price",
                        )
                    ],
                },
            }
        )
        self.pwh("source", "list")

    def add_source(self, body: dict[str, Any]) -> None:
        path = self.home / "tmp" / f"{body['source_type'].lower()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(body))
        self.pwh("source", "add", str(path))
        path.unlink()

    def create_views(self) -> None:
        self.pwh("view", "create", "active_customers", answers.ACTIVE_CUSTOMERS)
        self.pwh("view", "create", "orders_by_plan", answers.ORDERS_BY_PLAN)
        for name in ("active_customers", "orders_by_plan"):
            self.pwh("view", "materialize", name, "--every", "24hour")
            self.pwh("view", "run", name)

    def ask(self) -> None:
        answers.check_paid_revenue(self.company, self.show(answers.PAID_REVENUE))
        answers.check_customers_with_events(self.company, self.show(answers.CUSTOMERS_WITH_EVENTS))
        self.show(answers.FROM_VIEW)
        answers.check_active_customers(self.company, self.rows(answers.FROM_VIEW, export=True))
        self.check_orders()
        self.pwh("lineage", "active_customers")

    def change(self) -> None:
        known = {customer["email"] for customer in self.company.stripe["customers"]}
        newcomer = next(p for p in self.company.persons if p.email not in known)
        self.company.stripe["customers"].append(
            {
                "id": "cus_new",
                "object": "customer",
                "email": newcomer.email,
                "name": newcomer.name,
                "currency": "usd",
                "created": int(datetime.now(UTC).timestamp()),
                "delinquent": False,
                "metadata": {"segment": "smb"},
            }
        )
        before = {row["name"]: row["watermark"] for row in self.tables()}
        with psycopg.connect(self.postgres.dsn) as connection:
            connection.execute(
                "UPDATE orders SET status = 'refunded', updated_at = now() WHERE id <= 200"
            )
            connection.execute(
                f"INSERT INTO orders SELECT {data.ORDERS} + i, i, 'paid', 10 * i, 'USD', now(), now() FROM generate_series(1, 50) i"
            )
            connection.commit()
            expected = connection.execute(
                "SELECT count(*) FROM orders WHERE updated_at >= %s::timestamptz",
                (before["orders"],),
            ).fetchone()
        time.sleep(1.5)
        self.pwh("sync")
        moved = {job.name: job.rows for job in reversed(self.platform.store.jobs(1, limit=50))}
        print(
            f"  orders: {moved['app_orders']:,} of {data.ORDERS + 50:,} rows moved; "
            f"customers: {moved['stripe_customer']}; users: {moved['app_users']}"
        )
        must(
            expected is not None and 250 <= moved["app_orders"] <= expected[0],
            f"{moved['app_orders']} orders moved, {expected} changed at the source",
        )
        self.pwh("view", "run", "active_customers", "orders_by_plan")
        answers.check_active_customers(self.company, self.rows(answers.FROM_VIEW, export=True))
        must(
            any(row[0] == newcomer.email for row in self.rows(answers.FROM_VIEW, export=True)),
            "the new customer is not in active_customers",
        )
        print(f"  {newcomer.email} became a customer and is in active_customers now")
        self.check_orders()

    def break_users(self) -> None:
        self.as_owner(f"REVOKE SELECT ON users FROM {READER}")
        self.pwh("sync", expect=1)
        self.pwh("health", expect=1)
        issues = {issue.name: issue for issue in self.health()}
        must("app_users" in issues, f"health does not name app_users but {sorted(issues)}")
        must(
            "permission denied" in issues["app_users"].error, f"cause: {issues['app_users'].error}"
        )
        must(
            "orders_by_plan" in issues["app_users"].blocks, f"blocks: {issues['app_users'].blocks}"
        )

    def mend_users(self) -> None:
        self.as_owner(f"GRANT SELECT ON users TO {READER}")
        self.pwh("sync")
        self.pwh("view", "run", "orders_by_plan")
        self.pwh("health")
        must(not self.health(), "health still has issues")
        self.check_orders()

    def check_orders(self) -> None:
        """The lake's orders and the application's are the same rows, and the view adds them up right."""
        with psycopg.connect(self.postgres.dsn) as connection:
            there = connection.execute(
                "SELECT count(*), sum(amount), count(*) FILTER (WHERE status = 'paid') FROM orders"
            ).fetchone()
            plans = connection.execute(
                "SELECT plan, count(*), sum(amount) FROM orders r JOIN users u ON u.id = r.user_id "
                "JOIN organizations o ON o.id = u.organization_id WHERE r.status = 'paid' GROUP BY plan ORDER BY plan"
            ).fetchall()
        here = self.rows("SELECT count(), sum(amount), countIf(status = 'paid') FROM app_orders")[0]
        if self.is_quiet:
            must(
                _numbers(there or ()) == _numbers(here),
                f"orders: {there} at the source, {here} in the lake",
            )
            view = self.rows("SELECT plan, orders, revenue FROM orders_by_plan ORDER BY plan")
            must(
                [_numbers(row) for row in view] == [_numbers(row) for row in plans],
                "orders_by_plan differs",
            )
        self.is_quiet = True

    is_quiet = False
    """False until a sync has run after the application stopped writing."""

    # ------------------------------------------------------------------ small helpers

    def stay_up(self) -> int:
        print("\nThe servers stay up; Ctrl-C ends them.")
        ports = (free_port(8000), free_port(3000))
        return self.pwh("up", "--port", str(ports[0]), "--dagster-port", str(ports[1]), expect=None)

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        print(f"\n━━ {title}", flush=True)
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        self.times.append((title, seconds))
        print(f"  ✓ {seconds:.1f} s", flush=True)

    def pwh(self, *argv: str, expect: int | None = 0) -> int:
        """Run a command of the CLI as a user would type it, and insist on its exit status."""
        from pwh_assets.cli import main as cli

        shown = " ".join(f'"{word.strip()}"' if " " in word else word for word in argv)
        print(f"\n$ pwh {shown}", flush=True)
        status = cli(list(argv))
        must(
            expect is None or status == expect, f"`pwh {argv[0]}` ended with {status}, not {expect}"
        )
        return status

    def show(self, sql: str) -> list[tuple[Any, ...]]:
        """What `pwh query` answers; its first rows are printed."""
        from pwh_assets.cli.console import table
        from pwh_assets.services.hogql.query import run_query

        print(f'\n$ pwh query "{sql.strip()}"', flush=True)
        answer = run_query(self.platform, 1, sql)
        rows = [tuple(row) for row in answer.rows]
        print(table(list(answer.columns), rows[:SHOWN]))
        print(f"… {len(rows)} rows, {answer.ms:.0f} ms on {answer.plan.engine}")
        return rows

    def rows(self, sql: str, export: bool = False) -> list[tuple[Any, ...]]:
        from pwh_assets.services.hogql.query import run_query

        return [tuple(row) for row in run_query(self.platform, 1, sql, export=export).rows]

    def tables(self) -> list[dict[str, Any]]:
        return [
            {"name": table.name, "watermark": table.watermark}
            for table in self.platform.store.tables(1)
        ]

    def health(self) -> list[Any]:
        from pwh_assets.services.health import health

        return health(self.platform, 1)

    def as_owner(self, sql: str) -> None:
        with psycopg.connect(self.postgres.dsn, autocommit=True) as connection:
            connection.execute(sql)


def _numbers(row: Any) -> tuple[Any, ...]:
    return tuple(
        value
        if isinstance(value, str) and not value.replace(".", "").isdigit()
        else round(float(value), 2)
        for value in row
    )
