"""Fifty clients at once on a whole home: syncs, queries of every kind, edits of saved queries, and events.

    python benchmarks/load.py [--minutes 0.5] [--clients 50] [--pause 1.0]

`pwh up` serves as it does for people. Ends with 1 when an answer was an error, an acknowledged event is not in the lake once,
or, of runs of five minutes and more, when memory grew steadily.
"""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.processes import below
from pwh_assets.demo.private import free_port

PAGE = os.sysconf("SC_PAGE_SIZE")
IDLE_S = 30.0
MOST_GROWTH = 6.0
"""MiB a minute, over the second half of a run, that still count as flat: caches fill."""
QUERIES = (
    "SELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC",
    "SELECT count() FROM rest_item",
    "SELECT toStartOfHour(timestamp) AS hour, uniq(distinct_id) AS people FROM events GROUP BY hour ORDER BY hour",
)
KINDS = (
    "capture",
    "cached",
    "capture",
    "computed",
    "capture",
    "edit",
    "capture",
    "cancel",
    "cached",
    "export",
)
"""What client number n does: this list over and over; the last two clients sync."""


@dataclass
class Told:
    """What all clients saw."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(
        self, kind: str, seconds: float, status: int, body: bytes, allowed: tuple[int, ...]
    ) -> None:
        with self.lock:
            self.waits[kind].append(seconds)
            self.statuses[kind, status] += 1
            if status not in allowed:
                self.errors[f"{kind}: {status} {body[:300].decode(errors='replace')}"] += 1


class Client:
    """One kept connection."""

    def __init__(self, port: int, keys: tuple[str, str], number: int, told: Told) -> None:
        self.number, self.told, self.capture_key = number, told, keys[1]
        self.choice = random.Random(number)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._used_at = time.monotonic()
        self._headers = {"Authorization": f"Bearer {keys[0]}", "Content-Type": "application/json"}

    def ask(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        allowed: tuple[int, ...] = (200, 429),
    ) -> Any:
        if time.monotonic() - self._used_at > IDLE_S:
            self._connection.close()  # the server may be about to do the same
        self._used_at = time.monotonic()
        started = time.perf_counter()
        self._connection.request(
            method, path, json.dumps(body) if body is not None else None, self._headers
        )
        answer = self._connection.getresponse()
        text = answer.read()
        self.told.note(kind, time.perf_counter() - started, answer.status, text, allowed)
        is_json = text and "json" in answer.headers.get("Content-Type", "") and "jsonl" not in path
        return (answer.status, json.loads(text) if is_json else text)

    def api(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        allowed: tuple[int, ...] = (200, 429),
    ) -> Any:
        return self.ask(kind, method, f"/api/projects/1/{path}", body, allowed)

    def query(self, kind: str, sql: str, allowed: tuple[int, ...] = (200, 429), **more: Any) -> Any:
        return self.api(
            kind, "POST", "query/", {"query": {"kind": "HogQLQuery", "query": sql}, **more}, allowed
        )

    def close(self) -> None:
        self._connection.close()


# What a client does, step after step


def capture(client: Client) -> Iterator[None]:
    who = f"load-{client.number}"
    while True:
        count = client.choice.choice((1, 1, 20, 50))
        batch = [
            {
                "event": "load",
                "uuid": str(uuid.uuid4()),
                "distinct_id": who,
                "properties": {"n": n, "page": client.choice.randrange(1000)},
            }
            for n in range(count)
        ]
        body = {"api_key": client.capture_key, "batch": batch}
        status, _ = client.ask("capture", "POST", "/batch/", body)
        if status == 200:
            with client.told.lock:
                client.told.events[who] += count
        yield


def cached(client: Client) -> Iterator[None]:
    while True:
        client.query("cached query", QUERIES[1] if client.choice.random() < 0.7 else QUERIES[0])
        yield


def computed(client: Client) -> Iterator[None]:
    while True:
        number = client.choice.randrange(10**9)
        client.query(
            "computed query",
            f"{client.choice.choice(QUERIES)} LIMIT {1 + number % 100}",
            refresh="force_blocking",
        )
        yield


def edit(client: Client) -> Iterator[None]:
    path = "warehouse_saved_queries/"
    body = {"name": f"load_{client.number}", "query": "SELECT 0 AS n"}
    _, view = client.api("saved query", "POST", path, body, (200, 201, 429))
    number = 0
    while True:
        yield
        number += 1
        change = {
            "query": f"SELECT {number} AS n, count() AS c FROM events",
            "edited_history_id": view["latest_history_id"],
        }
        status, found = client.api("saved query", "PATCH", f"{path}{view['id']}/", change)
        view = found if status == 200 else view
        client.query("query of a view", f"SELECT n FROM load_{client.number}")


def cancel(client: Client) -> Iterator[None]:
    while True:
        mine = uuid.uuid4().hex
        long = "SELECT max(MD5(toString(number))) FROM numbers(30000000)"
        status, _ = client.query(
            "async query", long, (202, 429), refresh="force_async", client_query_id=mine
        )
        yield
        if status == 202:
            client.api("cancel", "DELETE", f"query/{mine}/", allowed=(204, 429))
            client.api("poll", "GET", f"query/{mine}/")


def export(client: Client) -> Iterator[None]:
    while True:
        format_ = client.choice.choice(("csv", "jsonl", "parquet", "arrow"))
        body = {
            "query": {
                "kind": "HogQLQuery",
                "query": "SELECT number, toString(number) AS text FROM numbers(20000)",
            }
        }
        client.api("export", "POST", f"query/?format={format_}", body)
        yield


def sync(client: Client) -> Iterator[None]:
    _, listed = client.api("sync", "GET", "warehouse_sources/")
    source = listed["results"][0]["id"]
    while True:
        client.api("sync", "POST", f"warehouse_sources/{source}/reload/", allowed=(202, 409, 429))
        for _ in range(25):
            yield
            client.api("sync", "GET", f"warehouse_sources/{source}/")
            client.api("sync", "GET", "warehouse/running_activity/")


STEPS: dict[str, Callable[[Client], Iterator[None]]] = {
    "capture": capture,
    "cached": cached,
    "computed": computed,
    "edit": edit,
    "cancel": cancel,
    "export": export,
    "sync": sync,
}


def run_client(client: Client, kind: str, pause: float, until: float) -> None:
    steps = STEPS[kind](client)
    try:
        time.sleep(client.choice.random() * pause)
        while time.monotonic() < until:
            next(steps)
            time.sleep(pause * (0.5 + client.choice.random()))
    except Exception as error:
        with client.told.lock:
            client.told.errors[f"{kind}: {type(error).__name__}: {error}"] += 1
    finally:
        client.close()


# The processes


class Memory(threading.Thread):
    """MiB and open files of every process below one, by what it is."""

    def __init__(self, root: int, every_s: float) -> None:
        super().__init__(daemon=True)
        self.root, self.every_s = root, every_s
        self.seen: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
        self.is_over = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self.is_over.wait(self.every_s):
            now: dict[str, tuple[float, int]] = {}
            for pid in below(self.root):
                try:
                    name = name_of(pid)
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    files = len(os.listdir(f"/proc/{pid}/fd"))
                except (OSError, IndexError):
                    continue
                before = now.get(name, (0.0, 0))
                now[name] = (before[0] + pages * PAGE / 2**20, before[1] + files)
            for name, (size, files) in now.items():
                self.seen[name].append(((time.monotonic() - began) / 60, size, files))


def name_of(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    names = (
        ("cli.serve", "API"),
        ("spawn_main", "query workers"),
        ("resource_tracker", "query workers"),
        ("code-server", "Dagster code"),
        ("api grpc", "Dagster code"),
        ("dagster_webserver", "Dagster web"),
        ("daemon", "Dagster daemon"),
        ("execute_run", "runs"),
    )
    return next((name for part, name in names if part in words), "others")


def slope(points: list[tuple[float, float, int]]) -> float:
    """MiB a minute by least squares over the second half."""
    half = [(at, size) for at, size, _ in points[len(points) // 2 :]]
    if len(half) < 3:
        return 0.0
    middle_at = sum(at for at, _ in half) / len(half)
    middle = sum(size for _, size in half) / len(half)
    spread = sum((at - middle_at) ** 2 for at, _ in half)
    return sum((at - middle_at) * (size - middle) for at, size in half) / spread if spread else 0.0


# The run


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds between two steps of a client"
    )
    args = parser.parse_args()
    from tests.servers.declared import DeclaredApi

    with tempfile.TemporaryDirectory(prefix="pwh-load-") as folder, DeclaredApi() as vendor:
        vendor.items = [
            {"id": n, "name": f"item {n}", "updated_at": "2026-01-01T00:00:00Z"}
            for n in range(2000)
        ]
        process, facts = up(Path(folder) / "home")
        try:
            port, keys = (
                int(facts["api"].rsplit(":", 1)[1]),
                (facts["personal_key"], facts["capture_key"]),
            )
            told = Told()
            first = Client(port, keys, 0, Told())
            add_source(first, vendor.base_url)
            is_good = load(args, port, keys, told, process.pid)
            is_good = found_again(first, told) and is_good
            first.close()
        finally:
            process.terminate()
            status = process.wait(60)
    print(f"`pwh up` ended with {status}")
    return 0 if is_good and status == 0 else 1


def up(home: Path) -> tuple["subprocess.Popen[str]", dict[str, str]]:
    ports = ["--port", str(free_port()), "--dagster-port", str(free_port())]
    environment = {
        **os.environ,
        "PWH_HOME": str(home),
        "PWH_RATE_LIMIT": "off",
        "PWH_ALLOW_PRIVATE_HOSTS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pwh_assets.cli", "up", "--json", *ports],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "`pwh up` did not start"
    return process, json.loads(line)


def add_source(client: Client, base_url: str) -> None:
    from tests.servers.declared import TOKEN

    resource = {
        "name": "item",
        "endpoint": {
            "path": "numbered",
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
            "data_selector": "items",
        },
    }
    status, made = client.api(
        "source",
        "POST",
        "warehouse_sources/",
        {
            "source_type": "rest",
            "payload": {
                "client": {"base_url": base_url, "auth": {"token": TOKEN}},
                "resources": [resource],
                "schemas": [{"name": "item", "should_sync": True, "sync_type": "full_refresh"}],
            },
        },
    )
    assert status == 201, made
    deadline = time.monotonic() + 240
    path = f"warehouse_sources/{made['id']}/reload/"
    while (begun := client.api("source", "POST", path))[0] == 503:  # Dagster reads the new source
        print(f"note: {begun[1]['code']} while Dagster gets ready")
        assert time.monotonic() < deadline, begun
        time.sleep(2)
    assert begun[0] == 202, begun
    while client.query("source", "SELECT count() FROM rest_item")[0] != 200:
        assert time.monotonic() < deadline, "the first sync did not end"
        time.sleep(0.5)


def load(args: argparse.Namespace, port: int, keys: tuple[str, str], told: Told, root: int) -> bool:
    memory = Memory(root, max(0.5, args.minutes * 60 / 240))
    memory.start()
    until = time.monotonic() + args.minutes * 60
    threads = []
    for number in range(args.clients):
        kind = "sync" if number >= args.clients - 2 else KINDS[number % len(KINDS)]
        client = Client(port, keys, number, told)
        threads.append(threading.Thread(target=run_client, args=(client, kind, args.pause, until)))
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    memory.is_over.set()
    memory.join()
    print(
        f"{args.clients} clients, {args.minutes:g} minutes, load of the machine {os.getloadavg()[0]:.0f}\n"
    )
    print(
        "| | requests | p50, ms | p95, ms | longest, ms | refused for the limit |\n|---|---|---|---|---|---|"
    )
    for kind, waits in sorted(told.waits.items()):
        waits.sort()
        shown = [1000 * waits[int(len(waits) * part)] for part in (0.5, 0.95)] + [1000 * waits[-1]]
        limited = told.statuses[kind, 429]
        print(
            f"| {kind} | {len(waits)} | "
            + " | ".join(f"{one:.0f}" for one in shown)
            + f" | {limited} |"
        )
    print(
        "\n| process | MiB first | half-way | last | MiB a minute, second half | files first | last |\n|---|---|---|---|---|---|---|"
    )
    is_flat = True
    for name, points in sorted(memory.seen.items()):
        growth = slope(points)
        is_flat &= args.minutes < 5 or name not in ("API", "query workers") or growth < MOST_GROWTH
        sizes = [points[place][1] for place in (0, len(points) // 2, -1)]
        print(
            f"| {name} | "
            + " | ".join(f"{one:.0f}" for one in sizes)
            + f" | {growth:+.1f} | {points[0][2]} | {points[-1][2]} |"
        )
    print()
    for error, times in told.errors.most_common(30):
        print(f"error, {times} times: {error}")
    if not is_flat:
        print("error: memory grew")
    return not told.errors and is_flat


def found_again(client: Client, told: Told) -> bool:
    """Whether the lake has each acknowledged event once."""
    sql = "SELECT distinct_id, count() AS n, uniq(uuid) AS u FROM events WHERE event = 'load' GROUP BY distinct_id LIMIT 1000"
    deadline = time.monotonic() + 60
    while True:
        _, answer = client.query("events", sql, refresh="force_blocking")
        found = {who: (n, u) for who, n, u in answer["results"]}
        wrong = {
            who: (n, found.get(who)) for who, n in told.events.items() if found.get(who) != (n, n)
        }
        if not wrong or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    print(
        f"{sum(told.events.values()):,} events acknowledged, {sum(n for n, _ in found.values()):,} in the lake"
    )
    for who, (sent, there) in wrong.items():
        print(f"error: {who} sent {sent}, and there are {there}")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
