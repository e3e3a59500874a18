"""Rigs of the cloud warehouses: the vendor's own client against what stands in for the vendor here."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC

from pwh_assets.sources.base import SourceType
from pwh_assets.sources.registry import discover
from tests.servers.bigquery import PROJECT, BigQueryServer
from tests.servers.databricks import CATALOG, HTTP_PATH, DatabricksServer
from tests.servers.redshift import PrivateRedshift
from tests.servers.snowflake import SnowflakeServer
from tests.servers.source_rigs import PostgresRig, moment


@dataclass
class RedshiftRig(PostgresRig):
    server: PrivateRedshift  # type: ignore[assignment]
    source: SourceType = field(default_factory=lambda: discover()["redshift"])
    text = "varchar"


@dataclass
class BigQueryRig:
    server: BigQueryServer
    source: SourceType = field(default_factory=lambda: discover()["bigquery"])
    table: str = "item"
    cursor: str = "updated_at"
    primary_key: tuple[str, ...] = ("id",)
    secret: str = ""

    def __post_init__(self) -> None:
        self.dataset = f"d{uuid.uuid4().hex[:8]}"
        self.config = self.source.validate(
            {"project": PROJECT, "dataset": self.dataset, "endpoint": self.server.url}
        )
        self.wrong_credentials = {**self.config, "project": "another-project"}
        self.unreachable = {**self.config, "endpoint": "http://127.0.0.1:1"}
        self.server.database.execute(f"CREATE SCHEMA {self.dataset}")
        self.server.database.execute(
            f"CREATE TABLE {self.dataset}.item "
            "(id BIGINT PRIMARY KEY, name VARCHAR, updated_at TIMESTAMPTZ NOT NULL)"
        )

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        items = f"{self.dataset}.item"
        run = self.server.database.execute
        if extra:
            run(f"ALTER TABLE {items} ADD COLUMN IF NOT EXISTS extra VARCHAR")
        for number in numbers:
            values = [number, f"row {number}", moment(number).replace(tzinfo=UTC)]
            run(f"INSERT INTO {items} (id, name, updated_at) VALUES (?, ?, ?)", values)
            if extra:
                run(f"UPDATE {items} SET extra = ? WHERE id = ?", [extra, number])

    def settle(self) -> None: ...


@dataclass
class DatabricksRig:
    server: DatabricksServer
    source: SourceType = field(default_factory=lambda: discover()["databricks"])
    table: str = "item"
    cursor: str = "updated_at"
    primary_key: tuple[str, ...] = ("id",)

    def __post_init__(self) -> None:
        self.schema = f"s{uuid.uuid4().hex[:8]}"
        self.secret = self.server.token
        self.config = self.source.validate(
            {
                "host": self.server.url,
                "http_path": HTTP_PATH,
                "token": self.server.token,
                "catalog": CATALOG,
                "schema": self.schema,
            }
        )
        self.wrong_credentials = {**self.config, "token": "dapi-wrong"}
        self.unreachable = {**self.config, "host": "http://127.0.0.1:1"}
        self.items = f"{CATALOG}.{self.schema}.item"
        self.server.database.execute(f"CREATE SCHEMA {CATALOG}.{self.schema}")
        self.server.database.execute(
            f"CREATE TABLE {self.items} (id BIGINT PRIMARY KEY, name VARCHAR, updated_at TIMESTAMPTZ NOT NULL)"
        )

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        run = self.server.database.cursor().execute
        if extra:
            run(f"ALTER TABLE {self.items} ADD COLUMN IF NOT EXISTS extra VARCHAR")
        for number in numbers:
            values = [number, f"row {number}", moment(number).replace(tzinfo=UTC)]
            run(f"INSERT INTO {self.items} (id, name, updated_at) VALUES (?, ?, ?)", values)
            if extra:
                run(f"UPDATE {self.items} SET extra = ? WHERE id = ?", [extra, number])

    def settle(self) -> None: ...


@dataclass
class SnowflakeRig:
    server: SnowflakeServer
    source: SourceType = field(default_factory=lambda: discover()["snowflake"])
    table: str = "item"
    cursor: str = "updated_at"
    primary_key: tuple[str, ...] = ("id",)

    def __post_init__(self) -> None:
        self.schema = f"S{uuid.uuid4().hex[:8].upper()}"
        self.secret = self.server.password
        self.config = self.source.validate({**self.server.config, "schema": self.schema})
        self.wrong_credentials = {**self.config, "password": "wrong-password"}
        self.unreachable = {**self.config, "host": "http://127.0.0.1:1"}
        self.server.run(
            f"CREATE SCHEMA {self.schema}",
            f'CREATE TABLE {self.schema}."item" ("id" NUMBER(18,0) PRIMARY KEY, "name" VARCHAR, '
            '"updated_at" TIMESTAMP_NTZ NOT NULL)',
        )

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        items = f'{self.schema}."item"'
        queries = [f'ALTER TABLE {items} ADD COLUMN IF NOT EXISTS "extra" VARCHAR'] if extra else []
        for number in numbers:
            queries.append(
                f'INSERT INTO {items} ("id", "name", "updated_at") '
                f"VALUES ({number}, 'row {number}', '{moment(number)}')"
            )
            if extra:
                queries.append(f'UPDATE {items} SET "extra" = \'{extra}\' WHERE "id" = {number}')
        self.server.run(*queries)

    def settle(self) -> None: ...
