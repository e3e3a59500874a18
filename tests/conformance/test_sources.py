"""What every source promises, checked on each one with its server on loopback."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from pwh_assets.core.nested import divided, value_at
from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.demo.stripe import StripeServer
from pwh_assets.errors import SourceAccessError, SourceUnavailableError
from pwh_assets.sources.base import ReadRequest, secret_fields
from pwh_assets.sources.errors import CursorMissingError, CursorTypeError, TableMissingError
from pwh_assets.sources.network.egress import PrivateHostError
from tests.servers import snowflake as snowflake_server
from tests.servers.bigquery import BigQueryServer
from tests.servers.databricks import DatabricksServer
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.names import by_name
from tests.servers.redshift import PrivateRedshift
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.rigs.tunnelled import Bastioned, TunnelledRig
from tests.servers.rigs.warehouses import BigQueryRig, DatabricksRig, RedshiftRig, SnowflakeRig
from tests.servers.snowflake import SnowflakeServer
from tests.servers.source_rigs import (
    BucketRig,
    FolderRig,
    PostgresRig,
    Rig,
    StripeRig,
    read,
    request,
    rows_of,
    silent_peer,
    tables_of,
)
from tests.servers.ssh import Bastion

DATABASES = ("postgres", "mysql", "tunnelled", "redshift", "bigquery", "databricks", "snowflake")
GUARDED = (
    "postgres",
    "mysql",
    "tunnelled",
    "stripe",
    "redshift",
    "bigquery",
    "databricks",
    "snowflake",
)
"""Sources that refuse wrong credentials."""
REMOTE = (*GUARDED, "bucket")
RIGS = (*REMOTE, "folder")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(scope="module")
def tunnelled(postgres: PrivatePostgres) -> Iterator[Bastioned]:
    with Bastion(allow=None) as bastion:
        yield Bastioned(postgres, bastion)


@pytest.fixture(scope="module")
def mysql() -> Iterator[PrivateMariaDB]:
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture(scope="module")
def redshift() -> Iterator[PrivateRedshift]:
    with PrivateRedshift() as server:
        yield server


@pytest.fixture(scope="module")
def bigquery() -> Iterator[BigQueryServer]:
    with BigQueryServer() as server:
        yield server


@pytest.fixture(scope="module")
def databricks() -> Iterator[DatabricksServer]:
    with DatabricksServer() as server:
        yield server


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeServer]:
    if not snowflake_server.PYTHON.exists():
        pytest.skip(f"no fakesnow here: {snowflake_server.INSTALL}")
    with SnowflakeServer() as server:
        yield server


@pytest.fixture(scope="module")
def storage() -> Iterator[int]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


SERVED: dict[str, Callable[[Any], Rig]] = {
    "postgres": PostgresRig,
    "mysql": MySQLRig,
    "tunnelled": TunnelledRig,
    "redshift": RedshiftRig,
    "bigquery": BigQueryRig,
    "databricks": DatabricksRig,
    "snowflake": SnowflakeRig,
}
"""Rigs over the server of the fixture of their name."""


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    kind = request.param
    if kind in SERVED:
        yield SERVED[kind](request.getfixturevalue(kind))
    elif kind == "stripe":
        with StripeServer() as server:
            yield StripeRig(server)
    elif kind == "folder":
        yield FolderRig(tmp_path / "exports")
    else:
        yield BucketRig(request.getfixturevalue("storage"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources give up after seconds."""
    monkeypatch.setattr("pwh_assets.sources.postgres.connection.CONNECT_TIMEOUT_S", 2)
    monkeypatch.setattr("pwh_assets.sources.mysql.connection.CONNECT_TIMEOUT_S", 2)
    monkeypatch.setattr("pwh_assets.sources.bigquery.PATIENCE_S", 2)
    monkeypatch.setattr("pwh_assets.sources.bigquery.TIMEOUT_S", 2)
    monkeypatch.setattr("pwh_assets.sources.databricks.PATIENCE_S", 2)
    monkeypatch.setattr("pwh_assets.sources.databricks.TIMEOUT_S", 2)
    monkeypatch.setattr("pwh_assets.sources.snowflake.TIMEOUT_S", 3)
    monkeypatch.setattr("pwh_assets.sources.redshift.TIMEOUT_S", 2)


