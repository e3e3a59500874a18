"""Invitations, logins of browsers and how often a login was tried."""

import secrets
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from pwh_assets.core.access import Role
from pwh_assets.store import models
from pwh_assets.store.keys import digest_of
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


@dataclass(frozen=True, slots=True)
class Invitation:
    """A promise of membership; its token was shown once."""

    id: str
    organization_id: str
    project_id: int | None
    """The one project it is for; None for the whole organisation."""
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    user_id: str
    key_id: str | None
    """The key it began with, and ends with."""
    expires_at: datetime


class Logins(StorePart):
    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        """Keep all that this thread does to people and logins inside, or nothing of it."""
        with self._db.together():
            yield

    def add_invitation(
        self,
        organization_id: str,
        project_id: int | None,
        email: str,
        role: Role,
        invited_by: str,
        expires_at: datetime,
    ) -> tuple[str, Invitation]:
        """The token in plain text, this once, and what is kept."""
        token = secrets.token_urlsafe(32)
        made = Invitation(
            str(uuid.uuid4()),
            organization_id,
            project_id,
            email.lower(),
            role,
            invited_by,
            utc_now(),
            expires_at,
        )
        with self._db.write() as connection:
            connection.execute(
                models.invitations.insert().values(
                    id=made.id,
                    organization_id=organization_id,
                    project_id=project_id,
                    email=made.email,
                    role=role.value,
                    invited_by=invited_by,
                    created_at=made.created_at,
                    expires_at=expires_at,
                    digest=digest_of(token),
                )
            )
        return token, made

    def invitations(self, organization_id: str) -> list[Invitation]:
        """Those still open, oldest first."""
        table = models.invitations
        query = (
            sa.select(table)
            .where(
                table.c.organization_id == organization_id,
                table.c.used_at.is_(None),
                table.c.expires_at > utc_now(),
            )
            .order_by(table.c.created_at, table.c.id)
        )
        with self._db.read() as connection:
            return [_invitation(row) for row in connection.execute(query)]

    def find_invitation(self, token: str) -> Invitation | None:
        """An open one; None when it is unknown, used, withdrawn or past its day."""
        table = models.invitations
        query = sa.select(table).where(
            table.c.digest == digest_of(token),
            table.c.used_at.is_(None),
            table.c.expires_at > utc_now(),
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _invitation(row)

    def use_invitation(self, invitation_id: str) -> bool:
        """True for the one who was first."""
        table = models.invitations
        with self._db.write() as connection:
            used = connection.execute(
                sa.update(table)
                .where(table.c.id == invitation_id, table.c.used_at.is_(None))
                .values(used_at=utc_now())
            )
        return used.rowcount == 1

    def remove_invitation(self, organization_id: str, invitation_id: str) -> bool:
        table = models.invitations
        with self._db.write() as connection:
            gone = connection.execute(
                sa.delete(table).where(
                    table.c.id == invitation_id,
                    table.c.organization_id == organization_id,
                    table.c.used_at.is_(None),
                )
            )
        return gone.rowcount == 1

    def add_session(self, user_id: str, key_id: str | None, lasts: timedelta) -> str:
        """The cookie's value, this once. Sessions that are over go."""
        token, now = secrets.token_urlsafe(32), utc_now()
        table = models.sessions
        with self._db.write() as connection:
            connection.execute(sa.delete(table).where(table.c.expires_at <= now))
            connection.execute(
                table.insert().values(
                    id=str(uuid.uuid4()),
                    user_id=user_id,
                    key_id=key_id,
                    digest=digest_of(token),
                    created_at=now,
                    expires_at=now + lasts,
                )
            )
        return token

    def find_session(self, token: str) -> Session | None:
        """None when it is unknown, ended or over."""
        table = models.sessions
        query = sa.select(table).where(
            table.c.digest == digest_of(token), table.c.expires_at > utc_now()
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Session(row.id, row.user_id, row.key_id, row.expires_at)

    def end_session(self, token: str) -> None:
        with self._db.write() as connection:
            connection.execute(
                sa.delete(models.sessions).where(models.sessions.c.digest == digest_of(token))
            )

    def count_login(self, subject: str, window: timedelta) -> tuple[int, datetime]:
        """Count one attempt more; how many there were in the window, and when it began."""
        table, now = models.login_attempts, utc_now()
        with self._db.write() as connection:
            connection.execute(sa.delete(table).where(table.c.since <= now - window))
            there = table.c.subject == subject
            changed = connection.execute(
                sa.update(table).where(there).values(count=table.c["count"] + 1)
            )
            if not changed.rowcount:
                connection.execute(table.insert().values(subject=subject, count=1, since=now))
            query = sa.select(table.c["count"].label("attempts"), table.c.since).where(there)
            row = connection.execute(query).one()
        return row.attempts, row.since

    def forget_logins(self, subjects: Collection[str]) -> None:
        table = models.login_attempts
        with self._db.write() as connection:
            connection.execute(sa.delete(table).where(table.c.subject.in_(list(subjects))))


def _invitation(row: sa.Row[tuple[object, ...]]) -> Invitation:
    return Invitation(
        row.id,
        row.organization_id,
        row.project_id,
        row.email,
        Role(row.role),
        row.invited_by,
        row.created_at,
        row.expires_at,
        row.used_at,
    )
