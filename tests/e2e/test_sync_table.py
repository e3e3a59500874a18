"""Syncing a table from its source: rows, columns, watermark, and what is written down about it."""

from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import SyncMode, TableStatus
from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.lake.errors import PublishError
from tests.e2e.notebooks import SECRET, Desk
from tests.servers import notebook


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


def test_a_full_sync_is_the_source_as_it_is(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}])
    first = desk.sync(orders)
    desk.write("orders", [{"id": 2, "v": "B"}])
    second = desk.sync(orders)
    assert desk.rows(orders) == [(2, "B")]
    assert (first.row_count, second.row_count, second.rows_synced) == (2, 1, 1)


def test_a_source_table_that_was_emptied_is_empty_afterwards(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}], columns={"id": "BIGINT"})
    desk.sync(orders)
    desk.write("orders", [], columns={"id": "BIGINT"})
    assert desk.sync(orders).row_count == 0
    assert desk.rows(orders) == []


def test_a_table_without_a_row_is_made_from_its_declared_columns(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [], columns={"id": "BIGINT", "v": "BIGINT", "meta": "JSON"})
    desk.sync(orders)
    assert desk.rows(orders) == []
    found = next(t for t in desk.lake.tables() if t.name == "orders")
    assert [column.type for column in found.columns] == ["BIGINT", "BIGINT", "JSON"]


def test_a_table_nothing_is_known_about_yet_is_no_failure(desk):
    orders = desk.table("orders")
    desk.write("orders", [])
    assert desk.sync(orders).row_count == 0
    assert desk.store.table(orders.id).status is TableStatus.COMPLETED


@pytest.mark.parametrize("arrow", [False, True])
def test_an_incremental_sync_reads_from_the_watermark_and_merges(desk, arrow):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    rows = [{"id": i, "v": 100 + i, "s": "a"} for i in range(50)]
    desk.write("orders", rows, arrow=arrow)
    desk.sync(orders)
    rows[7] = {"id": 7, "v": 200, "s": "changed"}
    rows.append({"id": 50, "v": 201, "s": "new"})
    desk.write("orders", rows, arrow=arrow)
    result = desk.sync(orders)
    assert (result.rows_synced, result.row_count) == (2, 51)
    assert (result.cursor_before, result.cursor_after) == ("149", "201")
    assert desk.rows(orders) == sorted((r["id"], r["v"], r["s"]) for r in rows)
    assert desk.lake.state(orders.id).watermark == "201"


def test_a_sync_that_finds_nothing_new_changes_nothing(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": 1, "v": 1, "s": "a"}])
    desk.sync(orders)
    before = desk.lake.snapshot_id()
    result = desk.sync(orders)
    assert result.rows_synced == 0 and desk.lake.snapshot_id() == before
    assert desk.store.table(orders.id).last_synced_at > datetime.now(UTC) - timedelta(seconds=30)


def test_an_append_sync_adds_what_is_past_the_watermark(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}, {"v": 2}])
    desk.sync(orders)
    desk.write("orders", [{"v": 1}, {"v": 2}, {"v": 3}])
    desk.sync(orders)
    desk.sync(orders)
    assert desk.rows(orders) == [(1,), (2,), (3,)]


def test_a_full_sync_on_demand_removes_what_the_source_lost_and_goes_on_from_there(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": 1, "v": 1}, {"id": 2, "v": 2}])
    desk.sync(orders)
    desk.write("orders", [{"id": 2, "v": 2}])
    assert desk.sync(orders).row_count == 2
    assert desk.sync(orders, full=True).row_count == 1
    assert desk.lake.state(orders.id).watermark == "2"
    assert desk.sync(orders).rows_synced == 0


def test_another_cursor_starts_from_the_beginning_without_doubling(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 5, "w": 1}, {"v": 6, "w": 2}])
    desk.sync(orders)
    orders = desk.store.update_table(orders.id, cursor="w")
    desk.write("orders", [{"v": 1, "w": 1}, {"v": 6, "w": 2}, {"v": 2, "w": 3}])
    desk.sync(orders)
    assert desk.rows(orders) == [(1, 1), (2, 3), (6, 2)]


