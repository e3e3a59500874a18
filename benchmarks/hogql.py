"""How long compiling takes: the sample of real queries when it is beside the project, else the conformance suite's own."""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pwh_assets.errors import PwhError  # noqa: E402
from pwh_assets.hogql import compile as compile_hogql  # noqa: E402
from pwh_assets.hogql.compiler import STEPS, Compilation  # noqa: E402
from pwh_assets.hogql.resolve.core import Options  # noqa: E402
from tests.conformance.made import NOW, catalog_of  # noqa: E402
from tests.conformance.queries import QUERIES  # noqa: E402

CORPUS = ROOT.parent / "shared" / "corpus" / "hogql-sample.jsonl"


def texts():
    if CORPUS.exists():
        return [json.loads(line)["sql"] for line in CORPUS.read_text().splitlines()]
    return list(QUERIES)


def best(work, times):
    found = float("inf")
    for _ in range(times):
        started = time.process_time()
        work()
        found = min(found, time.process_time() - started)
    return found


def row(name, seconds):
    seconds = sorted(seconds)
    us = [
        s * 1e6
        for s in (seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)], seconds[-1])
    ]
    print(f"{name:28} {us[0]:10.0f} {us[1]:10.0f} {us[2]:10.0f}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=5, help="best of so many")
    options = arguments.parse_args()
    known = texts()
    catalog, _ = catalog_of(known, version="")
    compiled = []
    for text in known:
        try:
            compile_hogql(text, catalog, now=NOW)
            compiled.append(text)
        except PwhError:
            continue
    print(
        f"{len(compiled)} of {len(known)} texts, microseconds of CPU time, best of {options.times}"
    )
    print(f"{'':28} {'median':>10} {'p95':>10} {'max':>10}")
    steps = {step.__name__: [] for step in STEPS}
    for text in compiled:
        timed = {name: float("inf") for name in steps}
        for _ in range(options.times):
            c = Compilation(text, catalog, "duckdb", NOW, 100, 50_000, Options(), None)
            for step in STEPS:
                started = time.process_time()
                step(c)
                timed[step.__name__] = min(timed[step.__name__], time.process_time() - started)
        for name, seconds in timed.items():
            steps[name].append(seconds)
    for name, seconds in steps.items():
        row(f"  {name}", seconds)
    for engine in ("duckdb", "clickhouse"):
        seconds = []
        for text in compiled:
            try:
                seconds.append(
                    best(
                        lambda t=text, e=engine: compile_hogql(t, catalog, e, now=NOW),
                        options.times,
                    )
                )
            except PwhError:
                continue
        row(f"compile for {engine}", seconds)
    kept, _ = catalog_of(known, version="kept")
    row(
        "repeated (plan cache)",
        [best(lambda t=t: compile_hogql(t, kept, now=NOW), options.times) for t in compiled],
    )


if __name__ == "__main__":
    main()
