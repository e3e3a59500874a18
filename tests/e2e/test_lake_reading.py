"""Reading the lake: what it holds, when it changed, and what a locked-down session refuses."""

import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass

import duckdb
import pytest

from pwh_assets.lake import Lakes
from pwh_assets.settings import Settings


@dataclass(frozen=True)
class Limits:
    memory_mb: int = 256
    threads: int | None = 1


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lakes = Lakes(Settings(home=tmp_path_factory.mktemp("home")))
    made = lakes.of(1)
    with made.write() as connection:
        connection.execute("CREATE SCHEMA lake.shop")
        connection.execute("CREATE TABLE lake.shop.orders AS SELECT range AS id FROM range(1000)")
    yield made
    lakes.close()


@pytest.fixture
def sandbox(lake):
    session = lake.sandbox(Limits())
    yield session
    session.close()


def test_a_new_lake_has_the_product_tables(lake):
    found = {(t.schema, t.name): t for t in lake.tables()}
    events = found["product", "events"]
    assert [column.name for column in events.columns][:4] == [
        "uuid",
        "event",
        "properties",
        "timestamp",
    ]
    assert {column.type for column in events.columns} == {"UUID", "VARCHAR", "JSON", "TIMESTAMP"}
    assert {name for schema, name in found if schema == "product"} == {
        "events",
        "persons",
        "person_distinct_ids",
        "groups",
        "cohort_people",
    }


def test_bookkeeping_is_not_among_the_tables(lake):
    assert "_pwh" not in {t.schema for t in lake.tables()}


def test_every_commit_changes_the_snapshot_and_no_read_does(lake):
    before = lake.snapshot_id()
    lake.tables()
    assert lake.snapshot_id() == before
    for expected in (before + 1, before + 2, before + 3):
        with lake.write() as connection:
            connection.execute("INSERT INTO lake.shop.orders VALUES (-1)")
        assert lake.snapshot_id() == expected
    with lake.write() as connection:
        connection.execute("DELETE FROM lake.shop.orders WHERE id = -1")


def test_a_commit_of_another_process_is_seen_at_once(lake):
    lake.snapshot_id()
    time.sleep(0.2)
    before = lake.snapshot_id()
    code = (
        "import sys; from pathlib import Path; from pwh_assets.lake import Lakes\n"
        "from pwh_assets.settings import Settings\n"
        "with Lakes(Settings(home=Path(sys.argv[1]))).of(1).write() as c: c.execute('CREATE TABLE lake.shop.b(x INT)')"
    )
    subprocess.run([sys.executable, "-c", code, str(lake.settings.home)], check=True, timeout=60)
    assert lake.snapshot_id() == before + 1
    assert lake.has_table("shop", "B")
    lake.drop_table("shop", "b")


def test_an_unchanged_lake_tells_its_snapshot_without_opening_a_file(lake):
    lake.snapshot_id()
    time.sleep(0.2)
    lake.snapshot_id()
    began = time.perf_counter()
    for _ in range(1000):
        lake.snapshot_id()
    assert time.perf_counter() - began < 1.0


def test_only_the_changed_table_has_a_new_mark(lake):
    before = {(t.schema, t.name): t.changed_snapshot for t in lake.tables()}
    with lake.write() as connection:
        connection.execute("UPDATE lake.shop.orders SET id = id WHERE id = 5")
    after = {(t.schema, t.name): t.changed_snapshot for t in lake.tables()}
    assert {name for name in after if after[name] != before[name]} == {("shop", "orders")}
    assert after["shop", "orders"] == lake.snapshot_id()


def test_deleted_rows_are_not_counted(lake):
    with lake.write() as connection:
        connection.execute("CREATE TABLE lake.shop.counted AS SELECT range AS id FROM range(500)")
        connection.execute("DELETE FROM lake.shop.counted WHERE id < 100")
        connection.execute("DELETE FROM lake.shop.counted WHERE id < 150")
    found = next(t for t in lake.tables() if t.name == "counted")
    assert found.row_count == 350 and found.size_bytes > 0
    lake.drop_table("shop", "counted")


def test_a_forked_child_reads_with_a_connection_of_its_own(lake):
    lake.tables()
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if lake.tables() else 1)
        except BaseException:
            os._exit(2)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    assert done and os.waitstatus_to_exitcode(status) == 0
    assert lake.tables()


def test_projects_have_lakes_of_their_own(lake):
    other = Lakes(lake.settings).of(2)
    assert not other.has_table("shop", "orders")
    session = other.sandbox(Limits())
    files = f"{lake.address.data_path}**/*.parquet"
    with pytest.raises(duckdb.PermissionException):
        session.execute(f"SELECT * FROM read_parquet('{files}')")
    session.close()


