"""A way out for clients that resolve names themselves: an HTTP proxy on loopback that asks the policy.

Such a client is given names and no addresses, may follow redirects, and may be sent elsewhere by its server for large answers.
With the proxy every connection it makes is one of ours: the name is resolved here, its addresses are checked, and one of them
is connected to. TLS passes through untouched, so certificates are still checked against the name, by the client.

Where the operator's own proxy is in the environment (`HTTPS_PROXY`), that one resolves names and decides.
"""

import base64
import contextlib
import hmac
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from pwh_assets.errors import PwhError
from pwh_assets.sources.network.egress import Egress, PrivateHostError, egress_of

CONNECT_TIMEOUT_S = 20
HEAD_TIMEOUT_S = 30
USER = "pwh"
_PIECE_BYTES = 256 << 10
_BETWEEN = frozenset(("connection", "proxy-connection", "proxy-authorization", "keep-alive"))
"""Headers of a request that are not passed on."""


class Guard:
    """The way out of one client. Whoever does not know the password is not let through."""

    host = "127.0.0.1"

    def __init__(self, egress: Egress) -> None:
        self.password = secrets.token_urlsafe(18)
        self.refusal: PrivateHostError | None = None
        """Why a host was not reached; the client knows only that a proxy refused."""
        self._egress = egress
        self._relayed: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_over = False
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._serve, name="guard", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """Without the password."""
        return f"http://{self.host}:{self.port}"

    @property
    def authorization(self) -> str:
        """What `Proxy-Authorization` must say."""
        return "Basic " + base64.b64encode(f"{USER}:{self.password}".encode()).decode()

    def reached(self, host: str, port: int) -> socket.socket:
        """A connection to a checked address of the host. Raises PwhError, OSError."""
        try:
            return self._egress.connect(host, port, CONNECT_TIMEOUT_S)
        except PrivateHostError as error:
            self.refusal = self.refusal or error
            raise

    @contextmanager
    def relaying(self, *ends: socket.socket) -> Iterator[None]:
        """While a connection lasts, so that the end of the guard ends it too."""
        with self._lock:
            if self._is_over:
                raise ConnectionAbortedError
            self._relayed.update(ends)
        try:
            yield
        finally:
            with self._lock:
                self._relayed.difference_update(ends)

    def close(self) -> None:
        """No more connections, and none that lasts."""
        self._is_over = True
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), CONNECT_TIMEOUT_S).close()
        self._thread.join()
        self._server.server_close()
        with self._lock:
            for end in self._relayed:
                _shut(end, socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self._is_over:
            self._server.handle_request()


@contextmanager
def guarded(config: Mapping[str, Any]) -> Iterator[Guard | None]:
    """The way out for a client of this source; None where it may reach everything, or goes through the operator's proxy.

    Raises:
        PwhError: what the policy refused, in the place of the client's own error.
    """
    egress = egress_of(config)
    if egress.allow_private or has_proxy():
        yield None
        return
    guard = Guard(egress)
    try:
        yield guard
    except Exception:
        if guard.refusal is not None:
            raise guard.refusal from None
        raise
    finally:
        guard.close()


def has_proxy() -> bool:
    """Whether the environment names a proxy for what leaves this machine."""
    return bool({"http", "https", "all"} & set(getproxies_environment()))


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        super().__init__((guard.host, 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is nobody's concern."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of the client: CONNECT, or one request of plain HTTP, after which it is closed."""

    server: _Server
    connection: socket.socket
    rbufsize = 0  # what follows the head is passed on as it comes, not read ahead
    timeout = HEAD_TIMEOUT_S

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        self._pass_on(host.strip("[]"), port, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._plain
        raise AttributeError(name)

    def _plain(self) -> None:
        address = urlsplit(self.path)
        if address.scheme != "http" or not address.hostname:
            self._refuse(400, "An address with `http://` is wanted")
            return
        place = address._replace(scheme="", netloc="").geturl() or "/"
        lines = [f"{self.command} {place} HTTP/1.1"]
        lines += [f"{n}: {v}" for n, v in self.headers.items() if n.lower() not in _BETWEEN]
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        self._pass_on(address.hostname, str(address.port or 80), head.encode("latin-1"))

    def _pass_on(self, host: str, port: str, head: bytes | None) -> None:
        self.close_connection = True
        guard = self.server.guard
        given = self.headers.get("Proxy-Authorization", "")
        if not hmac.compare_digest(given.encode(), guard.authorization.encode()):
            self._refuse(407, "Not for you")
            return
        if not port.isdigit() or not 0 < int(port) < 65536:
            self._refuse(400, "There is no such port")
            return
        try:
            far = guard.reached(host, int(port))
        except PwhError as error:
            self._refuse(403, error.code)
            return
        except OSError:
            self._refuse(502, "Nobody answers there")
            return
        with far, guard.relaying(self.connection, far):
            self.connection.settimeout(None)
            far.settimeout(None)
            if head is None:
                self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                far.sendall(head)
            there = threading.Thread(target=_relay, args=(self.connection, far), daemon=True)
            there.start()
            _relay(far, self.connection)
            there.join()

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.send_response_only(status, why)
            if status == 407:
                self.send_header("Proxy-Authenticate", 'Basic realm="pwh"')
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Addresses of requests may hold signatures."""


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what comes until there is no more, and say so at the other end."""
    piece = memoryview(bytearray(_PIECE_BYTES))
    with contextlib.suppress(OSError):
        while size := one.recv_into(piece):
            other.sendall(piece[:size])
    _shut(other, socket.SHUT_WR)
    _shut(one, socket.SHUT_RD)


def _shut(end: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(how)
