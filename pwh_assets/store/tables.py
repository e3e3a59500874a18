"""Synced tables: how each one syncs and how its last sync went."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.names import nearest, slug, table_spellings
from pwh_assets.core.source import Source, SyncedTable, SyncMode, TableStatus
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import models
from pwh_assets.store.names import PRODUCT_TABLES, claim, release, table_claim
from pwh_assets.store.part import StorePart, differs, touch
from pwh_assets.store.rows import (
    NewTable,
    auto_sync_from_json,
    changes_to_row,
    source_of,
    table_of,
    utc_now,
)

_CHANGEABLE = frozenset(field.name for field in fields(SyncedTable)) - {
    "id",
    "source",
    "created_at",
}
_RUN_STATE = frozenset(
    (
        "status",
        "watermark",
        "last_synced_at",
        "latest_error",
        "failed_at",
        "row_count",
        "resync_reason",
        "full_synced_at",
        "available",
    )
)
"""Columns that say how a sync went: changing them changes no definition."""


class Tables(StorePart):
    def add_tables(self, source_id: str, tables: Sequence[NewTable]) -> list[SyncedTable]:
        """Add tables to a source.

        Raises:
            NotFoundError: no such source.
            NameClashError: a HogQL name is taken.
            ConflictError: the source has a table of this name.
        """
        with self._db.write() as connection:
            source = source_of(_live_source(connection, source_id))
            try:
                with connection.begin_nested():
                    ids = insert_tables(connection, source.project_id, source_id, tables, utc_now())
            except sa.exc.IntegrityError:
                raise ConflictError(
                    f"Source `{source.slug}` has one of these tables already. Refresh it to see its tables."
                ) from None
            claim(
                connection,
                source.project_id,
                (
                    table_claim(i, source.source_type, source.prefix, t.name)
                    for i, t in zip(ids, tables, strict=True)
                ),
            )
            if tables:
                touch(connection, source.project_id)
        return [self.table(table_id) for table_id in ids]

    def tables(
        self, project_id: int | None = None, source_id: str | None = None
    ) -> list[SyncedTable]:
        """Tables by source, then by name."""
        query = _joined()
        if project_id is not None:
            query = query.where(models.source_tables.c.project_id == project_id)
        if source_id is not None:
            query = query.where(models.source_tables.c.source_id == source_id)
        query = query.order_by(
            models.sources.c.created_at, models.sources.c.id, models.source_tables.c.name
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        known: dict[str, Source] = {}
        return [_both(row, known) for row in rows]

    def sync_progress(
        self, table_ids: Collection[str] | None = None
    ) -> dict[str, tuple[TableStatus, str | None, datetime | None]]:
        """Status, watermark and moment of the last sync by table id: what a sync changes of a table, without the rest."""
        tables = models.source_tables.c
        wanted = (tables.id, tables.status, tables.watermark, tables.last_synced_at)
        query = sa.select(*wanted).where(tables.deleted_at.is_(None))
        if table_ids is not None:
            query = query.where(tables.id.in_(table_ids))
        with self._db.read() as connection:
            return {
                row.id: (TableStatus(row.status), row.watermark, row.last_synced_at)
                for row in connection.execute(query)
            }

    def table(self, table_id: str) -> SyncedTable:
        """Raises NotFoundError."""
        with self._db.read() as connection:
            row = connection.execute(_joined().where(models.source_tables.c.id == table_id)).first()
        if row is None:
            raise NotFoundError("table", table_id, "`pwh source list` shows the tables there are.")
        return _both(row, {})

    def find_table(self, project_id: int, name: str) -> SyncedTable | None:
        """The table a text means: its id, any HogQL spelling, or `<source slug>.<table>`; None when none does."""
        spelled = name.strip().lower().replace("/", ".")
        for table_id, _, spellings in self._spellings(project_id):
            if spelled in spellings:
                return self.table(table_id)
        return None

    def nearest_table(self, project_id: int, name: str) -> str | None:
        """The flat name of the table a misspelled text most likely means."""
        return nearest(name, [flat for _, flat, _ in self._spellings(project_id)])

    def names_in_use(self, project_id: int) -> list[str]:
        """Every HogQL name that is taken, lower case; the product's own among them."""
        query = sa.select(models.names.c.name).where(models.names.c.project_id == project_id)
        with self._db.read() as connection:
            return [*PRODUCT_TABLES, *connection.execute(query).scalars()]

    def update_table(self, table_id: str, **changes: Any) -> SyncedTable:
        """Change any field of a SyncedTable but its id and source.

        Raises:
            NotFoundError: no such table.
            TypeError: no such field.
        """
        values = changes_to_row(changes, _CHANGEABLE)
        tables = models.source_tables
        with self._db.write() as connection:
            query = sa.select(tables).where(tables.c.id == table_id, tables.c.deleted_at.is_(None))
            row = connection.execute(query.with_for_update()).first()
            if row is None:
                raise NotFoundError("table", table_id)
            changed = differs(row, values)
            if changed:
                connection.execute(
                    sa.update(tables)
                    .where(tables.c.id == table_id)
                    .values({name: values[name] for name in changed})
                )
            appears = row.mode == SyncMode.IN_PLACE.value and row.last_synced_at is None
            if changed - _RUN_STATE or (appears and "last_synced_at" in changed):
                touch(connection, row.project_id)
        return self.table(table_id)

    def remove_table(self, table_id: str) -> None:
        """Soft delete one table; its names are free again."""
        tables = models.source_tables
        with self._db.write() as connection:
            query = sa.select(tables).where(tables.c.id == table_id, tables.c.deleted_at.is_(None))
            row = connection.execute(query).first()
            if row is None:
                raise NotFoundError("table", table_id)
            connection.execute(
                sa.update(tables).where(tables.c.id == table_id).values(deleted_at=utc_now())
            )
            release(connection, [table_id])
            touch(connection, row.project_id)

    def _spellings(self, project_id: int) -> list[tuple[str, str, frozenset[str]]]:
        tables, sources = models.source_tables, models.sources
        query = (
            sa.select(
                tables.c.id, tables.c.name, sources.c.source_type, sources.c.prefix, sources.c.slug
            )
            .join(sources, sources.c.id == tables.c.source_id)
            .where(tables.c.project_id == project_id, tables.c.deleted_at.is_(None))
            .order_by(tables.c.created_at, tables.c.id)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        found = []
        for row in rows:
            spellings = table_spellings(row.source_type, row.prefix, row.name)
            more = (row.id, f"{row.slug}.{slug(row.name)}", f"{row.slug}.{row.name.lower()}")
            found.append((row.id, spellings[0], frozenset((*spellings, *more))))
        return found


def insert_tables(
    connection: sa.Connection,
    project_id: int,
    source_id: str,
    tables: Sequence[NewTable],
    now: datetime,
) -> list[str]:
    """The new ids, in the order of `tables`."""
    rows = [
        {
            "id": str(uuid.uuid4()),
            "project_id": project_id,
            "source_id": source_id,
            **changes_to_row(
                {field.name: getattr(table, field.name) for field in fields(table)}, _CHANGEABLE
            ),
            "status": TableStatus.NEVER_RUN.value,
            "is_missing": False,
            "created_at": now,
        }
        for table in tables
    ]
    if rows:
        connection.execute(models.source_tables.insert(), rows)
    return [row["id"] for row in rows]


def _joined() -> sa.Select[Any]:
    tables, sources = models.source_tables, models.sources
    of_source = [column.label(f"source__{column.name}") for column in sources.c]
    return (
        sa.select(*tables.c, *of_source)
        .join(sources, sources.c.id == tables.c.source_id)
        .where(tables.c.deleted_at.is_(None))
    )


def _both(row: sa.Row[Any], known: dict[str, Source]) -> SyncedTable:
    source = known.get(row.source_id)
    if source is None:
        source = Source(
            id=row.source__id,
            project_id=row.source__project_id,
            source_type=row.source__source_type,
            prefix=row.source__prefix,
            description=row.source__description,
            config=row.source__config,
            created_at=row.source__created_at,
            auto_sync=auto_sync_from_json(row.source__auto_sync),
        )
        known[row.source_id] = source
    return table_of(row, source)


def _live_source(connection: sa.Connection, source_id: str) -> sa.Row[Any]:
    sources = models.sources
    query = sa.select(sources).where(sources.c.id == source_id, sources.c.deleted_at.is_(None))
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        raise NotFoundError("source", source_id)
    return row
