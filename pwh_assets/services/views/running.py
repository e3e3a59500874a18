"""A running build seen from outside: which step it is at, and how somebody else ends it."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from pwh_assets.core.job import Job, JobProgress
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import BusyError, ConflictError, PwhError
from pwh_assets.services.platform import Platform

log = logging.getLogger(__name__)

BEAT_S = 0.5
"""How often the step is written down and a wish to cancel is looked for."""


class ViewCancelledError(PwhError):
    """Somebody cancelled the build while it ran."""

    code = "cancelled"
    status = 409

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"The build of view `{name}` was cancelled. It shows the rows it had before; "
            f"`pwh view run {name}` builds it again."
        )


class NotRunningError(ConflictError):
    """There is no build to cancel."""

    code = "not_running"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"View `{name}` is not being built, so there is nothing to cancel. `pwh view runs {name}` shows its runs."
        )


class Watch:
    """One running build. Use it as a context around the work; a thread of its own looks once a beat.

    Nothing is raised into the work: it asks with `tell` and `check`, and a running statement is ended by the
    interrupter that `interrupt_with` was given.
    """

    def __init__(self, platform: Platform, view: SavedQuery, job: Job) -> None:
        self.view, self.job = view, job
        self.is_cancelled = False
        self._store = platform.store
        self._interrupt: Callable[[], object] = lambda: None
        self._phase = "prepare"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"build-{job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def tell(self, phase: str) -> None:
        """Name the step that begins. Raises ViewCancelledError when the build has to end here."""
        self._phase = phase
        self.check()

    def check(self) -> None:
        """Raises ViewCancelledError when the build has to end here."""
        if self.is_cancelled:
            raise ViewCancelledError(self.view.name)

    def interrupt_with(self, interrupt: Callable[[], object]) -> None:
        """How to end the statement that runs, from another thread; called every beat until the build has ended."""
        self._interrupt = interrupt

    def _look(self) -> None:
        while not self._done.wait(BEAT_S):
            try:
                asked = self._store.note_progress(self.job.id, JobProgress(self._phase))
            except Exception as error:  # the store may be busy or away; the build need not care
                log.warning("progress could not be written: %s", type(error).__name__)
                continue
            if asked or self.is_cancelled:
                self.is_cancelled = True
                self._interrupt()

    @contextmanager
    def waiting_for(self, platform: Platform, lock: str, timeout_s: float) -> Iterator[None]:
        """Hold a lock of the home, waiting for it in steps short enough to be cancelled.

        Raises:
            BusyError: it was not free in time.
            ViewCancelledError: the build was cancelled meanwhile.
        """
        from pwh_assets.lake.locks import hold

        with ExitStack() as held:
            for _ in range(max(1, int(timeout_s))):
                self.check()
                try:
                    held.enter_context(hold(platform.settings, lock, timeout_s=1.0))
                    break
                except BusyError:
                    continue
            else:
                raise BusyError(f"`{lock}` was not free for {timeout_s:g} s. Try again.")
            yield


def cancel_build(platform: Platform, project_id: int, name: str) -> list[Job]:
    """Ask the running build of a view to end; it does within a second or two, whichever process runs it, unless
    it is publishing this moment. The view keeps the rows it had.

    Raises:
        NotFoundError: there is no such view.
        NotRunningError: it is not being built.
    """
    view = platform.store.view(project_id, name)
    platform.store.abandon_jobs(project_id)
    asked = platform.store.request_cancel(view.id)
    if not asked:
        raise NotRunningError(view.name)
    return asked
