"""Transitions with memory: what opened, changed and healed, when somebody is told, and when it is nobody's business.

The rules, in order:

- An issue opens an incident at once; it is told after `settle`, if it is still there. While its next attempt runs or is
  about to begin, telling waits on, for `patience` at most.
- What heals is told after it stayed well for `quiet`. What comes back before that is the same incident, told once.
- A table whose source became the root, or a view that is now blocked by another root, keeps its incident: it is neither
  told anew nor healed before it is well.
- Blocked views have no incident of their own; the root's lists them.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from pwh_assets.core.alert import AlertChannel, AlertEvent
from pwh_assets.core.health import (
    Fact,
    HealthEvent,
    HealthEventKind,
    HealthIssue,
    Incident,
    IssueKind,
)
from pwh_assets.services.health.answer import Look, look
from pwh_assets.services.health.links import with_link
from pwh_assets.services.platform import Platform
from pwh_assets.store.health import Changes, Memory, Notice, Transition, issue_to_json, new_incident


@dataclass(frozen=True, slots=True)
class Rules:
    """How long things are waited for."""

    settle: timedelta = timedelta(seconds=60)
    quiet: timedelta = timedelta(minutes=5)
    patience: timedelta = timedelta(hours=1)


DEFAULT_RULES = Rules()


def evaluate(
    platform: Platform,
    project_id: int,
    rules: Rules = DEFAULT_RULES,
    now: datetime | None = None,
) -> Changes | None:
    """Look at a project's health and write down what became of it, with the alerts that are due by now.

    Any number of processes may do so at the same time: what one wrote, the next one knows.

    Returns:
        None when a later look than this one is written down already.
    """
    found = look(platform, project_id, now)
    moment = now or found.at

    def decided(memory: Memory) -> Changes:
        changes = decide(memory, project_id=project_id, found=found, now=moment, rules=rules)
        linked = partial(with_link, platform, project_id)
        changes.notices = [replace(one, alert=linked(one.alert)) for one in changes.notices]
        return changes

    return platform.store.remember_health(project_id, moment, decided)


def history(
    platform: Platform, project_id: int, limit: int = 50, name: str | None = None
) -> list[HealthEvent]:
    """What opened, changed and healed, newest first."""
    return platform.store.health_events(project_id, limit, name)


def decide(
    memory: Memory, *, project_id: int, found: Look, now: datetime, rules: Rules = DEFAULT_RULES
) -> Changes:
    """What a look means for what is remembered. Pure, but for the ids of new incidents."""
    changes = Changes()
    roots = {issue.subject: issue for issue in found.issues if issue.kind is not IssueKind.BLOCKED}
    covered = {name for issue in found.issues for name in issue.tables} | {
        issue.name for issue in found.issues if issue.kind is IssueKind.BLOCKED
    }
    mended = {_subject(fact): fact.succeeded_at for fact in found.facts.values()}
    for incident in memory.incidents:
        issue = roots.pop(incident.issue.subject, None)
        if issue is not None:
            after, is_news = _goes_on(incident, issue, now, changes)
            after = _told(after, memory, now, rules, changes, is_news)
        elif incident.issue.name in covered and _is_in_graph(incident.issue):
            after = replace(incident, healed_at=None) if incident.healed_at else incident
        else:
            after = _well(incident, mended.get(incident.issue.subject), now, rules, changes)
            if after.closed_at and after.told_at:
                changes.notices += _notices(after, memory, AlertEvent.HEALED)
        if after != incident:
            changes.changed.append(after)
    for issue in roots.values():
        incident = new_incident(project_id, issue, now)
        changes.events.append(Transition(HealthEventKind.OPENED, incident, incident.opened_at))
        changes.opened.append(_told(incident, memory, now, rules, changes))
    return changes


def _goes_on(
    incident: Incident, issue: HealthIssue, now: datetime, changes: Changes
) -> tuple[Incident, bool]:
    before = incident.issue
    after = replace(incident, issue=issue)
    if incident.healed_at is not None:
        after = replace(after, healed_at=None, returns=incident.returns + 1)
        at = issue.since if issue.since and issue.since > incident.healed_at else now
        changes.events.append(Transition(HealthEventKind.REOPENED, after, at))
    is_news = before.kind is not issue.kind
    if is_news or before.cause != issue.cause:
        changes.events.append(Transition(HealthEventKind.CHANGED, after, now))
    return after, is_news


def _well(
    incident: Incident,
    succeeded_at: datetime | None,
    now: datetime,
    rules: Rules,
    changes: Changes,
) -> Incident:
    if incident.healed_at is None:
        at = now
        if succeeded_at is not None and incident.opened_at < succeeded_at <= now:
            at = succeeded_at
        after = replace(incident, healed_at=at)
        changes.events.append(Transition(HealthEventKind.HEALED, after, at))
    else:
        after = incident
    if after.healed_at is not None and now - after.healed_at >= rules.quiet:
        after = replace(after, closed_at=now)
    return after


def _told(
    incident: Incident,
    memory: Memory,
    now: datetime,
    rules: Rules,
    changes: Changes,
    is_news: bool = False,
) -> Incident:
    waited = now - incident.noted_at
    if incident.told_at is None:
        if waited < rules.settle or (incident.issue.is_retrying and waited < rules.patience):
            return incident
        incident = replace(incident, told_at=now)
    elif not is_news:
        return incident
    changes.notices += _notices(incident, memory, AlertEvent.BROKE)
    return incident


def _notices(incident: Incident, memory: Memory, event: AlertEvent) -> list[Notice]:
    """Who is told: of the beginning those that ask for it and were not; of the end those that were."""
    alert = {
        "event": event.value,
        "incident_id": incident.id,
        "opened_at": incident.opened_at.isoformat(),
        "healed_at": incident.healed_at.isoformat() if incident.healed_at else None,
        "returns": incident.returns,
        "issue": {**issue_to_json(incident.issue), "severity": incident.issue.severity.value},
    }
    return [
        Notice(channel.id, incident.id, event, alert)
        for channel in memory.channels
        if ((channel.id, incident.id) in memory.told) is (event is AlertEvent.HEALED)
        and (event is AlertEvent.HEALED or _asks(channel, incident.issue))
    ]


def _asks(channel: AlertChannel, issue: HealthIssue) -> bool:
    """A channel is never told of itself."""
    return channel.id != issue.id and channel.filters.matches(issue)


def _is_in_graph(issue: HealthIssue) -> bool:
    return issue.kind not in _OF_MANY


_OF_MANY = frozenset((IssueKind.SOURCE, IssueKind.CHANNEL, IssueKind.DAEMON, IssueKind.WAREHOUSE))


def _subject(fact: Fact) -> str:
    return f"{'view' if fact.is_view else 'external_data_sync'}:{fact.id}"
