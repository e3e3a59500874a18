"""What a run costs that Dagster starts: from asking over HTTP until its rows are there, with `pwh up` running.

    python benchmarks/runs.py [--source mysql] [--rows 2000000] [--times 5] [--sources 0]

CPU is that of every process below `pwh up`, less what the same processes need in the same time while nothing runs. The
reference is one `COPY … TO STDOUT`, or one `mariadb-dump`, whose bytes are thrown away. Memory is the peak of the run's
process, most of which it shares with the one it was forked from. `--sources` adds sources of a hundred tables that never
sync: how much a run's price grows with what else a home has.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.processes import below, cpu_s_below

IDLE_S = 20.0


class Home:
    """A running `pwh up`, asked over HTTP."""

    def __init__(self, facts: dict[str, str], pid: int, source_type: str) -> None:
        self.source_type = source_type
        self.api, self.key, self.pid = facts["api"], facts["personal_key"], pid
        self.peak_mb = 0.0
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.api}/api/projects/1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        with self._opener.open(request, timeout=120) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def connect(self, config: dict[str, Any], *tables: dict[str, Any], prefix: str = "") -> str:
        body = {
            "source_type": self.source_type,
            "prefix": prefix,
            "payload": {**config, "schemas": tables},
        }
        return str(self.ask("POST", "warehouse_sources/", body)["id"])

    def jobs(self, source: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"warehouse_sources/{source}/jobs/"))

    def sync(self, source: str) -> tuple[float, float]:
        """Sync now. Seconds until a job of it is there, and until it is done."""
        before = len(self.jobs(source))
        began = time.monotonic()
        while True:
            try:
                self.ask("POST", f"warehouse_sources/{source}/reload/")
                break
            except urllib.error.HTTPError as error:
                if error.code != 503 or time.monotonic() - began > 120:
                    raise
                time.sleep(1)
                began = time.monotonic()
        waited = 0.0
        while True:
            self._look_at_memory()
            found = self.jobs(source)
            if len(found) > before:
                waited = waited or time.monotonic() - began
                if found[0]["status"] == "Completed":
                    return waited, time.monotonic() - began
                assert found[0]["status"] == "Running", found[0]
            assert time.monotonic() - began < 300, "the sync does not end"
            time.sleep(0.05)

    def _look_at_memory(self) -> None:
        """The most that a run's process had so far."""
        runs = []
        for pid in below(self.pid):
            try:
                if b"orchestration.workers" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    runs.append(Path(f"/proc/{pid}/status").read_text())
            except OSError:
                continue
        for status in runs[1:]:  # the first is what they are forked from
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                self.peak_mb = max(self.peak_mb, int(found[1]) / 1024)


Reference = Callable[[], object]
"""Reads the table `bench` once, to nowhere."""


@contextlib.contextmanager
def postgres(rows: int, others: int) -> Iterator[tuple[dict[str, Any], Reference]]:
    """A server with the tables `bench`, `small` and `other_<number>`: how to reach it, and one COPY."""
    import psycopg

    from benchmarks.sync import copy, fill
    from pwh_assets.demo.postgres import PrivatePostgres

    with PrivatePostgres(settings={"shared_buffers": "512MB"}) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            fill(connection, rows)
            for number in range(others):
                connection.execute(f"CREATE TABLE other_{number} (id bigint PRIMARY KEY)".encode())
        config = dict(server.config)

        def reference() -> None:
            with contextlib.redirect_stdout(None):
                copy(config, Path(), "bench")

        yield config, reference


@contextlib.contextmanager
def mysql(rows: int, others: int) -> Iterator[tuple[dict[str, Any], Reference]]:
    """The same on MariaDB, with its dump."""
    import pymysql

    from benchmarks.mysql import dump, fill
    from tests.servers.mariadb import PrivateMariaDB

    with PrivateMariaDB() as server:
        fill(server.conn, rows)
        with pymysql.connect(**server.conn) as connection, connection.cursor() as cursor:
            for number in range(others):
                cursor.execute(f"CREATE TABLE other_{number} (id bigint PRIMARY KEY)")
        with dump(server.conn) as reference:
            yield server.conn, reference


SERVERS = {"postgres": postgres, "mysql": mysql}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=list(SERVERS), default="postgres")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--sources", type=int, default=0)
    args = parser.parse_args()

    from benchmarks.load import up

    with (
        SERVERS[args.source](args.rows, 100 if args.sources else 0) as (config, reference),
        tempfile.TemporaryDirectory(prefix="pwh-runs-") as folder,
    ):
        process, facts = up(Path(folder) / "home")
        try:
            home = Home(facts, process.pid, args.source)
            for number in range(args.sources):
                schemas = [
                    {"name": f"other_{each}", "should_sync": False, "sync_type": "full"}
                    for each in range(100)
                ]
                home.connect(config, *schemas, prefix=f"s{number}_")
            full = {"name": "bench", "should_sync": True, "sync_type": "full"}
            idle = {
                "name": "small",
                "should_sync": True,
                "sync_type": "incremental",
                "incremental_field": "updated_at",
            }
            sources = {
                "nothing new": home.connect(config, idle, prefix="idle_"),
                "full": home.connect(config, full, prefix="full_"),
            }
            time.sleep(15)  # Dagster takes the sources in, and their first syncs begin
            for source in sources.values():
                home.sync(source)
            time.sleep(5)
            before, began = cpu_s_below(home.pid), time.monotonic()
            time.sleep(IDLE_S)
            rate = (cpu_s_below(home.pid) - before) / (time.monotonic() - began)
            print(f"load {os.getloadavg()[0]:.1f}; at rest {rate * 60:.1f} CPU s a minute\n")
            print(
                f"{'':24}{'begins s':>10}{'done s':>10}{'CPU s':>10}{'run x ref.':>12}{'peak MB':>10}"
            )
            for name, source in sources.items():
                waits, walls, costs, references = [], [], [], []
                home.peak_mb = 0.0
                for _ in range(args.times):
                    began = time.monotonic()
                    reference()
                    references.append(time.monotonic() - began)
                    before, began = cpu_s_below(home.pid), time.monotonic()
                    wait, wall = home.sync(source)
                    time.sleep(1)  # the process ends
                    costs.append(cpu_s_below(home.pid) - before - rate * (time.monotonic() - began))
                    waits.append(wait)
                    walls.append(wall)
                wait, wall = statistics.median(waits), statistics.median(walls)
                ratio = (wall - wait) / statistics.median(references)
                print(
                    f"{name:24}{wait:10.2f}{wall:10.2f}{statistics.median(costs):10.2f}{ratio:12.1f}{home.peak_mb:10.0f}",
                    flush=True,
                )
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
