"""The declared source: what may be declared, every way of paging and proving who one is, types, and what it refuses."""

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceError
from pwh_assets.sources.base import ReadRequest, secret_fields
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import limits
from pwh_assets.sources.network.egress import KEY as EGRESS
from pwh_assets.sources.network.egress import Egress, PrivateHostError
from pwh_assets.sources.rest import SOURCE
from tests.servers.api import ApiServer, Call
from tests.servers.declared import CLIENT, KEY, PASSWORD, TOKEN, USER, DeclaredApi
from tests.servers.source_rigs import rows_of


@pytest.fixture
def api() -> Iterator[DeclaredApi]:
    with DeclaredApi() as server:
        yield server


def items(count: int) -> list[dict[str, Any]]:
    return [
        {"id": n, "name": f"row {n}", "updated_at": f"2024-03-01T{n // 60:02d}:{n % 60:02d}:00Z"}
        for n in range(count)
    ]


def config(api: DeclaredApi, *resources: Any, **more: Any) -> dict[str, Any]:
    client = {"base_url": api.base_url, **more.pop("client", {})}
    auth = more.pop("auth", {"type": "bearer", "token": TOKEN})
    return SOURCE.validate({"client": client, "auth": auth, "resources": list(resources), **more})


def read(
    made: Mapping[str, Any], table: str, mode: SyncMode = SyncMode.FULL, **more: Any
) -> tuple[list[dict[str, Any]], str | None]:
    cursor = None if mode is SyncMode.FULL else more.pop("cursor", "updated_at")
    columns = more.pop("columns", ())
    reading = SOURCE.read(made, ReadRequest(table, mode, columns, ("id",), cursor, **more))
    return rows_of(reading), reading.watermark()


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


# Paging

PAGED: dict[str, dict[str, Any]] = {
    "whole": {},
    "numbered": {"paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"}},
    "offset": {"paginator": {"type": "offset", "limit": 30, "total_path": "total"}},
    "unknown": {"paginator": {"type": "offset", "limit": 30}},
    "linked": {"paginator": {"type": "json_link", "next_url_path": "links.next"}},
    "headed": {"paginator": "header_link"},
    "cursor": {
        "paginator": {"type": "cursor", "cursor_path": "paging.after", "cursor_param": "after"}
    },
}


@pytest.mark.parametrize("way", PAGED)
def test_every_page_is_read_and_none_twice(api: DeclaredApi, way: str) -> None:
    api.items = items(420)
    made = config(api, {"name": "item", "endpoint": {"path": way, **PAGED[way]}})
    assert ids(read(made, "item")[0]) == list(range(420))


@pytest.mark.parametrize("way", ["linked", "headed"])
def test_links_are_found_where_nothing_is_said(api: DeclaredApi, way: str) -> None:
    api.items = items(120)
    assert len(read(config(api, {"name": "item", "endpoint": way}), "item")[0]) == 120


@pytest.mark.parametrize("way", ["numbered", "offset", "unknown"])
def test_numbered_pages_are_asked_for_at_once(api: DeclaredApi, way: str) -> None:
    api.items, api.delay_s = items(900), 0.02
    endpoint = {"path": way, **PAGED[way]}
    made = config(api, {"name": "item", "endpoint": endpoint}, concurrency=6)
    assert ids(read(made, "item")[0]) == list(range(900))
    assert 2 <= api.most <= 6


def test_a_list_that_does_not_move_on_is_refused(api: DeclaredApi) -> None:
    api.items = items(5)
    paginator = {"type": "cursor", "cursor_path": "paging.after", "cursor_param": "after"}
    made = config(api, {"name": "item", "endpoint": {"path": "stuck", "paginator": paginator}})
    with pytest.raises(UnreadableDataError, match="without moving on"):
        read(made, "item")


