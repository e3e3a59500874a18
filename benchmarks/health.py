"""What a health answer costs: 1,000 tables and 500 views in chains of 12, from a real store with a history of jobs.

Run it as `.venv/bin/python benchmarks/health.py [tables views]`; it prints milliseconds of wall and CPU, the best and the median.
"""

import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column, SyncMode, TableStatus
from pwh_assets.platform import open_platform
from pwh_assets.services.health import evaluate, health
from pwh_assets.services.lineage import graph as graphs
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.lineage.tracing import lineage
from pwh_assets.services.platform import Platform
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable, models

TABLES_PER_SOURCE = 50
COLUMNS = tuple(Column(f"column_{n}", "VARCHAR") for n in range(20))
CHAIN = 12
JOBS_PER_TABLE = 40
ROUNDS = 30


def fill(platform: Platform, tables: int, views: int) -> None:
    """Sources, tables and views as after ten days of syncs every six hours."""
    store, now = platform.store, datetime.now(UTC)
    for first in range(0, tables, TABLES_PER_SOURCE):
        new = [
            NewTable(f"t{n}", COLUMNS, ("column_0",), mode=SyncMode.FULL)
            for n in range(first, min(first + TABLES_PER_SOURCE, tables))
        ]
        store.add_source(1, "postgres", f"db{first}_", "", {"host": "x"}, {"password": "p"}, new)
    synced = store.tables(1)
    names = [table.table_name for table in synced]
    for n in range(views):
        above = [f"v{n - 1}"] if n % CHAIN else []
        inputs = (*above, names[2 * n % tables], names[(2 * n + 1) % tables])
        view = store.save_view(1, f"v{n}", "SELECT 1 AS column_0", COLUMNS[:5], inputs)
        store.update_view(
            view.id,
            is_materialized=True,
            frequency=Frequency("6hour"),
            status=TableStatus.COMPLETED,
            last_run_at=now,
        )
    rows = []
    for table in synced:
        for n in range(JOBS_PER_TABLE):
            at = now - timedelta(hours=6 * n)
            rows.append(
                {
                    "id": str(uuid.uuid4()),
                    "project_id": 1,
                    "kind": "sync",
                    "subject_id": table.id,
                    "name": table.table_name,
                    "status": "Completed",
                    "rows": 10,
                    "bytes": 10,
                    "created_at": at,
                    "finished_at": at,
                    "process": "",
                    "attempt": 1,
                }
            )
    with store._db.write() as connection:
        connection.execute(
            models.source_tables.update().values(status="Completed", last_synced_at=now)
        )
        connection.execute(models.jobs.insert(), rows)


def break_(platform: Platform, count: int, code: str) -> None:
    """So many tables fail, each with a job that says why."""
    store, now = platform.store, datetime.now(UTC)
    for table in store.tables(1)[:count]:
        job = store.start_job(1, "sync", table.id, table.table_name)
        words = f"`{table.name}` could not be read: no route to host."
        store.finish_job(job.id, "Failed", error=words, error_code=code)
        facts = {"status": TableStatus.FAILED, "latest_error": words, "failed_at": now}
        store.update_table(table.id, **facts)


def measure(name: str, call: Callable[[], object]) -> None:
    walls, cpus, found = [], [], None
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        walls.append((time.perf_counter() - wall) * 1000)
        cpus.append((time.process_time() - cpu) * 1000)
    size = len(found) if isinstance(found, list) else ""
    print(
        f"| {name} | {size} | {min(walls):.1f} | {statistics.median(walls):.1f} "
        f"| {min(cpus):.1f} | {statistics.median(cpus):.1f} |",
        flush=True,
    )


def main(tables: int = 1_000, views: int = 500) -> None:
    with tempfile.TemporaryDirectory() as folder:
        platform = open_platform(Settings.from_env({"PWH_HOME": str(Path(folder) / "home")}))
        fill(platform, tables, views)
        print(
            f"{tables} tables, {views} views in chains of {CHAIN}, {JOBS_PER_TABLE} jobs a table\n"
        )
        print("| | issues | wall, best | wall, median | CPU, best | CPU, median |")
        print("|---|---|---|---|---|---|")

        def first() -> object:
            graphs._built.clear()
            return health(platform, 1)

        measure("health, all well", lambda: health(platform, 1))
        measure("health after a change of the catalog", first)
        measure("one look of the watch, all well", lambda: evaluate(platform, 1) and None)
        project_graph(platform, 1)
        measure("lineage of the last view", lambda: lineage(platform, 1, f"v{views - 1}") and None)
        break_(platform, 50, "source_unavailable")
        measure("health, a source is down", lambda: health(platform, 1))
        break_(platform, tables, "contract_broken")
        measure("health, every table fails by itself", lambda: health(platform, 1))
        later = datetime.now(UTC) + timedelta(days=3)
        measure("health, everything is late", lambda: health(platform, 1, later))
        measure("one look of the watch, every table fails", lambda: evaluate(platform, 1) and None)
        platform.lakes.close()
        platform.store.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
