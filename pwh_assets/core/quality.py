"""Quality checks: what people declare about a table's rows, and every answer it got."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import Frequency


class Severity(StrEnum):
    ERROR = "error"
    """Rows that fail it are not good enough: a view's new rows are not published, readers of a table wait."""
    WARN = "warn"
    """Worth a look; nothing waits for it."""


class CheckState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    """It cannot be computed: a column or table it names is gone, or the engine gave up."""


class CheckTrigger(StrEnum):
    """What made a check run."""

    MANUAL = "manual"
    SYNC = "sync"
    BUILD = "build"
    """On a view's new rows, before readers see them."""
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """What somebody declared about a table or view. Names are unique per table."""

    id: str
    project_id: int
    subject_id: str
    """Id of the synced table or saved query; the name of a product table."""
    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the kind needs to know, in plain JSON values."""
    severity: Severity = Severity.ERROR
    where: str = ""
    """A HogQL condition; only rows that meet it are checked."""
    description: str = ""
    frequency: Frequency | None = None
    """How often it runs by itself, beside the syncs and builds of its table."""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_blocking(self) -> bool:
        return self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One answer of one check. `details` are plain JSON values, without credentials."""

    id: str
    project_id: int
    subject_id: str
    name: str
    kind: str
    state: CheckState
    severity: Severity
    trigger: CheckTrigger
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    failing_rows: int | None = None
    """Rows that fail it, where the kind counts rows."""
    run_id: str | None = None
    duration_s: float = 0.0

    @property
    def passed(self) -> bool:
        return self.state is CheckState.PASSED

    @property
    def message(self) -> str:
        """What was found, as a sentence."""
        return str(self.details.get("message", ""))

    @property
    def result(self) -> CheckResult:
        """As the latest result of its table or view."""
        return CheckResult(
            self.project_id,
            self.subject_id,
            self.name,
            self.passed,
            self.severity.value,
            self.details,
            self.at,
        )
