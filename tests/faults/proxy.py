"""A way to a server that can be closed: it holds back, drips or cuts what the server says, after so many bytes."""

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType

_RESET = struct.pack("ii", 1, 0)
_DRIP_S = 0.02


class _Link:
    """One connection through the proxy: two sockets, and a thread for each direction."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.received = 0
        """Bytes the server sent through it since the last `strike`."""

    def cut(self) -> None:
        """End it as a router does that lost its table: with a reset."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Forwards connections on `port` to another port of loopback, until `strike` says what becomes of them."""

    host = "127.0.0.1"

    def __init__(self, to: int) -> None:
        self.to = to
        self.struck = threading.Event()
        """Set once a connection brought the bytes `strike` named."""
        self._links: list[_Link] = []
        self._pumps: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._healthy = threading.Event()
        self._healthy.set()
        self._how, self._after = "", 0
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def strike(self, how: str, after: int) -> None:
        """When one connection brings `after` more bytes: `hold` it, `drip` (50 bytes a second), or `cut` all."""
        with self._lock:
            for link in self._links:
                link.received = 0
            self.struck.clear()
            self._how, self._after = how, after
            self._healthy.clear()

    def heal(self) -> None:
        """Forward everything, also what was held back."""
        self._how = ""
        self._healthy.set()

    def cut(self) -> None:
        """Reset every connection there is; new ones are taken."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.cut()

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        self.cut()
        for thread in self._pumps:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((self.host, self.to), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            link = _Link(client, server)
            with self._lock:
                self._links.append(link)
            self._pumps = [thread for thread in self._pumps if thread.is_alive()]
            for target in (self._up, self._down):
                self._pumps.append(threading.Thread(target=target, args=(link,), daemon=True))
                self._pumps[-1].start()

    def _up(self, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while data := link.client.recv(65536):
                link.server.sendall(data)
        self._end(link)

    def _down(self, link: _Link) -> None:
        with contextlib.suppress(OSError):
            while data := link.server.recv(16384):
                link.received += len(data)
                if self._how and link.received > self._after:
                    self._strike(link, data)
                else:
                    link.client.sendall(data)
        self._end(link)

    def _strike(self, link: _Link, data: bytes) -> None:
        how = self._how
        if how == "cut":
            self.heal()  # once: what comes next gets through
            self.struck.set()
            self.cut()
            return
        self.struck.set()
        while how == "drip" and data and not self._healthy.is_set():
            link.client.sendall(data[:1])
            data = data[1:]
            time.sleep(_DRIP_S)
        self._healthy.wait()
        link.client.sendall(data)

    def _end(self, link: _Link) -> None:
        """One side has closed, so both are."""
        link.close()
        with self._lock:
            if link in self._links:
                self._links.remove(link)
