"""However a table of PostgreSQL is divided, its pieces are the whole, once."""

import psycopg
import pytest

from pwh_assets.core.options import Mask, MaskKind
from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.services.sync.masking import Masker
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.postgres import SOURCE, dividing
from tests.servers.source_rigs import tables_of

COUNT = 20_000
SHAPES = {
    "numbers": (
        "id bigint PRIMARY KEY, at timestamptz",
        "i, now() - (30000 - i) * interval '1 s'",
        "column",
    ),
    "negative": (
        "id int PRIMARY KEY, at timestamptz",
        "i - 10000, now() - interval '1 h'",
        "column",
    ),
    "texts": (
        "id text PRIMARY KEY, at timestamptz",
        "lpad(i::text, 9, '0'), now() - interval '1 h'",
        "column",
    ),
    "shuffled": (
        "id uuid PRIMARY KEY, at timestamptz",
        "gen_random_uuid(), now() - interval '1 h'",
        "pages",
    ),
    "shuffled_by_time": (
        "id uuid PRIMARY KEY, at timestamptz UNIQUE",
        "gen_random_uuid(), now() - (30000 - i) * interval '1 s'",
        "column",
    ),
    "late": (
        "id uuid PRIMARY KEY, at timestamptz UNIQUE",
        "gen_random_uuid(), CASE WHEN i % 3 > 0 THEN now() - (30000 - i) * interval '1 s' END",
        "column",
    ),
    "composite": (
        "id bigint, part int, at timestamptz, PRIMARY KEY (id, part)",
        "i / 3, i, now() - interval '1 h'",
        "column",
    ),
    "huge_gap": (
        "id bigint PRIMARY KEY, at timestamptz",
        "CASE WHEN i < 19990 THEN i ELSE 9000000000000000000 + i END, now() - interval '1 h'",
        "column",
    ),
}


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as running:
        yield running


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(dividing, "CHUNK_BYTES", 200_000)


def read(server, table, mode, key=("id",), since=None):
    config = SOURCE.validate({**server.config, "schema": "public", "sslmode": "disable"})
    cursor = "at" if mode is not SyncMode.FULL else None
    reading = SOURCE.read(config, ReadRequest(table, mode, (), key, cursor, since))
    by = reading.chunks.plan["by"]
    count = len(reading.chunks.names)
    rows = [str(one) for batch in tables_of(reading) for one in batch.column("id").to_pylist()]
    return by, count, sorted(rows), reading.watermark()


def ids(connection, table, where=""):
    return sorted(row[0] for row in connection.execute(f"SELECT id::text FROM {table} {where}"))


@pytest.mark.parametrize("analyzed", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_pieces_are_the_whole_once(server, shape, analyzed):
    columns, values, by = SHAPES[shape]
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute(f"CREATE TABLE t ({columns}, fill text DEFAULT repeat('x', 40))")
        connection.execute("ALTER TABLE t SET (autovacuum_enabled = off)")
        connection.execute(f"INSERT INTO t SELECT {values} FROM generate_series(1, {COUNT}) i")
        connection.execute("DELETE FROM t WHERE ctid < '(5,0)'")
        if analyzed:
            connection.execute("ANALYZE t")
        expected = ids(connection, "t")
        found, count, rows, _ = read(server, "t", SyncMode.INCREMENTAL)
        assert rows == expected and count > 3
        assert not analyzed or found == by
        found, count, rows, _ = read(server, "t", SyncMode.FULL)
        assert (found, rows) == ("pages", expected) and count > 3


def test_a_masked_key_divides_nothing_for_the_plan_is_written_down(server):
    masker = Masker([Mask("id", MaskKind.HASH)], b"key")
    config = SOURCE.validate({**server.config, "schema": "public", "sslmode": "disable"})
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id text PRIMARY KEY, at timestamptz DEFAULT now() - interval '1 h');"
            f"INSERT INTO t SELECT lpad(i::text, 9, '0') FROM generate_series(1, {COUNT}) i; ANALYZE t"
        )
    for masks, by in ((None, "column"), (masker, "pages")):
        request = ReadRequest("t", SyncMode.INCREMENTAL, (), ("id",), "at", masks=masks)
        chunks = SOURCE.read(config, request).chunks
        assert chunks.plan["by"] == by
        assert ("0000" in str(chunks.plan)) is (masks is None)
        chunks.close()


def test_partitions_are_divided_together(server):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "DROP TABLE IF EXISTS p; CREATE TABLE p (id bigint, at timestamptz, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
            "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5000);"
            "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (5000) TO (100000);"
            f"INSERT INTO p SELECT i, now() - interval '1 h' FROM generate_series(1, {COUNT}) i; ANALYZE p"
        )
        expected = ids(connection, "p")
    for mode, by in ((SyncMode.FULL, "pages"), (SyncMode.INCREMENTAL, "column")):
        found, count, rows, _ = read(server, "p", mode)
        assert (found, rows) == (by, expected) and count > 3


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.APPEND])
@pytest.mark.parametrize(
    ("kind", "value", "since"),
    [
        (
            "timestamptz",
            "'2024-01-01 00:00Z'::timestamptz + i * interval '1 h'",
            "2024-02-01 00:00:00+00",
        ),
        ("timestamp", "'2024-01-01'::timestamp + i * interval '1 h'", "2024-02-01 00:00:00"),
        ("date", "'1980-01-01'::date + i % 15000", "1981-01-01"),
        ("bigint", "i * 10", "1005"),
        ("numeric(12,3)", "i * 1.5", "1000.5"),
    ],
)
def test_many_changes_are_divided_by_the_cursor(server, mode, kind, value, since):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            f"DROP TABLE IF EXISTS d; CREATE TABLE d (id bigint PRIMARY KEY, at {kind}, fill text DEFAULT repeat('x', 40));"
            f"INSERT INTO d SELECT i, {value} FROM generate_series(1, {COUNT}) i; CREATE INDEX ON d (at); ANALYZE d"
        )
        found, count, rows, watermark = read(server, "d", mode, since=since)
        assert found == "column" and count > 3
        if mode is SyncMode.APPEND:
            where = f"WHERE at > '{since}' AND at <= '{watermark}'"
        else:
            where = f"WHERE at >= '{since}'"
        assert rows == ids(connection, "d", where)


def test_views_are_read_in_one_piece(server):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS w; CREATE TABLE w (id bigint, at timestamptz);"
            f"INSERT INTO w SELECT i, now() - interval '1 h' FROM generate_series(1, {COUNT}) i; CREATE VIEW v AS SELECT * FROM w"
        )
        expected = ids(connection, "w")
    found, count, rows, _ = read(server, "v", SyncMode.FULL, ())
    assert (found, count, rows) == ("whole", 1, expected)
