"""Views built in ClickHouse by dbt: the same tables as DuckDB makes, read there at once, whole whatever happens."""

import json
import os
import random
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.cli.entry import run as pwh
from pwh_assets.core.health import IssueKind
from pwh_assets.core.source import Column, SyncMode, TableStatus
from pwh_assets.engines.base import Limits
from pwh_assets.engines.clickhouse import ENGINE
from pwh_assets.engines.clickhouse_site import BuildSite
from pwh_assets.engines.mirror import Mirror
from pwh_assets.engines.mirror_names import former_database_of, prefix_of
from pwh_assets.errors import BusyError
from pwh_assets.lake import Publish
from pwh_assets.lake.errors import LakeBusyError
from pwh_assets.services.health.answer import health
from pwh_assets.services.hogql.query import run_query
from pwh_assets.services.models import ModelError
from pwh_assets.services.models.clickhouse import WarehouseAwayError
from pwh_assets.services.quality.audit import QualityFailedError
from pwh_assets.services.quality.declare import add_check
from pwh_assets.services.views.files import export_views
from pwh_assets.services.views.importing import plan_import
from pwh_assets.services.views.running import ViewCancelledError, cancel_build
from pwh_assets.services.views.saved import build_view, materialize_view, remove_view, save_view
from pwh_assets.services.views.warehouse import EngineUnfitError, builder_of
from pwh_assets.store import NewTable
from tests.e2e.homes import Warehouse, orders, people
from tests.e2e.view_nursery import Nursery
from tests.servers.clickhouse import ClickHouseServer

pytest.importorskip("chdb", reason="pip install 'pwh-assets[clickhouse]'")

KINDS = (
    Column("id", "BIGINT"),
    Column("key", "VARCHAR"),
    Column("price", "DECIMAL(18,4)"),
    Column("ratio", "DOUBLE"),
    Column("tags", "VARCHAR[]"),
    Column("doc", "JSON"),
    Column("at", "TIMESTAMP WITH TIME ZONE"),
    Column("day", "DATE"),
    Column("ok", "BOOLEAN"),
    Column("ref", "UUID"),
)


def kinds():
    for i in range(6):
        yield {
            "id": i,
            "key": [None, "a", "b"][i % 3],
            "price": Decimal("12345678901234.5678") if i else None,
            "ratio": [None, 0.1, 1e300][i % 3],
            "tags": [["x", None], [], ["ü'\\"]][i % 3],
            "doc": ['{"a": {"b": [1, {"c": "d"}]}}', None, '{"a": null}'][i % 3],
            "at": datetime(2026, 3, 8, 6, 59, 59, 123456, UTC) if i != 2 else None,
            "day": date(1969, 12, 31) if i != 3 else None,
            "ok": [True, False, None][i % 3],
            "ref": str(uuid.UUID(int=i)) if i else None,
        }


class ClickHouseHome(Warehouse):
    """A warehouse on a server, with a table of every type."""

    def __init__(self, home, server):
        super().__init__(home, PWH_WAREHOUSE="clickhouse", PWH_CLICKHOUSE_URL=server.url)
        self.server = server
        self.write("users", people())
        self.write("orders", orders())
        source = self.store.add_source(
            1, "postgres", "typed_", "", {}, {}, [NewTable("kinds", KINDS, ("id",))]
        )
        file = self.settings.home / "kinds.parquet"
        pq.write_table(pa.Table.from_pylist(list(kinds())), file)
        self.lake.publish(
            Publish(source.slug, "kinds", SyncMode.FULL, (file,), KINDS, ("id",), None)
        )
        table = self.store.find_table(1, "typed_kinds")
        self.store.update_table(
            table.id, status=TableStatus.COMPLETED, last_synced_at=datetime.now(UTC), row_count=6
        )

    @property
    def engine(self):
        return self.platform.engines["clickhouse"]

    @property
    def mirror(self):
        return self.engine.mirror(1)

    @property
    def in_duckdb(self):
        return replace(self.platform, settings=replace(self.settings, warehouse="duckdb"))

    def keep(self, name, sql):
        save_view(self.platform, 1, name, sql)
        return materialize_view(self.platform, 1, name)

    def stored(self, name):
        with self.lake.read() as connection:
            types = connection.execute(f'DESCRIBE lake.views."{name}"').fetchall()
            rows = connection.execute(f'FROM lake.views."{name}"').fetchall()
        return [tuple(row[:2]) for row in types], sorted(map(repr, rows))

    def stored_whole(self, sql):
        with self.lake.read() as connection:
            return sorted(map(repr, connection.execute(sql).fetchall()))

    def sites(self):
        rows = self.engine.writer().query("SELECT name FROM system.databases").result_rows
        return [name for (name,) in rows if name.startswith(prefix_of(self.mirror.database))]

    def sent(self, word):
        return [text for text, _ in self.server.seen() if word in text]

    def close(self):
        self.engine.close()
        super().close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ClickHouseServer(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory, server):
    home = ClickHouseHome(tmp_path_factory.mktemp("clickhouse") / "home", server)
    yield home
    home.close()


