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

    process: str
    """By the name that no other process ever has (`store.processes`)."""
    api: str
    dagster: str


def running(home: Path) -> Running | None:
    """The live `pwh up` of this home on this machine, or None."""
    from pwh_assets.store.processes import pid_of

    try:
        found = Running(**json.loads((home / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if pid_of(found.process) is not None else None


def announce(home: Path, api: str, dagster: str) -> None:
    from pwh_assets.store.processes import this_process

    beside = home / f".{FILE}.{os.getpid()}"
    beside.write_text(json.dumps(asdict(Running(this_process(), api, dagster))))
    beside.replace(home / FILE)


def withdraw(home: Path) -> None:
    with contextlib.suppress(OSError):
        (home / FILE).unlink()
