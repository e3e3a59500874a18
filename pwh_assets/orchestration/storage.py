"""Dagster's storage in SQLite, with connections that are kept: a third of the stock storage's CPU per event.

The stock one builds a database engine per statement and writes each asset's events twice, to a file per run and to
an index. Here one file holds all events. Dagster names these classes in `dagster.yaml`; they lean on its internals
(1.13.27, pinned) in the few lines below and nowhere else.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cached_property, partial
from typing import Any

import dagster as dg
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._serdes import ConfigurableClass

BUSY_TIMEOUT_S = 60


class Connections:
    """Kept connections to one database file. A forked child opens its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._engine: Any = None
        self._pid = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        if self._engine is None or self._pid != os.getpid():
            self._engine = create_engine(
                self._address,
                connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
                pool_size=4,
                max_overflow=32,
            )
            self._pid = os.getpid()
        with self._engine.connect() as connection:
            # The log's last moments may be lost with the power, never its consistency.
            connection.connection.driver_connection.execute("PRAGMA synchronous=NORMAL")
            with connection.begin():
                yield connection

    def close(self) -> None:
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()
        self._engine = None


class Seen:
    """Tables and columns that were found. They stay, and Dagster looks for them again at every event."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def look(self, name: str, ask: Callable[[], bool]) -> bool:
        if name not in self._names and ask():
            self._names.add(name)
        return name in self._names


class PooledEventLog(ConsolidatedSqliteEventLogStorage):
    """All events in one file."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._kept: Connections | None = None
        self._watcher: SqlPollingEventWatcher | None = None
        self._seen = Seen()
        super().__init__(base_dir, inst_data)

    def has_table(self, table_name: str) -> bool:
        return self._seen.look(table_name, partial(super().has_table, table_name))

    def _has_asset_key_col_on_connection(self, conn: Any, column_name: str) -> bool:
        ask = partial(super()._has_asset_key_col_on_connection, conn, column_name)
        return self._seen.look(f"asset_keys.{column_name}", ask)

    @contextmanager
    def _connect(self) -> Iterator[Any]:
        if self._kept is None:
            self._kept = Connections(self._conn_string)
        with self._kept.transaction() as connection:
            yield connection

    def watch(self, run_id: str, cursor: str | None, callback: Callable[..., Any]) -> None:
        # The stock one waits for the file to change; under WAL that happens at checkpoints only.
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Callable[..., Any]) -> None:
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
        if self._kept is not None:
            self._kept.close()


class _Pooled:
    """The storages whose base opens a connection by `connect`, with kept ones."""

    _conn_string: str

    @cached_property
    def _kept(self) -> Connections:
        return Connections(self._conn_string)

    @contextmanager
    def connect(self) -> Iterator[Any]:
        with self._kept.transaction() as connection:
            yield connection

    def dispose(self) -> None:
        self._kept.close()


class PooledRuns(_Pooled, SqliteRunStorage):
    """All runs in one file."""

    def __init__(self, conn_string: str, inst_data: Any = None) -> None:
        self._seen = Seen()
        super().__init__(conn_string, inst_data)

    def has_run_stats_index_cols(self) -> bool:
        return self._seen.look("runs.start_time", super().has_run_stats_index_cols)

    def has_backfill_id_column(self) -> bool:
        return self._seen.look("runs.backfill_id", super().has_backfill_id_column)


class PooledSchedules(_Pooled, SqliteScheduleStorage):
    """Ticks of schedules and sensors, in one file."""


_ready: set[tuple[str, int]] = set()
"""Databases this process has looked at, by path and inode."""
_KNOWN = "revisions.json"


class Revisions:
    """Which of a folder's databases need no look at their revision.

    Dagster opens its instance at every tick of every sensor and in every command, and reading all of Alembic's files
    to find the newest revision was most of what an idle code server did. Here a process looks once, and the first one
    writes down for the others at which revisions this release of Dagster left them.
    """

    def __init__(self, base_dir: str) -> None:
        self._file = os.path.join(base_dir, _KNOWN)
        self._paths = {
            name: os.path.join(base_dir, folder, f"{name}.db")
            for name, folder in (("runs", "history"), ("schedules", "schedules"))
        }

    def are_known(self) -> bool:
        """Whether every database is there and as this release of Dagster left it."""
        if not all(os.path.exists(path) for path in self._paths.values()):
            return False
        marks = self._marks()
        if not marks <= _ready:
            if self._known() != self._found():
                return False
            _ready.update(marks)
        return True

    def note(self) -> None:
        """Remember, after Dagster made or looked through the databases."""
        _ready.update(self._marks())
        found = self._found()
        if None in found.values():
            return
        fresh = f"{self._file}.{os.getpid()}"
        with suppress(OSError):
            with open(fresh, "w") as file:
                json.dump(found, file)
            os.replace(fresh, self._file)

    def _marks(self) -> set[tuple[str, int]]:
        return {(path, os.stat(path).st_ino) for path in self._paths.values()}

    def _known(self) -> Any:
        with suppress(OSError, ValueError), open(self._file) as file:
            return json.load(file)
        return None

    def _found(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {"dagster": dg.__version__}
        for name, path in self._paths.items():
            with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
                try:
                    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
                except sqlite3.Error:
                    row = None
            found[name] = str(row[0]) if row else None
        return found


class PooledSqliteStorage(DagsterStorage, ConfigurableClass):
    """Runs, events and ticks under `base_dir`."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._inst_data = inst_data
        history, schedules = os.path.join(base_dir, "history"), os.path.join(base_dir, "schedules")
        self._runs: PooledRuns
        self._schedules: SqliteScheduleStorage
        revisions = Revisions(base_dir)
        if revisions.are_known():
            self._runs = PooledRuns(create_db_conn_string(history, "runs"))
            self._schedules = PooledSchedules(create_db_conn_string(schedules, "schedules"))
        else:
            self._runs = PooledRuns.from_local(history)
            self._schedules = PooledSchedules.from_local(schedules)
            revisions.note()
        self._events = PooledEventLog(history)
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> Any:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"base_dir": dg.StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: Any, config_value: Mapping[str, Any]
    ) -> "PooledSqliteStorage":
        return cls(config_value["base_dir"], inst_data)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        super().register_instance(instance)
        for storage in (self._runs, self._events, self._schedules):
            if not storage.has_instance:
                storage.register_instance(instance)

    @property
    def event_log_storage(self) -> PooledEventLog:
        return self._events

    @property
    def run_storage(self) -> PooledRuns:
        return self._runs

    @property
    def schedule_storage(self) -> SqliteScheduleStorage:
        return self._schedules

    event_storage_data = run_storage_data = schedule_storage_data = None

    def dispose(self) -> None:
        for storage in (self._runs, self._events, self._schedules):
            storage.dispose()