def test_a_sandbox_reads_the_lake_in_utc(sandbox):
    assert sandbox.execute("SELECT count(*) FROM lake.shop.orders").fetchone() == (1000,)
    assert sandbox.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


def test_a_sandbox_sees_what_was_published_after_it_opened(lake, sandbox):
    with lake.write() as connection:
        connection.execute("CREATE TABLE lake.shop.later AS SELECT 1 AS x")
    assert sandbox.execute("SELECT x FROM lake.shop.later").fetchone() == (1,)
    lake.drop_table("shop", "later")


PLANTED = ("secret.csv", "secret.db")
REFUSED = (
    "SELECT * FROM read_csv('{out}/secret.csv')",
    "SELECT * FROM '{out}/secret.csv'",
    "SELECT * FROM read_text('{out}/secret.csv')",
    "SELECT * FROM read_blob('{out}/secret.csv')",
    "SELECT * FROM read_json('{out}/secret.csv')",
    "SELECT * FROM read_parquet('{out}/*')",
    "SELECT * FROM glob('{out}/*')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_text('{data}../../../secret.keys')",
    "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "COPY (SELECT 1) TO '{out}/stolen.csv'",
    "COPY lake.shop.orders TO '{out}/stolen.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{out}/dump'",
    "ATTACH '{out}/new.duckdb' AS other",
    "ATTACH 'ducklake:{out}/lake.duckdb' AS other",
    "INSTALL spatial",
    "INSTALL '{out}/x.duckdb_extension'",
    "LOAD spatial",
    "LOAD '{out}/x.duckdb_extension'",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE PERSISTENT SECRET s (TYPE ducklake, METADATA_PATH 'x')",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '{out}'",
    "SET python_enable_replacements = true",
    "SET TimeZone = 'Asia/Tokyo'",
    "RESET memory_limit",
    "PRAGMA memory_limit = '100GB'",
    "SELECT * FROM python_variable",
    "INSERT INTO lake.shop.orders VALUES (1)",
    "UPDATE lake.shop.orders SET id = 0",
    "DELETE FROM lake.shop.orders",
    "DROP TABLE lake.shop.orders",
    "CREATE TABLE lake.shop.mine (x INT)",
    "CREATE SCHEMA lake.mine",
    "ALTER TABLE lake.shop.orders ADD COLUMN x INT",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)",
    "CALL lake.set_option('data_inlining_row_limit', 5)",
    "UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_id = 0",
    "SELECT getenv('HOME')",
)


@pytest.mark.parametrize("sql", REFUSED)
def test_a_sandbox_refuses(lake, sandbox, tmp_path, sql):
    python_variable = duckdb.sql("SELECT 1 AS planted").to_arrow_table()
    assert python_variable.num_rows == 1
    (tmp_path / "secret.csv").write_text("a\nplanted\n")
    sqlite3.connect(tmp_path / "secret.db").close()
    with pytest.raises(duckdb.Error):
        sandbox.execute(sql.format(out=tmp_path, data=lake.address.data_path)).fetchall()
    assert {file.name for file in tmp_path.iterdir()} == set(PLANTED)
    assert sandbox.execute("SELECT count(*) FROM lake.shop.orders").fetchone() == (1000,)


def test_a_sandbox_stops_at_its_memory(sandbox):
    with pytest.raises(duckdb.OutOfMemoryException):
        sandbox.execute("SELECT list(range) FROM range(100_000_000)").fetchall()


def test_a_sandbox_sorts_more_than_its_memory_in_its_own_temporary_folder(lake, sandbox):
    query = "SELECT max(r) FROM (SELECT md5(range::VARCHAR) || range AS r FROM range(2_000_000) ORDER BY r LIMIT 1_900_000)"
    assert sandbox.execute(query).fetchone()[0].startswith("f")
    sandbox.close()
    assert list((lake.settings.home / "tmp").glob("query-*/*")) == []


def test_the_version_of_the_schema_counts_with_tables_and_columns_and_not_with_rows(lake):
    def does(sql):
        before = lake.schema_version()
        with lake.write() as connection:
            connection.execute(sql)
        glanced = lake.glanced_schema_version()  # what is not known for sure is not guessed
        after = lake.schema_version()
        assert glanced in (None, after)
        return after - before

    assert does("CREATE TABLE lake.shop.drawn AS SELECT 1 AS a") == 1
    assert does("INSERT INTO lake.shop.drawn VALUES (2)") == 0
    assert does("UPDATE lake.shop.drawn SET a = 3 WHERE a = 2") == 0
    assert does("ALTER TABLE lake.shop.drawn ADD COLUMN b VARCHAR") == 1
    assert does("ALTER TABLE lake.shop.drawn ALTER a TYPE BIGINT") == 1
    assert does("CREATE OR REPLACE TABLE lake.shop.drawn AS SELECT 1 AS c") == 1
    assert does("DROP TABLE lake.shop.drawn") == 1
