"""What is wrong with one table or view by itself: pure functions of its facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from pwh_assets.core.check import TEXT_FITS, CheckResult
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.health import Fact, IssueKind
from pwh_assets.core.job import JobStatus
from pwh_assets.core.quality import CheckState
from pwh_assets.core.source import TableStatus
from pwh_assets.errors import quoted
from pwh_assets.services.freshness.ticks import GRACE, next_tick
from pwh_assets.services.lineage.graph import Graph
from pwh_assets.services.sync.contracts import explain
from pwh_assets.services.sync.drift import in_words
from pwh_assets.services.sync.reconciliation import way_out

RETRY_GRACE = timedelta(minutes=5)
"""So long after its moment a retry that did not begin is still waited for."""
DEFINITION_CODES = frozenset(("hogql_error",))
"""Codes of runs that failed because a view's text no longer fits what it reads."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, before it is known what follows from it."""

    kind: IssueKind
    error: str
    way_out: str
    since: datetime | None
    cause: str = ""
    """The error without times and counts of attempts."""
    is_retrying: bool = False
    due_at: datetime | None = None
    """The moment it was due and was not started."""


def own_trouble(graph: Graph, fact: Fact, now: datetime) -> Trouble | None:
    """The worst of what is wrong with it, whatever is upstream; None when it is well."""
    if fact.is_view and (lost := graph.missing.get(fact.name)):
        words = f"Its text reads {quoted(lost)}, which does not exist any more."
        return Trouble(
            IssueKind.DEFINITION,
            words,
            f"Bring it back, or edit the view: `pwh view create {fact.name} SQL`.",
            fact.failed_at,
            words,
        )
    if not fact.is_active:
        return _paused(graph, fact) or _unfit(fact) or _unchecked(fact, now)
    if fact.is_missing:
        words = "The source does not have this table any more; the last synced rows are kept."
        return Trouble(
            IssueKind.MISSING,
            words,
            f"When it is back, run `pwh source refresh {fact.source or fact.source_id}`; "
            f"else `pwh source set {fact.name} --sync off`.",
            fact.failed_at or fact.succeeded_at,
            words,
        )
    if fact.suspended_at is not None:
        return _suspended(fact, fact.suspended_at)
    if fact.status is TableStatus.PAUSED:
        return _paused(graph, fact)
    if fact.status in _LIMITS:
        return _limited(fact)
    return (
        _failed(fact, now)
        or _unchecked(fact, now)
        or _late(fact, now)
        or _differs(fact)
        or _drifted(fact)
    )


def _unfit(fact: Fact) -> Trouble | None:
    """A plain view whose text no longer compiles."""
    for check in fact.failed_checks:
        if check.name == TEXT_FITS and fact.is_view:
            words = f"Its text no longer fits what it reads: {check.details.get('message')}"
            edit = f"Edit the view: `pwh view create {fact.name} SQL`; or bring back what it reads."
            return Trouble(IssueKind.DEFINITION, words, edit, check.failing_since, words)
    return None


