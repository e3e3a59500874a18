"""What a user may set on a sync, on a real PostgreSQL and on rows that come one by one."""

import re
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.job import ChangeKind, JobStatus, ReconciliationStatus
from pwh_assets.core.source import SyncMode, TableStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.health import health
from pwh_assets.services.sources.connecting import (
    create_source,
    refresh_source,
    update_source,
    update_table,
)
from pwh_assets.services.sources.tables import (
    bulk_update,
    cancel_sync,
    delete_data,
    expire_history,
    pause,
    request_resync,
    resume,
)
from pwh_assets.services.sync.limits import RowLimitReachedError, RowLimitTooLowError
from pwh_assets.services.sync.running import SyncCancelledError
from pwh_assets.services.sync.table import sync_table
from tests.e2e.notebooks import Desk, open_home

PEOPLE = """
DROP TABLE IF EXISTS people;
CREATE TABLE people (id bigint PRIMARY KEY, email text, plan text NOT NULL, paid numeric(12,2),
    born date, updated_at timestamptz NOT NULL DEFAULT now());
INSERT INTO people SELECT i, 'p' || i || '@example.com', CASE WHEN i % 2 = 0 THEN 'paid' ELSE 'free' END, i * 1.5,
    '1990-01-01'::date + i, '2024-03-01 12:00+00'::timestamptz + i * interval '1 minute'
FROM generate_series(1, 100) i
"""


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as running:
        yield running


class Shop:
    """A home with the table `people` of a real server."""

    def __init__(self, server, home, **schema):
        self.server, self.home = server, home
        self.run(PEOPLE)
        self.platform = open_home(home, ["postgres"])
        self.store, self.lake = self.platform.store, self.platform.lakes.of(1)
        wanted = {"name": "people", "sync_type": "incremental", "incremental_field": "updated_at"}
        body = {
            "source_type": "postgres",
            "payload": {**server.config, "schemas": [{**wanted, **schema}]},
        }
        self.source = create_source(self.platform, 1, body)

    @property
    def table(self):
        return next(t for t in self.store.tables(1) if t.name == "people")

    def set(self, **changes):
        return update_table(self.platform, 1, self.table.id, changes)

    def sync(self, **options):
        return sync_table(self.platform, self.table, **options)

    def run(self, query):
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def rows(self, what="*", more="ORDER BY ALL"):
        with self.lake.read() as connection:
            return connection.execute(f"SELECT {what} FROM lake.postgres.people {more}").fetchall()

    def columns(self):
        with self.lake.read() as connection:
            return [
                row[0] for row in connection.execute("DESCRIBE lake.postgres.people").fetchall()
            ]

    def kinds(self, **moment):
        now = datetime.now(UTC) + timedelta(**moment)
        return {issue.name: issue for issue in health(self.platform, 1, now)}

    def close(self):
        self.platform.lakes.close()
        self.store.close()


