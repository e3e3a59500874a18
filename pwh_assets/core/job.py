"""Jobs: one attempt at syncing a table or building a view, and what it moved."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobKind(StrEnum):
    SYNC = "sync"
    VIEW = "view"
    MAINTENANCE = "maintenance"


class JobStatus(StrEnum):
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    project_id: int
    kind: JobKind
    subject_id: str
    """Id of the synced table or the saved query."""
    name: str
    status: JobStatus
    rows: int = 0
    bytes: int = 0
    created_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    error_code: str | None = None
    run_id: str | None = None
    """Dagster's run, when the job ran inside one."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync of one table did. Counts are rows, sizes are bytes, times are seconds."""

    table_name: str
    mode: str
    rows_synced: int
    row_count: int
    bytes_staged: int
    duration_s: float
    cursor_before: str | None = None
    cursor_after: str | None = None
    columns_added: tuple[str, ...] = ()
    columns_widened: tuple[str, ...] = ()
    columns_missing: tuple[str, ...] = ()
    was_recovered: bool = False
    """True when a finished extraction of an earlier, dead run was committed instead of a new one."""
