"""Alerts: who wants to be told of which health issues, and what is on its way to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from pwh_assets.core.health import HealthIssue, Severity


class ChannelKind(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which issues a channel is told of; an empty field leaves everything through."""

    min_severity: Severity = Severity.ERROR
    kinds: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Slugs of sources."""
    names: tuple[str, ...] = ()
    """Patterns such as `stripe_*`, of the root or of anything it blocks, in any case of letters."""

    def matches(self, issue: HealthIssue) -> bool:
        if self.min_severity is Severity.ERROR and issue.severity is not Severity.ERROR:
            return False
        if self.kinds and issue.kind.value not in self.kinds:
            return False
        if self.sources and issue.source not in self.sources:
            return False
        return not self.names or any(
            fnmatchcase(name.lower(), pattern.lower())
            for name in (issue.name, *issue.tables, *issue.blocks)
            for pattern in self.names
        )


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """Somebody who is told. `config` holds no secret: an address that holds one is shown by its host alone."""

    id: str
    project_id: int
    name: str
    kind: ChannelKind
    config: Mapping[str, Any] = field(default_factory=dict)
    filters: AlertFilter = AlertFilter()
    created_at: datetime | None = None
    failing_since: datetime | None = None
    """When the first of the failures in a row happened; None while alerts arrive."""
    failures: int = 0
    latest_error: str | None = None


class AlertEvent(StrEnum):
    BROKE = "broke"
    HEALED = "healed"
    TEST = "test"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Every attempt failed; it is kept and can be sent again."""
    DROPPED = "dropped"
    """Nobody needs it any more: its channel was removed, or it tells the end of what was never told."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert on its way to one channel. Its id is the same in every attempt, so that a receiver can tell a repeat."""

    id: str
    project_id: int
    channel_id: str
    channel: str
    """Its name."""
    event: AlertEvent
    alert: Mapping[str, Any]
    """What is told, fixed when it was written down."""
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    next_at: datetime
    incident_id: str | None = None
    delivered_at: datetime | None = None
    latest_error: str | None = None
