"""What became of a table's syncs, attempt by attempt, narrowed by time, weight and words."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pwh_assets.core.job import Job, JobStatus
from pwh_assets.services.platform import Platform

_STEP = 500
_MOST_LOOKED_AT = 20_000


class Level(StrEnum):
    """How much an attempt is worth a look."""

    INFO = "info"
    WARNING = "warning"
    """It was stopped: by somebody, by a limit, or because something it needs is broken."""
    ERROR = "error"


def level_of(job: Job) -> Level:
    if job.status is JobStatus.FAILED:
        return Level.ERROR
    is_well = job.status in (JobStatus.RUNNING, JobStatus.COMPLETED)
    return Level.INFO if is_well else Level.WARNING


def attempts(
    platform: Platform,
    project_id: int,
    subject_id: str,
    limit: int,
    *,
    after: datetime | None = None,
    before: datetime | None = None,
    levels: Sequence[Level] = (),
    search: str = "",
    run_id: str = "",
) -> list[Job]:
    """Newest first, begun after and before these moments.

    Args:
        levels: only of these; all of them when empty.
        search: in the error, its code or the status, in any case.
        run_id: of this run of Dagster's only.
    """
    word = search.strip().lower()
    found: list[Job] = []
    looked_at = 0
    while len(found) < limit and looked_at < _MOST_LOOKED_AT:
        part = platform.store.jobs(
            project_id, _STEP, subject_id=subject_id, after=after, before=before
        )
        for job in part:
            text = f"{job.status.value} {job.error or ''} {job.error_code or ''}".lower()
            if (
                (not levels or level_of(job) in levels)
                and word in text
                and run_id in ("", job.run_id)
            ):
                found.append(job)
        looked_at += len(part)
        if len(part) < _STEP:
            break
        before = part[-1].created_at
    return found[:limit]
