"""The answer to `what is wrong now`: facts from the store, judged, with what the memory knows of their beginning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pwh_assets.core.alert import AlertChannel
from pwh_assets.core.check import CheckResult
from pwh_assets.core.health import Fact, HealthIssue, Incident, IssueKind, IssueType
from pwh_assets.core.source import TableStatus
from pwh_assets.services.dbt_project.issues import project_issues
from pwh_assets.services.freshness.beat import ALIVE_WITHIN, read_heartbeat
from pwh_assets.services.freshness.project import project_plan
from pwh_assets.services.health.definitions import verify_definitions
from pwh_assets.services.health.diagnosis import diagnose
from pwh_assets.services.health.grouping import Away
from pwh_assets.services.health.troubles import unstarted
from pwh_assets.services.lineage.graph import PRODUCT_TABLES, project_graph
from pwh_assets.services.platform import Platform

FAILING_AFTER = 3
"""An alert channel is an issue after so many failed attempts in a row."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a project's health."""

    at: datetime
    """The moment before the facts were read."""
    issues: tuple[HealthIssue, ...]
    facts: Mapping[str, Fact]


def health(platform: Platform, project_id: int, now: datetime | None = None) -> list[HealthIssue]:
    """All open issues of a project, what blocks most first, each blocked view after the roots."""
    found = look(platform, project_id, now).issues
    known = {one.issue.subject: one for one in platform.store.open_incidents(project_id)}
    return [_since_the_first(issue, known.get(issue.subject)) for issue in found]


def look(platform: Platform, project_id: int, now: datetime | None = None) -> Look:
    """Issues and facts, without what is remembered."""
    at = datetime.now(UTC)
    now = now or at
    graph = project_graph(platform, project_id)
    verify_definitions(platform, project_id)
    facts = facts_of(platform, project_id, now)
    found = diagnose(graph, facts, now, _away(platform, now))
    if platform.store.streams(project_id):
        from pwh_assets.services.changes.care import stream_issues

        found += stream_issues(platform, project_id)
    found += project_issues(platform, project_id)
    found += channel_issues(platform.store.channels(project_id))
    return Look(at, tuple(found), facts)


def facts_of(platform: Platform, project_id: int, now: datetime) -> dict[str, Fact]:
    """What health needs to know of every table and view, by name. Details are read only of those in trouble."""
    store = platform.store
    checks, changes = store.failed_checks(project_id), store.open_changes(project_id)
    counted = store.mismatches(project_id)
    facts = [*store.table_facts(project_id), *store.view_facts(project_id)]
    facts += _product_facts(checks, facts)
    if any(fact.target for fact in facts):
        facts = _with_cadences(platform, project_id, facts)
    jobs = store.newest_jobs([fact.id for fact in facts if _needs_job(fact, now)])
    found = {}
    for fact in facts:
        more: dict[str, Any] = {}
        if fact.id in checks:
            more["failed_checks"] = tuple(checks[fact.id])
        if fact.id in changes:
            more["drift"] = tuple(changes[fact.id])
        if fact.id in counted:
            more["reconciliation"], more["detects_deletes"] = counted[fact.id]
        if fact.id in jobs:
            more["last_job"] = jobs[fact.id]
        found[fact.name] = replace(fact, **more) if more else fact
    return found


def channel_issues(channels: Sequence[AlertChannel]) -> list[HealthIssue]:
    """Channels whose last attempts all failed."""
    return [
        HealthIssue(
            id=channel.id,
            name=channel.name,
            type=IssueType.CHANNEL.value,
            kind=IssueKind.CHANNEL,
            error=f"The last {channel.failures} attempts to send alerts failed. {channel.latest_error or ''}".strip(),
            way_out=f"Mend the address, try it with `pwh alert test {channel.name}`, then "
            "`pwh alert retry` sends what did not arrive.",
            since=channel.failing_since,
            cause=channel.latest_error or "",
        )
        for channel in channels
        if channel.failures >= FAILING_AFTER
    ]


def data_health_issues(
    platform: Platform, project_id: int, now: datetime | None = None
) -> dict[str, Any]:
    """Health in PostHog's shape, newest first: `results` and `count`, each result with our own fields beside theirs."""
    oldest = datetime.min.replace(tzinfo=UTC)
    found = health(platform, project_id, now)
    found.sort(key=lambda issue: issue.name)
    found.sort(key=lambda issue: issue.since or oldest, reverse=True)
    return {
        "results": [_in_posthogs_shape(issue, project_id) for issue in found],
        "count": len(found),
    }


