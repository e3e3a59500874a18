"""Columns of binary rows as Arrow arrays: all rows of a batch at once, exact to the last digit.

Belongs here: MySQL's binary values. Keep out: what lake type a column has.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.mysql.wire import Rows, WireField

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_INTEGERS = {1: 1, 2: 2, 3: 4, 8: 8, 9: 4, 13: 2}
"""Bytes of TINY, SHORT, LONG, LONGLONG, INT24 and YEAR."""
_FLOATS = {4: "<f4", 5: "<f8"}
_MOMENTS = (7, 10, 12)
"""TIMESTAMP, DATE, DATETIME."""
_TIME, _NULL = 11, 6
_DAY_US = 86_400_000_000


def decoded(
    rows: Rows, fields: Sequence[WireField], columns: Sequence[tuple[str, str]], place: str
) -> "pa.Table":
    """The rows as an Arrow table; `columns` are names and lake types.

    Raises:
        UnreadableDataError: a text is not what its column says.
    """
    import numpy as np
    import pyarrow as pa

    bitmap = (len(fields) + 9) // 8
    at = rows.starts + 1 + bitmap
    arrays: list[Any] = []
    for number, (field, (name, lake)) in enumerate(zip(fields, columns, strict=True)):
        byte, bit = divmod(number + 2, 8)
        is_null = (rows.data[rows.starts + 1 + byte] >> np.uint8(bit)) & np.uint8(1) == 1
        if field.kind in _INTEGERS:
            width = _INTEGERS[field.kind]
            array = _integers(rows.data, at, field, lake, is_null)
            at = at + np.where(is_null, 0, width)
        elif field.kind in _FLOATS:
            values = _fixed(rows.data, at, _FLOATS[field.kind])
            array = _array(arrow_type(lake), values, is_null)
            at = at + np.where(is_null, 0, values.itemsize)
        elif field.kind in _MOMENTS or field.kind == _TIME:
            size = np.where(is_null, 0, rows.data[at].astype(np.int64))
            convert = _times if field.kind == _TIME else _moments
            array = convert(rows.data, at + 1, size, is_null, lake)
            at = at + np.where(is_null, 0, 1 + size)
        elif field.kind == _NULL:
            array = pa.nulls(len(at), arrow_type(lake))
        else:
            begins, sizes = _lengths(rows.data, at, is_null)
            array = _texts(rows.data, begins, sizes, is_null, lake, name, place)
            at = begins + sizes
        arrays.append(array)
    return pa.Table.from_arrays(arrays, [name for name, _ in columns])


def arrow_type(lake: str) -> "pa.DataType":
    """The Arrow type that stands for a lake type."""
    import pyarrow as pa

    plain = {
        "BOOLEAN": pa.bool_(),
        "TINYINT": pa.int8(),
        "SMALLINT": pa.int16(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "UTINYINT": pa.uint8(),
        "USMALLINT": pa.uint16(),
        "UINTEGER": pa.uint32(),
        "UBIGINT": pa.uint64(),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
        "BLOB": pa.binary(),
    }
    if lake.startswith("DECIMAL("):
        precision, scale = lake.removeprefix("DECIMAL(").rstrip(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return plain.get(lake, pa.string())


def _array(kind: "pa.DataType", values: "NDArray[Any]", is_null: "NDArray[np.bool_]") -> "pa.Array":
    """An Arrow array over these values as they are. `pa.array` would import pandas: more than a second."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(is_null), [_validity(is_null), pa.py_buffer(values)])


def _validity(is_null: "NDArray[np.bool_]") -> "pa.Buffer | None":
    import numpy as np
    import pyarrow as pa

    return pa.py_buffer(np.packbits(~is_null, bitorder="little")) if is_null.any() else None


def _fixed(data: "NDArray[np.uint8]", at: "NDArray[np.int64]", kind: str) -> "NDArray[Any]":
    """A number of fixed width at each place."""
    import numpy as np

    number = np.dtype(kind)
    everywhere: NDArray[Any] = np.ndarray(
        (len(data) - number.itemsize + 1,), number, data, strides=(1,)
    )
    return everywhere[at]


def _integers(
    data: "NDArray[np.uint8]",
    at: "NDArray[np.int64]",
    field: WireField,
    lake: str,
    is_null: "NDArray[np.bool_]",
) -> "pa.Array":
    import numpy as np

    sign = "u" if field.is_unsigned else "i"
    values = _fixed(data, at, f"<{sign}{_INTEGERS[field.kind]}")
    wanted = arrow_type(lake)
    if lake == "BOOLEAN":
        return _array(wanted, np.packbits(values != 0, bitorder="little"), is_null)
    sign = "u" if lake.startswith("U") else "i"
    return _array(wanted, values.astype(f"<{sign}{wanted.byte_width}", copy=False), is_null)


