"""Joins people make: tried, kept, walked along on both engines, removed, and left alone when a table is gone."""

import json

import pytest

from pwh_assets.core.language import TableJoin
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.lake import Publish
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.hogql.joins import add_join, list_joins, remove_join, validate_join
from pwh_assets.services.hogql.query import explain
from pwh_assets.services.lineage.tracing import lineage
from pwh_assets.services.product.loading import import_events, import_persons
from pwh_assets.services.views.saved import save_view
from pwh_assets.store import NewTable
from tests.e2e.homes import Warehouse, orders, people

ENGINES = ["duckdb", "clickhouse"]
PERSONS = [f"00000000-0000-0000-0000-00000000000{i}" for i in range(3)]
USER = TableJoin(
    "persons", "persons.properties.email", "postgres.app.users", "lower(email)", "user"
)
CUSTOMER = [Column("id", "VARCHAR"), Column("email", "VARCHAR"), Column("name", "VARCHAR")]


class Joined(Warehouse):
    def __init__(self, home):
        super().__init__(home)
        self.write("users", people())
        self.write("orders", orders(30))
        persons = home / "persons.jsonl"
        persons.write_text(
            "\n".join(
                json.dumps({"id": id_, "properties": {"email": f"p{i}@example.com"}})
                for i, id_ in enumerate(PERSONS)
            )
        )
        import_persons(self.platform, 1, persons)
        events = home / "events.jsonl"
        events.write_text(
            "\n".join(
                json.dumps({"event": "e", "distinct_id": str(i), "timestamp": "2026-01-01T00:00:00Z",
                            "person_id": PERSONS[i % 3], "properties": {"n": i}})
                for i in range(6)
            )
        )  # fmt: skip
        import_events(self.platform, 1, events)

    def add_stripe(self):
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = NewTable("customer", tuple(CUSTOMER), ("id",))
        source = self.store.add_source(1, "stripe", "", "", {}, {}, [table])
        file = self.settings.home / "tmp" / "customer.parquet"
        rows = [{"id": f"c{i}", "email": f"p{i}@example.com", "name": f"Name {i}"} for i in (0, 1)]
        pq.write_table(pa.Table.from_pylist(rows), file)
        self.lake.publish(
            Publish("stripe", "customer", SyncMode.FULL, (file,), tuple(CUSTOMER), ("id",), None)
        )
        return source

    def joins(self):
        return {
            f"{one.join.source_table}.{one.join.field_name}": one.problem
            for one in list_joins(self.platform, 1)
        }


@pytest.fixture
def warehouse(tmp_path):
    found = Joined(tmp_path)
    yield found
    for engine in found.platform.engines.values():
        engine.close()
    found.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_join_on_persons_is_reached_from_events(warehouse, engine):
    add_join(warehouse.platform, 1, USER)
    sql = (
        "SELECT person.user.plan, person.user.id, count() FROM events "
        "WHERE person.user.email LIKE 'p%' GROUP BY 1, 2 ORDER BY 2"
    )
    assert warehouse.ask(sql, engine=engine) == [("paid", 0, 2), ("free", 1, 2), ("paid", 2, 2)]
    rows = warehouse.ask("SELECT user.plan FROM persons ORDER BY user.id", engine=engine)
    assert rows == [("paid",), ("free",), ("paid",)]


def test_a_join_is_made_once_per_path(warehouse):
    add_join(warehouse.platform, 1, USER)
    plan = explain(warehouse.platform, 1, "SELECT person.user.plan, person.user.id FROM events")
    assert plan.sql.count("JOIN") == 2
    assert set(plan.tables) == {"events", "persons", "app_users"}


def test_a_join_reaches_from_a_table_and_a_view(warehouse):
    platform = warehouse.platform
    add_join(platform, 1, TableJoin("app_orders", "user_id", "app_users", "id", "buyer"))
    save_view(platform, 1, "big", "SELECT id, user_id FROM app_orders WHERE amount > 20")
    add_join(platform, 1, TableJoin("big", "user_id", "app_users", "id", "buyer"))
    assert warehouse.ask("SELECT buyer.email FROM app_orders WHERE id = 3") == [("p3@example.com",)]
    assert warehouse.ask("SELECT buyer.email FROM big WHERE id = 21") == [("p1@example.com",)]


def test_lineage_leads_through_a_join(warehouse):
    platform = warehouse.platform
    add_join(platform, 1, USER)
    save_view(platform, 1, "plans", "SELECT person.user.plan AS plan FROM events")
    found = lineage(platform, 1, "plans", columns=True)
    assert ("app_users", "plan") in {(e.source, e.source_column) for e in found.columns}


