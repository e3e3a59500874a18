"""Trying again: only what may succeed without anybody changing anything, a few times, with growing waits."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pwh_assets.errors import PwhError

TRIES = 3
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 600.0
"""A source that asks for more (`Retry-After`) is left to the next schedule: a run should not sleep for hours."""
_T = TypeVar("_T")


def with_retries(
    call: Callable[[], _T],
    before_retry: Callable[[PwhError, int, float], None] = lambda error, attempt, wait_s: None,
    sleep: Callable[[float], None] = time.sleep,
    tries: int = TRIES,
) -> _T:
    """The call's result. `before_retry` hears of each failed attempt: the error, its number, the wait in seconds.

    Raises:
        PwhError: the call's last, or its first that is not retryable or asks for a longer wait than is worth it.
    """
    for attempt in range(1, tries + 1):
        try:
            return call()
        except PwhError as error:
            if not error.retryable or attempt == tries:
                raise
            asked_s = getattr(error, "retry_after_s", None) or 0.0
            if asked_s > LONGEST_WAIT_S:
                raise
            wait_s = max(asked_s, FIRST_WAIT_S * 4 ** (attempt - 1) * random.uniform(0.75, 1.25))
            before_retry(error, attempt, wait_s)
            sleep(wait_s)
    raise AssertionError("unreachable")
