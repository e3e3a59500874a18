"""The lake elsewhere: data in object storage, catalog on Postgres, and both."""

import socket
import time
from datetime import datetime

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.lake import Lakes, Publish, SyncState
from pwh_assets.lake.errors import LakeError, LakeStorageError
from pwh_assets.settings import ObjectStorage, Settings
from tests.e2e.test_lake_reading import Limits

SECRET = "planted-s3-secret"


@pytest.fixture(scope="module")
def bucket():
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    storage = ObjectStorage(f"{host}:{port}", "key", SECRET, "us-east-1", use_ssl=False)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="lake")
    yield storage, client
    server.stop()


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as running:
        yield running


@pytest.fixture(params=["s3", "postgres", "s3+postgres"])
def lakes(request, tmp_path):
    options = {}
    if "s3" in request.param:
        storage, _ = request.getfixturevalue("bucket")
        options |= {"lake_data_url": f"s3://lake/{tmp_path.name}", "object_storage": storage}
    if "postgres" in request.param:
        running = request.getfixturevalue("server")
        name = "l" + tmp_path.name.replace("-", "_").lower()
        with psycopg.connect(running.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        options["lake_catalog_url"] = running.url.rsplit("/", 1)[0] + f"/{name}"
    made = Lakes(Settings(home=tmp_path, **options))
    yield made
    made.close()


def publish(lake, path, mode, load, **columns):
    file = path / f"{load}.parquet"
    pq.write_table(pa.table(columns), file)
    state = SyncState("t", load, load, 0, datetime(2026, 1, 1), "id")
    return lake.publish(Publish("shop", "orders", mode, [file], (), ["id"], state))


def test_a_lake_elsewhere_does_all_a_local_one_does(lakes, tmp_path):
    lake = lakes.of(1)
    publish(lake, tmp_path, SyncMode.INCREMENTAL, "l1", id=[1, 2, 3], v=["a", "b", "c"])
    first = lake.snapshot_id()
    publish(lake, tmp_path, SyncMode.INCREMENTAL, "l2", id=[3, 4], v=[1.5, 2.5])
    assert lake.snapshot_id() > first
    assert lake.state("t").load_id == "l2" and lake.state("t").row_count == 4
    table = next(t for t in lake.tables() if t.schema == "shop")
    assert table.row_count == 4 and [c.type for c in table.columns] == ["BIGINT", "VARCHAR"]
    session = lake.sandbox(Limits())
    rows = session.execute("SELECT * FROM lake.shop.orders ORDER BY id").fetchall()
    assert rows == [(1, "a"), (2, "b"), (3, "1.5"), (4, "2.5")]
    session.close()
    assert lake.verify() == []
    done = lake.maintain(0)
    assert done.snapshots_expired > 0
    assert lake.verify() == []
    with lake.read() as connection:
        assert connection.execute("SELECT count(*) FROM lake.shop.orders").fetchone() == (4,)


def test_a_session_shows_no_credential_and_reaches_no_other_prefix(lakes, tmp_path):
    lake = lakes.of(1)
    publish(lake, tmp_path, SyncMode.FULL, "l1", id=[1])
    other = lakes.of(2)
    publish(other, tmp_path, SyncMode.FULL, "l1", id=[2])
    session = lake.sandbox(Limits())
    shown = str(session.execute("SELECT * FROM duckdb_secrets()").fetchall())
    shown += str(session.execute("SELECT * FROM duckdb_databases()").fetchall())
    shown += str(session.execute("SELECT * FROM duckdb_settings()").fetchall())
    for secret in lake.address.secrets:
        assert secret not in shown
    with pytest.raises(duckdb.Error):
        session.execute(
            f"SELECT * FROM read_parquet('{other.address.data_path}**/*.parquet')"
        ).fetchall()
    assert session.execute("SELECT id FROM lake.shop.orders").fetchall() == [(1,)]
    session.close()


def test_rows_really_lie_in_the_bucket(bucket, tmp_path):
    storage, client = bucket
    lakes = Lakes(Settings(home=tmp_path, lake_data_url="s3://lake/mine", object_storage=storage))
    publish(lakes.of(3), tmp_path, SyncMode.FULL, "l1", id=[1])
    keys = [
        entry["Key"] for entry in client.list_objects_v2(Bucket="lake", Prefix="mine/")["Contents"]
    ]
    assert any(key.startswith("mine/3/shop/orders/") for key in keys)
    assert not list((tmp_path / "lake").rglob("*.parquet"))
    lakes.close()


def test_a_lost_object_is_found(bucket, tmp_path):
    storage, client = bucket
    lakes = Lakes(Settings(home=tmp_path, lake_data_url="s3://lake/lost", object_storage=storage))
    lake = lakes.of(1)
    publish(lake, tmp_path, SyncMode.FULL, "l1", id=[1])
    found = client.list_objects_v2(Bucket="lake", Prefix="lost/1/shop/")["Contents"]
    client.delete_object(Bucket="lake", Key=found[0]["Key"])
    assert any("`shop.orders` lost its file" in problem for problem in lake.verify())
    lakes.close()


def test_wrong_credentials_for_the_bucket_are_said_without_showing_them(tmp_path):
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    storage = ObjectStorage(f"127.0.0.1:{port}", "key", SECRET, use_ssl=False)
    lakes = Lakes(Settings(home=tmp_path, lake_data_url="s3://lake/x", object_storage=storage))
    began = time.monotonic()
    with pytest.raises(LakeStorageError) as caught:
        publish(lakes.of(1), tmp_path, SyncMode.FULL, "l1", id=[1])
    assert SECRET not in str(caught.value) and time.monotonic() - began < 60
    lakes.close()


def test_a_catalog_that_is_down_is_said_without_its_password(tmp_path):
    settings = Settings(home=tmp_path, lake_catalog_url="postgresql://u:planted-pw@127.0.0.1:1/x")
    with pytest.raises(LakeError) as caught:
        Lakes(settings).of(1)
    assert "planted-pw" not in str(caught.value)
    assert "PWH_LAKE_CATALOG_URL" in str(caught.value)
