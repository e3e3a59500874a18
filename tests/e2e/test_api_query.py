"""Asking over HTTP: answers, the exact cache, files, polling, cancelling, and workers that die."""

import concurrent.futures
import io
import json
import os
import signal
import time
from dataclasses import replace

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.platform import open_platform
from pwh_assets.services.queries.turns import TooManyQueriesError, Turns
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served

LONG = (
    "SELECT count() FROM numbers(1000000) AS a, numbers(1000000) AS b "
    "WHERE (a.number * 7 + b.number) % 1000003 = 3"
)


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    write(
        platform,
        "CREATE SCHEMA lake.made",
        "CREATE TABLE lake.made.t AS SELECT range AS id, 'n' || range AS name FROM range(500)",
    )
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


def write(platform, *statements):
    with platform.lakes.of(1).write() as connection:
        for statement in statements:
            connection.execute(statement)


def insert(api, count, event="seen"):
    write(
        api.platform,
        "INSERT INTO lake.product.events (uuid, event, distinct_id, timestamp, properties) "
        f"SELECT uuid(), '{event}', 'a', TIMESTAMP '2026-01-01', '{{}}' FROM range({count})",
    )


def ask(api, sql, path="query/", **more):
    query = {"kind": "HogQLQuery", "query": sql, **more.pop("query", {})}
    return api("POST", path, {"query": query, **more})


def test_rows_come_with_what_they_are(api):
    answer = ask(
        api, "SELECT 1 AS one, 'a' AS word, [1, 2] AS list, 1.5 AS half, NULL AS none"
    ).json()
    assert answer["results"] == [[1, "a", [1, 2], 1.5, None]]
    assert answer["columns"] == ["one", "word", "list", "half", "none"]
    assert answer["types"][0] == ["one", "Integer"]
    assert (answer["limit"], answer["hasMore"], answer["error"]) == (100, False, None)
    limited = ask(api, "SELECT number FROM numbers(500)").json()
    assert len(limited["results"]) == 100 and limited["hasMore"]


def test_a_wrong_text_says_where_also_when_the_engine_finds_it(api):
    wrong = ask(api, "SELECT nope FROM events")
    (problem,) = wrong.json()["extra"]["problems"]
    assert (wrong.status_code, problem["start"], problem["end"]) == (400, 7, 11)
    refused = ask(
        api,
        "SELECT toDate('2026-01-01') + x FROM (SELECT arrayJoin([1]) AS x) AS s, numbers(2) WHERE throwIf(1, 'no')",
    )
    assert refused.status_code == 400 and refused.json()["extra"]["problems"]


def test_variables_have_values(api):
    posthogs = {"0-1": {"code_name": "days", "value": 3}}
    answer = ask(api, "SELECT {variables.days} + 1 AS n", query={"variables": posthogs}).json()
    assert answer["results"] == [[4]]
    other = ask(
        api,
        "SELECT {variables.days} + 1 AS n",
        query={"variables": posthogs},
        variables_override={"days": 9},
    ).json()
    assert other["results"] == [[10]]


def test_the_cache_is_exact(api):
    insert(api, 3)
    sql = "SELECT event, count() AS n FROM events WHERE event = 'seen' GROUP BY event"
    first, again = ask(api, sql).json(), ask(api, sql).json()
    assert (first["is_cached"], again["is_cached"]) == (False, True)
    assert again["results"] == first["results"] and again["last_refresh"] == first["last_refresh"]
    persons = ask(api, "SELECT count() FROM persons").json()
    insert(api, 2)
    changed = ask(api, sql).json()
    assert not changed["is_cached"]
    assert changed["results"][0][1] == first["results"][0][1] + 2
    untouched = ask(api, "SELECT count() FROM persons").json()
    assert untouched["is_cached"] and untouched["cache_key"] == persons["cache_key"]
    assert not ask(api, sql, refresh="force_blocking").json()["is_cached"]
    assert ask(api, sql, refresh="force_cache").json()["is_cached"]
    miss = ask(api, "SELECT 12345", refresh="force_cache")
    assert (miss.status_code, miss.json()["code"]) == (404, "not_cached")


