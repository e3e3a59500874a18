"""Health's memory: incidents, what happened to them, and who looks after it."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.alert import AlertChannel, AlertEvent
from pwh_assets.core.health import HealthEvent, HealthEventKind, HealthIssue, Incident, IssueKind
from pwh_assets.store import models
from pwh_assets.store.alerts import add_deliveries, live_channels
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now

KEEP_DAYS = 180
"""Closed incidents and their events are forgotten after this long."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a project's health when new facts come in."""

    incidents: tuple[Incident, ...]
    """Those that are not closed."""
    channels: tuple[AlertChannel, ...] = ()
    told: frozenset[tuple[str, str]] = frozenset()
    """Channel and incident, where an alert of it was written down and can still arrive or did."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that happened to an incident."""

    event: HealthEventKind
    incident: Incident
    at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One channel is to be told of one incident."""

    channel_id: str
    incident_id: str
    event: AlertEvent
    alert: Mapping[str, Any]


@dataclass(slots=True)
class Changes:
    """What new facts mean for the memory: written down together or not at all."""

    opened: list[Incident] = field(default_factory=list)
    changed: list[Incident] = field(default_factory=list)
    events: list[Transition] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.notices)


class Health(StorePart):
    def hold_health(self, project_id: int, holder: str, for_s: float) -> bool:
        """Be the one who looks after a project's health for a while; False while somebody else is."""
        marks, now = models.health_marks, utc_now()
        until = now + timedelta(seconds=for_s)
        with self._db.write() as connection:
            self._mark(connection, project_id)
            free = sa.or_(marks.c.holder.in_((holder, "")), marks.c.held_until < now)
            taken = connection.execute(
                sa.update(marks)
                .where(marks.c.project_id == project_id, free)
                .values(holder=holder, held_until=until)
            )
            return bool(taken.rowcount)

    def release_health(self, project_id: int, holder: str) -> None:
        """Let somebody else look after it at once."""
        marks = models.health_marks
        with self._db.write() as connection:
            connection.execute(
                sa.update(marks)
                .where(marks.c.project_id == project_id, marks.c.holder == holder)
                .values(holder="", held_until=utc_now())
            )

    def remember_health(
        self, project_id: int, at: datetime, decide: Callable[[Memory], Changes]
    ) -> Changes | None:
        """Write down what facts of the moment `at` mean. Two at once take turns, and both see what the other wrote.

        Returns:
            None when facts of a later moment are remembered already: nothing was changed.
        """
        with self._db.read() as connection:
            if not decide(self._memory(connection, project_id)):
                return Changes()
        marks = models.health_marks
        with self._db.write() as connection:
            self._mark(connection, project_id)
            mark = connection.execute(
                sa.select(marks).where(marks.c.project_id == project_id).with_for_update()
            ).one()
            if mark.evaluated_at is not None and mark.evaluated_at > at:
                return None
            changes = decide(self._memory(connection, project_id))
            _apply(connection, project_id, at, changes)
            connection.execute(
                sa.update(marks).where(marks.c.project_id == project_id).values(evaluated_at=at)
            )
        return changes

    def open_incidents(self, project_id: int) -> list[Incident]:
        """Those that are not closed, oldest first; one that is well for a moment has `healed_at`."""
        with self._db.read() as connection:
            return _open(connection, project_id)

    def health_events(
        self, project_id: int, limit: int = 50, name: str | None = None
    ) -> list[HealthEvent]:
        """What happened, newest first; with `name` only to that table, view, source or channel."""
        events = models.health_events
        query = sa.select(events).where(events.c.project_id == project_id)
        if name is not None:
            query = query.where(sa.func.lower(events.c.name) == name.lower())
        query = query.order_by(events.c.noted_at.desc(), events.c.id.desc()).limit(limit)
        with self._db.read() as connection:
            return [
                HealthEvent(
                    id=row.id,
                    incident_id=row.incident_id,
                    event=HealthEventKind(row.event),
                    at=row.at,
                    noted_at=row.noted_at,
                    name=row.name,
                    type=row.type,
                    kind=IssueKind(row.kind),
                    error=row.error,
                    source=row.source,
                )
                for row in connection.execute(query)
            ]

    def forget_health(self, keep_days: float = KEEP_DAYS) -> int:
        """Delete incidents closed longer ago, with their events and what was told of them; how many incidents."""
        incidents, before = models.health_incidents, utc_now() - timedelta(days=keep_days)
        old = sa.select(incidents.c.id).where(incidents.c.closed_at < before)
        deliveries = models.alert_deliveries
        with self._db.write() as connection:
            for table in (models.health_events, deliveries):
                connection.execute(sa.delete(table).where(table.c.incident_id.in_(old)))
            tests = sa.and_(deliveries.c.incident_id.is_(None), deliveries.c.created_at < before)
            connection.execute(sa.delete(deliveries).where(tests))
            gone = connection.execute(sa.delete(incidents).where(incidents.c.closed_at < before))
            return int(gone.rowcount)

    def _memory(self, connection: sa.Connection, project_id: int) -> Memory:
        incidents = _open(connection, project_id)
        channels = live_channels(connection, project_id)
        if not channels or not incidents:
            return Memory(tuple(incidents), tuple(channels))
        deliveries = models.alert_deliveries
        query = sa.select(deliveries.c.channel_id, deliveries.c.incident_id).where(
            deliveries.c.project_id == project_id,
            deliveries.c.event == AlertEvent.BROKE.value,
            deliveries.c.incident_id.in_(_open_ids(project_id)),
        )
        told = frozenset((row.channel_id, row.incident_id) for row in connection.execute(query))
        return Memory(tuple(incidents), tuple(channels), told)

    def _mark(self, connection: sa.Connection, project_id: int) -> None:
        marks, now = models.health_marks, utc_now()
        if connection.execute(
            sa.select(marks.c.project_id).filter_by(project_id=project_id)
        ).first():
            return
        from sqlalchemy.dialects import postgresql, sqlite

        insert = sqlite.insert(marks) if self._db.is_sqlite else postgresql.insert(marks)
        values = {"project_id": project_id, "holder": "", "held_until": now}
        connection.execute(insert.values(**values).on_conflict_do_nothing())


