import base64
import copy
import gzip
import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import httpx
import pytest

from pwh_assets.demo.private import free_port
from pwh_assets.platform import open_platform
from pwh_assets.services.capture import Capture, Sending, forget_person
from pwh_assets.services.capture.loading import load
from pwh_assets.services.hogql.query import run_query
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("capture") / "home"
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


def rows(served, sql):
    while load(served.platform, 1, timeout_s=60).is_more:
        pass
    return [tuple(row) for row in run_query(served.platform, 1, sql).rows]


def post(served, path="/capture/", body=None, **more):
    return served.client.post(path, json=body, **more)


def batch(served, *events, **more):
    answer = post(served, "/batch/", {"api_key": served.capture_key, "batch": list(events), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def event(name, who, **properties):
    return {"event": name, "distinct_id": who, "properties": properties}


def eventually(served, sql, expected):
    """The loader brings it by itself."""
    deadline = time.monotonic() + 60
    while (found := [tuple(row) for row in run_query(served.platform, 1, sql).rows]) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_every_door_of_the_sdks_takes_events_with_and_without_a_slash(served):
    key, names = served.capture_key, []
    for path in ("/capture", "/batch", "/i/v0/e", "/e", "/track"):
        for door in (path, f"{path}/"):
            names.append(f"door {door}")
            body = {**event(names[-1], "doors"), "api_key": key}
            answer = post(served, door, {"api_key": key, "batch": [body]} if "b" in path else body)
            status = "Ok" if path.startswith("/i/") else 1
            assert (answer.status_code, answer.json()) == (200, {"status": status}), door
    text = json.dumps([{**event("packed", "doors"), "api_key": key}]).encode()
    packed, form = gzip.compress(text), quote_plus(base64.b64encode(text))
    for content, headers, query in (
        (packed, {"content-encoding": "gzip"}, {}),
        (packed, {"content-type": "text/plain"}, {"compression": "gzip-js", "_": "1"}),
        (f"data={form}", {"content-type": "application/x-www-form-urlencoded"}, {}),
        (text, {"content-type": "text/plain"}, {"ip": "1"}),
    ):
        answer = served.client.post("/e/", content=content, headers=headers, params=query)
        assert answer.status_code == 200, answer.text
    assert (
        served.client.get("/e/", params={"data": base64.b64encode(text).decode()}).status_code
        == 200
    )
    person = {"$distinct_id": "doors", "$set": {"doors": 10}, "token": key}
    assert post(served, "/engage/", person).status_code == 200
    assert post(served, "/s/", {"event": "$snapshot", "api_key": key}).json() == {"status": 1}
    eventually(
        served,
        "select event, count() from events where distinct_id = 'doors' group by event order by event",
        sorted([(name, 1) for name in names] + [("packed", 5), ("$set", 1)]),
    )
    assert rows(served, "select properties.doors from persons")[0] == ("10",)


def test_a_page_on_any_site_may_send_and_is_told_so(served):
    origin = {"origin": "https://shop.example.com"}
    asked = served.client.options(
        "/e/", headers={**origin, "access-control-request-method": "POST"}
    )
    assert asked.status_code == 204 and "POST" in asked.headers["access-control-allow-methods"]
    for key in (served.capture_key, "phc_wrong"):
        answer = post(served, "/e/", {**event("x", "cors"), "api_key": key}, headers=origin)
        assert answer.headers["access-control-allow-origin"] == origin["origin"]


def test_what_is_wrong_is_answered_in_the_one_shape_and_the_rest_is_kept(served):
    def refused(status, code, **sent):
        answer = served.client.post("/batch/", **sent)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        return answer.json()["detail"]

    key = served.capture_key
    for wrong in ("phc_nobody", served.key, "", None):
        refused(401, "invalid_api_key", json={"api_key": wrong, "batch": [event("x", "wrong")]})
    assert served.key[-8:] not in refused(401, "invalid_api_key", json={"api_key": served.key})
    refused(400, "invalid_body", content=b"{")
    refused(413, "too_large", content=gzip.compress(b" " * 21 * 2**20))
    assert "distinct_id" in refused(400, "invalid_body", json={"api_key": key, "event": "x"})
    answer = batch(served, event("kept", "wrong"), {"event": "x"}, 5, event("kept", "wrong"))
    assert (answer["status"], answer["accepted"]) == (1, 2)
    assert [(one["index"], one["code"]) for one in answer["refused"]] == [
        (1, "missing_distinct_id"),
        (2, "not_an_object"),
    ]
    assert rows(served, "select event from events where distinct_id = 'wrong'") == [("kept",)] * 2


def test_a_revoked_key_is_refused_within_seconds(served, monkeypatch):
    from pwh_assets.services.capture import service
    from pwh_assets.store.keys import KeyKind

    key = served.platform.store.add_key(1, KeyKind.CAPTURE, "other")
    body = {**event("x", "revoked"), "api_key": key}
    monkeypatch.setattr(service, "KEY_AGE_S", 0.0)
    assert post(served, body=body).status_code == 200
    served.platform.store.revoke_key(served.platform.store.find_key(key).id)
    assert post(served, body=body).status_code == 401


def test_an_event_sent_again_is_one_event(served):
    one = {**event("once", "again"), "uuid": str(uuid.uuid4())}
    batch(served, one, one)
    load(served.platform, 1, timeout_s=60)
    batch(served, one, event("twice", "again"))
    batch(served, event("twice", "again"))
    found = rows(served, "select event from events where distinct_id = 'again' order by event")
    assert found == [("once",), ("twice",), ("twice",)]


def test_a_merge_is_seen_in_old_events_sessions_and_groups(served):
    session = {"$session_id": "s-merge", "$groups": {"company": "acme"}}
    batch(
        served,
        event("$pageview", "anon-m", **session),
        event("$pageview", "quiet-m", **{"$process_person_profile": False}),
        event(
            "$groupidentify",
            "anon-m",
            **{"$group_type": "company", "$group_key": "acme", "$group_set": {"size": 3}},
        ),
    )
    mine = "where distinct_id in ('anon-m', 'quiet-m', 'user-m')"
    assert rows(served, f"select uniq(person_id), count() from events {mine}") == [(2, 3)]
    batch(
        served,
        event("$identify", "user-m", **{"$anon_distinct_id": "anon-m", "$set": {"mail": "m@x"}}),
        event("$create_alias", "user-m", alias="quiet-m"),
    )
    assert rows(served, f"select uniq(person_id), count() from events {mine}") == [(1, 5)]
    modes = (
        f"select event, person_mode from events {mine} and distinct_id != 'user-m' order by 2, 1"
    )
    assert rows(served, modes) == [
        ("$groupidentify", "full"),
        ("$pageview", "full"),
        ("$pageview", "propertyless"),
    ]
    asked = "select distinct person.properties.mail, person.is_identified from events "
    assert rows(served, asked + mine) == [("m@x", True)]
    assert rows(
        served,
        "select group_0.properties.size, session.$pageview_count from events "
        "where event = '$pageview' and distinct_id = 'anon-m'",
    ) == [("3", 1)]
    ids = "select uniq(person_id) from person_distinct_ids " + mine
    assert rows(served, ids) == [(1,)]
    assert (
        rows(served, f"select count() from persons where id in (select person_id from events {mine})")
        == [(1,)]
    )  # fmt: skip
    forgotten = forget_person(served.platform, 1, ["anon-m"])
    assert (forgotten.persons, forgotten.distinct_ids, forgotten.events) == (1, 3, 5)
    assert rows(served, f"select count() from events {mine}") == [(0,)]


def test_a_sender_whose_clock_is_wrong_is_put_right(served):
    hour = timedelta(hours=1)
    slow = datetime.now(UTC) - 5 * hour
    batch(
        served,
        {**event("clock", "slow"), "timestamp": (slow - hour).isoformat()},
        {**event("clock", "future"), "timestamp": (slow + 90 * hour).isoformat()},
        sent_at=slow.isoformat(),
    )
    found = dict(rows(served, "select distinct_id, timestamp from events where event = 'clock'"))
    now = datetime.now(UTC)
    for who, hours in (("slow", 1), ("future", 0)):
        at = datetime.fromisoformat(str(found[who])).replace(tzinfo=UTC)
        assert abs(now - hours * hour - at) < timedelta(minutes=10)


def test_while_the_lake_is_busy_events_are_acknowledged_and_wait(served):
    with served.platform.lakes.of(1).lock():
        batch(served, event("waited", "busy"))
        asked = "select count() from events where event = 'waited'"
        assert run_query(served.platform, 1, asked).rows[0][0] == 0
    eventually(served, asked, [(1,)])


def test_the_other_questions_of_sdks_have_empty_answers(served):
    two = post(served, "/flags/?v=2", {"token": "t", "distinct_id": "a"}).json()
    assert (two["flags"], two["errorsWhileComputingFlags"]) == ({}, False)
    assert post(served, "/decide/?v=3", {}).json()["featureFlags"] == {}
    assert served.client.get("/array/phc_x/config").json()["supportedCompression"] == [
        "gzip",
        "gzip-js",
    ]
    odd = served.client.get("/array/%3C%2Fscript%3E/config.js")
    assert (odd.status_code, odd.headers["content-type"]) == (404, "application/json")
    assert served.client.get("/api/feature_flag/local_evaluation/?token=x").json()["flags"] == []


def test_an_event_without_a_person_of_somebody_who_is_one_is_told_apart(served):
    def at(minute, name, who="modest", **properties):
        moment = datetime(2026, 5, 1, 12, minute, tzinfo=UTC).isoformat()
        return {**event(name, who, **properties), "timestamp": moment}

    quiet = {"$process_person_profile": False, "$set": {"plan": "free"}}
    batch(served, at(1, "before", **quiet), at(10, "came", **{"$set": {"plan": "pro"}}))
    batch(
        served,
        at(5, "earlier", **quiet),
        at(11, "within a minute", **quiet),
        at(12, "after", **quiet),
        at(12, "after", "stranger", **quiet, **{"$force_upgrade": True}),
    )
    batch(served, at(30, "$create_alias", alias="stranger"), at(40, "later", "stranger", **quiet))
    asked = "select event, distinct_id, person_mode from events where distinct_id in ('modest', 'stranger')"
    assert set(rows(served, asked)) == {
        ("before", "modest", "propertyless"),
        ("came", "modest", "full"),
        ("earlier", "modest", "propertyless"),
        ("within a minute", "modest", "propertyless"),
        ("after", "modest", "force_upgrade"),
        ("after", "stranger", "propertyless"),
        ("$create_alias", "modest", "full"),
        ("later", "stranger", "force_upgrade"),
    }
    asked = "select distinct person.properties.plan from events where distinct_id in ('modest', 'stranger')"
    assert rows(served, asked) == [("pro",)]


def test_batches_of_any_size_give_the_same_people_in_a_real_lake(tmp_path):
    choice = random.Random(20261121)
    who = ("a", "b", "c", "anon-1", "anon-2")
    told = []
    for number in range(60):
        name = choice.choice(("e", "e", "$identify", "$create_alias", "$merge_dangerously"))
        said = {"$set": {"x": number}, "$set_once": {"first": number}, "$unset": []}
        if name != "e":
            said |= {"$anon_distinct_id": choice.choice(who), "alias": choice.choice(who)}
        said["$process_person_profile"] = choice.random() < 0.8
        at = datetime(2026, 5, 1, 12, choice.randrange(60), tzinfo=UTC).isoformat()
        told.append({**event(name, choice.choice(who), **said), "timestamp": at})
    found = []
    for parts in ([60], [1, 2, 20, 7, 30]):
        platform = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path / str(parts[0]))}))
        key = platform.store.claim_home()[1]
        capture, at = Capture(platform), 0
        for size in parts:
            capture.accept(Sending(copy.deepcopy(told[at : at + size]), key)).done.result(60)
            at += size
            load(platform, 1, timeout_s=60)
        capture.stop()
        asked = (
            "select distinct_id, p.id, p.properties, p.created_at, p.is_identified "
            "from person_distinct_ids d join persons p on p.id = d.person_id order by distinct_id",
            "select distinct_id, person_id, event, person_mode, count() from events "
            "group by distinct_id, person_id, event, person_mode order by distinct_id, event, person_id, person_mode",
        )
        found.append([run_query(platform, 1, sql).rows for sql in asked])
        platform.lakes.close()
        platform.store.close()
    assert found[0] == found[1] and len(found[0][0]) == 5
    assert {row[3] for row in found[0][1]} == {"full", "propertyless", "force_upgrade"}


