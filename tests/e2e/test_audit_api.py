"""The audit log and what surrounds every request, over a real server."""

import json
import logging
import re
import threading
import time

import httpx
import pytest

from pwh_assets.core.audit import HOME_CHAIN, AuditFilter
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.platform import open_platform
from pwh_assets.services.audit import verify_chain
from pwh_assets.settings import Settings
from pwh_assets.sources.stripe.webhooks import signature
from pwh_assets.store import NewTable
from pwh_assets.store.keys import KeyKind
from tests.e2e.api_server import Served

VIEW = {"name": "one", "query": {"kind": "HogQLQuery", "query": "SELECT 1 AS n"}}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


def log(api, **filters):
    time.sleep(0.25)  # entries of queries are written in batches
    answer = api("GET", "activity_log/", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def create(api, name, **headers):
    body = {**VIEW, "name": name}
    return api("POST", "warehouse_saved_queries/", body, headers=headers)


def test_a_write_leaves_its_start_and_its_end(api):
    done = create(api, "written", **{"X-Request-Id": "mine-1", "User-Agent": "tests"})
    assert done.status_code == 201, done.text
    assert done.headers["x-request-id"] == "mine-1"
    finish, start = log(api, action="warehouse_view", since="2026-01-01T00:00:00Z")[:2]
    assert (start["phase"], finish["phase"]) == ("start", "finish")
    assert start["operation"] == finish["operation"] and start["seq"] < finish["seq"]
    assert (finish["outcome"], finish["status"], finish["actor"]) == ("done", 201, "owner")
    assert finish["key_id"] and finish["ms"] > 0
    assert (finish["address"], finish["user_agent"]) == ("127.0.0.1", "tests")
    assert finish["request_id"] == "mine-1"
    failed = api("PATCH", "warehouse_saved_queries/nobody/", {"name": "x"})
    assert failed.status_code == 404
    assert log(api, action="warehouse_view", outcome="failed")[0]["code"] == "not_found"


def test_a_query_leaves_its_text_tables_rows_and_bytes(api):
    sql = "SELECT event, 'kept' AS word FROM events"
    query = {"query": {"kind": "HogQLQuery", "query": sql}}
    for _ in range(2):
        assert api("POST", "query/", query).status_code == 200
    cached, finish, start = log(api, action="query", table="events")[:3]
    assert (start["query"], start["tables"]) == (sql, ["events"])
    assert (finish["rows"], finish["bytes"], finish["operation"]) == (0, 2, start["operation"])
    assert cached["is_cached"] and cached["actor"] == start["actor"] == "owner"
    wrong = {"query": {"kind": "HogQLQuery", "query": "SELECT nope FROM events"}}
    assert api("POST", "query/", wrong).status_code == 400
    assert log(api, action="query", outcome="failed")[0]["query"] == "SELECT nope FROM events"
    later = {**query, "refresh": "force_async"}
    assert api("POST", "query/", later).status_code == 202
    begun = next(one for one in log(api, action="query") if one["phase"] == "start")
    assert begun["actor"] == "owner" and begun["request_id"]
    with api.client.stream(
        "POST", "/api/projects/1/query/?format=csv", json=query, headers=owner(api)
    ) as answer:
        assert answer.status_code == 200 and answer.read()
    assert log(api, action="query", outcome="done")[0]["bytes"] > 0


def owner(api):
    return {"Authorization": f"Bearer {api.key}"}


def test_every_refused_attempt_is_there(api):
    assert api("GET", "warehouse_tables/", key="phx_nobody").status_code == 401
    assert api("GET", "warehouse_tables/", key=api.capture_key).status_code == 401
    revoked = api.platform.store.add_key(1, KeyKind.PERSONAL, "old")
    found = api.platform.store.find_key(revoked)
    api.platform.store.revoke_key(found.id)
    assert api("GET", "warehouse_tables/", key=revoked).status_code == 401
    entries = log(api, action="refused")
    assert {one["outcome"] for one in entries} == {"refused"}
    assert [one["status"] for one in entries[:3]] == [401, 401, 401]
    assert found.id in {one["key_id"] for one in entries[:3]}, entries[:3]
    assert api("GET", "warehouse_tables/", project=77).status_code == 404
    page, _ = api.platform.store.audit_page(0, AuditFilter(action="refused"))
    assert page[0].entry.path == "/api/projects/77/warehouse_tables/"
    everything = json.dumps(log(api, limit=1000))
    assert "phx_nobody" not in everything and revoked not in everything
    assert api.key not in everything


def test_what_a_vendor_pushes_is_there_whether_it_was_taken_or_refused(api):
    secret = "whsec_made_up_for_this"
    config = {"api_key": "sk_test_1", "webhook_secret": secret}
    tables = [NewTable("customer", (Column("id", "VARCHAR"),), ("id",), mode=SyncMode.WEBHOOK)]
    source = api.platform.store.add_source(1, "stripe", "hooked_", "Stripe", {}, config, tables)
    told = {"id": "evt_1", "created": int(time.time()), "type": "customer.updated"}
    told["data"] = {"object": {"id": "cus_1", "object": "customer", "email": "ann@example.org"}}
    body = json.dumps(told).encode()

    def push(source_id, by):
        at = str(int(time.time()))
        headers = {"Stripe-Signature": f"t={at},v1={signature(by, at, body)}"}
        return api.client.post(f"/webhooks/{source_id}", content=body, headers=headers)

    assert push(source.id, secret).json() == {"kept": 1}
    refused = push(source.id, "whsec_wrong")
    assert refused.status_code == 400, refused.text
    assert push("nobody", secret).status_code == 404
    wrong, right = log(api, action="webhook")[:2]
    assert (right["outcome"], right["item"], right["rows"]) == ("done", source.id, 1)
    assert (right["bytes"], right["address"]) == (len(body), "127.0.0.1") and right["ms"] > 0
    assert (wrong["outcome"], wrong["code"]) == ("refused", refused.json()["code"])
    page, _ = api.platform.store.audit_page(0, AuditFilter(action="webhook"))
    assert [(one.entry.item, one.entry.code) for one in page] == [("nobody", "not_found")]
    everything = json.dumps(log(api, limit=1000))
    assert secret not in everything and "ann@example.org" not in everything


def test_a_request_sent_twice_is_done_once(api):
    first = create(api, "once", **{"Idempotency-Key": "k-1"})
    again = create(api, "once", **{"Idempotency-Key": "k-1"})
    assert first.status_code == again.status_code == 201
    assert again.content == first.content and again.headers["idempotent-replayed"] == "true"
    other = create(api, "another", **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    broken = {"name": "later", "query": {"kind": "HogQLQuery", "query": "SELECT nope"}}
    headers = {"Idempotency-Key": "k-2"}
    assert api("POST", "warehouse_saved_queries/", broken, headers=headers).status_code == 400
    assert create(api, "later", **headers).status_code == 201  # what did nothing may be mended
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(create(api, "racing", **{"Idempotency-Key": "k-3"}))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.status_code for one in answers} <= {201, 409}
    made = [one for one in answers if one.status_code == 201]
    assert made and len({one.json()["id"] for one in made}) == 1
    for one in answers:
        assert one.status_code == 201 or one.json()["code"] == "idempotency_key_in_use"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"n": ' + b"9" * 10_000 + b"}",
        b'"text"',
        b"",
    ],
    ids=["cut", "bytes", "deep", "nan", "half", "nul", "huge", "text", "empty"],
)
def test_no_body_makes_a_500(api, body):
    headers = {**owner(api), "Content-Type": "application/json"}
    answer = api.client.post(
        "/api/projects/1/warehouse_saved_queries/", content=body, headers=headers
    )
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) >= {"type", "code", "detail", "attr"}


