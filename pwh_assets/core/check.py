"""Checks: the last answer of one data check on one table or view."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FAILING_SINCE = "failing_since"
"""In `details` of a result that did not pass: the moment of the first one since the last that did."""

TEXT_FITS = "text_fits"
"""The check that a plain view's text compiles against what it reads; health keeps it."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`details` says what was found, in plain JSON values; it never holds a credential."""

    project_id: int
    subject_id: str
    """Id of the synced table or the saved query."""
    name: str
    passed: bool
    severity: str = "error"
    """`error` or `warn`."""
    details: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None

    @property
    def failing_since(self) -> datetime | None:
        """Since when it does not pass; the moment of this answer where that is not known."""
        text = self.details.get(FAILING_SINCE)
        return datetime.fromisoformat(text) if isinstance(text, str) else self.at
