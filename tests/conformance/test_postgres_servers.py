"""PostgreSQL as others set it up: roles with settings of their own, poolers, domains in lists."""

import threading
import time
from collections.abc import Iterator

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import SourceUnavailableError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.changes import StreamSpec, StreamTable
from pwh_assets.sources.errors import CursorChangedError, StreamNotReadyError
from pwh_assets.sources.postgres import dividing
from tests.servers.pooler import Pooler
from tests.servers.source_rigs import PostgresRig, request, rows_of

SETTINGS = {
    "statement_timeout": "400ms",
    "idle_in_transaction_session_timeout": "200ms",
    "idle_session_timeout": "200ms",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "search_path": "",
}
"""What a role or a database may have been given, for other work than ours."""


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture
def rig(server: PrivatePostgres) -> PostgresRig:
    return PostgresRig(server)


def test_what_a_role_was_set_to_ends_no_read_and_bends_no_value(rig: PostgresRig) -> None:
    rig.run(
        f"CREATE VIEW {rig.schema}.odd AS SELECT i, pg_sleep(0.3) IS NULL AS slept, ARRAY['\\x00ff'::bytea] AS many, "
        "'\\x5c'::bytea AS one, point(0.1, 1.0 / 3) AS place, '1 day 2 h'::interval AS took, '2024-02-03'::date::text AS day "
        "FROM generate_series(1, 2) i"
    )
    request = ReadRequest("odd", SyncMode.FULL, (), ())
    expected = rows_of(rig.source.read(rig.config, request))
    assert expected[0]["place"] == "(0.1,0.3333333333333333)"
    assert (expected[0]["many"], expected[0]["one"]) == ([b"\x00\xff"], b"\\")
    for name, value in SETTINGS.items():
        rig.run(f"ALTER ROLE app SET {name} = '{value}'")
    try:
        assert rows_of(rig.source.read(rig.config, request)) == expected
    finally:
        rig.run("ALTER ROLE app RESET ALL")


@pytest.mark.parametrize("refuses", [True, False])
def test_through_a_pooler_nothing_is_set_that_the_next_client_would_have(
    rig: PostgresRig, refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler hands the server's connection, with whatever was set on it, to another client after each transaction."""
    monkeypatch.setattr(dividing, "CHUNK_BYTES", 100_000)
    rig.run(
        f"INSERT INTO {rig.schema}.item SELECT i, repeat('x', 60), '2024-03-01 12:00Z' FROM generate_series(1, 9000) i"
    )
    rig.run("ALTER ROLE app SET TimeZone = 'Asia/Tokyo'")
    try:
        with Pooler(rig.server.port, refuses) as pooler:
            config = {**rig.config, "port": pooler.port}
            for mode in (SyncMode.FULL, SyncMode.INCREMENTAL):
                found = rig.source.read(config, request(rig, mode))
                assert found.chunks is not None and len(found.chunks.names) > 2
                assert len(rows_of(found)) == 9000
            assert found.watermark() == "2024-03-01 12:00:00+00"
            assert rig.source.count_rows(config, request(rig, SyncMode.FULL)) == 9000
            whole = rig.source.reconcile(config, request(rig, SyncMode.FULL), None)
            assert whole is not None and whole.rows == 9000
            assert pooler.settings == {"TimeZone", "DateStyle", "standard_conforming_strings"}
    finally:
        rig.run("ALTER ROLE app RESET ALL")


def test_no_slot_is_made_behind_a_pooler_that_passes_no_stream_on(rig: PostgresRig) -> None:
    """A slot nobody reads keeps the server's log until its disk is full."""
    changes = rig.source.changes
    spec = StreamSpec("pwh_pooled", (StreamTable("item", ("id",)),))
    with Pooler(rig.server.port, refuses=True) as pooler:
        config = {**rig.config, "port": pooler.port}
        (found,) = changes.check(config, spec)
        assert "passes no replication on" in found.problem
        with pytest.raises(StreamNotReadyError, match="server's own `host`"):
            changes.prepare(config, spec)
    assert rig.run("SELECT * FROM pg_replication_slots") == []
    assert changes.check(rig.config, spec) == []


def test_a_statement_the_server_cancelled_is_worth_another_try(rig: PostgresRig) -> None:
    """As a replica does with one that conflicts with what it has to replay."""
    rig.run(f"CREATE VIEW {rig.schema}.slow AS SELECT pg_sleep(20) IS NULL AS slept")
    cancel = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
        "WHERE state = 'active' AND query LIKE 'COPY%' AND pid <> pg_backend_pid()"
    )

    def disturb() -> None:
        for _ in range(200):
            if rig.run(cancel):
                return
            time.sleep(0.1)

    worker = threading.Thread(target=disturb)
    worker.start()
    with pytest.raises(SourceUnavailableError, match="canceling statement"):
        rows_of(rig.source.read(rig.config, ReadRequest("slow", SyncMode.FULL, (), ())))
    worker.join()


def test_a_cursor_that_is_of_another_kind_now_is_told_with_the_way_out(rig: PostgresRig) -> None:
    rig.insert(1)
    rig.run(
        f"ALTER TABLE {rig.schema}.item ALTER updated_at TYPE bigint USING extract(epoch FROM updated_at)"
    )
    since = "2024-03-01 12:00:00+00"
    with pytest.raises(CursorChangedError, match="is BIGINT now"):
        rig.source.read(rig.config, request(rig, SyncMode.INCREMENTAL, since))
    with pytest.raises(CursorChangedError):
        rig.source.read(rig.config, request(rig, SyncMode.APPEND, since))


def test_domains_are_read_as_what_they_are_made_of_in_lists_too(rig: PostgresRig) -> None:
    rig.run(
        f"SET search_path = {rig.schema}; CREATE DOMAIN low AS int CHECK (value < 10); CREATE DOMAIN lower AS low; "
        "CREATE DOMAIN words AS text[]; CREATE DOMAIN short AS varchar(5); CREATE DOMAIN price AS numeric(5, 2); "
        "CREATE DOMAIN body AS jsonb; CREATE TABLE t (id int PRIMARY KEY, a low[], b lower[], c words, d short[], e price[], "
        "f body[], v int2vector); INSERT INTO t VALUES (1, '{1,NULL}', '{2}', '{\"x,y\",z}', '{abc}', '{1.25}', ARRAY['{\"k\": 1}'::body], '1 2')"
    )
    found = rig.source.read(rig.config, ReadRequest("t", SyncMode.FULL, (), ()))
    types = {column.name: column.type for column in found.columns}
    assert types == {
        "id": "INTEGER",
        "a": "INTEGER[]",
        "b": "INTEGER[]",
        "c": "VARCHAR[]",
        "d": "VARCHAR[]",
        "e": "DECIMAL(5,2)[]",
        "f": "VARCHAR[]",
        "v": "VARCHAR",
    }
    ((row),) = rows_of(found)
    assert [str(row[name]) for name in "abcde"] == [
        "[1, None]",
        "[2]",
        "['x,y', 'z']",
        "['abc']",
        "[Decimal('1.25')]",
    ]
    assert (row["f"], row["v"]) == (['{"k": 1}'], "1 2")