def test_what_was_built_is_read_on_both_engines_and_was_copied_by_nobody(home):
    view = home.keep(
        "spent", "SELECT user_id, sum(amount) AS total FROM app_orders GROUP BY user_id"
    )
    result = build_view(home.platform, view)
    assert (result.engine, result.rows) == ("clickhouse", 10)
    assert result.reason == "The view is built as a whole. ClickHouse computed it."
    top = home.keep(
        "top.users",
        "SELECT u.email AS email, s.total AS total FROM app_users AS u JOIN spent AS s ON s.user_id = u.id",
    )
    assert build_view(home.platform, top).engine == "clickhouse"
    text = "SELECT email, total FROM top.users ORDER BY total LIMIT 2"
    expected = [("p0@example.com", 49500.0), ("p1@example.com", 49600.0)]
    assert home.ask(text) == home.ask(text, engine="duckdb") == expected
    assert not home.sent("views__spent__fresh") and not home.sent("views__top.users__fresh")
    assert home.sites() == []
    home.write("orders", orders(10))
    assert build_view(home.platform, view).rows == 10
    assert home.ask("SELECT sum(total) FROM spent") == [(45.0,)]
    assert not home.sent("views__spent__fresh")
    home.write("orders", orders())


TEXTS = (
    "SELECT id, key, price, ratio, tags, doc, at, day, ok, ref, toTimeZone(at, 'America/New_York') AS local, "
    "toStartOfDay(at) AS midnight, if(ok, 1, 0) AS one, price * 2 AS twice, price / 3 AS third, id / 4 AS quarter, "
    "[id, NULL] AS pair, JSONExtractString(doc, 'a', 'b') AS b, doc.a.b AS path, toDate(at) AS on_day, "
    "dateDiff('day', day, toDate(at)) AS days, NULL AS nothing, [ref] AS refs, round(ratio, 2) AS rounded, "
    "concat(key, '{{ x }}') AS braces FROM typed_kinds",
    "SELECT key, sum(price) AS total, count() AS n, min(at) AS first, max(day) AS last, avg(price) AS mean, "
    "arraySort(groupArray(id)) AS ids FROM typed_kinds GROUP BY key",
    "SELECT id FROM typed_kinds WHERE id > 100",
)


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_columns_and_rows_are_those_that_duckdb_makes(home, number):
    view = home.keep(f"kinds_{number}", TEXTS[number])
    assert build_view(home.platform, view).engine == "clickhouse"
    types, rows = home.stored(view.name)
    columns = home.store.view(1, view.name).columns
    asked = (
        home.ask(f"SELECT * FROM {view.name}"),
        home.ask(f"SELECT * FROM {view.name}", engine="duckdb"),
    )
    assert sorted(map(repr, asked[0])) == sorted(map(repr, asked[1]))
    assert build_view(home.in_duckdb, view).engine == "duckdb"
    assert home.stored(view.name) == (types, rows)
    assert home.store.view(1, view.name).columns == columns