def _moments(
    data: "NDArray[np.uint8]",
    at: "NDArray[np.int64]",
    size: "NDArray[np.int64]",
    is_null: "NDArray[np.bool_]",
    lake: str,
) -> "pa.Array":
    """Dates and times of day: year, month, day, then h, m, s, then microseconds, as far as not zero.

    What no calendar has (`0000-00-00`, `2024-00-00`, `2024-02-31`) becomes NULL.
    """
    import numpy as np

    def part(offset: int, kind: str, needed: int) -> "NDArray[np.int64]":
        return np.where(size >= needed, _fixed(data, at + offset, kind), 0).astype(np.int64)

    year, month, day = part(0, "<u2", 4), part(2, "u1", 4), part(3, "u1", 4)
    before, lengths = _calendar()
    place = np.minimum(year, 9999) * 16 + np.minimum(month, 15)
    is_absent = is_null | (day < 1) | (day > lengths[place]) | (year > 9999)
    days = before[place] + day
    if lake == "DATE":
        return _array(arrow_type(lake), days.astype(np.int32), is_absent)
    clock = (part(4, "u1", 7) * 60 + part(5, "u1", 7)) * 60 + part(6, "u1", 7)
    moment = days * _DAY_US + clock * 1_000_000 + part(7, "<u4", 11)
    return _array(arrow_type(lake), moment, is_absent)


@cache
def _calendar() -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """For `year * 16 + month` how many days there are from 1970 to the day before the month, and in the month."""
    import numpy as np

    year, month = np.divmod(np.arange(10_000 * 16), 16)
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0])[month]
    lengths = lengths + ((month == 2) & is_leap)
    before = np.cumsum(lengths) - lengths
    return before - before[1970 * 16 + 1] - 1, lengths


@cache
def _heads() -> "tuple[NDArray[np.uint64], NDArray[np.uint32]]":
    """For each size from 0 to 12 the bits that are left of a text's first eight bytes, and of the four after those."""
    import numpy as np

    first = [(1 << 8 * min(size, 8)) - 1 for size in range(13)]
    after = [(1 << 8 * max(size - 8, 0)) - 1 for size in range(13)]
    return np.array(first, np.uint64), np.array(after, np.uint32)


def _times(
    data: "NDArray[np.uint8]",
    at: "NDArray[np.int64]",
    size: "NDArray[np.int64]",
    is_null: "NDArray[np.bool_]",
    lake: str,
) -> "pa.Array":
    """Times of day. Longer or negative ones are read as text and never come here (see `types`)."""
    import numpy as np

    def part(offset: int, kind: str, needed: int) -> "NDArray[np.int64]":
        return np.where(size >= needed, _fixed(data, at + offset, kind), 0).astype(np.int64)

    clock = (part(5, "u1", 8) * 60 + part(6, "u1", 8)) * 60 + part(7, "u1", 8)
    values = part(1, "<u4", 8) * _DAY_US + clock * 1_000_000 + part(8, "<u4", 12)
    if ((part(0, "u1", 8) != 0) | (values >= _DAY_US)).any():
        raise UnreadableDataError(
            "A column of type `time`",
            "outgrew the hours of a day while it was read.",
            "Sync again: it is read as text then.",
        )
    return _array(arrow_type(lake), values, is_null)


def _lengths(
    data: "NDArray[np.uint8]", at: "NDArray[np.int64]", is_null: "NDArray[np.bool_]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Where each text begins and how many bytes it has, by the length in front of it."""
    import numpy as np

    lead = np.where(is_null, 0, data[at]).astype(np.int64)
    begins, sizes = at + ~is_null, lead
    if (lead > 0xFA).any():
        sizes = lead.copy()
        for mark, width in ((0xFC, 2), (0xFD, 3), (0xFE, 8)):
            long = np.flatnonzero(lead == mark)
            if long.size:
                raw = _fixed(data, at[long] + 1, "<i8")
                sizes[long] = raw if width == 8 else raw & ((1 << 8 * width) - 1)
                begins[long] += width
    return begins, sizes


def _texts(
    data: "NDArray[np.uint8]",
    begins: "NDArray[np.int64]",
    sizes: "NDArray[np.int64]",
    is_null: "NDArray[np.bool_]",
    lake: str,
    name: str,
    place: str,
) -> "pa.Array":
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    count = len(begins)
    # A view is its size and twelve bytes: the text itself, or its first four, its buffer (0) and where it begins.
    views = np.empty(count, dtype=[("size", "<u4"), ("first", "<u8"), ("after", "<u4")])
    is_long = sizes > 12
    short = np.where(is_long, 4, sizes)
    first, after = _heads()
    at = np.minimum(begins, len(data) - 12)
    views["size"] = sizes
    views["first"] = _fixed(data, at, "<u8") & first[short]
    views["after"] = np.where(is_long, begins, _fixed(data, at + 8, "<u4") & after[short])
    is_blob = lake == "BLOB"
    kind = pa.binary_view() if is_blob else pa.string_view()
    view = pa.Array.from_buffers(
        kind, count, [_validity(is_null), pa.py_buffer(views), pa.py_buffer(data)]
    )
    try:
        if is_blob:
            return pc.cast(view, pa.binary())
        view.validate(full=True)
        texts = pc.cast(view, pa.string())
        return texts if lake in ("VARCHAR", "JSON", "UUID") else pc.cast(texts, arrow_type(lake))
    except pa.ArrowInvalid as error:
        raise UnreadableDataError(
            place,
            f"column `{name}` has a value that is no {lake}: {str(error).splitlines()[0][:120]}.",
            "Look at the column there.",
        ) from None
