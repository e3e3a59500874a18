"""The body of a request before anybody reads it: within its limit, and JSON that can be kept and sent back."""

import re
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope

from pwh_assets.errors import InvalidInputError, PwhError

LARGEST_BYTES = 20 << 20
LIMITS: tuple[tuple[str, int], ...] = (("/api/", LARGEST_BYTES), ("/webhooks/", 4 << 20))
"""By the beginning of the path. Capture counts its own bodies, packed and unpacked."""
_NUL = re.compile(rb"\\u0000")


class TooLargeError(PwhError):
    """The body is over the limit; it was not read to its end."""

    code = "too_large"
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"A request here may have {limit >> 20:,} MiB. Send it in parts.")


class DisconnectedError(Exception):
    """Whoever sent the request is gone; there is nobody to answer."""


def limit_of(path: str) -> int | None:
    for beginning, limit in LIMITS:
        if path.startswith(beginning):
            return limit
    return None


async def read_body(scope: Scope, receive: Receive, limit: int) -> tuple[bytes, str]:
    """All of the body, and its media type.

    Raises:
        TooLargeError, DisconnectedError.
    """
    media = ""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise TooLargeError(limit)
        if name == b"content-type":
            media = value.decode("latin-1").partition(";")[0].strip().lower()
    blocks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise DisconnectedError
        block = message.get("body", b"")
        size += len(block)
        if size > limit:
            raise TooLargeError(limit)
        blocks.append(block)
        if not message.get("more_body"):
            return b"".join(blocks), media


def check_json(body: bytes) -> None:
    """Refuse what some part of us could not keep or send back: NaN, infinite numbers, halves of characters, NUL.

    Raises:
        InvalidInputError: also for bodies that are no JSON, no UTF-8, or nested too deeply.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        why = str(error).partition(": line")[0]
        raise InvalidInputError(
            "body", f"The body is not JSON: {why} at character {error.pos}."
        ) from None
    if _NUL.search(body) and _has_nul(content):
        raise InvalidInputError("body", "The body has a text with a NUL character. Leave it out.")


def again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what comes after it."""
    is_given = False

    async def from_memory() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return from_memory


def counted(receive: Receive, limit: int) -> Receive:
    """A `receive` that raises TooLargeError past the limit."""
    size = 0

    async def count() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise TooLargeError(limit)
        return message

    return count


def _has_nul(content: Any) -> bool:
    waiting = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                return True
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False
