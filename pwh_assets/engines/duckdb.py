"""DuckDB on a project's lake: compiled queries in a locked session that is reused, interrupted when time is up."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.engines.base import (
    Answer,
    EngineColumn,
    EngineError,
    Limits,
    QueryCancelledError,
    QueryTimeoutError,
    QueryTooLargeError,
    StatementRefusedError,
)
from pwh_assets.engines.words import without_places
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pwh_assets.lake import Lakes

MAX_AGE_S = 900.0
"""A database older than this is replaced, which frees what DuckLake remembers of old schemas."""
BATCH_ROWS = 20_000

IDLE_MOST = 4
"""Sessions kept open per project."""

Key = tuple[int, int, int, int | None]


class DuckDBEngine:
    """Keeps finished sessions for the next query: opening one attaches the lake, which costs more than most queries."""

    name = "duckdb"

    def __init__(self, settings: Settings, lakes: "Lakes") -> None:
        self.settings = settings
        self.lakes = lakes
        self._lock = threading.Lock()
        self._idle: dict[Key, list[DuckDBSession]] = {}
        self._inherited: list[DuckDBSession] = []

    def open(
        self, project_id: int, limits: Limits, placed: Sequence[PlacedTable] = ()
    ) -> "DuckDBSession":
        if placed:
            connection = self.lakes.of(project_id).sandbox(limits, placed)
            return DuckDBSession(self, None, connection, str(self.settings.home))
        key = (os.getpid(), project_id, limits.memory_mb, limits.threads)
        with self._lock:
            self._forget_other_processes()
            idle = self._idle.get(key, [])
            while idle:
                session = idle.pop()
                if session.age_s < MAX_AGE_S:
                    return session
                session.end()
        connection = self.lakes.of(project_id).sandbox(limits)
        return DuckDBSession(self, key, connection, str(self.settings.home))

    def keep(self, key: Key, session: "DuckDBSession") -> None:
        """Take a session back, or end it when there are enough."""
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if key[0] == os.getpid() and session.age_s < MAX_AGE_S and len(idle) < IDLE_MOST:
                idle.append(session)
                return
        session.end()

    def close(self) -> None:
        with self._lock:
            self._forget_other_processes()
            for sessions in self._idle.values():
                for session in sessions:
                    session.end()
            self._idle.clear()

    def _forget_other_processes(self) -> None:
        for key in [key for key in self._idle if key[0] != os.getpid()]:
            # After a fork the parent's threads are not here to close them.
            self._inherited += self._idle.pop(key)


class DuckDBSession:
    """A locked database that runs one query at a time. `close` gives it back to the engine."""

    def __init__(
        self,
        engine: DuckDBEngine,
        key: Key | None,
        connection: "duckdb.DuckDBPyConnection",
        home: str,
    ) -> None:
        from pwh_assets.hogql.functions.macros import DUCKDB_MACROS

        self._engine = engine
        self._key = key
        self._connection = connection
        self._home = home
        self._opened_at = time.monotonic()
        self._is_broken = False
        for macro in DUCKDB_MACROS:
            connection.execute(macro)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._opened_at

    def prepare(self, tables: Sequence[tuple[str, ...]]) -> None:
        """The lake is read where it lies."""

    def run(self, sql: str, settings: dict[str, str | int | float], limits: Limits) -> Answer:
        return DuckDBAnswer(self, self._connection, sql, limits, self._home)

    def cancel(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        if self._is_broken or self._key is None:
            self.end()
        else:
            self._engine.keep(self._key, self)

    def end(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()

    def spoil(self) -> None:
        """This session is not to be used again."""
        self._is_broken = True


class DuckDBAnswer:
    """Rows as they come. The watch ends with `close`, so that slow reading is stopped too."""

    def __init__(
        self,
        session: DuckDBSession,
        connection: "duckdb.DuckDBPyConnection",
        sql: str,
        limits: Limits,
        home: str,
    ) -> None:
        self._session = session
        self._connection = connection
        self._limits = limits
        self._home = home
        self._is_late = False
        self._timer = threading.Timer(limits.timeout_s, self._stop)
        self._timer.daemon = True
        self._timer.start()
        self._rows = 0
        with self._in_words():
            connection.execute(sql)
        described = connection.description or []
        self.columns: Sequence[EngineColumn] = [
            EngineColumn(str(column[0]), str(column[1])) for column in described
        ]

    def _stop(self) -> None:
        self._is_late = True
        self._connection.interrupt()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        while True:
            with self._in_words():
                batch = self._connection.fetchmany(BATCH_ROWS)
            if not batch:
                return
            self._count(len(batch))
            yield from batch

    def batches(self) -> "Iterator[pa.RecordBatch]":
        with self._in_words():
            reader = self._connection.to_arrow_reader(BATCH_ROWS)
        while True:
            with self._in_words():
                try:
                    batch = next(iter(reader), None)
                except (OSError, ValueError) as error:
                    raise _duckdbs(error) from None
            if batch is None:
                return
            self._count(batch.num_rows)
            yield batch

    def _count(self, rows: int) -> None:
        self._rows += rows
        most = self._limits.max_rows
        if most is not None and self._rows > most:
            self.close()
            raise QueryTooLargeError(
                f"The answer has more than {most:,} rows, the most that are allowed here. Add a LIMIT, aggregate, or export it."
            )

    def close(self) -> None:
        self._timer.cancel()

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except (duckdb.FatalException, duckdb.InternalException) as error:
            self.close()
            self._session.spoil()
            raise EngineError(f"DuckDB failed: {without_places(str(error), self._home)}") from None
        except duckdb.InterruptException:
            self.close()
            if self._is_late:
                raise QueryTimeoutError(self._limits.timeout_s) from None
            raise QueryCancelledError from None
        except duckdb.OutOfMemoryException:
            self.close()
            raise QueryTooLargeError(
                f"The query needs more than the {self._limits.memory_mb:,} MB it may use. "
                "Read a shorter time range or fewer columns, or materialize the heavy part as a view."
            ) from None
        except duckdb.Error as error:
            self.close()
            if self._is_late:
                raise QueryTimeoutError(self._limits.timeout_s) from None
            raise StatementRefusedError("DuckDB", without_places(str(error), self._home)) from None


def _duckdbs(error: Exception) -> Exception:
    """What Arrow says of a query that ended in the middle, as DuckDB's own error again."""
    import duckdb

    words = str(error)
    if "INTERRUPT Error" in words:
        return duckdb.InterruptException(words)
    if "Out of Memory Error" in words:
        return duckdb.OutOfMemoryException(words)
    return duckdb.Error(words)


ENGINE = DuckDBEngine
