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
    SKIPPED = "Skipped"
    """A view's build that was due and not begun: something it reads is broken, or it is suspended."""
    BILLING_LIMIT_REACHED = "BillingLimitReached"
    BILLING_LIMIT_TOO_LOW = "BillingLimitTooLow"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a running job is, as its process last wrote it down."""

    phase: str
    """`count`, `extract`, `publish`, `reconcile` or `waiting` (as long as the source asked for, or for the next attempt)."""
    rows: int = 0
    bytes: int = 0
    rows_expected: int | None = None
    """What the source says there is to read; None when it does not say. May be an estimate."""
    rows_per_s: float = 0.0
    at: datetime | None = None

    @property
    def share(self) -> float | None:
        """Of the rows expected, at most 1."""
        return min(1.0, self.rows / self.rows_expected) if self.rows_expected else None

    @property
    def left_s(self) -> float | None:
        """Seconds until the last row, at the speed so far."""
        if self.rows_expected is None or self.rows_per_s <= 0:
            return None
        return max(0.0, (self.rows_expected - self.rows) / self.rows_per_s)


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
    progress: JobProgress | None = None
    attempt: int = 1
    """1 for the first try, more for those after a failure that was worth another."""
    retry_at: datetime | None = None
    """Of a failed attempt that is tried again: when the next begins."""
    engine: str | None = None
    """Of a view's build that ended well: what computed it."""
    mode: str | None = None
    """`full` or `incremental`."""
    reason: str | None = None
    """Why by this engine and in this mode."""


class ChangeKind(StrEnum):
    """How a table's shape differs from the sync before."""

    NEW = "new"
    DROPPED = "dropped"
    RENAMED_CASE = "renamed_case"
    WIDENED = "widened"
    NARROWED = "narrowed"
    NULLABILITY = "nullability"
    ALL_NULL = "all_null"
    """A column that had values has none any more."""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One difference between what the source has and what it had at the sync before."""

    column: str
    kind: ChangeKind
    before: str | None = None
    after: str | None = None
    is_followed: bool = True
    """True when the lake's table has it right without anybody doing anything."""
    note: str = ""
    at: datetime | None = None
    job_id: str | None = None


class ReconciliationStatus(StrEnum):
    MATCHED = "matched"
    MISMATCHED = "mismatched"
    UNKNOWN = "unknown"
    """The source changed while it was counted, or cannot count."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Source and lake compared after a sync, up to the same bound."""

    status: ReconciliationStatus
    source_rows: int | None = None
    target_rows: int | None = None
    source_checksum: str | None = None
    target_checksum: str | None = None
    bound: str | None = None
    """The cursor value up to which both were counted; None for the whole table."""
    cause: str = ""
    at: datetime | None = None
    job_id: str | None = None


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
    changes: tuple[SchemaChange, ...] = ()
    reconciliation: Reconciliation | None = None
    rows_deleted: int = 0
    """Rows removed because their keys are gone at the source."""
    is_full: bool = False
    """True when everything was read and put in the place of all rows."""
    was_recovered: bool = False
    """True when a finished extraction of an earlier, dead run was committed instead of a new one."""
