"""A MySQL database behind a bastion through the whole product: connected, synced, shown, changed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.errors import InvalidInputError, SourceUnavailableError
from pwh_assets.platform import open_platform
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.connecting import create_source, show_source, update_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings
from pwh_assets.sources.network import tunnel as tunnels
from pwh_assets.sources.network.tunnel import HostKeyChangedError
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.ssh import Bastion


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariaDB]:
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture
def rig(server: PrivateMariaDB) -> MySQLRig:
    return MySQLRig(server)


@pytest.fixture
def bastion(rig: MySQLRig) -> Iterator[Bastion]:
    with Bastion(to={("db.internal", 99): rig.config["port"]}) as server:
        yield server


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setattr(tunnels, "LINGER_S", 1)
    home = str(tmp_path / "home")
    platform = open_platform(Settings.from_env({"PWH_HOME": home, "PWH_ALLOW_PRIVATE_HOSTS": "1"}))
    yield platform
    platform.lakes.close()
    platform.store.close()


def connect(platform: Platform, rig: MySQLRig, bastion: Bastion, **tunnel: Any) -> str:
    ssh = {**bastion.config, "host_key": None, **tunnel}
    payload = {name: rig.config[name] for name in ("database", "user", "password")}
    payload |= {"host": "db.internal", "port": 99, "ssh_tunnel": ssh}
    return create_source(platform, 1, {"source_type": "MySQL", "payload": payload}).id


def rows(platform: Platform, sql: str) -> list[Any]:
    with platform.lakes.of(1).read() as connection:
        return connection.execute(sql).fetchall()


def test_a_first_sync_and_a_second_through_the_tunnel(
    platform: Platform, rig: MySQLRig, bastion: Bastion
) -> None:
    rig.run(
        "ALTER TABLE item ADD big bigint unsigned, ADD j json, ADD u uuid, ADD clock time, ADD raw blob"
    )
    rig.insert(1, 2)
    rig.run(
        "UPDATE item SET big = 18446744073709551615, j = '[1]', u = UUID(), clock = '10:00:00', raw = x'00ff'"
    )
    connect(platform, rig, bastion)
    (table,) = platform.store.tables(1)
    assert sync_table(platform, table).rows_synced == 2
    assert (
        rows(platform, "SELECT big, j, clock::text, raw FROM lake.mysql.item")
        == [(18446744073709551615, "[1]", "10:00:00", b"\x00\xff")] * 2
    )
    types = {name: kind for name, kind, *_ in rows(platform, "DESCRIBE lake.mysql.item")}
    assert [types[name] for name in ("big", "j", "u", "clock", "raw")] == [
        "UBIGINT",
        "JSON",
        "UUID",
        "TIME",
        "BLOB",
    ]
    rig.insert(3)
    bastion.drop()
    assert sync_table(platform, platform.store.table(table.id)).row_count == 3


def test_secrets_of_the_tunnel_are_sealed_and_shown_as_stars(
    platform: Platform, rig: MySQLRig, bastion: Bastion
) -> None:
    source = connect(platform, rig, bastion)
    shown = show_source(platform, 1, source)["job_inputs"]
    assert shown["ssh_tunnel"]["auth"]["password"] == "***"
    assert shown["ssh_tunnel"]["host_key"] == bastion.public_key
    assert bastion.password not in json.dumps(shown)
    for file in (platform.settings.home).glob("store.sqlite*"):
        assert bastion.password.encode() not in file.read_bytes()
    assert (
        platform.store.source_config(source)["ssh_tunnel"]["auth"]["password"] == bastion.password
    )


def test_a_change_keeps_the_tunnels_secrets_unless_the_bastion_moves(
    platform: Platform, rig: MySQLRig, bastion: Bastion
) -> None:
    source = connect(platform, rig, bastion)
    update_source(platform, 1, source, {"payload": {"ssh_tunnel": {"require_tls": False}}})
    assert (
        platform.store.source_config(source)["ssh_tunnel"]["auth"]["password"] == bastion.password
    )
    with pytest.raises(InvalidInputError, match="has to be entered again"):
        update_source(platform, 1, source, {"payload": {"ssh_tunnel": {"host": "localhost"}}})
    with pytest.raises(InvalidInputError, match="`host` changes"):
        update_source(platform, 1, source, {"payload": {"host": "elsewhere.internal"}})
    auth = {"password": bastion.password}
    moved = {"ssh_tunnel": {"host": "localhost", "auth": auth}, "password": rig.config["password"]}
    update_source(platform, 1, source, {"payload": moved})
    assert platform.store.source_config(source)["ssh_tunnel"]["host"] == "localhost"


def test_an_impostor_of_the_bastion_fails_the_sync_loudly(
    platform: Platform, rig: MySQLRig, bastion: Bastion
) -> None:
    connect(platform, rig, bastion)
    (table,) = platform.store.tables(1)
    bastion.host_key = Bastion().host_key
    port = bastion.port
    bastion.__exit__(None, None, None)
    bastion.offered.clear()
    bastion.port = port
    with bastion, pytest.raises(HostKeyChangedError):
        sync_table(platform, table)
    assert bastion.offered == []
    assert "Somebody may be in between" in (platform.store.table(table.id).latest_error or "")
    bastion.__enter__()


def test_without_leave_a_private_bastion_is_refused(
    tmp_path: Path, rig: MySQLRig, bastion: Bastion
) -> None:
    platform = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path / "closed")}))
    try:
        with pytest.raises(InvalidInputError) as caught:
            connect(platform, rig, bastion)
        assert caught.value.attr == "ssh_tunnel.host"
        assert bastion.sessions == 0
    finally:
        platform.lakes.close()
        platform.store.close()


def test_a_bastion_that_is_gone_is_worth_another_try(
    platform: Platform, rig: MySQLRig, bastion: Bastion
) -> None:
    connect(platform, rig, bastion)
    (table,) = platform.store.tables(1)
    bastion.__exit__(None, None, None)
    try:
        with pytest.raises(SourceUnavailableError, match="SSH server") as caught:
            sync_table(platform, table)
        assert bastion.password not in str(caught.value)
    finally:
        bastion.__enter__()
