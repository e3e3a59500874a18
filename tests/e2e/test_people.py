"""People, roles, keys and logins over HTTP and the command line, on one home with two tenants."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pwh_assets.cli import main
from pwh_assets.core.audit import HOME_CHAIN, AuditEntry
from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from pwh_assets.store import models
from pwh_assets.store.keys import KeyKind
from tests.e2e.api_server import Served


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def api(home):
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


def ask(api, method, path, body=None, key=None, **headers):
    headers = {"Authorization": f"Bearer {key or api.key}", **headers}
    return api.client.request(method, path, json=body, headers=headers)


def come(api, organization, name, role="viewer", **more):
    """Somebody invited who came: their id and a key of their own."""
    body = {"email": f"{name}@example.com", "role": role, **more}
    made = ask(api, "POST", f"/api/organizations/{organization}/invites/", body)
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    assert f"/invite/{token}" in made.json()["mail"]
    form = {"name": name, "password": f"correct {name} battery"}
    came = api.client.post(f"/invite/{token}", json=form)
    assert came.status_code == 200 and "HttpOnly" in came.headers["set-cookie"], came.text
    again = api.client.post(f"/invite/{token}", json={**form, "name": "again"})
    assert again.status_code == 404
    api.client.cookies.clear()
    return came.json()["id"], api.platform.store.add_key(1, KeyKind.PERSONAL, "test", name)


@pytest.fixture(scope="module")
def organization(api):
    (found,) = ask(api, "GET", "/api/organizations/").json()["results"]
    assert found["membership_role"] == "owner"
    return found["id"]


def test_a_key_does_what_its_role_and_scopes_allow_and_a_refusal_says_which(api, organization):
    _, viewer = come(api, organization, "vera")
    _, editor = come(api, organization, "edgar", "editor")
    me = ask(api, "GET", "/api/users/@me/", key=viewer).json()
    assert (me["first_name"], me["team"]["role"]) == ("vera", "viewer")
    assert ask(api, "GET", "/api/projects/@current/", key=viewer).json()["id"] == 1

    view = {"name": "one", "query": {"kind": "HogQLQuery", "query": "SELECT 1 AS n"}}
    refused = api("POST", "warehouse_saved_queries/", view, key=viewer)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert "viewer" in refused.json()["detail"]
    assert api("POST", "warehouse_saved_queries/", view, key=editor).status_code == 201

    body = {"label": "reads", "scopes": ["warehouse_view:read"], "scoped_teams": [1]}
    made = ask(api, "POST", "/api/personal_api_keys/", body, key=editor).json()
    assert api("GET", "warehouse_saved_queries/", key=made["value"]).json()["count"] == 1
    for method, path in (("POST", "warehouse_saved_queries/"), ("GET", "warehouse_sources/")):
        refused = api(method, path, view, key=made["value"])
        assert refused.status_code == 403 and "scope" in refused.json()["detail"]
    assert ask(api, "GET", "/api/personal_api_keys/", key=made["value"]).status_code == 403
    listed = ask(api, "GET", "/api/personal_api_keys/", key=editor).json()["results"]
    assert made["value"] not in str(listed) and listed[-1]["last_used_at"] is not None
    wrong = ask(api, "POST", "/api/personal_api_keys/", {**body, "scopes": ["all:write"]}, editor)
    assert (wrong.status_code, wrong.json()["attr"]) == (400, "scopes")


def test_wrong_expired_and_revoked_keys_look_the_same(api):
    store = api.platform.store
    plain = store.add_key(1, KeyKind.PERSONAL, "short", "owner")
    assert ask(api, "GET", "/api/projects/", key=plain).status_code == 200
    store.expire_key(store.find_key(plain).id, store.find_key(plain).created_at)
    body = {"label": "gone"}
    made = ask(api, "POST", "/api/personal_api_keys/", body).json()
    assert ask(api, "GET", "/api/projects/", key=made["value"]).status_code == 200
    path = f"/api/personal_api_keys/{made['id']}/"
    assert ask(api, "DELETE", path).status_code == 204
    time.sleep(1)  # what another process did is believed within a second
    answers = [
        ask(api, "GET", "/api/projects/", key=key)
        for key in ("phx_wrong", plain, made["value"], api.capture_key)
    ]
    assert {one.status_code for one in answers} == {401}
    assert len({one.text for one in answers}) == 1
    assert ask(api, "DELETE", path).status_code == 404


def test_another_tenant_looks_like_nothing(api, organization):
    made = ask(api, "POST", "/api/organizations/", {"name": "Other"}).json()
    project = ask(api, "POST", "/api/projects/", {"name": "Two", "organization": made["id"]}).json()
    assert project["id"] == 2
    asked = {"query": {"kind": "HogQLQuery", "query": "SELECT 1 AS n"}}
    assert api("POST", "query/", asked, project=2).json()["results"] == [[1]]
    user, stranger = come(api, made["id"], "otto", "admin", project=2)
    seen = ask(api, "GET", "/api/projects/", key=stranger).json()["results"]
    assert [(one["id"], one["role"]) for one in seen] == [(2, "admin")]
    hidden, missing = (
        ask(api, "GET", f"/api/projects/{number}/", key=stranger) for number in (1, 99)
    )
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace("`1`", "`99`") == missing.text
    path = f"/api/organizations/{organization}/members/"
    assert ask(api, "GET", path, key=stranger).status_code == 404
    assert ask(api, "DELETE", f"{path}{user}/").status_code == 404
    assert ask(api, "DELETE", "/api/projects/2/").status_code == 204
    assert ask(api, "GET", "/api/projects/2/").status_code == 404
    assert ask(api, "GET", "/api/projects/", key=stranger).json()["count"] == 0
    assert ask(api, "DELETE", "/api/projects/1/").json()["code"] == "conflict"


def test_owners_stay_and_whoever_is_removed_is_out_at_once(api, organization):
    path = f"/api/organizations/{organization}/members/"
    everybody = ask(api, "GET", path).json()["results"]
    owner = next(one["id"] for one in everybody if one["role"] == "owner")
    for method, body in (("DELETE", None), ("PATCH", {"role": "admin"})):
        refused = ask(api, method, f"{path}{owner}/", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    ada, admin = come(api, organization, "ada", "admin")
    for who, role in ((owner, "viewer"), (ada, "owner")):
        assert ask(api, "PATCH", f"{path}{who}/", {"role": role}, admin).status_code == 403
    changed = ask(api, "PATCH", f"{path}{ada}/", {"role": "editor", "attributes": {"team": "x"}})
    assert (changed.json()["role"], changed.json()["attributes"]) == ("editor", {"team": "x"})
    assert ask(api, "GET", path, key=admin).status_code == 403
    assert ask(api, "DELETE", f"{path}{ada}/").status_code == 204
    assert ask(api, "GET", "/api/projects/", key=admin).status_code == 401


def test_an_invitation_past_its_day_is_one_that_never_was(api, organization):
    body = {"email": "late@example.com", "role": "viewer", "expires_in": 60}
    made = ask(api, "POST", f"/api/organizations/{organization}/invites/", body).json()
    with api.platform.store._db.write() as connection:
        connection.execute(
            sa.update(models.invitations)
            .where(models.invitations.c.id == made["id"])
            .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    form = {"name": "late", "password": "correct late battery"}
    late, never = (
        api.client.post(f"/invite/{token}", json=form) for token in (made["token"], "never")
    )
    assert late.status_code == never.status_code == 404 and late.text == never.text


def test_servers_and_capture_have_keys_of_their_own(api):
    path = "/api/projects/1/project_secret_keys/"
    assert ask(api, "POST", path, {"label": "s", "scopes": ["*"]}).json()["attr"] == "scopes"
    made = ask(api, "POST", path, {"label": "s", "scopes": ["query:read"]}).json()
    assert made["value"].startswith("phs_")
    asked = {"query": {"kind": "HogQLQuery", "query": "SELECT 1 AS n"}}
    assert api("POST", "query/", asked, key=made["value"]).status_code == 200
    assert api("GET", "warehouse_sources/", key=made["value"]).status_code == 403
    assert ask(api, "GET", "/api/users/@me/", key=made["value"]).status_code == 403
    turned = ask(api, "POST", "/api/projects/1/capture_keys/rotate/", {"grace_seconds": 60})
    store = api.platform.store
    old, new = store.find_key(api.capture_key), store.find_key(turned.json()["value"])
    assert old.expires_at is not None and new.expires_at is None
    ask(api, "POST", "/api/projects/1/capture_keys/rotate/", {"grace_seconds": 0})
    assert store.find_key(api.capture_key) is None


def test_a_key_that_was_just_used_opens_nothing_once_it_is_revoked_rotated_or_expired(api):
    """Callers and capture keys are remembered for a while; that must not outlive their end in this process."""
    body = {"label": "brief", "expires_at": (datetime.now(UTC) + timedelta(seconds=3)).isoformat()}
    brief = ask(api, "POST", "/api/personal_api_keys/", body).json()
    mine = ask(api, "POST", "/api/personal_api_keys/", {"label": "mine"}).json()
    path = "/api/projects/1/project_secret_keys/"
    server = ask(api, "POST", path, {"label": "s", "scopes": ["query:read"]}).json()
    text = {"query": {"kind": "HogQLQuery", "query": "SELECT 1 AS n"}}
    for made, url in ((mine, "/api/personal_api_keys/"), (server, path)):
        for _ in range(3):  # the cached answer and the remembered caller
            assert api("POST", "query/", text, key=made["value"]).status_code == 200
        assert ask(api, "DELETE", f"{url}{made['id']}/").status_code == 204
        assert api("POST", "query/", text, key=made["value"]).status_code == 401
    rotate = "/api/projects/1/capture_keys/rotate/"
    one = ask(api, "POST", rotate, {"grace_seconds": 60}).json()
    event = {"event": "seen", "distinct_id": "a"}
    assert api.client.post("/i/v0/e/", json={"api_key": one["value"], **event}).status_code == 200
    two = ask(api, "POST", rotate, {"grace_seconds": 0}).json()
    assert api.client.post("/i/v0/e/", json={"api_key": one["value"], **event}).status_code == 401
    assert api.client.post("/i/v0/e/", json={"api_key": two["value"], **event}).status_code == 200
    assert ask(api, "DELETE", f"/api/projects/1/capture_keys/{two['id']}/").status_code == 204
    assert api.client.post("/i/v0/e/", json={"api_key": two["value"], **event}).status_code == 401
    deadline = time.monotonic() + 30
    while api("POST", "query/", text, key=brief["value"]).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert datetime.now(UTC) >= datetime.fromisoformat(body["expires_at"])
    api("GET", "warehouse_sources/", key="phx_wrong")
    log = api("GET", "activity_log/", params={"action": "refused", "limit": 20}).json()["results"]
    found = {(entry["item"], entry["key_id"]) for entry in log}
    assert {
        ("external_data_source:read unknown", None),
        ("query:read expired", brief["id"]),
        ("query:read revoked", mine["id"]),
        ("query:read revoked", server["id"]),
    } <= found


def test_a_browser_logs_in_writes_from_our_pages_only_and_logs_out(api, organization):
    come(api, organization, "bea", "editor")
    form = {"name": "bea", "password": "correct bea battery", "next": "//evil.example"}
    page = api.client.get("/login?next=/dagster/%22%3E%3Cscript%3E")
    assert "<script>" not in page.text and "frame-ancestors 'none'" in str(page.headers)
    assert api.client.post("/login", data={**form, "password": "wrong"}).status_code == 401
    with api.platform.store.audit_chain(HOME_CHAIN) as (_, rows):
        told = [AuditEntry.of(row.body) for row in rows]
    assert told[-1].item == "password bea"
    came_in = [one for one in told if one.action == "invite"]
    assert came_in and {one.path for one in came_in} == {"/invite/***"}
    foreign = api.client.post("/login", data=form, headers={"Origin": "http://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site")
    came = api.client.post("/login", data=form)
    assert (came.status_code, came.headers["location"]) == (303, "/dagster/")
    cookie = came.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower()
    assert api.client.get("/api/users/@me/").json()["first_name"] == "bea"
    body = {"label": "by cookie"}
    for headers in ({}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = api.client.post("/api/personal_api_keys/", json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    ours = {"Origin": api.url}
    assert api.client.post("/api/personal_api_keys/", json=body, headers=ours).status_code == 201
    token = api.client.cookies["pwh_session"]
    assert api.client.post("/logout", headers=ours).status_code == 303
    cookies = {"Cookie": f"pwh_session={token}"}
    assert api.client.get("/api/users/@me/", headers=cookies).status_code == 401
    for _ in range(11):
        last = api.client.post("/login", json={"name": "nobody", "password": "guess"})
    assert last.status_code == 429 and int(last.headers["retry-after"]) > 60
    assert api.client.post("/login", json={"name": "", "password": api.key}).status_code == 200
    assert api.client.get("/api/users/@me/").json()["first_name"] == "owner"
    api.client.cookies.clear()


def test_a_key_that_was_looked_up_is_believed_without_asking_the_store(api):
    from pwh_assets.services.people.access import authenticate

    authenticate(api.platform, api.key)
    seen = []
    listened = api.platform.store.known_key
    try:
        object.__setattr__(api.platform.store, "known_key", lambda key: seen.append(key))
        for _ in range(50):
            assert authenticate(api.platform, api.key).name == "owner"
    finally:
        object.__setattr__(api.platform.store, "known_key", listened)
    assert not seen


def test_people_projects_and_keys_from_the_command_line(api, home, monkeypatch, capsys):
    monkeypatch.setenv("PWH_HOME", str(home))

    def pwh(*words):
        capsys.readouterr()
        assert main([*words, "--json"]) == 0, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    pwh("user", "add", "cleo", "--email", "cleo@example.com", "--role", "editor")
    pwh("user", "role", "cleo", "viewer", "--only")
    pwh("user", "set", "cleo", "team=north")
    (cleo,) = [one for one in pwh("user", "list")["results"] if one["name"] == "cleo"]
    assert (cleo["role"], cleo["projects"]) == ("editor", {"1": "viewer"})
    key = pwh("key", "create", "mine", "--user", "cleo", "--days", "3")
    caller = ask(api, "GET", "/api/users/@me/", key=key["value"]).json()
    assert caller["team"]["role"] == "viewer" and caller["attributes"]["team"] == "north"
    assert pwh("user", "invite", "dora@example.com", "--role", "admin")["token"]
    made = pwh("project", "create", "Three")
    assert pwh("query", "SELECT 3 AS n", "--project", str(made["id"]))["rows"] == [[3]]
    assert pwh("project", "rename", "Drei", "--project", str(made["id"]))["name"] == "Drei"
    pwh("project", "remove", str(made["id"]))
    assert [one["id"] for one in pwh("project", "list")["results"]] == [1]
    server = pwh("key", "create", "job", "--server", "--scope", "query:read")
    assert server["id"] in {one["id"] for one in pwh("key", "list")["results"]}
    pwh("key", "revoke", server["id"])
    assert pwh("key", "rotate")["value"].startswith("phc_")
    pwh("user", "remove", "cleo")
    time.sleep(1)
    assert ask(api, "GET", "/api/users/@me/", key=key["value"]).status_code == 401
