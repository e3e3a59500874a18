"""One door for every query of every project: compiled here, answered from the cache or by a worker in its turn."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.engines.base import Limits, QueryCancelledError
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, PwhError, quoted
from pwh_assets.services.hogql.query import compile_query
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import glanced_catalog_for, mask_key
from pwh_assets.services.queries.cache import ResultCache
from pwh_assets.services.queries.formats import MEDIA_TYPES
from pwh_assets.services.queries.keys import TIMED_FOR, TableMarks, cache_key
from pwh_assets.services.queries.observer import QueryObserver, Unobserved
from pwh_assets.services.queries.pool import Pool, WorkerDiedError
from pwh_assets.services.queries.request import Answer, Ask, Refresh, Stream
from pwh_assets.services.queries.turns import StoppingError, Turns
from pwh_assets.services.queries.worker import Done, Failed, Task

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import Catalog
    from pwh_assets.hogql.plan import Plan

log = logging.getLogger(__name__)

KEPT_TASKS = 1_000
"""Asynchronous queries that can be asked for; the oldest that have ended are forgotten first."""
KEPT_S = 3600.0
OBEYED_WITHIN_S = 1.5
"""An engine that was interrupted because the process stops has so long before its worker is ended."""
KEPT_GLANCES = 2_000
MOST_GLANCED = 20_000
"""Characters of a text whose plan is remembered for `glance`."""


class NotCachedError(NotFoundError):
    """Only the cache was to be asked, and it does not know the answer."""

    code = "not_cached"
    status = 404

    def __init__(self) -> None:
        PwhError.__init__(
            self, "The answer is not in the cache. Ask with another `refresh` to compute it."
        )


class QueryIdTakenError(ConflictError):
    """Another query of the project has this id and has not ended."""

    code = "query_id_taken"

    def __init__(self, query_id: str) -> None:
        self.query_id = query_id
        super().__init__(f"A query `{query_id}` is running. Choose another `client_query_id`.")


@dataclass(eq=False, slots=True)
class QueryTask:
    """A query that runs or has run, as whoever asked may look at it."""

    ask: Ask
    started_at: datetime
    ended_at: datetime | None = None
    answer: Answer | None = None
    error: PwhError | None = None
    is_cancelled: bool = False

    @property
    def is_complete(self) -> bool:
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What the queries of one home may use together."""

    workers: int = 2
    per_project: int = 3
    most_waiting: int = 100
    patience_s: float = 30.0
    cache_bytes: int = 256 << 20
    each: Limits = field(default_factory=lambda: Limits(threads=2, max_rows=50_000))
    export: Limits = field(
        default_factory=lambda: Limits(timeout_s=600, threads=2, max_rows=10_000_000)
    )


