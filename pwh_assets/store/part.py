"""What every part of the store shares: its database, its secrets, and the catalog's version."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from pwh_assets.errors import PwhError
from pwh_assets.store import models
from pwh_assets.store.database import Database
from pwh_assets.store.secrets import SecretBox


class SecretsClosedError(PwhError):
    """The store was opened without keys, so no credential goes in or out."""

    code = "secrets_closed"

    def __init__(self) -> None:
        super().__init__("The store was opened without its keys. Open it through `open_platform`.")


class StorePart:
    """Base of the parts `Store` is put together from; each method of a part is one short transaction."""

    _db: Database
    _box: SecretBox | None

    def _open_box(self) -> SecretBox:
        if self._box is None:
            raise SecretsClosedError
        return self._box

    def _seal(self, secrets: Mapping[str, Any], row_id: str) -> str | None:
        if not secrets:
            return None
        text = json.dumps(dict(secrets), separators=(",", ":"))
        return self._open_box().seal(text.encode(), row_id)

    def _unseal(self, record: str | None, row_id: str) -> dict[str, Any]:
        if not record:
            return {}
        opened: dict[str, Any] = json.loads(self._open_box().open(record, row_id))
        return opened


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
