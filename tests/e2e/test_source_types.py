"""PostgreSQL to the lake and back: every value, infinity too, and columns that come, widen and go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pwh_assets.core.job import ReconciliationStatus
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.platform import open_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    environment = {"PWH_HOME": str(tmp_path), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    platform = open_platform(Settings.from_env(environment))
    yield platform
    platform.lakes.close()
    platform.store.close()


@pytest.fixture
def run(server: PrivatePostgres) -> Iterator[Any]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
        yield lambda query: connection.execute(query.encode())


def connect(platform: Platform, server: PrivatePostgres, table: str, mode: str) -> None:
    schema = {"name": table, "should_sync": True, "sync_type": mode}
    payload = {**server.config, "schemas": [schema]}
    create_source(platform, 1, {"source_type": "postgres", "payload": payload})


def rows(platform: Platform, sql: str) -> list[Any]:
    with platform.lakes.of(1).read() as connection:
        return connection.execute(sql).fetchall()


def types(platform: Platform) -> dict[str, str]:
    table = next(t for t in platform.lakes.of(1).tables() if t.schema == "postgres")
    return {column.name: column.type for column in table.columns}


def test_values_come_out_of_the_lake_as_they_went_in(
    platform: Platform, server: PrivatePostgres, run: Any
) -> None:
    run(
        "CREATE TABLE t (id bigint PRIMARY KEY, n numeric(38,10), w numeric, ts timestamp, tz timestamptz, d date, "
        'tm time, j jsonb, a int[], b bytea, u uuid, f float8, "Odd "" name" text, iv interval)'
    )
    run(
        "INSERT INTO t VALUES (1, 1234567890123456789012345678.0123456789, 12345.678901234, "
        "'2024-02-29 01:02:03.123456', '2024-02-29 01:02:03.123456+05', '0044-03-15', '23:59:59.999999', "
        "'{\"a\": [1, null]}', '{1,null,3}', '\\x0001ff', '1b4e28ba-2fa1-11d2-883f-0016d3cca427', 0.1, "
        "'ä🦆', '1 mon 2 days')"
    )
    run(
        "INSERT INTO t (id, ts, tz, d, f) VALUES (2, 'infinity', '-infinity', 'infinity', 'NaN'), (3, NULL, NULL, NULL, NULL)"
    )
    connect(platform, server, "t", "full")
    result = sync_table(platform, platform.store.tables(1)[0])
    assert result.row_count == 3
    found = types(platform)
    assert found == {
        "id": "BIGINT",
        "n": "DECIMAL(38,10)",
        "w": "DECIMAL(38,9)",
        "ts": "TIMESTAMP",
        "tz": "TIMESTAMP WITH TIME ZONE",
        "d": "DATE",
        "tm": "TIME",
        "j": "JSON",
        "a": "INTEGER[]",
        "b": "BLOB",
        "u": "UUID",
        "f": "DOUBLE",
        'Odd " name': "VARCHAR",
        "iv": "VARCHAR",
    }
    texts = ", ".join('"' + name.replace('"', '""') + '"::VARCHAR' for name in found)
    assert rows(platform, f"SELECT {texts} FROM lake.postgres.t WHERE id = 1")[0] == (
        "1",
        "1234567890123456789012345678.0123456789",
        "12345.678901234",
        "2024-02-29 01:02:03.123456",
        "2024-02-28 20:02:03.123456+00",
        "0044-03-15",
        "23:59:59.999999",
        '{"a": [1, null]}',
        "[1, NULL, 3]",
        "\\x00\\x01\\xFF",
        "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        "0.1",
        "ä🦆",
        "1 mon 2 days",
    )
    assert rows(
        platform,
        "SELECT ts::VARCHAR, tz::VARCHAR, d::VARCHAR, f::VARCHAR FROM lake.postgres.t WHERE id = 2",
    ) == [("infinity", "-infinity", "infinity", "nan")]
    assert rows(
        platform, "SELECT count(*) FROM lake.postgres.t WHERE ts > '2024-01-01' OR d > '2024-01-01'"
    ) == [(2,)]
    assert platform.lakes.of(1).verify() == []


def test_columns_come_widen_and_go_without_a_full_sync(
    platform: Platform, server: PrivatePostgres, run: Any
) -> None:
    run(
        "CREATE TABLE t (id int PRIMARY KEY, n int, gone text, wide numeric, updated_at timestamptz)"
    )
    run(
        "INSERT INTO t SELECT i, i, 'x', i, now() - interval '1 day' + i * interval '1 second' FROM generate_series(1, 100) i"
    )
    connect(platform, server, "t", "incremental")
    sync_table(platform, platform.store.tables(1)[0])
    run("ALTER TABLE t ALTER n TYPE bigint, ADD COLUMN fresh jsonb, DROP COLUMN gone")
    run(
        "INSERT INTO t (id, n, wide, updated_at, fresh) VALUES (101, 9223372036854775807, 1e-20, now(), '{\"a\": 1}')"
    )
    result = sync_table(platform, platform.store.tables(1)[0])
    assert result.rows_synced <= 2
    assert result.row_count == 101
    assert result.columns_added == ("fresh",)
    assert result.columns_missing == ("gone",)
    found = types(platform)
    assert (found["n"], found["fresh"], found["wide"], found["gone"]) == (
        "BIGINT",
        "JSON",
        "VARCHAR",
        "VARCHAR",
    )
    assert rows(platform, "SELECT n, gone, wide FROM lake.postgres.t WHERE id = 101") == [
        (9223372036854775807, None, "0.00000000000000000001")
    ]
    assert rows(platform, "SELECT count(*) FROM lake.postgres.t WHERE gone = 'x' AND n = id") == [
        (99,)  # row 100 is the boundary: it was read again, without the column
    ]


def test_keys_and_cursors_that_outgrew_their_type_still_tell_rows_and_their_order(
    platform: Platform, server: PrivatePostgres, run: Any
) -> None:
    run("CREATE TABLE t (id numeric PRIMARY KEY, version numeric)")
    run("INSERT INTO t VALUES (1, 9.5), (2.50, 10.25)")
    schema = {"name": "t", "sync_type": "incremental", "incremental_field": "version"}
    payload = {**server.config, "schemas": [schema]}
    create_source(platform, 1, {"source_type": "postgres", "payload": payload})
    sync_table(platform, platform.store.tables(1)[0])
    run(
        "INSERT INTO t VALUES (1e40, 20 + 1e-30), (3, 1e30); UPDATE t SET version = 100 WHERE id = 2.5"
    )
    result = sync_table(platform, platform.store.tables(1)[0])
    assert sorted(rows(platform, "SELECT id, version FROM lake.postgres.t")) == sorted(
        run("SELECT id::text, version::text FROM t").fetchall()
    )
    assert result.reconciliation is not None
    assert result.reconciliation.status is ReconciliationStatus.MATCHED


def test_columns_that_differ_by_case_alone_keep_their_values_apart(
    platform: Platform, server: PrivatePostgres, run: Any
) -> None:
    run('CREATE TABLE t ("ID" int, "id" text PRIMARY KEY, "Id" text, "id (2)" text)')
    run("INSERT INTO t VALUES (1, 'lower', 'mixed', 'plain')")
    connect(platform, server, "t", "full")
    result = sync_table(platform, platform.store.tables(1)[0])
    assert list(types(platform)) == ["ID", "id_1", "Id_2", "id (2)"]
    assert rows(platform, "FROM lake.postgres.t") == [(1, "lower", "mixed", "plain")]
    assert result.reconciliation is not None
    assert result.reconciliation.status is ReconciliationStatus.MATCHED


def test_deletes_are_told_by_keys_of_any_name_and_value(
    platform: Platform, server: PrivatePostgres, run: Any
) -> None:
    run('CREATE TABLE t ("ID" int, "id" numeric(5,1), n int, version int, PRIMARY KEY ("id", n))')
    run("INSERT INTO t VALUES (1, 'NaN', 1, 1), (1, 2, 1, 1), (1, 3, 1, 1)")
    schema = {
        "name": "t",
        "sync_type": "incremental",
        "incremental_field": "version",
        "detect_deletes": True,
    }
    payload = {**server.config, "schemas": [schema]}
    create_source(platform, 1, {"source_type": "postgres", "payload": payload})
    sync_table(platform, platform.store.tables(1)[0])
    run('DELETE FROM t WHERE "id" = 2; INSERT INTO t VALUES (1, 4, 1, 2)')
    assert sync_table(platform, platform.store.tables(1)[0]).rows_deleted == 1
    found = rows(platform, "SELECT id_1::VARCHAR FROM lake.postgres.t ORDER BY 1 NULLS FIRST")
    assert found == [(None,), ("3.0",), ("4.0",)]