def test_a_dropped_lake_table_is_read_from_the_beginning_again(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": 1, "v": 1}, {"id": 2, "v": 2}])
    desk.sync(orders)
    desk.lake.drop_schema("notebook")
    desk.sync(orders)
    assert desk.rows(orders) == [(1, 1), (2, 2)]


def test_an_incremental_table_without_a_key_is_refused_before_anything_is_read(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, [], "v")
    with pytest.raises(InvalidInputError, match="no primary key to merge on"):
        desk.sync(orders)


def test_how_it_went_is_written_down(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": 1, "v": 7}], columns={"id": "BIGINT", "v": "INTEGER"})
    desk.sync(orders, run_id="the-run")
    table = desk.store.table(orders.id)
    assert table.status is TableStatus.COMPLETED and table.latest_error is None
    assert (table.watermark, table.row_count) == ("7", 1)
    assert [(c.name, c.type) for c in table.columns] == [("id", "BIGINT"), ("v", "INTEGER")]
    job = desk.store.jobs(1)[0]
    assert (job.status, job.rows, job.run_id) == (
        JobStatus.COMPLETED,
        1,
        "the-run",
    ) and job.bytes > 0
    now = datetime.now(UTC)
    assert desk.store.usage(1, now - timedelta(hours=1), now + timedelta(hours=1)) == {orders.id: 1}


def test_progress_is_told_while_rows_arrive(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": i} for i in range(300)], batch=100, delay_s=0.3)
    seen = []
    desk.sync(orders, progress=seen.append)
    assert [p.rows for p in seen if p.phase == "extract"][-1] == 300
    assert any(0 < p.rows < 300 for p in seen)
    assert seen[-1].phase == "publish" and seen[-1].bytes > 0


def test_nothing_stays_on_disk_after_a_sync(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}])
    desk.sync(orders)
    assert list((desk.home / "pipelines").iterdir()) == []


def test_new_columns_arrive_types_widen_and_dropped_columns_stay_without_a_full_sync(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    steps = [
        ("INTEGER", 1, {"gone": "g"}, {"gone": "VARCHAR"}),
        ("BIGINT", 2**40, {"gone": "h"}, {"gone": "VARCHAR"}),
        ("DOUBLE", 1.5, {"new": "n"}, {"new": "VARCHAR"}),
        ("VARCHAR", "x", {"new": "m"}, {"new": "VARCHAR"}),
    ]
    results = []
    for number, (kind, value, more, types) in enumerate(steps):
        rows = [{"id": number, "v": number, "x": value, **more}]
        desk.write(
            "orders", rows, columns={"id": "BIGINT", "v": "BIGINT", "x": kind, **types}, arrow=True
        )
        results.append(desk.sync(orders))
    assert [r.columns_widened for r in results] == [(), ("x",), ("x",), ("x",)]
    assert results[2].columns_added == ("new",) and results[2].columns_missing == ("gone",)
    assert [r.rows_synced for r in results] == [1, 1, 1, 1]
    assert desk.rows(orders, "id, x, gone, new") == [
        (0, "1.0", "g", None),
        (1, "1099511627776.0", "h", None),
        (2, "1.5", None, "n"),
        (3, "x", None, "m"),
    ]
    assert [c.name for c in desk.store.table(orders.id).columns] == ["id", "v", "x", "new"]


def test_rows_that_come_one_by_one_may_lack_columns_and_change_their_minds(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write(
        "orders",
        [{"id": 1, "v": 1, "n": 1, "o": {"a": [1]}}, {"id": 2, "v": 2, "n": "one", "none": None}],
    )
    desk.sync(orders)
    desk.write("orders", [{"id": 3, "v": 3, "n": 2.5}])
    result = desk.sync(orders)
    assert result.columns_missing == ()
    assert desk.rows(orders, "id, n, o") == [
        (1, "1", '{"a":[1]}'),
        (2, "one", None),
        (3, "2.5", None),
    ]
    assert {c.name for c in desk.store.table(orders.id).columns} == {"id", "v", "n", "o"}


def test_text_that_looks_like_a_time_stays_text_where_text_is_declared(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"s": "2026-01-01T00:00:00Z"}, {"s": "x"}], columns={"s": "VARCHAR"})
    desk.sync(orders)
    assert desk.rows(orders) == [("2026-01-01T00:00:00Z",), ("x",)]


def test_strange_names_pass_through_every_stage(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["Id"], "v")
    row = {
        "Id": 1,
        "v": 1,
        "select": 2,
        "Name": 3,
        "name": 4,
        'we"ird': 5,
        "a.b c": 6,
        "__x__y": 7,
        "é": 8,
    }
    for arrow in (False, True):
        desk.write("orders", [{**row, "v": 1 + arrow}], arrow=arrow)
        desk.sync(orders)
    assert desk.rows(orders) == [(1, 2, 2, 3, 4, 5, 6, 7, 8)]
    assert [c.name for c in desk.store.table(orders.id).columns] == list(row)


def test_a_failing_source_leaves_the_table_and_says_why_without_its_secret(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}])
    desk.sync(orders)
    desk.write("orders", [{"id": 2}], fail="ValueError", message="the key KEY is odd")
    with pytest.raises(SourceError) as caught:
        desk.sync(orders)
    assert "the key *** is odd" in caught.value.sentence and not caught.value.retryable
    assert desk.rows(orders) == [(1,)]
    table, job = desk.store.table(orders.id), desk.store.jobs(1)[0]
    assert table.status is TableStatus.FAILED and table.latest_error == caught.value.sentence
    assert (job.status, job.error, job.error_code) == (
        JobStatus.FAILED,
        caught.value.sentence,
        "source_failed",
    )
    assert SECRET not in str(caught.value.__cause__) + str(caught.value.__context__)


