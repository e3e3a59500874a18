"""How long to wait before another attempt: what the peer says, else longer each time with chance in it."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_WAIT_S = 0.5
LONGEST_BACKOFF_S = 60.0


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds of a `Retry-After`, given in seconds or as a date; None without one that can be read.

    >>> retry_after_s({"Retry-After": "3"}), retry_after_s({"Retry-After": "soon"})
    (3.0, None)
    >>> retry_after_s({"Retry-After": "Wed, 21 Oct 2015 07:28:05 GMT"}, datetime(2015, 10, 21, 7, 28, tzinfo=UTC))
    5.0
    """
    text = (headers.get("Retry-After") or "").strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def backoff_s(attempt: int) -> float:
    """Before attempt 2, 3, …: doubling, and never the same for two who failed together."""
    most = min(LONGEST_BACKOFF_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return float(most * (0.5 + random.random() / 2))
