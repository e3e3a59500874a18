"""Databases behind a bastion: who is trusted, what is told when the way is closed, and sessions that are dropped."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import (
    InvalidInputError,
    SourceAccessError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import SourceType
from pwh_assets.sources.network import tunnel as tunnels
from pwh_assets.sources.network.egress import KEY, Egress, PrivateHostError
from pwh_assets.sources.network.tunnel import (
    ForwardRefusedError,
    HostKeyChangedError,
    checked_tunnel,
    pinned,
)
from pwh_assets.sources.registry import discover
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.redshift import PrivateRedshift
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.rigs.warehouses import RedshiftRig
from tests.servers.source_rigs import PostgresRig, read, request
from tests.servers.ssh import Bastion, OpenSSH, OpenSSHMissingError

Rigs = PostgresRig | MySQLRig


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(scope="module")
def mysql() -> Iterator[PrivateMariaDB]:
    with PrivateMariaDB() as server:
        yield server


@pytest.fixture(params=["postgres", "mysql"])
def rig(request: pytest.FixtureRequest) -> Rigs:
    server = request.getfixturevalue(request.param)
    return PostgresRig(server) if request.param == "postgres" else MySQLRig(server)


@pytest.fixture
def bastion(rig: Rigs) -> Iterator[Bastion]:
    """Knows the database as `db.internal:99`, a name nobody else can resolve."""
    with Bastion(to={("db.internal", 99): rig.config["port"]}) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnels, "CONNECT_TIMEOUT_S", 3)
    monkeypatch.setattr(tunnels, "LINGER_S", 1)


def behind(rig: Rigs, ssh_tunnel: dict[str, Any]) -> Rigs:
    config = {**rig.config, "host": "db.internal", "port": 99, "ssh_tunnel": ssh_tunnel}
    rig.config = rig.source.validate(config)
    return rig


@pytest.mark.parametrize(
    "login",
    [lambda b: b.config, lambda b: b.by_key(), lambda b: b.by_key("sesame")],
    ids=["password", "key", "encrypted key"],
)
def test_a_database_only_the_bastion_knows_is_read(
    rig: Rigs, bastion: Bastion, login: Callable[[Bastion], dict[str, Any]]
) -> None:
    rig.insert(1, 2, 3)
    behind(rig, login(bastion))
    assert "item" in {table.name for table in rig.source.tables(rig.config)}
    ids, watermark = read(rig, SyncMode.INCREMENTAL)
    assert (ids, bool(watermark)) == ([1, 2, 3], True)
    assert rig.source.probe(rig.config, [request(rig, SyncMode.INCREMENTAL)])
    assert bastion.sessions == 1  # connections share the session
    assert bastion.forwards > 2


def test_a_dropped_session_is_made_anew(rig: Rigs, bastion: Bastion) -> None:
    rig.insert(1)
    behind(rig, bastion.config)
    assert read(rig, SyncMode.FULL)[0] == [1]
    bastion.drop()
    assert read(rig, SyncMode.FULL)[0] == [1]
    assert bastion.sessions == 2


def test_a_session_dropped_while_reading_is_worth_another_try_and_leaves_no_watermark(
    rig: Rigs, bastion: Bastion
) -> None:
    series = "seq_1_to_200000" if isinstance(rig, MySQLRig) else "generate_series(1, 200000) seq"
    place = "item" if isinstance(rig, MySQLRig) else f"{rig.schema}.item"
    rig.run(f"INSERT INTO {place} SELECT seq, repeat('x', 200), '2024-01-01' FROM {series}")
    behind(rig, bastion.config)
    reading = rig.source.read(
        rig.config, request(rig, SyncMode.INCREMENTAL, may_chunk=False, batch_rows=2_000)
    )
    assert reading.batches is not None
    batches = iter(reading.batches)
    next(batches)
    bastion.drop()
    with pytest.raises(SourceUnavailableError) as caught:
        list(batches)
    assert rig.secret not in str(caught.value)
    assert reading.watermark() is None
    assert len(read(rig, SyncMode.FULL)[0]) == 200_000


def test_a_forward_that_is_not_allowed_is_told_with_the_way_out(
    rig: Rigs, bastion: Bastion
) -> None:
    behind(rig, bastion.config)
    with pytest.raises(
        ForwardRefusedError, match=r"does not forward connections to `db.internal:98`.*PermitOpen"
    ):
        rig.source.test_connection({**rig.config, "port": 98})


def test_a_database_the_bastion_does_not_reach_is_worth_another_try(rig: Rigs) -> None:
    with Bastion(allow=[("127.0.0.1", 1)]) as bastion:
        behind(rig, bastion.config)
        with pytest.raises(SourceUnavailableError, match=r"does not reach `127.0.0.1:1`"):
            rig.source.test_connection({**rig.config, "host": "127.0.0.1", "port": 1})


def test_another_host_key_is_refused_and_told_nothing(rig: Rigs, bastion: Bastion) -> None:
    behind(rig, bastion.config)
    rig.source.test_connection(rig.config)
    with Bastion(to=bastion.to) as impostor:
        tunnel = {**rig.config["ssh_tunnel"], "port": impostor.port}
        with pytest.raises(HostKeyChangedError, match=r"Somebody may be in between"):
            rig.source.test_connection({**rig.config, "ssh_tunnel": tunnel})
        assert (impostor.sessions, impostor.offered) == (0, [])


def test_the_first_key_is_kept_without_logging_in(rig: Rigs, bastion: Bastion) -> None:
    behind(rig, {**bastion.config, "host_key": None})
    with pytest.raises(SourceAccessError, match="No host key"):
        rig.source.test_connection(rig.config)
    config = pinned(rig.config)
    assert config["ssh_tunnel"]["host_key"] == bastion.public_key
    assert (bastion.sessions, bastion.offered) == (0, [])
    rig.source.test_connection(config)
    assert pinned(config) == config


def test_a_fingerprint_names_the_key_as_well(bastion: Bastion, rig: Rigs) -> None:
    shown = bastion.host_key.get_fingerprint()
    behind(rig, {**bastion.config, "host_key": shown})
    assert pinned(rig.config)["ssh_tunnel"]["host_key"] == bastion.public_key
    other = {**rig.config["ssh_tunnel"], "host_key": "SHA256:" + "a" * 43}
    with pytest.raises(HostKeyChangedError, match=shown.replace("+", r"\+")):
        pinned({**rig.config, "ssh_tunnel": other})


def test_a_wrong_password_of_the_bastion_is_told_as_the_bastions(
    rig: Rigs, bastion: Bastion
) -> None:
    behind(rig, bastion.config)
    auth = {**rig.config["ssh_tunnel"]["auth"], "password": "wrong-password"}
    tunnel = {**rig.config["ssh_tunnel"], "auth": auth}
    with pytest.raises(
        SourceAccessError, match=r"SSH server .* refused the user `tunnel`"
    ) as caught:
        rig.source.test_connection({**rig.config, "ssh_tunnel": tunnel})
    assert "wrong-password" not in str(caught.value)


def test_a_wrong_password_of_the_database_is_told_as_the_databases(
    rig: Rigs, bastion: Bastion
) -> None:
    behind(rig, bastion.config)
    with pytest.raises(SourceAccessError, match=r"at `db.internal:99`"):
        rig.source.test_connection({**rig.config, "password": "wrong-password"})


def test_a_bastion_that_is_down_is_worth_another_try(rig: Rigs, bastion: Bastion) -> None:
    behind(rig, bastion.config)
    tunnel = {**rig.config["ssh_tunnel"], "port": 1}
    with pytest.raises(SourceUnavailableError, match="SSH server"):
        rig.source.test_connection({**rig.config, "ssh_tunnel": tunnel})


def test_a_bastion_on_a_private_address_is_refused_before_anything_is_sent(
    rig: Rigs, bastion: Bastion
) -> None:
    behind(rig, bastion.config)
    with pytest.raises(PrivateHostError) as caught:
        rig.source.test_connection({**rig.config, KEY: Egress()})
    assert caught.value.attr == "ssh_tunnel.host"
    assert bastion.sessions == 0


def test_require_tls_is_asked_of_the_database_behind_the_tunnel(
    rig: Rigs, bastion: Bastion
) -> None:
    behind(rig, {**bastion.config, "require_tls": True})
    with pytest.raises(SourceAccessError, match=r"(?i)ssl"):
        rig.source.test_connection(rig.config)


def test_the_local_end_is_on_loopback_and_gone_when_nobody_needs_it(
    rig: Rigs, bastion: Bastion
) -> None:
    behind(rig, bastion.config)
    rig.source.test_connection(rig.config)
    (open_,) = [t for t in tunnels._tunnels.values() if t._bastion.port == bastion.port]
    assert open_._server is not None
    assert {s.getsockname()[0] for s in open_._server.sockets} == {"127.0.0.1"}
    give_up_at = time.monotonic() + 10
    while open_ in tunnels._tunnels.values() and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert open_ not in tunnels._tunnels.values()


def test_many_at_once_share_one_session(rig: Rigs, bastion: Bastion) -> None:
    rig.insert(1, 2)
    behind(rig, bastion.config)
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: found.append(read(rig, SyncMode.FULL)[0])) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [[1, 2]] * 6
    assert bastion.sessions == 1


def test_openssh_forwards_to_what_it_permits(rig: Rigs) -> None:
    port = rig.config["port"]
    try:
        with OpenSSH(permit=f"127.0.0.1:{port}") as server:
            rig.insert(1)
            config = {**rig.config, "ssh_tunnel": server.config}
            rig.config = pinned(rig.source.validate(config))
            assert read(rig, SyncMode.FULL)[0] == [1]
            with pytest.raises(ForwardRefusedError):
                rig.source.test_connection({**rig.config, "port": 2})
    except OpenSSHMissingError as missing:
        pytest.skip(str(missing))


# The form


def sources() -> list[SourceType]:
    return [discover()[name] for name in ("postgres", "mysql", "redshift")]


BASE = {"host": "db", "database": "d", "user": "u", "password": "made-up"}
GOOD = {"host": "b", "auth": {"username": "u", "password": "p"}}


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
@pytest.mark.parametrize(
    ("tunnel", "attr"),
    [
        ({"auth": GOOD["auth"]}, "ssh_tunnel.host"),
        ({"host": "b"}, "ssh_tunnel.auth.username"),
        ({**GOOD, "auth": {"username": "u"}}, "ssh_tunnel.auth.password"),
        ({**GOOD, "auth_type": "keypair"}, "ssh_tunnel.auth.private_key"),
        ({**GOOD, "port": 0}, "ssh_tunnel.port"),
        ({**GOOD, "port": "x"}, "ssh_tunnel.port"),
        ({**GOOD, "host_key": "ssh-ed25519 nonsense"}, "ssh_tunnel.host_key"),
        ({**GOOD, "hots": "b"}, "ssh_tunnel.hots"),
        ({**GOOD, "auth": {**GOOD["auth"], "type": "agent"}}, "ssh_tunnel.auth.type"),
        (
            {**GOOD, "auth": {"type": "keypair", "username": "u", "private_key": "x"}},
            "ssh_tunnel.auth.private_key",
        ),
        ("yes", "ssh_tunnel"),
    ],
)
def test_a_field_that_is_wrong_is_named(source: SourceType, tunnel: Any, attr: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        source.validate({**BASE, "ssh_tunnel": tunnel})
    assert caught.value.attr == attr


def test_an_encrypted_key_needs_its_passphrase() -> None:
    bastion = Bastion()
    good = {**bastion.by_key("sesame"), "port": 22}
    assert checked_tunnel(good)
    for passphrase in (None, "wrong"):
        auth = {**good["auth"], "passphrase": passphrase}
        with pytest.raises(InvalidInputError) as caught:
            checked_tunnel({**good, "auth": auth})
        assert caught.value.attr == "ssh_tunnel.auth.passphrase"


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_tunnel_that_is_switched_off_is_none(source: SourceType) -> None:
    for off in (None, {}, {"enabled": False}, {"enabled": "false", "host": "b"}):
        assert source.validate({**BASE, "ssh_tunnel": off})["ssh_tunnel"] is None


def test_redshift_is_reached_through_a_bastion_too() -> None:
    with PrivateRedshift() as server:
        rig = RedshiftRig(server)
        rig.insert(1, 2)
        with Bastion(to={("cluster.internal", 5439): rig.config["port"]}) as bastion:
            place = {"host": "cluster.internal", "port": 5439, "ssh_tunnel": bastion.config}
            config = rig.source.validate({**rig.config, **place})
            assert [table.name for table in rig.source.tables(config)] == ["item"]
            rig.config = config
            assert read(rig, SyncMode.FULL)[0] == [1, 2]
