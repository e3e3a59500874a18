"""What health needs to know of every table and view, in few and narrow queries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.health import Fact
from pwh_assets.core.job import Job, JobKind, JobStatus, Reconciliation, ReconciliationStatus
from pwh_assets.core.names import source_slug, table_name
from pwh_assets.core.quality import CheckState
from pwh_assets.core.source import Source, SyncedTable, SyncMode, TableStatus
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import options_from_json, reconciliation_from_json

_AT_ONCE = 500
"""Ids in one statement; SQLite takes 32,766 values, older ones 999."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a table or view stands: all that matters to those who read it."""

    status: TableStatus
    error: str | None = None
    is_materialized: bool = False
    is_suspended: bool = False
    stale_since: datetime | None = None
    stale_reason: str | None = None


class Facts(StorePart):
    def standings(self, subject_ids: Collection[str]) -> dict[str, Standing]:
        """Of these tables and views, by id; those that are gone are left out."""
        tables, views = models.source_tables.c, models.saved_queries.c
        found = {}
        with self._db.read() as connection:
            for row in connection.execute(
                sa.select(tables.id, tables.status, tables.latest_error).where(
                    tables.id.in_(subject_ids), tables.deleted_at.is_(None)
                )
            ):
                found[row.id] = Standing(TableStatus(row.status), row.latest_error)
            wanted = (views.id, views.status, views.latest_error, views.is_materialized)
            more = (views.suspended_at, views.stale_since, views.stale_reason)
            for row in connection.execute(
                sa.select(*wanted, *more).where(
                    views.id.in_(subject_ids), views.deleted_at.is_(None)
                )
            ):
                found[row.id] = Standing(
                    TableStatus(row.status),
                    row.latest_error,
                    row.is_materialized,
                    row.suspended_at is not None,
                    row.stale_since,
                    row.stale_reason,
                )
        return found

    def table_facts(self, project_id: int) -> list[Fact]:
        """Synced tables by their HogQL names; without checks, jobs, changes and counts."""
        tables, sources = models.source_tables, models.sources
        of_table = (
            tables.c.id,
            tables.c.name,
            tables.c.should_sync,
            tables.c.frequency,
            tables.c.time_of_day,
            tables.c.status,
            tables.c.last_synced_at,
            tables.c.latest_error,
            tables.c.failed_at,
            tables.c.is_missing,
            tables.c.created_at,
        )
        query = (
            sa.select(*of_table, sources.c.id, sources.c.source_type, sources.c.prefix)
            .join(sources, sources.c.id == tables.c.source_id)
            .where(tables.c.project_id == project_id, tables.c.deleted_at.is_(None))
        )
        rhythms: dict[tuple[str, str | None], Frequency] = {}
        slugs: dict[str, str] = {}
        found = []
        with self._db.read() as connection:
            for row in connection.execute(query):
                values: Any = row
                (
                    table_id,
                    name,
                    should_sync,
                    every,
                    at,
                    status,
                    succeeded_at,
                    error,
                    failed_at,
                    is_missing,
                    created_at,
                    source_id,
                    source_type,
                    prefix,
                ) = values
                frequency = rhythms.get((every, at)) or rhythms.setdefault(
                    (every, at), Frequency(every, at)
                )
                slug = slugs.get(source_id) or slugs.setdefault(
                    source_id, source_slug(source_type, prefix)
                )
                found.append(
                    Fact(
                        id=table_id,
                        name=table_name(source_type, prefix, name),
                        is_active=should_sync,
                        frequency=frequency,
                        status=TableStatus(status),
                        created_at=created_at,
                        succeeded_at=succeeded_at,
                        failed_at=failed_at,
                        error=error,
                        is_missing=is_missing,
                        source_type=source_type,
                        source_id=source_id,
                        source=slug,
                        at_source=name,
                    )
                )
        return found

    def outlines(self, project_id: int) -> tuple[list[SyncedTable], list[SavedQuery]]:
        """Tables by source and views by name with what a graph is made of: names, ids, descriptions, inputs; no columns."""
        tables, sources = models.source_tables.c, models.sources.c
        source = (sources.id, sources.source_type, sources.prefix)
        of_tables = (
            sa.select(
                tables.id.label("table_id"), tables.name, tables.description, tables.mode, *source
            )
            .join(models.sources, sources.id == tables.source_id)
            .where(tables.project_id == project_id, tables.deleted_at.is_(None))
            .order_by(sources.created_at, sources.id, tables.name)
        )
        views = models.saved_queries.c
        of_views = (
            sa.select(
                views.id,
                views.name,
                views.description,
                views.is_materialized,
                views.inputs,
                views.origin,
            )
            .where(views.project_id == project_id, views.deleted_at.is_(None))
            .order_by(views.name)
        )
        known: dict[str, Source] = {}
        with self._db.read() as connection:
            found = [
                SyncedTable(
                    row.table_id,
                    known.get(row.id)
                    or known.setdefault(
                        row.id, Source(row.id, project_id, row.source_type, row.prefix)
                    ),
                    row.name,
                    description=row.description,
                    mode=SyncMode(row.mode),
                )
                for row in connection.execute(of_tables)
            ]
            saved = [
                SavedQuery(
                    row.id,
                    project_id,
                    row.name,
                    "",
                    description=row.description,
                    is_materialized=row.is_materialized,
                    inputs=tuple(row.inputs),
                    origin=ViewOrigin(row.origin),
                )
                for row in connection.execute(of_views)
            ]
        return found, saved

    def view_facts(self, project_id: int) -> list[Fact]:
        """Saved queries; without checks and jobs."""
        views = models.saved_queries.c
        query = sa.select(
            views.id,
            views.name,
            views.is_materialized,
            views.frequency,
            views.time_of_day,
            views.status,
            views.last_run_at,
            views.latest_error,
            views.failed_at,
            views.created_at,
            views.updated_at,
            views.failures_in_a_row,
            views.suspended_at,
            views.freshness_target,
        ).where(views.project_id == project_id, views.deleted_at.is_(None))
        with self._db.read() as connection:
            return [
                Fact(
                    id=row.id,
                    name=row.name,
                    is_view=True,
                    is_active=row.is_materialized,
                    frequency=Frequency(row.frequency, row.time_of_day) if row.frequency else None,
                    status=TableStatus(row.status),
                    created_at=row.updated_at or row.created_at,
                    succeeded_at=row.last_run_at,
                    failed_at=row.failed_at,
                    error=row.latest_error,
                    suspended_at=row.suspended_at,
                    failures=row.failures_in_a_row,
                    target=Frequency(row.freshness_target) if row.freshness_target else None,
                )
                for row in connection.execute(query)
            ]

    def newest_jobs(self, subject_ids: Sequence[str]) -> dict[str, Job]:
        """The newest job of each of these tables and views that ever had one; without its progress and error."""
        jobs = models.jobs
        wanted = ("id", "project_id", "kind", "subject_id", "name", "status", "created_at")
        more = ("finished_at", "error_code", "attempt", "retry_at")
        columns = [jobs.c[name] for name in (*wanted, *more)]
        found: dict[str, Job] = {}
        with self._db.read() as connection:
            for start in range(0, len(subject_ids), _AT_ONCE):
                ids = subject_ids[start : start + _AT_ONCE]
                for owner in (models.source_tables, models.saved_queries):
                    query = sa.select(*columns).where(jobs.c.id.in_(_newest(owner, ids)))
                    for row in connection.execute(query):
                        found[row.subject_id] = _job(row)
        return found

    def failed_checks(self, project_id: int) -> dict[str, list[CheckResult]]:
        """Latest results of severity `error` that did not pass, and those that cannot be computed, by subject."""
        checks = models.checks
        query = sa.select(checks).where(
            checks.c.project_id == project_id,
            checks.c.passed.is_(False),
            sa.or_(
                checks.c.severity == "error",
                checks.c.details["state"].as_string() == CheckState.BROKEN.value,
            ),
        )
        found: dict[str, list[CheckResult]] = {}
        with self._db.read() as connection:
            for row in connection.execute(query.order_by(checks.c.subject_id, checks.c.name)):
                found.setdefault(row.subject_id, []).append(CheckResult(**row._mapping))
        return found

    def mismatches(self, project_id: int) -> dict[str, tuple[Reconciliation, bool]]:
        """By table id: the latest count that differs from the source's, and whether the table looks for deletes."""
        tables = models.source_tables
        query = sa.select(tables.c.id, tables.c.reconciliation, tables.c.options).where(
            tables.c.project_id == project_id,
            tables.c.deleted_at.is_(None),
            tables.c.reconciliation["status"].as_string() == ReconciliationStatus.MISMATCHED.value,
        )
        found = {}
        with self._db.read() as connection:
            for row in connection.execute(query):
                one = reconciliation_from_json(row.reconciliation)
                if one is not None:
                    found[row.id] = one, options_from_json(row.options).detect_deletes
        return found


def _newest(owner: sa.Table, ids: Sequence[str]) -> Any:
    """The id of each subject's newest job: a look into the index for each, not a walk through all jobs."""
    jobs = models.jobs.alias()
    newest = (
        sa.select(jobs.c.id)
        .where(jobs.c.subject_id == owner.c.id)
        .order_by(jobs.c.created_at.desc())
        .limit(1)
        .correlate(owner)
        .scalar_subquery()
    )
    return sa.select(newest).where(owner.c.id.in_(ids))


def _job(row: sa.Row[Any]) -> Job:
    return Job(
        id=row.id,
        project_id=row.project_id,
        kind=JobKind(row.kind),
        subject_id=row.subject_id,
        name=row.name,
        status=JobStatus(row.status),
        created_at=row.created_at,
        finished_at=row.finished_at,
        error_code=row.error_code,
        attempt=row.attempt,
        retry_at=row.retry_at,
    )
