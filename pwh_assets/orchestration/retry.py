"""Trying again: only what may succeed without anybody changing anything, a few times, with growing waits."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from pwh_assets.errors import PwhError
from pwh_assets.orchestration.watcher import Subject, Watcher, name_of

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


def tell_retry(
    context: dg.AssetExecutionContext,
    watcher: Watcher,
    subject: Subject,
    tries: int,
    error: PwhError,
    attempt: int,
    wait_s: float,
) -> None:
    """Say in the run's log, and to whoever started it here, that an attempt failed and another follows."""
    context.log.warning(
        "%s: attempt %d of %d failed, the next in %.0f s. %s",
        name_of(subject),
        attempt,
        tries,
        wait_s,
        error.sentence,
    )
    watcher.retrying(subject, error, attempt, wait_s)
