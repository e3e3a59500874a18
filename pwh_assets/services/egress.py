"""Where a source may live: hosts a user types must not lead into our own network unless that is switched on."""

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pwh_assets.errors import InvalidInputError
from pwh_assets.settings import Settings

HOST_FIELDS = frozenset(
    (
        "host",
        "hostname",
        "server",
        "endpoint",
        "endpoint_url",
        "base_url",
        "api_url",
        "url",
        "uri",
        "account_url",
        "instance_url",
        "connection_string",
        "dsn",
        "hosts",
        "url_pattern",
        "bucket_url",
    )
)
"""Names of form fields whose text leads to a host."""

_STORAGE_SCHEMES = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfss", "r2", "file", ""))
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class PrivateHostError(InvalidInputError):
    """The host is, or resolves to, an address of this machine or its network."""

    code: ClassVar[str] = "private_host"

    def __init__(self, attr: str, host: str, address: str) -> None:
        self.host, self.address = host, address
        leads = f"`{host}`" if host == address else f"`{host}` leads to `{address}`, which"
        super().__init__(
            attr,
            f"{leads} is an address of this machine or its private network, where sources may not live. "
            "Set `PWH_ALLOW_PRIVATE_HOSTS=1` to allow it.",
        )


class UnknownHostError(InvalidInputError):
    """The host has no address."""

    code: ClassVar[str] = "unknown_host"

    def __init__(self, attr: str, host: str) -> None:
        self.host = host
        super().__init__(
            attr, f"`{host}` has no address: the name does not resolve. Check its spelling."
        )


def check_hosts(settings: Settings, config: Mapping[str, Any]) -> None:
    """Refuse a config whose hosts lead to private, loopback, link-local or metadata addresses.

    Raises:
        PrivateHostError, UnknownHostError: `attr` is the field.
    """
    if settings.allow_private_hosts:
        return
    for attr, host in hosts_of(config):
        for address in _addresses(attr, host):
            if not is_public(address):
                raise PrivateHostError(attr, host, address)


def hosts_of(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Field and host of everything the config leads to. Behind a tunnel only the bastion is reached from here."""
    tunnel = config.get("ssh_tunnel")
    is_tunnelled = isinstance(tunnel, Mapping) and bool(tunnel.get("enabled"))
    for name, value in config.items():
        attr = f"{path}{name}"
        if isinstance(value, Mapping):
            yield from hosts_of(value, f"{attr}.")
        elif name.lower() in HOST_FIELDS and not (is_tunnelled and name.lower() == "host"):
            values = value if isinstance(value, list | tuple) else str(value or "").split(",")
            for text in values:
                if host := host_of(str(text).strip()):
                    yield attr, host


def host_of(text: str) -> str:
    """The host in what a user typed: a URL, host:port, a bare host or a socket folder; '' when there is none.

    >>> host_of("https://user:pw@db.example.com:5432/x"), host_of("[::1]:5432"), host_of("10.0.0.1:9000")
    ('db.example.com', '::1', '10.0.0.1')
    >>> host_of("s3://bucket/key"), host_of("/var/run/postgresql")
    ('', '/var/run/postgresql')
    """
    scheme, separator, _ = text.partition("://")
    if separator:
        return "" if scheme.lower() in _STORAGE_SCHEMES else (_split(text) or text)
    if not text or text.startswith("/"):
        return text
    if text.count(":") > 1 and not text.startswith("["):
        return text.partition("%")[0]  # a bare IPv6 address
    return _split(f"//{text}") or text


def is_public(address: str) -> bool:
    """True for an address on the public internet, also when it is wrapped in an IPv6 one.

    >>> is_public("8.8.8.8"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if inner is None and any(found in network for network in _NAT64):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None and int(found) >> 32 == 0:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)  # ::a.b.c.d
        if inner:
            return is_public(str(inner))
        if found.is_site_local:
            return False
    elif found in _SHARED:
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _split(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _addresses(attr: str, host: str) -> list[str]:
    if host.startswith("/"):
        return [host]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnknownHostError(attr, host) from None
    return sorted({str(entry[4][0]) for entry in found})