@pytest.fixture
def shop(server, tmp_path):
    made = Shop(server, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


def on_disk(folder, text):
    """Files that show this text; Parquet is decompressed first."""

    def shown(file):
        if file.suffix != ".parquet":
            return file.read_bytes()
        return str(pq.read_table(file).to_pylist()).encode()

    return [file for file in folder.rglob("*") if file.is_file() and text in shown(file)]


# -- columns and rows --------------------------------------------------------------------------------


def test_only_chosen_columns_are_read_with_key_and_cursor(shop):
    shop.set(enabled_columns=["plan"])
    shop.sync()
    assert shop.columns() == ["id", "plan", "updated_at"]
    assert on_disk(shop.home / "lake", b"example.com") == []


def test_columns_chosen_later_make_the_table_anew_and_readers_see_the_old_one_until_then(shop):
    shop.sync()
    changed = shop.set(enabled_columns=["plan"])
    assert changed.resync_reason == "`enabled_columns` changed after rows were stored."
    assert "email" in shop.columns()
    result = shop.sync()
    assert result.is_full and result.row_count == 100
    assert shop.columns() == ["id", "plan", "updated_at"]
    assert shop.table.resync_reason is None
    shop.set(enabled_columns=None)
    shop.sync()
    assert shop.columns() == ["id", "email", "plan", "paid", "born", "updated_at"]


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ({"column": "id", "operator": ">", "value": 98}, [99, 100]),
        ({"column": "id", "operator": "<=", "value": "2"}, [1, 2]),
        ({"column": "id", "operator": "in", "value": [3, 5, 900]}, [3, 5]),
        ({"column": "plan", "operator": "!=", "value": "free"}, list(range(2, 101, 2))),
        ({"column": "email", "operator": "=", "value": "p7@example.com"}, [7]),
        ({"column": "email", "operator": "=", "value": "' OR 1=1 --"}, []),
        ({"column": "paid", "operator": ">=", "value": 148.5}, [99, 100]),
        ({"column": "born", "operator": "<", "value": "1990-01-04"}, [1, 2]),
        ({"column": "updated_at", "operator": ">=", "value": "2024-03-01 13:39:00"}, [99, 100]),
        ({"column": "plan", "operator": "NOT IN", "value": ["free", "paid"]}, []),
    ],
)
@pytest.mark.parametrize("way", ["at the source", "on the way"])
def test_a_filter_keeps_the_same_rows_wherever_it_is_applied(
    shop, condition, ids, way, monkeypatch
):
    if way == "on the way":
        from dataclasses import replace

        source = shop.platform.sources["postgres"]
        plain = type(source).read

        def read(self, config, request):
            bare = replace(request, filters=(), may_chunk=False)
            return replace(plain(self, config, bare), is_filtered=False)

        monkeypatch.setattr(type(source), "read", read)
    shop.set(row_filters=[condition])
    shop.sync()
    assert [row[0] for row in shop.rows("id")] == ids


def test_filters_hold_together_and_changing_them_makes_the_table_anew(shop):
    shop.set(
        row_filters=[
            {"column": "plan", "operator": "=", "value": "paid"},
            {"column": "id", "operator": ">", "value": 90},
        ]
    )
    shop.sync()
    assert [row[0] for row in shop.rows("id")] == [92, 94, 96, 98, 100]
    shop.set(row_filters=[{"column": "id", "operator": "<", "value": 3}])
    shop.sync()
    assert [row[0] for row in shop.rows("id")] == [1, 2]


