"""Salesforce: described types, SOQL pages, bulk jobs, what changed and what was deleted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorMissingError, CursorTypeError, TableMissingError
from pwh_assets.sources.salesforce import SOURCE
from tests.servers.salesforce import SalesforceServer
from tests.servers.source_rigs import rows_of

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
FIELDS = [
    {"name": "Id", "type": "id"},
    {"name": "Name", "type": "string"},
    {"name": "AnnualRevenue", "type": "currency", "precision": 18, "scale": 2},
    {"name": "Employees", "type": "int"},
    {"name": "IsDeleted", "type": "boolean"},
    {"name": "SystemModstamp", "type": "datetime"},
    {"name": "BillingAddress", "type": "address"},
]


def account(number: int, **more: Any) -> dict[str, Any]:
    at = (START + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {
        "Id": f"001{number:012}",
        "Name": f"row {number}",
        "AnnualRevenue": 1000.25,
        "Employees": number,
        "IsDeleted": False,
        "SystemModstamp": at,
        **more,
    }


@pytest.fixture
def salesforce() -> Iterator[SalesforceServer]:
    with SalesforceServer() as server:
        server.fields = {"Account": FIELDS, "Invoice__c": FIELDS[:2]}
        server.records = {"Account": [account(n) for n in (1, 2, 3)], "Invoice__c": []}
        yield server


def config(server: SalesforceServer, **more: Any) -> dict[str, Any]:
    return SOURCE.validate({**server.config, **more})


def read(
    server: SalesforceServer,
    mode: SyncMode,
    since: str | None = None,
    cursor: str = "SystemModstamp",
) -> tuple[list[dict[str, Any]], str | None]:
    reading = SOURCE.read(config(server), ReadRequest("Account", mode, (), ("Id",), cursor, since))
    return sorted(rows_of(reading), key=lambda row: row["Id"]), reading.watermark()


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [row["Employees"] for row in rows]


def test_objects_are_found_with_the_types_they_are_described_with(
    salesforce: SalesforceServer,
) -> None:
    tables = {table.name: table for table in SOURCE.tables(config(salesforce))}
    assert list(tables) == ["Account", "Invoice__c"]
    assert {c.name: c.type for c in tables["Account"].columns} == {
        "Id": "VARCHAR",
        "Name": "VARCHAR",
        "AnnualRevenue": "DECIMAL(38,2)",
        "Employees": "BIGINT",
        "IsDeleted": "BOOLEAN",
        "SystemModstamp": "TIMESTAMP WITH TIME ZONE",
    }
    assert tables["Account"].cursors == ("SystemModstamp",)
    assert tables["Invoice__c"].modes == (SyncMode.FULL,)


def test_a_full_read_pages_through_every_row(salesforce: SalesforceServer) -> None:
    salesforce.records["Account"] = [account(n) for n in range(4_500)]
    rows, watermark = read(salesforce, SyncMode.FULL)
    assert numbers(rows) == list(range(4_500))
    assert watermark is None
    assert rows[1]["AnnualRevenue"] == Decimal("1000.25")
    assert rows[1]["SystemModstamp"] == START + timedelta(minutes=1)


def test_a_large_object_comes_as_a_bulk_job_with_the_same_values(
    salesforce: SalesforceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    salesforce.records["Account"] = [
        account(n, Name='a "quoted",\nbroken line') for n in range(250)
    ]
    by_pages, _ = read(salesforce, SyncMode.FULL)
    monkeypatch.setattr("pwh_assets.sources.salesforce.reading.BULK_FROM", 100)
    monkeypatch.setattr("pwh_assets.sources.salesforce.api.BULK_ROWS", 100)
    monkeypatch.setattr("pwh_assets.sources.salesforce.api.POLL_S", (0.01, 0.01))
    salesforce.calls.clear()
    assert read(salesforce, SyncMode.FULL)[0] == by_pages
    assert sum("/results" in call for call in salesforce.calls) == 3
    assert salesforce.calls[-1].startswith("DELETE")


def test_a_bulk_job_that_fails_is_told(
    salesforce: SalesforceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwh_assets.sources.salesforce.reading.BULK_FROM", 1)
    monkeypatch.setattr("pwh_assets.sources.salesforce.api.POLL_S", (0.01, 0.01))
    salesforce.job_end = "Failed"
    with pytest.raises(SourceError, match="out of luck"):
        read(salesforce, SyncMode.FULL)


def test_a_second_merge_brings_what_changed_and_what_was_deleted(
    salesforce: SalesforceServer,
) -> None:
    _, watermark = read(salesforce, SyncMode.INCREMENTAL)
    assert watermark == "2024-03-01T12:03:00.000Z"
    salesforce.records["Account"][0] = account(
        1, IsDeleted=True, SystemModstamp=account(9)["SystemModstamp"]
    )
    salesforce.records["Account"].append(account(10))
    rows, later = read(salesforce, SyncMode.INCREMENTAL, watermark)
    assert [(row["Employees"], row["IsDeleted"]) for row in rows] == [
        (1, True),
        (3, False),
        (10, False),
    ]
    assert later == "2024-03-01T12:10:00.000Z"
    assert numbers(read(salesforce, SyncMode.FULL)[0]) == [2, 3, 10]


def test_a_second_append_brings_each_row_once(salesforce: SalesforceServer) -> None:
    rows, watermark = read(salesforce, SyncMode.APPEND)
    salesforce.records["Account"].append(account(4))
    assert (numbers(rows), numbers(read(salesforce, SyncMode.APPEND, watermark)[0])) == (
        [1, 2, 3],
        [4],
    )
    salesforce.records["Account"] = []
    assert read(salesforce, SyncMode.APPEND) == ([], None)


def test_what_was_changed_a_moment_ago_is_merged_and_read_again(
    salesforce: SalesforceServer,
) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    salesforce.records["Account"].append(account(4, SystemModstamp=now))
    rows, watermark = read(salesforce, SyncMode.INCREMENTAL)
    assert (numbers(rows), watermark) == ([1, 2, 3, 4], "2024-03-01T12:03:00.000Z")
    assert numbers(read(salesforce, SyncMode.APPEND)[0]) == [1, 2, 3]


def test_a_session_that_ends_in_the_middle_is_renewed(salesforce: SalesforceServer) -> None:
    wanted = ReadRequest("Account", SyncMode.FULL, (), ("Id",))
    reading = SOURCE.read(config(salesforce), wanted)
    salesforce.end_sessions()
    assert len(rows_of(reading)) == 3


def test_used_up_calls_are_worth_another_try_later(salesforce: SalesforceServer) -> None:
    SOURCE.test_connection(config(salesforce))
    salesforce.faults = [(403, "REQUEST_LIMIT_EXCEEDED")]
    with pytest.raises(SourceUnavailableError, match="24 hours") as caught:
        SOURCE.test_connection(config(salesforce))
    assert caught.value.retry_after_s == 3600
    salesforce.faults = [(503, "SERVER_UNAVAILABLE")]
    SOURCE.test_connection(config(salesforce))


def test_wrong_credentials_are_an_access_error_without_the_secret(
    salesforce: SalesforceServer,
) -> None:
    with pytest.raises(SourceAccessError, match="gives no token") as caught:
        SOURCE.test_connection(config(salesforce, client_secret="made-up-and-wrong"))
    assert "made-up-and-wrong" not in str(caught.value)


def test_the_sensor_sees_changes(salesforce: SalesforceServer) -> None:
    wanted = [ReadRequest("Account", SyncMode.INCREMENTAL, (), (), "SystemModstamp")]
    before = SOURCE.probe(config(salesforce), wanted)
    salesforce.records["Account"].append(account(7))
    assert SOURCE.probe(config(salesforce), wanted) != before
    gone = [
        ReadRequest("Gone__c", SyncMode.FULL, (), ()),
        ReadRequest("a b", SyncMode.FULL, (), ()),
    ]
    assert SOURCE.probe(config(salesforce), gone) == {}


def test_what_the_request_names_wrongly_is_told(salesforce: SalesforceServer) -> None:
    for name in ("Gone__c", "Account/describe", "Account WHERE x"):
        with pytest.raises(TableMissingError):
            SOURCE.read(config(salesforce), ReadRequest(name, SyncMode.FULL, (), ()))
    with pytest.raises(CursorMissingError):
        read(salesforce, SyncMode.APPEND, cursor="Modified")
    with pytest.raises(CursorTypeError):
        read(salesforce, SyncMode.APPEND, cursor="Name")
    with pytest.raises(InvalidInputError):
        read(salesforce, SyncMode.INCREMENTAL, "2024' OR Id != '")
    with pytest.raises(InvalidInputError):
        config(salesforce, instance_url="company.my.salesforce.com")