def _open_ids(project_id: int) -> Any:
    incidents = models.health_incidents
    return sa.select(incidents.c.id).where(
        incidents.c.project_id == project_id, incidents.c.closed_at.is_(None)
    )


def _open(connection: sa.Connection, project_id: int) -> list[Incident]:
    incidents = models.health_incidents
    query = (
        sa.select(incidents)
        .where(incidents.c.project_id == project_id, incidents.c.closed_at.is_(None))
        .order_by(incidents.c.opened_at, incidents.c.id)
    )
    return [_incident(row) for row in connection.execute(query)]


def _apply(
    connection: sa.Connection, project_id: int, noted_at: datetime, changes: Changes
) -> None:
    incidents = models.health_incidents
    if changes.opened:
        rows = [{"id": one.id, "project_id": project_id, **_row(one)} for one in changes.opened]
        connection.execute(incidents.insert(), rows)
    for one in changes.changed:
        connection.execute(sa.update(incidents).where(incidents.c.id == one.id).values(**_row(one)))
    if changes.events:
        connection.execute(
            models.health_events.insert(),
            [
                {
                    "project_id": project_id,
                    "incident_id": each.incident.id,
                    "event": each.event.value,
                    "at": each.at,
                    "noted_at": noted_at,
                    "name": each.incident.issue.name,
                    "type": each.incident.issue.type,
                    "kind": each.incident.issue.kind.value,
                    "error": each.incident.issue.error,
                    "source": each.incident.issue.source,
                }
                for each in changes.events
            ],
        )
    add_deliveries(
        connection,
        project_id,
        [(n.channel_id, n.incident_id, n.event, n.alert) for n in changes.notices],
    )


def new_incident(project_id: int, issue: HealthIssue, now: datetime) -> Incident:
    """An incident that begins with this issue, noticed now."""
    return Incident(str(uuid.uuid4()), project_id, issue, issue.since or now, now)


def _row(one: Incident) -> dict[str, Any]:
    return {
        "subject": one.issue.subject,
        "issue": issue_to_json(one.issue),
        "opened_at": one.opened_at,
        "noted_at": one.noted_at,
        "healed_at": one.healed_at,
        "closed_at": one.closed_at,
        "told_at": one.told_at,
        "returns": one.returns,
    }


def _incident(row: sa.Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        project_id=row.project_id,
        issue=_issue_from_json(row.issue),
        opened_at=row.opened_at,
        noted_at=row.noted_at,
        healed_at=row.healed_at,
        closed_at=row.closed_at,
        told_at=row.told_at,
        returns=row.returns,
    )


def issue_to_json(issue: HealthIssue) -> dict[str, Any]:
    since = issue.since.isoformat() if issue.since else None
    return {**asdict(issue), "kind": issue.kind.value, "since": since}


def _issue_from_json(values: Mapping[str, Any]) -> HealthIssue:
    since = datetime.fromisoformat(values["since"]) if values["since"] else None
    names: Sequence[str] = ("blocks", "tables")
    lists = {name: tuple(values[name]) for name in names}
    return replace(
        HealthIssue(**{**values, **lists, "kind": IssueKind(values["kind"])}), since=since
    )
