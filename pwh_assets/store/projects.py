"""Projects: the tenants of a home, and the version of each one's catalog."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from pwh_assets.errors import NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class Projects(StorePart):
    def ensure_project(self, project_id: int = 1, name: str = "Default") -> bool:
        """Make the project unless it exists; True when it was made now."""
        projects = models.projects
        with self._db.read() as connection:
            if connection.execute(sa.select(projects.c.id).filter_by(id=project_id)).first():
                return False
        with self._db.write() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(
                        projects.insert().values(
                            id=project_id, name=name, catalog_version=0, created_at=utc_now()
                        )
                    )
            except sa.exc.IntegrityError:
                return False
        return True

    def project_ids(self) -> list[int]:
        with self._db.read() as connection:
            query = sa.select(models.projects.c.id).order_by(models.projects.c.id)
            return list(connection.execute(query).scalars())

    def project_name(self, project_id: int) -> str:
        """Raises NotFoundError."""
        with self._db.read() as connection:
            query = sa.select(models.projects.c.name).filter_by(id=project_id)
            name: str | None = connection.execute(query).scalar()
        if name is None:
            raise NotFoundError("project", str(project_id))
        return name

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
        with self._db.read() as connection:
            query = sa.select(models.projects.c.catalog_version).filter_by(id=project_id)
            version = connection.execute(query).scalar()
        return f"{project_id}.{version if version is not None else '-'}"
