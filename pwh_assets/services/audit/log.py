"""The writer: entries of many threads become few transactions."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

from pwh_assets.core.audit import AuditEntry
from pwh_assets.errors import PwhError
from pwh_assets.services.audit.witness import Witness
from pwh_assets.store import Store

log = logging.getLogger(__name__)

EVERY_S = 0.1
"""Entries nobody waits for are written together, this long after the first."""
BATCH = 500
MOST_WAITING = 20_000
MOST_CHARACTERS = 64 << 20
PATIENCE_S = 10.0
"""How long one who has an entry to write waits for the store."""
RETRY_S = 1.0


class AuditUnavailableError(PwhError):
    """The audit log cannot be written, so nothing is done that would have to be in it."""

    code = "audit_unavailable"
    status = 503
    retryable = True
    retry_after_s = 5.0

    def __init__(self) -> None:
        super().__init__(
            "The audit log cannot be written just now, and nothing is done without it. Try again; "
            "the server's log says what is wrong with the store."
        )


@dataclass(frozen=True, slots=True)
class _Item:
    entry: AuditEntry
    written: "Future[None] | None"


class AuditLog:
    """Writes entries in the order they come, in one thread. Close it to write what waits."""

    def __init__(self, store: Store, witness: Witness | None = None) -> None:
        self._store = store
        self._witness = witness
        self._changed = threading.Condition()
        self._waiting: deque[_Item] = deque()
        self._characters = 0
        self._in_hurry = 0
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def note(self, entry: AuditEntry) -> None:
        """Write it within a tenth of a second. A process that is killed before that loses it.

        Raises:
            AuditUnavailableError: too many wait already, and the store does not take them.
        """
        self._put(_Item(entry, None))

    def write_soon(self, entry: AuditEntry) -> "Future[None]":
        """Write it at once, together with what waits; the future is done when it is kept."""
        item = _Item(entry, Future())
        self._put(item)
        assert item.written is not None
        return item.written

    def write(self, entry: AuditEntry) -> None:
        """Write it at once and come back when it is kept.

        Raises:
            AuditUnavailableError.
        """
        try:
            self.write_soon(entry).result(PATIENCE_S)
        except TimeoutError:
            raise AuditUnavailableError from None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(PATIENCE_S)
        if self._witness is not None:
            self._witness.note()

    def _put(self, item: _Item) -> None:
        with self._changed:
            if self.is_full and not self._changed.wait_for(lambda: not self.is_full, PATIENCE_S):
                raise AuditUnavailableError
            if self._is_closed and self._thread is None:
                raise AuditUnavailableError
            self._waiting.append(item)
            self._characters += len(item.entry.query or "")
            if item.written is not None:
                self._in_hurry += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pwh-audit", daemon=True)
                self._thread.start()
            elif item.written is not None or len(self._waiting) == 1:
                self._changed.notify_all()

    @property
    def is_full(self) -> bool:
        """So many wait that the next one has to."""
        return len(self._waiting) >= MOST_WAITING or self._characters >= MOST_CHARACTERS

    def _run(self) -> None:
        while True:
            items = self._next()
            if not items:
                return
            try:
                self._store.append_audit([item.entry for item in items])
            except Exception as error:
                log.exception("the audit log cannot be written")
                if not self._put_back(items, error):
                    return
                continue
            for item in items:
                if item.written is not None:
                    item.written.set_result(None)
            if self._witness is not None:
                self._witness.moved(item.entry.project_id for item in items)

    def _next(self) -> list[_Item]:
        """What to write next; nothing when it is closed and all is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._is_closed:
                self._changed.wait_for(
                    lambda: self._in_hurry or self._is_closed or len(self._waiting) >= BATCH,
                    EVERY_S,
                )
            items = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._characters -= sum(len(item.entry.query or "") for item in items)
            self._in_hurry -= sum(item.written is not None for item in items)
            self._changed.notify_all()
        return items

    def _put_back(self, items: list[_Item], error: Exception) -> bool:
        """Whoever waits is told; the rest is tried again, unless this was the last time. True to go on."""
        for item in items:
            if item.written is not None:
                item.written.set_exception(AuditUnavailableError())
        rest = [item for item in items if item.written is None]
        with self._changed:
            if self._is_closed:
                log.error("%d audit entries are lost: %s", len(rest), type(error).__name__)
                return False
            self._waiting.extendleft(reversed(rest))
            self._characters += sum(len(item.entry.query or "") for item in rest)
        time.sleep(RETRY_S)
        return True
