"""MySQL beyond the common suite: every type there and back, cursors that lose nothing, rights, odd names, ranges."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from pwh_assets.core.options import RowFilter
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import MIXED_KEY, ReadRequest
from pwh_assets.sources.chunks import Unfinished
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.mysql import bounds, connection, counting, ranges, wire
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.source_rigs import read, request, rows_of


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariaDB]:
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture
def rig(server: PrivateMariaDB) -> MySQLRig:
    return MySQLRig(server)


@pytest.fixture
def reader(rig: MySQLRig) -> dict[str, Any]:
    """The config of a user who may read the tables and nothing else."""
    rig.run("CREATE USER IF NOT EXISTS reader@'127.0.0.1' IDENTIFIED BY 'reads-only'")
    rig.run("REVOKE ALL PRIVILEGES, GRANT OPTION FROM reader@'127.0.0.1'")
    rig.run(f"GRANT SELECT ON {rig.schema}.* TO reader@'127.0.0.1'")
    return {**rig.config, "user": "reader", "password": "reads-only"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PATIENCE_S", 0.4)


TYPES: dict[str, tuple[str, str, Any]] = {
    "tinyint": ("TINYINT", "-128", -128),
    "tinyint(1)": ("TINYINT", "2", 2),
    "tinyint unsigned": ("UTINYINT", "255", 255),
    "smallint": ("SMALLINT", "-32768", -32768),
    "smallint unsigned": ("USMALLINT", "65535", 65535),
    "mediumint": ("INTEGER", "-8388608", -8388608),
    "mediumint unsigned": ("UINTEGER", "16777215", 16777215),
    "int": ("INTEGER", "-2147483648", -2147483648),
    "int unsigned": ("UINTEGER", "4294967295", 4294967295),
    "int(8) zerofill": ("UINTEGER", "42", 42),
    "bigint": ("BIGINT", "-9223372036854775808", -9223372036854775808),
    "bigint unsigned": ("UBIGINT", "18446744073709551615", 18446744073709551615),
    "decimal(12,2)": ("DECIMAL(12,2)", "-1234567890.12", Decimal("-1234567890.12")),
    "decimal(38,10)": ("DECIMAL(38,10)", "1e-10", Decimal("1E-10")),
    "decimal(65,30)": ("DECIMAL(38,18)", "12.5", Decimal("12.500000000000000000")),
    "float": ("FLOAT", "16777217", 16777216.0),
    "double": ("DOUBLE", "1.7976931348623157e308", 1.7976931348623157e308),
    "bit(1)": ("BOOLEAN", "b'1'", True),
    "bit(10)": ("UBIGINT", "b'1010101010'", 682),
    "bit(64)": ("UBIGINT", "18446744073709551615", 18446744073709551615),
    "year": ("SMALLINT", "1901", 1901),
    "date": ("DATE", "'9999-12-31'", date(9999, 12, 31)),
    "datetime": ("TIMESTAMP", "'1000-01-01 00:00:00'", datetime(1000, 1, 1)),
    "datetime(6)": (
        "TIMESTAMP",
        "'2024-02-29 01:02:03.123456'",
        datetime(2024, 2, 29, 1, 2, 3, 123456),
    ),
    "timestamp null": (
        "TIMESTAMP WITH TIME ZONE",
        "'2038-01-19 03:14:07'",
        datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),
    ),
    "timestamp(3) null": (
        "TIMESTAMP WITH TIME ZONE",
        "'2024-02-29 23:59:59.999'",
        datetime(2024, 2, 29, 23, 59, 59, 999000, tzinfo=UTC),
    ),
    "time": ("TIME", "'23:59:59'", clock(23, 59, 59)),
    "time(6)": ("TIME", "'00:00:00.000001'", clock(0, 0, 0, 1)),
    "char(5)": ("VARCHAR", "'ab'", "ab"),
    "varchar(50)": ("VARCHAR", "'ä\\\\n🦆'", "ä\\n🦆"),
    "varchar(50) character set latin1": ("VARCHAR", "'äöü€'", "äöü€"),
    "varchar(50) character set utf16": ("VARCHAR", "'🦆'", "🦆"),
    "longtext": ("VARCHAR", "repeat('é', 70000)", "é" * 70000),
    "text": ("VARCHAR", "''", ""),
    "json": ("JSON", '\'{"b": 1, "b": [null]}\'', '{"b": 1, "b": [null]}'),
    "enum('so so','good')": ("VARCHAR", "'so so'", "so so"),
    "set('a','b','c')": ("VARCHAR", "'c,a'", "a,c"),
    "binary(4)": ("BLOB", "x'00ff'", b"\x00\xff\x00\x00"),
    "varbinary(10)": ("BLOB", "x'00ff'", b"\x00\xff"),
    "mediumblob": ("BLOB", "repeat(x'ff', 300)", b"\xff" * 300),
    "point": ("VARCHAR", "ST_GeomFromText('POINT(0.1 -2)')", "POINT(0.1 -2)"),
    "uuid": (
        "UUID",
        "'1b4e28ba-2fa1-11d2-883f-0016d3cca427'",
        "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    ),
    "inet6": ("VARCHAR", "'::1'", "::1"),
}
"""MySQL type: lake type, a value in SQL, and what arrives."""


def read_all(rig: MySQLRig, table: str, **more: Any) -> list[dict[str, Any]]:
    wanted = ReadRequest(table, SyncMode.FULL, more.pop("columns", ()), ("id",), **more)
    return sorted(rows_of(rig.source.read(rig.config, wanted)), key=lambda row: row.get("id", 0))


def lake_types(rig: MySQLRig, table: str) -> dict[str, str]:
    reading = rig.source.read(rig.config, ReadRequest(table, SyncMode.FULL, (), ("id",)))
    rows_of(reading)
    return {column.name: column.type for column in reading.columns}


def test_every_type_arrives_exactly_and_null_stays_null(rig: MySQLRig) -> None:
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(TYPES))
    rig.run(f"CREATE TABLE every (id int PRIMARY KEY, {columns})")
    rig.run(f"INSERT INTO every VALUES (1, {', '.join(value for _, value, _ in TYPES.values())})")
    rig.run("INSERT INTO every (id) VALUES (2)")
    types, rows = lake_types(rig, "every"), read_all(rig, "every")
    found = next(table for table in rig.source.tables(rig.config) if table.name == "every")
    for i, (kind, (lake, _, expected)) in enumerate(TYPES.items()):
        assert types[f"c{i}"] == lake, kind
        assert rows[0][f"c{i}"] == expected, kind
        assert rows[1][f"c{i}"] is None, kind
    assert {column.name: column.type for column in found.columns} == types


def test_dates_no_calendar_has_become_null(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE zero (id int PRIMARY KEY, d date, dt datetime(6), ts timestamp)")
    with rig.connect(init_command="SET sql_mode = 'ALLOW_INVALID_DATES'") as open_:
        open_.cursor().execute(
            "INSERT INTO zero VALUES (1, 0, 0, 0), (2, '2024-00-00', '2024-02-31 10:00:00', '2024-02-01'), "
            "(3, '2024-02-29', '0001-01-01', '1970-01-01 00:00:01')"
        )
    rows = read_all(rig, "zero")
    assert [rows[0][name] for name in ("d", "dt", "ts")] == [None, None, None]
    assert [rows[1]["d"], rows[1]["dt"]] == [None, None]
    assert rows[2]["d"] == date(2024, 2, 29)
    assert rows[2]["dt"] == datetime(1, 1, 1)
    assert rows[2]["ts"] == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", ["-00:00:01", "24:00:00", "-838:59:59.000000", "838:59:59"])
def test_times_longer_than_a_day_make_their_column_text(rig: MySQLRig, value: str) -> None:
    rig.run("CREATE TABLE span (id int PRIMARY KEY, t time(6))")
    rig.run("INSERT INTO span VALUES (1, %s), (2, '10:00:00')", value)
    assert lake_types(rig, "span")["t"] == "VARCHAR"
    exact = value if "." in value else f"{value}.000000"
    assert [row["t"] for row in read_all(rig, "span")] == [exact, "10:00:00.000000"]


def test_a_decimal_that_does_not_fit_makes_its_column_text_and_it_stays_so(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE wide (id int PRIMARY KEY, n decimal(65,30))")
    rig.run("INSERT INTO wide VALUES (1, '0.000000000000000000000000000001'), (2, 1.5)")
    assert lake_types(rig, "wide")["n"] == "VARCHAR"
    assert read_all(rig, "wide")[0]["n"] == "0.000000000000000000000000000001"
    rig.run("DELETE FROM wide WHERE id = 1")
    assert lake_types(rig, "wide")["n"] == "DECIMAL(38,18)"
    rows = read_all(rig, "wide", columns=(Column("n", "VARCHAR"),))
    assert rows[0]["n"] == "1.500000000000000000000000000000"


@pytest.mark.parametrize(("kind", "value"), [("decimal(65,30)", "1e-30"), ("time", "'-01:00:00'")])
def test_a_value_that_outgrows_its_column_while_we_read_is_not_bent(
    rig: MySQLRig, kind: str, value: str
) -> None:
    rig.run(f"CREATE TABLE t (id int PRIMARY KEY, n {kind})")
    reading = rig.source.read(rig.config, ReadRequest("t", SyncMode.FULL, (), ("id",)))
    rig.run(f"INSERT INTO t VALUES (1, {value})")
    with pytest.raises(UnreadableDataError, match=r"outgrew|no DECIMAL"):
        rows_of(reading)


def test_rows_of_any_length_arrive_whole(rig: MySQLRig) -> None:
    rig.run("SET GLOBAL max_allowed_packet = 67108864")
    rig.run("CREATE TABLE big (id int PRIMARY KEY, a longblob, b longtext)")
    sizes = [0, 250, 251, 65535, 65536, 16_777_205, 16_777_215, 16_777_216, 20_000_000, 33_554_430]
    for number, size in enumerate(sizes):
        rig.run(f"INSERT INTO big VALUES ({number}, repeat(x'fe', {size}), 'after')")
    rows = read_all(rig, "big")
    assert [len(row["a"]) for row in rows] == sizes
    assert all(row["a"] == b"\xfe" * len(row["a"]) and row["b"] == "after" for row in rows)


def test_many_small_batches_are_the_same_rows(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE many (id int PRIMARY KEY, a varchar(300), n int)")
    rig.run(
        "INSERT INTO many SELECT seq, repeat('x', seq % 300), IF(seq % 7, seq, NULL) FROM seq_1_to_5000"
    )
    with connection.connected(rig.config) as open_:
        query = wire.Query(open_, "SELECT id, a, n FROM many")
        from pwh_assets.sources.mysql.decoding import decoded

        columns = [("id", "INTEGER"), ("a", "VARCHAR"), ("n", "INTEGER")]
        tables = [decoded(rows, query.fields, columns, "x") for rows in query.rows(1_000)]
        after = connection.fetched(open_, "SELECT 1")
    assert len(tables) > 1
    rows = [row for table in tables for row in table.to_pylist()]
    assert sorted(row["id"] for row in rows) == list(range(1, 5001))
    assert all(len(row["a"]) == row["id"] % 300 for row in rows)
    assert all(row["n"] == (row["id"] if row["id"] % 7 else None) for row in rows)
    assert after == [(1,)]


@pytest.mark.parametrize(
    "name",
    ["we`ird", "with space", "UPPER", "select", "ünï", "a'b", "{0}", "per%cent", "c0", "a\\b"],
)
def test_any_name_of_table_column_and_database_is_read(rig: MySQLRig, name: str) -> None:
    q = connection.quoted_name(name)
    with rig.connect() as open_, open_.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {q}")
        try:
            cursor.execute(f"CREATE TABLE {q}.{q} ({q} int PRIMARY KEY, n decimal(65,30), j json)")
            cursor.execute(f"INSERT INTO {q}.{q} VALUES (7, 1, '[]')")
            config = {**rig.config, "database": name}
            table = rig.source.tables(config)[0]
            assert (table.name, table.primary_key, table.cursors) == (name, (name,), (name,))
            wanted = ReadRequest(name, SyncMode.INCREMENTAL, table.columns, (name,), name, "3")
            reading = rig.source.read(config, wanted)
            assert [row[name] for row in rows_of(reading)] == [7]
            assert reading.watermark() == "7"
            assert rig.source.probe(config, [wanted])[name]
        finally:
            cursor.execute(f"DROP DATABASE {q}")


def test_discovery_knows_keys_cursors_comments_and_relations(rig: MySQLRig) -> None:
    rig.run(
        "CREATE TABLE org (id int AUTO_INCREMENT PRIMARY KEY, created_at datetime) COMMENT 'Orgs'"
    )
    rig.run(
        "CREATE TABLE person (number bigint unsigned NOT NULL AUTO_INCREMENT UNIQUE, "
        "email varchar(100) NOT NULL COMMENT 'Where to write', org_id int REFERENCES org (id), "
        "a int NOT NULL, b int NOT NULL, note text NOT NULL, born date, last_login datetime, "
        "twice int GENERATED ALWAYS AS (a * 2) VIRTUAL, hidden int INVISIBLE, "
        "created_at timestamp NOT NULL, updated_at datetime, UNIQUE (note(10)), UNIQUE (a, b), "
        "FOREIGN KEY (org_id) REFERENCES org (id))"
    )
    rig.run("CREATE VIEW people AS SELECT email, updated_at FROM person")
    rig.run("CREATE SEQUENCE counter")
    found = {table.name: table for table in rig.source.tables(rig.config)}
    assert set(found) == {"item", "org", "person", "people"}
    person = found["person"]
    assert person.primary_key == ("number",)
    assert person.cursors == ("updated_at", "created_at", "number", "last_login", "born")
    assert {"twice", "hidden"} <= {column.name for column in person.columns}
    assert person.columns[1].description == "Where to write"
    assert (person.foreign_keys[0].columns, person.foreign_keys[0].table) == (("org_id",), "org")
    assert found["org"].primary_key == ("id",)
    assert found["org"].description == "Orgs"
    assert found["people"].primary_key == ()
    assert found["people"].cursors == ("updated_at",)


def test_generated_and_invisible_columns_are_read(rig: MySQLRig) -> None:
    rig.run(
        "CREATE TABLE g (id int PRIMARY KEY, v int AS (id * 2) VIRTUAL, s int AS (id * 3) STORED, "
        "h int INVISIBLE DEFAULT 9)"
    )
    rig.run("INSERT INTO g (id) VALUES (5)")
    assert read_all(rig, "g") == [{"id": 5, "v": 10, "s": 15, "h": 9}]


def test_only_the_wanted_columns_and_rows_are_asked_for(rig: MySQLRig) -> None:
    rig.insert(1, 2, 3)
    filters = (RowFilter("id", "IN", (1, 3)), RowFilter("name", "!=", "row 1"))
    wanted = ReadRequest(
        "item", SyncMode.FULL, (), ("id",), filters=filters, selected=("id", "name")
    )
    reading = rig.source.read(rig.config, wanted)
    assert reading.is_filtered
    assert rows_of(reading) == [{"id": 3, "name": "row 3"}]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("INT", ["-3", "7"]),
        ("BIGINT UNSIGNED", ["18446744073709551615", "0"]),
        ("VARCHAR(20) CHARACTER SET latin1", ["'ü a'", "''"]),
        ("CHAR(6) CHARACTER SET utf8mb4", ["'🎈'", "'ab'"]),
    ],
)
def test_rows_and_keys_are_counted_up_to_the_bound_as_the_lake_counts_them(
    rig: MySQLRig, kind: str, keys: list[str]
) -> None:
    import duckdb

    rig.run(f"CREATE TABLE counted (id {kind}, part INT, at DATETIME(6), PRIMARY KEY (id, part))")
    late = "'2024-02-01 00:00:00'"
    for key in keys:
        rig.run(f"INSERT INTO counted VALUES ({key}, 1, '2024-01-01'), ({key}, 2, NULL)")
        rig.run(f"INSERT INTO counted VALUES ({key}, 3, {late})")
    wanted = ReadRequest("counted", SyncMode.INCREMENTAL, (), ("id", "part"), cursor="at")
    tally = rig.source.reconcile(rig.config, wanted, "2024-01-15 00:00:00.000000")
    rows = [row for row in read_all(rig, "counted") if row["part"] != 3]
    texts = ["\x1f".join((str(row["id"]), str(row["part"]))) for row in rows]
    (checksum,) = duckdb.execute(
        "SELECT sum(CAST('0x' || substr(md5(t), 1, 15) AS UBIGINT)) FROM unnest($1::VARCHAR[]) u(t)",
        [texts],
    ).fetchone() or (None,)
    assert tally is not None
    assert (tally.rows, tally.checksum) == (4, int(checksum))
    assert sorted(tally.moved_keys or ()) == sorted(
        (str(row["id"]), "3") for row in read_all(rig, "counted") if row["part"] == 3
    )
    filtered = ReadRequest(
        "counted", SyncMode.FULL, (), ("id", "part"), filters=(RowFilter("part", "<", 3),)
    )
    assert rig.source.count_rows(rig.config, filtered) == 4


def test_keys_whose_texts_differ_are_counted_without_a_checksum(rig: MySQLRig) -> None:
    rig.run(
        "CREATE TABLE padded (id INT(8) ZEROFILL, part INT, at DATETIME, PRIMARY KEY (id, part))"
    )
    rig.run("INSERT INTO padded VALUES (42, 1, '2024-01-01'), (43, 1, '2024-03-01')")
    wanted = ReadRequest("padded", SyncMode.INCREMENTAL, (), ("id", "part"), cursor="at")
    tally = rig.source.reconcile(rig.config, wanted, "2024-02-01 00:00:00")
    assert tally is not None
    assert (tally.rows, tally.checksum, tally.moved_keys) == (1, None, None)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("BIGINT", [-(2**63), -7, 0, 1, 2**63 - 1]),
        ("INT UNSIGNED", [0, 5, 2**32 - 1]),
        ("INT(8) ZEROFILL", [0, 42]),
    ],
)
def test_keys_of_one_whole_number_are_stirred_as_in_the_lake(
    rig: MySQLRig, kind: str, keys: list[int]
) -> None:
    import duckdb

    table = f"stirred_{len(keys)}"
    rig.run(f"CREATE TABLE {table} (id {kind} PRIMARY KEY)")
    rig.run(f"INSERT INTO {table} VALUES {', '.join(f'({key})' for key in keys)}")
    tally = rig.source.reconcile(rig.config, ReadRequest(table, SyncMode.FULL, (), ("id",)), None)
    stirred = duckdb.execute(
        f"SELECT sum({MIXED_KEY.format('k')}) FROM unnest($1::BIGINT[]) u(k)", [keys]
    ).fetchone()
    assert tally is not None and tally.is_mixed
    assert (tally.rows, (tally.checksum,)) == (len(keys), stirred)


def test_a_count_that_takes_too_long_is_given_up(
    rig: MySQLRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "PATIENCE_S", 0.2)
    rig.run("CREATE VIEW sleepy AS SELECT SLEEP(5) AS v, seq AS id FROM seq_1_to_3 HAVING v >= 0")
    wanted = ReadRequest("sleepy", SyncMode.FULL, (), ("id",))
    assert rig.source.count_rows(rig.config, wanted) is None
    assert rig.source.reconcile(rig.config, wanted, None) is None


# Rights and trouble


def test_a_table_without_permission_is_named_with_the_way_out(
    rig: MySQLRig, reader: dict[str, Any]
) -> None:
    rig.insert(1)
    rig.run(f"REVOKE SELECT ON {rig.schema}.* FROM reader@'127.0.0.1'")
    rig.run(f"GRANT INSERT ON {rig.schema}.item TO reader@'127.0.0.1'")
    with pytest.raises(SourceAccessError, match=r"does not let `reader` read `item`.*GRANT SELECT"):
        rig.source.read(reader, request(rig, SyncMode.FULL))
    with pytest.raises(SourceAccessError, match="read none of the tables"):
        rig.source.tables(reader)


def test_columns_without_permission_are_left_out(rig: MySQLRig, reader: dict[str, Any]) -> None:
    rig.insert(1)
    rig.run(f"REVOKE SELECT ON {rig.schema}.* FROM reader@'127.0.0.1'")
    rig.run(f"GRANT SELECT (id, updated_at) ON {rig.schema}.item TO reader@'127.0.0.1'")
    reading = rig.source.read(reader, request(rig, SyncMode.FULL))
    assert [set(row) for row in rows_of(reading)] == [{"id", "updated_at"}]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"database": "nowhere"}, SourceAccessError, "nowhere"),
        ({"schema": "nowhere"}, InvalidInputError, "has no database `nowhere`"),
        ({"user": "ghost"}, SourceAccessError, "ghost"),
        ({"sslmode": "require"}, SourceAccessError, "SSL"),
    ],
)
def test_what_the_server_refuses_is_told_with_the_way_out(
    rig: MySQLRig, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        rig.source.test_connection({**rig.config, **change})
    assert rig.secret not in str(caught.value)


def test_a_connection_cut_while_reading_is_an_error_and_no_watermark(rig: MySQLRig) -> None:
    rig.run("INSERT INTO item SELECT seq, repeat('x', 200), '2024-01-01' FROM seq_1_to_300000")
    reading = rig.source.read(rig.config, request(rig, SyncMode.INCREMENTAL))
    assert reading.batches is not None
    batches = iter(reading.batches)
    next(batches)
    for (number,) in rig.run(
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT `id` AS c0%'"
    ):
        rig.run(f"KILL {number}")
    with pytest.raises(SourceUnavailableError, match="did not answer as it should") as caught:
        list(batches)
    assert reading.watermark() is None
    assert rig.secret not in str(caught.value)


def test_a_locked_table_is_reported_instead_of_waited_for(
    rig: MySQLRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_WAIT_S", 1)
    rig.insert(1)
    with rig.connect() as other:
        other.cursor().execute("LOCK TABLES item WRITE")
        with pytest.raises(SourceUnavailableError, match="holds a lock"):
            read(rig, SyncMode.INCREMENTAL)


def test_a_read_sees_one_state_of_the_table(rig: MySQLRig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.run("INSERT INTO item SELECT seq, repeat('x', 200), '2024-01-01' FROM seq_1_to_200000")
    reading = rig.source.read(rig.config, request(rig, SyncMode.FULL))
    assert reading.batches is not None
    batches = iter(reading.batches)
    first = next(batches)
    rig.run("DELETE FROM item")
    assert first.num_rows + sum(batch.num_rows for batch in batches) == 200_000


def test_nothing_is_ever_written(rig: MySQLRig) -> None:
    with pytest.raises(SourceError, match="READ ONLY"), connection.connected(rig.config) as open_:
        connection.fetched(open_, "INSERT INTO item (id) VALUES (1)")
    assert rig.run("SELECT COUNT(*) FROM item") == [(0,)]


# Cursors that lose nothing


@pytest.mark.parametrize("kind", ["timestamp", "timestamp(6)", "datetime", "datetime(6)", "date"])
@pytest.mark.parametrize("is_blind", [False, True], ids=["has PROCESS", "reads only"])
@pytest.mark.usefixtures("impatient")
def test_a_row_committed_late_with_an_early_time_is_not_lost(
    rig: MySQLRig, reader: dict[str, Any], kind: str, is_blind: bool
) -> None:
    default = {"date": "CURDATE()"}.get(kind, f"NOW({6 if '6' in kind else ''})")
    rig.run(f"CREATE TABLE t (id int PRIMARY KEY, updated_at {kind} NOT NULL DEFAULT {default})")
    rig.run(f"INSERT INTO t SELECT seq, {default} - INTERVAL 1 DAY FROM seq_1_to_10")
    config = reader if is_blind else rig.config
    with rig.connect(autocommit=False) as slow:
        slow.cursor().execute("INSERT INTO t (id) VALUES (12)")
        time.sleep(1.5)
        rig.run("INSERT INTO t (id) VALUES (11)")
        time.sleep(1.5)
        wanted = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at")
        first = rig.source.read(config, wanted)
        assert len(rows_of(first)) == 11
        slow.commit()
    later = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at", first.watermark())
    assert 12 in {row["id"] for row in rows_of(rig.source.read(config, later))}


def test_a_statement_counts_from_its_beginning_not_from_its_transactions(rig: MySQLRig) -> None:
    """`NOW()` is the statement's start; its transaction begins when it gets to the rows."""
    rig.run("CREATE TABLE t (id int PRIMARY KEY, updated_at timestamp(6) DEFAULT NOW(6))")
    late = threading.Thread(
        target=rig.run,
        args=("INSERT INTO t (id) SELECT 12 FROM (SELECT GET_LOCK('held', 5)) x",),
    )
    blocker = rig.connect()
    blocker.cursor().execute("SELECT GET_LOCK('held', 1)")
    late.start()
    time.sleep(2.5)
    rig.run("INSERT INTO t (id) VALUES (11)")
    time.sleep(1.5)
    wanted = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at")
    first = rig.source.read(rig.config, wanted)
    assert [row["id"] for row in rows_of(first)] == [11]
    blocker.cursor().execute("SELECT RELEASE_LOCK('held')")
    late.join()
    blocker.close()
    later = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "updated_at", first.watermark())
    assert 12 in {row["id"] for row in rows_of(rig.source.read(rig.config, later))}


