"""A pass over a stream seen from outside: progress on the jobs, cancelling, the project's row limit."""

import threading
import time

import psycopg
import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.services import changes
from pwh_assets.services.running import SyncCancelledError
from pwh_assets.services.table_actions import cancel_sync
from pwh_assets.sources.collecting import StagingCollector
from tests.e2e.streams import SETTINGS, Streamed

TABLES = "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int PRIMARY KEY, v int);"
GIVE_UP_S = 60


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres(settings=SETTINGS) as running:
        yield running


@pytest.fixture
def home(server, tmp_path):
    """A home that streams `t` and `u`, which were read once and are empty."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + TABLES)
    made = Streamed(server, tmp_path / "home", ["t", "u"])
    made.sync()
    yield made
    changes.change_source(made.platform, made.source).drop(
        made.config, changes.spec_of(made.source.id)
    )
    made.close()


def state(home):
    tables = home.tables.values()
    return [
        home.lake.state(changes.stream_id(home.source.id)),
        *(home.lake.state(t.id) for t in tables),
    ]


class Canceller:
    """Waits until the job of a table tells rows, then cancels it from outside."""

    def __init__(self, home, name):
        self.home, self.table = home, home.tables[name]
        self.rows, self.cancelled = 0, None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        give_up = time.monotonic() + GIVE_UP_S
        while not self.rows and time.monotonic() < give_up:
            job = self.home.platform.store.last_attempts(1)[self.table.id]
            if job.status is JobStatus.RUNNING and job.progress is not None:
                self.rows = job.progress.rows
            time.sleep(0.05)
        self.cancelled = cancel_sync(self.home.platform, 1, self.table.id, wait_s=GIVE_UP_S)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.thread.join()


def sync_cancelled(home):
    """Sync both tables while `t` is cancelled; what came of it, after checking that nothing was changed."""
    before, rows = state(home), home.rows("SELECT * FROM lake.postgres.t ORDER BY id")
    tables = home.tables
    with Canceller(home, "t") as canceller:
        done = changes.sync_changes(home.platform, home.source.id, list(tables.values()))
    assert canceller.rows > 0
    assert [job.status for job in canceller.cancelled.ended] == [JobStatus.CANCELLED]
    assert all(isinstance(found, SyncCancelledError) for found in done.values())
    newest = home.platform.store.last_attempts(1)
    assert {newest[table.id].status for table in tables.values()} == {JobStatus.CANCELLED}
    assert state(home) == before
    assert home.rows("SELECT * FROM lake.postgres.t ORDER BY id") == rows
    return {table.name: done[table.id] for table in tables.values()}


def test_a_stream_that_is_read_is_cancelled_and_goes_on_with_the_next_sync(home, monkeypatch):
    home.execute(
        "INSERT INTO u VALUES (1, 1)", "INSERT INTO t SELECT g, g FROM generate_series(1, 60000) g"
    )
    grown = StagingCollector.grown

    def slowly(self, size):
        time.sleep(0.0005)
        grown(self, size)

    with monkeypatch.context() as patch:
        patch.setattr(StagingCollector, "grown", slowly)
        done = sync_cancelled(home)
    assert "whose stream it shares" in done["u"].sentence
    assert home.sync()["t"].rows_synced == 60000
    assert home.differences() == []


def test_a_table_that_is_read_whole_is_cancelled_and_goes_on_with_the_next_sync(home, monkeypatch):
    home.execute("INSERT INTO t VALUES (1, 1)")
    home.sync()
    home.execute("UPDATE t SET v = 2", "INSERT INTO u VALUES (1, 1)")
    home.platform.store.update_table(home.tables["t"].id, resync_reason="A test wants it.")
    extract = changes.extract

    def endless(reading, folder, on_rows):
        done = extract(reading, folder, on_rows)
        give_up = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up:
            on_rows(done.rows, done.bytes)
            time.sleep(0.1)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(changes, "extract", endless)
        sync_cancelled(home)
    assert home.sync()["t"].is_full
    assert home.differences() == []
