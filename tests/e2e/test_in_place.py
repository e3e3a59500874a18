"""Files that are queried where they lie: found like synced ones, always as they are, on DuckDB alone."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import deltalake
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer

from pwh_assets.engines.base import EngineError
from pwh_assets.errors import PwhError, UserError
from pwh_assets.platform import open_platform
from pwh_assets.services.hogql.query import explain, run_query
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.services.views.saved import materialize_view, save_view
from pwh_assets.settings import Settings


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Any]:
    home = {"PWH_HOME": str(tmp_path / "home"), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    opened = open_platform(Settings.from_env(home))
    yield opened
    opened.lakes.close()
    opened.store.close()


def connect(
    platform: Any, kind: str, payload: dict[str, Any], *tables: str, prefix: str = ""
) -> None:
    schemas = [{"name": name, "sync_type": "in_place"} for name in tables]
    body = {"source_type": kind, "prefix": prefix, "payload": {**payload, "schemas": schemas}}
    source = create_source(platform, 1, body)
    for table in platform.store.tables(1, source.id):
        if table.should_sync:
            sync_table(platform, table)


def rows(platform: Any, sql: str) -> list[tuple[Any, ...]]:
    return run_query(platform, 1, sql).rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exports"
    (made / "orders").mkdir(parents=True)
    (made / "orders" / "1.csv").write_text("id,code,paid\n1,007,1.5\n2,008,2.5\n")
    (made / "people.jsonl").write_text('{"id": 1, "tags": ["a"]}\n{"id": 2, "tags": null}\n')
    deltalake.write_deltalake(f"{made}/plans", pa.table({"id": [1], "name": ["pro"]}))
    return made


def test_files_are_queried_as_they_are_now(platform: Any, folder: Path) -> None:
    connect(platform, "files", {"url": str(folder)}, "orders", "people", "plans")
    question = "SELECT id, code, paid, _file_name FROM files_orders ORDER BY id"
    assert rows(platform, question) == [
        (1, "007", 1.5, "orders/1.csv"),
        (2, "008", 2.5, "orders/1.csv"),
    ]
    (folder / "orders" / "2.csv").write_text("id,code,paid\n3,9,3\n")
    assert rows(platform, "SELECT code FROM files_orders WHERE id = 3") == [("9",)]
    assert rows(platform, "SELECT tags FROM files_people ORDER BY id")[1] == (None,)
    deltalake.write_deltalake(
        f"{folder}/plans", pa.table({"id": [2], "name": ["free"]}), mode="append"
    )
    joined = (
        "SELECT o.code, p.name FROM files_orders o JOIN files_plans p ON p.id = o.id ORDER BY o.id"
    )
    assert rows(platform, joined) == [("007", "pro"), ("008", "free")]


def test_a_column_that_files_lost_is_null_and_a_new_one_comes_with_the_next_look(
    platform: Any, folder: Path
) -> None:
    connect(platform, "files", {"url": str(folder)}, "orders")
    (folder / "orders" / "1.csv").write_text("id,extra\n7,x\n")
    assert rows(platform, "SELECT id, code FROM files_orders") == [(7, None)]
    sync_table(platform, platform.store.find_table(1, "files_orders"))
    assert rows(platform, "SELECT id, extra FROM files_orders") == [(7, "x")]


def test_nothing_is_copied(platform: Any, folder: Path) -> None:
    connect(platform, "files", {"url": str(folder)}, "orders")
    assert "files" not in {table.schema for table in platform.lakes.of(1).tables()}
    assert explain(platform, 1, "SELECT id FROM files_orders").physical == (
        "_in_place.files.orders",
    )


def test_a_view_may_read_it_but_not_be_built_from_it(platform: Any, folder: Path) -> None:
    connect(platform, "files", {"url": str(folder)}, "orders")
    save_view(platform, 1, "paid", "SELECT sum(paid) AS total FROM files_orders")
    assert rows(platform, "SELECT total FROM paid") == [(4.0,)]
    with pytest.raises(UserError, match="files_orders"):
        materialize_view(platform, 1, "paid")


def test_clickhouse_says_that_it_cannot(platform: Any, folder: Path) -> None:
    pytest.importorskip("chdb")
    connect(platform, "files", {"url": str(folder)}, "orders")
    with pytest.raises(EngineError, match="only DuckDB"):
        run_query(platform, 1, "SELECT id FROM files_orders", engine="clickhouse")


def test_files_that_are_gone_or_broken_are_told(platform: Any, folder: Path) -> None:
    connect(platform, "files", {"url": str(folder)}, "orders", "people")
    (folder / "people.jsonl").write_text("no json\n")
    with pytest.raises(PwhError) as caught:
        rows(platform, "SELECT id FROM files_people")
    assert caught.value.code != "internal"
    for file in (folder / "orders").iterdir():
        file.unlink()
    with pytest.raises(PwhError, match="orders"):
        rows(platform, "SELECT id FROM files_orders")


def test_two_buckets_keep_their_own_keys(platform: Any) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        endpoint = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="key",
            aws_secret_access_key="made-up",
            region_name="us-east-1",
        )
        for prefix in ("a_", "b_"):
            bucket = f"bucket-{uuid.uuid4().hex[:8]}"
            client.create_bucket(Bucket=bucket)
            client.put_object(
                Bucket=bucket, Key="x/item/1.csv", Body=f"id,name\n1,{prefix}\n".encode()
            )
            payload = {
                "url": f"s3://{bucket}/x",
                "key_id": f"key{prefix}",
                "secret": "made-up-secret",
                "endpoint": endpoint,
            }
            connect(platform, "s3", payload, "item", prefix=prefix)
        joined = "SELECT a.name, b.name FROM a_item a JOIN b_item b ON a.id = b.id"
        assert rows(platform, joined) == [("a_", "b_")]
        assert "made-up-secret" not in explain(platform, 1, joined).sql
    finally:
        server.stop()
