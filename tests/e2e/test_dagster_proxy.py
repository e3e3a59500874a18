"""Dagster's own webserver behind the login of the API: who reads, who changes, who is sent away."""

import json
import subprocess
import sys
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from pwh_assets.core.access import Role
from pwh_assets.core.audit import HOME_CHAIN, AuditEntry
from pwh_assets.demo.private import free_port
from pwh_assets.platform import open_platform
from pwh_assets.services.people.login import add_person
from pwh_assets.settings import Settings
from pwh_assets.store.keys import KeyKind
from tests.e2e.api_server import Served

CHANGE = {"query": "mutation Change { reloadWorkspace { __typename } }"}
HIDDEN = {
    "query": "query Look { version } mutation Change { reloadWorkspace { __typename } }",
    "operationName": "Change",
}
LOOK = {"query": "{ version }"}


@pytest.fixture(scope="module")
def dagster(tmp_path_factory):
    """An empty webserver with the prefix."""
    port = free_port()
    folder = tmp_path_factory.mktemp("dagster")
    argv = ["dagster_webserver", "--empty-workspace", "-p", str(port), "--path-prefix", "/dagster"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *argv],
            cwd=folder,
            env={"DAGSTER_HOME": str(folder), "DO_NOT_TRACK": "1", "PATH": ""},
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}/dagster"
    deadline = time.monotonic() + 120
    while True:
        try:
            httpx.get(f"{url}/server_info", trust_env=False)
            break
        except httpx.HTTPError:
            assert process.poll() is None and time.monotonic() < deadline, (
                folder / "log"
            ).read_text()
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def api(tmp_path_factory, dagster):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform, dagster) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


