"""What `pwh up` of a home left for other commands: its addresses and whether it is alive."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "up.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A `pwh up` of this home."""

    pid: int
    api: str
    dagster: str
    started: str = ""
    """When the process began, by the kernel's count, so that a reused pid is not taken for it."""


def running(home: Path) -> Running | None:
    """The live `pwh up` of this home, or None."""
    try:
        found = Running(**json.loads((home / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if _started(found.pid) == found.started and _is_alive(found.pid) else None


def announce(home: Path, api: str, dagster: str) -> None:
    pid = os.getpid()
    beside = home / f".{FILE}.{pid}"
    beside.write_text(json.dumps(asdict(Running(pid, api, dagster, _started(pid)))))
    beside.replace(home / FILE)


def withdraw(home: Path) -> None:
    with contextlib.suppress(OSError):
        (home / FILE).unlink()


def _started(pid: int) -> str:
    """The start time of a process; '' where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
