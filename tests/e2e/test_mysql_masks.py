"""Masks of MySQL's tables: the same rows whether a table is read at once or in ranges, and nothing in clear on disk."""

import pyarrow.parquet as pq
import pymysql
import pytest

from pwh_assets.errors import SourceError
from pwh_assets.services.sources.connecting import create_source, update_table
from pwh_assets.services.sync.table import sync_table
from pwh_assets.sources.mysql import ranges
from tests.e2e.notebooks import open_home
from tests.servers.mariadb import PrivateMariaDB

PEOPLE = (
    "DROP TABLE IF EXISTS people",
    "CREATE TABLE people (id bigint unsigned PRIMARY KEY, email varchar(80), paid decimal(12,2), born date, "
    "seen timestamp(6) NULL, took time, about json, plan varchar(20), secret text, updated_at datetime NOT NULL)",
    "INSERT INTO people SELECT seq, IF(seq % 9, CONCAT('ß', seq % 700, '@example.com'), NULL), seq * 1.5, "
    "'1990-01-01' + INTERVAL seq DAY, '2024-03-01 12:00' + INTERVAL seq * 1001 MICROSECOND, SEC_TO_TIME(seq), "
    "JSON_OBJECT('n', seq), ELT(1 + seq % 3, 'free', 'pro', 'enterprise'), CONCAT('planted', seq), '2024-03-01' + INTERVAL seq MINUTE "
    "FROM seq_1_to_4000",
    "ANALYZE TABLE people",
)
MASKS = {
    "email": "hash",
    "paid": "hash",
    "born": "hash",
    "seen": "hash",
    "took": "hash",
    "about": "null",
    "plan": "truncate",
    "secret": "drop",
}


@pytest.fixture(scope="module")
def server():
    with PrivateMariaDB() as running:
        yield running


def run(server, *statements):
    with pymysql.connect(**server.conn, autocommit=True) as connection:
        for statement in statements:
            connection.query(statement)


@pytest.fixture
def home(server, tmp_path):
    run(server, *PEOPLE)
    platform = open_home(tmp_path / "home", ["mysql"])
    schemas = [{"name": "people", "sync_type": "incremental", "incremental_field": "updated_at"}]
    body = {"source_type": "mysql", "payload": {**server.conn, "schemas": schemas}}
    create_source(platform, 1, body)
    yield platform
    platform.lakes.close()
    platform.store.close()


def table_of(platform):
    return next(table for table in platform.store.tables(1) if table.name == "people")


def rows_in(platform):
    with platform.lakes.of(1).read() as connection:
        return connection.execute("SELECT * FROM lake.mysql.people ORDER BY ALL").fetchall()


def columns_in(platform):
    with platform.lakes.of(1).read() as connection:
        return [row[0] for row in connection.execute("DESCRIBE lake.mysql.people").fetchall()]


def on_disk(folder, text):
    def shown(file):
        if file.suffix != ".parquet":
            return file.read_bytes()
        return str(pq.read_table(file).to_pylist()).encode()

    return [file for file in folder.rglob("*") if file.is_file() and text in shown(file)]


@pytest.fixture
def written(monkeypatch):
    """Names of the ranges that were written; `stop_after` of them the run dies."""

    class Written(list):
        stop_after = None

    seen, plain = Written(), ranges.KeyRanges.write

    def write(self, name, folder):
        if seen.stop_after is not None and len(seen) >= seen.stop_after:
            raise MemoryError("as if it died here")
        seen.append(name)
        return plain(self, name, folder)

    monkeypatch.setattr(ranges.KeyRanges, "write", write)
    return seen


def test_masks_hold_in_ranges_and_a_hash_is_that_of_one_reading(home, written, monkeypatch):
    update_table(home, 1, table_of(home).id, {"masks": MASKS})
    assert sync_table(home, table_of(home)).row_count == 4000
    assert written == []
    at_once = rows_in(home)
    monkeypatch.setattr(ranges, "CHUNK_ROWS", 500)
    sync_table(home, table_of(home), full=True)
    assert len(set(written)) > 4
    assert rows_in(home) == at_once
    first = dict(zip(columns_in(home), at_once[0], strict=True))
    assert all(len(first[name]) == 64 for name in ("email", "paid", "born", "seen", "took"))
    assert (first["about"], first["plan"]) == (None, "***")
    assert "secret" not in first
    for clear in (b"@example.com", b"planted7", b"enterprise"):
        assert on_disk(home.settings.home, clear) == []


def test_a_masked_key_divides_nothing(home, written, monkeypatch):
    """The plan of ranges tells of the key's values, and is written down."""
    monkeypatch.setattr(ranges, "CHUNK_ROWS", 500)
    update_table(home, 1, table_of(home).id, {"masks": {"id": "hash"}})
    assert sync_table(home, table_of(home)).row_count == 4000
    assert written == []


def test_ranges_of_a_dead_run_are_not_gone_on_with_when_the_table_was_changed(
    server, home, written, monkeypatch
):
    monkeypatch.setattr(ranges, "CHUNK_ROWS", 500)
    update_table(home, 1, table_of(home).id, {"masks": {"email": "hash"}})
    written.stop_after = 3
    with pytest.raises(SourceError):
        sync_table(home, table_of(home))
    assert on_disk(home.settings.home, b"@example.com") == []
    added = "ALTER TABLE people ADD COLUMN tag varchar(9) NOT NULL DEFAULT 'as ever'"
    run(server, added, "ANALYZE TABLE people")
    written.stop_after = None
    written.clear()
    assert sync_table(home, table_of(home)).row_count == 4000
    assert len(written) > 4
    assert {row[-1] for row in rows_in(home)} == {"as ever"}
