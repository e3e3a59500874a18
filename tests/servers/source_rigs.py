"""A rig per source: the real source, its server on loopback, and what a test does to the data there."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol

import psycopg

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.errors import PwhError
from pwh_assets.sources.base import Reading, ReadRequest, SourceType
from pwh_assets.sources.chunks import ChunkedRows
from pwh_assets.sources.registry import discover

START = datetime(2024, 3, 1, 12, 0, 0)


class Rig(Protocol):
    """What the suite needs to know of a source. Row `n` is of the moment START + n minutes."""

    source: SourceType
    config: dict[str, Any]
    table: str
    cursor: str
    primary_key: tuple[str, ...]
    secret: str
    wrong_credentials: dict[str, Any] | None
    unreachable: dict[str, Any] | None

    def insert(self, *numbers: int, extra: str | None = None) -> None: ...

    def settle(self) -> None:
        """Wait until rows just inserted may be appended."""


def moment(number: int) -> datetime:
    return START + timedelta(minutes=number)


def request(rig: Rig, mode: SyncMode, since: str | None = None, **kinds: Any) -> ReadRequest:
    cursor = None if mode is SyncMode.FULL else rig.cursor
    return ReadRequest(rig.table, mode, (), rig.primary_key, cursor, since, **kinds)


def tables_of(reading: Reading) -> list[Any]:
    """The reading's Arrow tables, however they come; an error is the source's own, out of dlt's wrapping."""
    if reading.chunks is not None:
        return _chunks_of(reading.chunks)
    try:
        return list(reading.resource if reading.batches is None else reading.batches)
    except Exception as error:
        raise ours(error) from None


def _chunks_of(chunks: ChunkedRows) -> list[Any]:
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as here:
        here.execute("SET TimeZone = 'UTC'")
        try:
            files = [file for name in chunks.names for file, _ in chunks.write(name, Path(folder))]
            return [here.read_parquet(str(file)).to_arrow_table() for file in files]
        finally:
            chunks.close()


def ours(error: BaseException) -> BaseException:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, PwhError):
        seen = seen.__cause__ or seen.__context__
    return seen or error


def rows_of(reading: Reading) -> list[dict[str, Any]]:
    return [row for table in tables_of(reading) for row in table.to_pylist()]


def read(rig: Rig, mode: SyncMode, since: str | None = None) -> tuple[list[Any], str | None]:
    """Ids in order, and the watermark."""
    reading = rig.source.read(rig.config, request(rig, mode, since))
    found = [one for table in tables_of(reading) for one in table.column("id").to_pylist()]
    ids = sorted(int(str(one).removeprefix("cus_")) for one in found)
    return ids, reading.watermark()


@dataclass
class PostgresRig:
    server: PrivatePostgres
    source: SourceType = field(default_factory=lambda: discover()["postgres"])
    table: str = "item"
    cursor: str = "updated_at"
    primary_key: tuple[str, ...] = ("id",)
    text: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        self.schema = f"s{uuid.uuid4().hex[:8]}"
        self.secret = self.server.password
        self.config = self.source.validate({**self.server.config, "schema": self.schema})
        self.wrong_credentials = {**self.config, "password": "wrong-password"}
        self.unreachable = {**self.config, "port": 1}
        self.run(f"CREATE SCHEMA {self.schema}")
        self.run(
            f"CREATE TABLE {self.schema}.item (id bigint PRIMARY KEY, name {self.text}, updated_at timestamptz NOT NULL)"
        )

    def run(self, query: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        if extra:
            self.run(f"ALTER TABLE {self.schema}.item ADD COLUMN IF NOT EXISTS extra {self.text}")
        for number in numbers:
            self.run(
                f"INSERT INTO {self.schema}.item (id, name, updated_at) VALUES (%s, %s, %s)",
                number,
                f"row {number}",
                moment(number).replace(tzinfo=UTC),
            )
            if extra:
                self.run(f"UPDATE {self.schema}.item SET extra = %s WHERE id = %s", extra, number)

    def settle(self) -> None: ...


@dataclass
class StripeRig:
    server: StripeServer
    source: SourceType = field(default_factory=lambda: discover()["stripe"])
    table: str = "customer"
    cursor: str = "created"
    primary_key: tuple[str, ...] = ("id",)

    def __post_init__(self) -> None:
        self.server.data["customers"] = []
        self.secret = self.server.api_key
        self.config = self.source.validate({**self.server.config, "lookback_days": 0})
        self.wrong_credentials = {**self.config, "api_key": "sk_test_wrong_key"}
        self.unreachable = {**self.config, "base_url": "http://127.0.0.1:1"}

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        for number in numbers:
            one = {
                "id": f"cus_{number}",
                "object": "customer",
                "name": f"row {number}",
                "created": int(moment(number).replace(tzinfo=UTC).timestamp()),
            }
            self.server.data["customers"].append(one | ({"extra": extra} if extra else {}))

    def settle(self) -> None: ...


@dataclass
class FolderRig:
    folder: Path
    source: SourceType = field(default_factory=lambda: discover()["files"])
    table: str = "item"
    cursor: str = "_file_modified_at"
    primary_key: tuple[str, ...] = ()
    secret: str = ""
    wrong_credentials: dict[str, Any] | None = None
    unreachable: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        (self.folder / "item").mkdir(parents=True)
        self.config = self.source.validate({"url": str(self.folder)})

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        for number in numbers:
            file = self.folder / "item" / f"{number:04d}.csv"
            file.write_text(csv_of(number, extra))
            at = moment(number).replace(tzinfo=UTC).timestamp()
            os.utime(file, (at, at))

    def settle(self) -> None: ...


@dataclass
class BucketRig:
    port: int
    source: SourceType = field(default_factory=lambda: discover()["files"])
    table: str = "item"
    cursor: str = "_file_modified_at"
    primary_key: tuple[str, ...] = ()
    secret: str = "the-secret-of-the-bucket"
    wrong_credentials: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        import boto3

        self.bucket = f"bucket-{uuid.uuid4().hex[:8]}"
        self.client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="key",
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=self.bucket)
        self.config = self.source.validate(
            {
                "url": f"s3://{self.bucket}/exports",
                "key_id": "key",
                "secret": self.secret,
                "endpoint": f"http://127.0.0.1:{self.port}",
            }
        )
        self.unreachable = {**self.config, "endpoint": "http://127.0.0.1:1"}

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        import time

        for number in numbers:
            key = f"exports/item/{number:04d}.csv"
            self.client.put_object(Bucket=self.bucket, Key=key, Body=csv_of(number, extra).encode())
            time.sleep(1.01)  # object storage tells times by the second

    def settle(self) -> None:
        import time

        time.sleep(2.1)


def csv_of(number: int, extra: str | None) -> str:
    return (
        f"id,name,extra\n{number},row {number},{extra}\n"
        if extra
        else f"id,name\n{number},row {number}\n"
    )


@contextlib.contextmanager
def silent_peer() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    import socket
    import threading

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    held: list[socket.socket] = []

    def hold() -> None:
        with contextlib.suppress(OSError):
            while True:
                held.append(listener.accept()[0])

    threading.Thread(target=hold, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        for one in held:
            one.close()