def test_rows_of_an_api_are_filtered_cut_and_masked_on_the_way(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    rows = [
        {"id": i, "v": i, "at": f"2024-01-{i + 1:02d}T00:00:00Z", "mail": f"m{i}@x.io", "junk": "J"}
        for i in range(10)
    ]
    types = {"id": "BIGINT", "v": "BIGINT", "at": "TIMESTAMP", "mail": "VARCHAR", "junk": "VARCHAR"}
    desk.write("orders", rows, columns=types)
    update_table(
        desk.platform,
        1,
        orders.id,
        {
            "enabled_columns": ["at", "mail"],
            "masks": {"mail": "truncate"},
            "row_filters": [{"column": "at", "operator": ">", "value": "2024-01-08"}],
        },
    )
    desk.sync(desk.store.table(orders.id))
    assert desk.rows(orders, "id, v, mail") == [(8, 8, "m8@***"), (9, 9, "m9@***")]
    assert on_disk(desk.home / "lake", b"x.io") == []


@pytest.mark.parametrize(
    ("changes", "attr", "words"),
    [
        ({"enabled_columns": []}, "enabled_columns", "at least one"),
        ({"enabled_columns": ["emial"]}, "enabled_columns", "Did you mean `email`"),
        ({"row_filters": [{"column": "id"}]}, "row_filters", "`operator` and `value`"),
        (
            {"row_filters": [{"column": "id", "operator": "LIKE", "value": 1}]},
            "row_filters",
            "not an operator",
        ),
        (
            {"row_filters": [{"column": "id", "operator": "=", "value": "x"}]},
            "row_filters",
            "Write a number",
        ),
        (
            {"row_filters": [{"column": "born", "operator": "=", "value": "soon"}]},
            "row_filters",
            "a date",
        ),
        (
            {"row_filters": [{"column": "id", "operator": "IN", "value": 3}]},
            "row_filters",
            "takes a list",
        ),
        ({"masks": {"email": "blur"}}, "masks", "`drop`, `hash`"),
        ({"masks": {"id": "null"}}, "masks", "primary key"),
        ({"masks": {"updated_at": "drop"}}, "masks", "cursor"),
        (
            {"incremental_field_lookback_seconds": 9_000_000},
            "incremental_field_lookback_seconds",
            "60 days",
        ),
        ({"full_refresh_interval_days": 0}, "full_refresh_interval_days", "from 1 to 90"),
        ({"sync_frequency": "1min"}, "sync_frequency", "`5min`"),
        (
            {"sync_frequency": "1hour", "sync_time_of_day": "02:00"},
            "sync_time_of_day",
            "over an hour",
        ),
        ({"sync_type": "append", "detect_deletes": True}, "detect_deletes", "append"),
        (
            {"sync_type": "full", "full_refresh_interval_days": 3},
            "full_refresh_interval_days",
            "everything",
        ),
        ({"row_filter": []}, "row_filter", "Did you mean `row_filters`"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_the_name_of_its_field(shop, changes, attr, words):
    before = shop.table
    with pytest.raises(InvalidInputError, match=re.escape(words)) as refused:
        shop.set(**changes)
    assert refused.value.attr == attr
    assert shop.table == before


# -- masks -------------------------------------------------------------------------------------------


def test_a_masked_column_never_reaches_the_disk_in_clear(shop):
    shop.set(masks=[{"column": "email", "mask": "hash"}, {"column": "paid", "mask": "null"}])
    shop.sync()
    rows = shop.rows("email, paid")
    assert all(re.fullmatch("[0-9a-f]{64}", email) and paid is None for email, paid in rows)
    assert len({email for email, _ in rows}) == 100
    assert on_disk(shop.home, b"p77@example.com") == []


def test_a_hashed_key_still_merges(shop):
    shop.set(masks={"id": "hash"})
    shop.sync()
    before = dict(shop.rows("plan, count(*)", "GROUP BY plan"))
    shop.run("UPDATE people SET plan = 'gold', updated_at = now() WHERE id = 7")
    shop.run("INSERT INTO people (id, plan) VALUES (1000, 'gold')")
    result = shop.sync()
    assert result.row_count == 101
    after = dict(shop.rows("plan, count(*)", "GROUP BY plan"))
    assert after == {"paid": before["paid"], "free": before["free"] - 1, "gold": 2}
    assert result.reconciliation.status is ReconciliationStatus.MATCHED


def test_one_value_has_one_hash_in_every_table_and_another_in_another_project(shop, tmp_path):
    shop.set(masks={"email": "hash"})
    shop.sync()
    here = shop.rows("email", "WHERE id = 7")[0][0]
    desk = Desk(tmp_path / "other")
    other = desk.table("people", SyncMode.FULL)
    desk.write("people", [{"id": 7, "email": "p7@example.com"}])
    update_table(desk.platform, 1, other.id, {"masks": {"email": "hash"}})
    desk.sync(desk.store.table(other.id))
    assert desk.rows(other, "email")[0][0] != here
    from pwh_assets.services.sync.masking import Masker

    same = Masker(shop.table.options.masks, shop.store.mask_key(1))
    assert same.row({"email": "p7@example.com"}) == {"email": here}
    desk.close()


def test_rotating_the_keys_keeps_the_hashes(shop):
    shop.set(masks={"email": "hash"})
    shop.sync()
    before = shop.rows("email")
    shop.store.new_secret_key()
    shop.store.rotate_secrets()
    shop.sync(full=True)
    assert shop.rows("email") == before


def test_rows_stored_in_clear_are_gone_after_the_resync_and_from_the_disk_after_expiring(shop):
    shop.sync()
    assert on_disk(shop.home / "lake", b"p77@example.com")
    assert "masks" in shop.set(masks={"email": "drop"}).resync_reason
    shop.sync()
    assert "email" not in shop.columns()
    assert on_disk(shop.home / "lake", b"p77@example.com")  # older states have it still
    assert expire_history(shop.platform, 1)["files"] >= 1
    assert on_disk(shop.home, b"p77@example.com") == []
    assert len(shop.rows()) == 100


def test_options_changed_while_a_sync_runs_still_lead_to_a_resync(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    rows = [{"id": i, "v": i, "mail": f"m{i}@x.io"} for i in range(30)]
    desk.write("orders", rows)
    desk.sync(orders)
    request_resync(desk.platform, 1, orders.id)
    desk.write("orders", rows, batch=10, delay_s=0.5)
    running = threading.Thread(target=desk.sync, args=(orders,))
    running.start()
    time.sleep(0.7)
    update_table(desk.platform, 1, orders.id, {"masks": {"mail": "hash"}})
    running.join()
    assert desk.store.table(orders.id).resync_reason is not None
    desk.sync(orders)
    assert all("@" not in row[0] for row in desk.rows(orders, "mail"))


# -- when and how far back ---------------------------------------------------------------------------


def test_a_lookback_moves_where_the_query_begins_and_not_the_watermark(shop):
    shop.sync()
    shop.run("UPDATE people SET plan = 'late' WHERE id = 95")  # its time stamp stays
    assert shop.sync().rows_synced == 0
    shop.set(incremental_field_lookback_seconds=600)
    result = shop.sync()
    assert shop.rows("plan", "WHERE id = 95") == [("late",)]
    assert result.cursor_after == result.cursor_before
    shop.run("UPDATE people SET plan = 'later' WHERE id = 80")
    shop.sync()
    assert shop.rows("plan", "WHERE id = 80") == [("paid",)]


def test_a_table_is_read_anew_when_its_interval_has_gone_by(shop):
    shop.set(full_refresh_interval_days=7)
    shop.sync()
    shop.run("DELETE FROM people WHERE id <= 10")
    assert not shop.sync().is_full
    eight_days_ago = datetime.now(UTC) - timedelta(days=8)
    shop.store.update_table(shop.table.id, full_synced_at=eight_days_ago)
    result = shop.sync()
    assert result.is_full and result.row_count == 90
    assert not shop.sync().is_full


# -- deletes and reconciliation ----------------------------------------------------------------------


def test_deletes_are_found_by_the_keys(shop):
    shop.set(detect_deletes=True)
    shop.sync()
    shop.run("DELETE FROM people WHERE id IN (3, 50)")
    shop.run("INSERT INTO people (id, plan) VALUES (101, 'new')")
    result = shop.sync()
    assert (result.rows_deleted, result.row_count) == (2, 99)
    assert [row[0] for row in shop.rows("id")] == [i for i in range(1, 102) if i not in (3, 50)]
    assert shop.lake.state(shop.table.id).row_count == 99
    shop.run("DELETE FROM people")
    assert shop.sync().row_count == 0


def test_rows_that_leave_the_filter_leave_the_table(shop):
    shop.set(
        detect_deletes=True, row_filters=[{"column": "plan", "operator": "=", "value": "paid"}]
    )
    shop.sync()
    shop.run("UPDATE people SET plan = 'free', updated_at = now() WHERE id = 2")
    result = shop.sync()
    assert (result.rows_deleted, result.row_count) == (1, 49)


def test_deletes_are_exact_while_rows_come_and_go(shop):
    shop.set(detect_deletes=True)
    shop.sync()
    stop = threading.Event()

    def work():
        with psycopg.connect(shop.server.dsn, autocommit=True) as connection:
            number = 1000
            while not stop.is_set():
                number += 1
                connection.execute("INSERT INTO people (id, plan) VALUES (%s, 'new')", [number])
                connection.execute("DELETE FROM people WHERE id = %s", [number - 5])

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(3):
            shop.sync()
            assert [row[0] for row in shop.rows("id", "WHERE id <= 100 ORDER BY id")] == list(
                range(1, 101)
            )
    finally:
        stop.set()
        worker.join()
    shop.sync()
    assert shop.rows("id") == sorted(shop.run("SELECT id FROM people"))


def test_both_sides_are_counted_and_a_difference_is_an_issue_with_its_cause(shop):
    first = shop.sync()
    found = first.reconciliation
    assert found.status is ReconciliationStatus.MATCHED
    assert found.source_rows == found.target_rows == 100
    assert found.source_checksum == found.target_checksum is not None
    shop.run("DELETE FROM people WHERE id = 9")
    found = shop.sync().reconciliation
    assert (found.status, found.source_rows, found.target_rows) == (
        ReconciliationStatus.MISMATCHED,
        99,
        100,
    )
    issue = shop.kinds()["postgres_people"]
    assert issue.kind == "mismatch" and "does not see deletes" in issue.error
    assert "--deletes on" in issue.way_out
    shop.set(detect_deletes=True)
    assert shop.sync().reconciliation.status is ReconciliationStatus.MATCHED
    assert shop.kinds() == {}


def test_another_key_with_the_same_count_is_seen_by_the_checksum(shop):
    shop.sync()
    shop.run("UPDATE people SET id = 5000 WHERE id = 9")  # the time stamp stays
    found = shop.sync().reconciliation
    assert found.status is ReconciliationStatus.MISMATCHED
    assert "not of the same keys" in found.cause


def test_numbers_of_any_size_are_stirred_alike_and_equal_sums_hide_nothing(shop):
    odd = "-9223372036854775808, 9223372036854775807, 0, -1, 4294967296, 200, 203, 205, 206"
    shop.run(
        "INSERT INTO people (id, plan, updated_at) "
        f"SELECT unnest(ARRAY[{odd}]::bigint[]), 'odd', '2024-01-01'"
    )
    found = shop.sync().reconciliation
    assert found.status is ReconciliationStatus.MATCHED and found.target_rows == 109
    # As many numbers, with the same sum and the same sum of squares.
    shop.run(
        "UPDATE people SET id = CASE id WHEN 200 THEN 201 WHEN 203 THEN 202 WHEN 205 THEN 204 ELSE 207 END "
        "WHERE id IN (200, 203, 205, 206)"
    )
    found = shop.sync().reconciliation
    assert found.status is ReconciliationStatus.MISMATCHED
    assert "not of the same keys" in found.cause


def test_rows_changed_after_the_bound_are_no_difference(shop, monkeypatch):
    source = type(shop.platform.sources["postgres"])
    plain = source.reconcile

    def late(self, config, request, bound):
        shop.run("UPDATE people SET updated_at = now() WHERE id <= 20")
        shop.run("INSERT INTO people (id, plan) VALUES (777, 'new')")
        return plain(self, config, request, bound)

    monkeypatch.setattr(source, "reconcile", late)
    assert shop.sync().reconciliation.status is ReconciliationStatus.MATCHED


def test_a_whole_table_is_reconciled_too(server, tmp_path):
    shop = Shop(server, tmp_path / "home", sync_type="full", incremental_field=None)
    assert shop.sync().reconciliation.status is ReconciliationStatus.MATCHED
    shop.close()


# -- ending and undoing ------------------------------------------------------------------------------


def slow(desk, name="orders", **more):
    orders = desk.table(name, SyncMode.FULL)
    desk.write(name, [{"id": 1}], columns={"id": "BIGINT"})
    desk.sync(orders)
    desk.write(
        name, [{"id": i} for i in range(100)], columns={"id": "BIGINT"}, batch=1, delay_s=0.3
    )
    return orders


@pytest.mark.parametrize("place", ["main thread", "another thread"])
def test_a_running_sync_is_cancelled_from_outside_and_leaves_the_table(desk, place):
    orders = slow(desk)
    seen = []

    def canceller():
        while not desk.store.jobs(1, status=JobStatus.RUNNING):
            time.sleep(0.05)
        time.sleep(1.5)
        seen.append(desk.store.jobs(1, 1)[0].progress)
        seen.append(cancel_sync(desk.platform, 1, "notebook_orders", wait_s=20))

    def run():
        with pytest.raises(SyncCancelledError):
            desk.sync(orders)
        ended.append(True)

    ended = []
    helper = threading.Thread(target=canceller)
    helper.start()
    if place == "main thread":
        run()
    else:
        worker = threading.Thread(target=run)
        worker.start()
        worker.join()
    helper.join()
    progress, done = seen
    assert progress.phase == "extract" and progress.rows > 0 and progress.rows_per_s > 0
    assert ended and [job.status for job in done.ended] == [JobStatus.CANCELLED]
    assert desk.rows(orders) == [(1,)]
    assert desk.store.table(orders.id).status is TableStatus.COMPLETED
    desk.write("orders", [{"id": 2}], columns={"id": "BIGINT"})
    assert desk.sync(orders).row_count == 1


def test_a_table_that_only_says_it_runs_is_unstuck(desk):
    orders = desk.table("orders")
    desk.store.update_table(orders.id, status=TableStatus.RUNNING)
    assert cancel_sync(desk.platform, 1, orders.id).was_stuck
    assert desk.store.table(orders.id).status is TableStatus.NEVER_RUN


def test_deleted_data_stays_deleted_until_the_table_is_resumed(shop):
    shop.sync()
    wiped = delete_data(shop.platform, 1, "postgres_people")
    assert (wiped.status, wiped.row_count, wiped.should_sync) == (TableStatus.PAUSED, None, False)
    assert not shop.lake.has_table("postgres", "people")
    assert shop.kinds() == {}
    resume(shop.platform, 1, [shop.table])
    assert shop.sync().row_count == 100


def test_pausing_and_resuming_touch_only_what_was_on(shop):
    shop.run("CREATE TABLE IF NOT EXISTS aside (id int PRIMARY KEY)")
    refresh_source(shop.platform, 1, shop.source.id)
    paused = pause(shop.platform, 1, shop.store.tables(1))
    assert [table.name for table in paused] == ["people"]
    resumed = resume(shop.platform, 1, shop.store.tables(1))
    assert [table.name for table in resumed] == ["people"]
    shop.run("DROP TABLE aside")


def test_many_changes_at_once_tell_which_could_not_be_made(shop):
    done = bulk_update(
        shop.platform,
        1,
        shop.source.id,
        [
            {"id": shop.table.id, "sync_frequency": "1hour"},
            {"name": "people", "sync_frequency": "often"},
            {"id": "nobody", "sync_frequency": "1hour"},
        ],
    )
    assert [one["name"] for one in done["updated"]] == ["people"]
    assert [(one["id"], one["attr"]) for one in done["failed"]] == [
        ("people", "sync_frequency"),
        ("nobody", "id"),
    ]
    assert shop.table.frequency.name == "1hour"


def test_new_tables_that_match_sync_by_themselves(shop):
    update_source(
        shop.platform,
        1,
        shop.source.id,
        {"auto_sync_new_schemas": True, "auto_sync_schema_patterns": ["order_*"]},
    )
    shop.run("CREATE TABLE order_items (id int PRIMARY KEY); CREATE TABLE other (id int)")
    counts = refresh_source(shop.platform, 1, shop.source.id)
    assert (counts["added"], counts["auto_enabled"]) == (2, 1)
    states = {table.name: table.should_sync for table in shop.store.tables(1)}
    assert states == {"people": True, "order_items": True, "other": False}
    shop.run("DROP TABLE order_items; DROP TABLE other")


# -- limits ------------------------------------------------------------------------------------------


def test_a_sync_that_would_exceed_the_limit_does_not_begin(shop):
    shop.store.set_row_limit(1, 99)
    with pytest.raises(RowLimitTooLowError, match="100 rows to read, and 99 are left"):
        shop.sync()
    assert shop.table.status is TableStatus.BILLING_LIMIT_TOO_LOW
    assert shop.store.jobs(1)[0].status is JobStatus.BILLING_LIMIT_TOO_LOW
    issue = shop.kinds()["postgres_people"]
    assert issue.kind == "billing_limit_too_low" and "pwh usage --limit" in issue.way_out
    shop.store.set_row_limit(1, 100)
    assert shop.sync().row_count == 100
    assert shop.kinds() == {}
    with pytest.raises(RowLimitReachedError):
        shop.sync()
    assert shop.table.status is TableStatus.BILLING_LIMIT_REACHED


def test_a_source_that_cannot_count_stops_at_the_limit_and_goes_on_next_month(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": i} for i in range(300)], batch=10, delay_s=0.01)
    desk.store.set_row_limit(1, 50)
    with pytest.raises(RowLimitReachedError):
        desk.sync(orders)
    assert not desk.lake.has_table("notebook", "orders")
    desk.store.set_row_limit(1, 300)
    last_month = datetime.now(UTC).replace(day=1) - timedelta(days=3)
    desk.store.add_usage(1, orders.id, "sync", 300, 0, at=last_month)
    assert desk.sync(orders).row_count == 300


# -- drift -------------------------------------------------------------------------------------------


def test_every_change_of_shape_is_told_and_followed(shop):
    shop.sync()
    shop.run(
        "ALTER TABLE people ADD COLUMN city text; ALTER TABLE people DROP COLUMN born; "
        "ALTER TABLE people ALTER COLUMN plan DROP NOT NULL; "
        "ALTER TABLE people ALTER COLUMN paid TYPE numeric(14,2); "
        'ALTER TABLE people RENAME COLUMN email TO "Email"'
    )
    shop.run("INSERT INTO people (id, plan, city) VALUES (101, 'x', 'Rome')")
    result = shop.sync()
    found = {change.column: change for change in result.changes}
    assert {name: change.kind for name, change in found.items()} == {
        "city": ChangeKind.NEW,
        "born": ChangeKind.DROPPED,
        "plan": ChangeKind.NULLABILITY,
        "paid": ChangeKind.WIDENED,
        "Email": ChangeKind.RENAMED_CASE,
    }
    assert found["paid"].after == "DECIMAL(14,2)"
    assert all(change.is_followed for change in found.values())
    assert len(shop.store.schema_changes(1, shop.table.id)) == 5
    assert shop.sync().changes == ()
    assert shop.kinds() == {}
    shop.run("ALTER TABLE people ALTER COLUMN paid TYPE numeric(10,2)")
    assert [change.kind for change in shop.sync().changes] == [ChangeKind.NARROWED]


def test_a_column_that_lost_its_values_is_an_issue_until_it_has_some_again(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    types = {"id": "BIGINT", "v": "BIGINT", "total": "BIGINT", "rare": "BIGINT"}
    before = [
        {"id": i, "v": 1000 + i, "total": i, "rare": 1 if i == 5 else None} for i in range(100)
    ]
    desk.write("orders", before, columns=types, arrow=True)
    desk.sync(orders)
    lost = [{"id": i, "v": 1000 + i, "total": None, "rare": None} for i in range(100, 130)]
    desk.write("orders", lost, columns=types, arrow=True)
    result = desk.sync(orders)
    assert [(change.column, change.kind) for change in result.changes] == [
        ("total", ChangeKind.ALL_NULL)
    ]
    (issue,) = health(desk.platform, 1)
    assert issue.kind == "schema_drift" and "`total` has only NULL now" in issue.error
    desk.write("orders", [{**row, "v": row["v"] + 50} for row in lost], columns=types, arrow=True)
    assert desk.sync(orders).changes == ()
    desk.write(
        "orders", [{"id": 1, "v": 5000, "total": 7, "rare": None}], columns=types, arrow=True
    )
    desk.sync(orders)
    assert health(desk.platform, 1) == []


# -- what should have run ----------------------------------------------------------------------------


def test_a_table_that_was_never_started_paused_while_wanted_or_overdue_is_an_issue(shop):
    shop.set(sync_frequency="5min")
    assert shop.kinds() == {}
    never = shop.kinds(minutes=6)["postgres_people"]
    assert never.kind == "never_ran" and "No run of it was started" in never.error
    shop.sync()
    assert shop.kinds(minutes=4) == {}
    overdue = shop.kinds(minutes=20)["postgres_people"]
    assert overdue.kind == "stale" and "No run of it was started since" in overdue.error
    pause(shop.platform, 1, [shop.table])
    assert shop.kinds()["postgres_people"].kind == "paused"
    resume(shop.platform, 1, [shop.table])
    shop.set(sync_frequency="never")
    assert shop.kinds(days=30) == {}


def test_choosing_columns_and_rows_is_no_drift(shop):
    shop.sync()
    shop.set(
        enabled_columns=["email"],
        row_filters=[{"column": "plan", "operator": "=", "value": "paid"}],
    )
    assert shop.sync().changes == ()
    shop.set(enabled_columns=None)
    assert shop.sync().changes == ()
