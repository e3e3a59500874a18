"""A request that may be sent twice is done once: the second gets the first one's answer."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pwh_assets.core.access import Caller
from pwh_assets.errors import ConflictError, InvalidInputError
from pwh_assets.services.platform import Platform

KEPT_FOR = timedelta(hours=24)
LOST_AFTER = timedelta(minutes=15)
"""A request that has no answer for so long died with its process; its key can be used again."""
MOST_CHARACTERS = 255


class KeyInUseError(ConflictError):
    """The first request with this key has not ended."""

    code = "idempotency_key_in_use"
    retryable = True
    retry_after_s = 1.0

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The request with `Idempotency-Key` `{key}` is still running. Send it again in a moment to get its answer."
        )


class KeyReusedError(ConflictError):
    """The key came with another request before."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        self.attr = "Idempotency-Key"
        super().__init__(
            f"`Idempotency-Key` `{key}` was sent with another request before. Use a new key for a new request."
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """This request is the first with its key: `keep` its answer, or `release` the key."""

    platform: Platform
    id: str

    def keep(self, status: int, body: bytes) -> None:
        self.platform.store.keep_idempotent_answer(self.id, status, body)

    def release(self) -> None:
        self.platform.store.release_idempotency_key(self.id)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The answer the request got when it came first."""

    status: int
    body: bytes


def claim(
    platform: Platform, project_id: int, caller: Caller, key: str, request: str
) -> Claim | Repeat:
    """What to do with a request that has an `Idempotency-Key`. `request` is all of it that must be equal.

    Raises:
        KeyInUseError, KeyReusedError, InvalidInputError.
    """
    if not key.isprintable() or not 0 < len(key) <= MOST_CHARACTERS:
        raise InvalidInputError(
            "Idempotency-Key",
            f"An `Idempotency-Key` has 1 to {MOST_CHARACTERS} printable characters, for example a UUID.",
        )
    who = caller.user_id or caller.key_id or caller.name
    id_, now = _hash(f"{project_id}\n{who}\n{key}"), datetime.now(UTC)
    wanted = _hash(request)
    found = platform.store.claim_idempotency_key(id_, wanted, now, now - LOST_AFTER, now - KEPT_FOR)
    if found is None:
        return Claim(platform, id_)
    if found.request != wanted:
        raise KeyReusedError(key)
    if found.status is None:
        raise KeyInUseError(key)
    return Repeat(found.status, found.body)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
