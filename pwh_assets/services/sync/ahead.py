"""A table whose sync begins before the run that records it: its rows are read while Dagster is still loading."""

import signal
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import SyncedTable, SyncMode
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.running import Interrupted
from pwh_assets.services.sync.steps import Steps, drained
from pwh_assets.services.sync.table import Progress, sync_steps, sync_table

if TYPE_CHECKING:
    from pwh_assets.core.job import SyncResult

_MODES = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND, SyncMode.XMIN)
Tell = Callable[[Progress], None]


class Ahead:
    """At most one begun sync. It publishes nothing before the run `run_id` goes on with it, in the same thread."""

    def __init__(self) -> None:
        self.run_id = str(uuid.uuid4())
        """The id the run has to have."""
        self.table: SyncedTable | None = None
        self._is_full = False
        self._steps: Steps[SyncResult] | None = None
        self._error: BaseException | None = None
        self._tell: Tell | None = None

    def begin(self, platform: Platform, table: SyncedTable, full: bool) -> None:
        """Begin with this table. What goes wrong is raised when the run comes to it."""
        if table.mode not in _MODES:
            return
        self.table, self._is_full = table, full
        steps = sync_steps(platform, table, full=full, run_id=self.run_id, progress=self._told)
        try:
            next(steps)
        except Exception as error:
            self._error = error
        else:
            self._steps = steps

    def sync(
        self,
        platform: Platform,
        table: SyncedTable,
        *,
        full: bool,
        run_id: str,
        progress: Tell,
        attempt: int,
    ) -> "SyncResult":
        """`sync_table`, going on with what was begun for this run."""
        is_begun = self.table is not None and (table.id, run_id, full) == (
            self.table.id,
            self.run_id,
            self._is_full,
        )
        error, self._error = self._error, None
        if is_begun and error is not None:
            raise error
        if is_begun and self._steps is not None:
            self._tell = progress
            steps, self._steps = self._steps, None
            return drained(steps)
        return sync_table(
            platform, table, full=full, run_id=run_id, progress=progress, attempt=attempt
        )

    def end(self, error: BaseException | None) -> None:
        """Give up what no run went on with: the process ends, with this error or without one."""
        steps, self._steps = self._steps, None
        if steps is None:
            return
        is_stop = isinstance(error, KeyboardInterrupt)
        with suppress(PwhError, KeyboardInterrupt):
            steps.throw(error if is_stop and error is not None else Interrupted())

    def _told(self, progress: Progress) -> None:
        if self._tell is not None:
            self._tell(progress)


@contextmanager
def begun(platform: Platform, tables: Sequence[SyncedTable], full: bool = False) -> Iterator[Ahead]:
    """The first of these tables, begun. SIGTERM ends what is inside as Ctrl-C does."""
    ahead = Ahead()
    with _sigterm_as_sigint():
        try:
            if tables:
                ahead.begin(platform, tables[0], full)
            yield ahead
        except BaseException as error:
            ahead.end(error)
            raise
        ahead.end(None)


@contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
