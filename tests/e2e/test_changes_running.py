"""A pass over a stream seen from outside: progress on the jobs, cancelling, the project's row limit."""

import threading
import time
from datetime import UTC, datetime

import psycopg
import pytest

from pwh_assets.core.job import ChangeKind, JobStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import SourceUnavailableError
from pwh_assets.services.changes import run as stream_run
from pwh_assets.services.changes import stream as changes
from pwh_assets.services.changes import tables as stream_tables
from pwh_assets.services.sources.tables import cancel_sync
from pwh_assets.services.sync.limits import (
    RowLimitReachedError,
    RowLimitTooLowError,
    period_of,
    set_row_limit,
)
from pwh_assets.services.sync.running import SyncCancelledError
from pwh_assets.sources.collecting import StagingCollector
from pwh_assets.sources.network.route import routed
from pwh_assets.sources.postgres import replication
from tests.e2e.streams import SETTINGS, Streamed
from tests.faults.proxy import Proxy

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
    stream_tables.change_source(made.platform, made.source).drop(
        made.config, stream_tables.spec_of(made.source.id)
    )
    made.close()


def state(home):
    tables = home.tables.values()
    return [
        home.lake.state(stream_tables.stream_id(home.source.id)),
        *(home.lake.state(t.id) for t in tables),
    ]


def newest_job(home, table):
    (job,) = home.platform.store.jobs(1, 1, subject_id=table.id)
    return job


class Canceller:
    """Waits until the job of a table tells rows, then cancels it from outside."""

    def __init__(self, home, name):
        self.home, self.table = home, home.tables[name]
        self.rows, self.cancelled = 0, None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        give_up = time.monotonic() + GIVE_UP_S
        while not self.rows and time.monotonic() < give_up:
            job = newest_job(self.home, self.table)
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
    assert {newest_job(home, table).status for table in tables.values()} == {JobStatus.CANCELLED}
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
    extract = stream_run.extract

    def endless(reading, folder, on_rows):
        done = extract(reading, folder, on_rows)
        give_up = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up:
            on_rows(done.rows, done.bytes)
            time.sleep(0.1)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(stream_run, "extract", endless)
        sync_cancelled(home)
    assert home.sync()["t"].is_full
    assert home.differences() == []


def usage(home):
    """Rows booked this month per table's name."""
    now = datetime.now(UTC)
    period = period_of(now)
    by_id = home.platform.store.usage(1, period.since, period.until, "sync")
    return {name: by_id.get(table.id, 0) for name, table in home.tables.items()}


def errors(home, *names):
    tables = home.tables
    done = changes.sync_changes(home.platform, home.source.id, [tables[name] for name in names])
    return {name: done[tables[name].id] for name in names}


def test_the_row_limit_ends_a_stream_after_the_last_transaction_that_fits(home):
    home.execute(
        "INSERT INTO t SELECT g, g FROM generate_series(1, 3) g",
        "INSERT INTO u SELECT g, g FROM generate_series(1, 4) g",
        "INSERT INTO t SELECT g, g FROM generate_series(11, 15) g",
        "INSERT INTO u SELECT g, g FROM generate_series(11, 12) g",
    )
    set_row_limit(home.platform, 1, 10)
    found = errors(home, "t", "u")
    assert all(isinstance(error, RowLimitReachedError) for error in found.values())
    counts = "SELECT (SELECT count(*) FROM lake.postgres.t), (SELECT count(*) FROM lake.postgres.u)"
    assert home.rows(counts) == [(3, 4)]
    assert usage(home) == {"t": 3, "u": 4}
    assert {newest_job(home, table).status for table in home.tables.values()} == {
        JobStatus.BILLING_LIMIT_REACHED
    }
    before = state(home)
    assert isinstance(errors(home, "t", "u")["t"], RowLimitReachedError)
    assert (state(home), usage(home)) == (before, {"t": 3, "u": 4})
    set_row_limit(home.platform, 1, 14)
    assert home.sync()["u"].rows_synced == 2
    assert home.differences() == []
    assert usage(home) == {"t": 8, "u": 6}
    assert home.sync()["t"].rows_synced == 0  # nothing is left, and nothing was to be read