@pytest.mark.usefixtures("impatient")
def test_a_number_overtaken_by_a_higher_one_is_not_lost(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, x int)")
    wanted = ReadRequest("t", SyncMode.APPEND, (), ("id",), "id")
    rig.run("INSERT INTO t (x) VALUES (0)")
    with rig.connect(autocommit=False) as slow:
        slow.cursor().execute("INSERT INTO t (x) VALUES (0)")
        rig.run("INSERT INTO t (x) VALUES (0)")
        first = rig.source.read(rig.config, wanted)
        assert rows_of(first) == []  # 3 is there, but 2 could still come
        assert first.watermark() is None
        slow.commit()
    second = rig.source.read(rig.config, wanted)
    assert [row["id"] for row in rows_of(second)] == [1, 2, 3]
    assert second.watermark() == "3"


def test_a_transaction_that_has_written_nothing_holds_no_number_up(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, x int)")
    rig.run("INSERT INTO t (x) VALUES (0)")
    with rig.connect(autocommit=False) as idle:
        idle.cursor().execute("SELECT * FROM item")
        reading = rig.source.read(rig.config, ReadRequest("t", SyncMode.APPEND, (), ("id",), "id"))
        assert [row["id"] for row in rows_of(reading)] == [1]


def test_a_row_of_the_future_does_not_move_the_watermark_there(rig: MySQLRig) -> None:
    rig.insert(1)
    rig.run("INSERT INTO item VALUES (2, 'x', '2037-01-01')")
    ids, watermark = read(rig, SyncMode.INCREMENTAL)
    assert ids == [1, 2]
    assert (watermark or "").startswith("2024-03-01")
    assert read(rig, SyncMode.APPEND)[0] == [1]


