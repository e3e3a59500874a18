"""Health: what is known of a table or view, one issue with its root, and the memory of issues that opened and healed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.job import Job, Reconciliation, SchemaChange
from pwh_assets.core.source import TableStatus


class Severity(StrEnum):
    """How much an issue asks of somebody."""

    ERROR = "error"
    """Rows are missing, old or wrong."""
    WARN = "warn"
    """Worth a look: rows are there, but not what they could be."""


class IssueKind(StrEnum):
    FAILED = "failed"
    STALE = "stale"
    NEVER_RAN = "never_ran"
    """It should run by itself, and no run of it was ever started or none succeeded."""
    PAUSED = "paused"
    SUSPENDED = "suspended"
    """It failed so often in a row that it is not run by itself any more."""
    MISSING = "missing_at_source"
    CHECK_FAILED = "check_failed"
    BILLING_LIMIT = "billing_limit"
    """The project's row limit is used up."""
    BILLING_LIMIT_TOO_LOW = "billing_limit_too_low"
    """The table has more rows to read than is left of the project's row limit."""
    MISMATCH = "mismatch"
    """Source and lake hold different rows up to the same bound."""
    DRIFT = "schema_drift"
    """Its shape changed at the source in a way nobody can follow for you."""
    LAGGING = "stream_lagging"
    """A source keeps too much for a stream of changes, or is about to throw away what was not read."""
    DEFINITION = "definition_broken"
    """A view's text no longer fits what it reads."""
    SOURCE = "source_failed"
    """Several tables of one source fail for one and the same reason."""
    DAEMON = "daemon_not_running"
    """Nothing runs by itself, because what starts it is down."""
    WAREHOUSE = "warehouse_away"
    """Views are computed in ClickHouse, which cannot be used."""
    PROJECT = "dbt_project_broken"
    """An own dbt project cannot be read or built."""
    CHANNEL = "alert_channel_failing"
    """Somebody who asked to be told cannot be reached."""
    BLOCKED = "blocked"

    @property
    def severity(self) -> Severity:
        return Severity.WARN if self in _WARNINGS else Severity.ERROR


_WARNINGS = frozenset((IssueKind.PAUSED, IssueKind.DRIFT))


class IssueType(StrEnum):
    """What an issue is about; tables, sources and views as the seeds and PostHog spell them."""

    TABLE = "external_data_sync"
    SOURCE = "source"
    MATERIALIZED = "materialized_view"
    VIEW = "view"
    PROJECT = "dbt_project"
    CHANNEL = "alert_channel"
    DAEMON = "daemon"
    WAREHOUSE = "warehouse"


@dataclass(frozen=True, slots=True)
class HealthIssue:
    """Something that is wrong with one table, view, source, dbt project or alert channel."""

    id: str
    name: str
    type: str
    """An `IssueType`."""
    kind: IssueKind
    error: str
    """The cause in words."""
    way_out: str
    since: datetime | None
    """When it began: the first failure, not the latest."""
    source_type: str | None = None
    root: str | None = None
    """Name of the table or view whose issue causes this one; None when this is the root."""
    blocks: tuple[str, ...] = ()
    """Names of everything downstream that cannot be fresh before this is mended."""
    source: str | None = None
    """The source's slug, where it is about a source or a table of one."""
    tables: tuple[str, ...] = ()
    """The tables and views that are in trouble for it, where it is about what they have in common."""
    is_retrying: bool = False
    """The next attempt runs or is about to begin: it may mend itself in a moment."""
    cause: str = ""
    """What the cause is without the times in `error`: another one means that something else went wrong."""

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def subject(self) -> str:
        """Names what it is about for good: type and id."""
        return f"{_SUBJECTS.get(self.type, self.type)}:{self.id}"


_SUBJECTS = {IssueType.MATERIALIZED.value: "view"}
"""A view stays the same one when it becomes materialized."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known about one synced table or view, as health needs it."""

    id: str
    name: str
    is_view: bool = False
    is_active: bool = True
    """It should run by itself: a table whose sync is on, a materialized view."""
    frequency: Frequency | None = None
    status: TableStatus = TableStatus.NEVER_RUN
    created_at: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    error: str | None = None
    is_missing: bool = False
    source_type: str | None = None
    source_id: str = ""
    source: str = ""
    """The source's slug."""
    at_source: str = ""
    """What the table is called there."""
    failed_checks: tuple[CheckResult, ...] = ()
    last_job: Job | None = None
    """Its newest attempt, where it is in trouble; None when none was ever started."""
    reconciliation: Reconciliation | None = None
    drift: tuple[SchemaChange, ...] = ()
    """Changes of its shape that somebody has to look at."""
    detects_deletes: bool = False
    suspended_at: datetime | None = None
    failures: int = 0
    """How many runs failed in a row, where that is counted."""
    effective: Frequency | None = None
    """How often it has to run for a freshness target above it, where that is more often than its own setting."""
    cadence_for: str = ""
    """The view whose target that is."""
    target: Frequency | None = None
    """How old what it shows may get."""

    @property
    def cadence(self) -> Frequency | None:
        """How often it has to run."""
        return self.effective or self.frequency


class HealthEventKind(StrEnum):
    OPENED = "opened"
    CHANGED = "changed"
    """Still open, with another kind or cause."""
    REOPENED = "reopened"
    """It was well for less than the quiet time: the same incident goes on."""
    HEALED = "healed"


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """One line of health's memory."""

    id: int
    incident_id: str
    event: HealthEventKind
    at: datetime
    """When it happened, as exactly as is known."""
    noted_at: datetime
    """When it was noticed."""
    name: str
    type: str
    kind: IssueKind
    error: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """An issue with its memory: from its first failure until it has stayed well for the quiet time."""

    id: str
    project_id: int
    issue: HealthIssue
    """As it was last seen."""
    opened_at: datetime
    """When it began."""
    noted_at: datetime
    """When it was first noticed."""
    healed_at: datetime | None = None
    """Since when it is well; it may still come back as the same incident."""
    closed_at: datetime | None = None
    told_at: datetime | None = None
    """When alerts of it were written down; None while it is waited whether it stays."""
    returns: int = 0
    """How often it came back within the quiet time."""