class Process:
    """The API in a process of its own, as `pwh up` starts it."""

    def __init__(self, home):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "pwh_assets.cli.serve", "--port", str(port)]
        self._process = subprocess.Popen(command, env={**os.environ, "PWH_HOME": str(home)})
        deadline = time.monotonic() + 90
        while True:
            try:
                httpx.get(f"{self.url}/health", trust_env=False)
                return
            except httpx.TransportError:
                assert time.monotonic() < deadline and self._process.poll() is None
                time.sleep(0.1)

    def kill(self):
        self._process.kill()
        self._process.wait(60)


def test_a_killed_server_loses_no_acknowledged_event(tmp_path):
    platform = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path / "home")}))
    key = platform.store.claim_home()[1]
    platform.lakes.of(1)
    platform.lakes.close()
    acknowledged, sent = set(), set()

    def send(url, seed):
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            while True:
                events = [
                    {**event("k", f"user-{seed}", n=n), "uuid": str(uuid.uuid4())}
                    for n in range(20)
                ]
                ids = {one["uuid"] for one in events}
                sent.update(ids)
                try:
                    answer = client.post("/batch/", json={"api_key": key, "batch": events})
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    acknowledged.update(ids)

    for seconds in (1.5, 3.0):  # before and while the first rows are loaded
        process = Process(tmp_path / "home")
        senders = [threading.Thread(target=send, args=(process.url, n)) for n in range(3)]
        for one in senders:
            one.start()
        time.sleep(seconds)
        process.kill()
        for one in senders:
            one.join()
    while load(platform, 1, timeout_s=60).is_more:
        pass
    with platform.lakes.of(1).read() as connection:
        found = [
            row[0]
            for row in connection.execute(
                "select uuid::varchar from lake.product.events where event = 'k'"
            ).fetchall()
        ]
    assert acknowledged and acknowledged <= set(found) <= sent
    assert len(found) == len(set(found))
    assert not list((tmp_path / "home" / "capture" / "1").glob("*.log"))
    assert platform.lakes.of(1).verify() == []
    platform.lakes.close()
    platform.store.close()