def again(fact: Fact) -> str:
    """The command that runs it."""
    return f"run `pwh view run {fact.name}`" if fact.is_view else f"run `pwh sync {fact.name}`"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest whole unit.

    >>> ago(datetime(2026, 5, 1, 9), datetime(2026, 5, 1, 12, 59))
    '3 hours'
    """
    minutes = max(0, int((now - then).total_seconds() // 60))
    for size, word in ((1440, "day"), (60, "hour")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {word}{'s' if count > 1 else ''}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


_LIMITS = {
    TableStatus.BILLING_LIMIT_REACHED: IssueKind.BILLING_LIMIT,
    TableStatus.BILLING_LIMIT_TOO_LOW: IssueKind.BILLING_LIMIT_TOO_LOW,
}


def _limited(fact: Fact) -> Trouble:
    kind = _LIMITS[fact.status]
    goes_on = (
        "turn off syncs you can do without; else it goes on by itself when the next month begins."
    )
    if kind is IssueKind.BILLING_LIMIT_TOO_LOW:
        goes_on = "read fewer rows of it with `row_filters`."
    return Trouble(
        kind,
        fact.error or "The project's row limit keeps it from syncing.",
        f"Raise the limit with `pwh usage --limit ROWS`, or {goes_on}",
        fact.failed_at,
    )


def _suspended(fact: Fact, at: datetime) -> Trouble:
    cause = fact.error or "Its last runs left no reason."
    times = f"{fact.failures} times in a row" if fact.failures else "too often in a row"
    return Trouble(
        IssueKind.SUSPENDED,
        f"It failed {times} and is not run by itself since {at:%Y-%m-%d %H:%M} UTC. {cause}",
        f"Mend the cause, then `pwh view resume {fact.name}`.",
        fact.failed_at or at,
        cause,
    )


def _failed(fact: Fact, now: datetime) -> Trouble | None:
    is_running = fact.status is TableStatus.RUNNING and fact.failed_at is not None
    if is_running and fact.succeeded_at and fact.failed_at and fact.failed_at <= fact.succeeded_at:
        is_running = False
    if fact.status is not TableStatus.FAILED and not is_running:
        return None
    cause = fact.error or "The last run failed and left no reason."
    words, job, is_retrying = cause, fact.last_job, is_running
    if is_running:
        number = f" (attempt {job.attempt})" if job and job.attempt > 1 else ""
        words = f"{cause} It is being tried again now{number}."
    elif job and job.retry_at and job.retry_at + RETRY_GRACE > now:
        is_retrying = True
        words = (
            f"{cause} Attempt {job.attempt} failed; the next begins at {job.retry_at:%H:%M:%S} UTC."
        )
    if fact.is_view and job and job.error_code in DEFINITION_CODES:
        edit = f"Edit the view: `pwh view create {fact.name} SQL`; or bring back what it reads."
        return Trouble(IssueKind.DEFINITION, words, edit, fact.failed_at, cause, is_retrying)
    return Trouble(
        IssueKind.FAILED,
        words,
        f"Mend the cause, then {again(fact)}.",
        fact.failed_at,
        cause,
        is_retrying,
    )


def _unchecked(fact: Fact, now: datetime) -> Trouble | None:
    failed = [check for check in fact.failed_checks if check.name != TEXT_FITS]
    if not failed:
        return None
    first = min(failed, key=lambda check: (check.failing_since or now, check.name))
    names = [check.name for check in failed]
    words = _said(first, fact.name) or f"{quoted(names)} did not pass."
    if len(names) > 1 and quoted(names) not in words:
        others = [name for name in names if name != first.name]
        words = f"{words} So did not {quoted(others)}."
    way_out = f"Look at the rows, mend them at the source, then {again(fact)}."
    if first.details.get("state") == CheckState.BROKEN:
        shown = f"`pwh check show {fact.name}.{first.name}`"
        way_out = (
            f"Mend the check or what it reads ({shown}), then run `pwh check run {fact.name}`."
        )
    elif not fact.is_active:
        way_out = (
            f"Look at the rows, mend them at the source, then run `pwh check run {fact.name}`."
        )
    return Trouble(
        IssueKind.CHECK_FAILED,
        words,
        way_out,
        first.failing_since,
        quoted(sorted(names)),
    )


def _said(check: CheckResult, name: str) -> str:
    """What the check found, in words; empty when it left none."""
    if check.details.get("state") == CheckState.BROKEN:
        return f"Check `{check.name}`: {check.details.get('message')}"
    if check.details.get("message"):
        return f"`{check.name}` did not pass: {str(check.details['message']).rstrip('.')}."
    if check.details.keys() & {"problems", "null_keys", "duplicated_keys"}:
        return explain(check, name)
    return ""


def _late(fact: Fact, now: datetime) -> Trouble | None:
    cadence = fact.cadence
    if cadence is None or cadence.is_never:
        return None
    every = f"every {cadence.name}"
    if fact.cadence_for and cadence != fact.frequency:
        every += f" (for the freshness of `{fact.cadence_for}`)"
    way = f"See that `pwh up` (or Dagster's daemon) is running, or {again(fact)}."
    if fact.succeeded_at is None:
        if fact.created_at is None or fact.created_at + cadence.every >= now:
            return None
        return Trouble(
            IssueKind.NEVER_RAN,
            f"It should run {every} and never has, though it was set up {ago(fact.created_at, now)} ago."
            + _started(fact, fact.created_at, now),
            way,
            fact.created_at + cadence.every,
        )
    due_at, stale_at = unstarted(fact, now), fact.succeeded_at + cadence.fresh_for
    if due_at is None and stale_at >= now:
        return None
    at = f" It was due at {due_at:%Y-%m-%d %H:%M} UTC." if due_at else ""
    return Trouble(
        IssueKind.STALE,
        f"It should run {every} and last did {ago(fact.succeeded_at, now)} ago.{at}"
        + _started(fact, fact.succeeded_at, now),
        way,
        min(due_at + _grace(cadence), stale_at) if due_at else stale_at,
        due_at=due_at,
    )


def unstarted(fact: Fact, now: datetime) -> datetime | None:
    """The first moment it was due after its last run and was not started; None when it was, or runs now."""
    cadence, began_at = fact.cadence, fact.succeeded_at
    if began_at is None or cadence is None or cadence.is_never:
        return None
    if began_at + GRACE >= now or fact.status is TableStatus.RUNNING:
        return None
    job = fact.last_job
    for moment in (fact.created_at, job.created_at if job else None):
        if moment is not None and moment > began_at:
            began_at = moment
    return next_tick(cadence, began_at) if began_at < _last_due(cadence, now) else None


@lru_cache(256)
def _last_due(cadence: Frequency, now: datetime) -> datetime:
    """The latest tick whose grace is over."""
    until = now - _grace(cadence)
    day = timedelta(days=1)
    tick = next_tick(cadence, until - cadence.every - (day if cadence.every >= day else _NO_TIME))
    while (later := next_tick(cadence, tick)) <= until:
        tick = later
    return tick


def _grace(cadence: Frequency) -> timedelta:
    return max(GRACE, min(cadence.every / 4, _LONGEST_GRACE))


_LONGEST_GRACE = timedelta(hours=1)
_NO_TIME = timedelta(0)


def _started(fact: Fact, since: datetime, now: datetime) -> str:
    """Whether it was not started or does not come to an end: two different troubles."""
    job = fact.last_job
    if job is None or job.created_at is None or job.created_at <= since:
        return " No run of it was started since."
    if job.status is JobStatus.RUNNING:
        return f" A run that began {ago(job.created_at, now)} ago has not ended."
    return f" Its last run, {ago(job.created_at, now)} ago, ended as {job.status.value}."


def _differs(fact: Fact) -> Trouble | None:
    found = fact.reconciliation
    if found is None:
        return None
    upto = f" up to {found.bound}" if found.bound else ""
    return Trouble(
        IssueKind.MISMATCH,
        f"The source has {found.source_rows:,} rows{upto}, the lake {found.target_rows:,}. {found.cause}",
        way_out(fact.name, found, fact.detects_deletes),
        found.at,
    )


def _drifted(fact: Fact) -> Trouble | None:
    if not fact.drift:
        return None
    words = "; ".join(
        f"{in_words(change)}: {change.note}".rstrip(": ") for change in fact.drift[:3]
    )
    return Trouble(
        IssueKind.DRIFT,
        words,
        f"Look at the source; when this is right, say so: `pwh source drift {fact.name} --accept`.",
        fact.drift[0].at,
        words,
    )


def _paused(graph: Graph, fact: Fact) -> Trouble | None:
    """A pause is an issue when rows that were kept fresh no longer are, or when a view reads the table."""
    if fact.is_view and fact.status is not TableStatus.PAUSED:
        return None
    readers = [] if fact.is_view else list(graph.outputs.get(fact.name, ()))
    if fact.succeeded_at is None and not readers:
        return None
    what = "The view is paused" if fact.is_view else "Its sync is off"
    state = "its rows no longer follow the source" if fact.succeeded_at else "it never had rows"
    reads = f"; {quoted(readers)} {'read' if len(readers) > 1 else 'reads'} it" if readers else ""
    return Trouble(
        IssueKind.PAUSED,
        f"{what}: {state}{reads}.",
        f"Turn it on again, then {again(fact)}.",
        fact.succeeded_at or fact.created_at,
    )


WORDS: Mapping[IssueKind, str] = {
    IssueKind.FAILED: "failed",
    IssueKind.STALE: "is stale",
    IssueKind.NEVER_RAN: "never ran",
    IssueKind.PAUSED: "is paused",
    IssueKind.SUSPENDED: "is suspended",
    IssueKind.MISSING: "is gone at its source",
    IssueKind.CHECK_FAILED: "did not pass its checks",
    IssueKind.BILLING_LIMIT: "is kept back by the row limit",
    IssueKind.BILLING_LIMIT_TOO_LOW: "has more rows than the row limit allows",
    IssueKind.MISMATCH: "differs from its source",
    IssueKind.DRIFT: "changed its shape",
    IssueKind.LAGGING: "lags behind its source",
    IssueKind.DEFINITION: "no longer fits what it reads",
    IssueKind.SOURCE: "cannot be read",
    IssueKind.WAREHOUSE: "cannot be used",
    IssueKind.PROJECT: "is broken",
    IssueKind.CHANNEL: "cannot be reached",
    IssueKind.BLOCKED: "is blocked",
}
"""What is said of a name: `app_users` failed."""
