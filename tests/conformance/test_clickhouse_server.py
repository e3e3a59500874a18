"""ClickHouse over HTTP: the same answers as DuckDB, limits that stop it, and a network that fails."""

import threading
import time

import pytest

from pwh_assets.engines.base import (
    EngineError,
    EngineUnavailableError,
    Limits,
    QueryCancelledError,
    QueryTimeoutError,
    QueryTooLargeError,
    StatementRefusedError,
)
from pwh_assets.engines.clickhouse import ENGINE
from pwh_assets.settings import Settings
from tests.conformance.engines import NAMES, Engines, same
from tests.conformance.queries import QUERIES
from tests.servers.clickhouse import ClickHouseServer

pytest.importorskip("chdb", reason="pip install 'pwh-assets[clickhouse]'")
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
PASSWORD = "s3cret"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ClickHouseServer(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="module")
def engines(tmp_path_factory, server):
    found = Engines(tmp_path_factory.mktemp("http"), QUERIES, clickhouse_url=server.url)
    yield found
    found.close()


@pytest.fixture
def session(engines, server):
    found = engines.engines["clickhouse"].open(1, Limits())
    yield found
    server.misbehave("none")
    found.close()


def read(session, sql, limits):
    answer = session.run(sql, {}, limits)
    try:
        return list(answer.rows())
    finally:
        answer.close()


def test_queries_have_the_same_rows_over_http(engines):
    different = []
    for text in QUERIES[::3]:
        answers = [engines.rows(text, name) for name in NAMES]
        if not same(engines, text, answers):
            different.append(text)
    assert not different


def test_every_statement_of_a_query_is_sent_read_only_with_its_limits(engines, server):
    engines.rows("SELECT 42 AS only_here", "clickhouse")
    (sent,) = [settings for text, settings in server.seen() if "only_here" in text]
    assert sent["readonly"] == "1"
    assert sent["max_execution_time"] == "60"
    assert sent["max_memory_usage"]


def test_time_that_is_up_stops_the_server(engines, session):
    began = time.monotonic()
    with pytest.raises(QueryTimeoutError):
        read(session, ENDLESS, Limits(timeout_s=1))
    assert time.monotonic() - began < 20
    assert running(engines) == 0


def test_a_cancelled_query_stops_on_the_server(engines, session):
    caught = []

    def ask():
        try:
            read(session, ENDLESS, Limits(timeout_s=60))
        except EngineError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not running(engines):
        time.sleep(0.05)
    session.cancel()
    thread.join(30)
    assert isinstance(caught[0], QueryCancelledError)
    assert running(engines) == 0
    assert read(session, "SELECT 1", Limits()) == [(1,)]


def running(engines):
    engine = engines.engines["clickhouse"]
    deadline = time.monotonic() + 10
    count = 1
    while count and time.monotonic() < deadline:
        text = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'"
        count = engine.writer().query(text).result_rows[0][0]
        if count:
            return count
        time.sleep(0.2)
    return count


def test_more_rows_than_allowed_are_an_error(session):
    with pytest.raises(QueryTooLargeError, match="more than 10 rows"):
        read(session, "SELECT number FROM numbers(1000000)", Limits(max_rows=10))


def test_a_wrong_password_is_said_without_it(tmp_path, server, engines):
    settings = Settings.from_env(
        {"PWH_HOME": str(tmp_path), "PWH_CLICKHOUSE_URL": server.url_of(PASSWORD)}
    )
    engine = ENGINE(settings, engines.lakes)
    with pytest.raises(EngineError, match="refused its user name or password") as caught:
        engine.open(1, Limits())
    assert PASSWORD not in str(caught.value)


def test_a_server_that_is_not_there_is_said_so(tmp_path, engines):
    settings = Settings.from_env(
        {"PWH_HOME": str(tmp_path), "PWH_CLICKHOUSE_URL": "http://app:s3cret@127.0.0.1:9/default"}
    )
    with pytest.raises(EngineUnavailableError, match="cannot be reached") as caught:
        ENGINE(settings, engines.lakes).open(1, Limits())
    assert caught.value.retryable
    assert PASSWORD not in str(caught.value)


def test_a_connection_that_breaks_is_said_and_the_next_query_has_a_new_one(session, server):
    server.misbehave("drop")
    with pytest.raises(EngineUnavailableError):
        read(session, "SELECT 1", Limits())
    server.misbehave("none")
    assert read(session, "SELECT 1", Limits()) == [(1,)]


def test_a_server_that_says_nothing_is_given_up(session, server, monkeypatch):
    monkeypatch.setattr("pwh_assets.engines.clickhouse.GRACE_S", 1.0)
    server.misbehave("stall")
    with pytest.raises((EngineUnavailableError, QueryTimeoutError)):
        read(session, "SELECT 2", Limits(timeout_s=2))


def test_a_refused_statement_gives_its_reason_alone(session):
    with pytest.raises(StatementRefusedError) as caught:
        read(session, "SELECT intDiv(1, 0)", Limits())
    assert "Division by zero" in caught.value.reason
    assert "/*" not in str(caught.value)