def test_rows_are_where_the_selector_says(api: DeclaredApi) -> None:
    api.items = items(3)
    for selector in ("data.list[*].item", "$.data.list[*].item"):
        made = config(
            api, {"name": "item", "endpoint": {"path": "deep", "data_selector": selector}}
        )
        assert ids(read(made, "item")[0]) == [0, 1, 2]
    wrong = config(api, {"name": "item", "endpoint": {"path": "deep", "data_selector": "nowhere"}})
    with pytest.raises(UnreadableDataError, match=r"`nowhere`.*`meta` and `data`"):
        read(wrong, "item")


# Parents


def test_children_are_asked_for_once_per_parent(api: DeclaredApi) -> None:
    api.items = items(3)
    api.notes = {"0": [{"id": 10}], "2": [{"id": 20}, {"id": 21}]}
    resolved = {"item_id": {"type": "resolve", "resource": "item", "field": "id"}}
    for endpoint in (
        {"path": "notes/{item_id}", "params": resolved},
        {"path": "notes/{resources.item.id}"},
    ):
        made = config(
            api,
            {"name": "note", "endpoint": endpoint, "include_from_parent": ["id", "name"]},
            {"name": "item", "endpoint": "whole"},
        )
        rows, _ = read(made, "note")
        assert [(row["id"], row["_item_id"], row["_item_name"]) for row in rows] == [
            (10, 0, "row 0"),
            (20, 2, "row 2"),
            (21, 2, "row 2"),
        ]
        assert {table.name for table in SOURCE.tables(made)} == {"item", "note"}


# What is new

CURSORS: list[dict[str, Any]] = [
    {"incremental": {"cursor_path": "updated_at", "start_param": "since"}},
    {"params": {"since": {"type": "incremental", "cursor_path": "updated_at"}}},
    {
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "updated_at", "initial_value": "2020-01-01T00:00:00Z"},
    },
    {
        "method": "POST",
        "json": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "updated_at", "initial_value": "2020-01-01T00:00:00Z"},
    },
    {"incremental": {"cursor_path": "updated_at"}},
]


@pytest.mark.parametrize("said", CURSORS)
def test_only_what_is_past_the_watermark_comes_again(
    api: DeclaredApi, said: dict[str, Any]
) -> None:
    api.items = items(5)
    made = config(api, {"name": "item", "endpoint": {"path": "whole", **copy.deepcopy(said)}})
    rows, watermark = read(made, "item", SyncMode.INCREMENTAL)
    assert (len(rows), watermark) == (5, "2024-03-01T00:04:00Z")
    api.items = items(8)
    rows, later = read(made, "item", SyncMode.INCREMENTAL, since=watermark)
    assert (ids(rows), later) == ([4, 5, 6, 7], "2024-03-01T00:07:00Z")
    assert ids(read(made, "item", SyncMode.APPEND, since=watermark)[0]) == [5, 6, 7]
    back, _ = read(made, "item", SyncMode.INCREMENTAL, since=watermark, lookback_s=120)
    assert ids(back)[0] == 2


# Who we are

CREDENTIALS: list[dict[str, Any]] = [
    {"type": "bearer", "token": TOKEN},
    {"token": TOKEN},
    {"type": "http_basic", "username": USER, "password": PASSWORD},
    {"type": "api_key", "name": "X-Key", "api_key": KEY},
    {"type": "api_key", "name": "key", "api_key": KEY, "location": "query"},
]


@pytest.mark.parametrize("auth", CREDENTIALS)
def test_credentials_are_sent_sealed_and_never_shown(
    api: DeclaredApi, auth: dict[str, Any]
) -> None:
    api.items = items(120)
    inside = {"client": {"base_url": api.base_url, "auth": auth}, "resources": ["linked"]}
    made = SOURCE.validate(inside)
    assert SOURCE.validate(made) == made
    assert len(read(made, "linked")[0]) == 120
    open_fields = {name: made[name] for name in made.keys() - secret_fields(SOURCE)}
    assert "planted" not in json.dumps(open_fields)
    wrong = json.loads(json.dumps(made).replace("planted", "planned"))
    with pytest.raises(SourceAccessError) as caught:
        SOURCE.tables(wrong)
    assert "planned" not in str(caught.value)
    assert base64_of(USER, "pw-planned-2") not in str(caught.value)