def test_discovery_tells_columns_key_and_cursor(rig: Rig) -> None:
    rig.insert(1)
    table = next(t for t in rig.source.tables(rig.config) if t.name == rig.table)
    types = {column.name: column.type for column in table.columns}
    assert types["id"] in ("BIGINT", "VARCHAR")
    assert types["name"] == "VARCHAR"
    assert types[rig.cursor].startswith("TIMESTAMP")
    assert table.primary_key == rig.primary_key
    assert table.cursors[0] == rig.cursor
    assert {SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND} <= set(table.modes)


def test_a_full_read_brings_every_row(rig: Rig) -> None:
    rig.insert(1, 2, 3)
    assert read(rig, SyncMode.FULL) == ([1, 2, 3], None)


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.APPEND])
def test_a_first_read_brings_every_row_and_a_watermark(rig: Rig, mode: SyncMode) -> None:
    rig.insert(1, 2, 3)
    rig.settle()
    ids, watermark = read(rig, mode)
    assert ids == [1, 2, 3]
    assert watermark


def test_a_second_append_brings_only_what_is_past_the_watermark(rig: Rig) -> None:
    rig.insert(1, 2)
    rig.settle()
    _, watermark = read(rig, SyncMode.APPEND)
    rig.insert(3, 4)
    rig.settle()
    ids, later = read(rig, SyncMode.APPEND, watermark)
    assert ids == [3, 4]
    assert later is not None
    assert later > (watermark or "")


def test_a_second_merge_reads_the_boundary_again_and_what_is_past_it(rig: Rig) -> None:
    rig.insert(1, 2)
    _, watermark = read(rig, SyncMode.INCREMENTAL)
    rig.insert(3)
    assert read(rig, SyncMode.INCREMENTAL, watermark)[0] == [2, 3]


@pytest.mark.parametrize(("mode", "expected"), [(SyncMode.INCREMENTAL, [2]), (SyncMode.APPEND, [])])
def test_a_read_without_news_keeps_the_watermark(
    rig: Rig, mode: SyncMode, expected: list[int]
) -> None:
    rig.insert(1, 2)
    rig.settle()
    _, watermark = read(rig, mode)
    assert read(rig, mode, watermark) == (expected, watermark)


@pytest.mark.parametrize("rig", GUARDED, indirect=True)
def test_a_read_of_nothing_has_no_watermark(rig: Rig) -> None:
    assert read(rig, SyncMode.INCREMENTAL) == ([], None)


def test_the_watermark_is_not_known_before_the_last_row_is_taken(rig: Rig) -> None:
    rig.insert(1)
    rig.settle()
    reading = rig.source.read(rig.config, request(rig, SyncMode.APPEND))
    assert reading.watermark() is None
    assert len(rows_of(reading)) == 1
    assert reading.watermark() is not None


def test_a_column_that_is_new_at_the_source_arrives(rig: Rig) -> None:
    rig.insert(1)
    before = rig.source.read(rig.config, request(rig, SyncMode.FULL))
    assert "extra" not in {column.name for column in before.columns}
    rig.insert(2, extra="news")
    rows = rows_of(rig.source.read(rig.config, request(rig, SyncMode.FULL)))
    found = {str(row["id"]).removeprefix("cus_"): row["extra"] for row in rows}
    assert found["1"] is None
    assert "news" in found["2"]


def test_declared_types_are_those_the_rows_can_be_cast_to(rig: Rig) -> None:
    import duckdb

    rig.insert(1, 2)
    reading = rig.source.read(rig.config, request(rig, SyncMode.FULL))
    types = {column.name: column.type for column in reading.columns}
    for table in tables_of(reading):
        casts = ", ".join(
            f'CAST("{name}" AS {types[name]})' for name in table.column_names if name in types
        )
        with duckdb.connect() as connection:
            connection.register("batch", table)
            assert (
                len(connection.execute(f"SELECT {casts} FROM batch").fetchall()) == table.num_rows
            )


def test_a_table_that_is_gone_is_named(rig: Rig) -> None:
    rig.insert(1)
    wanted = ReadRequest("no_such_table", SyncMode.FULL, (), ())
    with pytest.raises(TableMissingError, match="no_such_table"):
        rig.source.read(rig.config, wanted)


