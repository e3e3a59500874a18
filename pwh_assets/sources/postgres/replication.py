"""The streaming replication protocol over libpq: one slot's messages in order, and what we say back.

psycopg speaks everything but this; its wrapper of libpq gives the bytes, and the protocol around them is two messages
each way: https://www.postgresql.org/docs/current/protocol-replication.html
"""

import contextlib
import select
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import SourceUnavailableError
from pwh_assets.sources.errors import StreamBusyError, StreamLostError
from pwh_assets.sources.network.route import Route, routed
from pwh_assets.sources.postgres.connection import (
    CONNECT_TIMEOUT_S,
    literal,
    parameters,
    place,
    raise_ours,
)

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

SENDER_TIMEOUT_S = 600
"""How long the server waits for a word from us: longer than committing a batch to the lake may take."""
BUSY_PATIENCE_S = 15.0
"""How long a slot may still be held by a reader that just died."""
START_PATIENCE_S = 60.0
"""How long the server may take to begin the stream."""
ASK_EVERY_S = 0.05
QUIET_ASKS = 10
"""So many answers in a row that name the same position mean that nothing complete is left to be sent: the server reads
on between one question and the next.
"""
_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "wal_sender_timeout": f"{SENDER_TIMEOUT_S}s",
}
_HEADER = struct.Struct(">cQQq")
_KEEPALIVE = struct.Struct(">cQqB")
_STATUS = struct.Struct(">cQQQqB")
_EPOCH_US = 946_684_800_000_000


def text_of(lsn: int) -> str:
    """A position as text that orders as positions do.

    >>> text_of(0x16B3748)
    '00000000016B3748'
    """
    return f"{lsn:016X}"


def number_of(position: str) -> int:
    return int(position, 16)


def shown(position: str) -> str:
    """As PostgreSQL writes it.

    >>> shown('00000000016B3748')
    '0/16B3748'
    """
    lsn = number_of(position)
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


@dataclass(slots=True)
class Receiver:
    """Messages of one slot. `sent` is up to where the server has sent us everything."""

    config: Mapping[str, Any]
    connection: "PGconn"
    sent: int
    flushed: int
    """What we last said is safe with us."""
    heard_at: float = field(default_factory=time.monotonic)
    """When the server last said anything, on the monotonic clock."""
    _asked_at: float = 0.0
    _is_asked: bool = False
    _heard_of: int = -1
    _repeats: int = 0

    def next(self, timeout_s: float) -> bytes | None:
        """The next message of the output plugin; None when none came in time. `sent` may have moved either way."""
        import psycopg

        give_up = time.monotonic() + timeout_s
        try:
            while True:
                size, data = self.connection.get_copy_data(1)
                if size > 0:
                    self.heard_at = time.monotonic()
                    if data[0] == 0x77:  # w: data
                        self._repeats = 0
                        return bytes(data[25:])
                    if data[0] == 0x6B:  # k: keepalive
                        self._heard(*_KEEPALIVE.unpack(data)[1:4:2])
                    continue
                if size < 0:
                    result = self.connection.get_result()
                    words = result.error_message if result is not None else b""
                    text = words.decode(errors="replace") or "the server ended the stream"
                    raise psycopg.OperationalError(text)
                left = give_up - time.monotonic()
                if left <= 0:
                    return None
                self._wait(left)
        except psycopg.Error as error:
            raise_ours(self.config, error)

    def say(self, ask: bool = False) -> None:
        """Tell the server what is safe with us; with `ask` it answers how far it has sent."""
        import psycopg

        now = time.time_ns() // 1000 - _EPOCH_US
        word = _STATUS.pack(b"r", self.flushed, self.flushed, self.flushed, now, ask)
        try:
            self.connection.put_copy_data(word)
            while self.connection.flush():
                select.select([], [self.connection.socket], [], 1.0)
        except psycopg.Error as error:
            raise_ours(self.config, error)
        if ask:
            self._asked_at, self._is_asked = time.monotonic(), True

    def ask(self) -> None:
        """Ask how far the server is, unless that was asked just now or is not answered yet."""
        if not self._is_asked and time.monotonic() - self._asked_at >= ASK_EVERY_S:
            self.say(ask=True)

    @property
    def is_quiet(self) -> bool:
        """The server answered several times that it is where it was."""
        return self._repeats >= QUIET_ASKS

    def _heard(self, sent: int, wants_reply: int) -> None:
        # It begins before where we asked it to, so its positions are compared with each other.
        self._repeats = self._repeats + 1 if sent == self._heard_of else 0
        self._heard_of, self._is_asked = sent, False
        self.sent = max(self.sent, sent)
        if wants_reply:
            self.say()

    def _wait(self, seconds: float) -> None:
        ready, _, _ = select.select([self.connection.socket], [], [], seconds)
        if ready:
            self.connection.consume_input()


