"""A running sync seen from outside: its progress on the job's row, and the two ways somebody else ends it."""

import ctypes
import logging
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType, TracebackType
from typing import Any, Self

from pwh_assets.core.job import Job, JobProgress
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.sources import pauses

log = logging.getLogger(__name__)

BEAT_S = 1.0
"""How often progress is written down and a wish to cancel is looked for."""
AGAIN_S = 15.0
"""After how long what did not end is interrupted once more."""
_SIGNAL = getattr(signal, "SIGUSR2", None)


class SyncCancelledError(PwhError):
    """Somebody cancelled the sync while it ran."""

    code = "cancelled"
    status = 409

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name
        super().__init__(
            f"The sync of `{table_name}` was cancelled. The table is as it was before."
        )


class Interrupted(BaseException):
    """Raised inside the sync's thread; never leaves `sync_table` nor `sync_changes`."""


def was_stopped(error: BaseException) -> bool:
    """Whether it is the process that is to end: Ctrl-C or SIGTERM. DuckDB says so in words of its own, as an ordinary
    error, when the signal comes while it works.
    """
    is_duckdbs = isinstance(error, RuntimeError) and str(error) == "Query interrupted"
    return is_duckdbs or not isinstance(error, Exception)


class Interruptible(ABC):
    """Work that is watched from outside. Use it as a context in the thread that works.

    From outside an `Interrupted` may come at any point until `disarm` was called. `cause` says why, and is what the
    caller is told.
    """

    def __init__(self, name: str) -> None:
        self.cause: PwhError | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._is_armed = False
        self._thread_id = threading.get_ident()
        self._handler: Any = None
        self._has_signal = False
        self._beat = threading.Thread(target=self._watch, name=name, daemon=True)

    @abstractmethod
    def _look(self) -> PwhError | None:
        """Write progress down; why the work has to end, if it has to. Called once a beat, in a thread of its own."""

    def __enter__(self) -> Self:
        if _SIGNAL is not None and threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(_SIGNAL, self._on_signal)
            self._has_signal = True
        self._is_armed = True
        self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.disarm()
        self._done.set()
        self._beat.join()
        if self._has_signal:
            signal.signal(_SIGNAL, self._handler or signal.SIG_DFL)  # type: ignore[arg-type]

    def disarm(self) -> None:
        """From here on nobody interrupts: what was published stays published."""
        with self._lock:
            self._is_armed = False
            if not self._has_signal:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread_id), None)

    def check(self) -> None:
        """Raises Interrupted when the work has to end here."""
        if self._is_armed and self.cause is not None:
            self.disarm()
            raise Interrupted

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Nobody interrupts what is done inside; a wish to end is fulfilled right after it."""
        self.disarm()
        try:
            yield
        finally:
            with self._lock:
                self._is_armed = True
        self.check()

    def _watch(self) -> None:
        interrupted_at: float | None = None
        while not self._done.wait(BEAT_S):
            try:
                found = self._look()
            except Exception as error:  # the store may be busy or away; the sync need not care
                log.warning("progress could not be written: %s", type(error).__name__)
                continue
            self.cause = self.cause or found
            if self.cause is None:
                continue
            is_due = interrupted_at is None or time.monotonic() - interrupted_at > AGAIN_S
            if is_due and self._interrupt():
                interrupted_at = time.monotonic()

    def _interrupt(self) -> bool:
        """Get the thread out of whatever it waits for; False while nobody may."""
        with self._lock:
            if not self._is_armed:
                return False
            if self._has_signal and _SIGNAL is not None:
                signal.pthread_kill(self._thread_id, _SIGNAL)
            else:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread_id), ctypes.py_object(Interrupted)
                )
        return True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._is_armed and self.cause is not None:
            raise Interrupted


class Running(Interruptible):
    """One running sync of one table. `tell` may raise."""

    def __init__(
        self,
        platform: Platform,
        table: SyncedTable,
        job: Job,
        progress: Callable[[JobProgress], None] | None = None,
    ) -> None:
        super().__init__(f"job-{job.id}")
        self.table, self.job = table, job
        self.rows_expected: int | None = None
        self.on_rows: Callable[[int], PwhError | None] = lambda rows: None
        """Asked with every count of rows; what it returns ends the sync."""
        self._store, self._progress = platform.store, progress
        self._now = self._seen = JobProgress("extract")
        self._began = time.monotonic()
        self._extract_began = self._began

    def tell(self, phase: str, rows: int = 0, size: int = 0) -> None:
        """How far it is. Raises Interrupted when the sync has to end here."""
        if phase == "extract" and self._now.phase != "extract":
            self._extract_began = time.monotonic()
        elapsed = time.monotonic() - self._extract_began
        speed = rows / elapsed if phase == "extract" and elapsed > 0 else self._now.rows_per_s
        self._now = JobProgress(phase, rows, size, self.rows_expected, round(speed, 1))
        if self._progress is not None:
            self._progress(self._now)
        if self._is_armed and self.cause is None and phase == "extract":
            self.cause = self.on_rows(rows)
        self.check()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _look(self) -> PwhError | None:
        now, before, self._seen = self._now, self._seen, self._now
        if now.phase == "extract" and now.rows == before.rows and pauses.left_s() > 0:
            now = replace(now, phase="waiting")
        asked = self._store.note_progress(self.job.id, now)
        return SyncCancelledError(self.table.table_name) if asked else None
