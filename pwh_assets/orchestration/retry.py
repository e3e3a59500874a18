"""Trying again: only what may succeed without anybody changing anything, a few times, with growing waits."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pwh_assets.errors import PwhError

TRIES = 3
FIRST_WAIT_S = 2.0
_T = TypeVar("_T")


def with_retries(
    call: Callable[[], _T],
    before_retry: Callable[[PwhError, int, float], None] = lambda error, attempt, wait_s: None,
    sleep: Callable[[float], None] = time.sleep,
    tries: int = TRIES,
) -> _T:
    """The call's result. `before_retry` hears of each failed attempt: the error, its number, the wait in seconds.

    Raises:
        PwhError: the call's last, or its first that is not retryable.
    """
    for attempt in range(1, tries + 1):
        try:
            return call()
        except PwhError as error:
            if not error.retryable or attempt == tries:
                raise
            wait_s = FIRST_WAIT_S * 4 ** (attempt - 1) * random.uniform(0.75, 1.25)
            before_retry(error, attempt, wait_s)
            sleep(wait_s)
    raise AssertionError("unreachable")