@pytest.mark.parametrize("rig", GUARDED, indirect=True)
def test_a_cursor_that_does_not_exist_is_refused(rig: Rig) -> None:
    rig.insert(1)
    wanted = ReadRequest(rig.table, SyncMode.INCREMENTAL, (), rig.primary_key, "no_such_column")
    with pytest.raises((CursorMissingError, CursorTypeError), match="no_such_column"):
        rig.source.read(rig.config, wanted)


def test_a_probe_changes_with_the_data_and_only_then(rig: Rig) -> None:
    rig.insert(1)
    wanted = [request(rig, SyncMode.INCREMENTAL)]
    time.sleep(1.2)  # PostgreSQL reports its counters a second late
    before = rig.source.probe(rig.config, wanted)
    assert before[rig.table]
    assert rig.source.probe(rig.config, wanted) == before
    rig.insert(2)
    time.sleep(1.2)
    assert rig.source.probe(rig.config, wanted) != before


def test_a_probe_leaves_out_what_is_gone(rig: Rig) -> None:
    rig.insert(1)
    gone = ReadRequest("no_such_table", SyncMode.FULL, (), ())
    assert rig.source.probe(rig.config, [gone]) == {}


@pytest.mark.parametrize("rig", GUARDED, indirect=True)
@pytest.mark.filterwarnings(  # Redshift's connector leaves the socket of a refused log-in to the collector
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_wrong_credentials_are_an_access_error_without_the_secret(rig: Rig) -> None:
    wrong = rig.wrong_credentials
    assert wrong is not None
    for attempt in (
        lambda: rig.source.test_connection(wrong),
        lambda: rig.source.tables(wrong),
        lambda: rows_of(rig.source.read(wrong, request(rig, SyncMode.FULL))),
    ):
        with pytest.raises(SourceAccessError) as caught:
            attempt()
        assert not caught.value.retryable
        for name in secret_fields(rig.source):
            assert str(value_at(wrong, name) or "-nothing-") not in str(caught.value)


@pytest.mark.usefixtures("loopback_is_public")
def test_snowflakes_client_reaches_the_address_that_was_checked(snowflake: SnowflakeServer) -> None:
    rig = SnowflakeRig(snowflake)
    rig.insert(1)
    direct = rig.config
    rig.config = by_name(direct, "host", "127.0.0.1")
    assert read(rig, SyncMode.FULL)[0] == [1]
    with pytest.raises(PrivateHostError, match=r"leads to `127\.0\.0\.2`"):
        rig.source.test_connection(by_name(direct, "host", "127.0.0.2"))


@pytest.mark.parametrize("rig", REMOTE, indirect=True)
@pytest.mark.usefixtures("impatient")
@pytest.mark.filterwarnings(  # Redshift's connector leaves sockets to the collector
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_server_that_is_down_is_worth_another_try(rig: Rig) -> None:
    assert rig.unreachable is not None
    for attempt in (rig.source.test_connection, rig.source.tables):
        with pytest.raises(SourceUnavailableError) as caught:
            attempt(rig.unreachable)
        assert caught.value.retryable
        assert not rig.secret or rig.secret not in str(caught.value)


@pytest.mark.parametrize("rig", ["postgres", "stripe"], indirect=True)
def test_a_server_that_never_answers_is_given_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pwh_assets.sources.http.limits.IDLE_S", 1)
    monkeypatch.setattr("pwh_assets.sources.postgres.connection.CONNECT_TIMEOUT_S", 2)
    with silent_peer() as port:
        place = (
            {"host": "127.0.0.1", "port": port}
            if rig.source.name == "postgres"
            else {"base_url": f"http://127.0.0.1:{port}"}
        )
        began = time.monotonic()
        with pytest.raises(SourceUnavailableError):
            rig.source.test_connection({**rig.config, **place})
        assert time.monotonic() - began < 20


def test_secrets_are_marked_and_a_validated_config_is_stable(rig: Rig) -> None:
    if rig.secret:
        marked = secret_fields(rig.source)
        shown, hidden = divided(rig.config, marked)
        assert rig.secret in hidden.values()
        assert rig.secret not in str(shown)
    assert rig.source.validate(rig.config) == rig.config