def test_what_clickhouse_cannot_keep_or_follow_is_built_by_duckdb_which_the_run_says(home):
    view = home.keep("pairs", "SELECT id, (id, email) AS pair FROM app_users")
    result = build_view(home.platform, view)
    assert (result.engine, result.rows) == ("duckdb", 10)
    assert "DuckDB built it: `pair` is of type STRUCT" in result.reason
    ranges = home.keep(
        "ranges",
        "SELECT u.id AS id, count() AS n FROM app_users u LEFT JOIN app_orders o ON o.id <= u.id GROUP BY id",
    )
    result = build_view(home.platform, ranges)
    assert (result.engine, result.rows) == ("duckdb", 10) and home.sites() == []
    assert "DuckDB built it: ClickHouse refused this: " in result.reason
    with pytest.raises(EngineUnfitError, match="ClickHouse refused this"):
        build_view(home.platform, ranges, engine="clickhouse")
    ranges = home.store.update_view(ranges.id, incremental={"key": "id"})
    assert build_view(home.platform, ranges).engine == "duckdb"
    home.write("orders", orders(999))
    result = build_view(home.platform, ranges)
    assert result.engine == "duckdb" and "ClickHouse refused this: " in result.reason
    home.write("orders", orders())
    parts = home.keep("by_amount", "SELECT amount, count() AS n FROM app_orders GROUP BY amount")
    parts = home.store.update_view(parts.id, incremental={"key": "amount"})
    result = build_view(home.platform, parts)
    assert (result.engine, result.mode.value, result.rows) == ("clickhouse", "full", 1000)
    assert "cannot be built in parts" in result.reason and "ClickHouse computed" in result.reason


def test_a_view_in_parts_is_computed_there_and_as_a_whole_when_another_engine_takes_over(home):
    parts = home.keep(
        "parts",
        "SELECT user_id, sum(amount) AS total, count() AS n FROM app_orders GROUP BY user_id",
    )
    parts = home.store.update_view(parts.id, incremental={"key": "user_id"})
    assert builder_of(home.platform, parts).engine == "clickhouse"
    first = build_view(home.platform, parts)
    assert (first.engine, first.mode.value, first.rows) == ("clickhouse", "full", 10)
    assert home.ask("SELECT sum(total) FROM parts") == [(499500.0,)]
    assert not home.sent("views__parts__fresh")  # what was computed is the copy
    schema = home.table("app_orders").source.slug
    with home.lake.write() as connection:
        connection.execute(f"DELETE FROM lake.{schema}.orders WHERE user_id = 3 AND id > 500")
        connection.execute(f"INSERT INTO lake.{schema}.orders VALUES (5000, NULL, 10.0, 1)")
    second = build_view(home.platform, parts)
    assert (second.engine, second.mode.value, second.rows) == ("clickhouse", "incremental", 11)
    assert second.reason == (
        f"2 buckets were touched by changes of `{schema}.orders`. ClickHouse computed it."
    )
    text = "SELECT user_id, total, n FROM parts ORDER BY user_id"
    assert home.ask(text) == home.ask(text, engine="duckdb")
    assert home.stored("parts")[1] == home.stored_whole(
        f"SELECT user_id, sum(amount), count(*) FROM lake.{schema}.orders GROUP BY user_id"
    )
    third = build_view(home.platform, parts)
    assert third.reason == "Nothing that matters to the view has changed."
    other = build_view(home.platform, parts, engine="duckdb")
    assert (other.engine, other.mode.value) == ("duckdb", "full")
    assert other.reason == "ClickHouse computed the rows there are, and DuckDB does from now on."
    home.write("orders", orders(990))
    back = build_view(home.platform, parts)
    assert (back.engine, back.mode.value, home.sites()) == ("clickhouse", "full", [])
    with home.lake.write() as connection:
        connection.execute(f"DELETE FROM lake.{schema}.orders WHERE id = 989")
    home.server.misbehave("drop")
    try:
        with pytest.raises(WarehouseAwayError):
            build_view(home.platform, parts)
    finally:
        home.server.misbehave("none")
    assert build_view(home.platform, parts).mode.value == "incremental"
    assert home.ask("SELECT sum(n) FROM parts") == [(989,)]
    home.write("orders", orders())


