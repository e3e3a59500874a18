"""How long, how often and how fast an API is called; one token bucket per account for all threads of a process."""

import threading
import time
from dataclasses import dataclass

from pwh_assets.sources import pauses

ATTEMPTS = 6
CONNECT_S = 10.0
IDLE_S = 80.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one API's calls. None takes this module's default. Times are seconds."""

    attempts: int | None = None
    connect_s: float | None = None
    idle_s: float | None = None
    """The longest silence inside an answer."""
    answer_s: float = 300
    """A whole answer, also one that comes byte by byte."""
    total_s: float = 900
    """One call with all its attempts and waits."""
    longest_wait_s: float = 120
    """A peer that asks for a longer pause gets it between syncs, not inside one."""
    largest_bytes: int = 256 * 1024 * 1024
    per_second: float = 0
    """Calls a second; 0 for no limit of our own."""
    burst: int = 1

    @property
    def tries(self) -> int:
        return self.attempts or ATTEMPTS

    @property
    def timeout(self) -> tuple[float, float]:
        return self.connect_s or CONNECT_S, self.idle_s or IDLE_S


class Bucket:
    """Hands out turns: `burst` at once, then `per_second`. A pause holds everybody who shares the account."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._gap_s = 1 / per_second if per_second else 0.0
        self._slack_s = self._gap_s * (burst - 1)
        self._next = self._resume = 0.0
        self._lock = threading.Lock()

    def wait_s(self, now: float) -> float:
        """Take a turn; the seconds until it comes."""
        with self._lock:
            self._next = max(self._next, now - self._slack_s) + self._gap_s
            turn = self._next - self._gap_s
            return max(0.0, turn - now, self._resume - now)

    def pause(self, seconds: float) -> None:
        """Nobody gets a turn before so many seconds have gone."""
        with self._lock:
            self._resume = max(self._resume, time.monotonic() + seconds)
        pauses.note(seconds)


_buckets: dict[tuple[str, float, int], Bucket] = {}
_lock = threading.Lock()


def bucket(account: str, limits: Limits) -> Bucket:
    """The bucket all calls for this account share in this process."""
    key = (account, limits.per_second, limits.burst)
    with _lock:
        return _buckets.setdefault(key, Bucket(limits.per_second, limits.burst))
