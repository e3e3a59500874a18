"""Where a source may live: hosts a user types must not lead into our own network unless that is switched on."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pwh_assets.settings import Settings
from pwh_assets.sources.custom.loading import KEY as CUSTOM
from pwh_assets.sources.network.egress import (
    KEY,
    Egress,
    PrivateHostError,
    UnknownHostError,
    is_public,
)

__all__ = [
    "PrivateHostError",
    "UnknownHostError",
    "carrying",
    "check_hosts",
    "guarded",
    "host_of",
    "hosts_of",
    "is_public",
]

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


def guarded(settings: Settings, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as sources get it: its hosts are checked now, and it carries the policy connections keep to.

    Raises:
        PrivateHostError, UnknownHostError: `attr` is the field.
    """
    check_hosts(settings, config)
    return carrying(settings, config)


def carrying(settings: Settings, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the policy connections keep to; for calls that need no host, so none is looked up."""
    allowed = {KEY: Egress(settings.allow_private_hosts), CUSTOM: settings.custom_sources}
    return {**config, **allowed}


def check_hosts(settings: Settings, config: Mapping[str, Any]) -> None:
    """Refuse a config whose hosts lead to private, loopback, link-local or metadata addresses.

    Raises:
        PrivateHostError, UnknownHostError: `attr` is the field.
    """
    if settings.allow_private_hosts:
        return
    policy = Egress()
    for attr, host in hosts_of(config):
        policy.addresses(host, attr)


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


def _split(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
