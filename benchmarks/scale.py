"""A home of 1,000 tables and 500 views in chains of up to 12: what idling, loading and asking cost.

Run it as `.venv/bin/python benchmarks/scale.py [tables [views]]`. It makes the home through the store and the lake, with a PostgreSQL
server of its own behind the sources, starts what `pwh up` starts, lets it settle, and reads CPU seconds per process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.processes import cpu_s_below
from pwh_assets.demo.private import free_port

PER_SOURCE = 50
COLUMNS = 20
CHAIN = 12
SETTLE_S = 180.0
WATCH_S = 120.0


def make_home(home: Path, tables: int, views: int, server: Any) -> None:
    """Fill an empty home: everything was synced and built this moment, so nothing is due for a while."""
    from pwh_assets.core.frequency import Frequency
    from pwh_assets.core.source import Column, TableStatus
    from pwh_assets.core.view import Refresh
    from pwh_assets.platform import open_platform
    from pwh_assets.settings import Settings
    from pwh_assets.store import NewTable

    platform = open_platform(Settings(home=home, allow_private_hosts=True))
    store, lake = platform.store, platform.lakes.of(1)
    columns = tuple(Column(f"column_{n}", "VARCHAR") for n in range(COLUMNS))
    listed = ", ".join(f"{column.name} VARCHAR" for column in columns)
    now = datetime.now(UTC)
    names = []
    for source in range(-(-tables // PER_SOURCE)):
        of_source = [f"table_{n}" for n in range(min(PER_SOURCE, tables - source * PER_SOURCE))]
        config = {
            "host": server.host,
            "port": server.port,
            "database": server.database,
            "user": server.user,
            "schema": f"s{source}",
            "sslmode": "prefer",
        }
        made = store.add_source(
            1,
            "postgres",
            f"db{source}_",
            "",
            config,
            {"password": server.password},
            [NewTable(name, columns, ("column_0",)) for name in of_source],
        )
        with lake.write() as connection:
            connection.execute(f"BEGIN; CREATE SCHEMA lake.{made.slug}")
            for name in of_source:
                connection.execute(f"CREATE TABLE lake.{made.slug}.{name} ({listed})")
            connection.execute("COMMIT")
        for table in store.tables(1, made.id):
            store.update_table(table.id, status=TableStatus.COMPLETED, last_synced_at=now)
            names.append(table.table_name)
    snapshot = lake.snapshot_id()
    for n in range(views):
        above = (names[n % len(names)],) if n % CHAIN == 0 else (f"view_{n - 1}", names[-1 - n])
        view = store.save_view(
            1, f"view_{n}", f"SELECT column_0 FROM {above[0]}", columns[:5], above
        )
        facts: dict[str, Any] = {
            "status": TableStatus.COMPLETED,
            "last_run_at": now,
            "last_attempt_at": now,
            "attempted_snapshot": snapshot,
            "is_materialized": True,
        }
        if n % 3 == 0:
            store.update_view(view.id, refresh=Refresh.INPUTS, **facts)
        elif n % 3 == 1:
            store.update_view(view.id, frequency=Frequency("24hour"), **facts)
        if n % 50 == CHAIN - 1:
            store.update_view(view.id, freshness_target="7day")
    platform.lakes.close()
    store.close()


def report(home: Path) -> None:
    """Tell Dagster that every asset was made, as after a first round of syncs and builds."""
    import dagster as dg

    from pwh_assets.orchestration.instance import instance_for
    from pwh_assets.orchestration.inventory import read_inventories
    from pwh_assets.platform import open_platform
    from pwh_assets.services.lineage.graph import NodeKind
    from pwh_assets.settings import Settings

    platform = open_platform(Settings(home=home))
    (inventory,) = read_inventories(platform)
    with instance_for(platform.settings) as instance:
        for node in inventory.graph.nodes.values():
            if node.kind in (NodeKind.SYNCED, NodeKind.MATERIALIZED):
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(dg.AssetKey(node.asset_key))
                )
    platform.lakes.close()
    platform.store.close()


def load(home: Path) -> dict[str, float]:
    """Loading the definitions from the store, in this process."""
    from dagster._core.remote_representation.external_data import RepositorySnap
    from dagster._serdes import serialize_value

    from pwh_assets.definitions import build_defs
    from pwh_assets.platform import open_platform
    from pwh_assets.settings import Settings

    started = time.process_time()
    platform = open_platform(Settings(home=home))
    defs = build_defs(platform)
    built = time.process_time()
    repository = defs.get_repository_def()
    resolved = time.process_time()
    text = serialize_value(RepositorySnap.from_def(repository, defer_snapshots=True))
    done = time.process_time()
    platform.store.close()
    return {
        "build": built - started,
        "repository": resolved - built,
        "snapshot": done - resolved,
        "total": done - started,
        "megabytes": len(text) / 1e6,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def answers(home: Path) -> dict[str, tuple[float, float]]:
    """Milliseconds of some questions: the first time and, as the median of ten, again."""
    from pwh_assets.orchestration.following import look
    from pwh_assets.platform import open_platform
    from pwh_assets.services.freshness.project import describe, project_plan
    from pwh_assets.services.health import health
    from pwh_assets.services.lineage.tracing import lineage
    from pwh_assets.settings import Settings

    platform = open_platform(Settings(home=home))
    views = {view.name: view for view in platform.store.views(1)}
    asked: dict[str, Callable[[], Any]] = {
        "lineage of a view at a chain's end": lambda: lineage(platform, 1, "view_11"),
        "the plan of effective cadences": lambda: project_plan(platform, 1),
        "freshness of one view, with its bounds": lambda: describe(
            project_plan(platform, 1), "view_11"
        ),
        "health": lambda: health(platform, 1),
        "one look for changed inputs": lambda: look(platform, 1, views, (), {}),
    }
    found = {}
    for name, ask in asked.items():
        times = []
        for _ in range(11):
            started = time.perf_counter()
            ask()
            times.append((time.perf_counter() - started) * 1000)
        found[name] = (times[0], sorted(times[1:])[5])
    platform.lakes.close()
    platform.store.close()
    return found


def idle(home: Path, environment: dict[str, str]) -> dict[str, float]:
    """CPU seconds a minute of each process that `pwh up` keeps, once it has settled."""
    from pwh_assets.orchestration.servers import dagster_commands
    from pwh_assets.settings import Settings

    ports = [free_port(), free_port()]
    commands = [
        (each.name, each.argv, each.environment)
        for each in dagster_commands(Settings(home=home), ports[0])
    ]
    api = (sys.executable, "-m", "pwh_assets.cli.serve", "--port", str(ports[1]))
    url = f"http://127.0.0.1:{ports[0]}/dagster"
    commands.append(("api", (*api, "--dagster-url", url), {}))
    processes = {}
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    try:
        for name, argv, own in commands:
            with (logs / f"{name}.log").open("w") as log:
                processes[name] = subprocess.Popen(
                    argv, env={**environment, **own}, stdout=log, stderr=log
                )
        time.sleep(SETTLE_S)
        before = {name: cpu_s_below(process.pid) for name, process in processes.items()}
        time.sleep(WATCH_S)
        return {
            name: (cpu_s_below(process.pid) - before[name]) * 60 / WATCH_S
            for name, process in processes.items()
        }
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _own_process(home: Path, what: str, environment: dict[str, str]) -> Any:
    argv = [sys.executable, "-W", "ignore", __file__, "--home", str(home), "--only", what]
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main(tables: int, views: int) -> None:
    import psycopg

    from pwh_assets.demo.postgres import PrivatePostgres

    with tempfile.TemporaryDirectory() as folder, PrivatePostgres() as server:
        home = Path(folder) / "home"
        home.mkdir()
        environment = {**os.environ, "PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
        listed = ", ".join(
            f"column_{n} text" + (" primary key" if n == 0 else "") for n in range(COLUMNS)
        )
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for n in range(tables):
                source, table = divmod(n, PER_SOURCE)
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS s{source}")
                connection.execute(f"CREATE TABLE s{source}.table_{table} ({listed})")
        started = time.perf_counter()
        make_home(home, tables, views, server)
        report(home)
        print(
            f"a home of {tables:,} tables and {views:,} views, made in {time.perf_counter() - started:.0f} s"
        )
        loaded = _own_process(home, "load", environment)
        print(
            "loading, CPU s: " + ", ".join(f"{name} {value:.2f}" for name, value in loaded.items())
        )
        for name, (first, again) in _own_process(home, "answers", environment).items():
            print(f"{name}: first {first:.0f} ms, again {again:.1f} ms")
        minute = idle(home, environment)
        print("idle, CPU s a minute: " + ", ".join(f"{n} {s:.2f}" for n, s in minute.items()))
        print(f"in all {sum(minute.values()):.2f}")


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("tables", type=int, nargs="?", default=1_000)
    words.add_argument("views", type=int, nargs="?", default=500)
    words.add_argument("--home", type=Path)
    words.add_argument("--only", choices=("load", "answers"))
    given = words.parse_args()
    if given.only:
        print(json.dumps((load if given.only == "load" else answers)(given.home)))
    else:
        main(given.tables, given.views)