def test_a_table_to_be_read_whole_that_exceeds_the_limit_fails_alone_and_joins_later(home):
    home.execute(
        "INSERT INTO t SELECT g, g FROM generate_series(1, 9) g", "INSERT INTO u VALUES (1, 1)"
    )
    home.sync()
    home.platform.store.update_table(home.tables["t"].id, resync_reason="A test wants it.")
    home.execute("UPDATE t SET v = 0 WHERE id = 1", "UPDATE u SET v = 2")
    set_row_limit(home.platform, 1, 15)
    found = errors(home, "t", "u")
    assert isinstance(found["t"], RowLimitTooLowError)
    assert found["u"].rows_synced == 1
    assert home.differences("u") == []
    assert len(home.differences("t")) == 2
    status = home.tables["t"].status
    assert status.value == JobStatus.BILLING_LIMIT_TOO_LOW.value
    set_row_limit(home.platform, 1, None)
    assert home.sync()["t"].is_full
    assert home.differences() == []


def test_a_table_asked_for_whole_that_fails_misses_no_change_afterwards(home, monkeypatch):
    home.execute("INSERT INTO t VALUES (1, 1)")
    home.sync()
    home.execute("UPDATE t SET v = 2")

    def fail(*args, **more):
        raise SourceUnavailableError("The server went away.")

    tables = home.tables
    with monkeypatch.context() as patch:
        patch.setattr(stream_run, "extract", fail)
        asked = [tables["t"]]
        done = changes.sync_changes(home.platform, home.source.id, asked, full=True)
    assert isinstance(done[tables["t"].id], SourceUnavailableError)
    home.sync()
    assert home.differences() == []


def test_columns_a_stream_adds_drops_and_widens_are_written_down_once(home):
    home.execute("INSERT INTO t VALUES (1, 1)")
    assert home.sync()["t"].changes == ()
    home.execute(
        "ALTER TABLE t ADD COLUMN fresh text",
        "INSERT INTO t VALUES (2, 2, 'f')",
        "ALTER TABLE t ALTER v TYPE bigint",
        "INSERT INTO t VALUES (3, 5000000000, 'f')",
        "ALTER TABLE t DROP COLUMN fresh, ADD COLUMN other text",
        "INSERT INTO t VALUES (4, 4, 'o')",
    )
    told = [(c.column, c.kind, c.before, c.after) for c in home.sync()["t"].changes]
    assert told == [
        ("v", ChangeKind.WIDENED, "INTEGER", "BIGINT"),
        ("other", ChangeKind.NEW, None, "VARCHAR"),
    ]
    home.execute("ALTER TABLE t DROP COLUMN other", "INSERT INTO t VALUES (5, 5)")
    (gone,) = home.sync()["t"].changes
    assert (gone.column, gone.kind) == ("other", ChangeKind.DROPPED)
    home.execute("INSERT INTO t VALUES (6, 6)")
    assert home.sync()["t"].changes == ()
    stored = home.platform.store.schema_changes(1, home.tables["t"].id)
    assert sorted((change.column, change.kind) for _, change in stored) == [
        ("other", ChangeKind.DROPPED),
        ("other", ChangeKind.NEW),
        ("v", ChangeKind.WIDENED),
    ]


def test_a_server_that_does_not_begin_its_stream_is_not_waited_for_without_end(home, monkeypatch):
    """libpq's own waiting has no end, and neither Ctrl-C nor SIGTERM gets through to it."""
    monkeypatch.setattr(replication, "START_PATIENCE_S", 0.5)
    with Proxy(home.config["port"]) as proxy:
        config = {**home.config, "port": proxy.port, "sslmode": "disable"}
        with routed(config) as route, replication._connected(config, route) as connection:
            proxy.strike("hold", 0)
            with pytest.raises(SourceUnavailableError, match="has not begun the stream"):
                replication._start(config, connection, "IDENTIFY_SYSTEM", "none")
            proxy.heal()
