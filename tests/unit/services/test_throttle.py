"""Rate limits: bursts, waiting, several limits at once, keys apart."""

import pytest

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.people.throttle import (
    Limit,
    RateLimitedError,
    Throttle,
    Throttles,
    parse_limits,
)


def test_a_key_may_ask_so_often_and_is_told_how_long_to_wait() -> None:
    now = [0.0]
    throttle = Throttle((Limit(3, "minute"), Limit(4, "hour")), clock=lambda: now[0])
    for _ in range(3):
        throttle.take("a")
    with pytest.raises(RateLimitedError) as caught:
        throttle.take("a")
    assert caught.value.retry_after_s == pytest.approx(20) and caught.value.limit.count == 3
    throttle.take("b")  # another key
    now[0] = 20.0
    throttle.take("a")
    now[0] = 40.0
    with pytest.raises(RateLimitedError) as caught:
        throttle.take("a")
    assert caught.value.limit.period == "hour"
    now[0] += caught.value.retry_after_s
    throttle.take("a")


def test_the_keys_used_least_are_forgotten() -> None:
    throttle = Throttle((Limit(1, "hour"),), most_keys=2)
    for key in ("a", "b", "c"):
        throttle.take(key)
    assert throttle.has("a") and not throttle.has("c")


def test_limits_are_written_as_text() -> None:
    assert parse_limits("off") == {} == parse_limits("")
    assert parse_limits("posthog")["query"] == (Limit(240, "minute"), Limit(1200, "hour"))
    for wrong in ("fast", "0/minute", "5/day", "other=5/minute", "5/minute,", "x:5/minute"):
        with pytest.raises(InvalidInputError):
            parse_limits(wrong)


def test_queries_writes_and_projects_have_buckets_of_their_own() -> None:
    throttles = Throttles("2/hour;query=1/hour;7:query=3/hour;8:off")

    def taken(kind: str, project: str) -> int:
        for count in range(9):
            try:
                throttles.take(kind, project, "a key")
            except RateLimitedError:
                return count
        return 9

    assert (taken("query", "1"), taken("query", "2")) == (1, 0)  # one key, one bucket
    assert (taken("write", "1"), taken("", "1")) == (2, 0)  # writes have no numbers of their own
    assert (taken("query", "7"), taken("query", "8"), taken("write", "8")) == (3, 9, 9)
    assert taken("capture", "") == 9
