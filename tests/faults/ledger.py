"""A table that changes all the time and always adds up, in PostgreSQL or MariaDB, and the home that syncs it."""

import contextlib
import threading
from typing import Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.lake.attach import ALIAS
from pwh_assets.store import NewTable
from tests.e2e.notebooks import open_home

TEAM = 4
"""Rows of a team. Their balances sum to zero, and they come and go together."""
COLUMNS = "id, team, balance, note, version"
TEAMS = 3_000
WHOLE = (
    "SELECT count(*) >= {least} AND sum(balance) = 0 AND count(*) = count(DISTINCT id) "
    "AND count(*) = 4 * count(DISTINCT team), count(*), sum(balance), count(DISTINCT id), "
    "count(DISTINCT team) FROM lake.{source}.accounts"
)
"""True of every state the source ever had, and of no part of one."""


class Server:
    """What differs between the two: a `PrivatePostgres` or a `PrivateMariaDB`."""

    def __init__(self, private: Any) -> None:
        self.private = private
        self.kind = "postgres" if hasattr(private, "dsn") else "mysql"
        self.clock = "clock_timestamp()" if self.kind == "postgres" else "SYSDATE(6)"

    def connect(self) -> Any:
        if self.kind == "postgres":
            import psycopg

            return psycopg.connect(self.private.dsn, autocommit=True)
        import pymysql

        return pymysql.connect(**self.private.conn, autocommit=True)

    @property
    def config(self) -> dict[str, Any]:
        if self.kind == "postgres":
            return {**self.private.config, "schema": "public", "sslmode": "disable"}
        return {**self.private.conn, "sslmode": "disable"}

    def restart(self) -> None:
        self.private.stop(keep=True)
        self.private.start()

    def make(self, cursor: Any) -> None:
        time = "timestamptz" if self.kind == "postgres" else "timestamp(6)"
        analyze = "ANALYZE" if self.kind == "postgres" else "ANALYZE TABLE"
        for statement in (
            "DROP TABLE IF EXISTS accounts",
            "CREATE TABLE accounts (id bigint PRIMARY KEY, team bigint NOT NULL, balance bigint NOT NULL, "
            f"note varchar(100), version bigint NOT NULL, updated_at {time} NOT NULL)",
            "CREATE INDEX by_time ON accounts (updated_at)",
            "CREATE INDEX by_team ON accounts (team)",
        ):
            cursor.execute(statement)
        for first in range(0, TEAMS, 500):
            # Long ago: the first sync of a moment later would not append what is of the last second.
            insert(cursor, range(first, first + 500), "CURRENT_TIMESTAMP(6) - INTERVAL '1' HOUR")
        self.analyze = f"{analyze} accounts"
        cursor.execute(self.analyze)

    def forget_streams(self) -> None:
        """Drop what change capture made here."""
        if self.kind == "mysql":
            return
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL"
            )
            for (slot,) in connection.execute("SELECT slot_name FROM pg_replication_slots"):
                connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
            for (name,) in connection.execute("SELECT pubname FROM pg_publication").fetchall():
                connection.execute(f'DROP PUBLICATION "{name}"')


def insert(cursor: Any, teams: range, clock: str) -> None:
    """These teams, in one statement."""
    rows = [
        f"({TEAM * team + i}, {team}, 0, 'account {team} {i} {'.' * 60}', 0, {clock})"
        for team in teams
        for i in range(TEAM)
    ]
    cursor.execute(f"INSERT INTO accounts VALUES {', '.join(rows)}")


class Ledger:
    """The table `accounts`, a home that syncs it through `port`, and a teller who keeps working.

    The teller only adds teams where the mode is `append`, also changes them with `incremental`, and removes
    some with `full` and `cdc`.
    """

    def __init__(self, server: Server, home: Any, mode: SyncMode, port: int) -> None:
        self.server, self.mode = server, mode
        self.next, self.oldest, self.turn = TEAMS, 0, 0
        with server.connect() as connection, connection.cursor() as cursor:
            server.make(cursor)
        self.platform = open_home(home, [server.kind])
        source_type = self.platform.sources[server.kind]
        config = source_type.validate({**server.config, "port": port})
        secrets = {"password": config.pop("password")}
        goes_by_time = mode in (SyncMode.INCREMENTAL, SyncMode.APPEND)
        new = NewTable(
            name="accounts",
            columns=(Column("id", "BIGINT"),),
            primary_key=("id",),
            cursors=("updated_at",),
            mode=mode,
            cursor="updated_at" if goes_by_time else None,
        )
        self.source = self.platform.store.add_source(1, server.kind, "", "", config, secrets, [new])
        self.table = self.platform.store.tables(1)[0]
        self.lake = self.platform.lakes.of(1)
        self._stop, self._may_work, self._is_idle = (threading.Event() for _ in range(3))
        self._may_work.set()
        self._teller = threading.Thread(target=self._work, daemon=True)
        self._teller.start()

    @property
    def whole(self) -> str:
        return WHOLE.format(least=TEAM * TEAMS // 2, source=self.server.kind)

    def _work(self) -> None:
        """Work until the end, over new connections when the server was down."""
        while not self._stop.is_set():
            with contextlib.suppress(Exception), self.server.connect() as connection:
                while not self._stop.is_set():
                    if not self._may_work.is_set():
                        self._is_idle.set()
                        self._may_work.wait(0.05)
                        continue
                    self._is_idle.clear()
                    self.change(connection)
                    self._stop.wait(0.03)
            self._stop.wait(0.1)

    def change(self, connection: Any, size: int = 4) -> None:
        """One transaction: some teams come, some change, some go; nothing is gained or lost."""
        self.turn += 1
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            insert(cursor, range(self.next, self.next + size), "CURRENT_TIMESTAMP(6)")
            if self.mode is not SyncMode.APPEND:
                first = TEAMS // 2 + self.turn * size % (TEAMS // 2)
                cursor.execute(
                    "UPDATE accounts SET balance = balance + CASE WHEN MOD(id, 2) = 0 THEN 7 ELSE -7 END, "
                    f"version = version + 1, updated_at = {self.server.clock} "
                    f"WHERE team BETWEEN {first} AND {first + size - 1}"
                )
            if self.mode in (SyncMode.FULL, SyncMode.CDC) and self.oldest < TEAMS // 4:
                cursor.execute(f"DELETE FROM accounts WHERE team = {self.oldest}")
            cursor.execute("COMMIT")
        self.next += size
        self.oldest += 1

    def churn(self) -> None:
        """Changes enough that reading them takes several chunks or batches."""
        self.pause()
        with self.server.connect() as connection:
            for _ in range(20):
                self.change(connection, 100)
            with connection.cursor() as cursor:
                cursor.execute(self.server.analyze)
        self.go_on()

    def pause(self) -> None:
        self._is_idle.clear()
        self._may_work.clear()
        assert self._is_idle.wait(60), "the teller hangs"

    def go_on(self) -> None:
        self._is_idle.clear()
        self._may_work.set()

    def execute(self, *statements: str) -> None:
        with self.server.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def at_source(self, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM accounts")
            return sorted(cursor.fetchall())

    def in_lake(self, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
        with self.lake.read() as connection:
            query = f"SELECT {columns} FROM {ALIAS}.{self.server.kind}.accounts"
            return sorted(connection.execute(query).fetchall())

    def close(self) -> None:
        self._stop.set()
        self._may_work.set()
        self._teller.join(30)
        self.platform.lakes.close()
        self.platform.store.close()
        self.server.forget_streams()
