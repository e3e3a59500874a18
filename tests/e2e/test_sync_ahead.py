"""A sync that begins before its run: rows are read meanwhile, and nothing is published that no run records."""

import os
import signal
import time

import psycopg
import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.orchestration import retry
from pwh_assets.orchestration.instance import instance_for
from pwh_assets.orchestration.run import run_sync
from pwh_assets.platform import open_platform
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.sources.tables import cancel_sync
from pwh_assets.services.sync.ahead import begun
from pwh_assets.services.sync.table import TableBusyError, sync_table
from pwh_assets.settings import Settings

pytestmark = pytest.mark.filterwarnings("default")
ROWS = 2_000


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        for name in ("a", "b"):
            connection.execute(
                f"CREATE TABLE {name} AS SELECT i AS id, 'n' || i AS name FROM generate_series(1, {ROWS}) i"
            )
            connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
        yield server


@pytest.fixture
def home(server, tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    environ = {"PWH_HOME": str(tmp_path / "home"), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    platform = open_platform(Settings.from_env(environ))
    schemas = [{"name": name, "should_sync": True, "sync_type": "full"} for name in "ab"]
    payload = {**server.config, "schemas": schemas}
    create_source(platform, 1, {"source_type": "postgres", "payload": payload})
    yield platform
    platform.lakes.close()
    platform.store.close()


def tables(home, *names):
    return [table for name in names for table in home.store.tables(1) if table.name == name]


def stored(home, table):
    if not home.lakes.of(1).has_table(table.source.slug, table.name):
        return None
    with home.lakes.of(1).read() as connection:
        place = f"lake.{table.source.slug}.{table.name}"
        return connection.execute(f"SELECT count(*), count(DISTINCT id) FROM {place}").fetchone()


def statuses(home):
    with instance_for(home.settings) as instance:
        return {run.run_id: run.status.value for run in instance.get_runs()}


def test_what_was_begun_is_published_by_its_run_and_by_no_other(home):
    second, first = tables(home, "b", "a")
    with begun(home, [second, first]) as ahead:
        folder = home.settings.home / "pipelines" / second.id
        end = time.monotonic() + 60
        while not list(folder.rglob("*.parquet")) and time.monotonic() < end:
            time.sleep(0.01)
        assert list(folder.rglob("*.parquet"))
        (job,) = home.store.jobs(1)
        assert (job.status, job.run_id) == (JobStatus.RUNNING, ahead.run_id)
        assert stored(home, second) is None
        with pytest.raises(TableBusyError):
            sync_table(home, second)
        outcome = run_sync(home, [second, first], ahead=ahead)
    assert outcome.is_ok and outcome.run_ids == (ahead.run_id,)
    assert statuses(home) == {ahead.run_id: "SUCCESS"}
    assert [stored(home, table) for table in (second, first)] == [(ROWS, ROWS)] * 2
    jobs = home.store.jobs(1)
    assert [(job.status, job.run_id) for job in jobs] == [(JobStatus.COMPLETED, ahead.run_id)] * 2
    assert jobs[-1].subject_id == second.id  # the begun one is not kept waiting


def leave(home, table, how):
    with begun(home, [table]):
        if how == "SIGTERM":
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
        elif how is not None:
            raise how


@pytest.mark.parametrize("how", [KeyboardInterrupt, ValueError, None, "SIGTERM"])
def test_what_no_run_went_on_with_is_given_up_and_the_next_sync_begins_anew(home, how):
    (table,) = tables(home, "a")
    before = signal.getsignal(signal.SIGTERM)
    if how is None:
        leave(home, table, how)
    else:
        with pytest.raises(KeyboardInterrupt if how == "SIGTERM" else how):
            leave(home, table, how)
    assert signal.getsignal(signal.SIGTERM) is before
    (job,) = home.store.jobs(1)
    assert job.status is JobStatus.CANCELLED
    assert home.store.table(table.id).status is not TableStatus.RUNNING
    assert stored(home, table) is None
    assert run_sync(home, [table]).is_ok
    assert stored(home, table) == (ROWS, ROWS)


def test_a_sync_cancelled_before_its_run_came_ends_when_it_does(home):
    (table,) = tables(home, "a")
    with begun(home, [table]) as ahead:
        cancel_sync(home, 1, table.id)
        time.sleep(1.5)  # the wish is looked for once a second
        outcome = run_sync(home, [table], ahead=ahead)
    assert outcome.failed[0].trouble.code == "cancelled"
    assert [job.status for job in home.store.jobs(1)] == [JobStatus.CANCELLED]
    assert stored(home, table) is None


def test_a_beginning_that_failed_is_the_first_of_the_runs_attempts(home):
    source = home.store.sources(1)[0]
    config = source.config
    home.store.update_source(source.id, config={**config, "port": 1})
    (table,) = tables(home, "a")
    with begun(home, [table]) as ahead:
        (job,) = home.store.jobs(1)
        assert job.status is JobStatus.FAILED
        home.store.update_source(source.id, config=config)
        outcome = run_sync(home, [table], ahead=ahead)
    assert outcome.is_ok
    assert [job.status for job in home.store.jobs(1)] == [JobStatus.COMPLETED, JobStatus.FAILED]
    assert stored(home, table) == (ROWS, ROWS)
