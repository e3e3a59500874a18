"""Asking a home: limits, frozen time, values, sessions that see new rows, both engines."""

import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from pwh_assets.core.source import Column
from pwh_assets.engines.base import Limits, QueryTimeoutError, QueryTooLargeError
from pwh_assets.errors import InvalidInputError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.hogql.query import explain, run_query
from pwh_assets.store import NewTable
from tests.e2e.homes import Warehouse, orders, people

ENGINES = ["duckdb", "clickhouse"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    found = Warehouse(tmp_path_factory.mktemp("query"))
    found.write("users", people())
    found.write("orders", orders())
    yield found
    for engine in found.platform.engines.values():
        engine.close()
    found.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_join_over_synced_tables_is_answered(warehouse, engine):
    rows = warehouse.ask(
        "SELECT u.email, count() AS orders, sum(o.amount) AS total FROM app_users u "
        "JOIN app_orders o ON o.user_id = u.id GROUP BY u.email HAVING orders > 1 ORDER BY total DESC LIMIT 2",
        engine=engine,
    )
    assert rows == [("p9@example.com", 100, 50400.0), ("p8@example.com", 100, 50300.0)]


@pytest.mark.parametrize(
    "name", ["app_users", "postgres.app.users", "app_postgres_users", "APP_USERS"]
)
def test_every_spelling_of_a_table_works(warehouse, name):
    assert warehouse.ask(f"SELECT count() FROM {name}") == [(10,)]


def test_a_query_without_limit_gives_a_hundred_rows(warehouse):
    assert len(warehouse.ask("SELECT id FROM app_orders")) == 100


def test_a_limit_above_the_highest_is_lowered(warehouse):
    result = run_query(warehouse.platform, 1, "SELECT number FROM numbers(60000) LIMIT 60000")
    assert len(result.rows) == result.plan.limit == 50_000


def test_a_limit_that_is_no_number_is_bounded_too(warehouse):
    result = run_query(
        warehouse.platform, 1, "SELECT number FROM numbers(60000) LIMIT 30000 + 30000"
    )
    assert len(result.rows) == 50_000


def test_an_export_has_all_rows(warehouse):
    assert len(warehouse.ask("SELECT id FROM app_orders", export=True)) == 1000


@pytest.mark.parametrize("engine", ENGINES)
def test_new_rows_are_seen_by_the_next_query(warehouse, engine):
    before = warehouse.ask("SELECT count() FROM app_orders", engine=engine)
    warehouse.write("orders", orders(1001))
    try:
        assert warehouse.ask("SELECT count() FROM app_orders", engine=engine) == [(1001,)]
    finally:
        warehouse.write("orders", orders())
    assert warehouse.ask("SELECT count() FROM app_orders", engine=engine) == before


@pytest.mark.parametrize("engine", ENGINES)
def test_now_is_one_moment(warehouse, engine):
    now = datetime(2026, 3, 1, 23, 30)
    sql = "SELECT now(), today(), yesterday(), now() - INTERVAL 1 DAY"
    rows = warehouse.ask(sql, engine=engine, now=now)
    assert rows == [("2026-03-01T23:30:00Z", "2026-03-01", "2026-02-28", "2026-02-28T23:30:00Z")]


@pytest.mark.parametrize("engine", ENGINES)
def test_values_come_as_json_has_them(warehouse, engine):
    sql = (
        "SELECT 1 = 1 AS yes, NULL AS nothing, [1, 2] AS list, (1, 'a') AS pair, map('k', 1) AS map, "
        "toUUID('00000000-0000-0000-0000-000000000001') AS id, toDate('2026-01-02') AS day, 1 / 0 AS much, "
        "toTimeZone(toDateTime('2026-07-01 12:00:00'), 'Europe/Berlin') AS there"
    )
    (row,) = warehouse.ask(sql, engine=engine)
    expected = (True, None, [1, 2], [1, "a"], {"k": 1}, "00000000-0000-0000-0000-000000000001")
    assert row == (*expected, "2026-01-02", None, "2026-07-01T14:00:00+02:00")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_query_over_its_time_is_stopped(warehouse, engine):
    started = time.monotonic()
    with pytest.raises(QueryTimeoutError, match="1 s"):
        run_query(
            warehouse.platform,
            1,
            "SELECT count() FROM numbers(100000000) a, numbers(100000) b WHERE a.number % 7 = b.number % 5",
            engine=engine,
            limits=Limits(timeout_s=1),
        )
    assert time.monotonic() - started < 15


def test_more_rows_than_allowed_are_refused(warehouse):
    with pytest.raises(QueryTooLargeError, match="more than 10 rows"):
        run_query(warehouse.platform, 1, "SELECT id FROM app_orders", limits=Limits(max_rows=10))


def test_more_memory_than_allowed_is_refused(warehouse):
    sql = "SELECT groupArray(toString(number)) FROM numbers(100000000)"
    with pytest.raises((QueryTooLargeError, QueryTimeoutError)):
        run_query(warehouse.platform, 1, sql, limits=Limits(memory_mb=64, timeout_s=30))


def test_threads_may_ask_at_once(warehouse):
    answers, errors = [], []

    def ask():
        try:
            answers.append(warehouse.ask("SELECT count() FROM app_orders"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert answers == [[(1000,)]] * 8


def test_every_mistake_is_told_with_its_place(warehouse):
    text = "SELECT emial, cuont(), o.nothing FROM app_users u JOIN app_order o ON o.id = u.id"
    with pytest.raises(HogQLError) as told:
        warehouse.ask(text)
    found = [(p.code, text[p.start : p.end], p.hint) for p in told.value.problems]
    assert found == [
        ("unknown_function", "cuont", "Did you mean `count`?"),
        ("unknown_table", "app_order", "Did you mean `app_orders`?"),
    ]


def test_an_unknown_engine_is_refused_by_name(warehouse):
    with pytest.raises(InvalidInputError, match="`duckdb`"):
        warehouse.ask("SELECT 1", engine="oracle")


def test_explain_shows_engine_tables_and_columns(warehouse):
    shown = explain(warehouse.platform, 1, "SELECT email, person.id FROM app_users, events")
    assert shown.engine == "duckdb"
    assert shown.tables == ("app_users", "events", "persons")
    assert "product.persons" in shown.physical
    assert shown.columns == (("email", "String"), ("id", "UUID"))
    assert shown.limit == 100


def test_the_catalog_stays_the_same_while_only_rows_change(warehouse):
    before = build_catalog(warehouse.platform, 1)
    warehouse.write("orders", orders(10))
    after = build_catalog(warehouse.platform, 1)
    warehouse.write("orders", orders())
    assert after is before


def test_another_project_sees_none_of_it(warehouse):
    warehouse.store.ensure_project(2, "Other")
    with pytest.raises(HogQLError, match="There is no table or view `app_users`"):
        run_query(warehouse.platform, 2, "SELECT * FROM app_users")


def test_an_answer_is_an_arrow_table_too(warehouse):
    result = run_query(warehouse.platform, 1, "SELECT id, email FROM app_users ORDER BY id")
    assert result.arrow().num_rows == 10


def test_stripe_customers_are_joined_with_persons_by_email(warehouse):
    customers = (Column("id", "VARCHAR"), Column("email", "VARCHAR"), Column("name", "VARCHAR"))
    source = warehouse.store.add_source(
        1, "stripe", "", "Money", {}, {}, [NewTable("customer", customers, ("id",))]
    )
    with warehouse.lake.write() as connection:
        connection.execute('CREATE SCHEMA lake."stripe"')
        connection.execute(
            "CREATE TABLE lake.stripe.customer (id VARCHAR, email VARCHAR, name VARCHAR)"
        )
        connection.execute(
            "INSERT INTO lake.stripe.customer VALUES ('c1', 'p1@example.com', 'One')"
        )
        connection.execute(
            "INSERT INTO lake.product.persons VALUES "
            "('00000000-0000-0000-0000-000000000001', '{\"email\":\"p1@example.com\"}', now(), true)"
        )
    try:
        for engine in ENGINES:
            ask = lambda sql, on=engine: warehouse.ask(sql, engine=on)  # noqa: E731
            assert ask("SELECT stripe_customer.name FROM persons") == [("One",)]
            assert ask("SELECT name FROM stripe_customer WHERE person.is_identified") == [("One",)]
            assert ask("SELECT stripe.customer.email FROM stripe.customer") == [("p1@example.com",)]
    finally:
        warehouse.store.remove_source(source.id)
        warehouse.lake.drop_schema("stripe")
        with warehouse.lake.write() as connection:
            connection.execute("DELETE FROM lake.product.persons")


def test_a_clickhouse_that_another_process_holds_is_said_so(tmp_path):
    holding = """
import sys
import chdb.session
held = chdb.session.Session(sys.argv[1])
held.query("SELECT 1")
print("held", flush=True)
sys.stdin.read()
"""
    asking = """
import sys
from pwh_assets.engines.base import Limits
from pwh_assets.engines.clickhouse import ENGINE, ClickHouseHeldError
from pwh_assets.lake import Lakes
from pwh_assets.settings import Settings
settings = Settings.from_env({"PWH_HOME": sys.argv[1]})
try:
    ENGINE(settings, Lakes(settings)).open(1, Limits())
except ClickHouseHeldError as error:
    print(error)
"""
    folder = tmp_path / "clickhouse"
    folder.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", holding, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline().strip() == "held"
        asked = subprocess.run(
            [sys.executable, "-c", asking, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "PWH_CLICKHOUSE_URL" in asked.stdout
        assert str(tmp_path) not in asked.stdout
    finally:
        holder.communicate(timeout=30)
