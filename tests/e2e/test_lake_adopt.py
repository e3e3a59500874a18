"""Staged files the lake takes as they are: when it does, when it does not, and what becomes of them."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.lake import Lakes, Publish, SyncState
from pwh_assets.lake.maintenance import maintain
from pwh_assets.settings import Settings


@pytest.fixture
def lake(tmp_path):
    lakes = Lakes(Settings(home=tmp_path / "home"))
    yield lakes.of(1)
    lakes.close()


def staged(lake, name, query):
    file = lake.settings.home / f"{name}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    return file


def publish(lake, *files, mode=SyncMode.FULL, load="1", table="orders", schema="shop", **more):
    state = SyncState("t", load, None, 0, datetime.now(UTC).replace(tzinfo=None))
    more.setdefault("files_are_final", True)
    return lake.publish(
        Publish(
            schema,
            table,
            mode,
            files,
            more.pop("columns", ()),
            more.pop("key", ["id"]),
            state,
            **more,
        )
    )


def rows(lake, what="*", table="shop.orders"):
    with lake.read() as connection:
        return connection.execute(f"SELECT {what} FROM lake.{table} ORDER BY ALL").fetchall()


def adopted(lake):
    return sorted(Path(lake.address.data_path).rglob("load-*.parquet"))


ORDERS = "SELECT range AS id, 'v' || range AS v FROM range({}, {})"


def test_a_file_of_the_tables_own_columns_is_taken_and_the_staged_one_may_go(lake):
    file = staged(lake, "a", ORDERS.format(0, 1000))
    assert publish(lake, file).rows_written == 1000
    assert len(adopted(lake)) == 1
    file.unlink()
    assert len(rows(lake)) == 1000 and rows(lake, "min(v), max(id), count(v)") == [
        ("v0", 999, 1000)
    ]
    assert lake.verify() == []


def test_files_somebody_may_still_write_to_are_copied(lake):
    file = staged(lake, "a", ORDERS.format(0, 10))
    publish(lake, file, files_are_final=False)
    file.write_bytes(b"something else")
    assert adopted(lake) == [] and len(rows(lake)) == 10


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT range AS id FROM range(10)", ()),  # a column less than the table has
        ("SELECT range::INTEGER AS id, 'x' AS v FROM range(10)", [Column("id", "BIGINT")]),
        ("SELECT range AS id, 'x' AS V FROM range(10)", ()),
        ("SELECT range AS id, 1::BIGINT AS v FROM range(10)", ()),
    ],
)
def test_other_columns_are_written_again_and_come_out_right(lake, query, columns):
    publish(lake, staged(lake, "a", ORDERS.format(100, 105)), mode=SyncMode.APPEND)
    before = adopted(lake)
    publish(lake, staged(lake, "b", query), mode=SyncMode.APPEND, load="2", columns=columns)
    assert adopted(lake) == before
    assert rows(lake, "count(*), count(DISTINCT id)") == [(15, 15)]
    nulls = 10 if "v" not in query.lower().split("as", 1)[1].lower() else 0
    assert rows(lake, "count(*) FILTER (v IS NULL)") == [(nulls,)]
    assert [len(rows(lake, "*", "shop.orders WHERE v IS NULL"))] == [nulls]
    assert lake.verify() == []


def test_rows_of_taken_files_are_merged_deleted_evolved_and_compacted(lake):
    publish(
        lake,
        staged(lake, "a", ORDERS.format(0, 50_000)),
        staged(lake, "b", ORDERS.format(50_000, 100_000)),
        mode=SyncMode.INCREMENTAL,
        rows_are_unique=True,
    )
    assert len(adopted(lake)) == 2
    # Many changed rows: the old ones are deleted, the file is taken.
    changed = "SELECT range AS id, 'new' AS v FROM range(0, 30000)"
    publish(
        lake, staged(lake, "c", changed), mode=SyncMode.INCREMENTAL, load="2", rows_are_unique=True
    )
    assert len(adopted(lake)) == 3
    # A few: compared first, written.
    few = "SELECT range AS id, CASE WHEN range = 99999 THEN 'last' ELSE 'v' || range END AS v FROM range(99990, 100000)"
    done = publish(
        lake, staged(lake, "d", few), mode=SyncMode.INCREMENTAL, load="3", rows_are_unique=True
    )
    assert done.rows_written == 1
    # Another column, and a wider type.
    wider = "SELECT range AS id, 'v' AS v, range * 0.5::DOUBLE AS w FROM range(100000, 100010)"
    publish(lake, staged(lake, "e", wider), mode=SyncMode.INCREMENTAL, load="4")
    expected = [(100_010, 100_010, 30_000, 10)]
    what = "count(*), count(DISTINCT id), count(*) FILTER (v = 'new'), count(w)"
    assert rows(lake, what) == expected
    assert len(rows(lake, "id", "shop.orders WHERE w IS NULL")) == 100_000
    assert lake.verify() == []
    maintain(lake, 0, timedelta(0))
    maintain(lake, 0, timedelta(0))
    assert rows(lake, what) == expected and lake.verify() == []
    assert len(rows(lake, "id", "shop.orders WHERE w IS NULL")) == 100_000


def test_a_key_that_comes_twice_keeps_its_last_row(lake):
    first = staged(lake, "a", ORDERS.format(0, 10))
    second = staged(lake, "b", "SELECT 3::BIGINT AS id, 'later' AS v")
    publish(lake, first, second, mode=SyncMode.INCREMENTAL)
    assert rows(lake, "count(*), max(v) FILTER (id = 3)") == [(10, "later")]


def test_a_large_table_is_replaced_and_its_files_go_with_maintenance(lake):
    publish(lake, staged(lake, "a", ORDERS.format(0, 300_000)))
    publish(lake, staged(lake, "b", ORDERS.format(0, 250_000)), load="2")
    assert rows(lake, "count(*)") == [(250_000,)]
    assert len(adopted(lake)) == 2
    with lake.read() as connection:
        before = {t.name: t.changed_snapshot for t in lake.tables()}["orders"]
        assert connection.execute("SELECT count(*) FROM lake.shop.orders").fetchone() == (250_000,)
    maintain(lake, 0, timedelta(0))
    assert len(adopted(lake)) == 1 and rows(lake, "count(*)") == [(250_000,)]
    assert {t.name: t.changed_snapshot for t in lake.tables()}["orders"] >= before
    assert lake.verify() == []


def test_a_moved_home_finds_taken_files(lake, tmp_path):
    publish(lake, staged(lake, "a", ORDERS.format(0, 10)))
    lake.close()
    (tmp_path / "home").rename(tmp_path / "moved")
    moved = Lakes(Settings(home=tmp_path / "moved")).of(1)
    assert len(rows(moved)) == 10 and moved.verify() == []
    publish(moved, staged(moved, "b", ORDERS.format(10, 20)), mode=SyncMode.APPEND, load="2")
    assert len(rows(moved)) == 20 and moved.verify() == []
    moved.close()


def test_a_table_whose_folder_cannot_be_known_is_written(lake):
    file = staged(lake, "a", ORDERS.format(0, 10))
    publish(lake, file, table="we ird")
    assert adopted(lake) == [] and len(rows(lake, "*", 'shop."we ird"')) == 10
    publish(lake, staged(lake, "b", ORDERS.format(0, 5)), table="we ird", load="2")
    assert len(adopted(lake)) == 1 and len(rows(lake, "*", 'shop."we ird"')) == 5
    with lake.read() as connection:
        absolute = connection.execute(
            "SELECT count(*) FROM __ducklake_metadata_lake.ducklake_data_file WHERE NOT path_is_relative"
        ).fetchone()
    assert absolute == (0,)


def test_a_commit_that_fails_leaves_an_orphan_and_the_load_can_be_published_again(
    lake, monkeypatch
):
    from pwh_assets.lake import publish as publishing

    publish(lake, staged(lake, "a", ORDERS.format(0, 10)))
    file = staged(lake, "b", ORDERS.format(0, 20))

    def fails(*values):
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "write_state", fails)
        with pytest.raises(OSError, match="no"):
            publish(lake, file, load="2")
    assert len(rows(lake)) == 10 and len(adopted(lake)) == 2
    publish(lake, file, load="2")
    publish(lake, file, load="2")
    assert len(rows(lake)) == 20 and len(adopted(lake)) == 2 and lake.verify() == []


def test_what_a_dead_publish_left_is_deleted_and_nothing_else(lake, monkeypatch):
    from pwh_assets.lake import publish as publishing

    publish(lake, staged(lake, "a", ORDERS.format(0, 10)))
    file = staged(lake, "b", ORDERS.format(0, 20))
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "write_state", lambda *values: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(lake, file, load="2")
    for one in adopted(lake):
        os.utime(one, (time.time() - 7200, time.time() - 7200))
    assert len(adopted(lake)) == 2
    assert lake.maintain().orphans_deleted == 1
    assert len(adopted(lake)) == 1 and len(rows(lake)) == 10
    assert file.exists()
    publish(lake, file, load="2")  # old by now, and taken all the same
    lake.maintain()
    assert len(rows(lake)) == 20 and lake.verify() == []


def test_without_links_the_bytes_are_copied(lake, monkeypatch):
    def refused(*paths):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    file = staged(lake, "a", ORDERS.format(0, 10))
    publish(lake, file)
    file.unlink()
    assert len(adopted(lake)) == 1 and len(rows(lake)) == 10
    assert not list(Path(lake.address.data_path).rglob("*.part"))
