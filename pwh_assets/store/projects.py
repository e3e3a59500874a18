"""Projects: the tenants of a home, and the version of each one's catalog."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant: its own lake, sources, views and keys."""

    id: int
    name: str
    organization_id: str
    created_at: datetime


class Projects(StorePart):
    def ensure_project(
        self, project_id: int = 1, name: str = "Default", organization_id: str | None = None
    ) -> bool:
        """Make the project unless it exists; True when it was made now.

        Without an organisation it belongs to the home's first one, which is made when there is none.
        """
        projects = models.projects
        with self._db.read() as connection:
            if connection.execute(sa.select(projects.c.id).filter_by(id=project_id)).first():
                return False
        with self._db.write() as connection:
            self._lock_projects(connection)
            try:
                with connection.begin_nested():
                    owner = organization_id or _first_organization(connection)
                    _insert(connection, project_id, name, owner)
            except sa.exc.IntegrityError:
                return False
        return True

    def add_project(self, name: str, organization_id: str) -> int:
        """The number of a new project; a removed one's is never given again."""
        with self._db.write() as connection:
            self._lock_projects(connection)
            highest = connection.execute(sa.select(sa.func.max(models.projects.c.id))).scalar()
            project_id = int(highest or 0) + 1
            _insert(connection, project_id, name, organization_id)
        return project_id

    def _lock_projects(self, connection: sa.Connection) -> None:
        if not self._db.is_sqlite:
            connection.execute(sa.text("LOCK TABLE projects IN SHARE ROW EXCLUSIVE MODE"))

    def project_ids(self) -> list[int]:
        """Of the projects that were not removed."""
        return [project.id for project in self.projects()]

    def projects(self) -> list[Project]:
        """Those that were not removed, by number."""
        projects = models.projects
        query = (
            sa.select(
                projects.c.id, projects.c.name, projects.c.organization_id, projects.c.created_at
            )
            .where(projects.c.deleted_at.is_(None))
            .order_by(projects.c.id)
        )
        with self._db.read() as connection:
            return [
                Project(row.id, row.name, row.organization_id, row.created_at)
                for row in connection.execute(query)
            ]

    def project_name(self, project_id: int) -> str:
        """Raises NotFoundError."""
        for project in self.projects():
            if project.id == project_id:
                return project.name
        raise NotFoundError("project", str(project_id))

    def rename_project(self, project_id: int, name: str) -> None:
        projects = models.projects
        with self._db.write() as connection:
            connection.execute(
                sa.update(projects).where(projects.c.id == project_id).values(name=name)
            )

    def remove_project(self, project_id: int) -> None:
        """Its keys end at once and nobody sees it any more; its rows stay.

        Raises:
            ConflictError: it is the last one of the home.
        """
        projects, keys = models.projects, models.api_keys
        with self._db.write() as connection:
            self._lock_projects(connection)
            there = sa.select(projects.c.id).where(projects.c.deleted_at.is_(None))
            if set(connection.execute(there).scalars()) == {project_id}:
                raise ConflictError(
                    f"Project `{project_id}` is the last one of this home. Make another one first."
                )
            connection.execute(
                sa.update(projects).where(projects.c.id == project_id).values(deleted_at=utc_now())
            )
            connection.execute(
                sa.update(keys)
                .where(
                    keys.c.project_id == project_id,
                    keys.c.user_id.is_(None),
                    keys.c.revoked_at.is_(None),
                )
                .values(revoked_at=utc_now())
            )

    @contextmanager
    def all_or_nothing(self, project_id: int) -> Iterator[None]:
        """Keep everything this thread does to the store inside, or nothing of it when something is raised."""
        seen = 0
        try:
            with self._db.together() as connection:
                try:
                    yield
                except BaseException:
                    query = sa.select(models.projects.c.catalog_version).filter_by(id=project_id)
                    seen = connection.execute(query).scalar() or 0
                    raise
        except BaseException:
            self._pass_version(project_id, seen)
            raise

    def _pass_version(self, project_id: int, seen: int) -> None:
        """Whatever was worked out from what is gone again was worked out for a version that never comes."""
        projects = models.projects
        with self._db.write() as connection:
            connection.execute(
                sa.update(projects)
                .where(projects.c.id == project_id, projects.c.catalog_version <= seen)
                .values(catalog_version=seen + 1)
            )

    def catalog_version(self, project_id: int) -> str:
        """Another text whenever a source, a table's definition or a view of the project has changed."""
        found = self.glanced_catalog_version(project_id)
        if found is not None:
            return found
        with self._db.read() as connection:
            query = sa.select(models.projects.c.catalog_version).filter_by(id=project_id)
            version = connection.execute(query).scalar()
        return f"{project_id}.{version if version is not None else '-'}"

    def glanced_catalog_version(self, project_id: int) -> str | None:
        """The same where it can be had without waiting, else None."""
        row = self._db.glance("SELECT catalog_version FROM projects WHERE id = ?", project_id)
        return f"{project_id}.{row[0]}" if row is not None else None


def _first_organization(connection: sa.Connection) -> str:
    table = models.organizations
    query = sa.select(table.c.id).order_by(table.c.created_at, table.c.id).limit(1)
    found: str | None = connection.execute(query).scalar()
    if found is None:
        found = str(uuid.uuid4())
        connection.execute(table.insert().values(id=found, name="Default", created_at=utc_now()))
    return found


def _insert(connection: sa.Connection, project_id: int, name: str, organization_id: str) -> None:
    connection.execute(
        models.projects.insert().values(
            id=project_id,
            name=name,
            catalog_version=0,
            created_at=utc_now(),
            organization_id=organization_id,
        )
    )
