"""The worker processes: started when first needed, replaced when they die, stopped for real when time is up."""

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from pwh_assets.engines.base import EngineError, QueryTimeoutError
from pwh_assets.services.queries.worker import Done, Failed, Opener, Task, main
from pwh_assets.settings import Settings

log = logging.getLogger(__name__)

GRACE_S = 5.0
"""An engine that was interrupted gets so long to say so; then its process is ended."""


class WorkerDiedError(EngineError):
    """The process that ran the query is gone; another one took its place."""

    code = "query_worker_died"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "The process that ran the query ended, most likely for want of memory. Read less, or try again."
        )


class Process:
    """One worker, for one query at a time."""

    def __init__(self, opener: Opener, settings: Settings) -> None:
        context = multiprocessing.get_context("spawn")
        self._tasks, theirs = context.Pipe()
        self._orders, orders = context.Pipe()
        self._process = context.Process(
            target=main, args=(opener, settings, theirs, orders), daemon=True, name="pwh-query"
        )
        # What is asked of the whole group while the worker begins does not reach it: it inherits what is blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        orders.close()
        self._sending = threading.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def run(self, task: Task) -> Iterator[bytes | Done]:
        """Rows as bytes, then `Done`. A consumer that stops early leaves a worker that has to be `end`ed.

        Raises:
            PwhError: the query failed.
            QueryTimeoutError: the worker did not answer in time.
            WorkerDiedError.
        """
        deadline = time.monotonic() + task.limits.timeout_s + GRACE_S
        try:
            self._tasks.send(task)
            while True:
                if not self._tasks.poll(max(0.0, deadline - time.monotonic())):
                    self.end()
                    raise QueryTimeoutError(task.limits.timeout_s)
                message = self._tasks.recv()
                if isinstance(message, Failed):
                    raise message.error()
                yield message
                if isinstance(message, Done):
                    return
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self.end()
            raise WorkerDiedError from None

    def cancel(self, task_id: str) -> None:
        with self._sending, suppress(OSError):
            self._orders.send(task_id)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.join(10)
        self._tasks.close()
        self._orders.close()


class Pool:
    """At most `size` workers, the one used last first, so that its sessions are warm."""

    def __init__(self, opener: Opener, settings: Settings, size: int) -> None:
        self.size = size
        self._opener, self._settings = opener, settings
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._busy: dict[str, Process] = {}
        self._is_closed = False

    def warm(self) -> None:
        """Start the first worker before anybody asks."""
        with self._lock:
            if not self._idle and not self._busy and not self._is_closed:
                self._idle.append(Process(self._opener, self._settings))

    def run(self, task: Task) -> Iterator[bytes | Done]:
        """As `Process.run`; the caller has a turn, so there is a worker for it."""
        process = self._take(task.id)
        is_whole = False
        try:
            for message in process.run(task):
                is_whole = isinstance(message, Done)
                yield message
        except GeneratorExit:
            raise
        except Exception:
            is_whole = process.is_alive
            raise
        finally:
            self._give_back(task.id, process, is_whole)

    def cancel(self, task_id: str) -> bool:
        """Interrupt a query; True when it is running here."""
        with self._lock:
            process = self._busy.get(task_id)
        if process is None:
            return False
        process.cancel(task_id)
        return True

    def rest(self) -> None:
        """End the workers that have nothing to do; the next query starts one."""
        with self._lock:
            processes, self._idle = self._idle, []
        for process in processes:
            with suppress(Exception):
                process.end()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for process in self._busy.values():
                process.kill()  # whoever waits for it notices, and lets go of it
        for process in idle:
            with suppress(Exception):
                process.end()

    def _take(self, task_id: str) -> Process:
        with self._lock:
            if self._is_closed:
                raise WorkerDiedError
            while self._idle:
                process = self._idle.pop()
                if process.is_alive:
                    self._busy[task_id] = process
                    return process
                with suppress(Exception):
                    process.end()
            process = self._busy[task_id] = Process(self._opener, self._settings)
            return process

    def _give_back(self, task_id: str, process: Process, is_whole: bool) -> None:
        with self._lock:
            self._busy.pop(task_id, None)
            if is_whole and process.is_alive and not self._is_closed:
                self._idle.append(process)
                return
        with suppress(Exception):
            process.end()
