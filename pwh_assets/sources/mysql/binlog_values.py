"""Values of the binlog's rows as they are staged, so that they become what a reading of the table gives.

The binlog's reader makes Python objects; where those lose something (padding of `binary`, an empty `set`, the zero
of `timestamp` and `year`), it is put back here. Columns that cannot be put right are left out of a stream.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pwh_assets.sources.changes import StagedColumn, TableChanges
from pwh_assets.sources.mysql.catalog import MyColumn
from pwh_assets.sources.mysql.types import INTEGERS

_TEXTS = frozenset(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"))
_BYTES = frozenset(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"))
_CHARSETS = frozenset(("utf8", "utf8mb3", "utf8mb4", "ascii", "latin1"))
_PLAIN = frozenset(
    ("tinyint", "smallint", "mediumint", "int", "integer", "bigint", "float", "double", "year")
)
_MOMENTS = frozenset(("date", "datetime", "timestamp", "time"))
_KNOWN = _TEXTS | _BYTES | _PLAIN | _MOMENTS | {"decimal", "bit", "json", "enum", "set"}
_WIRE = {
    **dict.fromkeys((1, 2, 3, 8, 9), "integer"),
    **dict.fromkeys((4, 5), "float"),
    **dict.fromkeys((0, 246), "decimal"),
    **dict.fromkeys((10, 14), "date"),
    **dict.fromkeys((12, 18), "datetime"),
    **dict.fromkeys((7, 17), "timestamp"),
    **dict.fromkeys((11, 19), "time"),
    13: "year",
    16: "bit",
    247: "enum",
    248: "set",
}
"""Of the binlog's numbers for types, those whose values are read as nothing else is."""
_ZERO = datetime(1970, 1, 1)
_IN_A_DAY = r"regexp_matches({0}, '^([01][0-9]|2[0-3]):')"


@dataclass(frozen=True, slots=True)
class Binlogged:
    """A column's way from the binlog to the stage. `convert` never gets NULL."""

    column: StagedColumn
    convert: Callable[[Any], Any]


@dataclass(slots=True)
class Told:
    """A table as rows of the binlog come now."""

    names: tuple[str, ...]
    types: Mapping[str, int]
    """The binlog's numbers for their types."""
    ways: list[tuple[str, Binlogged]]
    key: tuple[str, ...]
    changes: TableChanges


def is_told(column: MyColumn) -> bool:
    """Whether the binlog tells a column's values so that they can be understood."""
    if column.is_virtual or column.kind not in _KNOWN:
        return False
    return column.charset is None or column.charset in _CHARSETS


def is_written_as(column: MyColumn, wire_type: int) -> bool:
    """Whether values the binlog has under this number of a type are of the column as it is now, and not as it was
    before somebody altered it.
    """
    kind = "integer" if column.kind in INTEGERS else column.kind
    kind = "float" if kind == "double" else kind
    return _WIRE.get(wire_type, "") == (kind if kind in _WIRE.values() else "")