def test_a_probe_shows_the_keys_that_meet(warehouse):
    found = validate_join(warehouse.platform, 1, USER)
    assert found.is_valid and found.msg is None
    assert set(found.results) == {(f"p{i}@example.com",) * 2 for i in range(3)}
    assert "INNER JOIN" in found.hogql
    none = validate_join(
        warehouse.platform, 1, TableJoin("persons", "properties.email", "app_users", "plan", "x")
    )
    assert (none.is_valid, none.results) == (True, ()) and none.msg
    for join in (
        TableJoin("nobody", "a", "app_users", "id", "x"),
        TableJoin("persons", "a", "app_users", "id", "x"),
        TableJoin("persons", "concat(id, created_at)", "app_users", "id", "x"),
        TableJoin("persons", "properties.email", "app_users", "max(id)", "x"),
    ):
        wrong = validate_join(warehouse.platform, 1, join)
        assert not wrong.is_valid and wrong.msg and wrong.results == ()


@pytest.mark.parametrize(
    ("join", "error"),
    [
        (TableJoin("nobody", "id", "app_users", "id", "u"), NotFoundError),
        (TableJoin("persons", "id", "nobody", "id", "u"), NotFoundError),
        (TableJoin("persons", "nothing", "app_users", "id", "u"), InvalidInputError),
        (TableJoin("persons", "id", "app_users", "nothing", "u"), InvalidInputError),
        (TableJoin("persons", "id", "app_users", "max(id)", "u"), InvalidInputError),
        (TableJoin("persons", "id", "app_users", "id", "a.b"), InvalidInputError),
        (TableJoin("persons", "id", "app_users", "id", ""), InvalidInputError),
        (TableJoin("persons", "id", "app_users", "id", "PROPERTIES"), ConflictError),
        (TableJoin("persons", "id", "app_users", "id", "pdi"), ConflictError),
        (TableJoin("events", "distinct_id", "app_users", "email", "poe"), ConflictError),
    ],
)
def test_a_join_that_cannot_be_is_refused(warehouse, join, error):
    with pytest.raises(error):
        add_join(warehouse.platform, 1, join)
    assert warehouse.store.joins(1) == []


def test_a_join_whose_table_is_gone_rests_until_it_is_back(warehouse):
    platform = warehouse.platform
    add_join(platform, 1, USER)
    before = build_catalog(platform, 1).version
    warehouse.lake.drop_table("postgres_app", "users")
    assert "no table" in warehouse.joins()["persons.user"]
    assert build_catalog(platform, 1).version != before
    assert warehouse.ask("SELECT count() FROM persons") == [(3,)]
    with pytest.raises(HogQLError, match="user"):
        warehouse.ask("SELECT user.plan FROM persons")
    warehouse.write("users", people())
    assert warehouse.joins()["persons.user"] is None
    assert warehouse.ask("SELECT count() FROM persons WHERE user.plan = 'paid'") == [(2,)]


def test_persons_meet_stripe_customers_by_themselves(warehouse):
    platform = warehouse.platform
    warehouse.add_stripe()
    ask = "SELECT stripe_customer.name FROM persons ORDER BY 1"
    for engine in ENGINES:
        assert warehouse.ask(ask, engine=engine) == [("Name 0",), ("Name 1",), (None,)]
    assert warehouse.ask("SELECT count() FROM stripe_customer WHERE person.id IS NOT NULL") == [
        (2,)
    ]
    assert set(warehouse.joins()) == {"persons.stripe_customer", "stripe_customer.person"}

    remove_join(platform, 1, "persons.stripe_customer")
    assert set(warehouse.joins()) == {"stripe_customer.person"}
    with pytest.raises(HogQLError):
        warehouse.ask(ask)

    other = TableJoin("persons", "properties.email", "app_users", "email", "stripe_customer")
    add_join(platform, 1, other)
    assert warehouse.ask("SELECT count() FROM persons WHERE stripe_customer.plan = 'paid'") == [
        (2,)
    ]
    remove_join(platform, 1, "PERSONS.stripe_customer")
    assert set(warehouse.joins()) == {"stripe_customer.person"}


def test_removing_a_join_changes_the_answer_at_once(warehouse):
    join = add_join(warehouse.platform, 1, USER)
    assert warehouse.ask("SELECT count() FROM persons WHERE user.id = 0") == [(1,)]
    remove_join(warehouse.platform, 1, join.id)
    with pytest.raises(HogQLError):
        warehouse.ask("SELECT count() FROM persons WHERE user.id = 0")
    with pytest.raises(NotFoundError):
        remove_join(warehouse.platform, 1, join.id)
