"""Stripe beyond the common suite: paging while objects appear, lookback, fixed types, faults and keys."""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.stripe import api
from pwh_assets.sources.stripe.objects import OBJECTS
from tests.servers.source_rigs import StripeRig, read, request, rows_of


@pytest.fixture
def rig() -> Iterator[StripeRig]:
    with StripeServer() as server:
        yield StripeRig(server)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ATTEMPTS", 3)
    monkeypatch.setattr(api.StripeApi.__init__, "__defaults__", (3,))


def customer_rows(rig: StripeRig, **changes: Any) -> list[dict[str, Any]]:
    rig.server.data["customers"] = [
        {"id": "cus_1", "object": "customer", "created": 1_700_000_000, **changes}
    ]
    return rows_of(rig.source.read(rig.config, request(rig, SyncMode.FULL)))


def test_all_pages_are_read_and_none_twice(rig: StripeRig) -> None:
    rig.insert(*range(1, 251))
    assert read(rig, SyncMode.FULL)[0] == list(range(1, 251))
    assert rig.server.counts["/v1/customers"] == 3
    assert {r.query["limit"] for r in rig.server.requests} == {"100"}


def test_objects_made_while_we_page_come_with_the_next_sync(rig: StripeRig) -> None:
    rig.insert(*range(1, 251))
    fresh = iter(range(1001, 1100))

    def add(path: str, query: Mapping[str, str]) -> None:
        if path == "/v1/customers":
            rig.insert(next(fresh))

    rig.server.on_request = add
    seen: set[int] = set()
    watermark: str | None = None
    for _ in range(3):
        ids, watermark = read(rig, SyncMode.INCREMENTAL, watermark)
        assert len(ids) == len(set(ids))
        seen.update(ids)
    rig.server.on_request = None
    seen.update(read(rig, SyncMode.INCREMENTAL, watermark)[0])
    there = {int(one["id"].removeprefix("cus_")) for one in rig.server.data["customers"]}
    assert seen == there


def test_lookback_brings_changes_of_objects_already_read(rig: StripeRig) -> None:
    rig.config["lookback_days"] = 30
    now = datetime.now(UTC)
    rig.server.data["invoices"] = [
        {
            "id": f"in_{days}",
            "created": int((now - timedelta(days=days)).timestamp()),
            "status": "open",
        }
        for days in (50, 20, 1)
    ]
    first = ReadRequest("invoice", SyncMode.INCREMENTAL, (), ("id",), "created")
    reading = rig.source.read(rig.config, first)
    assert len(rows_of(reading)) == 3
    for invoice in rig.server.data["invoices"]:
        invoice["status"] = "paid"
    again = ReadRequest(
        "invoice", SyncMode.INCREMENTAL, (), ("id",), "created", reading.watermark()
    )
    rows = rows_of(rig.source.read(rig.config, again))
    assert {row["id"]: row["status"] for row in rows} == {"in_20": "paid", "in_1": "paid"}


def test_appending_leaves_the_last_minute_for_the_next_time(rig: StripeRig) -> None:
    now = int(datetime.now(UTC).timestamp())
    rig.server.data["customers"] = [
        {"id": "cus_1", "created": now - 300},
        {"id": "cus_2", "created": now - 5},
    ]
    assert read(rig, SyncMode.APPEND)[0] == [1]


def test_ended_subscriptions_come_too(rig: StripeRig) -> None:
    rig.server.data["subscriptions"] = [
        {"id": "sub_1", "created": 1, "status": "canceled"},
        {"id": "sub_2", "created": 2, "status": "active"},
    ]
    wanted = ReadRequest("subscription", SyncMode.FULL, (), ("id",))
    assert len(rows_of(rig.source.read(rig.config, wanted))) == 2


def test_types_never_depend_on_the_data(rig: StripeRig) -> None:
    def shape(**changes: Any) -> dict[str, str]:
        rig.server.data["customers"] = [{"id": "cus_1", "created": 1, **changes}]
        reading = rig.source.read(rig.config, request(rig, SyncMode.FULL))
        return {field.name: str(field.type) for t in reading.resource for field in t.schema}

    empty = shape()
    full = shape(balance=5, email="a@b.c", metadata={"a": 1}, delinquent=True, address=None)
    assert empty == full
    assert shape(mystery=5)["mystery"] == shape(mystery={"a": 1})["mystery"] == "string"


def test_values_arrive_in_their_types(rig: StripeRig) -> None:
    rig.server.data["prices"] = [
        {
            "id": "price_1",
            "created": 1_700_000_000,
            "unit_amount": 2**53 + 1,
            "unit_amount_decimal": "0.000000000001",
            "product": {"id": "prod_1", "object": "product"},
            "recurring": {"interval": "month", "ä": "🦆"},
            "active": False,
            "tomorrow": [1, 2],
        }
    ]
    row = rows_of(rig.source.read(rig.config, ReadRequest("price", SyncMode.FULL, (), ("id",))))[0]
    assert row["created"] == datetime(2023, 11, 14, 22, 13, 20)
    assert row["unit_amount"] == 2**53 + 1
    assert row["unit_amount_decimal"] == Decimal("0.000000000001")
    assert row["product"] == "prod_1"
    assert row["recurring"] == '{"interval":"month","ä":"🦆"}'
    assert row["active"] is False
    assert row["tomorrow"] == "[1,2]"


