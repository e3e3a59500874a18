"""Child processes that end together: each in its own group, all of them when one dies or when we do."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

GRACE_S = 15.0


class Stopped(Exception):
    """SIGTERM or SIGHUP arrived."""


@dataclass(slots=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        """The end of its log, where the reason of a death is."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").strip().splitlines()[-5:])
        return ""


class Children:
    """Starts processes and ends every one of them on leaving, whatever happens."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Children":
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, _stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in (signal.SIGINT, *self._previous):
            with contextlib.suppress(ValueError):
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them
        try:
            self.end()
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for number, handler in self._previous.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Child:
        """Start a process in a group of its own; its output goes to `<logs>/<name>.log`."""
        from pwh_assets.store.processes import die_with_parent

        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def dead(self) -> Child | None:
        """A child that ended by itself."""
        return next((c for c in self._children if c.process.poll() is not None), None)

    def end(self) -> None:
        """TERM to every group, KILL to what is left after the grace time."""
        for child in reversed(self._children):
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, deadline - time.monotonic()))
        while time.monotonic() < deadline and any(_has_members(c) for c in self._children):
            time.sleep(0.1)
        for child in self._children:
            _signal(child, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(5)
        self._children.clear()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _signal(child: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)


def _has_members(child: Child) -> bool:
    try:
        os.killpg(child.process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