@pytest.fixture(scope="module")
def keys(api):
    where = api.platform.store.organization_of(1)
    found = {}
    for role in (Role.EDITOR, Role.VIEWER):
        add_person(api.platform, role.value, None, where, role)
        found[role] = api.platform.store.add_key(1, KeyKind.PERSONAL, "test", role.value)
    return found


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def test_without_a_login_a_page_asks_for_one_and_a_program_is_refused(api):
    assert api.client.get("/").headers["location"] == "/dagster/"
    page = api.client.get("/dagster/runs?x=1", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (
        303,
        "/login?next=%2Fdagster%2Fruns%3Fx%3D1",
    )
    for path in ("/dagster/server_info", "/dagster/graphql?query={version}"):
        assert api.client.get(path).status_code == 401
    assert api.client.post("/dagster/graphql", json=LOOK).status_code == 401


def test_viewers_read_and_editors_change(api, keys):
    viewer, editor = (bearer(keys[role]) for role in (Role.VIEWER, Role.EDITOR))
    page = api.client.get("/dagster/", headers={**viewer, "Accept": "text/html"})
    assert page.status_code == 200 and '"/dagster"' in page.text
    read = api.client.post("/dagster/graphql", json=LOOK, headers=viewer)
    assert read.json()["data"]["version"]
    for body in (CHANGE, HIDDEN):
        refused = api.client.post("/dagster/graphql", json=body, headers=viewer)
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
        assert api.client.get("/dagster/graphql", params=body, headers=viewer).status_code == 400
        done = api.client.post("/dagster/graphql", json=body, headers=editor)
        assert done.json()["data"]["reloadWorkspace"]["__typename"] == "Workspace"
    event = {"asset_key": "a"}
    path = "/dagster/report_asset_materialization/"
    assert api.client.post(path, json=event, headers=viewer).status_code == 403
    text = {**viewer, "Content-Type": "application/graphql"}
    sneaked = api.client.post("/dagster/graphql", content=CHANGE["query"], headers=text)
    assert (sneaked.status_code, sneaked.json()["code"]) == (400, "dagster_request")
    twice = b'{"query": "mutation { reloadWorkspace { __typename } }", "query": "{ version }"}'
    said = {**viewer, "Content-Type": "application/json"}
    answer = api.client.post("/dagster/graphql", content=twice, headers=said)
    assert answer.json()["data"] == {"version": read.json()["data"]["version"]}


def test_a_socket_is_judged_message_by_message_and_ends_with_its_login(api, keys):
    address = api.url.replace("http", "ws") + "/dagster/graphql"
    with pytest.raises(InvalidStatus):
        connect(address, subprotocols=["graphql-ws"], proxy=None).close()
    key = api.platform.store.find_key(keys[Role.VIEWER])
    login = api.client.post("/login", json={"name": "", "password": keys[Role.VIEWER]})
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    api.client.cookies.clear()
    for origin, is_let_in in (("http://evil.example", False), (api.url, True)):
        headers = {**cookie, "Origin": origin}
        if not is_let_in:
            with pytest.raises(InvalidStatus):
                connect(
                    address, subprotocols=["graphql-ws"], additional_headers=headers, proxy=None
                ).close()
            continue
        with connect(
            address, subprotocols=["graphql-ws"], additional_headers=headers, proxy=None
        ) as open_socket:
            open_socket.send(json.dumps({"type": "connection_init"}))
            assert json.loads(open_socket.recv(20))["type"] == "connection_ack"
            open_socket.send(json.dumps({"type": "start", "id": "1", "payload": CHANGE}))
            refused = json.loads(open_socket.recv(20))
            assert refused["type"] == "error" and "only read" in refused["payload"]["message"]
            follow = {"query": "subscription { locationStateChangeEvents { __typename } }"}
            open_socket.send(json.dumps({"type": "start", "id": "2", "payload": follow}))
            api.platform.store.revoke_key(key.id)
            with pytest.raises(ConnectionClosed):
                open_socket.recv(30)


def entries(api):
    with api.platform.store.audit_chain(HOME_CHAIN) as (_, rows):
        return [AuditEntry.of(row.body) for row in rows]


def test_a_change_in_dagster_has_its_name_start_and_end_in_the_audit_log_and_reading_has_nothing(
    api, keys
):
    since = len(entries(api))
    editor = bearer(keys[Role.EDITOR])
    viewer = bearer(api.platform.store.add_key(1, KeyKind.PERSONAL, "fresh", "viewer"))
    named = "mutation Named { ...Part } fragment Part on Mutation { again: reloadWorkspace { __typename } }"
    api.client.post("/dagster/graphql", json=LOOK, headers=editor)
    api.client.post("/dagster/graphql", json={"query": named}, headers=editor)
    api.client.post("/dagster/graphql", json=CHANGE, headers=viewer)
    found = [
        (one.actor, one.action, one.phase.value, one.outcome.value, one.item)
        for one in entries(api)[since:]
    ]
    assert found == [
        ("editor", "external_data_source:write", "start", "begun", "reloadWorkspace"),
        ("editor", "external_data_source:write", "finish", "done", "reloadWorkspace"),
        ("viewer", "refused", "whole", "refused", "external_data_source:write role"),
    ]


def test_a_change_over_a_websocket_is_refused_to_everybody_and_written_down(api, keys):
    address = api.url.replace("http", "ws") + "/dagster/graphql"
    since = len(entries(api))
    with pytest.raises(InvalidStatus):
        connect(address, subprotocols=["graphql-ws"], proxy=None).close()
    with connect(
        address,
        subprotocols=["graphql-ws"],
        additional_headers=bearer(keys[Role.EDITOR]),
        proxy=None,
    ) as socket_:
        socket_.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket_.recv(20))["type"] == "connection_ack"
        socket_.send(json.dumps({"type": "start", "id": "1", "payload": CHANGE}))
        assert "sent with POST" in json.loads(socket_.recv(20))["payload"]["message"]
    deadline = time.monotonic() + 20
    while len(found := entries(api)[since:]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(one.actor, one.method, one.code) for one in found] == [
        ("", "WEBSOCKET", "not_authenticated"),
        ("editor", "WEBSOCKET", "dagster_request"),
    ]
