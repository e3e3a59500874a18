"""Values of the binlog that its reader takes apart wrongly, read right: dates no calendar has, fractions below zero, and
members of an `enum` or a `set` in latin1.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

_FRACTION_BYTES = {0: 0, 1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3}
"""By the digits a `time` has after its seconds."""


def correct() -> None:
    """Have the library read these values our way. It has no place for readers of one's own, and without them one
    such value ends the stream of every table.
    """
    from pymysqlreplication.row_event import RowsEvent, TableMapEvent

    RowsEvent._RowsEvent__read_date = _date
    RowsEvent._RowsEvent__read_time2 = _time
    TableMapEvent._read_type_values = _members


def _date(event: Any) -> date | None:
    return date_of(event.packet.read_uint24())


def _time(event: Any, column: Any) -> timedelta:
    return time_of(event.packet.read(3 + _FRACTION_BYTES[column.fsp]))


def _members(event: Any, length: int) -> list[list[str]]:
    """The members of each such column of a table."""
    packet, found = event.packet, []
    end = packet.read_bytes + length
    while packet.read_bytes < end:
        count = packet.read_length_coded_binary()
        found.append(texts_of([packet.read_variable_length_string() for _ in range(count)]))
    return found


def texts_of(members: Sequence[bytes]) -> list[str]:
    """Members of one column, which are UTF-8 or else latin1: those of other character sets are not streamed.

    >>> texts_of([b"x", "é".encode()]), texts_of([b"x", "é".encode("latin1")])
    (['x', 'é'], ['x', 'é'])
    """
    try:
        return [member.decode() for member in members]
    except UnicodeDecodeError:
        return [member.decode("cp1252", "replace") for member in members]


def date_of(packed: int) -> date | None:
    """A `date` of three bytes; None for what no calendar has.

    >>> date_of(2024 << 9 | 2 << 5 | 29), date_of(2024 << 9 | 2 << 5 | 31), date_of(2024 << 9)
    (datetime.date(2024, 2, 29), None, None)
    """
    try:
        return date(packed >> 9, packed >> 5 & 15, packed & 31)
    except ValueError:
        return None


def time_of(packed: bytes) -> timedelta:
    """A `time` of three bytes and up to three of fraction: one number, in two's complement when below zero.

    >>> time_of(bytes((0x80, 0, 1, 50))), time_of(bytes((0x7F, 0xFF, 0xFE, 0x100 - 50))) / timedelta(seconds=1)
    (datetime.timedelta(seconds=1, microseconds=500000), -1.5)
    """
    width = len(packed) - 3
    number = int.from_bytes(packed, "big") - (0x800000 << 8 * width)
    seconds, part = divmod(abs(number), 1 << 8 * width)
    found = timedelta(
        hours=seconds >> 12 & 0x3FF,
        minutes=seconds >> 6 & 0x3F,
        seconds=seconds & 0x3F,
        microseconds=part * 100 ** (3 - width) if width else 0,
    )
    return -found if number < 0 else found
