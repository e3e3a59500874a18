"""How often one key may ask: so many in so long, in bursts, with the time to wait when it is too often."""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pwh_assets.errors import InvalidInputError, PwhError

PERIODS_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
POSTHOG = "480/minute,4800/hour;query=240/minute,1200/hour"
"""PostHog's public numbers for everything else and for queries."""
ALIASES = {"posthog": POSTHOG, "off": ""}
KINDS = ("query", "write", "capture")
"""Requests that can have numbers of their own: `query/`; all else that changes something; events, which have a limit only
where one is set for them."""
_ONE = re.compile(r"(\d{1,9})/(second|minute|hour)")
_PART = re.compile(r"(?:(?P<project>\d{1,9}):)?(?:(?P<kind>[a-z]+)=)?(?P<numbers>[^=:]*)")


class RateLimitedError(PwhError):
    """The key asked too often."""

    code = "throttled"
    status = 429
    retryable = True

    def __init__(self, limit: "Limit", retry_after_s: float) -> None:
        self.limit, self.retry_after_s = limit, retry_after_s
        super().__init__(
            f"This key may ask {limit.count:,} times a {limit.period}. "
            f"Try again in {max(1, round(retry_after_s))} s."
        )


@dataclass(frozen=True, slots=True)
class Limit:
    count: int
    period: str
    """`second`, `minute` or `hour`."""

    @property
    def every_s(self) -> float:
        return PERIODS_S[self.period] / self.count


def parse_limits(text: str) -> Mapping[str, tuple[Limit, ...]]:
    """Limits by kind of request, `""` for all kinds without their own; those of one project begin with its number.

    >>> parse_limits("100/minute;query=5/second")
    {'': (Limit(count=100, period='minute'),), 'query': (Limit(count=5, period='second'),)}
    >>> parse_limits("7:query=9/minute;7:write=off")
    {'7:query': (Limit(count=9, period='minute'),), '7:write': ()}

    Raises:
        InvalidInputError.
    """
    found: dict[str, tuple[Limit, ...]] = {}
    for part in filter(None, map(str.strip, ALIASES.get(text.strip(), text).split(";"))):
        words = _PART.fullmatch(part)
        limits = _limits(words["numbers"]) if words else None
        if words is None or limits is None or words["kind"] not in (None, *KINDS):
            raise InvalidInputError(
                "PWH_RATE_LIMIT",
                f"`{part}` is not a limit. Write `posthog`, `off`, or for example "
                "`480/minute,4800/hour;query=2400/hour;write=60/minute;2:query=9000/hour`.",
            )
        project = f"{words['project']}:" if words["project"] else ""
        found[project + (words["kind"] or "")] = limits
    return found


def limits_for(text: str, project: str) -> Mapping[str, tuple[Limit, ...]]:
    """What holds in one project, by kind of request; nothing where there is no limit. `""` is all that has no kind.

    >>> limits_for("100/minute;2:query=5/second", "2")["query"]
    (Limit(count=5, period='second'),)
    """
    known = parse_limits(text)
    return {
        kind: next((known[name] for name in _names(kind, project) if name in known), ())
        for kind in ("", *KINDS)
    }


def _limits(numbers: str) -> tuple[Limit, ...] | None:
    if numbers.strip() == "off":
        return ()
    matches = [_ONE.fullmatch(one.strip()) for one in numbers.split(",")]
    limits = tuple(Limit(int(one[1]), one[2]) for one in matches if one and int(one[1]))
    return limits if len(limits) == len(matches) else None


class Throttle:
    """A bucket per key and limit: it holds as many as the limit says and fills evenly. Forgets the keys used least."""

    def __init__(
        self,
        limits: tuple[Limit, ...],
        most_keys: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._most_keys = most_keys
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: OrderedDict[object, list[float]] = OrderedDict()

    def take(self, key: object) -> None:
        """Use one. Raises RateLimitedError, and then nothing was used."""
        if not self._limits:
            return
        now = self._clock()
        with self._lock:
            full_at = self._full_at.get(key)
            if full_at is None:
                full_at = self._full_at[key] = [now] * len(self._limits)
                if len(self._full_at) > self._most_keys:
                    self._full_at.popitem(last=False)
            else:
                self._full_at.move_to_end(key)
            after = []
            for limit, moment in zip(self._limits, full_at, strict=True):
                later = max(moment, now) + limit.every_s
                wait_s = later - now - PERIODS_S[limit.period]
                if wait_s > 1e-9:
                    raise RateLimitedError(limit, wait_s)
                after.append(later)
            full_at[:] = after

    def has(self, key: object) -> bool:
        """`take` without an error."""
        try:
            self.take(key)
        except RateLimitedError:
            return False
        return True


class Throttles:
    """The buckets of a home: one set for each kind of request and each project that has limits of its own."""

    def __init__(self, text: str) -> None:
        """Raises InvalidInputError."""
        self._throttles = {name: Throttle(limits) for name, limits in parse_limits(text).items()}

    def take(self, kind: str, project: str, key: object) -> None:
        """Use one of a key's requests of a kind (`""`, or one of `KINDS`). Raises RateLimitedError."""
        for name in _names(kind, project):
            found = self._throttles.get(name)
            if found is not None:
                found.take(key)
                return


def _names(kind: str, project: str) -> tuple[str, ...]:
    """What is looked for, the most special first."""
    if kind == "capture":
        return (kind,)
    return (f"{project}:{kind}", f"{project}:", kind, "")