def _in_posthogs_shape(issue: HealthIssue, project_id: int) -> dict[str, Any]:
    return {
        "id": issue.id,
        "name": issue.name,
        "type": _TYPES.get(issue.type, issue.type),
        "source_type": issue.source_type,
        "status": _STATUSES.get(issue.kind, "degraded"),
        "error": issue.error,
        "failed_at": issue.since,
        "url": _url(issue, project_id),
        "kind": issue.kind.value,
        "severity": issue.severity.value,
        "root": issue.root,
        "blocks": list(issue.blocks),
        "tables": list(issue.tables),
        "source": issue.source,
        "way_out": issue.way_out,
        "is_retrying": issue.is_retrying,
    }


_STATUSES: Mapping[IssueKind, str] = {
    IssueKind.FAILED: "failed",
    IssueKind.NEVER_RAN: "failed",
    IssueKind.MISSING: "failed",
    IssueKind.DEFINITION: "failed",
    IssueKind.SOURCE: "failed",
    IssueKind.PROJECT: "failed",
    IssueKind.CHANNEL: "failed",
    IssueKind.DAEMON: "failed",
    IssueKind.WAREHOUSE: "failed",
    IssueKind.BILLING_LIMIT: "billing_limit",
    IssueKind.BILLING_LIMIT_TOO_LOW: "billing_limit",
    IssueKind.PAUSED: "disabled",
    IssueKind.SUSPENDED: "disabled",
}
"""PostHog's word for each kind; `degraded` for the others: rows are there, and not what they should be."""
_TYPES = {IssueType.PROJECT.value: "transformation", IssueType.CHANNEL.value: "destination"}
"""PostHog's word, where it is another one."""
_PLACES = {
    IssueType.TABLE.value: "external_data_schemas",
    IssueType.SOURCE.value: "external_data_sources",
    IssueType.MATERIALIZED.value: "warehouse_saved_queries",
    IssueType.VIEW.value: "warehouse_saved_queries",
}


def _url(issue: HealthIssue, project_id: int) -> str | None:
    place = _PLACES.get(issue.type)
    return f"/api/projects/{project_id}/{place}/{issue.id}/" if place else None


def _needs_job(fact: Fact, now: datetime) -> bool:
    """Whether its newest run says more than the table or view itself does."""
    if not fact.is_active or fact.status in (
        TableStatus.BILLING_LIMIT_REACHED,
        TableStatus.BILLING_LIMIT_TOO_LOW,
    ):
        return False
    if fact.status is TableStatus.FAILED or fact.failed_at is not None or fact.succeeded_at is None:
        return True
    cadence = fact.cadence
    if cadence is None or cadence.is_never:
        return False
    return unstarted(fact, now) is not None or fact.succeeded_at + cadence.fresh_for < now


def _product_facts(checks: Mapping[str, list[CheckResult]], known: Sequence[Fact]) -> list[Fact]:
    """Product tables that something is checked of; nothing runs them, so nothing else can be wrong."""
    names = {fact.name for fact in known}
    return [
        Fact(id=name, name=name, status=TableStatus.COMPLETED)
        for name in checks
        if name in PRODUCT_TABLES and name not in names
    ]


def _with_cadences(platform: Platform, project_id: int, facts: Sequence[Fact]) -> list[Fact]:
    plan = project_plan(platform, project_id)
    found = []
    for fact in facts:
        effective = plan.effective(fact.name)
        if effective is not None and effective != fact.frequency:
            whose = plan.because.get(fact.name, "")
            fact = replace(fact, effective=effective, cadence_for=whose)
        found.append(fact)
    return found


def _away(platform: Platform, now: datetime) -> Away | None:
    """Since when the daemon is not there; None while it is, or when nobody ever saw it on this home."""
    beat = read_heartbeat(platform.settings)
    if beat.seen_at is None or beat.is_alive(now) or now - beat.seen_at <= ALIVE_WITHIN + _BLINK:
        return None
    return Away(beat.seen_at)


_BLINK = timedelta(minutes=1)


def _since_the_first(issue: HealthIssue, incident: Incident | None) -> HealthIssue:
    """With the moment it began, where facts know only when it was last seen."""
    if incident is None or incident.issue.kind is not issue.kind:
        return issue
    if issue.since is not None and issue.since <= incident.opened_at:
        return issue
    return replace(issue, since=incident.opened_at)