def test_chance_is_never_cached_and_the_clock_only_for_a_minute(api):
    for _ in range(2):
        assert not ask(api, "SELECT rand() AS r").json()["is_cached"]
    ask(api, "SELECT now() AS t")
    timed = ask(api, "SELECT now() AS t").json()
    assert timed["is_cached"] and timed["cache_target_age"]


def test_other_kinds_of_query_answer_the_same_door(api):
    def of(kind, **more):
        return api("POST", "query/", {"query": {"kind": kind, **more}}).json()

    metadata = of("HogQLMetadata", query="SELECT evnt FROM events")
    assert not metadata["isValid"] and metadata["errors"][0]["start"] == 7
    words = of("HogQLAutocomplete", query="SELECT tim FROM events", endPosition=10)
    assert "timestamp" in {one["label"] for one in words["suggestions"]}
    assert "events" in of("DatabaseSchemaQuery")["tables"]
    unknown = api("POST", "query/", {"query": {"kind": "TrendsQuery"}})
    assert unknown.status_code == 400


@pytest.mark.parametrize("format_", ["jsonl", "csv", "arrow", "parquet"])
def test_rows_stream_as_files(api, format_):
    answer = ask(
        api,
        "SELECT number AS n, toString(number) AS s FROM numbers(60000)",
        f"query/?format={format_}",
    )
    assert answer.status_code == 200, answer.text
    if format_ == "jsonl":
        rows = [json.loads(line) for line in answer.text.splitlines()]
    elif format_ == "csv":
        header, *lines = answer.text.splitlines()
        assert header == "n,s"
        rows = [{"n": int(line.split(",")[0]), "s": line.split(",")[1]} for line in lines]
    else:
        source = io.BytesIO(answer.content)
        table = (
            pa.ipc.open_stream(source).read_all() if format_ == "arrow" else pq.read_table(source)
        )
        rows = table.to_pylist()
    assert len(rows) == 60_000 and rows[7] == {"n": 7, "s": "7"}


@pytest.mark.parametrize("format_", ["csv", "arrow"])
def test_a_file_that_ends_early_is_cut_off_and_who_leaves_stops_the_query(
    api, format_, monkeypatch
):
    queries, key = _queries(api), {"Authorization": f"Bearer {api.key}"}
    path = f"query/?format={format_}"

    def export(name):
        endless = "SELECT number, toString(number) AS s FROM numbers(200000000)"
        body = {"query": {"kind": "HogQLQuery", "query": endless}, "client_query_id": name}
        return api.client.stream("POST", f"/api/projects/1/{path}", json=body, headers=key)

    def cut(name):
        with export(name) as answer:
            chunks = answer.iter_raw()
            assert answer.status_code == 200 and next(chunks)
            assert api("DELETE", f"query/{name}/").status_code == 204
            return list(chunks)

    with pytest.raises(httpx.RemoteProtocolError):
        cut(f"cut-{format_}")
    assert queries.look(1, f"cut-{format_}").error.code == "query_cancelled"
    with export(f"left-{format_}") as answer:
        next(answer.iter_raw())
    deadline = time.monotonic() + 60
    while not queries.look(1, f"left-{format_}").is_complete or queries.running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    few = replace(queries.limits.export, memory_mb=64)
    monkeypatch.setattr(queries, "limits", replace(queries.limits, export=few))
    early = ask(api, "SELECT groupArray(number) AS a FROM numbers(30000000)", path)
    assert (early.status_code, early.json()["code"]) == (413, "query_too_large")


