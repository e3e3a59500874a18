"""Asking many sources within one tick of a sensor, which Dagster ends after 60 s."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

AT_ONCE = 8
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


def ask_all(
    ask: Callable[[_Asked], _Answer], asked: Iterable[_Asked], within_s: float
) -> list[_Answer]:
    """What answered within this time, in the order it was asked; what was begun and did not goes on by itself.

    Raises:
        Exception: what `ask` raised first.
    """
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask")
    try:
        futures = [pool.submit(ask, each) for each in asked]
        done, _ = wait(futures, timeout=within_s)
        return [future.result() for future in futures if future in done]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
