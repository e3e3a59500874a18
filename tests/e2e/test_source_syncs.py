"""Stripe and files through a whole sync: only what is new moves, changes arrive, a folder needs the operator's leave."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pwh_assets.api.app import create_app
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.errors import InvalidInputError, SourceError
from pwh_assets.platform import open_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources import body, connecting
from pwh_assets.services.sources.connecting import create_source, update_source, update_table
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings
from tests.servers.declared import CLIENT, PASSWORD, DeclaredApi


def opened(home: Path, **more: str) -> Platform:
    return open_platform(Settings.from_env({"PWH_HOME": str(home), **more}))


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    platform = opened(tmp_path / "home", PWH_ALLOW_PRIVATE_HOSTS="1")
    yield platform
    platform.lakes.close()
    platform.store.close()


def connect(platform: Platform, source_type: str, payload: dict[str, Any], **schema: Any) -> None:
    body = {"source_type": source_type, "payload": {**payload, "schemas": [schema]}}
    create_source(platform, 1, body)


def sync(platform: Platform) -> Any:
    return sync_table(platform, next(t for t in platform.store.tables(1) if t.should_sync))


def poster(platform: Platform) -> Callable[..., httpx.Response]:
    """POSTs to the product's own application."""

    def post(path: str, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(create_app(platform))
            async with httpx.AsyncClient(transport=transport, base_url="http://pwh") as client:
                return await client.post(path, content=content, headers=headers)

        return asyncio.run(send())

    return post


def rows(platform: Platform, sql: str) -> list[Any]:
    with platform.lakes.of(1).read() as connection:
        return connection.execute(sql).fetchall()


def test_stripe_brings_new_objects_and_changes_of_recent_ones(platform: Platform) -> None:
    now = datetime.now(UTC)
    invoices = [
        {
            "id": f"in_{days:03d}",
            "object": "invoice",
            "created": int((now - timedelta(days=days)).timestamp()),
            "status": "open",
            "amount_paid": 0,
            "lines": {"data": [{"amount": 5}]},
        }
        for days in range(300, 0, -1)
    ]
    with StripeServer({"invoices": invoices}) as server:
        connect(platform, "Stripe", server.config, name="invoice", sync_type="incremental")
        assert sync(platform).rows_synced == 300
        server.change("invoices", invoices[0]["id"], status="paid", amount_paid=1900)
        paid = {**invoices[0], "id": "in_new", "created": int(now.timestamp())}
        server.add("invoices", paid)
        second = sync(platform)
    assert second.rows_synced <= 3
    assert second.row_count == 301
    assert rows(
        platform,
        "SELECT id, amount_paid FROM lake.stripe.invoice WHERE status = 'paid' ORDER BY id",
    ) == [
        ("in_300", 1900),
        ("in_new", 1900),
    ]
    assert rows(
        platform, "SELECT lines->'data'->0->>'amount' FROM lake.stripe.invoice LIMIT 1"
    ) == [("5",)]


def test_a_secret_goes_nowhere_but_where_it_was_entered_for(platform: Platform) -> None:
    with DeclaredApi() as api, DeclaredApi() as other:
        token = {"access_token_url": f"{api.base_url}/token", "client_id": CLIENT}
        auth = {"type": "oauth2_client_credentials", "client_secret": PASSWORD, **token}
        payload = {"client": {"base_url": api.base_url, "auth": auth}, "resources": ["whole"]}
        body = {"source_type": "REST", "payload": payload}
        source = create_source(platform, 1, body).id
        moved = {"access_token_url": f"{other.base_url}/token"}
        with pytest.raises(InvalidInputError):
            update_source(
                platform, 1, source, {"payload": {"auth": {**auth, **moved, "client_secret": None}}}
            )
        with pytest.raises(InvalidInputError):
            update_source(platform, 1, source, {"payload": {"auth": moved}})
        assert other.calls == []
        api.is_open = True
        update_source(platform, 1, source, {"payload": {"auth": {**auth, **moved}}})
        assert set(other.counts) == {"/token"}


def test_changes_made_at_once_are_all_kept(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("id,email\n1,x\n")
    connect(platform, "Files", {"url": str(tmp_path / "a.csv")}, name="a")
    both = threading.Barrier(2)

    def apply(*given: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)  # as many as may are here, each with what it began with
        return body.apply(*given)

    monkeypatch.setattr(connecting, "apply", apply)
    changes = [{"masks": [{"column": "email", "mask": "hash"}]}, {"enabled_columns": ["email"]}]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda change: update_table(platform, 1, "files_a", change), changes))
    (table,) = platform.store.tables(1)
    assert (table.options.mask("email") is None, table.options.enabled_columns) == (
        False,
        ("email",),
    )


