"""The way to a database: directly to its checked addresses, or through an SSH tunnel to a port of this machine."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.network.egress import connect_to, egress_of
from pwh_assets.sources.network.tunnel import bastion_of, forwarded


@dataclass(frozen=True, slots=True)
class Route:
    """Where to connect, and under which name.

    `peers` are pairs of name and address: certificates are checked against the name, the address was checked and
    is connected to. A path is a local socket.
    """

    peers: tuple[tuple[str, str], ...]
    port: int

    def connect(self, timeout_s: float) -> socket.socket:
        """A TCP connection to the first address that answers. Raises `OSError`."""
        return connect_to([address for _, address in self.peers], self.port, timeout_s)


@contextmanager
def routed(config: Mapping[str, Any]) -> Iterator[Route]:
    """The way to `config`'s `host` (one, or several with commas) and `port`, open until the end of the block.

    Raises:
        PrivateHostError, UnknownHostError: the host may not be reached, or is not there.
        HostKeyChangedError, ForwardRefusedError: of an SSH tunnel.
        SourceUnavailableError: the tunnel's other end does not answer.
    """
    host, port, policy = str(config["host"]), int(config["port"]), egress_of(config)
    bastion = bastion_of(config)
    if bastion is None:
        names = [name.strip() for name in host.split(",")]
        yield Route(
            tuple((name, found) for name in names for found in policy.addresses(name)), port
        )
        return
    if host.startswith("/") or "," in host:
        raise InvalidInputError("host", "Through an SSH tunnel `host` is one name or address.")
    with forwarded(bastion, policy, host, port) as here:
        yield Route(((host, "127.0.0.1"),), here)
