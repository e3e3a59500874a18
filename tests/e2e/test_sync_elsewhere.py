"""Syncs into a lake with its catalog on Postgres and its data in object storage."""

import threading
from datetime import timedelta

import psycopg
import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import BusyError
from pwh_assets.lake.maintenance import maintain
from tests.e2e.notebooks import SECRET, Desk

S3_SECRET = "planted-s3-secret"


@pytest.fixture(scope="module")
def places():
    import boto3
    from moto.server import ThreadedMotoServer

    bucket = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    bucket.start()
    host, port = bucket.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="key",
        aws_secret_access_key=S3_SECRET,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="lake")
    with PrivatePostgres() as server:
        yield server, f"{host}:{port}"
    bucket.stop()


@pytest.fixture
def desk(places, tmp_path):
    server, endpoint = places
    name = tmp_path.name.replace("-", "_").lower()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    made = Desk(
        tmp_path,
        PWH_LAKE_CATALOG_URL=f"{server.url.rsplit('/', 1)[0]}/{name}",
        PWH_LAKE_DATA_URL=f"s3://lake/{name}",
        PWH_S3_ENDPOINT=endpoint,
        PWH_S3_KEY_ID="key",
        PWH_S3_SECRET=S3_SECRET,
        PWH_S3_USE_SSL="0",
    )
    yield made
    made.close()


def test_every_mode_ends_where_it_does_locally(desk):
    merged = desk.table("merged", SyncMode.INCREMENTAL, ["id"], "v")
    added = desk.table("added", SyncMode.APPEND, cursor="v")
    whole = desk.table("whole")
    for table in ("merged", "added", "whole"):
        desk.write(table, [{"id": 1, "v": 1}, {"id": 2, "v": 2}])
    for table in (merged, added, whole):
        desk.sync(table)
    for table in ("merged", "added", "whole"):
        desk.write(table, [{"id": 2, "v": 3}])
    results = [desk.sync(table).row_count for table in (merged, added, whole)]
    assert results == [2, 3, 1]
    assert desk.rows(merged) == [(1, 1), (2, 3)]
    assert desk.lake.state(added.id).watermark == "3"
    assert desk.lake.verify() == []


def test_two_syncs_exclude_each_other_through_the_catalog(desk):
    orders = desk.table("orders", SyncMode.APPEND, cursor="v")
    desk.write("orders", [{"v": i} for i in range(300)], batch=100, delay_s=0.2)
    seen = []

    def run():
        try:
            seen.append(str(desk.sync(orders).row_count))
        except BusyError as error:
            seen.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["300", "busy", "busy"]
    assert len(desk.rows(orders)) == 300


def test_no_credential_lies_in_the_home(desk):
    orders = desk.table("orders")
    desk.write("orders", [{"v": 1}])
    desk.sync(orders)
    password = desk.lake.address.catalog_url.split(":")[2].split("@")[0]
    for file in desk.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for secret in (SECRET, S3_SECRET, password):
                assert secret.encode() not in content, file


def test_files_are_taken_into_object_storage_as_they_are(desk):
    whole = desk.table("whole")
    desk.write("whole", [{"id": i, "v": f"v{i}"} for i in range(1000)], arrow=True)
    desk.sync(whole)
    with desk.lake.read() as connection:
        files = connection.execute(
            "SELECT data_file FROM ducklake_list_files('lake', 'whole', schema => 'notebook')"
        ).fetchall()
    assert files and all("/load-" in file for (file,) in files)
    assert desk.rows(whole, "count(*), min(id), max(v)") == [(1000, 0, "v999")]
    desk.write("whole", [{"id": i, "v": f"w{i}"} for i in range(10)], arrow=True)
    desk.sync(whole)
    assert len(desk.rows(whole)) == 10
    maintain(desk.lake, 0, timedelta(0))
    assert len(desk.rows(whole)) == 10 and desk.lake.verify() == []
