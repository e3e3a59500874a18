"""Stripe beyond the common suite: paging while objects appear, lookback, fixed types, faults and keys."""

import json
import math
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
from pwh_assets.sources.errors import DeliveryRefusedError, UnreadableDataError
from pwh_assets.sources.http import limits
from pwh_assets.sources.stripe import reading
from pwh_assets.sources.stripe.objects import OBJECTS
from tests.servers.source_rigs import StripeRig, read, request, rows_of, tables_of


@pytest.fixture
def rig() -> Iterator[StripeRig]:
    with StripeServer() as server:
        yield StripeRig(server)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS", 3)


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


def test_where_events_may_not_be_read_lookback_brings_changes(rig: StripeRig) -> None:
    rig.config["lookback_days"] = 30
    rig.server.keys_without_permission[rig.server.api_key] = {"events"}
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
        return {field.name: str(field.type) for t in tables_of(reading) for field in t.schema}

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


# What changed


def told(
    rig: StripeRig, since: str | None, table: str = "customer", **more: Any
) -> tuple[dict[str, dict[str, Any]], str | None]:
    mode = more.pop("mode", SyncMode.INCREMENTAL)
    cursor = more.pop("cursor", "created")
    more.setdefault("may_be_partial", since is None)
    wanted = ReadRequest(table, mode, (), ("id",), cursor, since, **more)
    reading = rig.source.read(rig.config, wanted)
    return {row["id"]: row for row in rows_of(reading)}, reading.watermark()


def test_events_bring_changes_of_old_objects_and_nothing_else(rig: StripeRig) -> None:
    rig.insert(*range(1, 21))
    _, watermark = told(rig, None)
    rig.server.change("customers", "cus_3", email="new@example.com")
    rows, later = told(rig, watermark)
    assert set(rows) == {"cus_3", "cus_20"}
    assert rows["cus_3"]["email"] == "new@example.com"
    assert later is not None
    assert "; events " in later


def test_an_account_without_events_keeps_its_position(rig: StripeRig) -> None:
    rig.insert(1)
    _, watermark = told(rig, None)
    time.sleep(1.1)
    assert told(rig, watermark)[1] == watermark


def test_a_deleted_object_is_marked_with_what_was_known_of_it(rig: StripeRig) -> None:
    rig.insert(1, 2)
    rig.server.data["products"] = [
        {"id": "prod_1", "object": "product", "created": 5, "name": "Tea"}
    ]
    _, watermark = told(rig, None)
    _, other = told(rig, None, "product")
    rig.server.remove("customers", "cus_1")
    rig.server.remove("products", "prod_1")
    rows, _ = told(rig, watermark)
    assert (rows["cus_1"]["deleted"], rows["cus_1"]["name"]) == (True, "row 1")
    rows, _ = told(rig, other, "product")
    assert (rows["prod_1"]["deleted"], rows["prod_1"]["name"]) == (True, "Tea")


def test_an_event_in_another_version_of_the_api_does_no_harm(rig: StripeRig) -> None:
    rig.server.data["products"] = [{"id": "prod_1", "object": "product", "created": 5}]
    _, watermark = told(rig, None, "product")
    event = rig.server.remove("products", "prod_1")
    event["data"]["object"] |= {"active": "perhaps", "name": "Tea"}
    rows, _ = told(rig, watermark, "product")
    assert (rows["prod_1"]["deleted"], rows["prod_1"]["name"]) == (True, "Tea")
    assert rows["prod_1"]["active"] is None


def test_a_table_not_synced_for_longer_than_events_are_kept_is_listed_whole(
    rig: StripeRig,
) -> None:
    rig.insert(1, 2, 3)
    rows, watermark = told(rig, "2024-03-01 12:03:00; events 2024-04-01 00:00:00")
    assert set(rows) == {"cus_1", "cus_2", "cus_3"}
    assert watermark is not None
    assert "events 2024-04" not in watermark


