"""Jobs: every attempt at a sync or a view, and those whose process died under them."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from pwh_assets.core.job import Job, JobKind, JobProgress, JobStatus, Reconciliation
from pwh_assets.core.source import TableStatus
from pwh_assets.errors import NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.processes import is_gone, this_process
from pwh_assets.store.rows import (
    job_of,
    progress_to_json,
    reconciliation_from_json,
    reconciliation_to_json,
    utc_now,
)
from pwh_assets.store.suspension import counted_failure

ABANDONED = "abandoned"
ABANDONED_SENTENCE = (
    "The process that ran this ended before it was done. Run it again; nothing half-done was kept."
)


class Jobs(StorePart):
    def start_job(
        self,
        project_id: int,
        kind: JobKind | str,
        subject_id: str,
        name: str,
        run_id: str | None = None,
        attempt: int = 1,
    ) -> Job:
        """Note that this process began the job now."""
        job_id = str(uuid.uuid4())
        with self._db.write() as connection:
            connection.execute(
                models.jobs.insert().values(
                    id=job_id,
                    project_id=project_id,
                    kind=JobKind(kind).value,
                    subject_id=subject_id,
                    name=name,
                    status=JobStatus.RUNNING.value,
                    rows=0,
                    bytes=0,
                    created_at=utc_now(),
                    run_id=run_id,
                    process=this_process(),
                    attempt=attempt,
                )
            )
        return self.job(job_id)

    def finish_job(
        self,
        job_id: str,
        status: JobStatus | str,
        rows: int = 0,
        bytes: int = 0,  # noqa: A002  the product's word for it
        error: str | None = None,
        error_code: str | None = None,
        retry_at: datetime | None = None,
        *,
        engine: str | None = None,
        mode: str | None = None,
        reason: str | None = None,
    ) -> Job:
        """Of a view's build also what computed it, how, and why so. Raises NotFoundError."""
        jobs = models.jobs
        with self._db.write() as connection:
            done = connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id)
                .values(
                    status=JobStatus(status).value,
                    rows=rows,
                    bytes=bytes,
                    error=error,
                    error_code=error_code,
                    finished_at=utc_now(),
                    retry_at=retry_at,
                    engine=engine,
                    mode=mode,
                    reason=reason,
                )
            )
            if done.rowcount == 0:
                raise NotFoundError("job", job_id)
        return self.job(job_id)

    def note_progress(self, job_id: str, progress: JobProgress) -> bool:
        """Write down how far a running job is; True when somebody asked for it to be cancelled."""
        jobs = models.jobs
        with self._db.write() as connection:
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id, jobs.c.status == JobStatus.RUNNING.value)
                .values(
                    rows=progress.rows, bytes=progress.bytes, progress=progress_to_json(progress)
                )
            )
        return self.is_cancel_requested(job_id)

    def note_retry(self, job_id: str, retry_at: datetime | None) -> None:
        """Say when a failed attempt is followed by the next; None once none follows."""
        jobs = models.jobs
        with self._db.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(retry_at=retry_at))

    def last_run_lengths(
        self, project_id: int, runs: int = 5, newest: int = 5_000
    ) -> dict[str, list[float]]:
        """Seconds that the last completed runs of each table and view took, by its id, newest first.

        Only among the project's newest jobs is looked: what is not there ran long ago, or seldom.
        """
        jobs = models.jobs
        query = (
            sa.select(jobs.c.subject_id, jobs.c.created_at, jobs.c.finished_at)
            .where(jobs.c.project_id == project_id, jobs.c.status == JobStatus.COMPLETED.value)
            .order_by(jobs.c.created_at.desc())
            .limit(newest)
        )
        found: dict[str, list[float]] = {}
        with self._db.read() as connection:
            for row in connection.execute(query):
                lengths = found.setdefault(row.subject_id, [])
                if row.finished_at is not None and len(lengths) < runs:
                    took = row.finished_at - row.created_at
                    lengths.append(max(0.0, took.total_seconds()))
        return {subject_id: lengths for subject_id, lengths in found.items() if lengths}

    def running_subjects(self, project_id: int) -> frozenset[str]:
        """The ids of tables and views that a job is making now."""
        jobs = models.jobs
        query = sa.select(jobs.c.subject_id).where(
            jobs.c.status == JobStatus.RUNNING.value, jobs.c.project_id == project_id
        )
        with self._db.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def request_cancel(self, subject_id: str) -> list[Job]:
        """Ask every running job of a table or view to stop; those that were asked."""
        jobs = models.jobs
        running = sa.and_(jobs.c.subject_id == subject_id, jobs.c.status == JobStatus.RUNNING.value)
        with self._db.write() as connection:
            ids: list[str] = list(connection.execute(sa.select(jobs.c.id).where(running)).scalars())
            connection.execute(
                sa.update(jobs)
                .where(running, jobs.c.cancel_requested_at.is_(None))
                .values(cancel_requested_at=utc_now())
            )
        return [self.job(job_id) for job_id in ids]

    def is_cancel_requested(self, job_id: str) -> bool:
        with self._db.read() as connection:
            query = sa.select(models.jobs.c.cancel_requested_at).filter_by(id=job_id)
            return connection.execute(query).scalar() is not None

    def cancels_requested(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Those of these jobs that somebody asked to stop."""
        jobs = models.jobs
        query = sa.select(jobs.c.id).where(
            jobs.c.id.in_(job_ids), jobs.c.cancel_requested_at.is_not(None)
        )
        with self._db.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def note_reconciliation(self, job_id: str, table_id: str, found: Reconciliation) -> None:
        """Keep it with the sync's job, and as the table's latest."""
        values = reconciliation_to_json(found)
        with self._db.write() as connection:
            for table, row_id in ((models.jobs, job_id), (models.source_tables, table_id)):
                connection.execute(
                    sa.update(table).where(table.c.id == row_id).values(reconciliation=values)
                )

    def reconciliations(self, project_id: int) -> dict[str, Reconciliation]:
        """The latest of every table, by table id."""
        tables = models.source_tables
        query = sa.select(tables.c.id, tables.c.reconciliation).where(
            tables.c.project_id == project_id, tables.c.deleted_at.is_(None)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        found = {row.id: reconciliation_from_json(row.reconciliation) for row in rows}
        return {table_id: one for table_id, one in found.items() if one is not None}

    def job(self, job_id: str) -> Job:
        """Raises NotFoundError."""
        with self._db.read() as connection:
            row = connection.execute(sa.select(models.jobs).filter_by(id=job_id)).first()
        if row is None:
            raise NotFoundError("job", job_id)
        return job_of(row)

    def find_job(self, project_id: int, job_id: str) -> Job | None:
        """None also for a job of another project."""
        query = sa.select(models.jobs).filter_by(project_id=project_id, id=job_id)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return job_of(row) if row is not None else None

    def jobs(
        self,
        project_id: int | None,
        limit: int = 20,
        status: JobStatus | str | None = None,
        subject_id: str | None = None,
        *,
        subject_ids: Sequence[str] | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        offset: int = 0,
    ) -> list[Job]:
        """Newest first; of several subjects with `subject_ids`, begun after and before given moments."""
        jobs = models.jobs
        query = sa.select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id)
        query = query.limit(limit).offset(offset)
        if project_id is not None:
            query = query.where(jobs.c.project_id == project_id)
        if status is not None:
            query = query.where(jobs.c.status == JobStatus(status).value)
        if subject_id is not None:
            query = query.where(jobs.c.subject_id == subject_id)
        if subject_ids is not None:
            query = query.where(jobs.c.subject_id.in_(subject_ids))
        if after is not None:
            query = query.where(jobs.c.created_at > after)
        if before is not None:
            query = query.where(jobs.c.created_at < before)
        with self._db.read() as connection:
            return [job_of(row) for row in connection.execute(query)]

    def job_count(self, project_id: int, subject_ids: Sequence[str]) -> int:
        """How many there are of these subjects."""
        jobs = models.jobs
        query = sa.select(sa.func.count()).where(
            jobs.c.project_id == project_id, jobs.c.subject_id.in_(subject_ids)
        )
        with self._db.read() as connection:
            return int(connection.execute(query).scalar_one())

    def activity(
        self,
        project_id: int,
        limit: int,
        offset: int,
        *,
        running: bool,
        since: datetime | None = None,
    ) -> list[Job]:
        """Syncs and builds that run, or that have ended, newest first."""
        jobs = models.jobs
        is_running = jobs.c.status == JobStatus.RUNNING.value
        query = (
            sa.select(jobs)
            .where(
                jobs.c.project_id == project_id,
                jobs.c.kind != JobKind.MAINTENANCE.value,
                is_running if running else ~is_running,
            )
            .order_by(jobs.c.created_at.desc(), jobs.c.id)
            .limit(limit)
            .offset(offset)
        )
        if since is not None:
            query = query.where(jobs.c.created_at >= since)
        with self._db.read() as connection:
            return [job_of(row) for row in connection.execute(query)]

    def count_jobs(
        self, project_id: int, since: datetime, step_s: float
    ) -> dict[tuple[int, str, str], int]:
        """Jobs begun since then: (number of the step, kind, status) -> how many."""
        jobs = models.jobs
        query = sa.select(jobs.c.created_at, jobs.c.kind, jobs.c.status).where(
            jobs.c.project_id == project_id, jobs.c.created_at >= since
        )
        found: dict[tuple[int, str, str], int] = {}
        with self._db.read() as connection:
            for row in connection.execute(query):
                began: datetime = row[0]
                key = int((began - since).total_seconds() // step_s), str(row[1]), str(row[2])
                found[key] = found.get(key, 0) + 1
        return found

    def abandon_jobs(self, project_id: int | None = None, run_id: str | None = None) -> list[Job]:
        """Fail running jobs whose process is gone (or all of a Dagster run that is over), with their subjects.

        Returns:
            The jobs that were failed.
        """
        jobs, now = models.jobs, utc_now()
        query = sa.select(jobs).where(jobs.c.status == JobStatus.RUNNING.value)
        if project_id is not None:
            query = query.where(jobs.c.project_id == project_id)
        if run_id is not None:
            query = query.where(jobs.c.run_id == run_id)
        with self._db.read() as connection:
            running = connection.execute(query).all()
        dead = [row for row in running if run_id is not None or is_gone(row.process)]
        failed = []
        for row in dead:
            with self._db.write() as connection:
                ended = connection.execute(
                    sa.update(jobs)
                    .where(jobs.c.id == row.id, jobs.c.status == JobStatus.RUNNING.value)
                    .values(
                        status=JobStatus.FAILED.value,
                        error=ABANDONED_SENTENCE,
                        error_code=ABANDONED,
                        finished_at=now,
                    )
                )
                if ended.rowcount == 0:
                    continue
                others = sa.select(jobs.c.id).where(
                    jobs.c.subject_id == row.subject_id, jobs.c.status == JobStatus.RUNNING.value
                )
                for table in (models.source_tables, models.saved_queries):
                    counted = counted_failure(now) if table is models.saved_queries else {}
                    connection.execute(
                        sa.update(table)
                        .where(
                            table.c.id == row.subject_id,
                            table.c.status == TableStatus.RUNNING.value,
                            ~sa.exists(others),
                        )
                        .values(
                            status=TableStatus.FAILED.value,
                            latest_error=ABANDONED_SENTENCE,
                            failed_at=sa.func.coalesce(table.c.failed_at, now),
                            **counted,
                        )
                    )
            failed.append(self.job(row.id))
        return failed
