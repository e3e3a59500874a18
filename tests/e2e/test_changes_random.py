"""Random transactions of several sessions while the stream is synced: whenever it is idle, lake and source are one."""

import os

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.services.changes import passes as stream_pass
from pwh_assets.services.changes import tables as stream_tables
from tests.e2e.streams import SETTINGS, Streamed

EXAMPLES = int(os.environ.get("PWH_CDC_EXAMPLES", "8"))
KEYS = st.integers(1, 12)
TABLES = st.sampled_from(["plain", "large"])
SESSIONS = st.integers(0, 2)
VALUES = st.one_of(st.none(), st.integers(0, 9))
STEPS = st.one_of(
    st.tuples(st.just("insert"), SESSIONS, TABLES, KEYS, VALUES),
    st.tuples(st.just("update"), SESSIONS, TABLES, KEYS, VALUES),
    st.tuples(st.just("grow"), SESSIONS, TABLES, KEYS, VALUES),
    st.tuples(st.just("delete"), SESSIONS, TABLES, KEYS, VALUES),
    st.tuples(st.just("rekey"), SESSIONS, TABLES, KEYS, KEYS),
    st.tuples(st.just("shift"), SESSIONS, TABLES, KEYS, VALUES),
    st.tuples(
        st.sampled_from(["commit", "commit", "rollback", "savepoint", "rollback to"]),
        SESSIONS,
        TABLES,
        KEYS,
        VALUES,
    ),
    st.tuples(st.sampled_from(["truncate", "sync", "sync"]), SESSIONS, TABLES, KEYS, VALUES),
)
SETUP = """
DROP TABLE IF EXISTS plain, large;
CREATE TABLE plain (id int PRIMARY KEY, v int, w text);
CREATE TABLE large (id int PRIMARY KEY, v int, w text);
ALTER TABLE large ALTER w SET STORAGE EXTERNAL;
INSERT INTO plain SELECT g, g, 'w' FROM generate_series(1, 6) g;
INSERT INTO large SELECT g, g, repeat(md5(g::text), 100) FROM generate_series(1, 6) g
"""


class Session:
    """One connection whose statements may fail, and that knows whether it has a savepoint."""

    def __init__(self, dsn):
        self.connection = psycopg.connect(dsn, options="-c lock_timeout=30ms")
        self.has_savepoint = False

    def run(self, sql, *values):
        try:
            self.connection.execute(sql, values)
        except psycopg.Error:
            self.end("rollback")

    def end(self, how):
        self.has_savepoint = False
        getattr(self.connection, how)()

    def step(self, kind, table, key, value):
        if kind == "insert":
            self.run(f"INSERT INTO {table} VALUES (%s, %s, 'new')", key, value)
        elif kind == "update":
            self.run(f"UPDATE {table} SET v = %s WHERE id = %s", value, key)
        elif kind == "grow":
            self.run(f"UPDATE {table} SET w = repeat(%s, 3000) WHERE id = %s", f"{key}{value}", key)
        elif kind == "delete":
            self.run(f"DELETE FROM {table} WHERE id = %s", key)
        elif kind == "rekey":
            self.run(f"UPDATE {table} SET id = %s WHERE id = %s", value, key)
        elif kind == "shift":
            self.run(f"UPDATE {table} SET id = id + 20, v = %s WHERE id < %s", value, key)
        elif kind == "truncate":
            self.run(f"TRUNCATE {table}")
        elif kind == "savepoint":
            self.run("SAVEPOINT s")
            self.has_savepoint = True
        elif kind == "rollback to":
            if self.has_savepoint:
                self.run("ROLLBACK TO s")
        else:
            self.end(kind)


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres(settings=SETTINGS) as running:
        yield running


@pytest.fixture
def collecting(monkeypatch):
    """Batches of a few changes, spilled all the time, so that every seam of theirs is crossed."""
    small = stream_pass.StagingCollector

    def use(batch, memory):
        monkeypatch.setattr(
            stream_pass,
            "StagingCollector",
            lambda *args, **kinds: small(
                *args, **{**kinds, "batch_changes": batch, "memory_bytes": memory}
            ),
        )

    return use


@pytest.mark.timeout(1500)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    steps=st.lists(STEPS, min_size=25, max_size=90),
    batch=st.sampled_from([1, 3, 10_000]),
    memory=st.sampled_from([1, 4_000, 1 << 27]),
)
def test_lake_and_source_are_one_whenever_the_stream_is_idle(
    server, tmp_path_factory, collecting, steps, batch, memory
):
    collecting(batch, memory)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(SETUP)
    home = Streamed(server, tmp_path_factory.mktemp("home"), ["plain", "large"])
    sessions = [Session(server.dsn) for _ in range(3)]
    try:
        home.sync()
        for kind, number, table, key, value in steps:
            if kind == "sync":
                home.sync()
            else:
                sessions[number].step(kind, table, key, value)
        for session in sessions:
            session.end("commit")
        home.sync()
        assert home.differences() == []
        assert all(not each.is_full for each in home.sync().values())
    finally:
        for session in sessions:
            session.connection.close()
        home.type.changes.drop(home.config, stream_tables.spec_of(home.source.id))
        home.close()
