"""A large table in ranges of its key, several read at a time, all of them in one state of the server.

MySQL has no snapshot that connections could share. MariaDB says of each one where its binlog was at that moment, so
connections whose snapshots were taken at the same place see the same. They are asked for all at once, again until
the places agree; where they cannot be told, one connection reads all ranges.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceUnavailableError
from pwh_assets.sources.chunks import Connections, parallel_reads
from pwh_assets.sources.mysql.bounds import is_replicating
from pwh_assets.sources.mysql.connection import connected, fetched, in_our_words, quoted_name
from pwh_assets.sources.mysql.reading import (
    SNAPSHOT,
    TableReader,
    begin_snapshot,
    cursor_sql,
    out_of_order,
)
from pwh_assets.sources.parquet import write_batches

CHUNK_ROWS = 500_000
"""About how many rows are read between two checkpoints."""
MOST_CHUNKS = 200
VIEW_TRIES = 50
"""How often snapshots are taken until they are the same: commits come between them on a server that is written to."""
_PAST = "past"
_QUERY = 0x03

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class KeyRanges:
    """`ChunkedRows` of one table; see sources/chunks.py for what that promises.

    A reading that goes on where another died takes the other's bound, reads the ranges that are left as they are
    now, and ends with every row past the bound. It does so only while the table is the one the other began with.
    """

    reader: TableReader
    plan: Mapping[str, Any]
    names: Sequence[str]
    rows_are_unique: bool
    is_resumable: bool
    parallel: int = 1
    renames: Mapping[str, str] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _opened: list[Any] = field(default_factory=list)
    _connections: Connections[Any] = field(default_factory=Connections)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: int = 0

    def __post_init__(self) -> None:
        self._left = len(self.names)
        self.parallel = max(1, min(self._left, parallel_reads()))

    @classmethod
    def of(cls, reader: TableReader) -> "KeyRanges | None":
        """The ranges, or None for a table that is better read at once."""
        key = _range_key(reader)
        left = reader.request.unfinished
        if key is None:
            return None
        columns = [[column.name, column.typed.lake] for column in reader.table.columns]
        shape = {"key": key, "columns": columns, "made": reader.table.made}
        if left is not None and {name: left.plan.get(name) for name in shape} == shape:
            names = [n for n in _names(left.plan) if n not in left.done]
            past = [] if reader.request.mode is SyncMode.APPEND else [_PAST]
            return cls(reader, left.plan, [*names, *past], False, True)
        by_cursor = reader.cursor_column() is not None
        with connected(reader.config) as connection:
            bound = reader.bound(connection)
            if by_cursor and bound is None:
                return None
            name = quoted_name(key)
            where = reader.where(bound) if by_cursor else ""
            query = f"SELECT MIN({name}), MAX({name}) FROM {reader.relation}{where}"
            ((low, high),) = fetched(connection, query)
        if low is None:
            return None
        parts = min(MOST_CHUNKS, -(-(reader.table.row_estimate or 0) // CHUNK_ROWS))
        step = max(1, -(-(int(high) - int(low) + 1) // parts))
        edges = list(range(int(low) + step, int(high) + 1, step))
        plan = {**shape, "edges": edges, "bound": bound}
        return cls(reader, plan, _names(plan), True, is_resumable=by_cursor)

    def write(self, name: str, folder: Path) -> list[tuple[Path, int]]:
        with in_our_words(self.reader.config):
            self._open_in_one_state()
            with self._connections.one() as connection:
                condition = self.reader.where(self.plan["bound"], self._range(name))
                batches = self.reader.selected(connection, condition)
                masks, columns = self.reader.request.masks, self.reader.columns
                if masks is not None:
                    batches, columns = map(masks.arrow, batches), masks.columns(columns)
                files = write_batches(batches, folder, name, columns)
        with self._lock:
            self._left -= 1
            if not self._left:
                self.reader.watermark = self.plan["bound"]
        return files

    def close(self) -> None:
        with self._lock:
            self._connections.end()
            opened, self._opened = self._opened, []
            if self._left:
                for connection in opened:
                    _shut(connection)  # whoever waits for rows gets an error at once
            self._open.close()

    def _open_in_one_state(self) -> None:
        with self._lock:
            self._connections.check()
            if self._opened:
                return
            found = [self._open.enter_context(connected(self.reader.config))]
            while len(found) < self.parallel:
                try:
                    found.append(self._open.enter_context(connected(self.reader.config)))
                except SourceUnavailableError:
                    _log.warning("only %d connections for %s", len(found), self.reader.table.name)
                    break
            if not in_one_state(found):
                found = found[:1]
                begin_snapshot(found[0])
            self._opened = found
            for connection in found:
                self._connections.add(connection)

    def _range(self, name: str) -> str:
        key, edges = quoted_name(self.plan["key"]), self.plan["edges"]
        if name == _PAST:
            cursor = self.reader.cursor_column()
            assert cursor is not None
            column = quoted_name(cursor.name)
            return f"{column} >= {cursor_sql(self.plan['bound'])}{out_of_order(cursor)}"
        number = int(name)
        words = [f"{key} >= {edges[number - 1]}"] if number else []
        words += [f"{key} < {edges[number]}"] if number < len(edges) else []
        return " AND ".join(words)


def in_one_state(connections: Sequence[Any]) -> bool:
    """Begin a snapshot on every connection; True when all of them surely see the same.

    What is written past the binlog is not told by its place: by a replica that does not log what it applies, a node of
    a cluster, a session with `sql_log_bin = 0`, or databases the binlog leaves out. Of the first two it is known.
    """
    if len(connections) < 2 or is_replicating(connections[0]):
        return False
    for _ in range(VIEW_TRIES):
        for connection in connections:  # all are asked before the first has answered
            connection._execute_command(_QUERY, SNAPSHOT)
        for connection in connections:
            connection._read_query_result()
        places = {_place(connection) for connection in connections}
        if None in places:
            return False
        if len(places) == 1:
            return True
    return False


def _place(connection: Any) -> tuple[str, str] | None:
    """Where the binlog was when this connection's snapshot was taken; None where that is not told."""
    told = {n.lower(): v for n, v in fetched(connection, "SHOW STATUS LIKE 'binlog_snapshot%'")}
    file = told.get("binlog_snapshot_file")
    return (file, told["binlog_snapshot_position"]) if file else None


def _shut(connection: Any) -> None:
    peer = getattr(connection, "_sock", None)
    if peer is not None:
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)


def _names(plan: Mapping[str, Any]) -> list[str]:
    return [f"{number:04d}" for number in range(len(plan["edges"]) + 1)]


def _range_key(reader: TableReader) -> str | None:
    """The key's column, where it is one whole number, the table is large and everything is read."""
    request, table = reader.request, reader.table
    is_large = (table.row_estimate or 0) > CHUNK_ROWS
    is_whole = request.mode is SyncMode.FULL or (
        reader.cursor_column() is not None and request.since is None
    )
    if not (request.may_chunk and is_large and is_whole):
        return None
    key = table.primary_key
    if table.is_view or len(key) != 1:
        return None
    if request.masks is not None and request.masks.covers(key[0]):
        return None  # the plan tells of its values, and is written down
    return key[0] if any(c.name == key[0] and c.is_integer for c in table.columns) else None
