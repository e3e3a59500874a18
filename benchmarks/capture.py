"""Events acknowledged durable: what the server takes per event, by how many events a request carries.

    python benchmarks/capture.py [--events 20000] [--clients 8]

The API runs as `pwh up` starts it. Processor time is the server's alone, reading, checking, writing the log and
loading the lake together; the rate is the clock's and shares the machine with the clients.
"""

import argparse
import gzip
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.processes import cpu_s
from pwh_assets.demo.private import free_port

TARGET = 5000
SHAPES = ((100, True, 1), (100, False, 1), (50, True, 1), (1, False, 1), (1, False, 6))
"""Events of a request, whether it is packed, and how many times as many clients send it."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        key = make_home(home)
        print(f"{args.events:,} events of {size_of_event()} bytes, {args.clients} clients")
        print(f"a record of 64 KiB on this disk is synced in {disk_ms(Path(folder)):.2f} ms")
        print(
            f"{'a request':>14}{'ms/req p50':>12}{'events/s':>10}{'of target':>11}"
            f"{'cpu us/event':>14}{'with load':>11}{'events/cpu s':>14}{'seen after s':>14}"
        )
        process, port = serve(home)
        try:
            send(port, key, 500, 50, False, 2)  # imports are not what is measured
            wait_until_loaded(home, 500)
            total = 500
            for size, is_packed, times in SHAPES:
                count = args.events if size > 1 else args.events // 5
                before = cpu_s(process.pid)
                started = time.perf_counter()
                waits = send(port, key, count, size, is_packed, times * args.clients)
                seconds = time.perf_counter() - started
                taken = cpu_s(process.pid) - before
                total += count
                wait_until_loaded(home, total)
                seen = time.perf_counter() - started - seconds
                whole = cpu_s(process.pid) - before
                name = f"{size} {'gzip' if is_packed else 'plain'} x{times * args.clients}"
                print(
                    f"{name:>14}{1000 * sorted(waits)[len(waits) // 2]:>12.1f}{count / seconds:>10,.0f}"
                    f"{count / seconds / TARGET:>11.0%}{1e6 * taken / count:>14.0f}"
                    f"{1e6 * whole / count:>11.0f}{count / whole:>14,.0f}{seen:>14.1f}"
                )
        finally:
            process.terminate()
            process.wait(60)


def make_home(home: Path) -> str:
    from pwh_assets.platform import open_platform
    from pwh_assets.settings import Settings

    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    keys = platform.store.claim_home()
    assert keys is not None
    platform.lakes.of(1)
    platform.lakes.close()
    platform.store.close()
    return keys[1]


def event(choice: random.Random) -> dict[str, object]:
    return {
        "event": choice.choice(("$pageview", "$autocapture", "order placed")),
        "uuid": str(uuid.UUID(int=choice.getrandbits(128))),
        "distinct_id": f"user-{choice.randrange(5000)}",
        "timestamp": "2026-11-20T10:00:00.123Z",
        "properties": {
            "$browser": "Firefox",
            "$os": "Linux",
            "$current_url": f"https://shop.example.com/products/{choice.randrange(10_000)}",
            "$session_id": f"s-{choice.randrange(20_000)}",
            "$lib": "web",
            "$lib_version": "1.2.3",
            "$screen_height": 1080,
            "$screen_width": 1920,
            "price": choice.random() * 100,
            "items": [choice.randrange(100) for _ in range(5)],
        },
    }


def size_of_event() -> int:
    return len(json.dumps(event(random.Random(1))))


def serve(home: Path) -> tuple["subprocess.Popen[bytes]", int]:
    port = free_port()
    command = [sys.executable, "-m", "pwh_assets.cli.serve", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "PWH_HOME": str(home)})
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)


def send(port: int, key: str, count: int, size: int, is_packed: bool, clients: int) -> list[float]:
    """Seconds each request took. Bodies are made before."""
    choice = random.Random(time.time_ns())
    headers = {"Content-Type": "application/json"}
    headers |= {"Content-Encoding": "gzip"} if is_packed else {}
    bodies = []
    for _ in range(count // size):
        text = json.dumps({"api_key": key, "batch": [event(choice) for _ in range(size)]}).encode()
        bodies.append(gzip.compress(text, 6) if is_packed else text)
    waits: list[float] = []

    def run(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for body in mine:
            started = time.perf_counter()
            connection.request("POST", "/batch/", body, headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
            waits.append(time.perf_counter() - started)
        connection.close()

    threads = [threading.Thread(target=run, args=(bodies[n::clients],)) for n in range(clients)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return waits


def wait_until_loaded(home: Path, count: int) -> None:
    from pwh_assets.lake import Lakes
    from pwh_assets.settings import Settings

    lakes = Lakes(Settings.from_env({"PWH_HOME": str(home)}))
    deadline = time.monotonic() + 300
    while True:
        with lakes.of(1).read() as connection:
            row = connection.execute("SELECT count(*) FROM lake.product.events").fetchone()
        if row and row[0] == count:
            break
        assert time.monotonic() < deadline, row
        time.sleep(0.1)
    lakes.close()


def disk_ms(folder: Path) -> float:
    handle = os.open(folder / "probe", os.O_CREAT | os.O_WRONLY)
    times = []
    for _ in range(50):
        os.write(handle, b"x" * 65536)
        started = time.perf_counter()
        os.fdatasync(handle)
        times.append(time.perf_counter() - started)
    os.close(handle)
    return 1000 * sorted(times)[25]


if __name__ == "__main__":
    main()
