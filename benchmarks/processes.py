"""What running processes have used, for the benchmarks beside this; it measures nothing by itself."""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def below(root: int) -> list[int]:
    """A process and all it started, directly or not."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError, IndexError):
                parents[int(entry)] = int(_stat(int(entry))[1])
    found, fresh = [], [root]
    while fresh:
        found += fresh
        fresh = [pid for pid, parent in parents.items() if parent in fresh]
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of one process alone."""
    return sum(_ticks(pid)[:2]) / TICKS


def cpu_s_below(root: int) -> float:
    """CPU seconds of a process and all below it, those that ended and were waited for among them."""
    total = 0
    for pid in below(root):
        with suppress(OSError):
            total += sum(_ticks(pid))
    return total / TICKS


def _ticks(pid: int) -> list[int]:
    """Of the process in user and in system mode, then of its ended children likewise."""
    return [int(word) for word in _stat(pid)[11:15]]


def _stat(pid: int) -> list[str]:
    """The words of `/proc/<pid>/stat` after the name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