def test_history_goes_on_where_it_stopped_and_new_objects_come_first(
    rig: StripeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HISTORY_S", 0)
    rig.insert(*range(1, 251))
    first, watermark = told(rig, None)
    assert len(first) == 100
    assert watermark is not None
    assert "; history " in watermark
    rig.insert(1000)
    second, watermark = told(rig, watermark)
    assert next(iter(second)) == "cus_1000"
    monkeypatch.setattr(reading, "HISTORY_S", 999)
    third, watermark = told(rig, watermark)
    assert {*first, *second, *third} == {f"cus_{n}" for n in (*range(1, 251), 1000)}
    assert watermark is not None
    assert "history" not in watermark


def test_a_history_that_breaks_off_late_is_kept_and_goes_on(
    rig: StripeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS", 1)
    monkeypatch.setattr(reading, "WORTH_KEEPING", 100)
    rig.insert(*range(1, 251))
    asked: list[str] = []

    def fail(path: str, query: Mapping[str, str]) -> None:
        asked.append(path)
        if asked.count("/v1/customers") == 2:
            rig.server.fail(503, path="/v1/customers")

    rig.server.on_request = fail
    first, watermark = told(rig, None)
    rig.server.on_request = None
    second, _ = told(rig, watermark)
    assert len(first) == 200
    assert {*first, *second} == {f"cus_{n}" for n in range(1, 251)}


def test_a_copy_that_replaces_rows_is_never_half(
    rig: StripeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HISTORY_S", 0)
    rig.insert(*range(1, 251))
    rows, watermark = told(rig, None, may_be_partial=False)
    assert len(rows) == 250
    assert watermark is not None
    assert "history" not in watermark


def test_appending_history_in_pieces_brings_each_object_once(
    rig: StripeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HISTORY_S", 0)
    rig.server.data["customers"] = [
        {"id": f"cus_{n}", "created": 1_700_000_000 + n // 7} for n in range(350)
    ]
    seen: list[str] = []
    watermark: str | None = None
    for _ in range(6):
        wanted = ReadRequest(
            "customer",
            SyncMode.APPEND,
            (),
            ("id",),
            "created",
            watermark,
            may_be_partial=True,
        )
        one = rig.source.read(rig.config, wanted)
        seen += [row["id"] for row in rows_of(one)]
        watermark = one.watermark()
    assert sorted(seen) == sorted(f"cus_{n}" for n in range(350))


# Lists inside objects


def invoices(rig: StripeRig, lines: int) -> None:
    inside = [{"id": f"il_{n}", "object": "line_item", "amount": n} for n in range(lines)]
    rig.server.data["invoices"] = [
        {"id": "in_1", "object": "invoice", "created": 1_700_000_000, "lines": {"data": inside}}
    ]


def test_a_list_inside_an_object_is_whole(rig: StripeRig) -> None:
    invoices(rig, 250)
    rows, _ = told(rig, None, "invoice")
    lines = json.loads(rows["in_1"]["lines"])
    assert [line["amount"] for line in lines["data"]] == list(range(250))
    assert lines["has_more"] is False


def test_the_entries_of_such_a_list_are_a_table_too(rig: StripeRig) -> None:
    invoices(rig, 25)
    rows, watermark = told(rig, None, "invoice_line_item", cursor="invoice_created")
    assert len(rows) == 25
    assert rows["il_24"]["amount"] == 24
    assert rows["il_24"]["invoice"] == "in_1"
    assert rows["il_24"]["invoice_created"] == datetime(2023, 11, 14, 22, 13, 20)
    rig.server.data["invoices"][0]["lines"]["data"].append({"id": "il_late", "amount": 1})
    rig.server.data["invoices"].append({"id": "in_2", "created": 1_800_000_000})
    rig.server.change("invoices", "in_1", status="open")
    rows, _ = told(rig, watermark, "invoice_line_item", cursor="invoice_created")
    assert "il_late" in rows


def test_items_of_a_subscription_are_paged_by_their_own_address(rig: StripeRig) -> None:
    items = [{"id": f"si_{n}", "created": 5, "quantity": n} for n in range(30)]
    rig.server.data["subscriptions"] = [
        {"id": "sub_1", "created": 5, "status": "active", "items": {"data": items}}
    ]
    rows, _ = told(rig, None, "subscription_item", cursor="subscription_created")
    assert len(rows) == 30
    assert rig.server.counts["/v1/subscription_items"] == 1


# Webhooks


SECRET = "whsec_planted_secret"


@pytest.fixture
def listening(rig: StripeRig) -> StripeRig:
    rig.config["webhook_secret"] = SECRET
    rig.insert(1, 2)
    return rig


def test_a_delivery_tells_of_its_row(listening: StripeRig) -> None:
    event = listening.server.change("customers", "cus_1", name="told")
    headers, body = listening.server.signed(event, SECRET)
    found = listening.source.receive(listening.config, headers, body)
    assert [(one.id, one.table, one.key) for one in found] == [(event["id"], "customer", "cus_1")]


def test_what_was_delivered_is_read_as_it_is_now_whatever_the_order(listening: StripeRig) -> None:
    listening.server.keys_without_permission[listening.server.api_key] = {"events"}
    _, watermark = told(listening, None)
    deliveries = []
    for name in ("first", "second", "third"):
        event = listening.server.change("customers", "cus_1", name=name)
        headers, body = listening.server.signed(event, SECRET)
        deliveries += listening.source.receive(listening.config, headers, body)
    listening.config["lookback_days"] = 0
    out_of_order = (*deliveries[::-1], deliveries[0])
    rows, _ = told(listening, watermark, mode=SyncMode.WEBHOOK, deliveries=out_of_order)
    assert rows["cus_1"]["name"] == "third"
    assert listening.server.counts["/v1/customers/cus_1"] == 1


def test_a_deletion_delivered_counts_also_when_the_list_is_read_whole(
    listening: StripeRig,
) -> None:
    event = listening.server.remove("customers", "cus_1")
    found = listening.source.receive(listening.config, *listening.server.signed(event, SECRET))
    long_ago = "2024-03-01 12:02:00; events 2024-04-01 00:00:00"
    rows, _ = told(listening, long_ago, mode=SyncMode.WEBHOOK, deliveries=tuple(found))
    assert {key: row["deleted"] for key, row in rows.items()} == {"cus_1": True, "cus_2": None}


def test_an_invoice_delivered_is_told_to_its_lines_too(listening: StripeRig) -> None:
    event = listening.server.add("invoices", {"id": "in_1", "object": "invoice", "created": 5})
    found = listening.source.receive(listening.config, *listening.server.signed(event, SECRET))
    assert [one.table for one in found] == ["invoice", "invoice_line_item"]


def test_either_of_two_secrets_signs(listening: StripeRig) -> None:
    listening.config["webhook_secret"] = f"whsec_new, {SECRET}"
    event = listening.server.change("customers", "cus_1")
    for secret in (SECRET, "whsec_new"):
        assert listening.source.receive(listening.config, *listening.server.signed(event, secret))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h, b: (h, b.replace(b"cus_1", b"cus_2")), "signature"),
        (lambda h, b: ({}, b), "Stripe-Signature"),
        (lambda h, b: ({"Stripe-Signature": "t=1,t=2,v1=x"}, b), "Stripe-Signature"),
        (lambda h, b: ({"Stripe-Signature": "garbage"}, b), "Stripe-Signature"),
        (
            lambda h, b: ({"Stripe-Signature": h["Stripe-Signature"].replace("v1=", "v0=")}, b),
            "Stripe-Signature",
        ),
        (lambda h, b: ({"Stripe-Signature": h["Stripe-Signature"] + "ä"}, b + b" "), "signature"),
    ],
)
def test_a_delivery_that_is_not_stripes_is_refused(
    listening: StripeRig, change: Any, said: str
) -> None:
    event = listening.server.change("customers", "cus_1")
    headers, body = change(*listening.server.signed(event, SECRET))
    with pytest.raises(DeliveryRefusedError, match=said) as caught:
        listening.source.receive(listening.config, headers, body)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("away_s", [-301, 301])
def test_a_delivery_of_another_time_is_refused(listening: StripeRig, away_s: int) -> None:
    event = listening.server.change("customers", "cus_1")
    headers, body = listening.server.signed(event, SECRET, int(time.time()) + away_s)
    with pytest.raises(DeliveryRefusedError, match="clock"):
        listening.source.receive(listening.config, headers, body)


def test_signed_garbage_is_refused_and_unknown_objects_are_left(listening: StripeRig) -> None:
    event: dict[str, Any] = {"id": "evt_1", "created": 5, "data": {"object": {"object": "invoice"}}}
    for garbage in ({"id": 1}, {**event, "created": math.inf}, {**event, "created": "5" * 5_000}):
        with pytest.raises(DeliveryRefusedError, match="not an event"):
            listening.source.receive(listening.config, *listening.server.signed(garbage, SECRET))
    other = {"id": "evt_1", "created": 5, "data": {"object": {"id": "x", "object": "unheard.of"}}}
    assert listening.source.receive(listening.config, *listening.server.signed(other, SECRET)) == []


# The stand-in, seen through Stripe's own client


@pytest.fixture
def sdk(rig: StripeRig) -> Any:
    stripe = pytest.importorskip("stripe", reason="pip install stripe")
    return stripe.StripeClient(rig.server.api_key, base_addresses={"api": rig.server.base_url})


def test_stripes_own_client_pages_filters_and_reads_events(rig: StripeRig, sdk: Any) -> None:
    rig.insert(*range(1, 251))
    every = sdk.v1.customers.list({"limit": 100})
    assert len(list(every.auto_paging_iter())) == 250
    since = rig.server.data["customers"][-5]["created"]
    assert len(sdk.v1.customers.list({"created": {"gte": since}}).data) == 5
    rig.server.change("customers", "cus_7", name="told")
    found = sdk.v1.events.list({"types": ["customer.updated", "customer.deleted"]}).data
    assert [event.data.object.id for event in found] == ["cus_7"]
    rig.server.remove("customers", "cus_7")
    assert sdk.v1.customers.retrieve("cus_7").deleted is True


def test_stripes_own_client_sees_lists_inside_objects_errors_and_signatures(
    rig: StripeRig, sdk: Any
) -> None:
    import stripe

    invoices(rig, 25)
    lines = sdk.v1.invoices.retrieve("in_1").lines
    assert (len(lines.data), lines.has_more) == (10, True)
    assert len(list(sdk.v1.invoices.line_items.list("in_1").auto_paging_iter())) == 25
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        sdk.v1.customers.retrieve("cus_none")
    rig.server.per_second = 1
    sdk.v1.customers.list()
    with pytest.raises(stripe.RateLimitError):
        sdk.v1.customers.list()
    rig.server.per_second = 0
    wrong = stripe.StripeClient("sk_test_x", base_addresses={"api": rig.server.base_url})
    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.customers.list()
    headers, body = rig.server.signed(rig.server.change("invoices", "in_1"), SECRET)
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)
    assert event.type == "invoice.updated"


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
    monkeypatch.setattr(limits, "IDLE_S", 0.3)
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
    tables = {table.name for table in rig.source.tables(config)}
    assert tables == {"customer", "invoice", "invoice_line_item", "event"}


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
        assert types[one.cursor] == "TIMESTAMP"
        assert one.description.endswith(".")
        assert re.fullmatch(r"/v1/[a-z_]+(/[a-z_]+)?", one.path)
    assert len({one.name for one in OBJECTS}) == len(OBJECTS)
