"""PostgreSQL beyond the common suite: every type there and back, cursors that lose nothing, rights, odd names."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.postgres import bounds, counting
from tests.servers.source_rigs import PostgresRig, read, request, rows_of, tables_of


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres(settings={"max_prepared_transactions": "4"}) as server:
        yield server


@pytest.fixture
def rig(server: PrivatePostgres) -> PostgresRig:
    return PostgresRig(server)


@pytest.fixture
def reader(rig: PostgresRig) -> dict[str, Any]:
    """The config of a user who may read the tables and nothing else."""
    rig.run("DROP OWNED BY reader") if rig.run(
        "SELECT 1 FROM pg_roles WHERE rolname = 'reader'"
    ) else rig.run("CREATE ROLE reader LOGIN PASSWORD 'reads-only'")
    rig.run(f"GRANT USAGE ON SCHEMA {rig.schema} TO reader")
    rig.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA {rig.schema} TO reader")
    return {**rig.config, "user": "reader", "password": "reads-only"}


TYPES: dict[str, tuple[str, str, list[Any]]] = {
    "smallint": ("SMALLINT", "-32768", [-32768]),
    "integer": ("INTEGER", "2147483647", [2147483647]),
    "bigint": ("BIGINT", "9223372036854775807", [9223372036854775807]),
    "numeric(12,2)": ("DECIMAL(12,2)", "1234567890.12", [Decimal("1234567890.12")]),
    "numeric(38,10)": ("DECIMAL(38,10)", "1e-10", [Decimal("1E-10")]),
    "numeric(5,-2)": ("DECIMAL(7,0)", "1234500", [Decimal("1234500")]),
    "numeric(3,5)": ("DECIMAL(5,5)", "0.00123", [Decimal("0.00123")]),
    "numeric": ("DECIMAL(38,9)", "12345.678901234", [Decimal("12345.678901234")]),
    "real": ("FLOAT", "1.5", [1.5]),
    "double precision": ("DOUBLE", "1e308", [1e308]),
    "boolean": ("BOOLEAN", "true", [True]),
    "text": ("VARCHAR", "'ä\\n🦆'", ["ä\\n🦆"]),
    "varchar(5)": ("VARCHAR", "'ab'", ["ab"]),
    "char(5)": ("VARCHAR", "'ab'", ["ab"]),
    "name": ("VARCHAR", "'ab'", ["ab"]),
    "uuid": (
        "UUID",
        "'1b4e28ba-2fa1-11d2-883f-0016d3cca427'",
        ["1b4e28ba-2fa1-11d2-883f-0016d3cca427"],
    ),
    "bytea": ("BLOB", "'\\x0001ff'", [b"\x00\x01\xff"]),
    "date": ("DATE", "'0044-03-15'", [date(44, 3, 15)]),
    "time": ("TIME", "'23:59:59.999999'", [datetime(1, 1, 1, 23, 59, 59, 999999).time()]),
    "timetz": ("VARCHAR", "'10:11:12+02'", ["10:11:12+02"]),
    "timestamp": (
        "TIMESTAMP",
        "'2024-02-29 01:02:03.123456'",
        [datetime(2024, 2, 29, 1, 2, 3, 123456)],
    ),
    "timestamptz": (
        "TIMESTAMP WITH TIME ZONE",
        "'2024-02-29 01:02:03.123456+05:30'",
        [datetime(2024, 2, 28, 19, 32, 3, 123456, tzinfo=UTC)],
    ),
    "interval": ("VARCHAR", "'1 mon 2 days 03:00:00'", ["1 mon 2 days 03:00:00"]),
    "json": ("JSON", '\'{"b": 1, "b": 2}\'', ['{"b": 1, "b": 2}']),
    "jsonb": ("JSON", "'{\"a\": [1, null]}'", ['{"a": [1, null]}']),
    "integer[]": ("INTEGER[]", "'{1,null,3}'", [[1, None, 3]]),
    "text[]": ("VARCHAR[]", '\'{"a,b",null,""}\'', [["a,b", None, ""]]),
    "numeric(12,2)[]": ("DECIMAL(12,2)[]", "'{1.50,NaN}'", [[Decimal("1.50"), None]]),
    "numeric[]": ("VARCHAR[]", "'{1.50,NaN}'", [["1.50", "NaN"]]),
    "timestamptz[]": (
        "TIMESTAMP WITH TIME ZONE[]",
        "'{2024-01-01}'",
        [[datetime(2024, 1, 1, tzinfo=UTC)]],
    ),
    "integer[][]": ("JSON", "'{{1,2},{3,4}}'", ["[[1, 2], [3, 4]]"]),
    "inet": ("VARCHAR", "'10.0.0.1/24'", ["10.0.0.1/24"]),
    "cidr": ("VARCHAR", "'10.0.0.0/24'", ["10.0.0.0/24"]),
    "money": ("DECIMAL(38,9)", "12.5", [Decimal("12.500000000")]),
    "bit(4)": ("VARCHAR", "B'1010'", ["1010"]),
    "int4range": ("VARCHAR", "'[1,5)'", ["[1,5)"]),
    "point": ("VARCHAR", "'(1,2)'", ["(1,2)"]),
    "oid": ("BIGINT", "4294967295", [4294967295]),
    "mood": ("VARCHAR", "'so so'", ["so so"]),
    "mood[]": ("VARCHAR[]", "'{\"so so\",good}'", [["so so", "good"]]),
    "positive": ("INTEGER", "5", [5]),
    "price": ("DECIMAL(10,2)", "9.99", [Decimal("9.99")]),
    "pair": ("VARCHAR", "ROW(1,'x')", ["(1,x)"]),
}
"""PostgreSQL type: lake type, a value in SQL, and what arrives."""


def with_types(rig: PostgresRig) -> None:
    rig.run(f"CREATE TYPE {rig.schema}.mood AS ENUM ('good', 'so so')")
    rig.run(f"CREATE TYPE {rig.schema}.pair AS (a int, b text)")
    rig.run(f"CREATE DOMAIN {rig.schema}.positive AS integer CHECK (value > 0)")
    rig.run(f"CREATE DOMAIN {rig.schema}.price AS numeric(10,2)")


def test_every_type_arrives_exactly_and_null_stays_null(rig: PostgresRig) -> None:
    with_types(rig)
    kinds = [
        f"{rig.schema}.{kind}"
        if kind.split("[")[0] in ("mood", "pair", "positive", "price")
        else kind
        for kind in TYPES
    ]
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(kinds))
    rig.run(f"CREATE TABLE {rig.schema}.every (id int PRIMARY KEY, {columns})")
    values = ", ".join(f"{value}" for _, value, _ in TYPES.values()).replace("\\\\", "\\")
    rig.run(f"INSERT INTO {rig.schema}.every VALUES (1, {values})")
    rig.run(f"INSERT INTO {rig.schema}.every (id) VALUES (2)")
    reading = rig.source.read(rig.config, ReadRequest("every", SyncMode.FULL, (), ("id",)))
    rows = sorted(rows_of(reading), key=lambda row: row["id"])
    types = {column.name: column.type for column in reading.columns}
    for i, (kind, (lake, _, expected)) in enumerate(TYPES.items()):
        assert types[f"c{i}"] == lake, kind
        assert rows[0][f"c{i}"] == expected[0], kind
        assert rows[1][f"c{i}"] is None, kind


def test_discovery_and_reading_declare_the_same_types(rig: PostgresRig) -> None:
    rig.run(
        f"CREATE TABLE {rig.schema}.both (id int PRIMARY KEY, n numeric, j jsonb, t text[], m money)"
    )
    table = next(t for t in rig.source.tables(rig.config) if t.name == "both")
    reading = rig.source.read(rig.config, ReadRequest("both", SyncMode.FULL, (), ("id",)))
    assert table.columns == reading.columns


def test_infinity_and_nan_keep_their_meaning(rig: PostgresRig) -> None:
    import duckdb

    rig.run(
        f"CREATE TABLE {rig.schema}.edges (ts timestamp, tz timestamptz, d date, f float8, n numeric(10,2), w numeric)"
    )
    rig.run(
        f"INSERT INTO {rig.schema}.edges VALUES ('infinity', '-infinity', 'infinity', 'NaN', 'NaN', 'NaN')"
    )
    reading = rig.source.read(rig.config, ReadRequest("edges", SyncMode.FULL, (), ()))
    tables = tables_of(reading)
    with duckdb.connect() as connection:
        connection.register("edges", tables[0])
        row = connection.execute(
            "SELECT ts::text, tz::text, d::text, f::text, n, w FROM edges"
        ).fetchone()
    assert row == ("infinity", "-infinity", "infinity", "nan", None, "NaN")


@pytest.mark.parametrize(
    "value", ["1e-10", "1e30", "'Infinity'", "123456789012345678901234567890.5"]
)
def test_a_number_without_limits_becomes_text_rather_than_lose_a_digit(
    rig: PostgresRig, value: str
) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.wide (id int PRIMARY KEY, n numeric)")
    rig.run(f"INSERT INTO {rig.schema}.wide VALUES (1, {value}), (2, 1.5)")
    reading = rig.source.read(rig.config, ReadRequest("wide", SyncMode.FULL, (), ("id",)))
    assert {column.name: column.type for column in reading.columns}["n"] == "VARCHAR"
    exact = rig.run(f"SELECT n::text FROM {rig.schema}.wide WHERE id = 1")[0][0]
    assert {row["n"] for row in rows_of(reading)} == {exact, "1.5"}


def test_a_number_that_was_text_stays_text(rig: PostgresRig) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.wide (id int PRIMARY KEY, n numeric)")
    rig.run(f"INSERT INTO {rig.schema}.wide VALUES (1, 1.50)")
    known = (Column("n", "VARCHAR"),)
    reading = rig.source.read(rig.config, ReadRequest("wide", SyncMode.FULL, known, ("id",)))
    assert [row["n"] for row in rows_of(reading)] == ["1.50"]


def test_a_number_that_outgrows_its_column_while_we_read_is_not_rounded(rig: PostgresRig) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.wide (id int PRIMARY KEY, n numeric)")
    rig.run(f"INSERT INTO {rig.schema}.wide VALUES (1, 1.5)")
    reading = rig.source.read(rig.config, ReadRequest("wide", SyncMode.FULL, (), ("id",)))
    rig.run(f"INSERT INTO {rig.schema}.wide VALUES (2, 1e-15)")
    with pytest.raises(SourceError, match="outgrew its column"):
        rows_of(reading)


@pytest.mark.parametrize(
    "name",
    [
        'we"ird',
        "with space",
        "UPPER",
        "select",
        "ünï",
        "a'b",
        "{0}",
        "per%cent",
        "c0",
        "$1",
        "a\\b",
    ],
)
def test_any_name_of_table_column_and_schema_is_read(rig: PostgresRig, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    rig.run(f"CREATE SCHEMA IF NOT EXISTS {quoted}".replace("%", "%"))
    try:
        rig.run(f"CREATE TABLE {quoted}.{quoted} ({quoted} int PRIMARY KEY, n numeric)")
        rig.run(f"INSERT INTO {quoted}.{quoted} VALUES (7, 1)")
        config = {**rig.config, "schema": name}
        table = rig.source.tables(config)[0]
        assert (table.name, table.primary_key, table.cursors) == (name, (name,), (name,))
        wanted = ReadRequest(name, SyncMode.INCREMENTAL, table.columns, (name,), name, "3")
        reading = rig.source.read(config, wanted)
        assert [row[name] for row in rows_of(reading)] == [7]
        assert reading.watermark() == "7"
        assert rig.source.probe(config, [wanted])[name]
    finally:
        rig.run(f"DROP SCHEMA {quoted} CASCADE")


def test_discovery_knows_keys_cursors_comments_and_relations(rig: PostgresRig) -> None:
    s = rig.schema
    rig.run(f"CREATE TABLE {s}.org (id serial PRIMARY KEY, created_at timestamptz)")
    rig.run(
        f"CREATE TABLE {s}.person (number bigint GENERATED ALWAYS AS IDENTITY, email text NOT NULL UNIQUE, "
        f"org_id int REFERENCES {s}.org, quantity int, born date, last_login timestamp, "
        "created_at timestamptz NOT NULL, updated_at timestamptz)"
    )
    rig.run(
        f"COMMENT ON TABLE {s}.person IS 'People'; COMMENT ON COLUMN {s}.person.email IS 'Where to write'"
    )
    rig.run(f"CREATE VIEW {s}.people AS SELECT email, updated_at FROM {s}.person")
    rig.run(f"CREATE TABLE {s}.log (id bigint, at timestamptz) PARTITION BY RANGE (id)")
    rig.run(f"CREATE TABLE {s}.log_1 PARTITION OF {s}.log FOR VALUES FROM (0) TO (100)")
    found = {table.name: table for table in rig.source.tables(rig.config)}
    assert set(found) == {"item", "org", "person", "people", "log"}
    person = found["person"]
    assert person.primary_key == ("email",)
    assert person.cursors == ("updated_at", "created_at", "number", "last_login", "born")
    assert person.description == "People"
    assert person.columns[1].description == "Where to write"
    assert (person.foreign_keys[0].columns, person.foreign_keys[0].table) == (("org_id",), "org")
    assert found["org"].primary_key == ("id",)
    assert found["people"].primary_key == ()
    assert found["log"].cursors == ("at",)


def test_partitions_are_read_through_their_parent(rig: PostgresRig) -> None:
    s = rig.schema
    rig.run(f"CREATE TABLE {s}.log (id bigint PRIMARY KEY) PARTITION BY RANGE (id)")
    for i in range(3):
        rig.run(
            f"CREATE TABLE {s}.log_{i} PARTITION OF {s}.log FOR VALUES FROM ({i * 10}) TO ({i * 10 + 10})"
        )
    rig.run(f"INSERT INTO {s}.log SELECT generate_series(0, 29)")
    wanted = ReadRequest("log", SyncMode.APPEND, (), ("id",), "id")
    reading = rig.source.read(rig.config, wanted)
    assert len(rows_of(reading)) == 30
    assert reading.watermark() == "29"


def test_arrays_nobody_declared_dimensions_of_are_read_as_their_values_are(
    rig: PostgresRig,
) -> None:
    rig.run(f"CREATE DOMAIN {rig.schema}.grid AS int[][]")
    rig.run(f"CREATE TABLE {rig.schema}.t (a int[][], b int[], g {rig.schema}.grid)")
    rig.run(f"INSERT INTO {rig.schema}.t VALUES ('{{{{1,2}}}}', '{{3}}', '{{{{4}}}}')")
    rig.run(f"CREATE VIEW {rig.schema}.v AS SELECT * FROM {rig.schema}.t")
    reading = rig.source.read(rig.config, ReadRequest("v", SyncMode.FULL, (), ()))
    assert [column.type for column in reading.columns] == ["JSON", "INTEGER[]", "JSON"]
    assert rows_of(reading) == [{"a": "[[1, 2]]", "b": [3], "g": "[[4]]"}]
    rig.run(f"UPDATE {rig.schema}.t SET a = '{{5}}'")
    again = rig.source.read(rig.config, ReadRequest("v", SyncMode.FULL, reading.columns, ()))
    assert rows_of(again)[0]["a"] == "[5]"


def test_keys_that_inherited_rows_repeat_are_not_called_unique(rig: PostgresRig) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.child () INHERITS ({rig.schema}.item)")
    for table in ("item", "child"):
        rig.run(f"INSERT INTO {rig.schema}.{table} VALUES (1, 'a', now())")
    chunks = rig.source.read(rig.config, request(rig, SyncMode.INCREMENTAL)).chunks
    assert chunks is not None
    chunks.close()
    assert not chunks.rows_are_unique


def test_an_array_of_more_dimensions_than_declared_is_told_apart_from_an_outage(
    rig: PostgresRig,
) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.t (a int[])")
    rig.run(f"INSERT INTO {rig.schema}.t VALUES ('{{1}}'), ('{{{{1,2}}}}')")
    with pytest.raises(SourceError, match="more dimensions") as caught:
        rows_of(rig.source.read(rig.config, ReadRequest("t", SyncMode.FULL, (), ())))
    assert not caught.value.retryable


@pytest.mark.parametrize("encoding", ["LATIN1", "UTF8"])
def test_text_of_any_encoding_arrives_as_it_is(rig: PostgresRig, encoding: str) -> None:
    name = f"db_{rig.schema}"
    rig.run(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
    with psycopg.connect(rig.server.dsn, dbname=name, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (x text)")
        connection.execute("INSERT INTO t VALUES ('äöü')")
    config = {**rig.config, "database": name, "schema": "public"}
    reading = rig.source.read(config, ReadRequest("t", SyncMode.FULL, (), ()))
    assert rows_of(reading) == [{"x": "äöü"}]


# Rights


def test_a_table_without_permission_is_named_with_the_way_out(
    rig: PostgresRig, reader: dict[str, Any]
) -> None:
    rig.insert(1)
    rig.run(f"REVOKE SELECT ON {rig.schema}.item FROM reader")
    with pytest.raises(SourceAccessError, match=r"permission denied for table item.*GRANT SELECT"):
        rig.source.read(reader, request(rig, SyncMode.FULL))
    with pytest.raises(SourceAccessError, match="none of the 1 tables"):
        rig.source.tables(reader)


def test_columns_without_permission_are_left_out(rig: PostgresRig, reader: dict[str, Any]) -> None:
    rig.insert(1)
    rig.run(f"REVOKE SELECT ON {rig.schema}.item FROM reader")
    rig.run(f"GRANT SELECT (id, updated_at) ON {rig.schema}.item TO reader")
    reading = rig.source.read(reader, request(rig, SyncMode.INCREMENTAL))
    assert [set(row) for row in rows_of(reading)] == [{"id", "updated_at"}]


def test_a_schema_that_does_not_exist_is_named_with_those_that_do(rig: PostgresRig) -> None:
    with pytest.raises(InvalidInputError, match=r"has no schema `nowhere`.*public"):
        rig.source.tables({**rig.config, "schema": "nowhere"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"database": "nowhere"}, "nowhere"),
        ({"user": "ghost"}, "ghost"),
        ({"sslmode": "verify-full"}, "SSL"),
    ],
)
def test_what_the_server_refuses_is_an_access_error(
    rig: PostgresRig, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceAccessError, match=words) as caught:
        rig.source.test_connection({**rig.config, **change})
    assert rig.secret not in str(caught.value)


def test_a_connection_cut_while_reading_is_an_error_and_no_watermark(rig: PostgresRig) -> None:
    rig.run(
        f"INSERT INTO {rig.schema}.item SELECT i, repeat('x', 500), '2024-01-01' FROM generate_series(1, 300000) i"
    )
    wanted = request(rig, SyncMode.INCREMENTAL, batch_rows=2_000, may_chunk=False)
    reading = rig.source.read(rig.config, wanted)

    def cut(batch: Any) -> Any:
        rig.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pwh'"
        )
        return batch

    with pytest.raises(SourceUnavailableError, match="did not answer as it should") as caught:
        list(map(cut, reading.batches))
    assert reading.watermark() is None
    assert rig.secret not in str(caught.value)


def test_a_locked_table_is_reported_instead_of_waited_for(
    rig: PostgresRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pwh_assets.sources.postgres import connection

    monkeypatch.setitem(connection._SESSION, "lock_timeout", "300ms")
    rig.insert(1)
    with psycopg.connect(rig.server.dsn) as other:
        other.execute(f"LOCK TABLE {rig.schema}.item IN ACCESS EXCLUSIVE MODE".encode())
        with pytest.raises(SourceError, match="lock timeout"):
            read(rig, SyncMode.INCREMENTAL)


# Cursors that lose nothing


@pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
@pytest.mark.parametrize("is_blind", [False, True], ids=["sees everything", "reads only"])
def test_a_row_committed_late_with_an_early_time_is_not_lost(
    rig: PostgresRig,
    reader: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    is_blind: bool,
) -> None:
    monkeypatch.setattr(bounds, "PATIENCE_S", 0.2)
    rig.run(f"CREATE TABLE {rig.schema}.t (id int PRIMARY KEY, updated_at {kind} DEFAULT now())")
    rig.run(f"GRANT SELECT ON {rig.schema}.t TO reader")
    rig.run(
        f"INSERT INTO {rig.schema}.t SELECT i, now() - interval '1 day' FROM generate_series(1, 10) i"
    )
    config = reader if is_blind else rig.config
    with psycopg.connect(rig.server.dsn) as slow:
        slow.execute("SELECT 1")  # the transaction has begun, and has not written yet
        time.sleep(0.3)
        rig.run(f"INSERT INTO {rig.schema}.t VALUES (11)")
        first = rig.source.read(
            config, ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at")
        )
        assert len(rows_of(first)) == 11
        slow.execute(f"INSERT INTO {rig.schema}.t VALUES (12)".encode())
    second = rig.source.read(
        config,
        ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at", first.watermark()),
    )
    assert 12 in {row["id"] for row in rows_of(second)}


def test_a_number_overtaken_by_a_higher_one_is_not_lost(
    rig: PostgresRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "PATIENCE_S", 0.2)
    rig.run(f"CREATE TABLE {rig.schema}.t (id serial PRIMARY KEY)")
    wanted = ReadRequest("t", SyncMode.APPEND, (), ("id",), "id")
    rig.run(f"INSERT INTO {rig.schema}.t DEFAULT VALUES")
    with psycopg.connect(rig.server.dsn) as slow:
        slow.execute(f"INSERT INTO {rig.schema}.t DEFAULT VALUES".encode())
        rig.run(f"INSERT INTO {rig.schema}.t DEFAULT VALUES")
        first = rig.source.read(rig.config, wanted)
        assert rows_of(first) == []  # 3 is there, but 2 could still come
        assert first.watermark() is None
    second = rig.source.read(rig.config, wanted)
    assert [row["id"] for row in rows_of(second)] == [1, 2, 3]
    assert second.watermark() == "3"


def test_writers_of_another_table_hold_nothing_up(rig: PostgresRig) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.other (id int)")
    rig.run(f"CREATE TABLE {rig.schema}.t (id serial PRIMARY KEY)")
    rig.run(f"INSERT INTO {rig.schema}.t DEFAULT VALUES")
    with psycopg.connect(rig.server.dsn) as slow:
        slow.execute(f"INSERT INTO {rig.schema}.other VALUES (1)".encode())
        reading = rig.source.read(rig.config, ReadRequest("t", SyncMode.APPEND, (), ("id",), "id"))
        assert [row["id"] for row in rows_of(reading)] == [1]


def test_a_prepared_transaction_keeps_the_watermark_back(rig: PostgresRig) -> None:
    rig.run(
        f"CREATE TABLE {rig.schema}.t (id int PRIMARY KEY, updated_at timestamptz DEFAULT now())"
    )
    with psycopg.connect(rig.server.dsn, autocommit=True) as slow:
        slow.execute("BEGIN")
        slow.execute(f"INSERT INTO {rig.schema}.t VALUES (1)".encode())
        slow.execute("PREPARE TRANSACTION 'one'")
    try:
        time.sleep(0.3)
        rig.run(f"INSERT INTO {rig.schema}.t VALUES (2)")
        wanted = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at")
        first = rig.source.read(rig.config, wanted)
        assert [row["id"] for row in rows_of(first)] == [2]
    finally:
        rig.run("COMMIT PREPARED 'one'")
    later = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at", first.watermark())
    assert 1 in {row["id"] for row in rows_of(rig.source.read(rig.config, later))}


def test_a_row_of_the_future_does_not_move_the_watermark_there(rig: PostgresRig) -> None:
    rig.insert(1)
    rig.run(f"INSERT INTO {rig.schema}.item VALUES (2, 'x', '2999-01-01'), (3, 'x', 'infinity')")
    ids, watermark = read(rig, SyncMode.INCREMENTAL)
    assert ids == [1, 2, 3]
    assert watermark is not None
    assert watermark.startswith("2024-03-01")
    assert read(rig, SyncMode.APPEND)[0] == [1]


def test_rows_without_a_cursor_value_are_merged_every_time_and_appended_once(
    rig: PostgresRig,
) -> None:
    rig.run(f"ALTER TABLE {rig.schema}.item ALTER updated_at DROP NOT NULL")
    rig.insert(1)
    rig.run(f"INSERT INTO {rig.schema}.item VALUES (2, 'x', NULL)")
    for mode, again in ((SyncMode.INCREMENTAL, [1, 2]), (SyncMode.APPEND, [])):
        ids, watermark = read(rig, mode)
        assert ids == [1, 2]
        assert read(rig, mode, watermark)[0] == again


def test_the_watermark_never_goes_back(rig: PostgresRig) -> None:
    rig.insert(1, 2)
    _, watermark = read(rig, SyncMode.INCREMENTAL)
    rig.run(f"DELETE FROM {rig.schema}.item WHERE id = 2")
    assert read(rig, SyncMode.INCREMENTAL, watermark)[1] == watermark


def test_a_day_is_appended_when_it_is_over(rig: PostgresRig) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.t (id int PRIMARY KEY, day date)")
    today = datetime.now(UTC).date()
    for id_, back in ((1, 3), (2, 0)):
        rig.run(f"INSERT INTO {rig.schema}.t VALUES (%s, %s)", id_, today - timedelta(days=back))
    reading = rig.source.read(rig.config, ReadRequest("t", SyncMode.APPEND, (), ("id",), "day"))
    assert [row["id"] for row in rows_of(reading)] == [1]
    merged = rig.source.read(rig.config, ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "day"))
    assert len(rows_of(merged)) == 2
    assert merged.watermark() == str(today)


@pytest.mark.parametrize(
    ("kind", "cursor"),
    [("timestamptz", "stamped"), ("timestamp", "stamped"), ("timestamptz", "id")],
    ids=["instant", "clock", "number"],
)
@pytest.mark.parametrize("is_blind", [False, True], ids=["sees everything", "reads only"])
def test_appending_under_concurrent_writers_gives_every_row_once(
    rig: PostgresRig, reader: dict[str, Any], kind: str, cursor: str, is_blind: bool
) -> None:
    rig.run(
        f"CREATE TABLE {rig.schema}.t (id bigserial PRIMARY KEY, writer int, stamped {kind} DEFAULT now())"
    )
    rig.run(f"CREATE INDEX ON {rig.schema}.t (stamped)")
    rig.run(f"GRANT SELECT ON {rig.schema}.t TO reader")
    stop = threading.Event()

    def write(seed: int) -> None:
        draw = Random(seed)
        with psycopg.connect(rig.server.dsn) as connection:
            while not stop.is_set():
                for _ in range(draw.randrange(1, 4)):
                    connection.execute(
                        f"INSERT INTO {rig.schema}.t (writer) VALUES ({seed})".encode()
                    )
                    time.sleep(draw.random() * 0.02)
                connection.commit() if draw.random() < 0.9 else connection.rollback()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(6)]
    for writer in writers:
        writer.start()
    seen: Counter[int] = Counter()
    watermark: str | None = None

    def append() -> None:
        nonlocal watermark
        wanted = ReadRequest("t", SyncMode.APPEND, (), ("id",), cursor, watermark)
        reading = rig.source.read(reader if is_blind else rig.config, wanted)
        seen.update(row["id"] for row in rows_of(reading))
        watermark = reading.watermark()

    try:
        for _ in range(12):
            append()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    time.sleep(0.5)
    append()
    there = {row[0] for row in rig.run(f"SELECT id FROM {rig.schema}.t")}
    assert len(there) > 50
    assert set(seen) == there
    assert set(seen.values()) == {1}


def test_a_checksum_of_texts_is_that_of_their_utf8_whatever_the_server_stores(
    rig: PostgresRig, server: PrivatePostgres
) -> None:
    rig.run("DROP DATABASE IF EXISTS latin")
    rig.run(
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    dsn = server.dsn.replace(f"dbname={server.database}", "dbname=latin")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (k text PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES ('äöü')")
    config = {**rig.config, "database": "latin", "schema": "public"}
    tally = counting.reconcile(config, ReadRequest("t", SyncMode.FULL, (), ("k",)), None)
    assert tally is not None
    assert tally.checksum == int(hashlib.md5("äöü".encode()).hexdigest()[:15], 16)


@pytest.mark.parametrize("kind", ["float8", "bytea", "numeric", "numeric(5,5)"])
def test_keys_the_lake_spells_otherwise_are_not_compared_one_by_one(
    rig: PostgresRig, kind: str
) -> None:
    rig.run(f"CREATE TABLE {rig.schema}.t (k {kind} PRIMARY KEY, version int)")
    wanted = ReadRequest("t", SyncMode.INCREMENTAL, (), ("k",), "version", "1")
    tally = counting.reconcile(rig.config, wanted, "1")
    assert tally is not None
    assert tally.moved_keys == ()
    rig.run(f"INSERT INTO {rig.schema}.t VALUES ('0.5', 2)")
    tally = counting.reconcile(rig.config, wanted, "1")
    assert tally is not None
    assert tally.moved_keys is None
