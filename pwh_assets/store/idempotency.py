"""Answers kept for requests that are sent again with the same `Idempotency-Key`."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pwh_assets.store import models
from pwh_assets.store.part import StorePart


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is known of a key that was used before."""

    request: str
    """Hash of what was sent with it."""
    status: int | None
    """None while the first request runs."""
    body: bytes = b""


class Idempotency(StorePart):
    def claim_idempotency_key(
        self, key: str, request: str, now: datetime, lost_before: datetime, old_before: datetime
    ) -> KeptAnswer | None:
        """None when the key is the caller's now; else what it was used for.

        Claims older than `lost_before` without an answer belong to a process that died: they are taken over. What is
        older than `old_before` is forgotten.
        """
        keys = models.idempotency_keys
        with self._db.write() as connection:
            connection.execute(sa.delete(keys).where(keys.c.claimed_at < old_before))
            lost = sa.and_(keys.c.status.is_(None), keys.c.claimed_at < lost_before)
            connection.execute(sa.delete(keys).where(keys.c.id == key, lost))
            if not self._db.is_sqlite:
                locked = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
                connection.execute(locked, {"key": key})
            row = connection.execute(sa.select(keys).where(keys.c.id == key)).first()
            if row is None:
                connection.execute(keys.insert().values(id=key, request=request, claimed_at=now))
                return None
        body = self._open_box().open(row.answer, key) if row.answer else b""
        return KeptAnswer(row.request, row.status, body)

    def keep_idempotent_answer(self, key: str, status: int, body: bytes) -> None:
        keys, sealed = models.idempotency_keys, self._open_box().seal(body, key)
        with self._db.write() as connection:
            connection.execute(
                sa.update(keys).where(keys.c.id == key).values(status=status, answer=sealed)
            )

    def release_idempotency_key(self, key: str) -> None:
        """Forget a key whose request changed nothing, so that it can be sent again."""
        keys = models.idempotency_keys
        with self._db.write() as connection:
            connection.execute(sa.delete(keys).where(keys.c.id == key, keys.c.status.is_(None)))
