"""Looking after the lake: what is merged, forgotten, deleted, found wrong, and what is left alone."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.lake import Lakes, Publish
from pwh_assets.lake.maintenance import maintain
from pwh_assets.settings import Settings

NOW = timedelta(0)


@pytest.fixture
def lake(tmp_path):
    lakes = Lakes(Settings(home=tmp_path / "home"))
    yield lakes.of(1)
    lakes.close()


def merge(lake, ids, value, table="orders"):
    file = lake.settings.home / "staged.parquet"
    pq.write_table(pa.table({"id": ids, "v": [value] * len(ids)}), file)
    lake.publish(Publish("shop", table, SyncMode.INCREMENTAL, [file], (), ["id"]))


def files(lake):
    return sorted(Path(lake.address.data_path).rglob("*.parquet"))


def rows(lake):
    with lake.read() as connection:
        return connection.execute("SELECT * FROM lake.shop.orders ORDER BY ALL").fetchall()


def test_small_files_become_one_and_no_row_changes(lake):
    for step in range(8):
        merge(lake, list(range(step * 5, step * 5 + 10)), step)
    before = rows(lake)
    done = maintain(lake, 0, NOW)
    assert done.files_merged + done.files_rewritten > 0 and done.snapshots_expired > 8
    maintain(lake, 0, NOW)
    assert rows(lake) == before
    assert len([file for file in files(lake) if "shop" in file.parts]) == 1
    assert lake.verify() == []


def test_old_snapshots_are_kept_as_long_as_asked(lake):
    merge(lake, [1], 1)
    merge(lake, [2], 2)
    assert lake.maintain(keep_days=1).snapshots_expired == 0
    with lake.read() as connection:
        versions = connection.execute("SELECT count(*) FROM ducklake_snapshots('lake')").fetchone()[
            0
        ]
    assert versions > 3


def test_a_files_last_readers_have_time_to_finish(lake):
    merge(lake, [1], 1)
    merge(lake, [1], 2)
    before = len(files(lake))
    lake.maintain(keep_days=0)
    assert len(files(lake)) >= before
    assert rows(lake) == [(1, 2)]


def test_a_tables_mark_never_falls(lake):
    merge(lake, [1, 2, 3], 1)
    merge(lake, [4], 1, table="other")
    with lake.write() as connection:
        connection.execute("DELETE FROM lake.shop.orders")
    before = {t.name: t.changed_snapshot for t in lake.tables()}
    for _ in range(3):
        maintain(lake, 0, NOW)
        after = {t.name: t.changed_snapshot for t in lake.tables()}
        assert all(after[name] >= before[name] for name in before)
        before = after
    assert rows(lake) == []


def test_an_orphan_is_reported_and_deleted_but_a_young_one_is_left(lake):
    merge(lake, [1], 1)
    folder = files(lake)[0].parent
    young, old = folder / "ducklake-young.parquet", folder / "ducklake-old.parquet"
    for file in (young, old):
        file.write_bytes(files(lake)[0].read_bytes())
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    assert lake.verify() == [
        "1 files in the lake belong to no table, left by runs that were killed. They do no harm; "
        "the lake's maintenance deletes them."
    ]
    assert lake.maintain().orphans_deleted == 1
    assert young.exists() and not old.exists()
    assert lake.verify() == [] and rows(lake) == [(1, 1)]


def test_the_files_of_an_open_transaction_are_not_taken_for_orphans(lake):
    from pwh_assets.lake.connections import connect

    merge(lake, [1], 1)
    before = set(files(lake))
    other = connect(lake.address, read_only=False)  # a tool that forgot the lock
    other.execute("BEGIN")
    other.execute("INSERT INTO lake.shop.orders SELECT range + 10, 0 FROM range(50000)")
    written = set(files(lake)) - before
    lake.maintain(keep_days=0)
    assert written and written <= set(files(lake))
    other.execute("ROLLBACK")
    other.close()
    assert rows(lake) == [(1, 1)] and lake.verify() == []


def test_a_missing_file_is_found(lake):
    merge(lake, [1], 1)
    next(file for file in files(lake) if "shop" in file.parts).unlink()
    problems = lake.verify()
    assert "`shop.orders` lost its file `shop/orders/" in problems[0]
    assert "`--full`" in problems[0]


def test_a_damaged_file_is_found(lake):
    merge(lake, list(range(5000)), 1)
    file = next(file for file in files(lake) if "shop" in file.parts)
    content = bytearray(file.read_bytes())
    content[20:120] = os.urandom(100)
    file.write_bytes(content)
    assert any("`shop.orders`" in problem for problem in lake.verify())


def test_another_file_in_the_place_of_one_is_found(lake):
    merge(lake, [1, 2], 1)
    file = next(file for file in files(lake) if "shop" in file.parts)
    pq.write_table(pa.table({"id": [1], "v": [1]}), file)
    assert any("has 1 rows" in problem and "says 2" in problem for problem in lake.verify())


def test_a_wrong_count_in_the_catalog_is_found(lake):
    merge(lake, [1, 2], 1)
    with lake.write() as connection:
        connection.execute(
            "UPDATE __ducklake_metadata_lake.ducklake_data_file SET record_count = 7 WHERE record_count = 2"
        )
    assert any("says 7" in problem for problem in lake.verify())


def test_maintenance_of_an_empty_lake_does_nothing(lake):
    assert lake.maintain(7).files_deleted == 0
    assert lake.verify() == []


def test_a_moved_home_still_finds_its_rows(lake, tmp_path):
    merge(lake, [1], 1)
    lake.close()
    (tmp_path / "home").rename(tmp_path / "moved")
    moved = Lakes(Settings(home=tmp_path / "moved")).of(1)
    assert rows(moved) == [(1, 1)]
    merge(moved, [2], 2)
    assert rows(moved) == [(1, 1), (2, 2)]
    assert moved.verify() == []
