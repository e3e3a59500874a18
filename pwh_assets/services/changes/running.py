"""A running pass over a source's stream seen from outside: the progress of every table, and the wish to end it."""

import time
from collections.abc import Callable, Mapping

from pwh_assets.core.job import Job, JobProgress
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.running import Interruptible, SyncCancelledError

Tell = Callable[[SyncedTable, str, int, int], None]
"""Told table, phase (`extract`, `publish`), rows and bytes."""


class StreamCancelledError(SyncCancelledError):
    """Somebody cancelled one table's sync: the pass over the stream it shares ended for all of its tables."""

    def __init__(self, table_name: str, asked_for: str) -> None:
        super().__init__(table_name)
        of = (
            ""
            if table_name == asked_for
            else f" with that of `{asked_for}`, whose stream it shares"
        )
        self.args = (
            f"The sync of `{table_name}` was cancelled{of}. "
            "The table is as it was at the last commit; the next sync goes on from there.",
        )


class StreamRunning(Interruptible):
    """One pass over a stream that serves many tables, each with a job: one beat for all of them."""

    def __init__(
        self,
        platform: Platform,
        jobs: Mapping[str, Job],
        tell: Tell = lambda table, phase, rows, size: None,
    ) -> None:
        """`jobs` by table id; tables without one are streamed along."""
        super().__init__(f"stream-{next(iter(jobs.values())).id if jobs else 0}")
        self.job_ids = tuple(job.id for job in jobs.values())
        self._jobs, self._tell, self._store = dict(jobs), tell, platform.store
        self._now: dict[str, JobProgress] = {}
        self._written: dict[str, JobProgress] = {}
        self._began = time.monotonic()

    def tell(
        self,
        table: SyncedTable,
        phase: str,
        rows: int = 0,
        size: int = 0,
        expected: int | None = None,
    ) -> None:
        """How far a table is. Raises Interrupted when the pass has to end here."""
        if table.id in self._jobs:
            elapsed = time.monotonic() - self._began
            speed = round(rows / elapsed, 1) if elapsed > 0 else 0.0
            self._now[table.id] = JobProgress(phase, rows, size, expected, speed)
        self._tell(table, phase, rows, size)
        self.check()

    def ended(self, table: SyncedTable) -> SyncCancelledError:
        """The error of a table whose pass was cancelled."""
        by = self.cause.table_name if isinstance(self.cause, SyncCancelledError) else None
        return StreamCancelledError(table.table_name, by or table.table_name)

    def _look(self) -> PwhError | None:
        for table_id, now in list(self._now.items()):
            if self._written.get(table_id) is not now:
                self._store.note_progress(self._jobs[table_id].id, now)
                self._written[table_id] = now
        asked = self._store.cancels_requested(self.job_ids)
        names = [job.name for job in self._jobs.values() if job.id in asked]
        return SyncCancelledError(names[0]) if names else None
