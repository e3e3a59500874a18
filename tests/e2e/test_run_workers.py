"""Runs that Dagster starts are forks of one process: they do their work, end when told to, and no end goes unnoticed."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from pwh_assets.core.job import JobStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.orchestration.compose import compose
from pwh_assets.orchestration.instance import instance_for
from pwh_assets.orchestration.inventory import read_inventories
from pwh_assets.orchestration.processes import PROCESS_TAG
from pwh_assets.orchestration.sockets import RUNS, socket_of
from pwh_assets.platform import open_platform
from pwh_assets.resources.parts import of_platform
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.settings import Settings
from pwh_assets.store.processes import is_gone, pid_of

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@pytest.fixture(scope="module")
def postgres():
    with PrivatePostgres() as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE users AS SELECT i AS id FROM generate_series(1, 50) i")
        connection.execute("ALTER TABLE users ADD PRIMARY KEY (id)")
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory, postgres):
    environ = {
        "PWH_HOME": str(tmp_path_factory.mktemp("workers") / "home"),
        "PWH_ALLOW_PRIVATE_HOSTS": "1",
    }
    platform = open_platform(Settings.from_env(environ))
    names = ("host", "port", "database", "user", "password")
    payload = {**{name: getattr(postgres, name) for name in names}, "schema": "public"}
    create_source(platform, 1, {"source_type": "Postgres", "prefix": "app_", "payload": payload})
    yield platform
    platform.lakes.close()
    platform.store.close()


@pytest.fixture(scope="module")
def instance(home):
    with instance_for(home.settings) as found:
        yield found


@contextmanager
def forking(home):
    """The process that forks, once it answers."""
    address = socket_of(home.settings.dagster_home, RUNS)
    log = home.settings.home / "runs.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pwh_assets.orchestration.workers", str(address)],
            env={
                **os.environ,
                "PWH_HOME": str(home.settings.home),
                "PWH_ALLOW_PRIVATE_HOSTS": "1",
                "DAGSTER_HOME": str(home.settings.dagster_home),
            },
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: address.exists() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(home, instance):
    with forking(home) as process:
        yield process


def until(check):
    deadline = time.monotonic() + 120
    while not (found := check()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
    return found


def launch(home, instance):
    """A new run of the source's job, handed to the launcher as Dagster does."""
    definitions = compose(read_inventories(home), of_platform(home))
    run = instance.create_run_for_job(definitions.resolve_job_def("sync_postgres_app"))
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    return run.run_id


def ended(instance, run_id):
    return until(lambda: (found := instance.get_run_by_id(run_id)).status in ENDED and found)


@contextmanager
def waiting_sync(home, instance, postgres):
    """A run that waits for a lock at the source, and its pid."""
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        run_id = launch(home, instance)
        until(lambda: home.store.jobs(1, 1)[:1] and home.store.jobs(1, 1)[0].run_id == run_id)
        yield run_id, pid_of(instance.get_run_by_id(run_id).tags[PROCESS_TAG])


def test_a_run_is_a_fork_and_leaves_rows_events_and_no_process(server, home, instance, postgres):
    run_id = launch(home, instance)
    run = ended(instance, run_id)
    assert run.status is dg.DagsterRunStatus.SUCCESS
    (materialization,) = instance.fetch_materializations(
        dg.AssetKey(["postgres_app", "users"]), limit=1
    ).records
    assert materialization.run_id == run_id
    assert home.store.find_table(1, "app_users").row_count == 50
    until(lambda: is_gone(run.tags[PROCESS_TAG]))


def test_while_it_works_it_is_a_child_of_the_one_process_and_asking_twice_starts_one(
    server, home, instance, postgres
):
    with waiting_sync(home, instance, postgres) as (run_id, pid):
        parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        assert int(parent) == server.pid
        run = instance.get_run_by_id(run_id)
        assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
        instance.run_launcher.launch_run(LaunchRunContext(run, None))
        assert pid_of(instance.get_run_by_id(run_id).tags[PROCESS_TAG]) == pid
    assert ended(instance, run_id).status is dg.DagsterRunStatus.SUCCESS


def test_a_killed_run_is_failed_at_once_and_says_why(server, home, instance, postgres):
    with waiting_sync(home, instance, postgres) as (run_id, pid):
        os.kill(pid, signal.SIGKILL)
        run = ended(instance, run_id)
    assert run.status is dg.DagsterRunStatus.FAILURE
    (event,) = [
        entry
        for entry in instance.all_logs(run_id)
        if entry.is_dagster_event
        and entry.dagster_event.event_type is dg.DagsterEventType.RUN_FAILURE
    ]
    assert "ended by signal 9" in event.dagster_event.message
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    until(lambda: home.store.jobs(1, 1)[0].status is not JobStatus.RUNNING)


def test_ending_a_run_in_dagster_ends_its_process_in_good_order(server, home, instance, postgres):
    with waiting_sync(home, instance, postgres) as (run_id, pid):
        assert instance.run_launcher.terminate(run_id)
        assert ended(instance, run_id).status is dg.DagsterRunStatus.CANCELED
        until(lambda: not Path(f"/proc/{pid}").exists())
    assert not instance.run_launcher.terminate(run_id)
    assert home.store.jobs(1, 1)[0].status in (JobStatus.CANCELLED, JobStatus.FAILED)


def test_whoever_asks_for_nonsense_is_not_answered_and_others_still_are(server, home, instance):
    address = str(socket_of(home.settings.dagster_home, RUNS))
    assert stat.S_IMODE(os.stat(address).st_mode) == 0o600
    for nonsense in (b"", b"\n", b"{}\n", b"[1]\n", b"x" * 10_000, b'{"start": '):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):  # it did not read all of it
                assert connection.recv(100) == b""
    assert ended(instance, launch(home, instance)).status is dg.DagsterRunStatus.SUCCESS


def test_what_it_forks_from_has_nothing_open_and_no_thread_of_its_own(server, home):
    opened = [os.readlink(each) for each in Path(f"/proc/{server.pid}/fd").iterdir()]
    log = str(home.settings.home / "runs.log")
    kinds = ("socket:", "anon_inode:[eventpoll]", "/dev/", "pipe:", log)
    assert [each for each in opened if not each.startswith(kinds)] == []
    assert "threads" not in Path(log).read_text()


def test_sigterm_ends_the_runs_first(server, home, instance, postgres):
    with waiting_sync(home, instance, postgres) as (run_id, pid):
        server.terminate()
        assert server.wait(60) == 0
        assert not Path(f"/proc/{pid}").exists()
    assert instance.get_run_by_id(run_id).status in ENDED
    assert not socket_of(home.settings.dagster_home, RUNS).exists()


def test_a_parent_that_is_killed_takes_its_runs_along(home, instance, postgres):
    with forking(home) as process, waiting_sync(home, instance, postgres) as (run_id, pid):
        process.kill()
        process.wait()
        until(lambda: not Path(f"/proc/{pid}").exists())
        assert ended(instance, run_id).status is not dg.DagsterRunStatus.SUCCESS
