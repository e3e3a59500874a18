"""How many rows of a Postgres table travel together: many narrow ones, few wide ones, analyzed or not."""

import psycopg
import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.postgres import SOURCE


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres() as running:
        yield running


def largest_batch(server, table):
    config = SOURCE.validate({**server.config, "schema": "public", "sslmode": "disable"})
    request = ReadRequest(table, SyncMode.FULL, (), (), may_chunk=False)
    return max(batch.num_rows for batch in SOURCE.read(config, request).batches)


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(
    ("value", "count", "at_least", "at_most"),
    [
        ("i::text", 150_000, 100_000, 100_000),
        # Random text that does not compress: 20 kB a row, most of it stored out of line.
        (
            "(SELECT string_agg(md5(random()::text || i || j), '') FROM generate_series(1, 625) j)",
            4_000,
            2_000,
            3_900,
        ),
    ],
)
def test_a_batch_fits_the_memory(server, analyzed, value, count, at_least, at_most):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute("CREATE TABLE t (id bigint, v text) WITH (autovacuum_enabled = off)")
        connection.execute(f"INSERT INTO t SELECT i, {value} FROM generate_series(1, {count}) i")
        if analyzed:
            connection.execute("ANALYZE t")
    assert at_least <= largest_batch(server, "t") <= at_most


def test_an_empty_table_has_no_batch_to_speak_of(server):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint)")
    config = SOURCE.validate({**server.config, "schema": "public", "sslmode": "disable"})
    request = ReadRequest("t", SyncMode.FULL, (), (), may_chunk=False)
    assert sum(batch.num_rows for batch in SOURCE.read(config, request).batches) == 0
