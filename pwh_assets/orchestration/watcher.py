"""What a run tells whoever started it in this process; a run that Dagster started tells nobody."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pwh_assets.core.check import CheckResult
from pwh_assets.core.job import SyncResult
from pwh_assets.core.source import SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import PwhError

if TYPE_CHECKING:
    from pwh_assets.services.views.saved import ViewResult

Subject = SyncedTable | SavedQuery


def name_of(subject: Subject) -> str:
    """Its HogQL name."""
    return subject.table_name if isinstance(subject, SyncedTable) else subject.name


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a table or view was not made. `text` is a sentence without credentials."""

    text: str
    code: str = "internal"

    @classmethod
    def of(cls, error: BaseException) -> "Trouble":
        """An error of ours speaks for itself; any other could say too much, so only its kind is told."""
        if isinstance(error, PwhError):
            return cls(error.sentence, error.code)
        return cls(
            f"It failed inside PWH ({type(error).__name__}); the process's log has the traceback."
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one table or view went: `result` when it landed, `trouble` when it did not."""

    subject: Subject
    run_id: str
    result: "SyncResult | ViewResult | None" = None
    trouble: Trouble | None = None
    failed_checks: tuple[CheckResult, ...] = ()

    @property
    def name(self) -> str:
        """Its HogQL name."""
        return name_of(self.subject)


@dataclass
class Watcher:
    """Collects outcomes. Subclass it to hear of progress while it happens."""

    outcomes: list[Outcome] = field(default_factory=list)

    def started(self, subject: Subject) -> None:
        """A table or view is about to be made."""

    def progressed(self, subject: Subject, progress: Any) -> None:
        """`services.sync.Progress` of a table being synced."""

    def retrying(self, subject: Subject, error: PwhError, attempt: int, wait_s: float) -> None:
        """An attempt failed and another follows after the wait."""

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
