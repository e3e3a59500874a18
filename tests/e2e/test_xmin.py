"""Syncing by the transaction that wrote a row: nothing is skipped, whatever the order of commits."""

import psycopg
import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.services.sources.connecting import create_source, update_table
from pwh_assets.services.sync.table import sync_table
from tests.e2e.notebooks import open_home


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres(settings={"max_prepared_transactions": "4"}) as running:
        yield running


class Home:
    def __init__(self, server, home, connection):
        self.platform, self.connection = open_home(home, ["postgres"]), connection
        entry = {"name": "t", "sync_type": "xmin"}
        payload = {**server.config, "schema": "public", "schemas": [entry]}
        create_source(self.platform, 1, {"source_type": "Postgres", "payload": payload})

    def sync(self, full=False):
        (table,) = self.platform.store.tables(1)
        return sync_table(self.platform, table, full=full)

    def rows(self):
        with self.platform.lakes.of(1).read() as lake:
            return lake.execute("SELECT id, v FROM lake.postgres.t ORDER BY id").fetchall()

    def at_source(self):
        return self.connection.execute("SELECT id, v FROM t ORDER BY id").fetchall()


@pytest.fixture
def home(server, tmp_path):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE t (id int PRIMARY KEY, v text);"
            "INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 100) g"
        )
        made = Home(server, tmp_path / "home", connection)
        yield made
        made.platform.store.close()
        made.platform.lakes.close()


def test_inserts_and_updates_arrive_without_a_column_to_go_by(home):
    (table,) = home.platform.store.tables(1)
    assert (table.mode, table.cursor) == (SyncMode.XMIN, None)
    assert home.sync().rows_synced == 100
    home.connection.execute("UPDATE t SET v = 'new' WHERE id <= 3")
    home.connection.execute("INSERT INTO t VALUES (200, 'n')")
    assert home.sync().rows_synced == 4
    assert home.rows() == home.at_source()
    assert home.sync().rows_synced == 0


def test_a_transaction_that_commits_late_is_not_skipped(home, server):
    home.sync()
    with psycopg.connect(server.dsn) as slow:
        slow.execute("INSERT INTO t VALUES (300, 'slow')")
        slow.execute("SAVEPOINT s")
        slow.execute("INSERT INTO t VALUES (301, 'in a savepoint')")
        home.connection.execute("INSERT INTO t VALUES (302, 'quick')")
        home.sync()
        home.connection.execute("INSERT INTO t VALUES (303, 'quick')")
        home.sync()
        slow.commit()
    home.sync()
    assert home.rows() == home.at_source()


def test_a_prepared_transaction_counts_as_one_in_flight(home):
    home.sync()
    home.connection.execute("BEGIN")
    home.connection.execute("INSERT INTO t VALUES (400, 'prepared')")
    home.connection.execute("PREPARE TRANSACTION 'p'")
    home.connection.execute("INSERT INTO t VALUES (401, 'later')")
    home.sync()
    home.connection.execute("COMMIT PREPARED 'p'")
    home.sync()
    assert home.rows() == home.at_source()


def test_frozen_rows_are_not_read_again(home):
    home.sync()
    home.connection.execute("VACUUM FREEZE t")
    assert home.sync().rows_synced == 0


def test_deleted_rows_stay_until_the_table_is_read_whole(home):
    home.sync()
    home.connection.execute("DELETE FROM t WHERE id = 1")
    home.sync()
    assert len(home.rows()) == 100
    home.sync(full=True)
    assert home.rows() == home.at_source()


def test_numbers_that_went_back_are_another_server_and_everything_is_read(home):
    home.sync()
    (table,) = home.platform.store.tables(1)
    lake = home.platform.lakes.of(1)
    with lake.write() as connection:
        connection.execute(
            "UPDATE lake._pwh.sync_state SET watermark = '99999999999' "
            f"WHERE table_id = '{table.id}'"
        )
    home.connection.execute("UPDATE t SET v = 'other server'")
    home.sync()
    assert home.rows() == home.at_source()
    assert int(home.platform.store.tables(1)[0].watermark) < 99999999999


def test_another_mode_begins_anew(home):
    home.sync()
    (table,) = home.platform.store.tables(1)
    update_table(home.platform, 1, table.id, {"sync_type": "full"})
    assert home.sync().is_full
    update_table(home.platform, 1, table.id, {"sync_type": "xmin"})
    assert home.sync().is_full and not home.sync().is_full