@pytest.mark.parametrize(
    "changes",
    [
        {"balance": "many"},
        {"balance": 2**70},
        {"delinquent": 1},
        {"created": "soon"},
        {"balance": 1.5},
    ],
)
def test_a_value_of_another_kind_is_named_with_its_object(
    rig: StripeRig, changes: dict[str, Any]
) -> None:
    name = next(iter(changes))
    with pytest.raises(UnreadableDataError, match=rf"customer `cus_1`.*`{name}`"):
        customer_rows(rig, **changes)


# Faults


def test_a_rate_limit_is_waited_out_as_long_as_it_says(rig: StripeRig) -> None:
    rig.insert(1)
    rig.server.fail(429, retry_after_s=1, times=2)
    began = time.monotonic()
    assert read(rig, SyncMode.FULL)[0] == [1]
    assert time.monotonic() - began >= 2
    assert rig.server.counts["/v1/customers"] == 3


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_tried_again(rig: StripeRig, status: int) -> None:
    rig.insert(1)
    rig.server.fail(status)
    assert read(rig, SyncMode.FULL)[0] == [1]


def test_a_body_cut_short_is_read_again(rig: StripeRig) -> None:
    rig.insert(*range(1, 151))
    rig.server.fail(is_truncated=True)
    assert read(rig, SyncMode.FULL)[0] == list(range(1, 151))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault", [{"status": 429, "retry_after_s": 1}, {"status": 500}, {"is_truncated": True}]
)
def test_a_fault_that_stays_is_worth_another_sync_and_leaves_no_watermark(
    rig: StripeRig, fault: dict[str, Any]
) -> None:
    rig.insert(*range(1, 151))
    reading = rig.source.read(rig.config, request(rig, SyncMode.INCREMENTAL))
    rig.server.fail(times=99, **fault)
    with pytest.raises(SourceUnavailableError) as caught:
        rows_of(reading)
    assert reading.watermark() is None
    assert rig.secret not in str(caught.value)


@pytest.mark.usefixtures("impatient")
def test_a_slow_answer_is_given_up(rig: StripeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "TIMEOUT_S", (1, 0.3))
    rig.insert(1)
    rig.server.fail(delay_s=1.5, times=9)
    with pytest.raises(SourceUnavailableError, match="took too long"):
        read(rig, SyncMode.FULL)


def test_a_list_that_goes_on_without_moving_is_refused(
    rig: StripeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = {"object": "list", "has_more": True, "data": [{"id": "cus_1", "created": 1}]}
    monkeypatch.setattr(rig.server, "answer", lambda path, query, key: endless)
    with pytest.raises(UnreadableDataError, match="without moving on"):
        read(rig, SyncMode.FULL)


# Keys


def test_a_restricted_key_is_offered_what_it_may_list(rig: StripeRig) -> None:
    rig.server.data.update({"invoices": [], "charges": []})
    rig.server.keys_without_permission["rk_test_restricted"] = {"charges", "account"}
    config = {**rig.config, "api_key": "rk_test_restricted"}
    assert {table.name for table in rig.source.tables(config)} == {"customer", "invoice"}


def test_a_permission_taken_away_is_an_access_error_naming_the_list(rig: StripeRig) -> None:
    rig.server.keys_without_permission["rk_test_restricted"] = {"customers"}
    rig.config["api_key"] = "rk_test_restricted"
    with pytest.raises(SourceAccessError, match="does not let this key read `customers`"):
        read(rig, SyncMode.FULL)


def test_an_address_that_is_not_stripe_is_told_so(rig: StripeRig) -> None:
    rig.config["base_url"] = f"{rig.server.base_url}/elsewhere"
    with pytest.raises(SourceError, match="Check `base_url`"):
        rig.source.tables(rig.config)


@pytest.mark.parametrize(
    ("changes", "attr"),
    [
        ({"api_key": ""}, "api_key"),
        ({"api_key": "sk_test_1\r\nX-Evil: 1"}, "api_key"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "https://user:pw@x"}, "base_url"),
        ({"lookback_days": "a month"}, "lookback_days"),
        ({"lookback_days": -1}, "lookback_days"),
        ({"account_id": "mine"}, "account_id"),
    ],
)
def test_a_wrong_field_is_named(rig: StripeRig, changes: dict[str, Any], attr: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        rig.source.validate({**rig.config, **changes})
    assert caught.value.attr == attr


def test_every_object_has_an_id_a_description_and_known_types() -> None:
    for one in OBJECTS:
        types = {column.name: column.type for column in one.columns}
        assert types["id"] == "VARCHAR"
        assert one.description.endswith(".")
        assert re.fullmatch(r"/v1/[a-z_]+(/[a-z_]+)?", one.path)
        assert one.has_created == (types.get("created") == "TIMESTAMP")
    assert len({one.name for one in OBJECTS}) == len(OBJECTS)
