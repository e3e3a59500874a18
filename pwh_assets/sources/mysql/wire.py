"""A query's rows as they are on the wire: a prepared statement answers in binary, taken many packets at a time.

A driver makes a Python object of every value. Here Python looks at a row once, to find where the next one
begins; the columns are decoded in `decoding`, for all rows together.

Belongs here: MySQL's packets. Keep out: types of columns, SQL.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH_BYTES = 1 << 20
"""About how much of an answer is looked at together."""
PADDING = 16
"""Zero bytes after the last row, so that a fixed width can be read at any place."""

_PREPARE, _EXECUTE = 0x16, 0x17
_EOF, _ERROR = 0xFE, 0xFF
_LONGEST = 0xFFFFFF
"""A packet of this length goes on in the next one."""
_READ_BYTES = 1 << 20
_header = struct.Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class WireField:
    """A column as the server announces it. `kind` is MySQL's type code."""

    kind: int
    is_unsigned: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows: their packets in one buffer, and where each one's packet begins."""

    data: "NDArray[np.uint8]"
    starts: "NDArray[np.int64]"


class Query:
    """One statement's answer. The connection can do nothing else until its last row was taken.

    Raises what the driver raises, `OSError` included.
    """

    def __init__(self, connection: Any, sql: str) -> None:
        connection._execute_command(_PREPARE, sql)
        prepared = connection._read_packet()
        statement, columns, parameters = struct.unpack_from("<IHH", prepared.get_all_data(), 1)
        for count in (parameters, columns):
            for _ in range(count + bool(count)):  # and one packet that ends them
                connection._read_packet()
        connection._execute_command(_EXECUTE, struct.pack("<IBI", statement, 0, 1))
        self.fields = _fields(connection)
        self._packets = _Packets(connection._rfile)

    def rows(self, batch_bytes: int = BATCH_BYTES) -> Iterator[Rows]:
        """All rows in order, some at a time; no row is divided."""
        import numpy as np

        is_last = False
        while not is_last:
            data, starts, is_last = self._packets.take(batch_bytes)
            if starts:
                padded = np.frombuffer(data + bytes(PADDING), np.uint8)
                yield Rows(padded, np.array(starts, np.int64))


def _fields(connection: Any) -> tuple[WireField, ...]:
    from pymysql.constants import FLAG
    from pymysql.protocol import FieldDescriptorPacket

    count = connection._read_packet().read_length_encoded_integer()
    found = [connection._read_packet(FieldDescriptorPacket) for _ in range(count)]
    connection._read_packet()
    return tuple(WireField(f.type_code, bool(f.flags & FLAG.UNSIGNED)) for f in found)


class _Packets:
    """Whole packets out of a buffered stream."""

    def __init__(self, source: Any) -> None:
        self._source, self._buffer = source, bytearray()

    def take(self, wanted: int) -> tuple[bytes, list[int], bool]:
        """About `wanted` bytes of packets, where their payloads begin, and whether the answer has ended."""
        buffer, starts, place = self._buffer, list[int](), 0
        while True:
            end = len(buffer)
            while place + 4 <= end:
                size = _header(buffer, place)[0] & _LONGEST
                if size == _LONGEST:
                    if not starts:
                        return self._joined(), [0], False
                    wanted = 0  # what is here first; the long row by itself
                    break
                if place + 4 + size > end:
                    break
                starts.append(place + 4)
                place += 4 + size
            is_last = bool(starts) and self._is_last(starts, place)
            if is_last or place >= wanted > 0 or (not wanted and starts):
                data = bytes(buffer[:place])
                del buffer[:place]
                return data, starts, is_last
            self._more()

    def _is_last(self, starts: list[int], end: int) -> bool:
        """Whether the last packet ends the answer; it is taken off the rows. Rows begin with a zero."""
        lead = self._buffer[starts[-1]]
        if lead == _ERROR:
            import pymysql.err

            pymysql.err.raise_mysql_exception(bytes(self._buffer[starts[-1] : end]))
        if lead == _EOF:
            starts.pop()
            return True
        return False

    def _joined(self) -> bytes:
        """The payload of a row that is longer than a packet."""
        payload, size = bytearray(), _LONGEST
        while size == _LONGEST:
            while len(self._buffer) < 4:
                self._more()
            size = _header(self._buffer)[0] & _LONGEST
            while len(self._buffer) < 4 + size:
                self._more()
            payload += self._buffer[4 : 4 + size]
            del self._buffer[: 4 + size]
        return bytes(payload)

    def _more(self) -> None:
        chunk = self._source.read1(_READ_BYTES)
        if not chunk:
            raise ConnectionResetError("the server ended the connection")
        self._buffer += chunk
