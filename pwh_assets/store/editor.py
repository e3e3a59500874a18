"""Folders of saved queries, drafts, annotations of columns, open tabs."""

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.editor import Annotation, Draft, Folder, TabState
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart, touch
from pwh_assets.store.rows import utc_now


class FolderExistsError(ConflictError):
    """A folder of this name is there."""

    code = "folder_exists"

    def __init__(self, name: str) -> None:
        self.attr = "name"
        super().__init__(f"There is a folder `{name}` already. Use it, or choose another name.")


class AnnotationExistsError(ConflictError):
    """Something is said of this table or column already."""

    code = "annotation_exists"

    def __init__(self, subject: str, column: str, known: str) -> None:
        what = f"column `{column}` of `{subject}`" if column else f"`{subject}`"
        super().__init__(f"There is an annotation of {what} already. Change `{known}` instead.")


class Editor(StorePart):
    # -- folders -------------------------------------------------------------------------------

    def folders(self, project_id: int) -> list[Folder]:
        """By name, each with how many views are in it."""
        folders, views = models.view_folders, models.saved_queries
        live = sa.and_(
            views.c.project_id == folders.c.project_id,
            views.c.folder == folders.c.name,
            views.c.deleted_at.is_(None),
        )
        counted = sa.select(sa.func.count()).select_from(views).where(live).scalar_subquery()
        query = (
            sa.select(folders, counted.label("view_count"))
            .where(folders.c.project_id == project_id)
            .order_by(folders.c.name)
        )
        with self._db.read() as connection:
            return [
                Folder(r.id, r.project_id, r.name, r.created_by, r.created_at, r.view_count)
                for r in connection.execute(query)
            ]

    def add_folder(self, project_id: int, name: str, created_by: str) -> str:
        """Its id. Raises FolderExistsError."""
        with self._db.write() as connection:
            folder_id, is_new = keep_folder(connection, project_id, name, created_by)
            if not is_new:
                raise FolderExistsError(name)
        return folder_id

    def rename_folder(self, project_id: int, folder_id: str, name: str) -> None:
        """With what its views say. Raises NotFoundError, FolderExistsError."""
        folders = models.view_folders
        with self._db.write() as connection:
            row = self._own(connection, folders, "folder", project_id, folder_id)
            if row.name == name:
                return
            taken = sa.select(folders.c.id).filter_by(project_id=project_id, name=name)
            if connection.execute(taken).first():
                raise FolderExistsError(name)
            change = sa.update(folders).where(folders.c.id == folder_id)
            connection.execute(change.values(name=name))
            _move(connection, project_id, row.name, name)
            touch(connection, project_id)

    def remove_folder(self, project_id: int, folder_id: str) -> None:
        """Its views are in no folder then. Raises NotFoundError."""
        folders = models.view_folders
        with self._db.write() as connection:
            row = self._own(connection, folders, "folder", project_id, folder_id)
            connection.execute(sa.delete(folders).where(folders.c.id == folder_id))
            _move(connection, project_id, row.name, "")
            touch(connection, project_id)

    # -- drafts --------------------------------------------------------------------------------

    def drafts(self, project_id: int, author: str) -> list[Draft]:
        """Somebody's own, last changed first."""
        drafts = models.view_drafts
        query = (
            sa.select(drafts)
            .where(drafts.c.project_id == project_id, drafts.c.author == author)
            .order_by(drafts.c.updated_at.desc(), drafts.c.id)
        )
        with self._db.read() as connection:
            return [Draft(**row._mapping) for row in connection.execute(query)]

    def draft(self, project_id: int, author: str, draft_id: str) -> Draft:
        """Raises NotFoundError, also for somebody else's."""
        with self._db.read() as connection:
            row = self._own(connection, models.view_drafts, "draft", project_id, draft_id, author)
        return Draft(**row._mapping)

    def save_draft(
        self, project_id: int, author: str, values: Mapping[str, Any], draft_id: str | None = None
    ) -> Draft:
        """A new one, or what changes of one: `name`, `query`, `view_id`, `edited_version`. Raises NotFoundError."""
        drafts, now = models.view_drafts, utc_now()
        with self._db.write() as connection:
            if draft_id is None:
                draft_id = str(uuid.uuid4())
                connection.execute(
                    drafts.insert().values(
                        id=draft_id,
                        project_id=project_id,
                        author=author,
                        created_at=now,
                        updated_at=now,
                        **values,
                    )
                )
            else:
                self._own(connection, drafts, "draft", project_id, draft_id, author)
                change = sa.update(drafts).where(drafts.c.id == draft_id)
                connection.execute(change.values(updated_at=now, **values))
            row = connection.execute(sa.select(drafts).where(drafts.c.id == draft_id)).one()
        return Draft(**row._mapping)

    def remove_draft(self, project_id: int, author: str, draft_id: str) -> None:
        """Raises NotFoundError."""
        with self._db.write() as connection:
            self._own(connection, models.view_drafts, "draft", project_id, draft_id, author)
            drafts = models.view_drafts
            connection.execute(sa.delete(drafts).where(drafts.c.id == draft_id))

    # -- annotations ---------------------------------------------------------------------------

    def annotations(self, project_id: int) -> list[Annotation]:
        """By table or view, and column."""
        notes = models.annotations
        query = (
            sa.select(notes)
            .where(notes.c.project_id == project_id)
            .order_by(notes.c.subject_id, notes.c.column_name)
        )
        with self._db.read() as connection:
            return [_annotation_of(row) for row in connection.execute(query)]

    def annotation(self, project_id: int, annotation_id: str) -> Annotation:
        """Raises NotFoundError."""
        with self._db.read() as connection:
            row = self._own(connection, models.annotations, "annotation", project_id, annotation_id)
        return _annotation_of(row)

    def add_annotation(
        self, project_id: int, subject_id: str, column: str, description: str, author: str
    ) -> Annotation:
        """Raises AnnotationExistsError."""
        notes, now, new_id = models.annotations, utc_now(), str(uuid.uuid4())
        place = {"project_id": project_id, "subject_id": subject_id, "column_name": column}
        with self._db.write() as connection:
            known = connection.execute(sa.select(notes.c.id).filter_by(**place)).scalar()
            if known is not None:
                raise AnnotationExistsError(subject_id, column, known)
            connection.execute(
                notes.insert().values(
                    id=new_id,
                    description=description,
                    author=author,
                    created_at=now,
                    updated_at=now,
                    **place,
                )
            )
            touch(connection, project_id)
        return self.annotation(project_id, new_id)

    def change_annotation(
        self, project_id: int, annotation_id: str, description: str, author: str
    ) -> Annotation:
        """Raises NotFoundError."""
        notes = models.annotations
        with self._db.write() as connection:
            self._own(connection, notes, "annotation", project_id, annotation_id)
            change = sa.update(notes).where(notes.c.id == annotation_id)
            values = {"description": description, "author": author, "updated_at": utc_now()}
            connection.execute(change.values(**values))
            touch(connection, project_id)
        return self.annotation(project_id, annotation_id)

    def remove_annotation(self, project_id: int, annotation_id: str) -> None:
        """Raises NotFoundError."""
        notes = models.annotations
        with self._db.write() as connection:
            self._own(connection, notes, "annotation", project_id, annotation_id)
            connection.execute(sa.delete(notes).where(notes.c.id == annotation_id))
            touch(connection, project_id)

    # -- tabs ----------------------------------------------------------------------------------

    def tab_states(self, project_id: int, author: str) -> list[TabState]:
        """Somebody's own, last changed first."""
        tabs = models.tab_states
        query = (
            sa.select(tabs)
            .where(tabs.c.project_id == project_id, tabs.c.author == author)
            .order_by(tabs.c.updated_at.desc(), tabs.c.id)
        )
        with self._db.read() as connection:
            return [TabState(**row._mapping) for row in connection.execute(query)]

    def save_tab_state(
        self, project_id: int, author: str, state: Mapping[str, Any], state_id: str | None = None
    ) -> TabState:
        """A new one, or the same with other tabs. Raises NotFoundError."""
        tabs = models.tab_states
        values = {"state": dict(state), "updated_at": utc_now()}
        with self._db.write() as connection:
            if state_id is None:
                state_id = str(uuid.uuid4())
                connection.execute(
                    tabs.insert().values(
                        id=state_id, project_id=project_id, author=author, **values
                    )
                )
            else:
                self._own(connection, tabs, "tab state", project_id, state_id, author)
                connection.execute(sa.update(tabs).where(tabs.c.id == state_id).values(**values))
            row = connection.execute(sa.select(tabs).where(tabs.c.id == state_id)).one()
        return TabState(**row._mapping)

    def remove_tab_state(self, project_id: int, author: str, state_id: str) -> None:
        """Raises NotFoundError."""
        tabs = models.tab_states
        with self._db.write() as connection:
            self._own(connection, tabs, "tab state", project_id, state_id, author)
            connection.execute(sa.delete(tabs).where(tabs.c.id == state_id))

    @staticmethod
    def _own(
        connection: sa.Connection,
        table: sa.Table,
        noun: str,
        project_id: int,
        subject_id: str,
        author: str | None = None,
    ) -> sa.Row[Any]:
        """The row, if it is the project's, and the author's where it has one."""
        query = sa.select(table).filter_by(id=subject_id, project_id=project_id)
        if author is not None:
            query = query.filter_by(author=author)
        row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(noun, subject_id)
        return row


def keep_folder(
    connection: sa.Connection, project_id: int, name: str, created_by: str = ""
) -> tuple[str, bool]:
    """Id of the folder of this name, and whether it is new."""
    folders = models.view_folders
    query = sa.select(folders.c.id).filter_by(project_id=project_id, name=name)
    known = connection.execute(query).scalar()
    if known is not None:
        return known, False
    folder_id = str(uuid.uuid4())
    connection.execute(
        folders.insert().values(
            id=folder_id,
            project_id=project_id,
            name=name,
            created_by=created_by,
            created_at=utc_now(),
        )
    )
    return folder_id, True


def _move(connection: sa.Connection, project_id: int, old: str, new: str) -> None:
    views = models.saved_queries
    inside = (views.c.project_id == project_id, views.c.folder == old)
    connection.execute(sa.update(views).where(*inside).values(folder=new))


def _annotation_of(row: sa.Row[Any]) -> Annotation:
    return Annotation(
        row.id,
        row.project_id,
        row.subject_id,
        row.column_name,
        row.description,
        row.author,
        row.created_at,
        row.updated_at,
    )
