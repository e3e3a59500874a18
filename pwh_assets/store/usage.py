"""Usage: rows and bytes moved, written at sync time so that a month adds up in milliseconds."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class Usage(StorePart):
    def add_usage(
        self,
        project_id: int,
        subject_id: str,
        kind: str,
        rows: int,
        bytes: int,  # noqa: A002  the product's word for it
        at: datetime | None = None,
    ) -> None:
        """`kind` is `sync` or `view`."""
        with self._db.write() as connection:
            connection.execute(
                models.usage.insert().values(
                    project_id=project_id,
                    subject_id=subject_id,
                    kind=str(kind),
                    rows=rows,
                    bytes=bytes,
                    at=at or utc_now(),
                )
            )

    def usage(
        self, project_id: int, since: datetime, until: datetime, kind: str | None = None
    ) -> dict[str, int]:
        """Rows per subject in `since <= at < until`, of one kind or of all."""
        usage = models.usage
        query = (
            sa.select(usage.c.subject_id, sa.func.sum(usage.c.rows))
            .where(usage.c.project_id == project_id, usage.c.at >= since, usage.c.at < until)
            .group_by(usage.c.subject_id)
        )
        if kind is not None:
            query = query.where(usage.c.kind == kind)
        with self._db.read() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    def usage_by_source(
        self, project_id: int, since: datetime, until: datetime
    ) -> dict[str, tuple[int, int]]:
        """Rows and bytes synced per source in `since <= at < until`; removed sources count too."""
        usage, tables = models.usage, models.source_tables
        query = (
            sa.select(tables.c.source_id, sa.func.sum(usage.c.rows), sa.func.sum(usage.c.bytes))
            .join(tables, tables.c.id == usage.c.subject_id)
            .where(
                usage.c.project_id == project_id,
                usage.c.kind == "sync",
                usage.c.at >= since,
                usage.c.at < until,
            )
            .group_by(tables.c.source_id)
        )
        with self._db.read() as connection:
            return {str(row[0]): (int(row[1]), int(row[2])) for row in connection.execute(query)}

    def rows_used(self, project_id: int, since: datetime) -> int:
        """Rows synced since then, over all sources."""
        usage = models.usage
        query = sa.select(sa.func.coalesce(sa.func.sum(usage.c.rows), 0)).where(
            usage.c.project_id == project_id, usage.c.kind == "sync", usage.c.at >= since
        )
        with self._db.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def rows_in_flight(self, project_id: int, but: Sequence[str] = ()) -> int:
        """Rows that running syncs have read and not yet booked; `but` are jobs left out."""
        jobs = models.jobs
        query = sa.select(sa.func.coalesce(sa.func.sum(jobs.c.rows), 0)).where(
            jobs.c.project_id == project_id, jobs.c.kind == "sync", jobs.c.status == "Running"
        )
        if but:
            query = query.where(jobs.c.id.not_in(but))
        with self._db.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def row_limit(self, project_id: int) -> int | None:
        """Rows that may be synced in a calendar month (UTC); None for any number."""
        with self._db.read() as connection:
            query = sa.select(models.projects.c.row_limit).filter_by(id=project_id)
            limit: int | None = connection.execute(query).scalar()
        return limit

    def set_row_limit(self, project_id: int, rows: int | None) -> None:
        projects = models.projects
        with self._db.write() as connection:
            connection.execute(
                sa.update(projects).where(projects.c.id == project_id).values(row_limit=rows)
            )
