"""What addresses a source may reach, and connections to exactly the addresses that were checked.

A name is resolved once per connection and every address it has is checked; then the address is connected to,
not the name. A name that answers differently the second time (DNS rebinding) is thus never asked a second time.

A config carries the policy under `KEY`, put there by the services. A config without it (a test, a notebook) may reach
everything.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pwh_assets.errors import InvalidInputError, SourceUnavailableError

KEY = "_egress"
"""The name a policy has in a config. No form can have a field called so: forms are checked against their fields."""

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


def resolve(host: str) -> list[str]:
    """The host's addresses, as the system resolves them. Raises `OSError` or `UnicodeError`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Egress:
    """The policy: with `allow_private` every address may be reached, else public ones only."""

    allow_private: bool = False
    resolver: Callable[[str], list[str]] = resolve

    def addresses(self, host: str, attr: str = "host") -> list[str]:
        """The host's addresses, all of them allowed; a path of a local socket is its own address.

        Raises:
            PrivateHostError: one of them is not public.
            UnknownHostError: it has none.
            SourceUnavailableError: names cannot be resolved just now.
        """
        if host.startswith("/"):
            found = [host]
        else:
            try:
                found = self.resolver(host)
            except socket.gaierror as error:
                if error.errno == socket.EAI_AGAIN:
                    raise SourceUnavailableError(
                        f"`{host}` could not be resolved just now: the name server does not answer. Try again later."
                    ) from None
                raise UnknownHostError(attr, host) from None
            except (OSError, UnicodeError):
                raise UnknownHostError(attr, host) from None
        if not self.allow_private:
            for address in found:
                if not is_public(address):
                    raise PrivateHostError(attr, host, address)
        return found

    def connect(self, host: str, port: int, timeout_s: float, attr: str = "host") -> socket.socket:
        """A TCP connection to one of the host's checked addresses, tried in order.

        Raises:
            PrivateHostError, UnknownHostError, SourceUnavailableError: see `addresses`.
            OSError: none of them answers.
        """
        return connect_to(self.addresses(host, attr), port, timeout_s)


ANYWHERE = Egress(allow_private=True)


def egress_of(config: Mapping[str, Any]) -> Egress:
    """The policy a config carries."""
    found = config.get(KEY)
    return found if isinstance(found, Egress) else ANYWHERE


def connect_to(addresses: list[str], port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to the first address that answers, all within `timeout_s`. Raises `OSError`."""
    give_up_at = time.monotonic() + timeout_s
    problem: OSError = OSError("no address")
    for address in addresses:
        left = give_up_at - time.monotonic()
        if left <= 0:
            break
        try:
            found = socket.create_connection((address, port), left)
        except OSError as error:
            problem = error
            continue
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found
    raise problem


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
