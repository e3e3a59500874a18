"""The thread that loads the log: at once after a pause, else once a second; when the lake is busy, later."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from pwh_assets.core.names import DEFAULT_PROJECT
from pwh_assets.errors import PwhError
from pwh_assets.services.capture.loading import Loaded, load
from pwh_assets.services.capture.log import folder_of, projects_with_segments
from pwh_assets.services.platform import Platform

log = logging.getLogger(__name__)

RHYTHM_S = 1.0
"""At least so long from the beginning of one commit to the next, so that files do not become many."""
GATHER_S = 0.05
LOOK_S = 5.0
"""How often the log is looked through for what other processes left there."""
LONGEST_WAIT_S = 15.0
TIDY_AFTER = 40
"""Commits after which the small files they made are merged."""


@dataclass(slots=True)
class _Due:
    """What waits to be loaded."""

    since: float
    events: int


class Loader:
    """Loads every project's log until it is stopped. Any number of processes may have one: they take turns."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._due: dict[int, _Due] = {}
        self._is_stopping = False
        self._taken: dict[int, _Due] = {}
        self._thread: threading.Thread | None = None
        self._sizes: dict[int, int] = {}
        self._commits: dict[int, int] = {}
        self._wait_s = 0.0
        self._is_warm = False
        self.loaded = Loaded()
        """In all."""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="capture-loader", daemon=True)
        self._thread.start()

    def wake(self, project_id: int, events: int = 0) -> None:
        """There is something new; `events` of it are known to be in the log."""
        with self._lock:
            due = self._due.get(project_id)
            if due is not None:
                due.events += events
                return
            self._due[project_id] = _Due(time.monotonic(), events)
        self._wake.set()

    @property
    def backlog(self) -> int:
        """Events this process has acknowledged and not yet seen in the lake."""
        with self._lock:
            return sum(each.events for each in (*self._due.values(), *self._taken.values()))

    @property
    def lag_s(self) -> float:
        """How long the oldest of what waits to be loaded has waited; 0 when nothing does."""
        with self._lock:
            waiting = [each.since for each in (*self._due.values(), *self._taken.values())]
        return time.monotonic() - min(waiting) if waiting else 0.0

    def stop(self) -> None:
        """End after what is being loaded, and one last look."""
        self._is_stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._look()
            self._load_due(timeout_s=1.0)

    def _run(self) -> None:
        self._look()
        began = looked = time.monotonic()
        while not self._is_stopping:
            if not self._wake.wait(LOOK_S):
                self._warm()
            if time.monotonic() - looked >= LOOK_S:
                self._look()
                looked = time.monotonic()
            with self._lock:
                self._wake.clear()
                if not self._due:
                    continue
            self._pause(max(GATHER_S, began + RHYTHM_S - time.monotonic(), self._wait_s))
            began = time.monotonic()
            if not self._is_stopping:
                self._load_due()

    def _warm(self) -> None:
        """Open what the first load takes seconds for, while nobody waits for it."""
        if not self._is_warm:
            self._is_warm = True
            import pyarrow as pa

            pa.array([""])  # which imports pandas
            self._platform.lakes.of(DEFAULT_PROJECT)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _look(self) -> None:
        home = self._platform.settings.home
        for project_id in projects_with_segments(home):
            size = sum(_size(path) for path in folder_of(home, project_id).glob("*.log"))
            if self._sizes.get(project_id) != size:
                self._sizes[project_id] = size
                self.wake(project_id)

    def _load_due(self, timeout_s: float = 5.0) -> None:
        with self._lock:
            self._taken, self._due = self._due, {}
        for project_id in sorted(self._taken):
            try:
                while True:
                    done = load(self._platform, project_id, timeout_s)
                    self.loaded = Loaded(
                        self.loaded.events + done.events, self.loaded.repeated + done.repeated
                    )
                    self._tidy(project_id, done)
                    if not done.is_more or self._is_stopping:
                        break
                self._settle(project_id, is_loaded=not done.is_more)
                self._wait_s = 0.0
            except Exception as error:
                self._settle(project_id, is_loaded=False)
                self._later(error, project_id)

    def _settle(self, project_id: int, is_loaded: bool) -> None:
        """What was taken is in the lake, or is due again from when it was."""
        with self._lock:
            taken = self._taken.pop(project_id)
            if is_loaded:
                return
            newer = self._due.get(project_id)
            taken.events += newer.events if newer else 0
            self._due[project_id] = taken
        self._wake.set()

    def _later(self, error: Exception, project_id: int) -> None:
        """Events wait in the log; a lake that is busy is no news."""
        self._wait_s = min(LONGEST_WAIT_S, max(0.5, 2 * self._wait_s))
        if not (isinstance(error, PwhError) and error.retryable):
            log.exception("captured events could not be loaded", extra={"project": project_id})

    def _tidy(self, project_id: int, done: Loaded) -> None:
        if not done.events:
            return
        count = self._commits[project_id] = self._commits.get(project_id, 0) + 1
        if count % TIDY_AFTER == 0:
            from pwh_assets.lake.maintenance import tidy

            tidy(self._platform.lakes.of(project_id), "product")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
