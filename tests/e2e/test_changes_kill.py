"""`kill -9` of a process that reads a stream, at random moments: afterwards the lake is the source, and no reader saw
less. Also between the lake's commit and the word to the source, and when the server goes down in the middle.
"""

import os
import time

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.services.sync.table import sync_table
from pwh_assets.sources.postgres.streaming import PostgresStream
from tests.e2e.bank import WHOLE, Bank
from tests.e2e.crashes import Child, Reader, dice, kill_somewhere
from tests.e2e.streams import SETTINGS, Streamed

KILLS = int(os.environ.get("PWH_KILLS", "3"))
"""`make faults` asks for more."""
SIZE = 20_000


@pytest.fixture
def server():
    with PrivatePostgres(settings=SETTINGS) as running:
        yield running


def sync(bank):
    word = child(bank).result()
    assert word[0] == "done", word
    return word[1]


def child(bank, full=False):
    return Child(bank.platform.settings.home, ["postgres"], bank.table.id, full=full)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_stream_killed_at_any_moment_loses_doubles_and_shows_nothing_wrong(server, tmp_path):
    random = dice()
    bank = Bank(server, tmp_path / "home", SIZE, SyncMode.CDC)
    reader = None
    try:
        first = child(bank)
        time.sleep(0.5)
        first.kill()  # while the slot is made or the table is read
        sync(bank)
        began = time.monotonic()
        sync(bank)
        duration_s = time.monotonic() - began
        reader = Reader(tmp_path / "home", WHOLE.format(least=SIZE))
        for number in range(KILLS):
            kill_somewhere(child(bank, full=number % 4 == 3), random, number, duration_s)
            bank.pause()
            sync(bank)
            assert bank.in_lake() == bank.at_source(), f"after kill {number}"
            bank.go_on()
        looks, odd = reader.end()
        reader = None
        assert odd == [] and looks > 20
    finally:
        if reader is not None:
            reader.end()
        bank.close()


def test_what_was_committed_but_not_confirmed_changes_nothing_when_it_comes_again(
    server, tmp_path, monkeypatch
):
    import psycopg

    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    home = Streamed(server, tmp_path / "home", ["t"])
    home.sync()
    home.execute("INSERT INTO t VALUES (1, 1), (2, 2)", "UPDATE t SET id = 3 WHERE id = 2")

    class DeadError(BaseException):
        pass

    def die(self, position):
        raise DeadError

    with monkeypatch.context() as context:
        context.setattr(PostgresStream, "confirm", die)
        with pytest.raises(DeadError):
            home.sync()
    assert home.differences() == []
    home.execute("DELETE FROM t WHERE id = 1")
    assert home.sync()["t"].rows_synced == 1
    assert home.differences() == []
    home.close()


def test_the_server_goes_down_while_the_stream_is_read(server, tmp_path, monkeypatch):
    import psycopg

    from pwh_assets.errors import SourceUnavailableError
    from pwh_assets.sources.collecting import StagingCollector

    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    home = Streamed(server, tmp_path / "home", ["t"])
    home.sync()
    home.execute("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 50000) g")
    plain = StagingCollector.grown

    def grown(self, size):
        plain(self, size)
        if self.changes == 1000:
            server.stop(keep=True)

    with monkeypatch.context() as context:
        context.setattr(StagingCollector, "grown", grown)
        with pytest.raises(SourceUnavailableError):
            home.sync()
    server.start()
    home.sync()
    assert home.differences() == []
    home.close()


def test_a_table_of_a_stream_is_synced_like_any_other(server, tmp_path):
    bank = Bank(server, tmp_path / "home", 50, SyncMode.CDC)
    try:
        assert sync_table(bank.platform, bank.table).is_full
        bank.pause()
        done = sync_table(bank.platform, bank.table)
        assert not done.is_full and bank.in_lake() == bank.at_source()
    finally:
        bank.close()
