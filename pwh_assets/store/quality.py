"""Declared quality checks and the history of their answers."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.quality import CheckRun, CheckState, CheckTrigger, QualityCheck, Severity
from pwh_assets.errors import NotFoundError
from pwh_assets.store import models
from pwh_assets.store.checks import keep_latest
from pwh_assets.store.part import StorePart, differs, touch
from pwh_assets.store.rows import utc_now

KEEP_RUNS = 500
"""Answers kept per check, the newest."""
KEEP_DAYS = 180


class Quality(StorePart):
    """Changing what is declared makes the project's catalog a new one: Dagster's definitions name checks."""

    # -- declared ------------------------------------------------------------------------------

    def save_quality_checks(self, checks: Sequence[QualityCheck]) -> list[QualityCheck]:
        """Add or replace checks by (project, table, name), all or none. Ids and instants are the store's own."""
        table, now, found = models.quality_checks, utc_now(), []
        with self._db.write() as connection:
            changed = set()
            for check in checks:
                values = {
                    "kind": check.kind,
                    "options": dict(check.options),
                    "severity": check.severity.value,
                    "row_filter": check.where,
                    "description": check.description,
                    "frequency": check.frequency.name if check.frequency else None,
                    "time_of_day": check.frequency.time_of_day if check.frequency else None,
                }
                place = _place(check.project_id, check.subject_id, check.name)
                row = connection.execute(sa.select(table).where(*place)).first()
                if row is None:
                    connection.execute(
                        table.insert().values(
                            id=str(uuid.uuid4()),
                            project_id=check.project_id,
                            subject_id=check.subject_id,
                            name=check.name,
                            created_at=now,
                            updated_at=now,
                            **values,
                        )
                    )
                elif differs(row, values):
                    connection.execute(
                        sa.update(table).where(*place).values(updated_at=now, **values)
                    )
                if row is None or differs(row, values):
                    changed.add(check.project_id)
                found.append(_check_of(connection.execute(sa.select(table).where(*place)).one()))
            for project_id in changed:
                touch(connection, project_id)
        return found

    def quality_checks(
        self, project_id: int | None = None, subject_id: str | None = None
    ) -> list[QualityCheck]:
        """By table, then by name."""
        table = models.quality_checks
        query = sa.select(table).order_by(table.c.project_id, table.c.subject_id, table.c.name)
        if project_id is not None:
            query = query.where(table.c.project_id == project_id)
        if subject_id is not None:
            query = query.where(table.c.subject_id == subject_id)
        with self._db.read() as connection:
            return [_check_of(row) for row in connection.execute(query)]

    def remove_quality_check(self, project_id: int, check_id: str) -> None:
        """Forget a check with its latest answer; the history stays until it is old.

        Raises:
            NotFoundError.
        """
        table, latest = models.quality_checks, models.checks
        with self._db.write() as connection:
            row = connection.execute(
                sa.select(table).where(table.c.project_id == project_id, table.c.id == check_id)
            ).first()
            if row is None:
                raise NotFoundError("check", check_id)
            connection.execute(sa.delete(table).where(table.c.id == check_id))
            connection.execute(
                sa.delete(latest).where(
                    latest.c.project_id == project_id,
                    latest.c.subject_id == row.subject_id,
                    latest.c.name == row.name,
                )
            )
            touch(connection, project_id)

    def remove_quality_checks_of(self, subject_id: str) -> int:
        """Forget every check of a table or view that is gone, with answers and history. Returns how many."""
        table = models.quality_checks
        with self._db.write() as connection:
            found = connection.execute(
                sa.delete(table).where(table.c.subject_id == subject_id)
            ).rowcount
            for other in (models.checks, models.check_runs):
                connection.execute(sa.delete(other).where(other.c.subject_id == subject_id))
        return int(found)

    # -- answers -------------------------------------------------------------------------------

    def record_check_runs(self, runs: Sequence[CheckRun]) -> None:
        """Keep answers in the history and each as the latest of its check, in one transaction; old ones go."""
        table = models.check_runs
        with self._db.write() as connection:
            for run in runs:
                connection.execute(
                    table.insert().values(
                        id=run.id,
                        project_id=run.project_id,
                        subject_id=run.subject_id,
                        name=run.name,
                        kind=run.kind,
                        state=run.state.value,
                        severity=run.severity.value,
                        trigger=run.trigger.value,
                        details=dict(run.details),
                        failing_rows=run.failing_rows,
                        run_id=run.run_id,
                        duration_s=run.duration_s,
                        at=run.at,
                    )
                )
                keep_latest(
                    connection,
                    self._db.is_sqlite,
                    {
                        "project_id": run.project_id,
                        "subject_id": run.subject_id,
                        "name": run.name,
                    },
                    {
                        "passed": run.passed,
                        "severity": run.severity.value,
                        "details": dict(run.details),
                        "at": run.at,
                    },
                )
                mine = (
                    table.c.project_id == run.project_id,
                    table.c.subject_id == run.subject_id,
                    table.c.name == run.name,
                )
                bound = connection.execute(
                    sa.select(table.c.at)
                    .where(*mine)
                    .order_by(table.c.at.desc())
                    .offset(KEEP_RUNS - 1)
                    .limit(1)
                ).scalar()
                oldest = run.at - timedelta(days=KEEP_DAYS)
                connection.execute(
                    sa.delete(table).where(*mine, table.c.at < max(bound or oldest, oldest))
                )

    def check_runs(
        self,
        project_id: int,
        *,
        subject_id: str | None = None,
        name: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[CheckRun]:
        """Answers, newest first."""
        table = models.check_runs
        query = sa.select(table).where(table.c.project_id == project_id)
        for column, value in (
            (table.c.subject_id, subject_id),
            (table.c.name, name),
            (table.c.run_id, run_id),
        ):
            if value is not None:
                query = query.where(column == value)
        if since is not None:
            query = query.where(table.c.at >= since)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(table.c.at.desc(), table.c.name).limit(limit))
            return [_run_of(row) for row in rows]


def _place(project_id: int, subject_id: str, name: str) -> tuple[Any, ...]:
    table = models.quality_checks
    return (
        table.c.project_id == project_id,
        table.c.subject_id == subject_id,
        table.c.name == name,
    )


def _check_of(row: sa.Row[Any]) -> QualityCheck:
    return QualityCheck(
        row.id,
        row.project_id,
        row.subject_id,
        row.name,
        row.kind,
        row.options,
        Severity(row.severity),
        row.row_filter,
        row.description,
        Frequency(row.frequency, row.time_of_day) if row.frequency else None,
        row.created_at,
        row.updated_at,
    )


def _run_of(row: sa.Row[Any]) -> CheckRun:
    return CheckRun(
        row.id,
        row.project_id,
        row.subject_id,
        row.name,
        row.kind,
        CheckState(row.state),
        Severity(row.severity),
        CheckTrigger(row.trigger),
        row.at,
        row.details,
        row.failing_rows,
        row.run_id,
        row.duration_s,
    )