def test_rows_without_a_cursor_value_are_merged_every_time_and_appended_once(rig: MySQLRig) -> None:
    rig.run("ALTER TABLE item MODIFY updated_at timestamp(6) NULL")
    rig.insert(1)
    rig.run("INSERT INTO item VALUES (2, 'x', NULL)")
    for mode, again in ((SyncMode.INCREMENTAL, [1, 2]), (SyncMode.APPEND, [])):
        ids, watermark = read(rig, mode)
        assert ids == [1, 2]
        assert read(rig, mode, watermark)[0] == again


def test_the_watermark_never_goes_back(rig: MySQLRig) -> None:
    rig.insert(1, 2)
    _, watermark = read(rig, SyncMode.INCREMENTAL)
    rig.run("DELETE FROM item WHERE id = 2")
    assert read(rig, SyncMode.INCREMENTAL, watermark)[1] == watermark


def test_the_lookback_reads_further_back_and_keeps_the_watermark(rig: MySQLRig) -> None:
    rig.insert(1, 2, 3)
    _, watermark = read(rig, SyncMode.INCREMENTAL)
    wanted = request(rig, SyncMode.INCREMENTAL, watermark, lookback_s=60)
    reading = rig.source.read(rig.config, wanted)
    assert sorted(row["id"] for row in rows_of(reading)) == [2, 3]
    assert reading.watermark() == watermark


