"""Queries over HTTP on a real server: from the cache, computed on lakes of few and of many tables, and what HTTP adds.

Reference: the engine's own time for the same query, as the answer tells it. Run it alone: `python benchmarks/api.py`.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.processes import cpu_s
from pwh_assets.demo.private import free_port
from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings

SQL = "SELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC"


class Client:
    """One kept connection."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, refresh: str = "blocking") -> tuple[float, dict]:
        body = json.dumps({"query": {"kind": "HogQLQuery", "query": SQL}, "refresh": refresh})
        began = time.perf_counter()
        self._connection.request("POST", "/api/projects/1/query/", body, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - began
        assert answer.status == 200, text
        return took * 1000, json.loads(text)


def home_of(folder: Path, tables: int) -> tuple[dict[str, str], str]:
    """A home whose lake has so many tables beside the product's own; its environment and the owner's key."""
    platform = open_platform(Settings.from_env({"PWH_HOME": str(folder)}))
    with platform.lakes.of(1).write() as connection:
        connection.execute(
            "INSERT INTO lake.product.events (uuid, event, distinct_id, timestamp, properties) SELECT uuid(), "
            "'event ' || (range % 10), 'a', TIMESTAMP '2026-01-01' + interval (range) second, '{}' FROM range(20000)"
        )
        connection.execute("CREATE SCHEMA lake.many")
        for number in range(tables):
            connection.execute(
                f"CREATE TABLE lake.many.t{number} AS SELECT range AS id FROM range(10)"
            )
    key = platform.store.claim_home()[0]
    platform.lakes.close()
    platform.store.close()
    return {**os.environ, "PWH_HOME": str(folder), "PWH_RATE_LIMIT": "off"}, key


def served(environment: dict[str, str]) -> tuple[subprocess.Popen, int]:
    port = free_port()
    argv = [sys.executable, "-m", "pwh_assets.cli.serve", "--port", str(port)]
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            connection.getresponse().read()
            return process, port
        except OSError:
            assert time.monotonic() < deadline, "the API did not start"
            time.sleep(0.2)


def hammer(port: int, key: str, seconds: float) -> int:
    client, count, end = Client(port, key), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        client.ask()
        count += 1
    return count


def measure(tables: int, times: int) -> dict[str, float]:
    folder = Path(tempfile.mkdtemp(prefix="pwh-bench-"))
    try:
        environment, key = home_of(folder / "home", tables)
        process, port = served(environment)
        try:
            client = Client(port, key)
            for _ in range(5):
                client.ask("force_blocking")
            computed = [client.ask("force_blocking") for _ in range(times)]
            client.ask()
            cached = [client.ask()[0] for _ in range(times * 5)]
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                pool.map(os.getpgid, [0, 0])  # they have started
                before = cpu_s(process.pid)
                counts = pool.starmap(hammer, [(port, key, 4.0)] * 2)
                taken = cpu_s(process.pid) - before
            engine = [answer["timings"][0]["t"] * 1000 for _, answer in computed]
            return {
                "cached p50, ms": statistics.median(cached),
                "cached, CPU ms of the API": 1000 * taken / sum(counts),
                "cached, a second": sum(counts) / 4.0,
                "computed p50, ms": statistics.median(took for took, _ in computed),
                "engine alone p50, ms": statistics.median(engine),
            }
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, nargs="+", default=[50, 1000])
    parser.add_argument("--times", type=int, default=60)
    args = parser.parse_args()
    print(
        "| tables | cached p50, ms | cached, CPU ms of the API | cached, a second | computed p50, ms "
        "| engine alone p50, ms |"
    )
    print("|---|---|---|---|---|---|")
    for tables in args.tables:
        found = measure(tables, args.times)
        print(f"| {tables} | " + " | ".join(f"{value:.1f}" for value in found.values()) + " |")


if __name__ == "__main__":
    main()
