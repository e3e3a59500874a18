"""Calls to an API, whatever the vendor: how often, how fast, how long, and what no error shows."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from pwh_assets.errors import SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.sources import pauses
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import Api, Limits, RowBuilder, ahead, in_order, jsons
from pwh_assets.sources.http.api import CancelledError
from pwh_assets.sources.http.limits import Bucket
from tests.servers.api import ApiServer, Call, Refusal

SECRET = "planted secret/1"


class Echo(ApiServer):
    def answer(self, call: Call) -> Any:
        if call.path == "/circle":
            raise Refusal(302, "", {"Location": "/circle"})
        if call.path == "/refused":
            raise Refusal(400, {"error": {"message": f"Not with {SECRET} or planted+secret%2F1"}})
        return {"path": call.path, "query": dict(call.query), "body": call.body}


@pytest.fixture
def server() -> Iterator[Echo]:
    with Echo() as made:
        yield made


def api(server: Echo, **limits: Any) -> Api:
    return Api("The API", server.base_url, {}, secrets=[SECRET], limits=Limits(**limits))


def test_a_call_is_repeated_until_it_succeeds(server: Echo) -> None:
    for status in (500, 502, 429):
        server.fail(status)
    assert api(server).get("/x", {"a": "1"})["query"] == {"a": "1"}
    assert len(server.calls) == 4


def test_a_post_carries_its_body_each_time(server: Echo) -> None:
    server.fail(503)
    assert api(server).post("/x", {"n": Decimal("0.10000000000000000001")})["body"] == {
        "n": Decimal("0.1")
    }


def test_a_wait_may_be_told_as_a_date(server: Echo) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    server.fail(429, headers={"Retry-After": at})
    began = time.monotonic()
    api(server).get("/x")
    assert time.monotonic() - began > 0.9


def test_a_wait_beyond_the_bound_is_the_syncs_to_take(server: Echo) -> None:
    server.fail(503, headers={"Retry-After": "600"}, times=9)
    with pytest.raises(SourceUnavailableError, match="600 s") as caught:
        api(server).get("/x")
    assert caught.value.retry_after_s == 600
    assert len(server.calls) == 1


def test_all_attempts_together_have_a_bound(server: Echo) -> None:
    server.fail(500, times=99)
    began = time.monotonic()
    with pytest.raises(SourceUnavailableError):
        api(server, attempts=50, total_s=2).get("/x")
    assert time.monotonic() - began < 5


def test_a_pause_holds_everybody_with_the_same_account(
    server: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "_until", 0.0)
    server.fail(429, headers={"Retry-After": "1"})
    first, second = api(server, per_second=50), api(server, per_second=50)
    thread = threading.Thread(target=lambda: first.get("/first"))
    thread.start()
    time.sleep(0.3)
    assert 0 < pauses.left_s() < 1
    began = time.monotonic()
    second.get("/second")
    assert time.monotonic() - began > 0.4
    thread.join()
    assert pauses.left_s() == 0


def test_turns_come_at_their_rate_after_a_burst() -> None:
    bucket = Bucket(10, 3)
    waits = [round(bucket.wait_s(100.0), 6) for _ in range(6)]
    assert waits == [0, 0, 0, 0.1, 0.2, 0.3]
    assert bucket.wait_s(200.0) == 0


def test_a_refusal_is_told_once_in_the_peers_words_without_our_secrets(server: Echo) -> None:
    with pytest.raises(SourceError, match="Not with") as caught:
        api(server).get("/refused")
    assert "planted" not in str(caught.value)
    assert len(server.calls) == 1


def test_redirects_in_a_circle_end(server: Echo) -> None:
    with pytest.raises(SourceAccessError, match="in circles"):
        api(server).get("/circle")


def test_a_call_that_waits_ends_when_the_reading_is_stopped(server: Echo) -> None:
    server.fail(503, headers={"Retry-After": "60"}, times=9)
    one, caught = api(server), []

    def call() -> None:
        try:
            one.get("/x")
        except CancelledError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.3)
    one.stop()
    thread.join(5)
    assert len(caught) == 1


def test_an_answer_larger_than_allowed_is_not_held(server: Echo) -> None:
    server.fail(text="[" + "1," * 200_000 + "1]")
    with pytest.raises(UnreadableDataError, match="larger than"):
        api(server, largest_bytes=100_000).get("/x")


class RawPeer:
    """Answers each connection with these bytes, and more of them every so often."""

    def __init__(self, *parts: bytes, every_s: float = 0.0) -> None:
        self._parts, self._every_s = parts, every_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            try:
                peer.recv(65536)
                for part in self._parts:
                    peer.sendall(part)
                    time.sleep(self._every_s)
            except OSError:
                return

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *problem: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone leaves `accept` listening
        self._listener.close()
        self._thread.join()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def test_a_peer_that_drips_is_given_up() -> None:
    drops = [b"1," for _ in range(100)]
    with RawPeer(OK + b"Content-Length: 100000\r\n\r\n[", *drops, every_s=0.1) as peer:
        began = time.monotonic()
        with pytest.raises(SourceUnavailableError, match="too long"):
            Api("The API", peer.base_url, {}, limits=Limits(1, answer_s=0.5)).get("/x")
        assert time.monotonic() - began < 4


def test_chunked_and_packed_answers_are_read_and_cut_ones_are_not() -> None:
    packed = gzip.compress(b'{"a": 1}')
    chunked = b"4\r\n" + b'{"a"' + b"\r\n4\r\n" + b": 1}" + b"\r\n"
    good = (
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed,
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked + b"0\r\n\r\n",
    )
    cut = (
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed[:-9],
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        OK + b"Content-Length: 9\r\n\r\n" + b'{"a": 1}',
        b"HTTP/1.1 200 OK\r\nContent-",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    )
    for body in good:
        with RawPeer(body) as peer:
            assert Api("The API", peer.base_url, {}).get("/x") == {"a": 1}
    for body in cut:
        with RawPeer(body) as peer, pytest.raises(SourceUnavailableError):
            Api("The API", peer.base_url, {}, limits=Limits(2)).get("/x")


# Fetching while rows are written


def test_half_of_a_character_is_replaced_and_whole_ones_stay() -> None:
    halves = r'{"a\ud83d": ["\ude00", "\ud83d\ude00", "\ud83d\ud83d\ude00", "\\ud83d"], "n": 1.10}'
    found = ["\ufffd", "😀", "\ufffd😀", r"\ud83d"]
    assert jsons.loads(halves) == {"a\ufffd": found, "n": Decimal("1.10")}
    assert jsons.loads(b'["\xed\xa0\xbd", "\xf0\x9f\x98\x80"]') == ["\ufffd", "😀"]


def test_what_is_nested_too_deep_is_not_json() -> None:
    with pytest.raises(ValueError, match="too deep"):
        jsons.loads(b"[" * 100_000)


def test_results_come_in_order_and_no_more_are_begun_than_needed() -> None:
    begun: list[int] = []

    def make(n: int) -> int:
        begun.append(n)
        time.sleep(0.001 * (n % 7))
        return n

    results = in_order(make, iter(range(1000)), 4)
    assert [next(results) for _ in range(50)] == list(range(50))
    results.close()
    assert len(begun) <= 60


def test_what_was_made_before_an_error_comes_first() -> None:
    def pages() -> Iterator[int]:
        yield 1
        yield 2
        raise SourceError("The third page broke.")

    found = ahead(pages())
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(SourceError, match="third"):
        next(found)


# Rows


def test_a_strict_column_refuses_and_a_lenient_one_widens() -> None:
    rows = [{"id": 1, "n": 5}, {"id": 2, "n": "five"}]
    with pytest.raises(UnreadableDataError, match=r"A row `2`: `n` is \"five\""):
        RowBuilder("A row", {"id": "BIGINT", "n": "BIGINT"}).table(rows)
    table = RowBuilder("A row", {"id": "BIGINT", "n": "BIGINT"}, is_strict=False).table(rows)
    assert table.column("n").to_pylist() == ["5", "five"]


@pytest.mark.parametrize(
    ("lake", "value"),
    [("DOUBLE", Decimal("0.10000000000000000001")), ("DECIMAL(10,2)", Decimal("0.001"))],
)
def test_a_lenient_column_never_rounds(lake: str, value: Decimal) -> None:
    table = RowBuilder("A row", {"n": lake}, key="n", is_strict=False).table([{"n": value}])
    assert table.column("n").to_pylist() == [value]


def test_a_field_once_seen_stays_in_later_tables() -> None:
    builder = RowBuilder("A row", {"id": "BIGINT"})
    assert builder.table([{"id": 1, "new": {"a": 1}}]).column_names == ["id", "new"]
    assert builder.table([{"id": 2}]).column_names == ["id", "new"]