def test_a_day_is_appended_when_it_is_over(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE t (id int PRIMARY KEY, day date)")
    today = datetime.now(UTC).date()
    for id_, back in ((1, 3), (2, 0)):
        rig.run("INSERT INTO t VALUES (%s, %s)", id_, today - timedelta(days=back))
    reading = rig.source.read(rig.config, ReadRequest("t", SyncMode.APPEND, (), ("id",), "day"))
    assert [row["id"] for row in rows_of(reading)] == [1]
    merged = rig.source.read(rig.config, ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "day"))
    assert len(rows_of(merged)) == 2


@pytest.mark.parametrize(
    ("kind", "cursor"),
    [
        ("timestamp", "stamped"),
        ("timestamp(6)", "stamped"),
        ("datetime(3)", "stamped"),
        ("timestamp", "id"),
    ],
    ids=["instant", "instant in micros", "clock", "number"],
)
def test_appending_under_concurrent_writers_gives_every_row_once(
    rig: MySQLRig, kind: str, cursor: str
) -> None:
    digits = kind.partition("(")[2].rstrip(")")
    rig.run(
        "CREATE TABLE t (id bigint AUTO_INCREMENT PRIMARY KEY, writer int, "
        f"stamped {kind} NOT NULL DEFAULT NOW({digits}), KEY (stamped))"
    )
    stop = threading.Event()

    def write(seed: int) -> None:
        draw = Random(seed)
        with rig.connect(autocommit=False) as open_, open_.cursor() as own:
            while not stop.is_set():
                for _ in range(draw.randrange(1, 4)):
                    own.execute(f"INSERT INTO t (writer) VALUES ({seed})")
                    time.sleep(draw.random() * 0.02)
                open_.commit() if draw.random() < 0.9 else open_.rollback()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    seen: Counter[int] = Counter()
    watermark: str | None = None

    def append() -> None:
        nonlocal watermark
        wanted = ReadRequest("t", SyncMode.APPEND, (), ("id",), cursor, watermark)
        reading = rig.source.read(rig.config, wanted)
        seen.update(row["id"] for row in rows_of(reading))
        watermark = reading.watermark()

    try:
        for _ in range(6):
            append()
            time.sleep(0.2)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    time.sleep(2.6)
    append()
    there = {row[0] for row in rig.run("SELECT id FROM t")}
    assert len(there) > 50
    assert set(seen) == there
    assert set(seen.values()) == {1}


