"""What a sync leaves when it ends at a known point, and what the next one makes of it."""

import hashlib
import shutil
import signal
import threading
import time

import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import SyncMode, TableStatus
from pwh_assets.errors import BusyError
from pwh_assets.lake.errors import LakeBusyError, LakeStorageError
from pwh_assets.services.sync import package as packages
from pwh_assets.services.sync.table import HomeStorageError, TableBusyError
from tests.e2e.crashes import CONTEXT
from tests.e2e.notebooks import Desk


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.close()


def die_before_publish(desk, table):
    """A finished package and no publish, as a process leaves it that dies between the two."""
    publish = desk.lake.publish
    desk.lake.publish = lambda what: publish(what, timeout_s=0)
    try:
        with desk.lake.lock(), pytest.raises(LakeBusyError):
            desk.sync(table)
    finally:
        del desk.lake.publish
    folder = desk.home / "pipelines" / table.id
    assert packages.load(folder) is not None
    return folder


def test_a_finished_extraction_is_published_by_the_next_sync_which_then_reads_on(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}])
    desk.sync(orders)
    desk.write("orders", [{"v": 1}, {"v": 2}])
    die_before_publish(desk, orders)
    assert desk.rows(orders) == [(1,)]
    desk.write("orders", [{"v": 3}])  # what the dead run read is gone from the source
    result = desk.sync(orders)
    assert result.was_recovered and result.rows_synced == 2
    assert (result.cursor_before, result.cursor_after) == ("1", "3")
    assert desk.rows(orders) == [(1,), (2,), (3,)]


def test_a_first_extraction_is_recovered_too(desk):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": i, "v": i} for i in range(100)])
    die_before_publish(desk, orders)
    result = desk.sync(orders)
    assert result.was_recovered and result.row_count == 100
    assert desk.lake.state(orders.id).watermark == "99"


def test_a_full_copy_left_behind_is_read_again_because_it_is_old(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}])
    die_before_publish(desk, orders)
    desk.write("orders", [{"id": 2}])
    assert not desk.sync(orders).was_recovered
    assert desk.rows(orders) == [(2,)]


def test_a_package_for_another_state_of_the_table_is_thrown_away(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}])
    folder = die_before_publish(desk, orders)
    kept = folder.with_name("kept")
    folder.rename(kept)
    desk.sync(orders)  # another run got there first
    kept.rename(folder)
    assert not desk.sync(orders).was_recovered
    assert desk.rows(orders) == [(1,)]


@pytest.mark.parametrize(
    "change", [{"cursor": "w"}, {"mode": SyncMode.FULL}, {"primary_key": ("w",)}]
)
def test_a_package_read_another_way_is_thrown_away(desk, change):
    orders = desk.table("orders", SyncMode.INCREMENTAL, ["id"], "v")
    desk.write("orders", [{"id": 1, "v": 1, "w": 1}, {"id": 2, "v": 2, "w": 2}])
    die_before_publish(desk, orders)
    orders = desk.store.update_table(orders.id, **change)
    desk.write("orders", [{"id": 3, "v": 9, "w": 9}])
    assert not desk.sync(orders).was_recovered
    assert desk.rows(orders) == [(3, 9, 9)]


def test_half_a_package_is_no_package(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}])
    folder = die_before_publish(desk, orders)
    next(folder.rglob("rows.*.parquet")).unlink()
    assert not desk.sync(orders).was_recovered
    assert desk.rows(orders) == [(1,)]


def test_a_damaged_package_is_thrown_away(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}])
    folder = die_before_publish(desk, orders)
    next(folder.rglob("rows.*.parquet")).write_bytes(b"PAR1 and then nothing")
    assert not desk.sync(orders).was_recovered
    assert desk.rows(orders) == [(1,)]


def test_a_commit_nobody_wrote_down_is_not_made_twice(desk):
    """The process dies after the commit and before anything else is written."""
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}, {"v": 2}])
    folder = die_before_publish(desk, orders)
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    assert desk.sync(orders).was_recovered
    shutil.rmtree(folder, ignore_errors=True)
    copy.rename(folder)
    desk.sync(orders)
    assert desk.rows(orders) == [(1,), (2,)]


