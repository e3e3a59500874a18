"""What is wrong, why, since when, what it holds up and the way out: one walk over graph and facts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.health import HealthIssue, IssueKind
from pwh_assets.core.job import Job, JobStatus, Reconciliation, ReconciliationStatus, SchemaChange
from pwh_assets.core.source import SyncedTable, TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import quoted
from pwh_assets.services.change_care import stream_issues
from pwh_assets.services.contracts import explain
from pwh_assets.services.drift import in_words
from pwh_assets.services.graph import Graph, project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.reconciliation import way_out


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
    failed_checks: tuple[CheckResult, ...] = ()
    last_job: Job | None = None
    """Its newest attempt; None when none was ever started."""
    reconciliation: Reconciliation | None = None
    drift: tuple[SchemaChange, ...] = ()
    """Changes of its shape that somebody has to look at."""
    detects_deletes: bool = False


class _Trouble(NamedTuple):
    kind: IssueKind
    error: str
    way_out: str
    since: datetime | None


def health(platform: Platform, project_id: int, now: datetime | None = None) -> list[HealthIssue]:
    """All open issues of a project, what blocks most first, each blocked view after the roots."""
    graph = project_graph(platform, project_id)
    store = platform.store
    checks: dict[str, list[CheckResult]] = {}
    for check in store.latest_checks(project_id):
        if not check.passed and check.severity == "error":
            checks.setdefault(check.subject_id, []).append(check)
    jobs, counted = store.last_attempts(project_id), store.reconciliations(project_id)
    changes = store.open_changes(project_id)
    tables = [
        replace(
            table_fact(table, checks),
            last_job=jobs.get(table.id),
            reconciliation=counted.get(table.id),
            drift=tuple(changes.get(table.id, ())),
        )
        for table in store.tables(project_id)
    ]
    facts = {
        fact.name: fact
        for fact in (
            *tables,
            *(view_fact(view, checks) for view in store.views(project_id)),
        )
    }
    found = diagnose(graph, facts, now or datetime.now(UTC))
    return [*found, *stream_issues(platform, project_id)]


def table_fact(table: SyncedTable, checks: Mapping[str, list[CheckResult]]) -> Fact:
    return Fact(
        id=table.id,
        name=table.table_name,
        is_active=table.should_sync,
        frequency=table.frequency,
        status=table.status,
        created_at=table.created_at,
        succeeded_at=table.last_synced_at,
        failed_at=table.failed_at,
        error=table.latest_error,
        is_missing=table.is_missing,
        source_type=table.source.source_type,
        source_id=table.source.id,
        failed_checks=tuple(checks.get(table.id, ())),
        detects_deletes=table.options.detect_deletes,
    )


def view_fact(view: SavedQuery, checks: Mapping[str, list[CheckResult]]) -> Fact:
    return Fact(
        id=view.id,
        name=view.name,
        is_view=True,
        is_active=view.is_materialized,
        frequency=view.frequency,
        status=view.status,
        created_at=view.updated_at or view.created_at,
        succeeded_at=view.last_run_at,
        failed_at=view.failed_at,
        error=view.latest_error,
        failed_checks=tuple(checks.get(view.id, ())),
    )


def diagnose(graph: Graph, facts: Mapping[str, Fact], now: datetime) -> list[HealthIssue]:
    """Issues of these facts. Pure: the same graph, facts and moment give the same answer.

    A view that is late because something upstream is in trouble is `blocked` and names that root; one
    that was in trouble before, or failed by itself, is a root of its own.
    """
    troubles: dict[str, _Trouble] = {}
    waits: dict[str, dict[str, None]] = {}
    blocks: dict[str, list[str]] = {}
    for name in graph.order:
        roots: dict[str, None] = {}
        for above in graph.inputs.get(name, ()):
            if above in troubles:
                roots[above] = None
            roots.update(waits.get(above, {}))
        fact = facts.get(name)
        own = _own_trouble(graph, fact, now) if fact else None
        if own and not (roots and _follows(own, roots, troubles, facts)):
            troubles[name] = own
        if roots:
            waits[name] = roots
            for root in roots if fact else ():
                blocks.setdefault(root, []).append(name)
    found = [
        _issue(facts[name], trouble, blocks=tuple(sorted(blocks.get(name, ()))))
        for name, trouble in troubles.items()
    ]
    found.sort(key=lambda issue: (-len(issue.blocks), issue.name))
    for name, roots_of in sorted(waits.items()):
        fact = facts.get(name)
        if fact and fact.is_view and fact.is_active and name not in troubles:
            found.append(_blocked(fact, roots_of, troubles))
    return found


def _own_trouble(graph: Graph, fact: Fact, now: datetime) -> _Trouble | None:
    if fact.is_view and (lost := graph.missing.get(fact.name)):
        return _Trouble(
            IssueKind.FAILED,
            f"Its text reads {quoted(lost)}, which does not exist any more.",
            f"Bring it back, or edit the view: `pwh view create {fact.name} SQL`.",
            fact.failed_at,
        )
    if not fact.is_active:
        return _paused(graph, fact)
    if fact.is_missing:
        return _Trouble(
            IssueKind.MISSING,
            "The source does not have this table any more; the last synced rows are kept.",
            f"When it is back, run `pwh source refresh {fact.source_id}`; else turn its sync off.",
            fact.failed_at or fact.succeeded_at,
        )
    if fact.status is TableStatus.PAUSED:
        return _paused(graph, fact)
    if fact.status in _LIMITED:
        return _Trouble(
            IssueKind.BILLING_LIMIT,
            fact.error or "The project's row limit keeps it from syncing.",
            "Raise the limit with `pwh usage --limit ROWS`, or turn off syncs you can do without; else it goes on by "
            "itself when the next month begins.",
            fact.failed_at,
        )
    if failed := _failed(fact, now):
        return failed
    if fact.failed_checks:
        first = min(fact.failed_checks, key=lambda check: (check.at or now, check.name))
        names = quoted([check.name for check in fact.failed_checks])
        return _Trouble(
            IssueKind.CHECK_FAILED,
            _said(first, fact.name) or f"{names} did not pass.",
            f"Look at the rows, mend them at the source, then {_again(fact)}.",
            first.at,
        )
    return _late(fact, now) or _differs(fact) or _drifted(fact)


def _differs(fact: Fact) -> _Trouble | None:
    found = fact.reconciliation
    if found is None or found.status is not ReconciliationStatus.MISMATCHED:
        return None
    upto = f" up to {found.bound}" if found.bound else ""
    return _Trouble(
        IssueKind.MISMATCH,
        f"The source has {found.source_rows:,} rows{upto}, the lake {found.target_rows:,}. {found.cause}",
        way_out(fact.name, found, fact.detects_deletes),
        found.at,
    )


def _drifted(fact: Fact) -> _Trouble | None:
    if not fact.drift:
        return None
    words = "; ".join(
        f"{in_words(change)}: {change.note}".rstrip(": ") for change in fact.drift[:3]
    )
    return _Trouble(
        IssueKind.DRIFT,
        words,
        f"Look at the source; when this is right, say so: `pwh source drift {fact.name} --accept`.",
        fact.drift[0].at,
    )


def _said(check: CheckResult, name: str) -> str:
    """What the check found, in words; empty when it left none."""
    if check.details.get("message"):
        return f"`{check.name}` did not pass: {str(check.details['message']).rstrip('.')}."
    if check.details.keys() & {"problems", "null_keys", "duplicated_keys"}:
        return explain(check, name)
    return ""


def _failed(fact: Fact, now: datetime) -> _Trouble | None:
    is_retrying = fact.status is TableStatus.RUNNING and fact.failed_at is not None
    if is_retrying and fact.succeeded_at and fact.failed_at and fact.failed_at <= fact.succeeded_at:
        is_retrying = False
    if fact.status is not TableStatus.FAILED and not is_retrying:
        return None
    words = fact.error or "The last run failed and left no reason."
    job = fact.last_job
    if is_retrying:
        number = f" (attempt {job.attempt})" if job and job.attempt > 1 else ""
        words = f"{words} It is being tried again now{number}."
    elif job and job.retry_at and job.retry_at + _RETRY_GRACE > now:
        words = (
            f"{words} Attempt {job.attempt} failed; the next begins at {job.retry_at:%H:%M:%S} UTC."
        )
    return _Trouble(
        IssueKind.FAILED,
        words,
        f"Mend the cause, then {_again(fact)}.",
        fact.failed_at,
    )


def _late(fact: Fact, now: datetime) -> _Trouble | None:
    if fact.frequency is None or fact.frequency.is_never:
        return None
    every, daemon = fact.frequency.name, "See that `pwh up` (or Dagster's daemon) is running"
    if fact.succeeded_at is None:
        if fact.created_at is None or fact.created_at + fact.frequency.every >= now:
            return None
        return _Trouble(
            IssueKind.NEVER_RAN,
            f"It should run every {every} and never has, though it was set up {_ago(fact.created_at, now)} ago."
            + _started(fact, fact.created_at, now),
            f"{daemon}, or {_again(fact)}.",
            fact.created_at + fact.frequency.every,
        )
    stale_at = fact.succeeded_at + fact.frequency.fresh_for
    if stale_at >= now:
        return None
    return _Trouble(
        IssueKind.STALE,
        f"It should run every {every} and last did {_ago(fact.succeeded_at, now)} ago."
        + _started(fact, fact.succeeded_at, now),
        f"{daemon}, or {_again(fact)}.",
        stale_at,
    )


def _started(fact: Fact, since: datetime, now: datetime) -> str:
    """Whether it was not started or does not come to an end: two different troubles."""
    if fact.is_view:
        return ""
    job = fact.last_job
    if job is None or job.created_at is None or job.created_at <= since:
        return " No run of it was started since."
    if job.status is JobStatus.RUNNING:
        return f" A run that began {_ago(job.created_at, now)} ago has not ended."
    return f" Its last run, {_ago(job.created_at, now)} ago, ended as {job.status.value}."


def _paused(graph: Graph, fact: Fact) -> _Trouble | None:
    """A pause is an issue when rows that were kept fresh no longer are, or when a view reads the table."""
    if fact.is_view and fact.status is not TableStatus.PAUSED:
        return None
    readers = [] if fact.is_view else list(graph.outputs.get(fact.name, ()))
    if fact.succeeded_at is None and not readers:
        return None
    what = "The view is paused" if fact.is_view else "Its sync is off"
    state = "its rows no longer follow the source" if fact.succeeded_at else "it never had rows"
    reads = f"; {quoted(readers)} {'read' if len(readers) > 1 else 'reads'} it" if readers else ""
    return _Trouble(
        IssueKind.PAUSED,
        f"{what}: {state}{reads}.",
        f"Turn it on again, then {_again(fact)}.",
        fact.succeeded_at or fact.created_at,
    )


def _follows(
    own: _Trouble,
    roots: Mapping[str, None],
    troubles: Mapping[str, _Trouble],
    facts: Mapping[str, Fact],
) -> bool:
    """Whether a view's trouble is explained by what is upstream.

    A failure is when an input never had rows; lateness is when it began no earlier than the first root's.
    """
    if own.kind is IssueKind.FAILED:
        return any(facts[root].succeeded_at is None for root in roots)
    if own.kind not in (IssueKind.STALE, IssueKind.NEVER_RAN):
        return False
    began = [troubles[root].since for root in roots]
    known = [moment for moment in began if moment is not None]
    return own.since is None or len(known) < len(began) or own.since >= min(known)


def _blocked(
    fact: Fact, roots: Mapping[str, None], troubles: Mapping[str, _Trouble]
) -> HealthIssue:
    first, *_ = ordered = sorted(roots, key=lambda name: (_moment(troubles[name].since), name))
    because = "; ".join(f"`{name}` {_WORDS[troubles[name].kind]}" for name in ordered[:3])
    kept = (
        f"It shows what was true at {fact.succeeded_at:%Y-%m-%d %H:%M} UTC"
        if fact.succeeded_at
        else "It has no rows yet"
    )
    trouble = _Trouble(
        IssueKind.BLOCKED,
        f"{kept}, because {because}.",
        f"Mend {quoted(ordered)} first, then {_again(fact)}, or wait for its schedule.",
        troubles[first].since,
    )
    return _issue(fact, trouble, root=first)


def _issue(
    fact: Fact, trouble: _Trouble, *, root: str | None = None, blocks: tuple[str, ...] = ()
) -> HealthIssue:
    kind = "external_data_sync"
    if fact.is_view:
        kind = "materialized_view" if fact.is_active else "view"
    return HealthIssue(
        id=fact.id,
        name=fact.name,
        type=kind,
        kind=trouble.kind,
        error=trouble.error,
        way_out=trouble.way_out,
        since=trouble.since,
        source_type=fact.source_type,
        root=root,
        blocks=blocks,
    )


_LIMITED = (TableStatus.BILLING_LIMIT_REACHED, TableStatus.BILLING_LIMIT_TOO_LOW)
_RETRY_GRACE = timedelta(minutes=5)
"""So long after its moment a retry that did not begin is still waited for."""
_WORDS: Mapping[IssueKind, str] = {
    IssueKind.FAILED: "failed",
    IssueKind.STALE: "is stale",
    IssueKind.NEVER_RAN: "never ran",
    IssueKind.PAUSED: "is paused",
    IssueKind.MISSING: "is gone at its source",
    IssueKind.CHECK_FAILED: "did not pass its checks",
    IssueKind.BILLING_LIMIT: "is kept back by the row limit",
    IssueKind.MISMATCH: "differs from its source",
    IssueKind.DRIFT: "changed its shape",
    IssueKind.BLOCKED: "is blocked",
}


def _again(fact: Fact) -> str:
    return f"run `pwh view run {fact.name}`" if fact.is_view else f"run `pwh sync {fact.name}`"


def _moment(value: datetime | None) -> datetime:
    return value or datetime.min.replace(tzinfo=UTC)


def _ago(then: datetime, now: datetime) -> str:
    minutes = max(0, int((now - then).total_seconds() // 60))
    for size, word in ((1440, "day"), (60, "hour")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {word}{'s' if count > 1 else ''}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
