"""Google Sheets and Google Ads against Google's token endpoint and APIs, as they answer."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceUnavailableError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorTypeError, TableMissingError
from pwh_assets.sources.google_ads import SOURCE as ADS
from pwh_assets.sources.google_sheets import SOURCE as SHEETS
from tests.servers.google import GoogleServer
from tests.servers.source_rigs import rows_of


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with GoogleServer() as server:
        yield server


def sheets(google: GoogleServer, **more: Any) -> dict[str, Any]:
    wanted = {"spreadsheet": google.spreadsheet, "base_url": google.url}
    signed = {"service_account": google.service_account}
    return SHEETS.validate({**wanted, **signed, **more})


def ads(google: GoogleServer, **more: Any) -> dict[str, Any]:
    wanted = {
        "customer_id": "123-456-7890",
        "developer_token": google.developer_token,
        "base_url": google.url,
    }
    return ADS.validate({**wanted, **google.user, **more})


def full(table: str) -> ReadRequest:
    return ReadRequest(table, SyncMode.FULL, (), ())


def test_a_tab_is_a_table_with_its_first_row_as_the_header(google: GoogleServer) -> None:
    google.sheets = {
        "Plans": [["id", "price", "since", "is on"], [1, 9.5, "2024-03-01", True], [2, 10]],
        "It's mine": [["a", "a", ""], ["x", "y", "z"]],
        "Empty": [],
    }
    tables = {table.name: table for table in SHEETS.tables(sheets(google))}
    assert list(tables) == ["Plans", "It's mine", "Empty"]
    assert {c.name: c.type for c in tables["Plans"].columns} == {
        "id": "BIGINT",
        "price": "DOUBLE",
        "since": "DATE",
        "is on": "BOOLEAN",
        "_row_number": "BIGINT",
    }
    first, second = rows_of(SHEETS.read(sheets(google), full("Plans")))
    assert first == {
        "id": 1,
        "price": 9.5,
        "since": date(2024, 3, 1),
        "is on": True,
        "_row_number": 2,
    }
    assert second["since"] is None
    (row,) = rows_of(SHEETS.read(sheets(google), full("It's mine")))
    assert row == {"a": "x", "a_2": "y", "column_3": "z", "_row_number": 2}
    assert rows_of(SHEETS.read(sheets(google), full("Empty"))) == []


def test_a_long_tab_comes_in_windows_and_keeps_its_row_numbers(
    google: GoogleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwh_assets.sources.google_sheets.WINDOW", 10)
    google.sheets = {"Long": [["n"], *([n] if n % 7 else [] for n in range(1, 40))]}
    rows = rows_of(SHEETS.read(sheets(google), full("Long")))
    assert [row["n"] for row in rows] == [n for n in range(1, 40) if n % 7]
    assert all(row["_row_number"] == row["n"] + 1 for row in rows)


def test_what_is_written_like_a_number_only_mostly_is_text(google: GoogleServer) -> None:
    google.sheets = {"Codes": [["code"], [7], ["007"], ["n/a"]]}
    config = sheets(google, **google.user, service_account=None)
    assert [row["code"] for row in rows_of(SHEETS.read(config, full("Codes")))] == [
        "7",
        "007",
        "n/a",
    ]


def test_a_spreadsheet_that_is_not_shared_is_an_access_error(google: GoogleServer) -> None:
    with pytest.raises(SourceAccessError, match="Share it"):
        SHEETS.test_connection(sheets(google, spreadsheet="another-book"))
    with pytest.raises(TableMissingError):
        SHEETS.read(sheets(google), full("Nope"))


@pytest.mark.parametrize("secret", ["refresh_token", "client_secret"])
def test_wrong_credentials_are_told_without_them(google: GoogleServer, secret: str) -> None:
    config = ads(google, **{secret: "made-up-and-wrong"})
    with pytest.raises(SourceAccessError, match="no token") as caught:
        ADS.test_connection(config)
    assert "made-up-and-wrong" not in str(caught.value)


def test_a_key_signed_by_another_is_refused(google: GoogleServer) -> None:
    with GoogleServer() as other:
        stolen = {**other.service_account, "token_uri": f"{google.url}/token"}
    with pytest.raises(SourceAccessError, match="no token"):
        SHEETS.test_connection(sheets(google, service_account=stolen))


def test_a_key_cannot_send_its_signature_to_another_host(google: GoogleServer) -> None:
    from pwh_assets.sources.google.auth import TOKEN_URL, credentials

    key = {**google.service_account, "token_uri": "https://evil.example.com/token"}
    assert credentials(sheets(google, service_account=key), "s", google.url)._token_uri == TOKEN_URL


def test_a_token_that_ends_in_the_middle_is_renewed(google: GoogleServer) -> None:
    google.sheets = {"T": [["n"], [1]]}
    reading = SHEETS.read(sheets(google), full("T"))
    google.end_tokens()
    assert len(rows_of(reading)) == 1
    google.ads = {"customer": [{"customer": {"id": "1"}}]}
    config = ads(google)
    reading = ADS.read(config, full("customer"))
    google.end_tokens()
    assert rows_of(reading)[0]["customer_id"] == 1


def test_a_quota_is_waited_for(google: GoogleServer) -> None:
    google.sheets = {"T": [["n"], [1]]}
    google.faults = [(429, {"Retry-After": "0"}), (503, {"Retry-After": "0"})]
    assert [table.name for table in SHEETS.tables(sheets(google))] == ["T"]
    google.faults = [(429, {"Retry-After": "400"})]
    with pytest.raises(SourceUnavailableError, match="400 s") as caught:
        SHEETS.test_connection(sheets(google))
    assert caught.value.retry_after_s == 400


def stats(day: date, campaign: int = 1) -> dict[str, Any]:
    return {
        "campaign": {"resourceName": f"customers/1/campaigns/{campaign}", "id": str(campaign)},
        "segments": {"date": str(day), "device": "MOBILE", "adNetworkType": "SEARCH"},
        "metrics": {"clicks": "3", "costMicros": "1250000", "conversions": 0.5},
    }


def test_numbers_per_day_come_with_their_types_and_zeros(google: GoogleServer) -> None:
    today = datetime.now(UTC).date()
    google.ads = {"campaign": [stats(today - timedelta(days=n), n % 3) for n in range(1500)]}
    table = next(t for t in ADS.tables(ads(google)) if t.name == "campaign_stats")
    assert table.cursors == ("segments_date",)
    assert SyncMode.APPEND not in table.modes
    rows = rows_of(ADS.read(ads(google, history_days=1400), full("campaign_stats")))
    assert len(rows) == 1401
    assert rows[0]["metrics_cost_micros"] == 1250000
    assert rows[0]["metrics_impressions"] == 0
    assert min(row["segments_date"] for row in rows) == today - timedelta(days=1400)


def test_a_second_sync_reads_the_days_that_may_still_change(google: GoogleServer) -> None:
    today = datetime.now(UTC).date()
    google.ads = {"campaign": [stats(today - timedelta(days=n)) for n in range(100)]}
    wanted = ReadRequest("campaign_stats", SyncMode.INCREMENTAL, (), (), "segments_date")
    first = ADS.read(ads(google), wanted)
    assert len(rows_of(first)) == 100
    assert first.watermark() == str(today - timedelta(days=1))
    again = ADS.read(
        ads(google),
        ReadRequest(
            "campaign_stats", SyncMode.INCREMENTAL, (), (), "segments_date", first.watermark()
        ),
    )
    assert len(rows_of(again)) == 32
    with pytest.raises(CursorTypeError):
        ADS.read(ads(google), ReadRequest("campaign", SyncMode.APPEND, (), (), "campaign_name"))


def test_every_table_asks_for_its_fields(google: GoogleServer) -> None:
    for table in ADS.tables(ads(google)):
        google.queries.clear()
        assert rows_of(ADS.read(ads(google, history_days=1), full(table.name))) == []
        assert google.queries
        for column in table.columns:
            assert column.name in google.queries[0].replace(".", "_")


def test_a_wrong_developer_token_is_an_access_error(google: GoogleServer) -> None:
    with pytest.raises(SourceAccessError, match="developer token"):
        ADS.test_connection(ads(google, developer_token="made-up-token"))


@pytest.mark.parametrize(
    ("source", "change", "attr"),
    [
        (SHEETS, {"spreadsheet": "https://example.com/x"}, "spreadsheet"),
        (SHEETS, {"spreadsheet": "book-123456"}, "service_account"),
        (ADS, {"customer_id": "12"}, "customer_id"),
        (ADS, {"customer_id": "1234567890", "api_version": "../x"}, "api_version"),
        (ADS, {"customer_id": "1234567890", "refresh_token": "x"}, "client_id"),
    ],
)
def test_a_form_that_cannot_work_names_its_field(
    source: Any, change: dict[str, Any], attr: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        source.validate({"developer_token": "made-up", **change})
    assert caught.value.attr == attr
