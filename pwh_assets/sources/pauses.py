"""Pauses that peers asked this process for (`Retry-After`), so that whoever watches a sync sees why nothing comes."""

import threading
import time

_lock = threading.Lock()
_until = 0.0


def note(seconds: float) -> None:
    """Somebody is to be left alone for so long."""
    global _until
    with _lock:
        _until = max(_until, time.monotonic() + seconds)


def left_s() -> float:
    """Until the last of them is over; 0 when there is none."""
    return max(0.0, _until - time.monotonic())