def base64_of(user: str, password: str) -> str:
    import base64

    return base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_token_is_fetched_and_fetched_again_when_it_is_refused(api: DeclaredApi) -> None:
    api.items = items(3)
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": f"{api.base_url}/token",
        "client_id": CLIENT,
        "client_secret": PASSWORD,
    }
    made = config(api, "whole", auth=auth)
    assert len(read(made, "whole")[0]) == 3
    api.fail(401, path="/whole")
    assert len(read(made, "whole")[0]) == 3
    made["auth"]["client_secret"] = "wrong-secret"
    with pytest.raises(SourceAccessError, match="token endpoint") as caught:
        read(made, "whole")
    assert "wrong-secret" not in str(caught.value)


# Where it may lead


class Elsewhere(ApiServer):
    def answer(self, call: Call) -> Any:
        return []


@pytest.mark.parametrize("path", ["away", "stray"])
def test_another_host_gets_neither_request_nor_credentials(api: DeclaredApi, path: str) -> None:
    api.items = items(2)
    with Elsewhere() as other:
        api.elsewhere = f"{other.base_url}/x"
        with pytest.raises(SourceAccessError, match="another address"):
            read(config(api, path), path)
        assert other.calls == []


def test_a_redirect_at_the_same_host_is_followed(api: DeclaredApi) -> None:
    api.items = items(2)
    assert len(read(config(api, "moved"), "moved")[0]) == 2


def test_a_private_address_is_not_connected_to(api: DeclaredApi) -> None:
    made = {**config(api, "whole"), EGRESS: Egress(allow_private=False)}
    with pytest.raises(PrivateHostError):
        SOURCE.test_connection(made)
    named = {**made, "client": {"base_url": api.base_url.replace("127.0.0.1", "localhost")}}
    with pytest.raises(PrivateHostError):
        read(named, "whole")
    assert api.calls == []


# Types


def test_numbers_keep_every_digit(api: DeclaredApi) -> None:
    api.items = items(1)
    made = config(api, "exact")
    types = {column.name: column.type for column in SOURCE.tables(made)[0].columns}
    assert types == {
        "id": "BIGINT",
        "name": "VARCHAR",
        "updated_at": "TIMESTAMP WITH TIME ZONE",
        "big": "DECIMAL(38,0)",
        "cents": "DECIMAL(38,20)",
        "half": "DOUBLE",
        "nested": "JSON",
    }
    row = read(made, "exact")[0][0]
    assert row["updated_at"] == datetime(2024, 3, 1, tzinfo=UTC)
    assert row["big"] == 12345678901234567890123
    assert row["cents"] == Decimal("0.10000000000000000001")
    assert row["nested"] == '{"n":9007199254740993.25}'


def test_a_declared_type_counts_and_a_known_one_is_kept_while_values_fit(api: DeclaredApi) -> None:
    from pwh_assets.core.source import Column

    api.items = items(2)
    made = config(
        api,
        {
            "name": "item",
            "endpoint": "whole",
            "columns": {"id": {"data_type": "text"}, "amount": "DECIMAL(20,4)"},
        },
    )
    known = (Column("name", "VARCHAR"), Column("updated_at", "VARCHAR"))
    rows, _ = read(made, "item", columns=known)
    assert (rows[0]["id"], rows[0]["updated_at"]) == ("0", "2024-03-01T00:00:00Z")
    api.items[0]["name"] = {"id": "nested"}
    assert read(made, "item", columns=known)[0][0]["name"] == '{"id":"nested"}'
    rows, _ = read(made, "item", columns=(Column("name", "BIGINT"),))
    assert {row["name"] for row in rows} == {'{"id":"nested"}', '"row 1"'}