def _hold(home, table_id, pipe):
    from pathlib import Path

    from tests.e2e.notebooks import open_home

    platform = open_home(Path(home))
    from pwh_assets.services.sync.table import sync_table

    def tell(progress):
        pipe.send(progress.phase)
        time.sleep(3600)

    sync_table(platform, platform.store.table(table_id), progress=tell)


def test_a_sync_in_another_process_is_busy_and_after_its_death_is_not(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": 1}, {"v": 2}])
    ours, theirs = CONTEXT.Pipe()
    child = CONTEXT.Process(target=_hold, args=(str(desk.home), orders.id, theirs))
    child.start()
    assert ours.recv() == "extract"
    began = time.monotonic()
    with pytest.raises(TableBusyError, match="`notebook_orders` is being synced by another run"):
        desk.sync(orders)
    assert time.monotonic() - began < 5
    assert [job.status for job in desk.store.jobs(1)] == [JobStatus.RUNNING]
    assert desk.store.table(orders.id).status is TableStatus.RUNNING
    child.kill()
    child.join()
    assert desk.sync(orders).row_count == 2
    assert [job.status for job in desk.store.jobs(1)] == [JobStatus.COMPLETED, JobStatus.FAILED]
    assert desk.rows(orders) == [(1,), (2,)]


def test_two_syncs_at_once_run_one_and_double_nothing(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": i} for i in range(500)], batch=100, delay_s=0.1)
    seen = []

    def run():
        try:
            seen.append(desk.sync(orders).row_count)
        except BusyError as error:
            seen.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, seen)) == ["500", "busy", "busy", "busy"]
    assert len(desk.rows(orders)) == 500


def test_different_tables_sync_at_the_same_time(desk):
    tables = [desk.table(f"t{n}", SyncMode.INCREMENTAL, ["id"], "v") for n in range(4)]
    for n in range(4):
        desk.write(
            f"t{n}", [{"id": i, "v": i, "who": n} for i in range(200)], batch=50, delay_s=0.05
        )
    threads = [threading.Thread(target=desk.sync, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, table in enumerate(tables):
        assert desk.rows(table, "count(*), min(who), max(who)") == [(200, n, n)]


@pytest.fixture
def no_space():
    """Files of this process may not grow past a size, as on a full disk: EFBIG instead of ENOSPC."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def big(desk, count=30_000):
    rows = [{"id": i, "s": hashlib.sha512(b"%d" % i).hexdigest()} for i in range(count)]
    desk.write("orders", rows, arrow=True, batch=5000)


def test_a_disk_that_fills_up_while_reading_is_said_and_changes_nothing(desk, no_space):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1, "s": "a"}], arrow=True)
    desk.sync(orders)
    big(desk)
    no_space(1_200_000)
    with pytest.raises(HomeStorageError, match="could not be written to `PWH_HOME`") as caught:
        desk.sync(orders)
    no_space(2**40)
    assert caught.value.retryable
    assert desk.rows(orders) == [(1, "a")]
    assert desk.sync(orders).row_count == 30_000
    assert desk.lake.verify() == []


def test_a_lake_that_cannot_be_written_is_said_and_changes_nothing(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"id": 1}])
    desk.sync(orders)
    desk.write("orders", [{"id": 2}])
    folder = desk.home / "lake" / "1" / "data" / "notebook" / "orders"
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("a file where the folder was: root may write anywhere else")
    with pytest.raises(LakeStorageError, match="could not be read or written") as caught:
        desk.sync(orders)
    assert caught.value.retryable
    assert desk.store.table(orders.id).latest_error == caught.value.sentence
    folder.unlink()
    aside.rename(folder)
    assert desk.rows(orders) == [(1,)]
    desk.sync(orders)
    assert desk.rows(orders) == [(2,)]
