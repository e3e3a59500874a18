"""Syncs in processes of their own that are killed, and readers that never stop looking."""

import multiprocessing
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.notebooks import open_home

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.e2e.crash_preload"])


@dataclass(frozen=True)
class Limits:
    memory_mb: int = 512
    threads: int | None = 1


def _sync(home, sources, table_id, full, chunk_bytes, pipe):
    from pwh_assets.sources.postgres import dividing

    dividing.CHUNK_BYTES = chunk_bytes or dividing.CHUNK_BYTES
    platform = open_home(Path(home), sources)
    from pwh_assets.services.sync.table import sync_table

    pipe.send("started")
    phases = set()

    def tell(progress):
        if progress.phase not in phases:
            phases.add(progress.phase)
            pipe.send(progress.phase)

    try:
        result = sync_table(platform, platform.store.table(table_id), full=full, progress=tell)
        pipe.send(("done", result))
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}"))


class Child:
    """One sync in a process of its own. With `chunk_bytes` it reads tables of PostgreSQL in chunks of that size."""

    def __init__(self, home, sources, table_id, full=False, chunk_bytes=None):
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(
            target=_sync, args=(str(home), sources, table_id, full, chunk_bytes, theirs)
        )
        self.process.start()
        theirs.close()
        assert self.pipe.recv() == "started"

    def wait_for(self, phase, timeout_s=60.0):
        while self.pipe.poll(timeout_s):
            word = self.pipe.recv()
            if word == phase or word[0] in ("done", "failed"):
                return word
        raise TimeoutError(phase)

    def result(self, timeout_s=120.0):
        word = self.wait_for("the end", timeout_s)
        self.process.join(timeout_s)
        self.pipe.close()
        return word

    def kill(self):
        if self.process.is_alive():
            self.process.kill()
        self.process.join(30)
        assert not self.process.is_alive()
        self.pipe.close()


def kill_somewhere(child, random, number, duration_s):
    """Kill at a random moment: every second time of the whole, else of the publish."""
    if number % 2:
        time.sleep(random.uniform(0, duration_s))
    else:
        child.wait_for("publish")
        time.sleep(random.uniform(0, 0.15))
    child.kill()


def _look(home, sql, every_s, stop, pipe):
    platform = open_home(Path(home), None)
    lake = platform.lakes.of(1)
    looks, odd = 0, []
    session = lake.sandbox(Limits())
    while not stop.is_set():
        try:
            if looks % 20 == 19:
                session.close()
                session = lake.sandbox(Limits())
            row = session.execute(sql).fetchone()
            if not row[0]:
                odd.append(f"look {looks}: {row}")
        except Exception as error:
            odd.append(f"look {looks}: {type(error).__name__}: {error}")
        looks += 1
        time.sleep(every_s)
    pipe.send((looks, odd[:5]))


class Reader:
    """A process that asks all the time; the first column of the answer says whether the table is whole."""

    def __init__(self, home, sql, every_s=0.02):
        self.pipe, theirs = CONTEXT.Pipe()
        self.stop = CONTEXT.Event()
        self.process = CONTEXT.Process(
            target=_look, args=(str(home), sql, every_s, self.stop, theirs)
        )
        self.process.start()
        theirs.close()

    def end(self):
        """(how often it looked, what was odd)."""
        self.stop.set()
        try:
            found = self.pipe.recv() if self.pipe.poll(60) else (0, ["the reader hangs"])
        except EOFError:
            found = (0, ["the reader died"])
        self.process.join(30)
        self.pipe.close()
        return found


def dice():
    seed = int(os.environ.get("PWH_TEST_SEED", time.time_ns() % 10**6))
    print(f"PWH_TEST_SEED={seed}")
    return random.Random(seed)