@contextlib.contextmanager
def receiving(
    config: Mapping[str, Any], slot: str, publication: str, since: int
) -> Iterator[Receiver]:
    """The slot's stream from `since` on. Nothing is confirmed by opening it.

    Raises:
        StreamBusyError: somebody else reads the slot, also after a while.
        StreamLostError: the server has thrown away what the slot needs.
        SourceAccessError, SourceUnavailableError.
    """
    with routed(config) as route, _connected(config, route) as connection:
        quoted = '"' + publication.replace('"', '""') + '"'
        start = (
            f'START_REPLICATION SLOT "{slot}" LOGICAL {since >> 32:X}/{since & 0xFFFFFFFF:X} '
            f"(proto_version '1', publication_names {literal(quoted)})"
        )
        _start(config, connection, start, slot)
        yield Receiver(config, connection, since, since)


@contextlib.contextmanager
def _connected(config: Mapping[str, Any], route: Route) -> "Iterator[PGconn]":
    import psycopg

    connection = None
    try:
        connection = _opened(config, route)
        yield connection
    except psycopg.Error as error:
        raise_ours(config, error)
    finally:
        if connection is not None:
            connection.finish()


def _opened(config: Mapping[str, Any], route: Route) -> "PGconn":
    """Connected to the first address that answers.

    Step by step: while libpq connects by itself no other thread runs, not even that of an SSH tunnel, and no signal
    gets through.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import PGconn, PollingStatus

    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    problem = "no address"
    for peer in route.peers:
        wanted = parameters(config, replace(route, peers=(peer,)))
        words = make_conninfo(**wanted, replication="database", options=options)
        connection = PGconn.connect_start(words.encode())
        give_up = time.monotonic() + CONNECT_TIMEOUT_S
        with contextlib.ExitStack() as stack:
            stack.callback(connection.finish)
            while (status := connection.connect_poll()) != PollingStatus.OK:
                if status == PollingStatus.FAILED:
                    problem = connection.error_message.decode(errors="replace")
                    break
                if time.monotonic() > give_up:
                    problem = "timeout expired"
                    break
                ends = [connection.socket]
                reads = status == PollingStatus.READING
                select.select(ends if reads else [], [] if reads else ends, [], 0.2)
            else:
                stack.pop_all()
                return connection
    raise psycopg.OperationalError(f"connection failed: {problem}")


def _start(config: Mapping[str, Any], connection: "PGconn", command: str, slot: str) -> None:
    import psycopg
    from psycopg.pq import DiagnosticField, ExecStatus

    connection.nonblocking = 1  # libpq's own waiting has no end, and no signal gets through to it
    give_up = time.monotonic() + BUSY_PATIENCE_S
    while True:
        result = _answer(config, connection, command)
        if result.status == ExecStatus.COPY_BOTH:
            return
        words = result.error_message.decode(errors="replace")
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        if state == "55006":
            if time.monotonic() < give_up:
                time.sleep(0.2)
                continue
            raise StreamBusyError(
                f"{place(config)}: slot `{slot}` is being read by somebody else. Two readers of one slot take each "
                "other's changes: end the other one, or give this source a slot of its own."
            )
        if state == "42704" or (state == "55000" and "slot" in words):
            raise StreamLostError(
                place(config),
                f"slot `{slot}` is gone or of no use any more ({' '.join(words.split())}).",
                "`pwh source cdc repair` makes a new one and reads the tables whole again.",
            )
        error = psycopg.OperationalError(words)
        error.sqlstate = state
        raise_ours(config, error)


def _answer(config: Mapping[str, Any], connection: "PGconn", command: str) -> "PGresult":
    """What the server says to a command, all of it unless a stream begins. Raises SourceUnavailableError in time."""
    import psycopg
    from psycopg.pq import ExecStatus

    give_up = time.monotonic() + START_PATIENCE_S
    connection.send_query(command.encode())
    found = None
    while True:
        while connection.flush() or connection.is_busy():
            if time.monotonic() > give_up:
                raise SourceUnavailableError(
                    f"{place(config)} has not begun the stream after {START_PATIENCE_S:.0f} s. Sync again."
                )
            if select.select([connection.socket], [], [], 0.2)[0]:
                connection.consume_input()
        result = connection.get_result()
        if result is None:
            if found is None:
                raise psycopg.OperationalError("the server ended the connection")
            return found
        found = result
        if found.status == ExecStatus.COPY_BOTH:
            return found
