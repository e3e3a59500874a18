"""Keys: shown once, and only their SHA-256 is kept."""

import hashlib
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pwh_assets.errors import NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class KeyKind(StrEnum):
    PERSONAL = "phx_"
    """Reads and manages; belongs to a person."""
    SECRET = "phs_"
    """Reads and manages one project; belongs to a server."""
    CAPTURE = "phc_"
    """Sends events to one project."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; never the key."""

    id: str
    project_id: int
    """The project it was made in; a secret or capture key opens this one only."""
    kind: KeyKind
    label: str
    ending: str
    user: str | None = None
    created_at: datetime | None = None
    user_id: str | None = None
    scopes: tuple[str, ...] = ("*",)
    only_projects: tuple[int, ...] | None = None
    """Projects a personal key was restricted to; None for all of its person's."""
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the minute."""
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Keys(StorePart):
    def claim_home(self, owner: str = "owner") -> tuple[str, str] | None:
        """Make the owner and project 1's two keys, once per home.

        Returns:
            The personal and the capture key in plain text, which nobody can show again; None when a
            home has its owner already.
        """
        users, now = models.users, utc_now()
        with self._db.write() as connection:
            if not self._db.is_sqlite:
                connection.execute(sa.text("LOCK TABLE users IN EXCLUSIVE MODE"))
            if connection.execute(sa.select(users.c.id)).first():
                return None
            user_id = str(uuid.uuid4())
            connection.execute(
                users.insert().values(id=user_id, name=owner, created_at=now, attributes={})
            )
            project = sa.select(models.projects.c.organization_id).filter_by(id=1)
            connection.execute(
                models.organization_members.insert().values(
                    organization_id=connection.execute(project).scalar_one(),
                    user_id=user_id,
                    role="owner",
                    created_at=now,
                )
            )
            personal = _new_key(connection, 1, KeyKind.PERSONAL, "first key", user_id)
            capture = _new_key(connection, 1, KeyKind.CAPTURE, "capture key", None)
        return personal, capture

    def add_key(
        self,
        project_id: int,
        kind: KeyKind,
        label: str,
        user: str = "owner",
        scopes: Sequence[str] = ("*",),
        only_projects: Collection[int] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """A new key in plain text, this once. `user` is the name of a personal key's person."""
        with self._db.write() as connection:
            user_id = None
            if kind is KeyKind.PERSONAL:
                query = sa.select(models.users.c.id).filter_by(name=user)
                user_id = connection.execute(query).scalar()
                if user_id is None:
                    raise NotFoundError("person", user)
            return _new_key(
                connection, project_id, kind, label, user_id, scopes, only_projects, expires_at
            )

    def find_key(self, plain: str) -> ApiKey | None:
        """The key a request carries; None when it is unknown, revoked or past its day."""
        found = self.known_key(plain)
        return found if found is not None and found.is_valid(utc_now()) else None

    def known_key(self, plain: str) -> ApiKey | None:
        """The key of this text, also one that no longer opens anything."""
        found = self._keys(models.api_keys.c.digest == digest_of(plain))
        return found[0] if found else None

    def key_of_id(self, key_id: str) -> ApiKey | None:
        found = self._keys(models.api_keys.c.id == key_id)
        return found[0] if found else None

    def keys(
        self, kind: KeyKind, project_id: int | None = None, user_id: str | None = None
    ) -> list[ApiKey]:
        """Keys that are not revoked, oldest first."""
        keys = models.api_keys
        conditions = [keys.c.kind == kind.value, keys.c.revoked_at.is_(None)]
        if project_id is not None:
            conditions.append(keys.c.project_id == project_id)
        if user_id is not None:
            conditions.append(keys.c.user_id == user_id)
        return self._keys(*conditions)

    def revoke_key(self, key_id: str) -> None:
        self._change_key(key_id, revoked_at=utc_now())

    def expire_key(self, key_id: str, at: datetime) -> None:
        self._change_key(key_id, expires_at=at)

    def note_key_use(self, key_id: str, at: datetime) -> None:
        self._change_key(key_id, last_used_at=at)

    def _change_key(self, key_id: str, **values: datetime) -> None:
        with self._db.write() as connection:
            connection.execute(
                sa.update(models.api_keys).where(models.api_keys.c.id == key_id).values(**values)
            )

    def _keys(self, *conditions: sa.ColumnElement[bool]) -> list[ApiKey]:
        keys, users = models.api_keys, models.users
        query = (
            sa.select(keys, users.c.name.label("user"))
            .outerjoin(users, users.c.id == keys.c.user_id)
            .where(*conditions)
            .order_by(keys.c.created_at, keys.c.id)
        )
        with self._db.read() as connection:
            return [_key_of(row) for row in connection.execute(query)]


def digest_of(plain: str) -> str:
    """Keys and tokens are 256 random bits, so a plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _key_of(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        row.id,
        row.project_id,
        KeyKind(row.kind),
        row.label,
        row.ending,
        row.user,
        row.created_at,
        row.user_id,
        tuple(row.scopes),
        None if row.only_projects is None else tuple(row.only_projects),
        row.expires_at,
        row.last_used_at,
        row.revoked_at,
    )


def _new_key(
    connection: sa.Connection,
    project_id: int,
    kind: KeyKind,
    label: str,
    user_id: str | None,
    scopes: Sequence[str] = ("*",),
    only_projects: Collection[int] | None = None,
    expires_at: datetime | None = None,
) -> str:
    plain = kind.value + secrets.token_urlsafe(32)
    connection.execute(
        models.api_keys.insert().values(
            id=str(uuid.uuid4()),
            project_id=project_id,
            user_id=user_id,
            kind=kind.value,
            label=label,
            digest=digest_of(plain),
            ending=plain[-4:],
            created_at=utc_now(),
            scopes=list(scopes),
            only_projects=sa.null() if only_projects is None else sorted(only_projects),
            expires_at=expires_at,
        )
    )
    return plain
