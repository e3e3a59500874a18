"""What dbt costs with many materialized views: writing the project, the first build, and one changed view.

Run it as `.venv/bin/python benchmarks/models.py [views …]`; every size runs in processes of its own, the second of which finds what the first left.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SIZES = (10, 100, 1_000)
CHAIN = 12
WORK = """
total = 0
for i in range(5_000_000):
    total += i % 7
"""


def measure(home: str, views: int, changed: int) -> dict[str, float]:
    """CPU seconds in this process."""
    import dbt.cli.main  # noqa: F401  importing it is not what is measured

    from pwh_assets.core.source import Column
    from pwh_assets.core.view import SavedQuery
    from pwh_assets.lake import Lakes
    from pwh_assets.services.models import Generated, Model, ModelText, generate, parse, run
    from pwh_assets.settings import Settings

    settings = Settings(home=Path(home))
    columns = tuple(Column(f"c{n}", "VARCHAR") for n in range(10))

    def models(middle: int) -> list[Model]:
        found = []
        for n in range(views):
            source = ("views", f"view_{n - 1}") if n % CHAIN else ("app", "orders")
            value = middle if n == views // 2 else 0
            view = SavedQuery(f"v{n}", 1, f"view_{n}", "", columns=columns)
            found.append(Model(view, ModelText(f"select id, {value} as x from T0", {"T0": source})))
        return found

    def timed(work: Callable[[], Generated | None]) -> tuple[float, Generated | None]:
        started = time.process_time()
        done = work()
        return time.process_time() - started, done

    name = f"view_{views // 2 - (views // 2) % CHAIN}"
    lakes = Lakes(settings)
    lake = lakes.of(1)
    with lake.write() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS lake.app")
        connection.execute(
            "CREATE OR REPLACE TABLE lake.app.orders AS SELECT range AS id FROM range(10)"
        )
    written, project = timed(lambda: generate(settings, 1, models(changed)))
    assert project is not None
    read, _ = timed(lambda: parse(project, name))
    built, _ = timed(lambda: run(lake, project, name))
    again, project = timed(lambda: generate(settings, 1, models(changed + 1)))
    assert project is not None
    reread, _ = timed(lambda: parse(project, f"view_{views // 2}"))
    rebuilt, _ = timed(lambda: run(lake, project, name))
    lakes.close()
    return {
        "write": written,
        "read": read,
        "build": built,
        "write again": again,
        "read changed": reread,
        "build again": rebuilt,
    }


def main(sizes: list[int]) -> None:
    started = time.process_time()
    exec(WORK, {})
    spent = time.process_time() - started
    print(f"5 million additions in plain Python: {spent:.2f} CPU s; read the rest by that.")
    words = ("write", "read", "build", "write again", "read changed", "build again")
    print(
        f"{'views':>6}  process  " + "  ".join(f"{word:>12}" for word in words) + "   (CPU seconds)"
    )
    for size in sizes:
        with tempfile.TemporaryDirectory() as home:
            for number, process in enumerate(("first", "second")):
                done = subprocess.run(
                    [
                        sys.executable,
                        "-W",
                        "ignore",
                        __file__,
                        "--one",
                        home,
                        str(size),
                        str(10 * number),
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                row = json.loads(done.stdout)
                print(
                    f"{size:6,}  {process:7}  " + "  ".join(f"{row[word]:12.2f}" for word in words),
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main([int(word) for word in sys.argv[1:]] or list(SIZES))