class Queries:
    """Close it to end the workers."""

    def __init__(self, platform: Platform, limits: QueryLimits | None = None) -> None:
        self.limits = limits or QueryLimits()
        self.cache = ResultCache(self.limits.cache_bytes)
        self.observer: QueryObserver = Unobserved()
        self._platform = platform
        self._marks = TableMarks(platform)
        assert platform.opener is not None
        self._pool = Pool(platform.opener, platform.settings, self.limits.workers)
        self._turns = Turns(
            self.limits.workers,
            self.limits.per_project,
            self.limits.most_waiting,
            self.limits.patience_s,
        )
        self._threads = ThreadPoolExecutor(self.limits.workers * 4, "pwh-query")
        self._lock = threading.Lock()
        self._tasks: OrderedDict[tuple[int, str], QueryTask] = OrderedDict()
        self._is_draining = False
        self._closed = threading.Event()
        self._glances: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()

    def warm(self) -> None:
        """Start a worker, so that the first question does not wait for it."""
        self._pool.warm()

    def ask(self, ask: Ask, refresh: Refresh = Refresh.BLOCKING) -> Answer:
        """The answer, from the cache where it is there.

        Raises:
            HogQLError: the text is wrong, or the engine failed on it; it says where.
            NotCachedError: with `force_cache`.
            TooManyQueriesError, QueryTimeoutError, QueryTooLargeError, QueryCancelledError.
        """
        plan = self._plan(ask)
        found, key = self._known(ask, plan, refresh)
        if found is not None:
            return found
        if refresh is Refresh.FORCE_CACHE:
            raise NotCachedError
        task = self._noted(ask)
        try:
            return self._finished(task, lambda: self._computed(task, plan, key))
        finally:
            task.answer = None  # whoever waited has it

    def glance(self, ask: Ask) -> Answer | None:
        """The answer where the cache has it and looking takes microseconds, else None: for a loop that must not wait.

        What it gives is as exact as what `ask` gives, and is in the audit log like it.
        """
        if not self.observer.is_ready:
            return None
        catalog = glanced_catalog_for(self._platform, ask.project_id, ask.reader)
        plan = self._glances.get(_glance_key(ask, catalog)) if catalog is not None else None
        marks = self._marks.glanced(ask.project_id, plan) if plan is not None else None
        if plan is None or marks is None:
            return None
        found = self.cache.glance(cache_key(ask.project_id, _asked(ask, plan), plan, marks))
        if found is not None:
            self.observer.answered(ask, plan, found.row_count, found.size_bytes)
        return found

    def begin(self, ask: Ask, refresh: Refresh = Refresh.ASYNC) -> QueryTask:
        """Begin it and come back at once; a cached answer is there already.

        Raises:
            HogQLError: the text is wrong.
            QueryIdTakenError.
        """
        plan = self._plan(ask)
        found, key = self._known(ask, plan, refresh)
        task = self._noted(ask)
        if found is not None:
            self._finished(task, lambda: found)
            return task
        self._threads.submit(
            copy_context().run,
            lambda: self._finished(task, lambda: self._computed(task, plan, key)),
        )
        return task

    def look(self, project_id: int, query_id: str) -> QueryTask:
        """How a query is getting on. Raises NotFoundError for one that is unknown, or too old."""
        with self._lock:
            task = self._tasks.get((project_id, query_id))
        if task is None:
            raise NotFoundError("query", query_id)
        if task.is_complete and task.answer is not None:
            forgotten_at = self._platform.store.last_deletion_at(project_id)
            if forgotten_at is not None and task.started_at <= forgotten_at:
                self.forget(project_id)  # another process carried the deletion out
                raise NotFoundError("query", query_id)
        return task

    def forget(self, project_id: int) -> None:
        """Let go of every answer there is and of workers that rest, with what they hold open: somebody is to be
        forgotten, and nothing that shows them is handed out again.
        """
        self.cache.clear()
        self._pool.rest()
        with self._lock:
            for key, task in list(self._tasks.items()):
                if key[0] == project_id and task.is_complete:
                    del self._tasks[key]

    def cancel(self, project_id: int, query_id: str) -> bool:
        """Stop a query that waits or runs; the engine is interrupted. True when there was something to stop.

        Raises:
            NotFoundError.
        """
        task = self.look(project_id, query_id)
        if task.is_complete:
            return False
        task.is_cancelled = True
        self._pool.cancel(_inside(task.ask))
        return True

    def stream(self, ask: Ask, format_: str) -> Stream:
        """The whole answer as a file, chunk by chunk; it is never held in memory and never cached. Waits for the first.

        Raises:
            InvalidInputError: there is no such format.
            PwhError: the query fails before it has a row.
        """
        if format_ not in MEDIA_TYPES:
            raise InvalidInputError(
                "format", f"`{format_}` is not a format. Use json, {quoted(list(MEDIA_TYPES))}."
            )
        plan = self._plan(replace(ask, export=True))
        task = self._noted(ask)
        chunks = self._chunks(task, plan, format_)
        first = next(chunks, b"")  # what fails before is an error and no broken file
        return Stream(plan, _with(first, chunks))

    @property
    def running(self) -> int:
        """Queries that have a worker now."""
        return self._turns.running

    @property
    def waiting(self) -> int:
        """Queries that wait for one."""
        return self._turns.waiting

    def drain(self, seconds: float) -> None:
        """Begin nothing new but what the cache answers. Queries under way have so long; then they end as `stopping`."""
        self._is_draining = True
        threading.Thread(
            target=self._cut_off, args=(seconds,), name="pwh-drain", daemon=True
        ).start()

    def close(self) -> None:
        self._is_draining = True
        self._closed.set()
        self._turns.stop()
        self._pool.close()
        self._threads.shutdown(cancel_futures=True)

    def _cut_off(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            return
        self._turns.stop()
        with self._lock:
            tasks = [task for task in self._tasks.values() if not task.is_complete]
        for task in tasks:
            task.is_cancelled = True
            self._pool.cancel(_inside(task.ask))
        if not self._closed.wait(OBEYED_WITHIN_S):
            self._pool.close()

    def _ending(self, error: PwhError) -> PwhError:
        """What a query failed with, or that the process stops where that is why."""
        is_ours = error.code in (QueryCancelledError.code, WorkerDiedError.code)
        return StoppingError() if self._is_draining and is_ours else error

    def _plan(self, ask: Ask) -> "Plan":
        try:
            return compile_query(
                self._platform,
                ask.project_id,
                ask.sql,
                engine=ask.engine,
                limit=ask.limit,
                export=ask.export,
                variables=ask.variables,
                reader=ask.reader,
            )
        except PwhError as error:
            self.observer.rejected(ask, error)
            raise

    def _known(self, ask: Ask, plan: "Plan", refresh: Refresh) -> tuple[Answer | None, str | None]:
        """What the cache has, and the key to keep the answer by; no key when it must not be kept."""
        if plan.is_volatile:
            return None, None
        marks = self._marks.of(ask.project_id, plan)
        if marks is None:
            return None, None
        key = cache_key(ask.project_id, _asked(ask, plan), plan, marks)
        found = None if refresh.is_forced else self.cache.get(key)
        if found is not None:
            self.observer.answered(ask, plan, found.row_count, found.size_bytes)
            self._remember(ask, plan)
        return found, key

    def _remember(self, ask: Ask, plan: "Plan") -> None:
        """So that the next one who asks the same needs only a glance."""
        catalog = glanced_catalog_for(self._platform, ask.project_id, ask.reader)
        if catalog is None or len(ask.sql) > MOST_GLANCED:
            return
        with self._lock:
            self._glances[_glance_key(ask, catalog)] = plan
            while len(self._glances) > KEPT_GLANCES:
                self._glances.popitem(last=False)

    def _noted(self, ask: Ask) -> QueryTask:
        task = QueryTask(ask, datetime.now(UTC))
        with self._lock:
            if self._is_draining:
                raise StoppingError
            key = (ask.project_id, ask.id)
            known = self._tasks.get(key)
            if known is not None and not known.is_complete:
                raise QueryIdTakenError(ask.id)
            self._tasks[key] = task
            self._tasks.move_to_end(key)
            self._forget()
        return task

    def _forget(self) -> None:
        now = datetime.now(UTC)
        size = sum(task.answer.size_bytes for task in self._tasks.values() if task.answer)
        for key, task in list(self._tasks.items()):
            is_old = task.ended_at and (now - task.ended_at).total_seconds() > KEPT_S
            is_full = len(self._tasks) > KEPT_TASKS or size > self.limits.cache_bytes
            if not is_old and not is_full:
                break
            if task.is_complete:
                size -= task.answer.size_bytes if task.answer else 0
                del self._tasks[key]

    def _computed(self, task: QueryTask, plan: "Plan", key: str | None) -> Answer:
        rows, done = b"[]", Done(0, 0.0)
        limits = self.limits.export if task.ask.export else self.limits.each
        with self._observed(task.ask, plan) as seen, self._turns.turn(task.ask.project_id):
            self._go_on(task)
            for message in self._pool.run(self._work(task.ask, plan, limits, "json")):
                seen.add(message)
                if isinstance(message, Done):
                    done = message
                else:
                    rows = message
        now = datetime.now(UTC)
        until = now + TIMED_FOR if plan.reads_clock else None
        answer = Answer(plan, rows, done.rows, now, done.ms, key or "", fresh_until=until)
        if key is not None:
            self.cache.put(key, answer)
        return answer

    def _chunks(self, task: QueryTask, plan: "Plan", format_: str) -> Iterator[bytes]:
        try:
            with self._observed(task.ask, plan) as seen, self._turns.turn(task.ask.project_id):
                self._go_on(task)
                work = self._work(task.ask, plan, self.limits.export, format_)
                with closing(self._pool.run(work)) as messages:  # type: ignore[type-var]
                    for message in messages:
                        seen.add(message)
                        if not isinstance(message, Done):
                            yield message
        except PwhError as error:
            task.error = self._ending(error)
            raise task.error from None
        finally:
            task.ended_at = datetime.now(UTC)

    @contextmanager
    def _observed(self, ask: Ask, plan: "Plan") -> Iterator["_Seen"]:
        began, error, seen = time.perf_counter(), None, _Seen()
        begun = self.observer.started(ask, plan)
        try:
            yield seen
        except BaseException as caught:
            error = caught
            raise
        finally:
            ms = (time.perf_counter() - began) * 1000
            self.observer.ended(begun, rows=seen.rows, size=seen.size, ms=ms, error=error)

    def _work(self, ask: Ask, plan: "Plan", limits: Limits, format_: str) -> Task:
        run = plan.keyed(lambda: mask_key(self._platform, ask.project_id))
        return Task(_inside(ask), ask.project_id, run, ask.sql, limits, format_)

    def _go_on(self, task: QueryTask) -> None:
        if task.is_cancelled:
            raise QueryCancelledError

    def _finished(self, task: QueryTask, compute: Callable[[], Answer]) -> Answer:
        try:
            task.answer = compute()
            return task.answer
        except PwhError as error:
            task.error = self._ending(error)
            raise task.error from None
        except Exception as error:
            log.exception("a query failed inside PWH")
            task.error = Failed.inside(error).error()
            raise
        finally:
            task.ended_at = datetime.now(UTC)


@dataclass(slots=True)
class _Seen:
    """What came from a worker so far."""

    rows: int = 0
    size: int = 0

    def add(self, message: bytes | Done) -> None:
        if isinstance(message, Done):
            self.rows = message.rows
        else:
            self.size += len(message)


def _asked(ask: Ask, plan: "Plan") -> str:
    """What a plan that holds the present moment is known by."""
    return f"{ask.sql}\0{sorted(ask.variables.items())!r}\0{plan.limit}"


def _glance_key(ask: Ask, catalog: "Catalog") -> tuple[Any, ...]:
    """What the plan of a text depends on, beside the moment."""
    values = repr(sorted(ask.variables.items())) if ask.variables else ""
    about = (catalog.version, catalog.timezone, catalog.week_start)
    return (ask.sql, ask.engine, ask.limit, ask.export, values, *about)


def _inside(ask: Ask) -> str:
    """The id among all projects."""
    return f"{ask.project_id}/{ask.id}"


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    with closing(rest):  # type: ignore[type-var]
        if first:
            yield first
        yield from rest