# Ranges of the key


def ranges_of(rig: MySQLRig, monkeypatch: pytest.MonkeyPatch, mode: SyncMode, **more: Any) -> Any:
    monkeypatch.setattr(ranges, "CHUNK_ROWS", 300)
    rig.run("ANALYZE TABLE item")
    found = rig.source.read(rig.config, request(rig, mode, **more))
    assert found.chunks is not None
    return found


def ids_in(files: list[tuple[Path, int]]) -> list[int]:
    return [
        id_ for file, _ in files for id_ in pq.ParquetFile(file).read().column("id").to_pylist()
    ]


def test_a_large_table_is_read_in_ranges_of_one_snapshot(
    rig: MySQLRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.run("INSERT INTO item SELECT seq * 7, 'x', '2024-01-01' FROM seq_1_to_2000")
    found = ranges_of(rig, monkeypatch, SyncMode.INCREMENTAL)
    chunks = found.chunks
    assert len(chunks.names) > 4
    ids: list[int] = []
    for number, name in enumerate(chunks.names):
        ids += ids_in(chunks.write(name, tmp_path))
        if number == 0:
            rig.run("DELETE FROM item")
        assert (found.watermark() is None) == (name != chunks.names[-1])
    chunks.close()
    assert sorted(ids) == [seq * 7 for seq in range(1, 2001)]


@pytest.mark.parametrize("is_told", [True, False])
def test_ranges_read_at_once_show_one_state_while_rows_change(
    rig: MySQLRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    """Each transaction moves the name `x` from one row to another: every state has as many of them."""
    rig.run("INSERT INTO item SELECT seq, IF(seq % 2, 'x', 'o'), '2024-01-01' FROM seq_1_to_4000")
    if not is_told:
        monkeypatch.setattr(ranges, "_place", lambda connection: None)
    stop = threading.Event()

    def write(seed: int) -> None:
        draw = Random(seed)
        with rig.connect(autocommit=False) as open_, open_.cursor() as own:
            while not stop.is_set():
                one = draw.randrange(
                    1, 1000
                )  # of the first ranges and of the last: always in this order
                own.execute(
                    "SELECT name FROM item WHERE id IN (%s, %s) FOR UPDATE", (one, 4001 - one)
                )
                names = [name for (name,) in own.fetchall()]
                own.execute("UPDATE item SET name = %s WHERE id = %s", (names[1], one))
                own.execute("UPDATE item SET name = %s WHERE id = %s", (names[0], 4001 - one))
                open_.commit()
                time.sleep(0.002)

    workers = [threading.Thread(target=write, args=(seed,)) for seed in range(2)]
    for worker in workers:
        worker.start()
    try:
        for number in range(2):
            chunks = ranges_of(rig, monkeypatch, SyncMode.FULL).chunks
            folder = tmp_path / str(number)
            folder.mkdir()
            with ThreadPoolExecutor(chunks.parallel) as pool:
                found = pool.map(chunks.write, chunks.names, repeat(folder))
                files = [file for part in found for file, _ in part]
            assert (len(chunks._opened) > 1) == is_told
            chunks.close()
            names = Counter(
                n for file in files for n in pq.read_table(file).column("name").to_pylist()
            )
            assert names == {"x": 2000, "o": 2000}
            assert not chunks.is_resumable
    finally:
        stop.set()
        for worker in workers:
            worker.join()


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.APPEND])
def test_ranges_go_on_where_a_dead_run_ended_and_lose_nothing(
    rig: MySQLRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: SyncMode
) -> None:
    rig.run("INSERT INTO item SELECT seq, 'x', '2024-01-01' FROM seq_1_to_2000")
    found = ranges_of(rig, monkeypatch, mode)
    chunks = found.chunks
    done = chunks.names[:3]
    rows = {id_: "dead" for name in done for id_ in ids_in(chunks.write(name, tmp_path))}
    chunks.close()
    rig.run(
        "UPDATE item SET name = 'y', updated_at = NOW(6) - INTERVAL 1 HOUR WHERE id IN (1, 1999)"
    )
    rig.run("INSERT INTO item VALUES (0, 'new', NOW(6) - INTERVAL 1 HOUR)")
    again = ranges_of(rig, monkeypatch, mode, unfinished=Unfinished(chunks.plan, tuple(done)))
    assert again.chunks.plan == chunks.plan
    assert not set(done) & set(again.chunks.names)
    for name in again.chunks.names:
        rows |= dict.fromkeys(ids_in(again.chunks.write(name, tmp_path)), "alive")
    again.chunks.close()
    assert again.watermark() == chunks.plan["bound"]
    if mode is SyncMode.INCREMENTAL:
        assert set(rows) == set(range(2001))
        assert rows[1] == rows[0] == "alive"
    else:
        assert set(rows) == set(range(1, 2001)) - {1999}  # the changed ones come next time


