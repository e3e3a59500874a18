"""A source whose tables follow its changes, from the command line: connect, sync, look, mend, let go."""

import json

import psycopg
import pytest

from pwh_assets.cli import main
from pwh_assets.demo.postgres import PrivatePostgres
from tests.e2e.streams import SETTINGS


@pytest.fixture(scope="module")
def server():
    with PrivatePostgres(settings=SETTINGS) as running:
        yield running


@pytest.fixture
def database(server):
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE users (id int PRIMARY KEY, plan text);"
            "CREATE TABLE orders (id int PRIMARY KEY, v int); CREATE TABLE log (id int PRIMARY KEY, line text);"
            "CREATE TABLE keyless (v int);"
            "INSERT INTO users VALUES (1, 'free'), (2, 'free'); INSERT INTO orders VALUES (1, 1)"
        )
        yield connection


@pytest.fixture
def pwh(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PWH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PWH_ALLOW_PRIVATE_HOSTS", "1")

    def run(*words, status=0):
        found = main([*words, "--json"])
        shown = capsys.readouterr()
        assert found == status, shown
        try:
            return json.loads(shown.out)
        except ValueError:  # several lines, or none
            return [json.loads(line) for line in shown.out.splitlines() if line] or shown.err

    return run


@pytest.fixture
def source(server, database, tmp_path, pwh):
    body = {
        "source_type": "Postgres",
        "payload": {
            **server.config,
            "schema": "public",
            "schemas": [
                {
                    "name": "users",
                    "sync_type": "cdc",
                    "sync_frequency": "1min",
                    "cdc_table_mode": "both",
                },
                {"name": "orders", "sync_type": "cdc"},
                {"name": "log", "sync_type": "cdc", "cdc_table_mode": "cdc_only"},
            ],
        },
    }
    file = tmp_path / "source.json"
    file.write_text(json.dumps(body))
    return pwh("source", "add", str(file))["id"]


def slots(database):
    return database.execute("SELECT slot_name FROM pg_replication_slots").fetchall()


def test_a_source_is_streamed_mended_and_let_go(pwh, source, database):
    assert pwh("source", "cdc", "check", source) == {"results": [], "count": 0}
    pwh("sync", source)
    database.execute("UPDATE users SET plan = 'paid' WHERE id = 1")
    database.execute("DELETE FROM orders")
    pwh("sync", source)
    rows = pwh("query", "SELECT id, plan FROM postgres_users ORDER BY id")
    assert "paid" in json.dumps(rows)
    every = pwh("query", "SELECT _pwh_op, id, plan FROM postgres_users_cdc")
    assert "update" in json.dumps(every)
    database.execute("INSERT INTO log VALUES (1, 'first')")
    pwh("sync", source)
    assert "first" in json.dumps(pwh("query", "SELECT _pwh_op, line FROM postgres_log_cdc"))
    status = pwh("source", "cdc", "status", source)
    assert status["exists"] and all(each["is_in_stream"] for each in status["tables"])

    (slot,) = slots(database)
    database.execute("SELECT pg_drop_replication_slot(%s)", slot)
    database.execute("UPDATE users SET plan = 'lost' WHERE id = 2")
    pwh("sync", source, status=1)
    assert "does not exist any more" in json.dumps(pwh("health", status=1))
    pwh("source", "cdc", "repair", source)
    pwh("sync", source)
    assert "lost" in json.dumps(pwh("query", "SELECT plan FROM postgres_users WHERE id = 2"))

    pwh("source", "remove", source)
    assert slots(database) == []
    assert database.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)


def test_a_stream_that_is_disabled_leaves_tables_that_are_read_whole(pwh, source, database):
    pwh("sync", source)
    pwh("source", "cdc", "disable", source)
    assert slots(database) == []
    database.execute("INSERT INTO orders VALUES (2, 2)")
    pwh("sync", source)
    shown = pwh("source", "show", source)
    modes = {each["name"]: (each["sync_type"], each["row_count"]) for each in shown["schemas"]}
    assert modes["orders"] == ("full", 2)
    assert "primary key" in str(
        pwh("source", "cdc", "enable", source, "orders", "keyless", status=2)
    )
    pwh("source", "cdc", "enable", source, "orders")
    database.execute("INSERT INTO orders VALUES (3, 3)")
    pwh("sync", source)
    shown = pwh("source", "show", source)
    modes = {each["name"]: (each["sync_type"], each["row_count"]) for each in shown["schemas"]}
    assert (modes["orders"], modes["users"][0]) == (("cdc", 3), "full")
    pwh("source", "remove", source)


def test_a_stream_that_keeps_more_than_it_was_set_to_is_an_issue(pwh, source):
    pwh("sync", source)
    assert pwh("health")["results"] == []
    pwh("source", "cdc", "tune", source, "--warning-mb", "0")
    found = pwh("health", status=1)["results"]
    assert [each["kind"] for each in found] == ["stream_lagging"]
    pwh("source", "remove", source)


def test_a_table_without_a_key_and_a_wrong_table_mode_are_refused(pwh, server, database, tmp_path):
    for entry, word in (
        ({"name": "keyless", "sync_type": "cdc"}, "primary key"),
        ({"name": "users", "sync_type": "cdc", "cdc_table_mode": "all"}, "cdc_table_mode"),
        (
            {
                "name": "users",
                "sync_type": "cdc",
                "row_filters": [{"column": "plan", "operator": "=", "value": "pro"}],
            },
            "row_filters",
        ),
    ):
        payload = {**server.config, "schema": "public", "schemas": [entry]}
        file = tmp_path / "body.json"
        file.write_text(json.dumps({"source_type": "Postgres", "payload": payload}))
        assert word in json.dumps(pwh("source", "add", str(file), status=2))
