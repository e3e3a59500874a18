import pytest

from pwh_assets.errors import SourceAccessError, SourceUnavailableError
from pwh_assets.orchestration.retry import TRIES, with_retries


def failing(errors, answer="done"):
    queue = list(errors)

    def call():
        if queue:
            raise queue.pop(0)
        return answer

    return call


def test_what_may_succeed_later_is_tried_again_with_growing_waits():
    waits, told = [], []
    call = failing([SourceUnavailableError("a"), SourceUnavailableError("b")])
    result = with_retries(
        call, lambda error, attempt, wait: told.append((str(error), attempt)), waits.append
    )
    assert result == "done"
    assert told == [("a", 1), ("b", 2)]
    assert 1.5 <= waits[0] <= 2.5 and 6 <= waits[1] <= 10


def test_a_refused_password_is_not_tried_again():
    waits = []
    with pytest.raises(SourceAccessError):
        with_retries(failing([SourceAccessError("no")]), sleep=waits.append)
    assert waits == []


def test_the_last_error_is_the_one_that_is_raised():
    call = failing([SourceUnavailableError(str(n)) for n in range(TRIES)])
    with pytest.raises(SourceUnavailableError, match=str(TRIES - 1)):
        with_retries(call, sleep=lambda seconds: None)


def test_a_source_that_says_how_long_to_wait_is_waited_for():
    waits = []
    error = SourceUnavailableError("Too many requests.", retry_after_s=42)
    assert with_retries(failing([error]), sleep=waits.append) == "done"
    assert waits == [42]


def test_a_wait_of_hours_is_left_to_the_next_schedule():
    error = SourceUnavailableError("Come back tomorrow.", retry_after_s=7200)
    with pytest.raises(SourceUnavailableError, match="tomorrow"):
        with_retries(failing([error]), sleep=lambda seconds: pytest.fail("it slept"))
