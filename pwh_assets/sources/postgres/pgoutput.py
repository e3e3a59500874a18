"""The messages of PostgreSQL's `pgoutput` plugin, version 1: transactions of changed rows, values as texts.

https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pwh_assets.sources.changes import UNCHANGED, Collector, TableChanges, TableShape
from pwh_assets.sources.postgres.replication import text_of

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN = struct.Struct(">cQqI")
_COMMIT = struct.Struct(">cBQQq")
_U32 = struct.Struct(">I")
_TRUNCATE = struct.Struct(">cIB")


@dataclass(frozen=True, slots=True)
class RelationColumn:
    name: str
    oid: int
    modifier: int
    is_identity: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it was when the change was made."""

    oid: int
    schema: str
    name: str
    identity: str
    """`d`efault, `n`othing, `f`ull, `i`ndex."""
    columns: tuple[RelationColumn, ...]


@dataclass(frozen=True, slots=True)
class Shaped:
    """A relation as the stream's reader wants it."""

    shape: TableShape
    parsers: Mapping[int, Callable[[bytes], Any]]
    """How values of some columns are taken apart before they are handed on; ValueError when one cannot be."""
    problem: str | None = None
    """Why its rows cannot be told apart; a sentence."""


@dataclass(frozen=True, slots=True)
class _Sink:
    changes: TableChanges
    key: tuple[int, ...]
    shaped: Shaped


class Decoder:
    """Turns messages into calls of a collector, one transaction after the other.

    Args:
        shape_of: The shape of a relation the stream is asked for; None for others.
    """

    def __init__(self, shape_of: Callable[[Relation], Shaped | None]) -> None:
        self._shape_of = shape_of
        self._relations: dict[int, Relation] = {}
        self._sinks: dict[int, _Sink | None] = {}
        self._collector: Collector | None = None
        self.in_transaction = False
        self.position: int = 0
        """Where the last whole transaction ended."""
        self.transactions = 0

    def into(self, collector: Collector) -> None:
        """From here on changes go to this collector."""
        self._collector, self._sinks = collector, {}

    def feed(self, data: bytes) -> bool:
        """Take one message. True when it ended a transaction."""
        kind = data[0]
        if kind == 0x49:  # I
            sink = self._sink(_U32.unpack_from(data, 1)[0])
            if sink is not None:
                sink.changes.insert(self._parsed(sink, _row(data, 6)[0]))
        elif kind == 0x55:  # U
            self._update(data)
        elif kind == 0x44:  # D
            sink = self._sink(_U32.unpack_from(data, 1)[0])
            if sink is not None:
                old = _row(data, 6)[0]
                sink.changes.delete(tuple([old[i] for i in sink.key]))
        elif kind == 0x42:  # B
            _, lsn, stamp, _ = _BEGIN.unpack(data)
            self.in_transaction = True
            assert self._collector is not None
            self._collector.begin(text_of(lsn), _EPOCH + timedelta(microseconds=stamp))
        elif kind == 0x43:  # C
            _, _, _, end, _ = _COMMIT.unpack(data)
            self.in_transaction, self.position = False, end
            self.transactions += 1
            return True
        elif kind == 0x52:  # R
            relation = _relation(data)
            self._relations[relation.oid] = relation
            self._sinks.pop(relation.oid, None)
        elif kind == 0x54:  # T
            _, count, _ = _TRUNCATE.unpack_from(data)
            for oid in struct.unpack_from(f">{count}I", data, 6):
                sink = self._sink(oid)
                if sink is not None:
                    sink.changes.truncate()
        return False

    def _sink(self, oid: int) -> _Sink | None:
        try:
            return self._sinks[oid]
        except KeyError:
            relation = self._relations[oid]
            shaped = self._shape_of(relation)
            sink = None
            if shaped is not None and self._collector is not None:
                shape = shaped.shape
                if shaped.problem is not None:
                    self._collector.stale(shape.table, shaped.problem)
                else:
                    names = [column.name for column in relation.columns]
                    key = tuple(names.index(name) for name in shape.key)
                    sink = _Sink(self._collector.shape(shape), key, shaped)
            self._sinks[oid] = sink
            return sink

    def _parsed(self, sink: _Sink, row: list[Any]) -> list[Any]:
        for i, parser in sink.shaped.parsers.items():
            value = row[i]
            if value is None or value is UNCHANGED:
                continue
            try:
                row[i] = parser(value)
            except ValueError as error:
                assert self._collector is not None
                shape = sink.shaped.shape
                row[i] = None
                self._collector.stale(
                    shape.table,
                    f"`{shape.table}` has a value in `{shape.columns[i].name}` that is not of its type: {error}.",
                )
        return row

    def _update(self, data: bytes) -> None:
        sink = self._sink(_U32.unpack_from(data, 1)[0])
        if sink is None:
            return
        if data[5] == 0x4E:  # N: the key is as it was
            sink.changes.update(self._parsed(sink, _row(data, 6)[0]))
            return
        is_whole = data[5] == 0x4F  # O: all of the old row
        old, place = _row(data, 6)
        new, _ = _row(data, place + 1)
        for i, value in enumerate(new):
            if value is UNCHANGED and (is_whole or i in sink.key):
                new[i] = old[i]
        before = tuple([old[i] for i in sink.key])
        after = tuple([new[i] for i in sink.key])
        sink.changes.update(self._parsed(sink, new), before if before != after else None)


def _row(data: bytes, place: int) -> tuple[list[Any], int]:
    """Values of a row that begins here, and where it ends."""
    values: list[Any] = []
    add = values.append
    count = (data[place] << 8) | data[place + 1]
    place += 2
    number = int.from_bytes
    for _ in range(count):
        kind = data[place]
        if kind == 0x74:  # t
            start = place + 5
            place = start + number(data[place + 1 : start])
            add(data[start:place])
        else:
            add(None if kind == 0x6E else UNCHANGED)  # n, u
            place += 1
    return values, place


def _relation(data: bytes) -> Relation:
    oid = _U32.unpack_from(data, 1)[0]
    schema, place = _name(data, 5)
    name, place = _name(data, place)
    identity = chr(data[place])
    count = (data[place + 1] << 8) | data[place + 2]
    place += 3
    columns = []
    for _ in range(count):
        flags = data[place]
        column, place = _name(data, place + 1)
        kind, modifier = struct.unpack_from(">Ii", data, place)
        place += 8
        columns.append(RelationColumn(column, kind, modifier, bool(flags & 1)))
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(columns))


def _name(data: bytes, place: int) -> tuple[str, int]:
    end = data.index(0, place)
    return data[place:end].decode(), end + 1
