"""Which process did something, whether it is still there, and how one ends with its parent."""

import contextlib
import ctypes
import os
import signal
import socket
from functools import cache
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@cache
def _host() -> str:
    """Host name and boot: a pid means something only within both."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


def _started(pid: int) -> str:
    """When the process began, in the kernel's ticks; '' where the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()
    return "" if after_name[0] in ("Z", "X") else after_name[19]


def this_process() -> str:
    return process_of(os.getpid())


def process_of(pid: int) -> str:
    """A running process of this machine, by a name that no other process ever has."""
    return f"{_host()}|{pid}|{_started(pid)}"


def pid_of(process: str) -> int | None:
    """The pid of a process of this machine that still runs; None for any other."""
    host, pid, _ = [*process.split("|"), "", ""][:3]
    return int(pid) if host == _host() and pid.isdigit() and not is_gone(process) else None


def is_gone(process: str) -> bool:
    """True when the process surely ended; one on another machine is never said to be gone."""
    host, pid, started = [*process.split("|"), "", ""][:3]
    name, _, boot = _host().partition("/")
    its_name, _, its_boot = host.partition("/")
    if its_name != name or not pid.isdigit():
        return False
    if its_boot != boot:
        return True
    if Path("/proc").is_dir():
        return _started(int(pid)) != started
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def die_with_parent() -> None:
    """Have Linux send this process SIGTERM when its parent ends, also after kill -9. Other systems cannot.

    A parent that was gone before goes unnoticed.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
