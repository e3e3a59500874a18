"""The command `pwh` in a process of its own, which stops at named points and waits for what the test does to it there."""

import faulthandler
import functools
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.e2e.crashes import CONTEXT

CONTEXT.set_forkserver_preload(["tests.e2e.crash_preload", "tests.faults.preload"])

CHUNK_BYTES = 250_000
CHUNK_ROWS = 4_000
BATCH_CHANGES = 2_000
"""Small enough that a table of two megabytes is read in several chunks, and its changes in several batches."""

POINTS = {
    "planned": ("before", "pwh_assets.sources.postgres.chunks", "TableChunks._open"),
    "opened": ("after", "pwh_assets.sources.postgres.chunks", "TableChunks._open"),
    "mysql planned": ("before", "pwh_assets.sources.mysql.reading", "begin_snapshot"),
    "mysql opened": ("after", "pwh_assets.sources.mysql.reading", "begin_snapshot"),
    "ranges planned": (
        "before",
        "pwh_assets.sources.mysql.ranges",
        "KeyRanges._open_in_one_state",
    ),
    "ranges opened": ("after", "pwh_assets.sources.mysql.ranges", "KeyRanges._open_in_one_state"),
    "mysql batch": ("after", "pwh_assets.sources.mysql.reading", "decoded"),
    "streaming": ("before", "pwh_assets.services.changes.passes", "StreamPass._batch"),
    "between chunks": ("after", "pwh_assets.services.sync.package", "ChunkLog.add"),
    "between batches": ("after", "pwh_assets.services.changes.passes", "StreamPass._batch"),
    "publishing": ("before", "pwh_assets.lake.lake", "Lake.publish"),
    "applying": ("before", "pwh_assets.lake.lake", "Lake.apply_changes"),
    "before commit": ("after", "pwh_assets.lake.publish", "_apply"),
    "before commit of changes": ("after", "pwh_assets.lake.changes", "write_state"),
    "committed": ("after", "pwh_assets.lake.lake", "Lake.publish"),
    "changes committed": ("after", "pwh_assets.lake.lake", "Lake.apply_changes"),
    "confirming": ("before", "pwh_assets.sources.postgres.streaming", "PostgresStream.confirm"),
}
"""Where a command can stop: before or after a function of a module."""


class Command:
    """`pwh` with these words on this home. It stops at each of `stops`, the first time it gets there."""

    def __init__(self, home: Path, *words: str, stops: tuple[str, ...] = ()) -> None:
        self.log = home.with_name(f"{home.name}-{time.monotonic_ns()}.log")
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(
            target=_pwh, args=(str(home), words, stops, str(self.log), theirs)
        )
        self.process.start()
        theirs.close()

    def at(self, point: str, timeout_s: float = 60.0) -> "Command":
        """Returns once it waits at this point."""
        assert self.pipe.poll(timeout_s), f"did not get to `{point}`: {self.said}"
        try:
            word = self.pipe.recv()
        except EOFError:
            raise AssertionError(f"ended before `{point}`: {self.said}") from None
        assert word == point, (word, point)
        return self

    def go_on(self) -> None:
        self.pipe.send("go on")

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process.is_alive(), self.said
        self.process.kill()
        self.process.join(30)
        assert self.process.exitcode == -signal.SIGKILL

    def ended(self, timeout_s: float = 90.0) -> int:
        """Its exit status, once it ended by itself."""
        self.process.join(timeout_s)
        if self.process.exitcode is None:
            self.signal(signal.SIGUSR1)  # where every thread is
            time.sleep(1.0)
            raise AssertionError(f"still runs: {self.said}")
        return self.process.exitcode

    def finished(self, timeout_s: float = 90.0) -> str:
        """What it said, once it ended well."""
        assert self.ended(timeout_s) == 0, self.said
        return self.said

    @property
    def is_alive(self) -> bool:
        return self.process.is_alive()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def close(self) -> None:
        if self.process.is_alive():
            self.process.kill()
        self.process.join(30)
        self.pipe.close()
        self.log.unlink(missing_ok=True)


def _pwh(home: str, words: tuple[str, ...], stops: tuple[str, ...], log: str, pipe: Any) -> None:
    os.environ |= {"PWH_HOME": home, "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    faulthandler.register(signal.SIGUSR1)
    _make_small()
    lock = threading.Lock()
    for point in stops:
        _stop_at(point, pipe, lock)
    from pwh_assets.cli import main

    sys.argv = ["pwh", *words]
    sys.exit(main(words))


def _make_small() -> None:
    from pwh_assets.orchestration import retry
    from pwh_assets.services.changes import passes as stream_pass
    from pwh_assets.sources.mysql import ranges
    from pwh_assets.sources.postgres import dividing

    dividing.CHUNK_BYTES = CHUNK_BYTES
    ranges.CHUNK_ROWS = CHUNK_ROWS
    retry.FIRST_WAIT_S = 0.3
    collector: Any = functools.partial(stream_pass.StagingCollector, batch_changes=BATCH_CHANGES)
    stream_pass.StagingCollector = collector  # type: ignore[misc]


def _stop_at(point: str, pipe: Any, lock: Any) -> None:
    """Put a stop around the function of this point, for its first call."""
    from importlib import import_module

    when, module, path = POINTS[point]
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, import_module(module))
    plain = getattr(owner, name)
    left = [1]

    def stop() -> None:
        with lock:
            if left:
                left.clear()
                pipe.send(point)
                pipe.recv()

    @functools.wraps(plain)
    def stopping(*args: Any, **options: Any) -> Any:
        if when == "before":
            stop()
        found = plain(*args, **options)
        if when == "after":
            stop()
        return found

    setattr(owner, name, stopping)
