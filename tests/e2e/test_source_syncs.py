"""Stripe and files through a whole sync: only what is new moves, changes arrive, a folder needs the operator's leave."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.demo.stripe import StripeServer
from pwh_assets.errors import InvalidInputError, SourceError
from pwh_assets.platform import open_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources import create_source
from pwh_assets.services.sync import sync_table
from pwh_assets.settings import Settings


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
        invoices[-1] |= {"status": "paid", "amount_paid": 1900}
        invoices.append({**invoices[-1], "id": "in_new", "created": int(now.timestamp())})
        second = sync(platform)
    assert second.rows_synced <= 32
    assert second.row_count == 301
    assert rows(
        platform,
        "SELECT id, amount_paid FROM lake.stripe.invoice WHERE status = 'paid' ORDER BY id",
    ) == [
        ("in_001", 1900),
        ("in_new", 1900),
    ]
    assert rows(
        platform, "SELECT lines->'data'->0->>'amount' FROM lake.stripe.invoice LIMIT 1"
    ) == [("5",)]


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
