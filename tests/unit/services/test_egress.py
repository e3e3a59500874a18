"""Hosts a user types: what may be reached and what may not."""

from pathlib import Path

import pytest

from pwh_assets.services.sources.egress import (
    PrivateHostError,
    UnknownHostError,
    check_hosts,
    host_of,
    hosts_of,
    is_public,
)
from pwh_assets.settings import Settings

CLOSED = Settings(home=Path("unused"))
OPEN = Settings(home=Path("unused"), allow_private_hosts=True)

PRIVATE = [
    "127.0.0.1",
    "127.1",
    "0",
    "0.0.0.0",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "localhost",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "[::1]",
    "::1",
    "[::]",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "fec0::1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_addresses_of_our_own_network_are_refused(host: str) -> None:
    with pytest.raises((PrivateHostError, UnknownHostError)) as refused:
        check_hosts(CLOSED, {"host": host})
    assert refused.value.attr == "host"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/x",
        "https://user:pw@127.0.0.1/",
        "http://localhost",
        "http://[::ffff:127.0.0.1]:80/",
        "127.0.0.1:9000",
        "[::1]:5432",
        "jdbc:x://10.0.0.1/db",
        "/var/run/postgresql",
        "//127.0.0.1/x",
        "8.8.8.8,127.0.0.1",
    ],
)
@pytest.mark.parametrize("field", ["host", "endpoint", "base_url", "url", "dsn"])
def test_they_are_found_in_whatever_they_are_written(field: str, url: str) -> None:
    with pytest.raises((PrivateHostError, UnknownHostError)):
        check_hosts(CLOSED, {field: url})


def test_they_are_found_in_nested_fields() -> None:
    tunnel = {"enabled": True, "host": "127.0.0.1"}
    with pytest.raises(PrivateHostError) as refused:
        check_hosts(CLOSED, {"host": "db.internal", "ssh_tunnel": tunnel})
    assert refused.value.attr == "ssh_tunnel.host"


def test_behind_a_tunnel_only_the_bastion_is_reached_from_here() -> None:
    config = {"host": "localhost", "ssh_tunnel": {"enabled": True, "host": "8.8.8.8"}}
    assert list(hosts_of(config)) == [("ssh_tunnel.host", "8.8.8.8")]
    check_hosts(CLOSED, config)
    with pytest.raises(PrivateHostError):
        check_hosts(CLOSED, {**config, "ssh_tunnel": {"enabled": False, "host": "8.8.8.8"}})


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "1.1.1.1:443", "https://8.8.4.4/x", "2606:4700:4700::1111"]
)
def test_public_addresses_pass(host: str) -> None:
    check_hosts(CLOSED, {"host": host})


def test_other_fields_and_object_storage_are_not_hosts() -> None:
    check_hosts(
        CLOSED, {"user": "127.0.0.1", "host": "", "url": "s3://127.0.0.1/key", "endpoint": None}
    )


def test_a_name_that_does_not_resolve_is_said_so() -> None:
    with pytest.raises(UnknownHostError, match=r"`no-such-host\.invalid` has no address"):
        check_hosts(CLOSED, {"host": "no-such-host.invalid"})
    for odd in ("a" * 300, "\udcff", "a..b", "x\x00y"):
        with pytest.raises(UnknownHostError):
            check_hosts(CLOSED, {"host": odd})


def test_the_switch_lets_everything_pass() -> None:
    for host in PRIVATE:
        check_hosts(OPEN, {"host": host})


def test_the_sentence_names_the_way_out() -> None:
    with pytest.raises(PrivateHostError, match="PWH_ALLOW_PRIVATE_HOSTS=1"):
        check_hosts(CLOSED, {"base_url": "http://127.0.0.1"})


def test_garbage_is_not_public() -> None:
    assert not is_public("") and not is_public("x")
    assert host_of("http://[") == "http://["
