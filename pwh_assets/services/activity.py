"""What runs, what ran and how it went, as lists and as counts per hour or day."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pwh_assets.core.job import Job, JobKind, JobStatus
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.view import moment, type_word

VIEW_TYPE = "Materialized view"
PERIODS = (1, 7, 30)
"""Days that can be counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list, newest first. `has_more` is true when older ones follow."""

    results: tuple[dict[str, Any], ...]
    has_more: bool


def running(platform: Platform, project_id: int, limit: int, offset: int) -> Part:
    """Syncs and builds that run now; those whose process died are failed first."""
    platform.store.abandon_jobs(project_id)
    return _part(platform, project_id, limit, offset, running=True)


def ended(platform: Platform, project_id: int, limit: int, offset: int, since: datetime) -> Part:
    """Syncs and builds that have ended, failed and cancelled ones among them."""
    return _part(platform, project_id, limit, offset, running=False, since=since)


def counts(
    platform: Platform, project_id: int, days: int, now: datetime | None = None
) -> dict[str, Any]:
    """How many syncs and builds ended well and badly, in all and per hour (one day) or day (UTC).

    Raises:
        InvalidInputError: `days` is none of 1, 7 and 30.
    """
    if days not in PERIODS:
        raise InvalidInputError("days", f"`days` is {days}; it can be 1, 7 or 30.")
    at = now or datetime.now(UTC)
    step = timedelta(hours=1) if days == 1 else timedelta(days=1)
    start = at.replace(minute=0, second=0, microsecond=0)
    if days > 1:
        start = start.replace(hour=0)
    start -= step * ((24 if days == 1 else days) - 1)
    found = platform.store.count_jobs(project_id, start, step.total_seconds())
    buckets = [start + step * i for i in range(24 if days == 1 else days)]
    breakdown = []
    for place, bucket in enumerate(buckets):
        here = {key: count for key, count in found.items() if key[0] == place}
        breakdown.append({"at": moment(bucket), **_kinds(_summed(here))})
    totals = _summed(found)
    return {
        "days": days,
        "since": moment(start),
        **_kinds(totals),
        "breakdown": breakdown,
    }


def _summed(found: dict[tuple[int, str, str], int]) -> Counter[tuple[str, str]]:
    totals: Counter[tuple[str, str]] = Counter()
    for (_, kind, status), count in found.items():
        totals[kind, status] += count
    return totals


def _kinds(totals: Counter[tuple[str, str]]) -> dict[str, Any]:
    def of(kind: JobKind) -> dict[str, int]:
        words = {status: count for (each, status), count in totals.items() if each == kind.value}
        failed = sum(words.get(each.value, 0) for each in _FAILED)
        return {
            "successful": words.get(JobStatus.COMPLETED.value, 0),
            "failed": failed,
            "cancelled": words.get(JobStatus.CANCELLED.value, 0),
            "running": words.get(JobStatus.RUNNING.value, 0),
            "total": sum(words.values()),
        }

    syncs, builds = of(JobKind.SYNC), of(JobKind.VIEW)
    return {
        "total": syncs["total"] + builds["total"],
        "successful": syncs["successful"] + builds["successful"],
        "failed": syncs["failed"] + builds["failed"],
        "external_data_jobs": syncs,
        "modeling_jobs": builds,
    }


def _part(
    platform: Platform,
    project_id: int,
    limit: int,
    offset: int,
    *,
    running: bool,
    since: datetime | None = None,
) -> Part:
    store = platform.store
    jobs = store.activity(project_id, limit + 1, offset, running=running, since=since)
    tables = {table.id: table for table in store.tables(project_id)}
    return Part(tuple(_activity(platform, job, tables) for job in jobs[:limit]), len(jobs) > limit)


def _activity(platform: Platform, job: Job, tables: dict[str, SyncedTable]) -> dict[str, Any]:
    table = tables.get(job.subject_id)
    kind = VIEW_TYPE
    if job.kind is JobKind.SYNC:
        source_type = table.source.source_type if table else ""
        kind = type_word(source_type, platform.sources.get(source_type)) if table else "Removed"
    return {
        "id": job.id,
        "type": kind,
        "name": table.name if table else job.name,
        "table": job.name,
        "status": job.status.value,
        "rows": job.rows,
        "created_at": moment(job.created_at),
        "finished_at": moment(job.finished_at),
        "latest_error": job.error,
        "workflow_run_id": job.run_id,
        "origin": "data_warehouse" if job.kind is JobKind.VIEW else "external_data",
    }


_FAILED: Sequence[JobStatus] = (
    JobStatus.FAILED,
    JobStatus.BILLING_LIMIT_REACHED,
    JobStatus.BILLING_LIMIT_TOO_LOW,
)
