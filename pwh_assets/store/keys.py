"""People and their keys: a key is shown once, and only its SHA-256 is kept."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class KeyKind(StrEnum):
    PERSONAL = "phx_"
    """Reads and manages; belongs to a person."""
    CAPTURE = "phc_"
    """Sends events to one project."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; never the key."""

    id: str
    project_id: int
    kind: KeyKind
    label: str
    ending: str
    user: str | None = None
    created_at: datetime | None = None


class Keys(StorePart):
    def claim_home(self, owner: str = "owner") -> tuple[str, str] | None:
        """Make the owner and project 1's two keys, once per home.

        Returns:
            The personal and the capture key in plain text, which nobody can show again; None when a
            home has its owner already.
        """
        users = models.users
        with self._db.write() as connection:
            if not self._db.is_sqlite:
                connection.execute(sa.text("LOCK TABLE users IN EXCLUSIVE MODE"))
            if connection.execute(sa.select(users.c.id)).first():
                return None
            user_id = str(uuid.uuid4())
            connection.execute(
                users.insert().values(id=user_id, name=owner, role="owner", created_at=utc_now())
            )
            personal = _new_key(connection, 1, KeyKind.PERSONAL, "first key", user_id)
            capture = _new_key(connection, 1, KeyKind.CAPTURE, "capture key", None)
        return personal, capture

    def add_key(self, project_id: int, kind: KeyKind, label: str, user: str = "owner") -> str:
        """A new key in plain text, this once."""
        with self._db.write() as connection:
            query = sa.select(models.users.c.id).filter_by(name=user)
            user_id = connection.execute(query).scalar() if kind is KeyKind.PERSONAL else None
            return _new_key(connection, project_id, kind, label, user_id)

    def find_key(self, plain: str) -> ApiKey | None:
        """The key a request carries; None when it is unknown or revoked."""
        keys, users = models.api_keys, models.users
        query = (
            sa.select(keys, users.c.name.label("user"))
            .outerjoin(users, users.c.id == keys.c.user_id)
            .where(keys.c.digest == _digest(plain), keys.c.revoked_at.is_(None))
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return ApiKey(
            row.id,
            row.project_id,
            KeyKind(row.kind),
            row.label,
            row.ending,
            row.user,
            row.created_at,
        )

    def revoke_key(self, key_id: str) -> None:
        with self._db.write() as connection:
            connection.execute(
                sa.update(models.api_keys)
                .where(models.api_keys.c.id == key_id)
                .values(revoked_at=utc_now())
            )


def _digest(plain: str) -> str:
    """Keys are 256 random bits, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _new_key(
    connection: sa.Connection, project_id: int, kind: KeyKind, label: str, user_id: str | None
) -> str:
    plain = kind.value + secrets.token_urlsafe(32)
    connection.execute(
        models.api_keys.insert().values(
            id=str(uuid.uuid4()),
            project_id=project_id,
            user_id=user_id,
            kind=kind.value,
            label=label,
            digest=_digest(plain),
            ending=plain[-4:],
            created_at=utc_now(),
        )
    )
    return plain
