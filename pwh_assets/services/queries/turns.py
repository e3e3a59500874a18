"""Whose query is next: one slot per worker, shared fairly between projects."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pwh_assets.errors import PwhError


class TooManyQueriesError(PwhError):
    """All slots were busy for as long as a query may wait, or too many wait already."""

    code = "too_many_queries"
    status = 429
    retryable = True

    def __init__(self, waiting: int, retry_after_s: float) -> None:
        self.waiting, self.retry_after_s = waiting, retry_after_s
        super().__init__(
            f"Other queries are running and {waiting} wait already. Try again in {retry_after_s:.0f} s, or run it "
            "with `refresh: async` at a quieter time."
        )


class StoppingError(PwhError):
    """The process is about to end, and this would take longer than it has."""

    code = "stopping"
    status = 503
    retryable = True
    retry_after_s = 5.0

    def __init__(self) -> None:
        super().__init__("PWH is stopping here, and this was not answered. Send it again.")


@dataclass(eq=False, slots=True)
class _Waiting:
    project_id: int
    ready: threading.Event = field(default_factory=threading.Event)
    is_admitted: bool = False


class Turns:
    """At most `slots` at once, at most `per_project` of one project. Projects that wait take turns, and inside a project
    whoever came first goes first.
    """

    def __init__(
        self, slots: int, per_project: int, most_waiting: int = 100, patience_s: float = 30.0
    ) -> None:
        self._slots = slots
        self._per_project = per_project
        self._most_waiting = most_waiting
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._running: dict[int, int] = {}
        self._queues: OrderedDict[int, deque[_Waiting]] = OrderedDict()
        self._is_stopped = False

    @contextmanager
    def turn(self, project_id: int) -> Iterator[float]:
        """Wait for a slot and hold it; gives the seconds waited.

        Raises:
            TooManyQueriesError, StoppingError.
        """
        began = time.monotonic()
        mine = _Waiting(project_id)
        with self._lock:
            if self._is_stopped:
                raise StoppingError
            queue = self._queues.setdefault(project_id, deque())
            if len(queue) >= self._most_waiting:
                raise TooManyQueriesError(len(queue), self._patience_s)
            queue.append(mine)
            self._admit()
        if not mine.ready.wait(self._patience_s):
            with self._lock:
                if not mine.ready.is_set():
                    queue = self._queues[project_id]
                    queue.remove(mine)
                    waiting = len(queue)
                    if not queue:
                        del self._queues[project_id]
                    raise TooManyQueriesError(waiting, self._patience_s)
        if not mine.is_admitted:
            raise StoppingError
        try:
            yield time.monotonic() - began
        finally:
            with self._lock:
                self._running[project_id] -= 1
                if not self._running[project_id]:
                    del self._running[project_id]
                self._admit()

    def stop(self) -> None:
        """Nobody waits any more: those who do and those who come are told that the process ends."""
        with self._lock:
            self._is_stopped = True
            for queue in self._queues.values():
                for one in queue:
                    one.ready.set()
            self._queues.clear()

    @property
    def running(self) -> int:
        """Slots that are taken."""
        with self._lock:
            return sum(self._running.values())

    @property
    def waiting(self) -> int:
        """Those that wait for one."""
        with self._lock:
            return sum(map(len, self._queues.values()))

    def _admit(self) -> None:
        """Give free slots to projects in turn. The caller holds the lock."""
        stuck = 0
        while sum(self._running.values()) < self._slots and stuck < len(self._queues):
            project_id, queue = next(iter(self._queues.items()))
            self._queues.move_to_end(project_id)
            if self._running.get(project_id, 0) >= self._per_project:
                stuck += 1
                continue
            stuck = 0
            admitted = queue.popleft()
            admitted.is_admitted = True
            admitted.ready.set()
            self._running[project_id] = self._running.get(project_id, 0) + 1
            if not queue:
                del self._queues[project_id]
