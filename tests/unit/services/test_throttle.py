"""Rate limits: bursts, waiting, several limits at once, keys apart."""

import pytest

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.people.throttle import Limit, RateLimitedError, Throttle, parse_limits


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
    assert parse_limits("posthog")["query"] == (Limit(240, "minute"), Limit(2400, "hour"))
    for wrong in ("fast", "0/minute", "5/day", "other=5/minute", "5/minute,"):
        with pytest.raises(InvalidInputError):
            parse_limits(wrong)
