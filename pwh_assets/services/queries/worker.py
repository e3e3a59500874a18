"""A worker process: runs compiled queries one after another and sends their rows back as bytes."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from pwh_assets.engines.base import Limits, StatementRefusedError
from pwh_assets.errors import PwhError
from pwh_assets.hogql.plan import Plan
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    from pwh_assets.engines.base import Answer, Session
    from pwh_assets.services.platform import Platform

log = logging.getLogger(__name__)

Opener = Callable[[Settings], "Platform"]


@dataclass(frozen=True, slots=True)
class Task:
    """A compiled query. `format` is `json` for one array of rows, or a file format."""

    id: str
    project_id: int
    plan: Plan
    text: str
    limits: Limits
    format: str = "json"


@dataclass(frozen=True, slots=True)
class Failed:
    """An error as it crosses from one process to another."""

    code: str
    status: int
    sentence: str
    retryable: bool = False
    problems: tuple[Any, ...] = ()
    text: str = ""

    @classmethod
    def inside(cls, error: Exception) -> "Failed":
        """A mistake of ours: only its kind is told."""
        return cls("internal", 500, f"The query failed inside PWH ({type(error).__name__}).")

    def error(self) -> PwhError:
        """It as an exception again."""
        if self.problems:
            from pwh_assets.hogql.errors import HogQLError

            return HogQLError(self.problems, self.text)
        facts = {"code": self.code, "status": self.status, "retryable": self.retryable}
        found: PwhError = type("QueryFailedError", (PwhError,), facts)(self.sentence)
        return found


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a query: how many rows, and how long the engine took."""

    rows: int
    ms: float


def main(opener: Opener, settings: Settings, tasks: Connection, orders: Connection) -> None:
    """Serve until the other side closes. `tasks` carries work and answers, `orders` the ids of queries to cancel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    with suppress(OSError):
        os.setpgid(0, 0)  # also when everybody in its group is asked to end
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # see `Process`
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(ValueError, OSError):
        os.nice(1)  # whoever answers requests goes first
    worker = Worker(opener(settings))
    threading.Thread(target=worker.obey, args=(orders,), daemon=True).start()
    try:
        while True:
            try:
                task = tasks.recv()
            except EOFError:
                return
            for message in worker.answer(task):
                tasks.send(message)
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        os._exit(0)  # nothing here outlives the process: no locks, no writes


class Worker:
    def __init__(self, platform: "Platform") -> None:
        self._platform = platform
        self._lock = threading.Lock()
        self._current: tuple[str, Session] | None = None
        self._cancelled: set[str] = set()

    def obey(self, orders: Connection) -> None:
        """Interrupt the query that is named, now or when it begins. Ends the process when there is nobody to obey."""
        while True:
            try:
                wanted = orders.recv()
            except (EOFError, OSError):
                os._exit(0)
            with self._lock:
                self._cancelled.add(wanted)
                if self._current is not None and self._current[0] == wanted:
                    self._current[1].cancel()

    def answer(self, task: Task) -> Iterator[Any]:
        """Rows as bytes, then `Done` or `Failed`."""
        try:
            yield from self._run(task)
        except StatementRefusedError as error:
            from pwh_assets.hogql.blame import blamed
            from pwh_assets.services.policies.reading import spoken

            found = blamed(task.text, spoken(task.plan, error.reason), error.title)
            yield Failed(
                found.code, found.status, str(found), problems=found.problems, text=task.text
            )
        except PwhError as error:
            yield Failed(error.code, error.status, error.sentence, error.retryable)
        except Exception as error:
            log.exception("a query failed inside PWH")
            yield Failed.inside(error)
        finally:
            with self._lock:
                self._cancelled.discard(task.id)

    def _run(self, task: Task) -> Iterator[Any]:
        from pwh_assets.services.hogql.in_place import placed

        plan, limits = task.plan, task.limits
        outside = placed(self._platform, task.project_id, plan.physical)
        started = time.perf_counter()
        session = self._platform.engines[plan.engine].open(task.project_id, limits, outside)
        try:
            self._begin(task, session)
            session.prepare(plan.physical)
            answer = session.run(plan.sql, dict(plan.settings), limits)
            counted = _Counted()
            try:
                yield from _encoded(task, answer, counted)
            finally:
                answer.close()
        finally:
            with self._lock:
                self._current = None
            session.close()
        yield Done(counted.rows, (time.perf_counter() - started) * 1000)

    def _begin(self, task: Task, session: "Session") -> None:
        from pwh_assets.engines.base import QueryCancelledError

        with self._lock:
            if task.id in self._cancelled:
                raise QueryCancelledError
            self._current = (task.id, session)


@dataclass(slots=True)
class _Counted:
    rows: int = 0

    def each(self, rows: Iterator[Any]) -> Iterator[Any]:
        for row in rows:
            self.rows += 1
            yield row

    def batches(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            self.rows += batch.num_rows
            yield batch


def _encoded(task: Task, answer: "Answer", counted: _Counted) -> Iterator[bytes]:
    from pwh_assets.services.hogql.query import shaped
    from pwh_assets.services.queries import formats

    if task.format in formats.BINARY:
        yield from _binary(task, counted.batches(answer.batches()))
        return
    types = tuple(column.type for column in task.plan.columns)
    rows = shaped(answer.rows(), types)
    if task.format == "json":
        found = list(rows)
        counted.rows = len(found)
        yield formats.json_rows(found)
        return
    names = [column.name for column in task.plan.columns]
    yield from formats.TEXTS[task.format](names, counted.each(rows))


def _binary(task: Task, batches: Iterator[Any]) -> Iterator[bytes]:
    from itertools import chain

    from pwh_assets.services.queries import formats

    first = next(batches, None)
    if first is None:
        import pyarrow as pa

        schema = pa.schema([(column.name, pa.null()) for column in task.plan.columns])
        yield from formats.binary(task.format, schema, ())
        return
    yield from formats.binary(task.format, first.schema, chain([first], batches))
