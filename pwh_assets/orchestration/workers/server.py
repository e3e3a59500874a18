"""The process that forks runs: it has imported what they need, opened nothing and started no thread.

It is asked over a Unix socket, a line of JSON each way. A run whose process dies is reported as failed by another
fork, so that this process never opens the home either.
"""

import contextlib
import gc
import json
import logging
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from pwh_assets.orchestration.workers.preload import preload
from pwh_assets.store.processes import die_with_parent, process_of

log = logging.getLogger(__name__)

GRACE_S = 12.0
"""For runs to end after SIGTERM; `pwh up` waits a little longer before it kills."""
_PATIENCE_S = 5.0
_LONGEST = 4_096
_KEPT_BACK = (signal.SIGINT, signal.SIGTERM)


def serve(address: Path) -> None:
    """Fork runs for whoever asks at this socket, until SIGTERM; then end the runs too, and return when they have."""
    for number in _KEPT_BACK:
        signal.signal(number, _leave)  # also when whoever started this ignores SIGINT
    preload()
    if threading.active_count() > 1:
        log.warning(
            "runs may hang: threads are there before the first fork: %s", threading.enumerate()
        )
    gc.collect()
    gc.freeze()  # What is there now is not looked at again, so forks go on sharing its memory.
    Server(address).serve()


class Server:
    def __init__(self, address: Path) -> None:
        self._address = address
        self._runs: dict[int, str] = {}
        """Ids of runs by the pids of their processes."""
        self._reporters: set[int] = set()
        self._is_over = False

    def serve(self) -> None:
        self._wakes, wake = socket.socketpair()
        self._wakes.setblocking(False)
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noticed)
        for number in _KEPT_BACK:
            signal.signal(number, self._stop)
        self._listener = listening(self._address)
        with self._wakes, wake, selectors.DefaultSelector() as selector:
            with self._listener:
                selector.register(self._wakes, selectors.EVENT_READ)
                selector.register(self._listener, selectors.EVENT_READ)
                while not self._is_over:
                    for key, _ in selector.select():
                        if key.fileobj is self._listener:
                            self._answer()
                        else:
                            self._drain()
                    self._bury()
                selector.unregister(self._listener)
                self._address.unlink(missing_ok=True)
            self._end_runs(selector)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_over = True

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakes.recv(64):
                pass

    def _answer(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            try:
                connection.settimeout(_PATIENCE_S)
                if not is_own(connection):
                    return
                asked = json.loads(_line(connection))
                run_id = str(asked["start"])
                connection.sendall(json.dumps({"process": self._start(run_id)}).encode() + b"\n")
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("a request could not be answered: %s", type(error).__name__)

    def _start(self, run_id: str) -> str:
        for pid, known in self._runs.items():
            if known == run_id:
                return process_of(pid)
        pid = self._fork(partial(_execute, run_id))
        self._runs[pid] = run_id
        return process_of(pid)

    def _fork(self, work: Callable[[], None]) -> int:
        """The pid of a process that does this and ends. It is interrupted once it can take that."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _KEPT_BACK)
        try:
            parent = os.getpid()
            if pid := os.fork():
                return pid
            status = 1
            try:
                self._become_child(parent)
                work()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _KEPT_BACK)

    def _become_child(self, parent: int) -> None:
        """Leave the parent's signals, sockets and group, and end when it does."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self._listener.close()
        self._wakes.close()
        os.setpgid(0, 0)
        die_with_parent()
        if os.getppid() != parent:
            raise SystemExit

    def _bury(self) -> None:
        """Take leave of processes that ended; of runs that did not end by themselves somebody is told."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._reporters.discard(pid)
            run_id = self._runs.pop(pid, None)
            code = os.waitstatus_to_exitcode(status)
            if run_id is not None and code:
                log.warning("the process of run %s ended with %d", run_id, code)
                self._reporters.add(self._fork(partial(_report, run_id, code)))

    def _end_runs(self, selector: selectors.BaseSelector) -> None:
        for pid in self._runs:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while (self._runs or self._reporters) and time.monotonic() < deadline:
            selector.select(0.2)
            self._drain()
            self._bury()
        for pid in (*self._runs, *self._reporters):
            _signal(pid, signal.SIGKILL)


def listening(address: Path) -> socket.socket:
    """A socket that only this user reaches."""
    address.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(str(address))
    finally:
        os.umask(before)
    listener.listen(64)
    return listener


def is_own(connection: socket.socket) -> bool:
    """Whether a process of the same user is at the other end, where the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    _, uid, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return bool(uid == os.getuid())


def _line(connection: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < _LONGEST:
        more = connection.recv(_LONGEST)
        if not more:
            break
        found += more
    return found


def _execute(run_id: str) -> None:
    from pwh_assets.orchestration.workers.execute import execute

    execute(run_id)


def _report(run_id: str, code: int) -> None:
    from pwh_assets.orchestration.workers.execute import report_dead

    report_dead(run_id, code)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _leave(*_: Any) -> None:
    """SIGTERM while there is nothing to end yet."""
    os._exit(0)


def _noticed(*_: Any) -> None:
    """SIGCHLD: the wake-up socket has told the loop already."""