def test_the_format_may_stand_in_the_body_and_must_be_one(api):
    sql = "SELECT number AS n FROM numbers(3)"
    file = ask(api, sql, format="csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.splitlines() == ["n", "0", "1", "2"]
    assert ask(api, sql, "query/?format=csv", format="csv").text == file.text
    assert ask(api, sql, format="json").json()["results"] == [[0], [1], [2]]
    refused = [
        ask(api, sql, "query/?format=csv", format="json"),
        ask(api, sql, format="xlsx"),
        ask(api, sql, format="parquet", refresh="force_async"),
        ask(api, sql, "query/?format=jsonl", **{"async": True}),
        api("POST", "query/", {"query": {"kind": "DatabaseSchemaQuery"}, "format": "csv"}),
    ]
    told = [answer.json() for answer in refused]
    assert {(one["attr"], one["code"]) for one in told} == {("format", "invalid_input")}
    assert {answer.status_code for answer in refused} == {400}
    assert "`csv` in the address and `json` in the body" in told[0]["detail"]
    later = ask(api, sql + " WHERE n != 7", **{"async": True})
    assert (later.status_code, later.json()["query_status"]["query_async"]) == (202, True)
    forced = ask(api, sql, refresh=True, **{"async": True})
    assert forced.status_code == 202


def test_a_query_is_polled_until_it_is_complete(api):
    begun = ask(
        api,
        "SELECT sum(number) AS s FROM numbers(1000)",
        refresh="force_async",
        client_query_id="mine-1",
    )
    assert begun.status_code == 202
    assert begun.json()["query_status"]["id"] == "mine-1"
    deadline = time.monotonic() + 60
    while not (status := api("GET", "query/mine-1/").json()["query_status"])["complete"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status["results"]["results"] == [[499500]]
    assert api("GET", "query/unknown/").status_code == 404


def test_a_running_query_is_cancelled_and_the_worker_goes_on(api):
    assert ask(api, LONG, refresh="async", client_query_id="long-1").status_code == 202
    taken = ask(api, LONG, refresh="async", client_query_id="long-1")
    assert taken.json()["code"] == "query_id_taken"
    time.sleep(1.0)
    assert api("DELETE", "query/long-1/").status_code == 204
    deadline = time.monotonic() + 30
    while not (status := api("GET", "query/long-1/").json()["query_status"])["complete"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status["error_code"] == "query_cancelled"
    assert ask(api, "SELECT 41 + 1").json()["results"] == [[42]]


def test_a_worker_that_dies_is_told_and_replaced(api):
    assert ask(api, LONG, refresh="async", client_query_id="doomed").status_code == 202
    queries = _queries(api)
    deadline = time.monotonic() + 30
    while "1/doomed" not in queries._pool._busy:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(queries._pool._busy["1/doomed"].pid, signal.SIGKILL)
    while not (status := api("GET", "query/doomed/").json()["query_status"])["complete"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status["error_code"] == "query_worker_died"
    assert ask(api, "SELECT 43 AS n").json()["results"] == [[43]]


def test_a_query_that_takes_too_long_is_stopped(api):
    queries = _queries(api)
    before = queries.limits
    queries.limits = replace(before, each=replace(before.each, timeout_s=1.0))
    try:
        answer = ask(api, LONG)
    finally:
        queries.limits = before
    assert (answer.status_code, answer.json()["code"]) == (408, "query_timeout")


def _queries(api):
    return api.app.state.queries


def test_projects_take_turns_and_nobody_waits_for_ever():
    turns = Turns(slots=2, per_project=1, most_waiting=3, patience_s=0.3)
    began = []

    def hold(project):
        with turns.turn(project):
            began.append(project)
            time.sleep(0.15)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, [1, 1, 2]))
    assert sorted(began) == [1, 1, 2]
    with turns.turn(1), pytest.raises(TooManyQueriesError) as refused, turns.turn(1):
        pass
    assert refused.value.retry_after_s > 0
    with turns.turn(1):
        pass
