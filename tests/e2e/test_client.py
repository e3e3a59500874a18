"""The typed client against a server, and what no client should send."""

from dataclasses import asdict

import httpx
import pyarrow.parquet as pq
import pytest

from pwh_assets.client import ApiError, Client, models
from pwh_assets.platform import open_platform
from pwh_assets.settings import Settings
from tests.e2e.api_home import seed
from tests.e2e.api_server import Served


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    platform = open_platform(Settings.from_env({"PWH_HOME": str(home)}))
    with Served(platform) as served:
        served.ids = asdict(seed(served))
        yield served
    platform.lakes.close()
    platform.store.close()


@pytest.fixture
def client(api):
    with Client(api.url, api.key) as found:
        yield found


def test_answers_are_models_and_lists_are_walked_page_by_page(api, client):
    made = client.saved_queries.save(
        models.ViewSave(name="typed", query="SELECT 1 AS a", description="Typed")
    )
    assert isinstance(made, models.View)
    assert [column.name for column in made.columns] == ["a"]
    names = [view.name for view in client.saved_queries.each(limit=1)]
    assert names == ["daily", "kept", "typed", "weekly"]
    source = client.sources.show(api.ids["source_id"])
    assert source.schemas[0].name == "customer"
    with pytest.raises(ApiError) as refused:
        client.saved_queries.show("nothing")
    assert (refused.value.http_status, refused.value.api_code) == (404, "not_found")
    client.saved_queries.remove(made.id)


def test_rows_come_typed_and_as_files(client, tmp_path):
    answer = client.sql(
        "SELECT count() FROM events WHERE event = {variables.e}", variables={"e": "seen"}
    )
    assert answer.results == [[48]]
    assert client.query.ask({"query": {"kind": "DatabaseSchemaQuery"}}).tables["events"]
    file = tmp_path / "rows.parquet"
    assert client.download("SELECT event, timestamp FROM events", file) == file.stat().st_size
    assert pq.read_table(file).num_rows == 48


def test_the_same_is_sent_again_when_the_server_says_later():
    asked = []

    def answer(request):
        asked.append(request.url.path)
        if len(asked) < 3:
            status = 429 if len(asked) == 1 else 503
            return httpx.Response(status, headers={"Retry-After": "0"}, json={"code": "later"})
        return httpx.Response(200, json={"count": 0, "results": []})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    with Client("http://pwh", "phx_x", http=http) as client:
        assert client.alerts.list().count == 0
    assert asked == ["/api/projects/1/alerts/"] * 3


HOSTILE = (
    b'{"name": "\\ud800", "query": "SELECT 1"}',
    b'{"name": "a\\u0000b", "query": "SELECT \\u0000"}',
    b'{"name": "n", "query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"name": "n", "query": "SELECT 1", "edited_history_id": 1' + b"0" * 400 + b"}",
    b'{"name": "n", "query": "SELECT 1", "edited_history_id": NaN}',
    b'{"name": "n", "name": "m", "query": 7}',
    b"\xff\xfe",
    b"null",
    b"",
)


def test_nothing_a_client_sends_makes_a_500(api):
    headers = {"Authorization": f"Bearer {api.key}"}
    base = "/api/projects/1/"
    for noun in ("warehouse_saved_queries", "warehouse_view_links", "query", "cohorts", "checks"):
        for body in HOSTILE:
            for kind in ("application/json", "text/xml", "multipart/form-data"):
                answer = api.client.post(
                    f"{base}{noun}/", content=body, headers={**headers, "Content-Type": kind}
                )
                assert 400 <= answer.status_code < 500, (noun, kind, body[:60], answer.text)
                assert set(answer.json()) >= {"type", "code", "detail", "attr"}
    for place in ("a%00b", "%ED%A0%80", "1" * 400, "..%2F..", "'%20OR%201=1", "%F0%9F%92%A5"):
        for noun in (
            "warehouse_sources",
            "warehouse_saved_queries",
            "cohorts",
            "actions",
            "checks",
        ):
            answer = api.client.get(f"{base}{noun}/{place}/", headers=headers)
            assert answer.status_code in (400, 404), (noun, place)
    for number in ("9" * 30, "-1", "0", "x", "1e3", "%00"):
        path = f"/api/projects/{number}/warehouse_sources/"
        assert api.client.get(path, headers=headers).status_code in (400, 404)
    for query in ("limit=1&limit=x", "limit=" + "9" * 50, "offset=-1", "search=%00", "search=%ff"):
        answer = api.client.get(f"{base}warehouse_saved_queries/?{query}", headers=headers)
        assert answer.status_code in (200, 400), query
