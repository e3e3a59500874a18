"""The way to a database: directly to its checked addresses, or through an SSH tunnel to a port of this machine."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pwh_assets.sources.network.egress import connect_to, egress_of


@dataclass(frozen=True, slots=True)
class Route:
    """Where to connect, and under which name.

    `host` is what was typed: certificates are checked against it. `addresses` were checked and are connected to;
    a path in them is a local socket.
    """

    host: str
    addresses: tuple[str, ...]
    port: int

    def connect(self, timeout_s: float) -> socket.socket:
        """A TCP connection to the first address that answers. Raises `OSError`."""
        return connect_to(list(self.addresses), self.port, timeout_s)


@contextmanager
def routed(config: Mapping[str, Any]) -> Iterator[Route]:
    """The way to `config`'s `host` and `port`, open until the end of the block.

    Raises:
        PrivateHostError, UnknownHostError: the host may not be reached, or is not there.
    """
    host, port = str(config["host"]), int(config["port"])
    yield Route(host, tuple(egress_of(config).addresses(host)), port)
