"""Saved queries with every version they ever had."""

import uuid
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import Column, TableStatus
from pwh_assets.core.view import SavedQuery, SavedQueryVersion, ViewOrigin
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import models
from pwh_assets.store.editor import keep_folder
from pwh_assets.store.names import claim, release, view_claim
from pwh_assets.store.part import StorePart, differs, touch
from pwh_assets.store.rows import changes_to_row, utc_now, view_of
from pwh_assets.store.suspension import counted_failure

_CHANGEABLE = frozenset(field.name for field in fields(SavedQuery)) - {
    "id",
    "project_id",
    "name",
    "sql",
    "version",
    "created_at",
    "updated_at",
}
_RUN_STATE = frozenset(
    (
        "status",
        "last_run_at",
        "latest_error",
        "failed_at",
        "row_count",
        "incremental_state",
        "failures_in_a_row",
        "suspended_at",
        "last_attempt_at",
        "attempted_snapshot",
        "stale_since",
        "stale_reason",
        "built_version",
        "last_build",
    )
)


class EditConflictError(ConflictError):
    """Somebody else saved the view since its editor last saw it."""

    code = "edit_conflict"

    def __init__(self, name: str, seen: int, version: int, author: str) -> None:
        self.name, self.seen, self.version, self.author = name, seen, version, author
        if not version:
            found = f"There is no view `{name}` any more; this edit began from version {seen}."
        elif not seen:
            found = f"There is a view `{name}` already; a new one needs another name."
        else:
            by = f" by {author}" if author else ""
            found = (
                f"View `{name}` is at version {version} now{by}; this edit began from version {seen}. "
                f"`pwh view diff {name} {seen} {version}` shows what came between."
            )
        super().__init__(f"{found} Nothing was saved.")


