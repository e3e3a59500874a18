"""Drift: how the shape of synced tables changed, sync by sync."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.job import ChangeKind, SchemaChange
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class Drift(StorePart):
    def add_schema_changes(
        self, project_id: int, table_id: str, job_id: str | None, changes: Sequence[SchemaChange]
    ) -> None:
        """Keep what one sync found. What was followed needs nobody and counts as resolved at once."""
        now = utc_now()
        rows = [
            {
                "project_id": project_id,
                "table_id": table_id,
                "job_id": job_id,
                "column_name": change.column,
                "kind": change.kind.value,
                "before": change.before,
                "after": change.after,
                "is_followed": change.is_followed,
                "note": change.note,
                "at": change.at or now,
                "resolved_at": now if change.is_followed else None,
            }
            for change in changes
        ]
        if rows:
            with self._db.write() as connection:
                connection.execute(models.schema_changes.insert(), rows)

    def schema_changes(
        self, project_id: int, table_id: str | None = None, limit: int = 50
    ) -> list[tuple[str, SchemaChange]]:
        """Table ids and changes, newest first."""
        changes = models.schema_changes
        query = sa.select(changes).where(changes.c.project_id == project_id)
        if table_id is not None:
            query = query.where(changes.c.table_id == table_id)
        query = query.order_by(changes.c.at.desc(), changes.c.id.desc()).limit(limit)
        with self._db.read() as connection:
            return [(row.table_id, _change_of(row)) for row in connection.execute(query)]

    def open_changes(
        self, project_id: int, table_id: str | None = None
    ) -> dict[str, list[SchemaChange]]:
        """Changes somebody has to look at, by table, oldest first."""
        changes = models.schema_changes
        query = sa.select(changes).where(
            changes.c.project_id == project_id, changes.c.resolved_at.is_(None)
        )
        if table_id is not None:
            query = query.where(changes.c.table_id == table_id)
        found: dict[str, list[SchemaChange]] = {}
        with self._db.read() as connection:
            for row in connection.execute(query.order_by(changes.c.id)):
                found.setdefault(row.table_id, []).append(_change_of(row))
        return found

    def resolve_changes(self, table_id: str, columns: Collection[str] | None = None) -> None:
        """Open changes of these columns (or of all) are no longer true, or the table was rebuilt."""
        changes = models.schema_changes
        query = sa.update(changes).where(
            changes.c.table_id == table_id, changes.c.resolved_at.is_(None)
        )
        if columns is not None:
            query = query.where(changes.c.column_name.in_(list(columns)))
        with self._db.write() as connection:
            connection.execute(query.values(resolved_at=utc_now()))


def _change_of(row: sa.Row[Any]) -> SchemaChange:
    return SchemaChange(
        column=row.column_name,
        kind=ChangeKind(row.kind),
        before=row.before,
        after=row.after,
        is_followed=row.is_followed,
        note=row.note,
        at=row.at,
        job_id=row.job_id,
    )
