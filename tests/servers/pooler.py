"""A stand-in for a connection pooler before PostgreSQL: it takes no settings to begin with, and notes what is set later."""

import contextlib
import re
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_SET = re.compile(rb"\bSET (?!LOCAL|TRANSACTION)([A-Za-z_]+) *=")


class Pooler:
    """On loopback before the server at `port`. What it does with `options`: refuses or forgets them, as PgBouncer does.
    Replication is refused.

    It does not pool: each client has a server's connection of its own.
    """

    def __init__(self, port: int, refuses: bool) -> None:
        self._behind, self._refuses = port, refuses
        self.settings: set[str] = set()
        """Names of what was set for longer than a transaction."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        (size,) = struct.unpack("!I", client.recv(4, socket.MSG_WAITALL))
        words = client.recv(size - 4, socket.MSG_WAITALL)
        version, pairs = words[:4], words[4:].rstrip(b"\0").split(b"\0")
        named = dict(zip(pairs[::2], pairs[1::2], strict=True))
        odd = next((name for name in (b"replication", b"options") if name in named), b"")
        if odd and (self._refuses or odd == b"replication"):
            text = b"SFATAL\0C08P01\0Munsupported startup parameter: " + odd + b"\0\0"
            client.sendall(b"E" + struct.pack("!I", len(text) + 4) + text)
            client.shutdown(socket.SHUT_RDWR)
            return
        named.pop(b"options", None)
        server = socket.create_connection(("127.0.0.1", self._behind))
        self._open.append(server)
        rest = version + b"".join(k + b"\0" + v + b"\0" for k, v in named.items()) + b"\0"
        server.sendall(struct.pack("!I", len(rest) + 4) + rest)
        back = threading.Thread(target=self._relay, args=(server, client), daemon=True)
        self._threads.append(back)
        back.start()
        self._relay(client, server, notes=True)

    def _relay(self, source: socket.socket, target: socket.socket, notes: bool = False) -> None:
        try:
            while chunk := source.recv(65536):
                if notes:
                    self.settings |= {name.decode() for name in _SET.findall(chunk)}
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
