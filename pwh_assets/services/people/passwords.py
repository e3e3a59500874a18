"""Passwords: hashed with scrypt, compared in the same time whether or not there is one."""

import base64
import hashlib
import hmac
import os

from pwh_assets.errors import InvalidInputError

SHORTEST, LONGEST = 10, 1000
_COST, _BLOCK, _LANES = 2**15, 8, 1
"""About 32 MiB and a tenth of a second."""
_MOST_MEMORY = 64 * 2**20


def hash_password(password: str) -> str:
    """`scrypt$cost$block$lanes$salt$hash`.

    Raises:
        InvalidInputError: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInputError(
            "password", f"A password has {SHORTEST} to {LONGEST} characters; choose another one."
        )
    salt = os.urandom(16)
    found = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    parts = (_COST, _BLOCK, _LANES, _text(salt), _text(found))
    return "$".join(["scrypt", *map(str, parts)])


def is_password(password: str, kept: str | None) -> bool:
    """Whether the hash is of this password. Without a hash the same work is done, and it is not."""
    if kept is None:
        _scrypt(password[:LONGEST], bytes(16), _COST, _BLOCK, _LANES)
        return False
    _, cost, block, lanes, salt, wanted = kept.split("$")
    found = _scrypt(password[:LONGEST], base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, base64.b64decode(wanted)) and len(password) <= LONGEST


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=lanes, maxmem=_MOST_MEMORY)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
