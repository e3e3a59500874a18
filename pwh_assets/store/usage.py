"""Usage: rows and bytes moved, written at sync time so that a month adds up in milliseconds."""

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
