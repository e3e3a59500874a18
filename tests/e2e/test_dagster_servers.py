"""Dagster's own servers on a home: what the UI is told about assets, checks, schedules, sensors and runs."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from pwh_assets.core.view import Refresh
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.private import free_port
from pwh_assets.orchestration import launch
from pwh_assets.orchestration.reload import Reloader, reload_location
from pwh_assets.orchestration.run import run_sync, run_views
from pwh_assets.orchestration.servers import dagster_commands
from pwh_assets.orchestration.sockets import CODE, socket_of
from pwh_assets.platform import open_platform
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.settings import Settings

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]
PATIENCE_S = 300
QUICK_LOOKS = Path(__file__).parent / "quick_looks"


class Servers:
    """The commands of a home, until `close`."""

    def __init__(self, settings, folder):
        self.port = free_port()
        self.logs = folder
        self.processes = []
        for command in dagster_commands(settings, self.port):
            with (folder / f"{command.name}.log").open("w") as log:
                environment = {**os.environ, **command.environment, "PWH_ALLOW_PRIVATE_HOSTS": "1"}
                environment["PYTHONPATH"] = os.pathsep.join(
                    [str(QUICK_LOOKS), *filter(None, [environment.get("PYTHONPATH")])]
                )
                self.processes.append(
                    subprocess.Popen(command.argv, env=environment, stdout=log, stderr=log)
                )

    def ask(self, query):
        body = json.dumps({"query": query}).encode()
        url = f"http://127.0.0.1:{self.port}/dagster/graphql"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def until(self, check):
        """What `check` returns once it is true."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if found := check():
                    return found
            except OSError:
                pass
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.5)

    def said(self):
        return "\n".join(
            f"{path.name}\n{path.read_text()[-3000:]}" for path in self.logs.glob("*.log")
        )

    def assets(self):
        nodes = self.ask(
            "{assetNodes{assetKey{path} groupName kinds isExecutable isMaterializable owners{__typename}"
            " freshnessStatusInfo{freshnessStatus} assetMaterializations(limit:1){runId}"
            " assetChecksOrError{... on AssetChecks{checks{name blocking}}} dependencyKeys{path}}}"
        )["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node for node in nodes}

    def runs(self):
        return self.ask(
            "{runsOrError(limit:50){... on Runs{results{runId jobName status tags{key value}}}}}"
        )["runsOrError"]["results"]

    def instigators(self):
        (repository,) = self.ask(
            "{repositoriesOrError{... on RepositoryConnection{nodes{"
            "schedules{name scheduleState{status}} sensors{name sensorState{status}}}}}}"
        )["repositoriesOrError"]["nodes"]
        return {
            each["name"]: (each.get("scheduleState") or each.get("sensorState"))["status"]
            for each in repository["schedules"] + repository["sensors"]
        }

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def postgres():
    with PrivatePostgres() as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        for name in ("users", "orders"):
            connection.execute(f"CREATE TABLE {name} (id bigint primary key, name text)")
            connection.execute(
                f"INSERT INTO {name} SELECT i, 'n' || i FROM generate_series(1, 50) i"
            )
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory, postgres):
    folder = tmp_path_factory.mktemp("dagster")
    environ = {"PWH_HOME": str(folder / "home"), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    platform = open_platform(Settings.from_env(environ))
    names = ("host", "port", "database", "user", "password")
    payload = {**{name: getattr(postgres, name) for name in names}, "schema": "public"}
    create_source(platform, 1, {"source_type": "Postgres", "prefix": "app_", "payload": payload})
    yield platform
    platform.lakes.close()
    platform.store.close()


@pytest.fixture(scope="module")
def servers(home, tmp_path_factory):
    running = Servers(home.settings, tmp_path_factory.mktemp("logs"))
    try:
        running.until(lambda: "postgres_app/users" in running.assets())
        yield running
    finally:
        running.close()


def test_the_graph_goes_from_source_tables_to_synced_tables(servers):
    users = servers.assets()["postgres_app/users"]
    assert users["groupName"] == "postgres_app" and set(users["kinds"]) == {
        "postgres",
        "dlt",
        "ducklake",
    }
    assert users["dependencyKeys"] == [{"path": ["external", "postgres_app", "users"]}]
    assert {
        check["name"]: check["blocking"] for check in users["assetChecksOrError"]["checks"]
    } == {
        "columns_as_declared": True,
        "key_is_unique": True,
    }
    outside = servers.assets()["external/postgres_app/users"]
    assert not outside["isExecutable"] and outside["kinds"] == ["postgres"]


def test_schedules_and_sensors_are_on(servers):
    assert servers.instigators() == {
        "sync_postgres_app_every_6hour": "RUNNING",
        "maintain_lake_nightly": "RUNNING",
        "changes_in_postgres": "RUNNING",
        "dbt_projects": "RUNNING",
        "product_data": "RUNNING",
    }


def test_new_tables_are_synced_at_once_by_the_sensor(servers):
    def first_run():
        return [run for run in servers.runs() if run["status"] in ("SUCCESS", "FAILURE")]

    (run, *_) = servers.until(first_run)
    assert run["status"] == "SUCCESS", servers.said()
    assert {"key": "dagster/sensor_name", "value": "changes_in_postgres"} in run["tags"]
    users = servers.assets()["postgres_app/users"]
    assert users["assetMaterializations"][0]["runId"] == run["runId"]
    # The daemon looks at freshness every two minutes: by now it may not have.
    assert users["freshnessStatusInfo"]["freshnessStatus"] in ("HEALTHY", "UNKNOWN")


def test_a_run_of_a_command_shows_beside_them(servers, home):
    outcome = run_sync(home, [home.store.find_table(1, "app_users")])
    shown = {run["runId"]: run for run in servers.runs()}
    assert shown[outcome.run_ids[0]]["jobName"] == "sync_postgres_app"


def test_what_changes_in_the_store_is_in_dagster_seconds_later(servers, home):
    reloader = Reloader(home, apart_s=1.0, look_every_s=0.2)
    reloader.start()
    try:
        save_view(home, 1, "names", "SELECT name FROM app_users")
        servers.until(lambda: "views/names" in servers.assets())
        save_view(home, 1, "names_daily", "SELECT name FROM names")
        materialize_view(home, 1, "names_daily", "24hour")
        servers.until(lambda: servers.assets().get("views/names_daily", {}).get("isMaterializable"))
        assert "build_views_every_24hour" in servers.instigators()
    finally:
        reloader.stop()


def test_a_view_made_a_moment_ago_is_built_by_a_run_that_dagster_launches(servers, home):
    save_view(home, 1, "names_at_once", "SELECT name FROM names_daily")
    made = materialize_view(home, 1, "names_at_once", "24hour")
    assert "views/names_at_once" not in servers.assets()
    run_id = launch.launch_views(home, 1, [home.store.view(1, "names_daily"), made])

    def ended():
        (run,) = [run for run in servers.runs() if run["runId"] == run_id]
        return run["status"] if run["status"] in ("SUCCESS", "FAILURE") else None

    assert servers.until(ended) == "SUCCESS", servers.said()
    counts = [home.store.view(1, name).row_count for name in ("names_daily", "names_at_once")]
    assert counts == [50, 50]


def test_what_dagster_does_not_know_is_waited_for_and_then_said_to_be_so(
    servers, home, monkeypatch
):
    monkeypatch.setattr(launch, "TAKEN_IN_WITHIN_S", 0.0)
    table = home.store.find_table(1, "app_users")
    graph = SimpleNamespace(nodes={"nothing": SimpleNamespace(asset_key=("nothing",))})
    with pytest.raises(launch.DagsterBehindError) as told:
        launch._launch(home, graph, "sync_postgres_nowhere", ["nothing"])
    assert told.value.retryable and "does not know `nothing` yet" in str(told.value)
    monkeypatch.setattr(launch, "webserver_url", lambda settings: "http://127.0.0.1:1/dagster")
    with pytest.raises(launch.DagsterDownError):
        launch.launch_sync(home, 1, [table])


def test_the_daemon_keeps_back_what_reads_a_broken_table_and_builds_it_once_that_is_mended(
    servers, home, postgres
):
    def rows(name):
        return home.store.view(1, name).row_count

    users, orders = (home.store.find_table(1, f"app_{name}") for name in ("users", "orders"))
    servers.until(lambda: all(each.last_synced_at for each in home.store.tables(1)))
    texts = {"beside": "SELECT id FROM app_users", "both": None, "after": "SELECT id FROM both"}
    texts["both"] = "SELECT id FROM app_users UNION ALL SELECT id FROM app_orders"
    views = []
    for name, text in texts.items():
        save_view(home, 1, name, text)
        views.append(materialize_view(home, 1, name, refresh=Refresh.INPUTS))
    assert run_views(home, views).is_ok
    before = rows("both")
    reload_location(home.settings)
    servers.until(lambda: servers.instigators().get("mended_views") == "RUNNING")

    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders RENAME TO ordered")
        connection.execute("INSERT INTO users VALUES (51, 'n51')")
        assert not run_sync(home, [orders]).is_ok and run_sync(home, [users]).is_ok
        servers.until(lambda: rows("beside") == 51 and home.store.view(1, "after").stale_since)
        for name in ("both", "after"):
            view = home.store.view(1, name)
            assert (
                view.row_count == before and "`app_orders` could not be synced" in view.stale_reason
            )
        job = home.store.jobs(1, subject_id=home.store.view(1, "both").id, limit=1)[0]
        (run,) = servers.until(lambda: is_over(servers, job.run_id))
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        assert tags["dagster/sensor_name"] == "changed_inputs" and tags["pwh/skipped"] == "both"

        connection.execute("ALTER TABLE ordered RENAME TO orders")
        connection.execute("DELETE FROM orders WHERE id > 40")
    assert run_sync(home, [orders], full=True).is_ok
    servers.until(lambda: (rows("both"), rows("after")) == (91, 91))
    assert home.store.views_kept_back(1) == [] and rows("beside") == 51
    statuses = servers.until(lambda: all_over(servers))
    assert statuses == {"SUCCESS"}, servers.said()


def is_over(servers, run_id):
    return [r for r in servers.runs() if r["runId"] == run_id and r["status"] == "SUCCESS"]


def all_over(servers):
    """How the runs of the daemon ended; nothing while one goes on."""
    of_sensors = [
        run["status"]
        for run in servers.runs()
        if {"key": "dagster/sensor_name", "value": "changed_inputs"} in run["tags"]
        or {"key": "dagster/sensor_name", "value": "mended_views"} in run["tags"]
    ]
    return set(of_sensors) if set(of_sensors) <= {"SUCCESS", "FAILURE"} else None


def test_the_servers_start_without_a_page_of_errors(servers):
    for log in servers.logs.glob("*.log"):
        text = log.read_text()
        assert "Traceback" not in text and "DeprecationWarning" not in text, text
        assert "PreviewWarning" not in text and "BetaWarning" not in text, text


def test_no_credential_is_in_dagsters_files(servers, home, postgres):
    secret = postgres.password.encode()
    folder = home.settings.dagster_home
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if secret in path.read_bytes()]


def test_servers_of_a_background_job_end_on_sigterm(tmp_path):
    settings = Settings.from_env({"PWH_HOME": str(tmp_path / "home")})
    (tmp_path / "logs").mkdir()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        running = Servers(settings, tmp_path / "logs")
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        running.until(lambda: "lake/maintenance" in running.assets())
        for process in running.processes:
            process.terminate()
        for process in running.processes:
            process.wait(30)
    finally:
        running.close()


def test_reloading_without_dagster_is_silent(tmp_path):
    settings = Settings.from_env({"PWH_HOME": str(tmp_path)})
    assert reload_location(settings) is False


def test_a_long_home_has_its_socket_in_a_private_folder(tmp_path):
    short, long = tmp_path / "dagster", tmp_path / ("x" * 90) / "dagster"
    assert socket_of(short, CODE).parent in (short, socket_of(short, CODE).parent)
    address = socket_of(long, CODE)
    assert len(os.fsencode(address)) < 100
    assert Path(address).parent.stat().st_mode & 0o077 == 0
    Path(address).parent.rmdir()