def test_values_of_every_kind_reach_the_lake_or_are_refused(served):
    deep = 1
    for _ in range(200):
        deep = [deep]
    texts = [
        "\0",
        "a\0b",
        "'",
        '"',
        "\\",
        "\u2028",
        "\ufffe",
        "{}",
        "%s",
        "$set",
        "x" * 300,
        "\ud83d",
    ]
    odd = [*texts, 2**64 - 1, 10**30, 1e308, float("nan"), -1, True, [], {"": [None]}, deep]
    fields = ("$set", "$unset", "$groups", "$session_id", "$ip", "$elements_chain", "timestamp")
    events = [
        event("odd", f"odd-{n}", **{field: value})
        for field in fields
        for n, value in enumerate(odd)
    ]
    events += [event("odd", "odd-0", **{"$set": {str(value): value}}) for value in odd]
    events += [
        event("$groupidentify", "odd-1", **{"$group_type": "company", "$group_key": value})
        for value in odd
    ]
    events += [event("$identify", "odd-2", **{"$anon_distinct_id": value}) for value in odd]
    events += [{"event": "odd", "distinct_id": value, "timestamp": "0001-01-01"} for value in odd]
    body = json.dumps({"api_key": served.capture_key, "batch": events, "sent_at": "odd"})
    answer = served.client.post("/batch/", content=body).json()
    kept = answer.get("accepted", len(events))
    assert kept > 0.9 * len(events)
    found = rows(
        served,
        "select count(), countIf(timestamp < '0002-01-01') from events "
        "where created_at >= (select min(created_at) from events where event = 'odd')",
    )
    assert found[0][0] == kept and found[0][1] > 10
    assert rows(served, "select person.properties.x from events where event = 'odd' limit 1")


def test_what_was_taken_refused_and_loaded_is_counted(served):
    def numbers():
        found = {}
        for line in served.client.get("/metrics").text.splitlines():
            if line.startswith("pwh_capture_"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    before, one = numbers(), str(uuid.uuid4())
    told = batch(
        served,
        {**event("counted", "c"), "uuid": one},
        {**event("counted", "c"), "uuid": one},
        {"event": "counted"},
    )
    assert told["accepted"] == 2
    assert post(served, body={**event("counted", "c"), "api_key": "phc_no"}).status_code == 401
    eventually(served, "SELECT count() FROM events WHERE event = 'counted'", [(1,)])
    deadline = time.monotonic() + 60
    while (after := numbers())["pwh_capture_backlog"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown["pwh_capture_events_total"] == 2
    assert grown['pwh_capture_rejected_total{reason="missing_distinct_id"}'] == 1
    assert grown['pwh_capture_refused_requests_total{code="invalid_api_key"}'] == 1
    assert grown["pwh_capture_loaded_total"] >= 1 and grown["pwh_capture_duplicates_total"] >= 1
    assert after["pwh_capture_lag_seconds"] == 0 and grown["pwh_capture_syncs_total"] >= 1
