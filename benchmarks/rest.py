"""Pages of a slow API: what the declared source takes, against the server's own limit and against one page at a time.

    python benchmarks/rest.py [--pages 200] [--delay-ms 50] [--concurrency 8]

The server answers each call after a fixed delay, so `pages / concurrency x delay` is the least any client can take.
"""

import argparse
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

ROWS = 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--delay-ms", type=float, default=50)
    parser.add_argument("--concurrency", type=int, default=8)
    args = parser.parse_args()
    paginator = {"type": "page_number", "base_page": 1}
    ways: dict[str, tuple[dict[str, Any], int]] = {
        "total told": ({**paginator, "total_path": "pages"}, args.concurrency),
        "total unknown": (paginator, args.concurrency),
        "one at a time": ({**paginator, "total_path": "pages"}, 1),
    }
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs, args.pages), daemon=True)
    server.start()
    base_url, token = ours.recv()
    read(base_url, token, {**paginator, "maximum_page": 2}, 2)  # imports are not what is measured
    ours.send(args.delay_ms / 1000)
    ours.recv()
    print(f"{args.pages} pages of {ROWS} rows, {args.delay_ms:.0f} ms each")
    print(f"{'':16}{'at a time':>10}{'seconds':>10}{'least':>8}{'of the limit':>14}")
    for name, (pages, threads) in ways.items():
        rows, seconds = read(base_url, token, pages, threads)
        assert rows == args.pages * ROWS, rows
        least = args.pages / threads * args.delay_ms / 1000
        print(f"{name:16}{threads:>10}{seconds:>10.2f}{least:>8.2f}{least / seconds:>14.0%}")
    server.terminate()


def serve(pipe: Any, pages: int) -> None:
    """The API in a process of its own, until that is ended."""
    from tests.servers.declared import TOKEN, DeclaredApi

    with DeclaredApi() as api:
        api.items = [
            {"id": n, "name": f"row {n}", "updated_at": "2024-03-01T00:00:00Z"}
            for n in range(pages * ROWS)
        ]
        pipe.send((api.base_url, TOKEN))
        api.delay_s = pipe.recv()
        pipe.send(True)
        time.sleep(3600)


def read(base_url: str, token: str, paginator: dict[str, Any], threads: int) -> tuple[int, float]:
    """Rows and seconds of one whole reading."""
    from pwh_assets.core.source import SyncMode
    from pwh_assets.sources.base import ReadRequest
    from pwh_assets.sources.rest import SOURCE

    config = SOURCE.validate(
        {
            "client": {"base_url": base_url, "auth": {"token": token}},
            "concurrency": threads,
            "resources": [
                {"name": "item", "endpoint": {"path": "numbered", "paginator": paginator}}
            ],
        }
    )
    began = time.monotonic()
    reading = SOURCE.read(config, ReadRequest("item", SyncMode.FULL, (), ()))
    assert reading.batches is not None
    rows = sum(table.num_rows for table in reading.batches)
    return rows, time.monotonic() - began


if __name__ == "__main__":
    main()
