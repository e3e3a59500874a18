"""One project's lake: where its rows are read, written, published and looked after."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.errors import BusyError
from pwh_assets.lake import catalog, locks, product
from pwh_assets.lake.attach import ALIAS, Address, literal, quote
from pwh_assets.lake.catalog import LakeTable
from pwh_assets.lake.changes import Applied, Batch, apply
from pwh_assets.lake.connections import ONE_THREAD, SharedReader, connect, in_words, one_snapshot
from pwh_assets.lake.errors import LakeBusyError, LakeError
from pwh_assets.lake.publish import Guard, Publish, Published, nothing_to_publish, publish
from pwh_assets.lake.sandbox import SandboxLimits, open_sandbox
from pwh_assets.lake.state import STATE, SyncState, read_state
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake.maintenance import Maintained

WRITE_MEMORY = "768MiB"
"""Of a connection that writes; what needs more spills to `PWH_HOME/tmp`."""
_RACY_S = 0.1
"""A catalog file younger than this may change again within the same tick of the file system's clock."""


class Lake:
    """The storage of record of one project. Threads may share it."""

    def __init__(self, settings: Settings, project_id: int) -> None:
        self.settings = settings
        self.project_id = project_id
        self.address = Address.of(settings, project_id)
        self._reader = SharedReader(self.address)
        self._snapshot: tuple[tuple[Any, ...], int] | None = None
        self._schema: tuple[int, int] | None = None
        self.guard: Guard | None = None
        """What looks at the rows that come in; see `Guard`."""

    # -- reading -------------------------------------------------------------------------------

    @contextmanager
    def read(self, *, is_short: bool = False) -> "Iterator[duckdb.DuckDBPyConnection]":
        """A trusted read-only connection with the lake attached as `lake`.

        Args:
            is_short: only catalogs or few rows are read, which one thread does at half the cost.
        """
        with in_words(self.address), self._reader.cursor(is_short=is_short) as cursor:
            yield cursor

    def sandbox(
        self, limits: SandboxLimits, placed: Sequence[PlacedTable] = ()
    ) -> "duckdb.DuckDBPyConnection":
        """A locked-down read-only connection for compiled HogQL. The caller closes it.

        `placed` are tables outside the lake that it may read too.
        """
        return open_sandbox(self.address, self.settings, limits, placed)

    def tables(self) -> list[LakeTable]:
        """Every table with its columns, rows, bytes and last change; our own bookkeeping left out."""
        with self.read(is_short=True) as connection:
            return catalog.tables(connection, self.address)

    def changed_snapshots(self) -> dict[tuple[str, str], int]:
        """The snapshot in which each table last changed, by schema and name."""
        with self.read(is_short=True) as connection:
            return catalog.changed_snapshots(connection, self.address)

    def has_table(self, schema: str, table: str) -> bool:
        with self.read(is_short=True) as connection:
            found = catalog.existing_tables(connection, self.address)
        return (schema.lower(), table.lower()) in {(s.lower(), t.lower()) for s, t in found}

    def snapshot_id(self) -> int:
        """The newest snapshot: changes whenever anything in the lake does."""
        mark = self._catalog_mark()
        if mark is not None and self._snapshot is not None and self._snapshot[0] == mark:
            return self._snapshot[1]
        with self.read(is_short=True) as connection:
            found = catalog.snapshot_id(connection, self.address)
        if mark is not None:
            self._snapshot = (mark, found)
        return found

    def schema_version(self) -> int:
        """Changes whenever a table or a column comes, goes or becomes another; not with rows."""
        snapshot, known = self.snapshot_id(), self._schema
        if known is None or known[0] != snapshot:
            with self.read(is_short=True) as connection:
                known = self._schema = catalog.newest(connection, self.address)
        return known[1]

    def glanced_schema_version(self) -> int | None:
        """The same where it is known without asking the catalog, else None."""
        snapshot, known = self.glanced_snapshot_id(), self._schema
        return known[1] if known is not None and known[0] == snapshot else None

    def glanced_snapshot_id(self) -> int | None:
        """The same where it is known without asking the catalog, else None."""
        mark, known = self._catalog_mark(), self._snapshot
        return known[1] if mark is not None and known is not None and known[0] == mark else None

    def _catalog_mark(self) -> tuple[Any, ...] | None:
        """What changes with every commit to a SQLite catalog; None while a change could go unseen.

        Only `stat` may be used here: opening and closing the file in this process would drop the locks
        that DuckDB's SQLite holds on it.
        """
        if self.address.catalog_file is None:
            return None
        marks: list[int] = []
        for name in (f"{self.address.catalog_file}-wal", str(self.address.catalog_file)):
            try:
                stat = os.stat(name)
            except FileNotFoundError:
                marks.append(0)
                continue
            if time.time() - stat.st_mtime < _RACY_S:
                return None
            marks += (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return tuple(marks)

    def state(self, table_id: str) -> SyncState | None:
        """Where the last committed sync of this table ended; None when it never synced."""
        with self.read(is_short=True) as connection:
            return read_state(connection, table_id)

    # -- writing -------------------------------------------------------------------------------

    @contextmanager
    def lock(self, timeout_s: float = 600.0) -> Iterator[None]:
        """Be the lake's only writer, for a tool that brings its own connection (dbt). Not reentrant.

        Raises:
            LakeBusyError: others were writing all the time.
        """
        try:
            with locks.hold(self.settings, f"lake-{self.project_id}", timeout_s):
                yield
        except BusyError:
            raise LakeBusyError(self.project_id, timeout_s) from None

    @contextmanager
    def write(
        self, timeout_s: float = 600.0, *, is_short: bool = False
    ) -> "Iterator[duckdb.DuckDBPyConnection]":
        """A read-write connection under the lake's lock. The caller says BEGIN and COMMIT.

        Args:
            is_short: little is read and written, or the caller asks for `all_threads` when it is not.

        Raises:
            LakeBusyError: others were writing all the time.
            LakeStorageError: catalog or data cannot be written.
        """
        with self.lock(timeout_s), in_words(self.address):
            temp = self.settings.home / "tmp" / f"write-{self.project_id}"
            temp.parent.mkdir(parents=True, exist_ok=True)
            limits: dict[str, str | bool | int | float | list[str]] = {
                "temp_directory": str(temp),
                "memory_limit": WRITE_MEMORY,
                **(ONE_THREAD if is_short else {}),
            }
            connection = connect(self.address, read_only=False, config=limits)
            try:
                yield connection
            finally:
                connection.close()

    def publish(self, what: Publish, timeout_s: float = 600.0) -> Published:
        """Put staged Parquet files into a table, with the sync's state, in one transaction."""
        with self.read(is_short=True) as connection, one_snapshot(connection):
            if (told := nothing_to_publish(connection, self.address, what)) is not None:
                return told
        with self.write(timeout_s, is_short=True) as connection:
            return publish(connection, self.address, what, self.guard)

    def apply_changes(self, batch: Batch, timeout_s: float = 600.0) -> dict[str, Applied]:
        """Apply changes of a stream to all their tables, with the position reached, in one transaction.

        Returns what was done by table id.
        """
        with self.write(timeout_s) as connection:
            return apply(connection, self.address, batch, self.guard)

    def drop_table(self, schema: str, table: str) -> None:
        """Remove a table; nothing happens when there is none."""
        with self.write(is_short=True) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {ALIAS}.{quote(schema)}.{quote(table)}")

    def drop_schema(self, schema: str) -> None:
        """Remove a schema and its tables; nothing happens when there is none."""
        with self.write(is_short=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {ALIAS}.{quote(schema)} CASCADE")

    def forget_state(self, table_id: str) -> None:
        """Forget where the last sync ended, so that the next one starts from the beginning."""
        with self.write(is_short=True) as connection:
            connection.execute(f"DELETE FROM {STATE} WHERE table_id = {literal(table_id)}")

    def state_ids(self) -> list[str]:
        """Of everything whose last sync is remembered."""
        with self.read(is_short=True) as connection:
            return [
                str(row[0])
                for row in connection.execute(f"SELECT table_id FROM {STATE}").fetchall()
            ]

    def forget_states(self, ids: Sequence[str]) -> None:
        """Forget where the last syncs of these ended."""
        if ids:
            listed = ", ".join(map(literal, ids))
            with self.write(is_short=True) as connection:
                connection.execute(f"DELETE FROM {STATE} WHERE table_id IN ({listed})")

    # -- looking after -------------------------------------------------------------------------

    def verify(self) -> list[str]:
        """Problems in words: statistics that differ from the rows, missing files, orphaned files."""
        from pwh_assets.lake.verify import verify

        return verify(self)

    def maintain(self, keep_days: float = 7.0) -> "Maintained":
        """Merge small files, expire snapshots older than `keep_days`, delete files nobody needs."""
        from pwh_assets.lake.maintenance import maintain

        return maintain(self, keep_days)

    # -- for tools with their own connection -----------------------------------------------------

    def attach_sql(self, read_only: bool) -> list[str]:
        """Statements that give a fresh DuckDB connection this lake as `lake`. They may hold credentials."""
        return self.address.statements(read_only)

    def close(self) -> None:
        self._reader.close()


class Lakes:
    """The lakes of a home, one per project, made when first asked for."""

    def __init__(self, settings: Settings, guard_of: Callable[[int], Guard] | None = None) -> None:
        self.settings = settings
        self._guard_of = guard_of
        self._lakes: dict[int, Lake] = {}
        self._lock = threading.Lock()

    def of(self, project_id: int) -> Lake:
        """The project's lake; its catalog, folder and own tables are made at first use."""
        with self._lock:
            lake = self._lakes.get(project_id)
            if lake is None:
                lake = Lake(self.settings, project_id)
                lake.guard = self._guard_of(project_id) if self._guard_of else None
                _prepare(lake)
                self._lakes[project_id] = lake
            return lake

    def opened(self, project_id: int) -> Lake | None:
        """The project's lake if `of` has been asked for it in this process."""
        return self._lakes.get(project_id)

    def close(self) -> None:
        with self._lock:
            for lake in self._lakes.values():
                lake.close()
            self._lakes.clear()


def _prepare(lake: Lake) -> None:
    if lake.address.catalog_file is not None:
        lake.address.catalog_file.parent.mkdir(parents=True, exist_ok=True)
        if lake.address.catalog_file.exists() and _is_ready(lake):
            return
    elif _is_ready(lake):
        return
    if lake.address.is_local:
        os.makedirs(lake.address.data_path, exist_ok=True)
    if lake.address.catalog_url:
        with lake.lock():
            locks.make_schema(lake.address.catalog_url, lake.address.catalog_schema)
    with lake.write(is_short=True) as connection:
        made = catalog.existing_tables(connection, lake.address)
        if product.READY in made:
            return
        for statement in product.own_statements(ALIAS):
            connection.execute(statement)
        connection.execute("BEGIN")
        for statement in product.product_statements(ALIAS):
            connection.execute(statement)
        connection.execute("COMMIT")


def _is_ready(lake: Lake) -> bool:
    try:
        with lake.read(is_short=True) as connection:
            made = catalog.existing_tables(connection, lake.address)
    except LakeError:
        return False
    return product.READY in made
