"""Locks between processes: one holder, nobody waits for the dead."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import BusyError
from pwh_assets.lake import Lakes
from pwh_assets.lake.errors import LakeBusyError, LakeStorageError
from pwh_assets.lake.locks import hold
from pwh_assets.settings import Settings

HOLDER = """
import sys, time
from pathlib import Path
from pwh_assets.lake.locks import hold
from pwh_assets.settings import Settings
with hold(Settings(home=Path(sys.argv[1]), lake_catalog_url=sys.argv[2]), "the-lock"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def catalog_url():
    with PrivatePostgres() as server:
        yield server.url


@pytest.fixture(params=["file", "postgres"])
def settings(request, tmp_path):
    url = request.getfixturevalue("catalog_url") if request.param == "postgres" else ""
    return Settings(home=tmp_path, lake_catalog_url=url)


@pytest.fixture
def holder(settings):
    arguments = [sys.executable, "-c", HOLDER, str(settings.home), settings.lake_catalog_url]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_told_so_at_once(settings, holder):
    began = time.monotonic()
    with (
        pytest.raises(BusyError, match="`the-lock` is being worked on"),
        hold(settings, "the-lock"),
    ):
        pass
    assert time.monotonic() - began < 2


def test_a_killed_holder_lets_go(settings, holder):
    holder.kill()
    holder.wait()
    with hold(settings, "the-lock", timeout_s=5):
        pass


def test_waiting_ends_when_the_lock_is_free(settings, holder):
    threading.Timer(0.5, holder.kill).start()
    with hold(settings, "the-lock", timeout_s=20):
        pass


def test_other_names_are_other_locks(settings, holder):
    with hold(settings, "another"), hold(settings, "a third/../one"):
        pass


def test_threads_of_one_process_exclude_each_other_too(settings):
    seen = []

    def second():
        try:
            with hold(settings, "the-lock"):
                seen.append("held")
        except BusyError:
            seen.append("busy")

    with hold(settings, "the-lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    second()
    assert seen == ["busy", "held"]


def test_a_lock_is_free_after_an_error_inside(settings):
    for _ in range(2):
        with pytest.raises(ValueError), hold(settings, "the-lock"):
            raise ValueError


def test_writers_wait_for_each_other_and_give_up_in_words(tmp_path):
    lake = Lakes(Settings(home=tmp_path)).of(1)
    seen = []

    def second():
        try:
            with lake.write(timeout_s=0.2):
                seen.append("wrote")
        except LakeBusyError as error:
            seen.append(error.sentence)

    with lake.write():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "being written by others for 0.2 s" in seen[0]


def test_many_writers_lose_nothing(tmp_path):
    lake = Lakes(Settings(home=tmp_path)).of(1)
    with lake.write() as connection:
        connection.execute("CREATE SCHEMA lake.s")
        connection.execute("CREATE TABLE lake.s.t (who INT, n INT)")

    def work(who):
        for n in range(6):
            with lake.write() as connection:
                connection.execute(f"INSERT INTO lake.s.t VALUES ({who}, {n})")

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with lake.read() as connection:
        found = connection.execute(
            "SELECT count(*), count(DISTINCT (who, n)) FROM lake.s.t"
        ).fetchone()
    assert found == (24, 24)


LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_catalog_another_program_has_locked_is_worth_another_try(tmp_path):
    lakes = Lakes(Settings(home=tmp_path))
    lake = lakes.of(1)
    arguments = [sys.executable, "-c", LOCKING, str(lake.address.catalog_file)]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "locked\n"
        with (
            pytest.raises(LakeStorageError, match="database is locked") as caught,
            lake.write() as connection,
        ):
            connection.execute("CREATE TABLE lake.t AS SELECT 1 AS x")
    assert caught.value.retryable
    with lake.write() as connection:
        connection.execute("CREATE TABLE lake.t AS SELECT 1 AS x")
    lakes.close()
