"""MySQL's rig: the source on a private MariaDB."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import pymysql

from pwh_assets.sources.base import SourceType
from pwh_assets.sources.registry import discover
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.source_rigs import moment


@dataclass
class MySQLRig:
    server: PrivateMariaDB
    source: SourceType = field(default_factory=lambda: discover()["mysql"])
    table: str = "item"
    cursor: str = "updated_at"
    primary_key: tuple[str, ...] = ("id",)

    def __post_init__(self) -> None:
        self.schema = f"s{uuid.uuid4().hex[:8]}"
        self.secret = self.server.password
        conn = self.server.conn
        self.config = self.source.validate(
            {name: conn[name] for name in ("host", "port", "user", "password")}
            | {"database": self.schema}
        )
        self.wrong_credentials = {**self.config, "password": "wrong-password"}
        self.unreachable = {**self.config, "port": 1}
        with self.connect(database=None) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.schema}")
        self.run(
            "CREATE TABLE item (id bigint PRIMARY KEY, name varchar(200), updated_at timestamp(6) NOT NULL "
            "DEFAULT CURRENT_TIMESTAMP(6))"
        )

    def connect(self, **changes: Any) -> Any:
        return pymysql.connect(
            **{**self.server.conn, "database": self.schema, "autocommit": True, **changes}
        )

    def run(self, query: str, *values: Any) -> list[Any]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def insert(self, *numbers: int, extra: str | None = None) -> None:
        if extra:
            self.run("ALTER TABLE item ADD COLUMN IF NOT EXISTS extra text")
        for number in numbers:
            self.run(
                "INSERT INTO item (id, name, updated_at) VALUES (%s, %s, %s)",
                number,
                f"row {number}",
                moment(number),
            )
            if extra:
                self.run("UPDATE item SET extra = %s WHERE id = %s", extra, number)

    def settle(self) -> None: ...
