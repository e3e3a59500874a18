"""Connections a library opened for us and keeps to itself: found by their ports, ended when the library hangs in them."""

import os
import socket
import stat
from collections.abc import Callable, Collection, Iterator

Local = tuple[str, int]
"""Address and port at our end, which no other connection has as long as this one lives."""


def to_port(port: int) -> frozenset[Local]:
    """Our ends of all TCP connections of this process to that port, whatever the host."""
    return frozenset(ours for ours, theirs, _ in _open() if theirs == port)


def end(ours: Collection[Local]) -> None:
    """Shut these down: whoever reads or writes them gets an error at once."""
    for local, _, descriptor in _open():
        if local in ours:
            _with(descriptor, lambda one: one.shutdown(socket.SHUT_RDWR))


def _open() -> Iterator[tuple[Local, int, int]]:
    try:
        names = os.listdir("/dev/fd")
    except OSError:  # not here: nothing is found, so nothing is ended
        return
    for descriptor in map(int, names):
        ends: list[tuple[Local, int]] = []

        def look(one: socket.socket, ends: list[tuple[Local, int]] = ends) -> None:
            if one.family in (socket.AF_INET, socket.AF_INET6):
                ends.append((one.getsockname()[:2], one.getpeername()[1]))

        _with(descriptor, look)
        for local, port in ends:
            yield local, port, descriptor


def _with(descriptor: int, what: Callable[[socket.socket], None]) -> None:
    """Do it with a copy of the descriptor, where that is a connected socket."""
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            with socket.socket(fileno=os.dup(descriptor)) as one:
                what(one)
    except OSError:
        return