def test_no_secret_is_left_on_disk_by_a_failure(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 2}], fail="ValueError", message="the key KEY is odd")
    with pytest.raises(SourceError):
        desk.sync(orders)
    for file in desk.home.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


def test_a_sources_own_error_comes_out_of_dlts_wrapping(desk):
    class LimitError(SourceUnavailableError):
        code = "rate_limited"

    notebook.fault(LimitError)
    notebook.fault(SourceAccessError)
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}], fail="LimitError", message="wait a minute")
    with pytest.raises(LimitError, match="wait a minute") as caught:
        desk.sync(orders)
    assert caught.value.retryable and desk.store.jobs(1)[0].error_code == "rate_limited"
    desk.write("orders", [{"id": 1}], fail="SourceAccessError", message="wrong KEY")
    with pytest.raises(SourceAccessError, match=r"wrong \*\*\*"):
        desk.sync(orders)


def test_a_connection_that_breaks_is_worth_another_try(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}], fail="ConnectionError", message="reset by KEY")
    with pytest.raises(SourceUnavailableError, match=r"reset by \*\*\*") as caught:
        desk.sync(orders)
    assert caught.value.retryable


def test_since_when_a_table_fails_is_kept_over_further_failures(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}], fail="ValueError")
    seen = []
    for _ in range(2):
        with pytest.raises(SourceError):
            desk.sync(orders)
        seen.append(desk.store.table(orders.id).failed_at)
    assert seen[0] == seen[1]
    desk.write("orders", [{"id": 1}])
    desk.sync(orders)
    assert desk.store.table(orders.id).failed_at is None


def test_stopping_a_sync_is_no_failure_of_the_table(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}])
    desk.sync(orders)
    desk.write("orders", [{"id": 2}], fail="KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        desk.sync(orders)
    assert desk.store.jobs(1)[0].status is JobStatus.CANCELLED
    assert desk.store.table(orders.id).status is TableStatus.COMPLETED
    assert desk.rows(orders) == [(1,)]


def test_values_that_do_not_fit_the_declared_type_fail_the_sync_and_nothing_else(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": 1, "v": 1}], columns={"id": "BIGINT", "v": "BIGINT"})
    desk.sync(orders)
    desk.write("orders", [{"id": "x", "v": 2}], columns={"id": "BIGINT", "v": "BIGINT"})
    with pytest.raises(PublishError, match="do not fit its column types"):
        desk.sync(orders)
    assert desk.rows(orders) == [(1, 1)]
    desk.write("orders", [{"id": 2, "v": 2}], columns={"id": "BIGINT", "v": "BIGINT"})
    desk.sync(orders)
    assert desk.rows(orders) == [(1, 1), (2, 2)]