def test_the_engine_of_one_build_and_of_a_view_can_be_chosen_and_is_kept(
    home, tmp_path, monkeypatch, capsys
):
    for name, value in (
        ("PWH_HOME", str(home.settings.home)),
        ("PWH_CLICKHOUSE_URL", home.settings.clickhouse_url),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PWH_WAREHOUSE", raising=False)
    home.keep("chosen", "SELECT sum(amount) AS total FROM app_orders")
    assert pwh(["view", "run", "chosen", "--engine", "clickhouse"]) == 0
    assert home.store.view(1, "chosen").last_build["engine"] == "clickhouse"
    capsys.readouterr()
    assert pwh(["view", "materialize", "chosen", "--engine", "clickhouse", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "clickhouse"
    chosen = home.store.view(1, "chosen")
    assert build_view(home.in_duckdb, chosen).engine == "clickhouse"
    assert build_view(home.in_duckdb, chosen, engine="duckdb").engine == "duckdb"
    assert pwh(["view", "runs", "chosen", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["results"]
    assert [run["engine"] for run in runs] == ["duckdb", "clickhouse", "clickhouse"]
    assert runs[1]["reason"] == "The view is built as a whole. ClickHouse computed it."
    export_views(home.platform, 1, tmp_path)
    assert "-- engine: clickhouse\n" in (tmp_path / "chosen.sql").read_text()
    assert "chosen" in plan_import(home.platform, 1, tmp_path).unchanged

    home.keep("pair", "SELECT (id, email) AS pair FROM app_users")
    with pytest.raises(EngineUnfitError, match=r"type STRUCT.* DuckDB builds it"):
        build_view(home.platform, home.store.view(1, "pair"), engine="clickhouse")
    assert home.store.view(1, "pair").failures_in_a_row == 0
    monkeypatch.delenv("PWH_CLICKHOUSE_URL")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    capsys.readouterr()
    assert pwh(["view", "run", "chosen", "--engine", "clickhouse"]) == 2
    assert "this home has none. Set `PWH_CLICKHOUSE_URL`" in capsys.readouterr().err


def test_a_table_that_could_not_be_adopted_is_copied_by_the_next_query(home, monkeypatch):
    view = home.keep("orphan", "SELECT count() AS n FROM app_users")
    build_view(home.platform, view)
    save_view(home.platform, 1, "orphan", "SELECT count() + 1 AS n FROM app_users")

    def away(*arguments):
        raise ConnectionResetError("connection reset")

    with monkeypatch.context() as patched:
        patched.setattr(BuildSite, "adopt", away)
        assert build_view(home.platform, view).engine == "clickhouse"
    assert home.ask("SELECT * FROM orphan") == [(11,)]
    assert home.sent("views__orphan__fresh")


def test_rows_that_fail_their_checks_are_seen_on_no_engine(home):
    view = home.keep("audited", "SELECT id, amount FROM app_orders")
    add_check(home.platform, 1, "audited", "row_count", {"max": 1000}, severity="error")
    build_view(home.platform, view)
    home.write("orders", orders(1001))
    with pytest.raises(QualityFailedError):
        build_view(home.platform, view)
    home.write("orders", orders())
    for engine in ("clickhouse", "duckdb"):
        assert home.ask("SELECT count() FROM audited", engine=engine) == [(1000,)]
    assert home.sites() == []


def test_a_query_that_fails_is_said_in_clickhouses_words_and_the_old_rows_stay(home):
    view = home.keep("fragile", "SELECT id AS a FROM app_users")
    build_view(home.platform, view)
    save_view(home.platform, 1, "fragile", "SELECT repeat(email, 100000000) AS a FROM app_users")
    with pytest.raises(ModelError) as caught:
        build_view(home.platform, view)
    words = str(caught.value)
    assert words.startswith("View `fragile` could not be built: ClickHouse refused this:")
    assert "Too many times to repeat" in words and "pwh_1" not in words and "\n" not in words
    assert home.ask("SELECT count() FROM fragile") == [(10,)]


def test_a_server_that_goes_away_fails_the_build_by_name_and_not_the_view(home, server):
    view = home.keep("away", "SELECT id FROM app_users")
    build_view(home.platform, view)
    server.misbehave("drop")
    try:
        for number in range(2):
            with pytest.raises(WarehouseAwayError) as caught:
                build_view(home.platform, view, f"run-{number}")
    finally:
        server.misbehave("none")
    assert (caught.value.code, caught.value.retryable) == ("engine_unavailable", True)
    now = home.store.view(1, "away")
    assert (now.status, now.failures_in_a_row) == (TableStatus.FAILED, 0)
    (issue,) = [each for each in health(home.platform, 1) if each.kind is IssueKind.WAREHOUSE]
    assert (issue.name, issue.tables) == ("clickhouse", ("away",))
    assert "does not answer" in issue.error and "`away`" in issue.error
    assert home.ask("SELECT count() FROM away", engine="duckdb") == [(10,)]
    assert build_view(home.platform, view).rows == 10
    assert home.store.view(1, "away").latest_error is None
    assert IssueKind.WAREHOUSE not in {each.kind for each in health(home.platform, 1)}

    gone = replace(
        home.platform,
        engines={
            **home.platform.engines,
            "clickhouse": ENGINE(
                replace(home.settings, clickhouse_url="http://app:pw@127.0.0.1:9/default"),
                home.platform.lakes,
            ),
        },
    )
    with pytest.raises(WarehouseAwayError, match="keeps its last rows") as caught:
        build_view(gone, view)
    assert "pw@" not in str(caught.value)


ENDLESS = (
    "SELECT count() AS n FROM app_orders AS a CROSS JOIN app_orders AS b CROSS JOIN app_orders AS c "
    "CROSS JOIN app_orders AS d WHERE a.amount + b.amount + c.amount + d.amount < 0"
)


def test_a_build_is_one_at_a_time_and_cancelling_ends_its_statement_on_the_server(home):
    view, caught = home.keep("endless", ENDLESS), []

    def build():
        try:
            build_view(home.platform, view)
        except ViewCancelledError as error:
            caught.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    deadline = time.monotonic() + 120
    while not running(home, view) and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(BusyError, match="is being built by another run"):
        build_view(home.platform, view)
    cancel_build(home.platform, 1, "endless")
    thread.join(120)
    assert len(caught) == 1
    assert running(home, view) == 0 and home.sites() == []


def running(home, view):
    text = f"SELECT count() FROM system.processes WHERE current_database = '{home.mirror.site_of(view.id)}'"
    return home.engine.writer().query(text).result_rows[0][0]


def test_inputs_stand_still_while_they_change(home):
    view = home.keep("still", "SELECT count() AS n FROM app_orders")
    path = (home.table("app_orders").source.slug, "orders")
    with BuildSite(home.engine, home.lake, view.id, {}, [view.id]) as site:
        changes = iter([900, 901])
        clone, count = Mirror.clone, []

        def changing(mirror, *arguments):
            found = clone(mirror, *arguments)
            rows = next(changes, None)
            if rows:
                home.write("orders", orders(rows))
            count.append(found)
            return found

        Mirror.clone = changing
        try:
            brought = site.bring([path])
        finally:
            Mirror.clone = clone
        assert len(count) == 3 and brought == {path: home.lake.changed_snapshots()[path]}
        home.write("orders", orders())
        assert home.ask("SELECT count() FROM app_orders") == [(1000,)]
        client = site.client()
        assert client.query(f"SELECT count() FROM {site.made(path)}").result_rows == [(901,)]
        client.close()


def test_a_build_that_wants_the_lake_to_stand_still_lets_a_view_arrive_first(home, monkeypatch):
    monkeypatch.setattr("pwh_assets.engines.clickhouse_site.TRIES", 0)
    lake, path = home.lake, (home.table("app_users").source.slug, "users")
    mirror, holds, arrived = home.engine.mirror(1), threading.Event(), threading.Event()

    def arrive():
        """As a view does: its copy is held, then the lake."""
        with mirror.turn(path):
            holds.set()
            time.sleep(0.3)
            with suppress(LakeBusyError), lake.lock(10):
                arrived.set()

    arriving = threading.Thread(target=arrive)
    arriving.start()
    try:
        assert holds.wait(10)
        with BuildSite(home.engine, lake, "reader", {}) as site:
            found = site.bring([path])
    finally:
        arriving.join()
    assert arrived.is_set() and found == {path: lake.changed_snapshots()[path]}


def test_two_processes_that_need_a_copy_make_one(home):
    others = [ENGINE(home.settings, home.platform.lakes) for _ in range(2)]
    path = (home.table("app_users").source.slug, "users")
    home.write("users", people(20))
    before = len(home.sent(f"INSERT INTO `{home.mirror.database}`.`{path[0]}__users__fresh`"))

    def bring(engine):
        session = engine.open(1, Limits())
        session.prepare([path])
        session.close()

    threads = [threading.Thread(target=bring, args=(engine,)) for engine in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in others:
        engine.close()
    assert (
        len(home.sent(f"INSERT INTO `{home.mirror.database}`.`{path[0]}__users__fresh`"))
        == before + 1
    )
    assert home.ask("SELECT count() FROM app_users") == [(20,)]
    home.write("users", people())


def test_of_a_table_that_only_grew_the_new_rows_are_copied_and_else_all_of_them(home):
    schema, text = home.table("app_users").source.slug, "SELECT count(), max(email) FROM app_users"
    word = f"`{schema}__users__fresh` CLONE AS"
    assert home.ask(text) == [(10, "p9@example.com")]

    def clones_after(*statements):
        before = len(home.sent(word))
        with home.lake.write() as connection:
            for statement in statements:
                connection.execute(statement.replace("{}", f"lake.{schema}.users"))
        assert home.ask(text) == home.ask(text, engine="duckdb")
        return len(home.sent(word)) - before

    assert clones_after("INSERT INTO {} VALUES (10, 'q', 'free')") == 1
    assert (
        clones_after("INSERT INTO {} FROM {} LIMIT 2", "INSERT INTO {} VALUES (11, 'r', '')") == 1
    )
    assert clones_after("UPDATE {} SET email = 's' WHERE id = 11") == 0
    assert clones_after("INSERT INTO {} VALUES (12, 't', '')", "DELETE FROM {} WHERE id = 3") == 0
    assert clones_after("ALTER TABLE {} ADD COLUMN more INTEGER") == 0
    assert clones_after("ALTER TABLE {} DROP COLUMN more", "INSERT INTO {} VALUES (9, 'u', '')") < 2
    assert clones_after("INSERT INTO {} FROM {} UNION ALL FROM {}") == 0  # more came than there was
    home.write("users", people())
    assert home.ask(text) == [(10, "p9@example.com")]


KILLS = int(os.environ.get("PWH_KILLS", "1"))


def test_a_build_killed_at_any_moment_leaves_the_old_table_and_the_next_removes_its_rest(
    home, monkeypatch
):
    for name, value in (
        ("PWH_WAREHOUSE", "clickhouse"),
        ("PWH_CLICKHOUSE_URL", home.settings.clickhouse_url),
    ):
        monkeypatch.setenv(name, value)
    whole = "SELECT count() AS n, uniq(version) AS versions FROM killed"
    view = home.keep("killed", "SELECT id, version FROM app_orders")
    build_view(home.platform, view)
    nursery, left = Nursery(home.settings.home), 0
    try:
        for version in range(2, 2 + KILLS):
            home.write("orders", orders(version=version))
            pid = nursery.start("killed")
            deadline = time.monotonic() + 120
            while not home.sites() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.6) if version > 2 else 0)
            nursery.kill(pid)
            left += bool(home.sites())
            for engine in ("clickhouse", "duckdb"):
                assert home.ask(whole, engine=engine) == [(1000, 1)]
            build_view(home.platform, view)
            assert home.sites() == []
            assert home.ask("SELECT max(version) FROM killed") == [(version,)]
    finally:
        nursery.close()
    assert left


def test_what_is_left_of_views_and_tables_that_are_gone_goes_with_the_next_build(home):
    writer = home.engine.writer()
    writer.command(f"CREATE DATABASE `{home.mirror.site_of(str(uuid.uuid4()))}`")
    view = home.keep("short", "SELECT 1 AS a")
    build_view(home.platform, view)
    remove_view(home.platform, 1, "short", force=True)
    kept = home.store.view(1, "killed")
    build_view(home.platform, kept)
    names = [row[0] for row in writer.query(f"SHOW TABLES FROM {home.mirror.database}").result_rows]
    assert home.sites() == [] and "views__short" not in names and "views__killed" in names


def test_homes_that_share_a_server_see_their_own_rows_and_what_earlier_versions_made_goes_on(
    home, server, tmp_path
):
    text = "SELECT count() FROM app_users"
    assert home.ask(text) == [(10,)]
    own, writer = home.mirror.database, home.engine.writer()
    former = former_database_of(1)
    writer.command(f"RENAME DATABASE `{own}` TO `{former}`")
    other = ClickHouseHome(tmp_path / "other", server)
    try:
        other.write("users", people(7))
        assert other.ask(text) == [(7,)] and other.mirror.database not in (own, former)
        view = other.keep("spent", "SELECT sum(amount) AS total FROM app_orders")
        assert build_view(other.platform, view).engine == "clickhouse"
        before = len(home.sent("INSERT INTO"))
        again = ENGINE(home.settings, home.platform.lakes)
        platform = replace(home.platform, engines={**home.platform.engines, "clickhouse": again})
        rows = run_query(platform, 1, text, engine="clickhouse").rows
        assert [tuple(row) for row in rows] == [(10,)] and again.mirror(1).database == own
        again.close()
        assert len(home.sent("INSERT INTO")) == before  # no table was copied anew
        names = [name for (name,) in writer.query("SHOW DATABASES").result_rows]
        assert former not in names and {own, other.mirror.database} <= set(names)
        assert other.ask("SELECT total FROM spent") == [(499500.0,)]
    finally:
        other.close()
