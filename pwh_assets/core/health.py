"""Health: one issue, its root, since when, and what it holds up."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IssueKind(StrEnum):
    FAILED = "failed"
    STALE = "stale"
    NEVER_RAN = "never_ran"
    """It should run by itself, and no run of it was ever started or none succeeded."""
    PAUSED = "paused"
    MISSING = "missing_at_source"
    CHECK_FAILED = "check_failed"
    BILLING_LIMIT = "billing_limit"
    """The project's row limit keeps it from syncing."""
    MISMATCH = "mismatch"
    """Source and lake hold different rows up to the same bound."""
    DRIFT = "schema_drift"
    """Its shape changed at the source in a way nobody can follow for you."""
    LAGGING = "stream_lagging"
    """A source keeps too much for a stream of changes, or is about to throw away what was not read."""
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class HealthIssue:
    """Something that is wrong with one table or view."""

    id: str
    name: str
    type: str
    """`external_data_sync` or `materialized_view`, as the seeds spell it."""
    kind: IssueKind
    error: str
    """The cause in words."""
    way_out: str
    since: datetime | None
    source_type: str | None = None
    root: str | None = None
    """Name of the table or view whose issue causes this one; None when this is the root."""
    blocks: tuple[str, ...] = ()
    """Names of everything downstream that cannot be fresh before this is mended."""
