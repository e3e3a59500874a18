"""The whole matrix: `python tests/faults/run.py [--mode cdc] [--fault 'network cut'] [--server mysql] [--times 3]`.

Prints a table in Markdown: a row per fault, a column per mode, in each cell how often it was played and held.
The status is 1 when any promise was broken; what was found is told as it comes.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from pwh_assets.core.source import SyncMode  # noqa: E402
from pwh_assets.demo.postgres import PrivatePostgres  # noqa: E402
from tests.e2e.streams import SETTINGS  # noqa: E402
from tests.faults.ledger import Server  # noqa: E402
from tests.faults.matrix import FAULTS, MODES  # noqa: E402
from tests.faults.scene import NoDiskError, play  # noqa: E402
from tests.servers.mariadb import MariaDBUnavailableError, PrivateMariaDB  # noqa: E402

SERVERS: dict[str, Callable[[], Any]] = {
    "postgres": lambda: PrivatePostgres(settings=SETTINGS),
    "mysql": PrivateMariaDB,
}
CELLS = [(fault, mode) for fault in FAULTS for mode in MODES]
"""Every fault with every mode; all of them are played on both servers."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=[str(mode) for mode in MODES], action="append")
    parser.add_argument("--fault", choices=FAULTS, action="append")
    parser.add_argument("--server", choices=SERVERS, action="append")
    parser.add_argument("--times", type=int, default=1)
    args = parser.parse_args()
    trouble: list[str] = []
    for kind in args.server or SERVERS:
        wanted = [
            (fault, mode)
            for fault, mode in CELLS
            if (not args.fault or fault in args.fault) and (not args.mode or mode in args.mode)
        ]
        try:
            with SERVERS[kind]() as private:
                found = {
                    cell: _play(kind, *cell, Server(private), args.times, trouble)
                    for cell in wanted
                }
        except MariaDBUnavailableError as error:
            print(f"{kind}: {error}")
            continue
        print(
            f"\n| {kind} | "
            + " | ".join(map(str, MODES))
            + " |\n|---" * 1
            + "|---" * len(MODES)
            + "|"
        )
        for fault in dict.fromkeys(fault for fault, _ in wanted):
            row = [found.get((fault, mode), "") for mode in MODES]
            print(f"| {fault} | " + " | ".join(row) + " |")
    return 1 if trouble else 0


def _play(
    kind: str, fault: str, mode: SyncMode, server: Server, times: int, trouble: list[str]
) -> str:
    held, began = 0, time.monotonic()
    for _ in range(times):
        try:
            play(FAULTS[fault], mode, server)
            held += 1
        except NoDiskError as error:
            print(f"{kind}, {mode}, {fault}: {error}", file=sys.stderr)
            return "not run"
        except Exception:
            trouble.append(f"{kind}, {mode}, {fault}:\n{traceback.format_exc()}")
            print(trouble[-1], file=sys.stderr, flush=True)
    seconds = time.monotonic() - began
    word = f"{held} of {times}" if held < times else f"{times} ×"
    print(f"{kind}, {mode}, {fault}: {word}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return word


if __name__ == "__main__":
    sys.exit(main())