# What cannot be


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"client": {}}, "client.base_url"),
        ({"client": {"base_url": "ftp://x"}}, "client.base_url"),
        ({"client": {"base_url": "https://x", "hooks": 1}}, "client.hooks"),
        ({"resources": []}, "resources"),
        ({"resources": "item"}, "resources"),
        ({"resources": [{"endpoint": "x"}]}, "resources[0].name"),
        ({"resources": ["a", "a"]}, "resources[1].name"),
        ({"resources": [{"name": "a", "processing_steps": []}]}, "resources[0].processing_steps"),
        ({"resources": [{"name": "a", "endpoint": {"pat": "x"}}]}, "resources[0].endpoint.pat"),
        (
            {"resources": [{"name": "a", "endpoint": {"path": "http://169.254.169.254/"}}]},
            "resources[0].endpoint.path",
        ),
        (
            {"resources": [{"name": "a", "endpoint": {"paginator": "pages"}}]},
            "resources[0].endpoint.paginator.type",
        ),
        (
            {
                "resources": [
                    {"name": "a", "endpoint": {"paginator": {"type": "offset", "limit": 0}}}
                ]
            },
            "resources[0].endpoint.paginator.limit",
        ),
        (
            {"resources": [{"name": "a", "endpoint": {"incremental": {"cursor_path": "a.b"}}}]},
            "resources[0].endpoint.incremental.cursor_path",
        ),
        (
            {"resources": [{"name": "a", "endpoint": {"path": "x/{b}"}}]},
            "resources[0].endpoint",
        ),
        ({"resources": [{"name": "a", "endpoint": "x/{resources.b.id}"}]}, "resources[0].endpoint"),
        (
            {"resources": [{"name": "a", "endpoint": {"path": "{resources.a.id}"}}]},
            "resources",
        ),
        ({"resources": [{"name": "a", "columns": {"x": "money"}}]}, "resources[0].columns.x"),
        ({"auth": {"type": "magic"}}, "auth.type"),
        ({"auth": {"type": "bearer"}}, "auth.token"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "headers.X-A"),
        ({"concurrency": 0}, "concurrency"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(change: dict[str, Any], attr: str) -> None:
    good = {"client": {"base_url": "https://api.example.com"}, "resources": ["item"]}
    if attr == "resources[0].endpoint" and isinstance(change["resources"][0]["endpoint"], str):
        change = {"resources": [{"name": "a", "endpoint": {"path": "x/{resources.b.id}"}}]}
        attr = "resources"
    with pytest.raises(InvalidInputError) as caught:
        SOURCE.validate({**good, **change})
    assert caught.value.attr == attr


def test_a_resource_that_fails_is_named_when_connecting(api: DeclaredApi) -> None:
    with pytest.raises(SourceError, match="`nowhere`"):
        SOURCE.tables(config(api, "whole", "nowhere"))


def test_the_preview_shows_first_pages(api: DeclaredApi) -> None:
    api.items = items(120)
    made = config(api, "linked", "whole")
    assert {name: len(rows) for name, rows in SOURCE.preview(made).items()} == {
        "linked": 50,
        "whole": 120,
    }
    assert api.counts["/linked"] == 1


def test_a_page_that_fails_ends_the_reading_without_a_watermark(
    api: DeclaredApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS", 2)
    api.items = items(900)
    endpoint = {"path": "offset", **PAGED["offset"], "incremental": {"cursor_path": "updated_at"}}
    made = config(api, {"name": "item", "endpoint": endpoint})
    wanted = ReadRequest("item", SyncMode.INCREMENTAL, (), ("id",), "updated_at")
    reading = SOURCE.read(made, wanted)
    api.fail(503, times=90)
    with pytest.raises(SourceError):
        rows_of(reading)
    assert reading.watermark() is None
