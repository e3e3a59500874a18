"""Hostile HogQL for a bounded time: `python tests/fuzz/hogql.py --seconds 60 [--seed 7] [--jobs 2]`.

Whatever the text, the answer is a tree or a `HogQLError` with places inside the text, in a bounded time.
`CHECKS` is the list of what is asked of each text; a part that does more with texts adds its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sqlglot import expressions as exp  # noqa: E402

from pwh_assets.hogql import compile as compile_hogql  # noqa: E402
from pwh_assets.hogql.errors import HogQLError  # noqa: E402
from pwh_assets.hogql.format import format_hogql  # noqa: E402
from pwh_assets.hogql.parser import parse, parse_select  # noqa: E402
from tests.conformance.made import NOW, catalog_of  # noqa: E402
from tests.conformance.queries import QUERIES  # noqa: E402
from tests.fuzz.grammar import Grammar, mutated, reworded  # noqa: E402
from tests.fuzz.running import Running  # noqa: E402

SLOW_S = 1.0
"""No text may keep the parser longer, in CPU time of its thread."""
SLOW_RUN_S = 60.0
"""Nor both engines; each stops a query at twenty seconds."""

Check = Callable[[str], str]
"""Takes a text, says in a word what became of it, raises on what must not be."""


def parses_or_says_why(text: str) -> str:
    result = parse(text)
    for problem in result.problems:
        assert 0 <= problem.start <= problem.end <= len(text), problem
        assert problem.message and problem.code
    if result.problems:
        try:
            parse_select(text)
        except HogQLError:
            return "refused"
        raise AssertionError("parse has problems, parse_select has none")
    assert result.tree is not None
    return "parsed"


def formats_to_the_same_tree(text: str) -> str:
    try:
        formatted = format_hogql(text)
    except HogQLError:
        return "unformatted"
    assert shape(parse_select(formatted)) == shape(parse_select(text)), formatted
    return "formatted"


def shape(node: object) -> object:
    """A tree without places and quotes."""
    if isinstance(node, list):
        return [shape(item) for item in node]
    if not isinstance(node, exp.Expr):
        return node
    args = node.args
    inner = {
        key: shape(value)
        for key, value in args.items()
        if value not in (None, False, []) and key != "quoted"
    }
    return (
        type(node).__name__,
        sorted(inner.items(), key=lambda pair: pair[0]),
        bool(node.meta.get("infix")),
    )


CATALOG, _ = catalog_of(
    [
        "SELECT a, b, c, user_id, day, key, date, first, id, name FROM t",
        "SELECT a, b, c, id, name, event, timestamp FROM u",
        "SELECT id, name, email FROM stripe.customers",
        "SELECT id, name, timestamp FROM system.logs",
        *QUERIES,
    ]
)


def compiles_or_says_where(text: str) -> str:
    """What reaches an engine is one SELECT; what does not is refused with places inside the text."""
    said = "compiled"
    for engine in ("duckdb", "clickhouse"):
        try:
            plan = compile_hogql(text, CATALOG, engine, now=NOW)
        except HogQLError as error:
            said = "uncompiled"
            for problem in error.problems:
                assert 0 <= problem.start <= problem.end <= len(text), problem
            continue
        assert plan.sql.lstrip("(").startswith(("SELECT", "WITH", "VALUES")), plan.sql
    return said


CHECKS: list[Check] = [parses_or_says_why, formats_to_the_same_tree, compiles_or_says_where]


def texts(seed: int) -> Iterator[str]:
    """Endless texts: grammatical ones, queries that mean something, and the slips of both."""
    random = Random(seed)
    while True:
        text = Grammar(random.randrange(2**40)).query()
        yield text
        yield mutated(random.choice(QUERIES), random)
        for _ in range(4):
            yield mutated(text, random)


RUN_EVERY = 3
"""One text in so many is also run; running takes longer than compiling."""


def real_texts() -> list[str]:
    """Queries that mean something, the corpus among them where it is at hand."""
    long_tail = ROOT / "tests" / "conformance" / "long_tail.txt"
    found = [line for line in long_tail.read_text("utf-8").splitlines() if line[:1] != "#"]
    corpus = ROOT.parent / "shared" / "corpus" / "hogql-sample.jsonl"
    if corpus.exists():
        found += [json.loads(line)["sql"] for line in corpus.read_text("utf-8").splitlines()]
    return [*QUERIES, *(text.replace(" ⏎ ", "\n") for text in found if text)]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("--jobs", type=int, default=1)
    options = arguments.parse_args()
    if options.jobs > 1:
        jobs = [
            subprocess.Popen(
                [sys.executable, __file__, "--seconds", str(options.seconds), "--seed", str(seed)]
            )
            for seed in range(options.seed, options.seed + options.jobs)
        ]
        return max(job.wait() for job in jobs)
    print(f"seed {options.seed}, pid {os.getpid()}", flush=True)
    return fuzz(options.seconds, options.seed)


def fuzz(seconds: float, seed: int) -> int:
    """Failures are printed with their text; the answer is the exit status."""
    real = real_texts()
    running = Running(real, seed)
    random = Random(seed)
    end = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    failures = 0
    try:
        for number, text in enumerate(texts(seed)):
            if time.monotonic() > end or failures >= 10:
                break
            checks = [(check, text) for check in CHECKS]
            if number % RUN_EVERY == 0:
                slip = mutated if random.random() < 0.2 else reworded
                slipped = slip(random.choice(real), random)
                checks.append((running.answers_or_says_where, slipped))
                checks.append((running.answers_alike, running.next_typed()))
            failures += failed(checks, counts)
    finally:
        running.close()
    print(
        ", ".join(f"{count} {word}" for word, count in sorted(counts.items())),
        f"- {failures} failures",
    )
    return 1 if failures else 0


def failed(checks: list[tuple[Check, str]], counts: Counter[str]) -> int:
    """How many of the checks did not go as they must."""
    failures = 0
    for check, text in checks:
        clock = time.thread_time if check in CHECKS else time.perf_counter
        started = clock()
        try:
            counts[check(text)] += 1
        except Exception as error:
            failures += 1
            said = f"{type(error).__name__}: {str(error)[:300]}"
            print(f"FAILED {check.__name__}: {said}\n  {text!r}", flush=True)
        took = clock() - started
        if took > (SLOW_S if check in CHECKS else SLOW_RUN_S):
            failures += 1
            print(f"SLOW {check.__name__} {took:.1f} s: {text!r}", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
