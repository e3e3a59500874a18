"""Answers kept by what they depend on: the plan, who may see what, and each table's last change."""

import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime

from pwh_assets.services.queries.request import Answer

ENTRY_BYTES = 256
"""What an entry costs beside its rows."""


class ResultCache:
    """The answers used last, up to so many bytes. An entry is never wrong: its key says which state of which tables it
    shows, so a sync of one table leaves answers from others alone.
    """

    def __init__(self, most_bytes: int = 256 << 20) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self.hits = self.misses = 0

    def get(self, key: str) -> Answer | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found.fresh_until and found.fresh_until <= datetime.now(UTC):
                self._drop(key)
                found = None
            if found is None:
                self.misses += 1
                return None
            self._kept.move_to_end(key)
            self.hits += 1
        return replace(found, is_cached=True)

    def glance(self, key: str) -> Answer | None:
        """As `get`; not finding it is no miss, because whoever only glances asks again."""
        found = self._kept.get(key)
        return self.get(key) if found is not None else None

    def put(self, key: str, answer: Answer) -> None:
        size = answer.size_bytes + ENTRY_BYTES
        if size > self._most_bytes // 8:
            return
        with self._lock:
            if key in self._kept:
                self._drop(key)
            self._kept[key] = answer
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def _drop(self, key: str) -> None:
        answer = self._kept.pop(key)
        self._bytes -= answer.size_bytes + ENTRY_BYTES