def test_a_body_over_its_limit_is_413_and_odd_addresses_are_400(api):
    headers = {**owner(api), "Content-Type": "application/json"}
    url = "/api/projects/1/warehouse_saved_queries/"
    large = api.client.post(url, content=b" " * (21 << 20), headers=headers)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")

    def parts():
        for _ in range(21):
            yield b" " * (1 << 20)

    try:
        sent = api.client.post(url, content=parts(), headers=headers)
        assert sent.status_code == 413
    except httpx.WriteError:
        pass  # the server closed before all of it was sent
    assert api.client.get("/api/projects/1/x%00y/", headers=headers).status_code == 400
    assert (
        api("GET", "warehouse_tables/", headers={"X-Request-Id": "a b"}).headers["x-request-id"]
        != "a b"
    )


def test_metrics_count_by_route(api):
    text = api.client.get("/metrics").text
    route = "/api/projects/{project_id}/warehouse_saved_queries/"
    assert re.search(
        rf'pwh_http_requests_total{{method="POST",route="{re.escape(route)}",status="201"}} \d',
        text,
    )
    assert "pwh_http_request_seconds_bucket" in text and "pwh_query_cache_hits_total" in text
    assert "pwh_queries_running 0" in text
    behind = {"X-Forwarded-For": "203.0.113.9"}
    assert api.client.get("/metrics", headers=behind).status_code == 401
    assert api.client.get("/metrics", headers=behind | owner(api)).status_code == 200


def test_the_access_log_has_one_line_a_request_without_keys(api, caplog):
    with caplog.at_level(logging.INFO, "pwh.access"):
        api("GET", "warehouse_tables/", params={"search": "phx_secret"})
        api.client.get("/api/projects/1/phx_secret/")
    lines = [json.loads(one.message) for one in caplog.records if one.name == "pwh.access"]
    first = next(one for one in lines if one["path"].endswith("warehouse_tables/"))
    assert (first["status"], first["actor"], first["project"]) == (200, "owner", 1)
    assert first["route"].endswith("/warehouse_tables/") and first["ms"] > 0
    assert len(lines) == 2 and "phx_secret" not in json.dumps(lines)


def test_a_crash_between_start_and_end_shows(api, monkeypatch):
    keep = api.app.state.audit.write_soon

    def is_killed(entry):
        if entry.phase.value == "finish" and entry.action == "warehouse_view:write":
            from pwh_assets.services.audit import AuditUnavailableError

            raise AuditUnavailableError
        return keep(entry)

    monkeypatch.setattr(api.app.state.audit, "write_soon", is_killed)
    create(api, "crashed", **{"X-Request-Id": "crash-1"})
    monkeypatch.undo()
    unfinished = log(api, unfinished=True, action="warehouse_view")
    assert [one["request_id"] for one in unfinished] == ["crash-1"]
    assert unfinished[0]["is_unfinished"]


def test_the_whole_log_holds(api):
    assert create(api, "held").status_code == 201
    assert api("GET", "warehouse_tables/", project=77).status_code == 404  # in the home's chain
    time.sleep(0.25)
    for chain in (HOME_CHAIN, *api.platform.store.project_ids()):
        report = verify_chain(api.platform, chain)
        assert report.problem is None and report.entries > 0
    answer = api("GET", "activity_log/verify/").json()
    assert answer["is_whole"] and answer["problem"] is None
