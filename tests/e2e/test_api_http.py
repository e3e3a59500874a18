"""What HTTP itself asks of the API: methods, heads, media types, codings, numbers in paths."""

import pytest

from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served

QUERY = b'{"query": {"kind": "HogQLQuery", "query": "SELECT 1"}}'


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        yield served
    platform.lakes.close()
    platform.store.close()


def test_whatever_can_be_got_has_a_head_and_says_its_methods(api):
    key = {"Authorization": f"Bearer {api.key}"}
    for path in ("/health", "/api/projects/1/warehouse_sources/", "/login"):
        head, got = api.client.head(path, headers=key), api.client.get(path, headers=key)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(got.content))
    assert api.client.head("/api/projects/1/warehouse_sources/").status_code == 401
    asked = api.client.options("/api/projects/1/warehouse_sources/")
    assert (asked.status_code, asked.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    refused = api("PUT", "warehouse_sources/", {})
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert "but GET, HEAD, POST." in refused.json()["detail"]
    assert api.client.options("/api/projects/1/nothing/").status_code == 404


def test_lists_are_ordered_by_their_fields(api):
    for name, text in (("beta", "first"), ("Alpha", ""), ("gamma", "first")):
        view = {"name": name, "query": "SELECT 1 AS a", "description": text}
        assert api("POST", "warehouse_saved_queries/", view).status_code == 201

    def names(ordering, **more):
        asked = {"ordering": ordering, **more}
        answer = api("GET", "warehouse_saved_queries/", params=asked)
        return [one["name"] for one in answer.json()["results"]]

    assert names("") == names("name") == ["Alpha", "beta", "gamma"]
    assert names("-name") == ["gamma", "beta", "Alpha"]
    assert names("-description,-name") == ["gamma", "beta", "Alpha"]
    page = api(
        "GET", "warehouse_saved_queries/", params={"ordering": "-name", "limit": 1, "offset": 1}
    ).json()
    assert [one["name"] for one in page["results"]] == ["beta"] and "ordering=-name" in page["next"]
    for path, word in (("warehouse_saved_queries/", "colour"), ("activity_log/", "at")):
        answer = api("GET", path, params={"ordering": word})
        assert (answer.status_code, answer.json()["attr"]) == (400, "ordering"), path


@pytest.mark.parametrize("number", ["+1", "01", "1.0", "%201", "0", "99999999999999999999999999"])
def test_a_project_has_one_spelling(api, number):
    # Each would be counted apart from `1` by rate limits; numbers past 64 bits once cut the connection.
    answer = api("GET", "warehouse_sources/", project=number)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert api("GET", "warehouse_sources/").status_code == 200


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"query": {"kind": "HogQLQuery", "query": "SELECT 1", "limit": 0}}, "query.limit"),
        ({"query": {"kind": "HogQLQuery"}}, "query.query"),
        ({"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "refresh": "soon"}, "refresh"),
        ({"query": {"kind": "Trends"}}, "query"),
        ({}, "query"),
        ([], None),
    ],
)
def test_a_wrong_field_is_named_as_it_was_sent(api, body, attr):
    answer = api("POST", "query/", body)
    assert (answer.status_code, answer.json()["attr"]) == (400, attr), answer.text


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_was_not_read_says_why(api, media):
    headers = {"Content-Type": media} if media else {}
    answer = api("POST", "query/", content=QUERY, headers=headers).json()
    assert (answer["code"], answer["attr"]) == ("invalid_input", "Content-Type")
    assert "Send `Content-Type: application/json`" in answer["detail"]
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = api("POST", "query/", content=b"\x1f\x8b", headers=packed)
    assert (answer.status_code, answer.json()["attr"]) == (400, "Content-Encoding")
