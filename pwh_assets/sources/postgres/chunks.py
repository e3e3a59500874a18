"""A table's chunks: each one COPY, straight into a Parquet file, all of them from one snapshot."""

import contextlib
import logging
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceError, SourceUnavailableError
from pwh_assets.sources.chunks import PARQUET, Connections, parallel_reads, storage_error
from pwh_assets.sources.network import sockets
from pwh_assets.sources.postgres import xmin
from pwh_assets.sources.postgres.connection import (
    attached,
    connected,
    literal,
    quoted_name,
    raise_ours,
)
from pwh_assets.sources.postgres.dividing import Division

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.sources.postgres.reading import TableReader

AGAIN = "again"
"""The chunk of rows that changed since a dead run took its snapshot."""
ROW_GROUP_BYTES = 64 << 20
CANCEL_PATIENCE_S = 5.0
"""How long statements that were cancelled may take to end before their connections are cut."""
_OPTIONS: Mapping[str, str | bool | int | float | list[str]] = {
    "threads": 1,  # one COPY is one stream; chunks are read beside each other
    "preserve_insertion_order": False,
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Session:
    """One connection rows come through. `pid` is the server's process."""

    here: "duckdb.DuckDBPyConnection"
    stack: contextlib.ExitStack
    pid: int
    sockets: frozenset[sockets.Local]
    """Its connection at our end; none through a tunnel."""


class TableChunks:
    """`ChunkedRows` of one table; see sources/chunks.py for what that promises.

    One connection exports a snapshot and holds it, with a lock that keeps the table from being written anew; the
    others read in it. Where a snapshot cannot be exported or connections are few, one reads everything.
    """

    def __init__(
        self,
        reader: "TableReader",
        plan: Mapping[str, Any],
        done: Sequence[str],
        row_bytes: float,
    ) -> None:
        self.plan = plan
        self._reader = reader
        self._division = Division(plan["by"], plan["column"], tuple(plan["ends"]))
        every = [f"{plan['by']}-{i}" for i in range(len(self._division.ends) + 1)]
        self._numbers = {name: i for i, name in enumerate(every)}
        names = [name for name in every if name not in done]
        if done and reader.request.mode in (SyncMode.INCREMENTAL, SyncMode.XMIN):
            names.append(f"{AGAIN}-{len(done)}")
        self.names: Sequence[str] = tuple(names)
        self.is_resumable: bool = self._division.by == "column" and plan["bound"] is not None
        self.parallel = min(len(names), parallel_reads())
        self.renames: Mapping[str, str] = {alias: name for name, alias in reader.aliases.items()}
        self.rows_are_unique: bool = not done and plan["key_is_unique"]
        self._group_rows = max(1_000, min(122_880, int(ROW_GROUP_BYTES / max(row_bytes, 1))))
        self._connections = Connections[_Session]()
        self._sessions: list[_Session] = []
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._is_open = False
        self._left = len(names)
        if not names:
            reader.watermark = plan["bound"]

    def write(self, name: str, folder: Path) -> Sequence[tuple[Path, int]]:
        self._open()
        file = folder / f"{name}.parquet"
        with self._connections.one() as session, self._in_our_words(file):
            rows = self._copy(session, name, file)
        self._note_done()
        if rows:
            return [(file, rows)]
        file.unlink(missing_ok=True)
        return []

    @contextlib.contextmanager
    def _in_our_words(self, file: Path) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            if storage := storage_error(error, file):
                raise storage from None
            raise_ours(self._reader.config, error)

    def _copy(self, session: _Session, name: str, file: Path) -> int:
        query = self._reader.query(self.plan["bound"], self._condition(name), is_exact=True)
        groups = f"ROW_GROUP_SIZE {self._group_rows}, ROW_GROUP_SIZE_BYTES {ROW_GROUP_BYTES}"
        found = session.here.execute(
            f"COPY ({query}) TO {literal(file)} ({PARQUET}, {groups})"
        ).fetchone()
        return int(found[0]) if found else 0

    def _condition(self, name: str) -> str:
        """Of a range, its ends. Of what changed since the dead run's snapshot, everything past the bound."""
        cursor = self._reader.cursor_column()
        if name.startswith(AGAIN) and self._reader.request.mode is SyncMode.XMIN:
            return xmin.past(self.plan["bound"])
        if name.startswith(AGAIN):
            assert cursor is not None
            column = quoted_name(cursor.name)
            nulls = f" OR {column} IS NULL" if cursor.is_nullable else ""
            return f"{column} >= {literal(self.plan['bound'])}{nulls}"
        return self._reader.condition(self._division, self._numbers[name])

    def _note_done(self) -> None:
        with self._lock:
            self._left -= 1
            if not self._left:
                self._reader.watermark = self.plan["bound"]

    # -- connections -----------------------------------------------------------------------------

    def _open(self) -> None:
        with self._lock:
            self._connections.check()
            if self._is_open:
                return
            self._open_in_one_snapshot()
            self._is_open = True

    def _open_in_one_snapshot(self) -> None:
        snapshot = self._exported()
        for number in range(self.parallel if snapshot else 0):
            try:
                self._add(snapshot)
            except SourceUnavailableError:
                _log.warning("only %d connections for %s", number + 1, self._reader.table.name)
                break
        if not self._sessions:
            self._stack.close()  # the snapshot's holder may have the only connection there is
            self._add("" if len(self.names) > 1 else None)

    def _exported(self) -> str:
        """The name of a snapshot that stays as long as this reading; empty where there are none.

        To a snapshot older than a TRUNCATE, or than an ALTER TABLE that writes all rows anew, the table is empty
        (https://www.postgresql.org/docs/current/mvcc-caveats.html). So it is taken while the table is locked against
        them, which only READ COMMITTED does in this order.
        """
        import psycopg

        with contextlib.ExitStack() as stack:
            try:
                holder = stack.enter_context(connected(self._reader.config))
                holder.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
                holder.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                holder.execute(f"SELECT 1 FROM {self._reader.relation} LIMIT 0".encode())
                row = holder.execute("SELECT pg_export_snapshot()").fetchone()
            except (psycopg.Error, SourceError):
                return ""
            self._stack.push(stack.pop_all())
        return str(row[0]) if row else ""

    def _add(self, snapshot: str | None) -> None:
        """Another connection: with a transaction of its own (``""``) or in a snapshot; None: without one. In one it has
        its lock on the table at once, so that it does not queue behind a change that waits for the snapshot's holder.

        A transaction must be ended by hand, also after an error: DuckDB aborts the process when it has to end
        one on a connection that is gone.
        """
        port = int(self._reader.config["port"])
        before = sockets.to_port(port)
        with contextlib.ExitStack() as stack:
            here = stack.enter_context(attached(self._reader.config, _OPTIONS))
            if self._reader.request.masks is not None:
                self._reader.request.masks.prepare(here)
            if snapshot is not None:
                here.execute("BEGIN")
                stack.callback(_end_transaction, here)
                if snapshot:
                    words = literal(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
                    here.execute(f"CALL postgres_execute('pg', {words})")
            pid = (
                "SELECT pg_backend_pid() AS pid FROM (SELECT 1) s "
                f"LEFT JOIN (SELECT 1 FROM {self._reader.relation} LIMIT 0) t ON true"
            )
            row = here.execute(f"SELECT * FROM postgres_query('pg', {literal(pid)})").fetchone()
            fresh = sockets.to_port(port) - before
            session = _Session(here, stack.pop_all(), int(row[0]) if row else 0, fresh)
        self._sessions.append(session)
        self._connections.add(session)

    def close(self) -> None:
        with self._lock:
            self._connections.end()
            sessions, self._sessions = self._sessions, []
        if self._left and sessions:
            self._cancel(sessions)
        for _ in sessions:
            with contextlib.suppress(SourceError):
                self._returned(sessions).stack.close()
        with contextlib.suppress(SourceError):
            self._stack.close()

    def _returned(self, sessions: Sequence[_Session]) -> _Session:
        """A session nobody reads through. A server that says nothing any more does not end a statement either."""
        try:
            return self._connections.returned(CANCEL_PATIENCE_S)
        except queue.Empty:
            for session in sessions:
                sockets.end(session.sockets)
            return self._connections.returned()

    def _cancel(self, sessions: Sequence[_Session]) -> None:
        """End running statements at both ends: without the server's, the rest of a COPY would be read to its end."""
        for session in sessions:
            session.here.interrupt()
        pids = [session.pid for session in sessions]
        with contextlib.suppress(SourceError), connected(self._reader.config) as connection:
            connection.execute("SELECT pg_cancel_backend(p) FROM unnest(%s::int[]) p", [pids])


def _end_transaction(here: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):
        here.execute("ROLLBACK")
