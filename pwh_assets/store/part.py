"""What every part of the store shares: its database, its secrets, and the catalog's version."""

from typing import Any

import sqlalchemy as sa

from pwh_assets.store import models
from pwh_assets.store.database import Database
from pwh_assets.store.secrets import SecretBox


class StorePart:
    """Base of the parts `Store` is put together from; each method of a part is one short transaction."""

    _db: Database
    _box: SecretBox | None


def touch(connection: sa.Connection, project_id: int) -> None:
    """Say that the project's catalog changed; plans and definitions built before are out of date."""
    projects = models.projects
    connection.execute(
        sa.update(projects)
        .where(projects.c.id == project_id)
        .values(catalog_version=projects.c.catalog_version + 1)
    )


def differs(row: Any, values: dict[str, Any]) -> set[str]:
    """Names of the columns whose stored value is another one."""
    return {name for name, value in values.items() if getattr(row, name) != value}