class Views(StorePart):
    def save_view(
        self,
        project_id: int,
        name: str,
        sql: str,
        columns: Sequence[Column],
        inputs: Sequence[str],
        description: str = "",
        owner: str = "",
        author: str = "",
        note: str = "",
        *,
        expected_version: int | None = None,
        origin: ViewOrigin = ViewOrigin.USER,
        managed_by: str = "",
    ) -> SavedQuery:
        """Make the view or change it; a new text adds a version. An empty description or owner keeps the old one.

        Args:
            note: what the new version changes, kept with it.
            expected_version: the version the edit began from; 0 for a view that should not exist yet.

        Raises:
            NameClashError: the name is a table's.
            EditConflictError: it is at another version than the expected one.
            NotFoundError: there is no such project.
        """
        views, now = models.saved_queries, utc_now()
        values = changes_to_row({"columns": columns, "inputs": inputs}, _CHANGEABLE)
        with self._db.write() as connection:
            project = sa.select(models.projects.c.id).filter_by(id=project_id).with_for_update()
            if not connection.execute(project).first():
                raise NotFoundError("project", str(project_id))
            row = connection.execute(_named(project_id, name)).first()
            if expected_version is not None:
                _check_version(connection, row, name, expected_version)
            if row is None:
                view_id, version = str(uuid.uuid4()), 1
                claim(connection, project_id, [view_claim(view_id, name)])
                connection.execute(
                    views.insert().values(
                        id=view_id,
                        project_id=project_id,
                        name=name,
                        sql=sql,
                        version=1,
                        description=description,
                        owner=owner,
                        is_materialized=False,
                        status=TableStatus.NEVER_RUN.value,
                        origin=origin.value,
                        managed_by=managed_by,
                        created_at=now,
                        updated_at=now,
                        **values,
                    )
                )
            else:
                view_id, version = row.id, row.version
                values |= {"description": description} if description else {}
                values |= {"owner": owner} if owner else {}
                if row.sql != sql:
                    version += 1
                    values |= {"sql": sql, "version": version}
                    if row.is_materialized and row.status == TableStatus.COMPLETED.value:
                        values["status"] = TableStatus.MODIFIED.value
                changed = differs(row, values)
                if not changed:
                    return view_of(row)
                update = sa.update(views).where(views.c.id == view_id)
                connection.execute(update.values(updated_at=now, **values))
            if row is None or row.sql != sql:
                connection.execute(
                    models.saved_query_versions.insert().values(
                        view_id=view_id,
                        version=version,
                        sql=sql,
                        author=author,
                        created_at=now,
                        note=note,
                    )
                )
            touch(connection, project_id)
            stored = connection.execute(sa.select(views).where(views.c.id == view_id)).one()
        return view_of(stored)

    def views(self, project_id: int | None = None) -> list[SavedQuery]:
        """Views by name."""
        views = models.saved_queries
        query = sa.select(views).where(views.c.deleted_at.is_(None)).order_by(views.c.name)
        if project_id is not None:
            query = query.where(views.c.project_id == project_id)
        with self._db.read() as connection:
            return [view_of(row) for row in connection.execute(query)]

    def builds_mark(self, project_id: int) -> str:
        """A text that changes with every build of a view that begins, ends, fails or is given up, and with every
        suspension; what a view says is in the catalog's version.
        """
        views = models.saved_queries.c
        moments = ("last_attempt_at", "last_run_at", "failed_at", "suspended_at", "stale_since")
        counted = [sa.func.count(views[name]) for name in ("suspended_at", "stale_since")]
        newest = [sa.func.max(views[name]) for name in (*moments, "attempted_snapshot")]
        query = (
            sa.select(views.status, sa.func.count(), *counted, *newest)
            .where(views.project_id == project_id, views.deleted_at.is_(None))
            .group_by(views.status)
            .order_by(views.status)
        )
        with self._db.read() as connection:
            return repr([tuple(row) for row in connection.execute(query)])

    def view(self, project_id: int, name: str) -> SavedQuery:
        """Raises NotFoundError."""
        found = self.find_view(project_id, name)
        if found is None:
            raise NotFoundError("view", name, "`pwh view list` shows those there are.")
        return found

    def find_view(self, project_id: int, name_or_id: str) -> SavedQuery | None:
        """By name in any case, or by id."""
        views = models.saved_queries
        with self._db.read() as connection:
            row = connection.execute(_named(project_id, name_or_id)).first()
            if row is None:
                query = sa.select(views).where(
                    views.c.id == name_or_id,
                    views.c.project_id == project_id,
                    views.c.deleted_at.is_(None),
                )
                row = connection.execute(query).first()
        return view_of(row) if row is not None else None

    def view_versions(self, view_id: str) -> list[SavedQueryVersion]:
        """Oldest first."""
        versions = models.saved_query_versions
        query = (
            sa.select(versions).where(versions.c.view_id == view_id).order_by(versions.c.version)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [SavedQueryVersion(r.version, r.sql, r.created_at, r.author, r.note) for r in rows]

    def update_view(self, view_id: str, **changes: Any) -> SavedQuery:
        """Change any field of a SavedQuery but its name and text, which `save_view` changes.

        Raises:
            NotFoundError: no such view.
            TypeError: no such field.
        """
        values = changes_to_row(changes, _CHANGEABLE)
        views = models.saved_queries
        with self._db.write() as connection:
            row = _view_row(connection, view_id)
            changed = differs(row, values)
            if "folder" in changed and values["folder"]:
                keep_folder(connection, row.project_id, values["folder"])
            if changed - _RUN_STATE:
                values["updated_at"] = utc_now()
                touch(connection, row.project_id)
            if changed:
                connection.execute(sa.update(views).where(views.c.id == view_id).values(**values))
            stored = connection.execute(sa.select(views).where(views.c.id == view_id)).one()
        return view_of(stored)

    def note_view_failure(
        self, view_id: str, job_id: str, error: str, *, suspends: bool = True
    ) -> SavedQuery:
        """Write down that a build failed, and suspend the view after `SUSPENDED_AFTER` in a row.

        Several failed attempts of one run count once. A failure that does not suspend is not counted.

        Raises:
            NotFoundError: no such view.
        """
        jobs, views, now = models.jobs, models.saved_queries, utc_now()
        with self._db.write() as connection:
            _view_row(connection, view_id)
            values: dict[str, Any] = {
                "status": TableStatus.FAILED.value,
                "latest_error": error,
                "failed_at": sa.func.coalesce(views.c.failed_at, now),  # of the first in a row
                "stale_since": None,  # it is its own trouble now
                "stale_reason": None,
            }
            run_id = connection.execute(sa.select(jobs.c.run_id).filter_by(id=job_id)).scalar()
            earlier = sa.select(jobs.c.id).where(
                jobs.c.subject_id == view_id,
                jobs.c.id != job_id,
                jobs.c.run_id == run_id,
                jobs.c.status == JobStatus.FAILED.value,
            )
            is_counted = run_id is not None and connection.execute(earlier).first() is not None
            if suspends and not is_counted:
                values |= counted_failure(now)
            connection.execute(sa.update(views).where(views.c.id == view_id).values(**values))
            stored = connection.execute(sa.select(views).where(views.c.id == view_id)).one()
        return view_of(stored)

    def keep_back(self, view_id: str, reason: str) -> SavedQuery:
        """Say why a view is not rebuilt; since when is kept from the first time. Raises NotFoundError."""
        views = models.saved_queries
        with self._db.write() as connection:
            row = _view_row(connection, view_id)
            since = row.stale_since or utc_now()
            connection.execute(
                sa.update(views)
                .where(views.c.id == view_id)
                .values(stale_since=since, stale_reason=reason)
            )
            stored = connection.execute(sa.select(views).where(views.c.id == view_id)).one()
        return view_of(stored)

    def views_kept_back(self, project_id: int | None = None) -> list[SavedQuery]:
        """Materialized views that wait for something they read to be mended."""
        views = models.saved_queries
        query = sa.select(views).where(
            views.c.deleted_at.is_(None), views.c.stale_since.is_not(None), views.c.is_materialized
        )
        if project_id is not None:
            query = query.where(views.c.project_id == project_id)
        with self._db.read() as connection:
            return [view_of(row) for row in connection.execute(query.order_by(views.c.name))]

    def rename_view(self, view_id: str, name: str) -> SavedQuery:
        """Another name for the view; its id and versions stay.

        Raises:
            NotFoundError: no such view.
            NameClashError: the name is taken.
        """
        views = models.saved_queries
        with self._db.write() as connection:
            row = _view_row(connection, view_id)
            release(connection, [view_id])
            claim(connection, row.project_id, [view_claim(view_id, name)])
            connection.execute(
                sa.update(views)
                .where(views.c.id == view_id)
                .values(name=name, updated_at=utc_now())
            )
            touch(connection, row.project_id)
            stored = connection.execute(sa.select(views).where(views.c.id == view_id)).one()
        return view_of(stored)

    def remove_view(self, view_id: str) -> None:
        """Soft delete: versions and jobs stay, the name is free again."""
        views = models.saved_queries
        with self._db.write() as connection:
            row = _view_row(connection, view_id)
            connection.execute(
                sa.update(views).where(views.c.id == view_id).values(deleted_at=utc_now())
            )
            release(connection, [view_id])
            touch(connection, row.project_id)


def _named(project_id: int, name: str) -> sa.Select[Any]:
    """The live view of this name: whoever claimed the name in this project."""
    views, names = models.saved_queries, models.names
    return (
        sa.select(views)
        .join(names, names.c.subject_id == views.c.id)
        .where(
            names.c.project_id == project_id,
            names.c.name == name.lower(),
            names.c.kind == "view",
            views.c.deleted_at.is_(None),
        )
    )


def _check_version(
    connection: sa.Connection, row: sa.Row[Any] | None, name: str, expected: int
) -> None:
    version = row.version if row is not None else 0
    if version == expected:
        return
    versions, author = models.saved_query_versions, ""
    if row is not None:
        query = sa.select(versions.c.author).filter_by(view_id=row.id, version=version)
        author = connection.execute(query).scalar() or ""
    raise EditConflictError(row.name if row is not None else name, expected, version, author)


def _view_row(connection: sa.Connection, view_id: str) -> sa.Row[Any]:
    views = models.saved_queries
    query = sa.select(views).where(views.c.id == view_id, views.c.deleted_at.is_(None))
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        raise NotFoundError("view", view_id)
    return row