def test_what_outgrew_its_type_before_the_first_append_makes_its_column_text(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE log (id int PRIMARY KEY, t time)")
    rig.run("INSERT INTO log VALUES (1, '30:00:00')")
    for since in (None, "0"):
        wanted = ReadRequest("log", SyncMode.APPEND, (), ("id",), "id", since)
        assert [row["t"] for row in rows_of(rig.source.read(rig.config, wanted))] == ["30:00:00"]


@pytest.mark.parametrize(("kind", "texts"), [("year", ["0", "2024"]), ("bit(9)", ["0", "300"])])
def test_checksums_are_of_the_texts_the_lake_has(
    rig: MySQLRig, kind: str, texts: list[str]
) -> None:
    rig.run(f"CREATE TABLE k (a {kind}, b varchar(5), PRIMARY KEY (a, b))")
    for text in texts:
        rig.run(f"INSERT INTO k VALUES ({text}, 'x')")
    tally = counting.reconcile(rig.config, ReadRequest("k", SyncMode.FULL, (), ("a", "b")), None)
    assert tally is not None
    sums = [hashlib.md5(f"{text}\x1fx".encode()).hexdigest()[:15] for text in texts]
    assert tally.checksum == sum(int(one, 16) for one in sums)


def test_rows_whose_cursor_is_zero_are_merged_every_time(rig: MySQLRig) -> None:
    rig.run("CREATE TABLE old (id int PRIMARY KEY, updated_at datetime NOT NULL)")
    with rig.connect(init_command="SET sql_mode = ''") as open_:
        open_.cursor().execute(
            "INSERT INTO old VALUES (1, 0), (2, '2024-01-01'), (3, '2024-01-03')"
        )
    wanted = ReadRequest("old", SyncMode.INCREMENTAL, (), ("id",), "updated_at", "2024-01-02")
    assert sorted(row["id"] for row in rows_of(rig.source.read(rig.config, wanted))) == [1, 3]
