"""Zendesk beyond the common suite: exports that go on by cursor and by time, lists of both kinds, plans and tokens."""

from collections.abc import Iterator
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.zendesk import SOURCE
from tests.servers import zendesk
from tests.servers.rigs.apis import ZendeskRig, moment
from tests.servers.source_rigs import rows_of


@pytest.fixture
def rig() -> Iterator[ZendeskRig]:
    made = ZendeskRig()
    with made.server:
        made.begin()
        yield made


def read(
    rig: ZendeskRig,
    table: str,
    since: str | None = None,
    cursor: str | None = "updated_at",
    **more: Any,
) -> tuple[list[dict[str, Any]], str | None]:
    mode = SyncMode.INCREMENTAL if cursor else SyncMode.FULL
    wanted = ReadRequest(table, mode, (), ("id",), cursor, since, **more)
    reading = SOURCE.read(rig.config, wanted)
    return rows_of(reading), reading.watermark()


def test_an_export_by_cursor_goes_on_exactly_where_it_ended(rig: ZendeskRig) -> None:
    rig.server.page = 40
    rig.insert(*range(1, 101))
    rows, watermark = read(rig, "tickets")
    assert (len(rows), len(rig.server.calls)) == (100, 3)
    rig.insert(101)
    rig.server.put(
        "tickets", int(moment(102).timestamp()), id=5, subject="changed", updated_at=None
    )
    rows, later = read(rig, "tickets", watermark)
    assert [row["id"] for row in rows] == [101, 5]
    assert read(rig, "tickets", later) == ([], later)
    assert watermark is not None
    assert watermark.startswith("2024-03-05 16:00:00.000+00:00; cursor ")


def test_a_lookback_reads_earlier_changes_again(rig: ZendeskRig) -> None:
    rig.insert(*range(1, 11))
    _, watermark = read(rig, "tickets")
    rows, _ = read(rig, "tickets", watermark, lookback_s=2 * 3600)
    assert [row["id"] for row in rows] == [8, 9, 10]


def test_an_export_by_time_pages_and_goes_on(rig: ZendeskRig) -> None:
    rig.server.page = 40
    for n in range(100):
        at = 1_700_000_000 + n // 3
        rig.server.put(
            "ticket_events", at, id=n, ticket_id=1, timestamp=at, created_at="2023-11-14T22:13:20Z"
        )
    rows, watermark = read(rig, "ticket_events", cursor="created_at")
    assert {row["id"] for row in rows} == set(range(100))
    rig.server.put("ticket_events", 1_700_000_100, id=100, created_at="2023-11-14T22:15:00Z")
    rows, later = read(rig, "ticket_events", watermark, cursor="created_at")
    assert {row["id"] for row in rows} == {99, 100}
    assert later is not None
    assert later.endswith("; from 1700000100")


def test_an_export_that_does_not_move_on_is_refused(
    rig: ZendeskRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = {"tickets": [], "after_cursor": "same", "end_of_stream": False}
    monkeypatch.setattr(rig.server, "answer", lambda call: stuck)
    with pytest.raises(UnreadableDataError, match="without moving on"):
        read(rig, "tickets")


@pytest.mark.parametrize("table", ["groups", "macros", "sla_policies"])
def test_lists_are_read_whole_by_cursor_or_by_page(rig: ZendeskRig, table: str) -> None:
    rig.server.rows[table] = [{"id": n, "description": f"row {n}"} for n in range(250)]
    rows, watermark = read(rig, table, cursor=None)
    assert [row["id"] for row in rows] == list(range(250))
    assert watermark is None


def test_a_list_the_plan_lacks_hides_its_table_alone(rig: ZendeskRig) -> None:
    rig.server.missing = {"sla_policies", "satisfaction_ratings"}
    names = {table.name for table in SOURCE.tables(rig.config)}
    assert not names & rig.server.missing
    assert {"tickets", "users", "groups", "tags"} <= names


def test_unknown_fields_and_custom_ones_are_json(rig: ZendeskRig) -> None:
    fields = [{"id": 1, "value": 10.50}]
    rig.server.put("tickets", 1_700_000_000, id=1, custom_fields=fields, mystery=5, tags=["a"])
    row = read(rig, "tickets", cursor=None)[0][0]
    assert row["custom_fields"] == '[{"id":1,"value":10.5}]'
    assert (row["tags"], row["mystery"]) == ('["a"]', "5")


def test_an_oauth_token_does_too(rig: ZendeskRig) -> None:
    rig.insert(1)
    given = {"oauth_token": zendesk.OAUTH, "base_url": rig.server.base_url}
    assert (
        len(
            rows_of(
                SOURCE.read(SOURCE.validate(given), ReadRequest("tickets", SyncMode.FULL, (), ()))
            )
        )
        == 1
    )


def test_nobody_is_not_an_agent(rig: ZendeskRig) -> None:
    rig.server.is_agent = False
    with pytest.raises(SourceAccessError, match="does not know this agent"):
        SOURCE.test_connection(rig.config)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("acme", "https://acme.zendesk.com"),
        ("acme.zendesk.com", "https://acme.zendesk.com"),
        ("https://Acme.zendesk.com/", "https://acme.zendesk.com"),
    ],
)
def test_the_accounts_name_is_address_enough(given: str, address: str) -> None:
    config = {"base_url": given, "email": "a@b.c", "api_token": "x" * 20}
    assert SOURCE.validate(config)["base_url"] == address


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"base_url": ""}, "base_url"),
        ({"base_url": "https://user:pw@x"}, "base_url"),
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"api_token": None}, "api_token"),
        ({"api_token": "a\r\nb"}, "api_token"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], attr: str) -> None:
    good = {"base_url": "acme", "email": "a@b.c", "api_token": "x" * 20}
    with pytest.raises(InvalidInputError) as caught:
        SOURCE.validate({**good, **change})
    assert caught.value.attr == attr
