"""Object storage by its vendors' names, and Delta tables wherever they lie."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import deltalake
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceUnavailableError
from pwh_assets.sources.base import ReadRequest, SourceType
from pwh_assets.sources.network.egress import PrivateHostError
from pwh_assets.sources.registry import discover
from tests.servers import azurite
from tests.servers.azurite import AzuriteServer
from tests.servers.names import PLAIN_NAME, by_name
from tests.servers.source_rigs import rows_of

ACCOUNT_ID = "0123456789abcdef0123456789abcdef"


class Storage:
    """A source over an empty bucket, and a way to put files there."""

    def __init__(
        self, source: SourceType, config: dict[str, Any], put: Callable[[str, bytes], Any]
    ):
        self.source, self.put = source, put
        self.config = source.validate(config)

    def ids(self, mode: SyncMode, since: str | None = None) -> tuple[list[int], str | None]:
        reading = self.source.read(
            self.config, ReadRequest("item", mode, (), (), "_file_modified_at", since)
        )
        found = sorted(row["id"] for row in rows_of(reading))
        return found, reading.watermark()


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture(scope="module")
def azure() -> Iterator[AzuriteServer]:
    if not azurite.PROGRAM.exists():
        pytest.skip(f"no Azurite here: {azurite.INSTALL}")
    with AzuriteServer() as server:
        yield server


@pytest.fixture(params=["s3", "r2", "gcs", "azure"])
def storage(request: pytest.FixtureRequest) -> Storage:
    if request.param == "azure":
        return azure_storage(request.getfixturevalue("azure"))
    return s3_storage(request.param, request.getfixturevalue("s3_port"))


def s3_storage(name: str, port: int) -> Storage:
    bucket, endpoint = f"bucket-{uuid.uuid4().hex[:8]}", f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="key",
        aws_secret_access_key="made-up",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    scheme = {"s3": "s3", "r2": "r2", "gcs": "gs"}[name]
    config = {"url": f"{scheme}://{bucket}/daily", "key_id": "key", "secret": "made-up"}
    return Storage(
        discover()[name],
        {**config, "region": "us-east-1", "endpoint": endpoint},
        lambda key, body: client.put_object(Bucket=bucket, Key=f"daily/{key}", Body=body),
    )


def azure_storage(server: AzuriteServer) -> Storage:
    from azure.storage.blob import BlobServiceClient

    container = f"box-{uuid.uuid4().hex[:8]}"
    key = {"account_name": azurite.ACCOUNT, "account_key": server.key}
    with BlobServiceClient(server.endpoint, credential=key) as client:
        client.create_container(container)

    def put(name: str, body: bytes) -> None:
        with BlobServiceClient(server.endpoint, credential=key) as client:
            client.get_blob_client(container, f"daily/{name}").upload_blob(body)

    return Storage(discover()["azure"], {"url": f"az://{container}/daily", **server.config}, put)


def test_a_folder_of_files_is_a_table(storage: Storage) -> None:
    storage.put("item/1.csv", b"id,name\n1,a\n2,b\n")
    storage.put("other.jsonl", b'{"id": 7, "tags": ["x"]}\n')
    tables = {table.name: table for table in storage.source.tables(storage.config)}
    assert list(tables) == ["item", "other"]
    assert {c.name: c.type for c in tables["other"].columns}["tags"] == "JSON"
    assert storage.ids(SyncMode.FULL) == ([1, 2], None)


def test_only_new_files_are_appended(storage: Storage) -> None:
    storage.put("item/1.csv", b"id\n1\n")
    time.sleep(3.1)
    first, watermark = storage.ids(SyncMode.APPEND)
    storage.put("item/2.csv", b"id\n2\n")
    time.sleep(3.1)
    assert (first, storage.ids(SyncMode.APPEND, watermark)[0]) == ([1], [2])


def test_the_sensor_sees_a_new_object(storage: Storage) -> None:
    storage.put("item/1.csv", b"id\n1\n")
    wanted = [ReadRequest("item", SyncMode.FULL, (), ())]
    before = storage.source.probe(storage.config, wanted)
    storage.put("item/2.csv", b"id\n2\n")
    assert storage.source.probe(storage.config, wanted) != before


@pytest.mark.usefixtures("loopback_is_public")
def test_a_storage_is_reached_by_the_address_that_was_checked(storage: Storage) -> None:
    storage.put("item/1.csv", b"id\n1\n")
    direct = storage.config
    storage.config = by_name(direct, "endpoint", "127.0.0.1", name=PLAIN_NAME)
    assert [table.name for table in storage.source.tables(storage.config)] == ["item"]
    assert storage.ids(SyncMode.FULL)[0] == [1]
    with pytest.raises(PrivateHostError, match=r"leads to `127\.0\.0\.2`"):
        storage.source.tables(by_name(direct, "endpoint", "127.0.0.2", name=PLAIN_NAME))


def test_a_bucket_that_is_not_there_is_told(storage: Storage) -> None:
    scheme = storage.config["url"].partition("://")[0]
    gone = {**storage.config, "url": f"{scheme}://no-such-bucket-here/x"}
    with pytest.raises(SourceAccessError, match="was not found"):
        storage.source.test_connection(gone)


def test_storage_that_is_down_is_worth_another_try(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwh_assets.sources.files.access.RETRIES", 0)
    with pytest.raises(SourceUnavailableError):
        storage.source.test_connection({**storage.config, "endpoint": "http://127.0.0.1:1"})


def test_a_wrong_key_of_azure_is_an_access_error(azure: AzuriteServer) -> None:
    storage = azure_storage(azure)
    with pytest.raises(SourceAccessError, match="may not be read") as caught:
        storage.source.test_connection({**storage.config, "account_key": "d3Jvbmc="})
    assert "d3Jvbmc=" not in str(caught.value)


def test_an_address_of_other_storage_is_refused(storage: Storage) -> None:
    with pytest.raises(InvalidInputError) as caught:
        storage.source.validate({**storage.config, "url": "ftp://host/x"})
    assert caught.value.attr == "url"
    with pytest.raises(InvalidInputError):
        storage.source.validate({**storage.config, "url": "/etc"})


def test_r2_is_found_by_its_account() -> None:
    keys = {"url": "r2://bucket/x", "key_id": "k", "secret": "made-up"}
    config = discover()["r2"].validate({**keys, "account_id": ACCOUNT_ID})
    assert config["endpoint"] == f"https://{ACCOUNT_ID}.r2.cloudflarestorage.com"
    with pytest.raises(InvalidInputError) as caught:
        discover()["r2"].validate({**keys, "account_id": "evil.example.com/"})
    assert caught.value.attr == "account_id"


def delta_rows(source: SourceType, config: dict[str, Any], table: str) -> list[dict[str, Any]]:
    rows = rows_of(source.read(config, ReadRequest(table, SyncMode.FULL, (), ())))
    return sorted(rows, key=lambda row: row["id"])


def test_a_delta_table_in_a_bucket_is_read_in_its_newest_version(
    s3_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "AWS_EC2_METADATA_DISABLED", "true")
    storage = s3_storage("s3", s3_port)
    options = {
        "AWS_ENDPOINT_URL": storage.config["endpoint"],
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_REGION": "us-east-1",
        "conditional_put": "etag",
    }
    place = f"{storage.config['url']}/orders"
    deltalake.write_deltalake(place, pa.table({"id": [1, 2, 3]}), storage_options=options)
    wanted = [ReadRequest("orders", SyncMode.FULL, (), ())]
    before = storage.source.probe(storage.config, wanted)
    assert before["orders"]
    deltalake.DeltaTable(place, storage_options=options).delete("id = 2")
    deltalake.write_deltalake(place, pa.table({"id": [4]}), mode="append", storage_options=options)
    assert storage.source.probe(storage.config, wanted) != before
    assert delta_rows(storage.source, storage.config, "orders") == [{"id": n} for n in (1, 3, 4)]


def test_delta_tables_lie_beside_other_files(tmp_path: Path) -> None:
    source = discover()["files"]
    rows = pa.table({"id": [1, 2], "day": ["a", "b"]})
    deltalake.write_deltalake(f"{tmp_path}/sales/orders", rows, partition_by=["day"])
    (tmp_path / "plain.csv").write_text("id\n1\n")
    config = source.validate({"url": str(tmp_path)})
    tables = {table.name: table for table in source.tables(config)}
    assert list(tables) == ["plain", "sales_orders"]
    assert tables["sales_orders"].modes == (SyncMode.FULL, SyncMode.IN_PLACE)
    assert [column.name for column in tables["sales_orders"].columns] == ["id", "day"]
    assert delta_rows(source, config, "sales_orders") == rows.to_pylist()
    single = source.validate({"url": f"{tmp_path}/sales/orders", "format": "delta"})
    assert [table.name for table in source.tables(single)] == ["orders"]
    assert delta_rows(source, single, "orders") == rows.to_pylist()
