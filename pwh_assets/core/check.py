"""Checks: the last answer of one data check on one table or view."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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
