"""A Postgres table that changes all the time and always adds up: accounts whose balances sum to zero."""

import threading

import psycopg

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.store import NewTable
from tests.e2e.notebooks import open_home

COLUMNS = "id, balance, note, version"
WHOLE = (
    "SELECT count(*) >= {least} AND sum(balance) = 0 AND count(*) = count(DISTINCT id), count(*), "
    "sum(balance), count(DISTINCT id) FROM lake.postgres.accounts"
)


class Bank:
    """The table `accounts` in a server of its own, a home that syncs it, and a teller who keeps working."""

    def __init__(self, server, home, size, mode):
        self.server, self.size, self.generation = server, size, 0
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(
                "DROP TABLE IF EXISTS accounts; "
                "CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL, note text, "
                "version bigint NOT NULL DEFAULT 0, updated_at timestamptz NOT NULL DEFAULT now()); "
                "CREATE INDEX ON accounts (updated_at); "
                "INSERT INTO accounts (id, balance, note, updated_at) SELECT i, 0, 'account ' || i, "
                f"now() - interval '1 minute' FROM generate_series(1, {size}) i; ANALYZE accounts"
            )
        self.platform = open_home(home, ["postgres"])
        source_type = self.platform.sources["postgres"]
        config = source_type.validate({**server.config, "schema": "public", "sslmode": "disable"})
        secrets = {"password": config.pop("password")}
        new = NewTable(
            name="accounts",
            columns=(Column("id", "BIGINT"),),
            primary_key=("id",),
            cursors=("updated_at",),
            mode=mode,
            cursor="updated_at" if mode is not SyncMode.FULL else None,
        )
        self.source = self.platform.store.add_source(1, "postgres", "", "", config, secrets, [new])
        self.table = self.platform.store.tables(1)[0]
        self.lake = self.platform.lakes.of(1)
        self._stop = threading.Event()
        self._may_work = threading.Event()
        self._is_idle = threading.Event()
        self._may_work.set()
        self._teller = threading.Thread(target=self._work)
        self._teller.start()

    def _work(self):
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            while not self._stop.is_set():
                if not self._may_work.is_set():
                    self._is_idle.set()
                    self._may_work.wait(0.05)
                    continue
                self._is_idle.clear()
                self.change(connection)
                self._stop.wait(0.01)

    def change(self, connection):
        """One transaction: some transfers, some new accounts, nothing gained or lost."""
        self.generation = generation = self.generation + 1
        with connection.transaction():
            connection.execute(
                "UPDATE accounts SET balance = balance + CASE WHEN id %% 2 = 0 THEN 7 ELSE -7 END, "
                "version = version + 1, updated_at = clock_timestamp() "
                "WHERE id IN (SELECT x FROM generate_series(%s::bigint, %s::bigint) x)",
                [1 + generation * 10 % self.size, 20 + generation * 10 % self.size],
            )
            connection.execute(
                "INSERT INTO accounts (id, balance, note, updated_at) "
                "SELECT (SELECT max(id) FROM accounts) + i, 0, md5(random()::text), clock_timestamp() "
                "FROM generate_series(1, 4) i"
            )

    def pause(self):
        self._may_work.clear()
        assert self._is_idle.wait(30)

    def go_on(self):
        self._is_idle.clear()
        self._may_work.set()

    def at_source(self):
        with psycopg.connect(self.server.dsn) as connection:
            return sorted(connection.execute(f"SELECT {COLUMNS} FROM accounts").fetchall())

    def in_lake(self):
        with self.lake.read() as connection:
            return sorted(
                connection.execute(f"SELECT {COLUMNS} FROM lake.postgres.accounts").fetchall()
            )

    def close(self):
        self._stop.set()
        self._may_work.set()
        self._teller.join(30)
        self.platform.lakes.close()
        self.platform.store.close()