def test_deliveries_wait_on_disk_for_the_next_sync_and_go_with_it(platform: Platform) -> None:
    secret = "whsec_planted_secret"
    customers = [{"id": f"cus_{i}", "object": "customer", "created": i + 1} for i in range(20)]
    with StripeServer({"customers": customers}) as server:
        server.keys_without_permission[server.api_key] = {"events"}
        payload = {**server.config, "webhook_secret": secret, "lookback_days": 0}
        schema = {"name": "customer", "sync_type": "webhook", "incremental_field": "created"}
        connect(platform, "Stripe", payload, **schema)
        assert sync(platform).row_count == 20
        source = platform.store.sources(1)[0]
        post = poster(platform)
        address = f"/webhooks/{source.id}"
        for name in ("told", "told again"):
            headers, body = server.signed(server.change("customers", "cus_3", name=name), secret)
            for _ in range(2):
                assert post(address, content=body, headers=headers).json() == {"kept": 1}
        headers, body = server.signed(server.remove("customers", "cus_4"), secret)
        assert post(address, content=body, headers=headers).status_code == 200
        headers, body = server.signed(server.add("products", {"id": "p", "created": 1}), secret)
        assert post(address, content=body, headers=headers).json() == {"kept": 0}
        forged = post(address, content=body, headers={"Stripe-Signature": "t=1,v1=0"})
        assert (forged.status_code, forged.json()["code"]) == (400, "delivery_refused")
        assert post("/webhooks/nobody", content=b"{}").status_code == 404
        waiting = list((platform.settings.home / "webhooks" / source.id).rglob("*.json"))
        assert len(waiting) == 3
        second = sync(platform)
    assert not list((platform.settings.home / "webhooks").rglob("*.json"))
    assert (second.rows_synced, second.row_count) == (2, 20)
    assert rows(
        platform, "SELECT id, name FROM lake.stripe.customer WHERE name = 'told again' OR deleted"
    ) in ([("cus_3", "told again"), ("cus_4", None)], [("cus_4", None), ("cus_3", "told again")])


def test_a_stripe_that_fails_half_way_leaves_the_table_as_it_was(platform: Platform) -> None:
    customers = [{"id": f"cus_{i}", "created": i} for i in range(150)]
    with StripeServer({"customers": customers}) as server:
        connect(platform, "Stripe", server.config, name="customer", sync_type="full")
        sync(platform)
        customers.pop()
        server.keys_without_permission[server.api_key] = {"customers"}
        with pytest.raises(SourceError):
            sync(platform)
        assert rows(platform, "SELECT count(*) FROM lake.stripe.customer") == [(150,)]
        server.keys_without_permission.clear()
        sync(platform)
    assert rows(platform, "SELECT count(*) FROM lake.stripe.customer") == [(149,)]


def test_appended_files_are_read_once_and_a_bad_one_changes_nothing(
    platform: Platform, tmp_path: Path
) -> None:
    folder = tmp_path / "exports" / "orders"
    folder.mkdir(parents=True)
    (folder / "1.csv").write_text("id,amount\n1,5\n2,6\n")
    payload = {"url": str(folder.parent)}
    connect(
        platform,
        "Files",
        payload,
        name="orders",
        sync_type="append",
        incremental_field="_file_modified_at",
    )
    assert sync(platform).row_count == 2
    (folder / "2.csv").write_text("id,amount\n3,x\n4\n")
    with pytest.raises(SourceError, match=r"orders/2.csv`, line 3"):
        sync(platform)
    (folder / "2.csv").write_text("id,amount,note\n3,7.5,late\n")
    second = sync(platform)
    assert (second.rows_synced, second.row_count, second.columns_added) == (1, 3, ("note",))
    assert sync(platform).rows_synced == 0
    assert rows(platform, "SELECT id, amount, note FROM lake.files.orders ORDER BY id") == [
        (1, 5.0, None),
        (2, 6.0, None),
        (3, 7.5, "late"),
    ]


@pytest.mark.parametrize("prefix", ["", "file://", "file://localhost"])
def test_a_folder_of_this_machine_needs_the_operators_leave(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "x.csv").write_text("id\n1\n")
    platform = opened(tmp_path / "home")
    try:
        body = {"source_type": "files", "payload": {"url": f"{prefix}{tmp_path}"}}
        with pytest.raises(InvalidInputError) as caught:
            create_source(platform, 1, body)
        assert caught.value.attr == "url"
    finally:
        platform.lakes.close()
        platform.store.close()
