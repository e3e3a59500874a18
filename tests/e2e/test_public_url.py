"""With `PWH_PUBLIC_URL` every whole address leads there, whatever a proxy passes on; without it, to where one asked."""

import pytest

from pwh_assets.platform import open_platform
from pwh_assets.services.sources import hooks
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable
from tests.e2e.api_server import Served

PUBLIC = "https://pwh.example.com"
SINCE_A_PROXY = {"Host": "10.0.0.7:8000", "X-Forwarded-Proto": "http"}


@pytest.fixture
def served(tmp_path, request):
    environment = {"PWH_HOME": str(tmp_path), "PWH_PUBLIC_URL": request.param}
    platform = open_platform(Settings.from_env(environment))
    with Served(platform) as found:
        yield found
    platform.lakes.close()
    platform.store.close()


def given_out(served):
    """One of each whole address there is, as a client behind the proxy is told it."""

    def ask(method, path, json=None):
        headers = {"Authorization": f"Bearer {served.key}", **SINCE_A_PROXY}
        return served.client.request(method, path, json=json, headers=headers).json()

    store = served.platform.store
    tables = [NewTable(name, (), ()) for name in ("customer", "invoice", "charge")]
    source = store.add_source(1, "stripe", "", "", {}, {"api_key": "sk_made_up"}, tables)
    page = ask("GET", "/api/projects/1/warehouse_schemas/?limit=1&offset=1&search=c")
    (organization,) = ask("GET", "/api/organizations/")["results"]
    invites = f"/api/organizations/{organization['id']}/invites/"
    mail = ask("POST", invites, {"email": "dora@example.com", "role": "viewer"})["mail"]
    hook = ask("GET", f"/api/projects/1/warehouse_sources/{source.id}/webhook_info/")
    assert hooks.webhook_of(served.platform, 1, source.id).path in hook["webhook_url"]
    invitation = next(line for line in mail.splitlines() if "/invite/" in line)
    return [page["next"], page["previous"], invitation, hook["webhook_url"]]


@pytest.mark.parametrize("served", [f"{PUBLIC}/"], indirect=True)
def test_behind_a_proxy_that_says_nothing_addresses_and_logins_are_right(served):
    found = given_out(served)
    assert all(address.startswith(f"{PUBLIC}/") for address in found), found
    assert found[0].startswith(f"{PUBLIC}/api/projects/1/warehouse_schemas/?")
    assert "limit=1" in found[0] and "offset=2" in found[0]
    key = {"Authorization": f"Bearer {served.key}"}
    moved = served.client.get("/api/projects/1/warehouse_sources?limit=2", headers=key)
    assert moved.headers["location"] == "/api/projects/1/warehouse_sources/?limit=2"
    form = {"name": "", "password": served.key}
    here = served.client.post("/login", data=form, headers={"Origin": PUBLIC, **SINCE_A_PROXY})
    assert here.status_code == 303 and "Secure" in here.headers["set-cookie"]
    for origin in (f"{PUBLIC}.evil.example", "https://evil.example", "http://pwh.example.com"):
        headers = {"Origin": origin, **SINCE_A_PROXY}
        refused = served.client.post("/login", data=form, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site"), origin


@pytest.mark.parametrize("served", [""], indirect=True)
def test_without_one_addresses_are_those_that_were_asked(served):
    assert all(one.startswith(f"http://{SINCE_A_PROXY['Host']}/") for one in given_out(served))
    form = {"name": "", "password": served.key}
    plain = served.client.post("/login", data=form, headers={"Origin": served.url})
    assert plain.status_code == 303 and "Secure" not in plain.headers["set-cookie"]
    proto = {"X-Forwarded-Proto": "https"}
    over_tls = served.client.post("/login", data=form, headers=proto)
    assert "Secure" in over_tls.headers["set-cookie"]