def binlogged(column: MyColumn, was_text: bool) -> Binlogged:
    """How a column's values are staged. `was_text`: it is VARCHAR in the lake already."""
    name, lake, kind = column.name, column.typed.lake, column.kind
    cast = f"CAST({{0}} AS {lake})"
    if kind == "year":
        return _staged(column, cast, "int64", lambda v: 0 if v == 1900 else v)
    if kind == "bit":
        return _staged(column, cast, "uint64", lambda v: int(v, 2))
    if kind in ("float", "double"):
        return _staged(column, cast, "double", float)
    if kind in _PLAIN:
        return _staged(column, cast, "uint64" if lake.startswith("U") else "int64", int)
    if kind in _BYTES:
        width = int(column.full[7:-1]) if kind == "binary" else 0
        return _staged(column, "{0}", "binary", lambda v: _bytes(v).ljust(width, b"\0"))
    if kind == "date":
        return _staged(column, cast, "string", str)
    if kind in ("datetime", "timestamp"):
        instant = "CAST({0} || '+00' AS TIMESTAMP WITH TIME ZONE)"
        is_instant = kind == "timestamp"
        here = instant if is_instant else cast
        return _staged(
            column, here, "string", lambda v: None if is_instant and v == _ZERO else str(v)
        )
    if kind == "time":
        digits = int(match[1]) if (match := re.search(r"\((\d)\)", column.full)) else 0
        return _fitting(column, was_text, cast, _IN_A_DAY, lambda v: _clock(v, digits))
    if kind == "decimal":
        fits = f"TRY_CAST({{0}} AS {lake}) IS NOT NULL AND {_exact(lake)}"
        return _fitting(
            column, was_text, cast, fits if column.typed.fits else None, lambda v: format(v, "f")
        )
    if kind == "set":
        members = _members(column.full)
        return _staged(column, "{0}", "string", lambda v: ",".join(m for m in members if m in v))
    if lake == "JSON":
        return _staged(column, cast, "string", _json)
    return Binlogged(StagedColumn(name, lake, is_nullable=column.is_nullable), str)


def _staged(column: MyColumn, here: str, staged: str, convert: Callable[[Any], Any]) -> Binlogged:
    found = StagedColumn(
        column.name, column.typed.lake, here, staged, is_nullable=column.is_nullable
    )
    return Binlogged(found, convert)


def staged(
    told: Told, values: Mapping[str, Any], row: Mapping[str, Any], sources: str
) -> list[Any]:
    """A row's values in the order of the columns told, ready to be staged. `sources` says where the reader notes why a
    value is None: it makes one of an empty `set` too.
    """
    empty = row.get(sources) or row.get("none_sources") or {}
    found = []
    for name, way in told.ways:
        value = values.get(name)
        if value is None and "empty set" in str(empty.get(name, "")).lower():
            value = frozenset()
        found.append(None if value is None else way.convert(value))
    return found


def key_of(told: Told, row: Sequence[Any]) -> tuple[Any, ...]:
    """The key of a staged row."""
    places = {name: i for i, (name, _) in enumerate(told.ways)}
    return tuple(row[places[name]] for name in told.key)


def _fitting(
    column: MyColumn,
    was_text: bool,
    here: str,
    fits: str | None,
    convert: Callable[[Any], Any],
) -> Binlogged:
    """A column that becomes text when a value does not fit, and stays so."""
    if was_text and fits is not None:
        return Binlogged(
            StagedColumn(column.name, "VARCHAR", is_nullable=column.is_nullable), convert
        )
    found = StagedColumn(
        column.name, column.typed.lake, here, fits=fits, is_nullable=column.is_nullable
    )
    return Binlogged(found, convert)


def _exact(lake: str) -> str:
    """Nothing but zeros is behind the digits the type keeps."""
    scale = int(lake.rstrip(")").partition(",")[2])
    return f"regexp_matches({{0}}, '^-?[0-9]+([.][0-9]{{0,{scale}}}0*)?$')"


def _members(full: str) -> list[str]:
    return [m.replace("''", "'") for m in re.findall(r"'((?:[^']|'')*)'", full)]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin1")


def _clock(value: timedelta, digits: int) -> str:
    """A `time` as MySQL writes it.

    >>> _clock(timedelta(hours=-30, seconds=-1), 0), _clock(timedelta(microseconds=1500), 3)
    ('-30:00:01', '00:00:00.001')
    """
    micros = abs(value) // timedelta(microseconds=1)
    seconds, rest = divmod(micros, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    text += f".{rest:06d}"[: digits + 1] if digits else ""
    return f"-{text}" if value < timedelta(0) else text


def _json(value: Any) -> str:
    """MariaDB's is text. MySQL's is a value: written as MySQL writes it."""
    if isinstance(value, str | bytes):
        return value.decode() if isinstance(value, bytes) else value
    return json.dumps(
        value, ensure_ascii=False, default=lambda v: v.decode() if isinstance(v, bytes) else str(v)
    )
