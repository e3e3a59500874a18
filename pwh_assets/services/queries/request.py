"""What is asked, and what comes back."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pwh_assets.core.access import Caller
from pwh_assets.hogql.plan import Plan


class Refresh(StrEnum):
    """When an answer is computed, in PostHog's words."""

    BLOCKING = "blocking"
    """Take it from the cache; else compute it and wait."""
    ASYNC = "async"
    """Take it from the cache; else begin, and be asked again."""
    LAZY_ASYNC = "lazy_async"
    ASYNC_ON_MISS = "async_except_on_cache_miss"
    """As `blocking`: a cache that is exact has nothing stale to show meanwhile."""
    FORCE_BLOCKING = "force_blocking"
    FORCE_ASYNC = "force_async"
    FORCE_CACHE = "force_cache"
    """Never compute."""

    @property
    def is_forced(self) -> bool:
        return self in (Refresh.FORCE_BLOCKING, Refresh.FORCE_ASYNC)

    @property
    def waits(self) -> bool:
        return self not in (Refresh.ASYNC, Refresh.LAZY_ASYNC, Refresh.FORCE_ASYNC)


@dataclass(frozen=True, slots=True)
class Ask:
    """One text in one project."""

    project_id: int
    sql: str
    id: str
    """Whoever knows it can poll and cancel, inside the project."""
    engine: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    limit: int = 100
    """LIMIT of a text that has none."""
    export: bool = False
    """No default LIMIT."""
    who: str = ""
    """Name of whoever asks, for the audit log."""
    reader: Caller | None = None
    """Whose policies hold; None sees everything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All rows of an answer, as JSON."""

    plan: Plan
    rows: bytes
    """A JSON array of arrays."""
    row_count: int
    computed_at: datetime
    ms: float
    """Of the computation, without waiting."""
    cache_key: str
    is_cached: bool = False
    fresh_until: datetime | None = None
    """Of a text that asks for the time: until when the cache may answer it."""

    @property
    def size_bytes(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer as it comes, in the bytes of a file format. Closing `chunks` early stops the query."""

    plan: Plan
    chunks: Iterator[bytes]

    def close(self) -> None:
        """Nobody reads on: the query is stopped, if it still runs."""
        if isinstance(self.chunks, Generator):
            self.chunks.close()
