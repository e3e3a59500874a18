"""Copies of the lake's tables inside ClickHouse, brought up to date when a query needs them."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pwh_assets.engines.base import EngineError
from pwh_assets.engines.clickhouse_tables import create_table, fill_table, rows_for
from pwh_assets.engines.clickhouse_types import identifier, literal, quoted
from pwh_assets.engines.mirror_growth import growth
from pwh_assets.engines.mirror_names import (
    database_of,
    former_database_of,
    lake_mark,
    prefix_of,
    site_of,
    table_of,
)

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake import Lake
    from pwh_assets.lake.catalog import LakeTable

BATCH_ROWS = 200_000
STATE = "_copies"
OLD_STATE = "_mirror"
"""Did not say which lake a copy is of."""
FRESH = "__fresh"
COPY_WAIT_S = 600.0

Path = tuple[str, ...]


class Mirror:
    """The mirror of one project. Processes that share a server take turns, table by table."""

    def __init__(self, client: Any, lake: "Lake", project_id: int, *, is_shared: bool) -> None:
        """`is_shared` is True for a server, which other homes may use too."""
        self._client = client
        self._lake = lake
        self._project_id = project_id
        self._lock = threading.RLock()
        self._snapshot = -1
        self._tables: dict[tuple[str, str], LakeTable] = {}
        self._known: dict[str, int] = {}
        self._held: set[str] = set()
        self._lake_id = _id_of(lake)
        self.database = database_of(project_id, lake_mark(self._lake_id, lake, is_shared=is_shared))
        self._take_over()
        client.command(f"CREATE DATABASE IF NOT EXISTS {identifier(self.database)}")
        client.command(f"DROP TABLE IF EXISTS {self.place(OLD_STATE)}")
        client.command(
            f"CREATE TABLE IF NOT EXISTS {self.place(STATE)} (name String, lake String, snapshot Int64, "
            "at DateTime64(6) DEFAULT now64(6)) ENGINE = ReplacingMergeTree(at) ORDER BY name"
        )
        self._look()

    def site_of(self, view_id: str) -> str:
        """The database that a view is built in; see `clickhouse_site`."""
        return site_of(self.database, view_id)

    def bring(self, paths: Sequence[Path]) -> None:
        """See to it that each stored table's copy is the table as it is now."""
        with self._lock:
            for path, table in self._wanted(paths).items():
                if self._known.get(table_of(path)) != table.changed_snapshot:
                    with self._turn_unless_held(path):
                        self._bring(path, table)

    def clone(self, path: Path, database: str) -> int:
        """A table of this database that is the stored table as it is now, and the snapshot it changed in.

        No rows are copied: both names share their files, and what happens to one later does not reach the other.
        """
        with self._lock:
            (table,) = self._wanted([path]).values()
            with self._turn_unless_held(path):
                self._bring(path, table)
                clone = f"{identifier(database)}.{identifier(table_of(path))}"
                self._client.command(f"DROP TABLE IF EXISTS {clone}")
                self._client.command(f"CREATE TABLE {clone} CLONE AS {self.place(table_of(path))}")
                return self._known[table_of(path)]

    @contextmanager
    def turn(self, path: Path) -> Iterator[None]:
        """Be the only one to change the copy of this table.

        Raises:
            BusyError: another process copied it all the time.
        """
        from pwh_assets.lake.locks import hold

        name = hashlib.sha256(table_of(path).encode()).hexdigest()[:16]
        with hold(self._lake.settings, f"copy-{self._project_id}-{name}", COPY_WAIT_S):
            yield

    @contextmanager
    def turns(self, paths: Sequence[Path]) -> Iterator[None]:
        """Be the only one to change the copies of these tables. They are taken in one order, whoever asks.

        Raises:
            BusyError: another process copied one of them all the time.
        """
        with self._lock, contextlib.ExitStack() as held:
            for path in sorted(set(paths), key=table_of):
                held.enter_context(self.turn(path))
            self._held = {table_of(path) for path in paths}
            held.callback(self._held.clear)
            yield

    def _turn_unless_held(self, path: Path) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if table_of(path) in self._held else self.turn(path)

    def adopt(self, path: Path, made: str, snapshot: int, client: Any = None) -> None:
        """Take a table of ClickHouse (quoted, with its database) for the copy of what the lake has since this
        snapshot. Its `turn` is held. A reader sees the old copy or this one; the old one is under the other
        name afterwards.
        """
        name, client = table_of(path), client or self._client
        client.command(f"CREATE TABLE IF NOT EXISTS {self.place(name)} AS {made}")
        client.command(f"EXCHANGE TABLES {self.place(name)} AND {made}")
        client.insert(
            STATE,
            [[name, self._lake_id, snapshot]],
            column_names=["name", "lake", "snapshot"],
            database=self.database,
        )
        self._known[name] = snapshot

    def sweep(self) -> list[str]:
        """Drop the copies of tables that the lake no longer has; their names."""
        with self._lock:
            rows = self._client.query(
                f"SELECT name FROM system.tables WHERE database = '{self.database}'"
            ).result_rows
            kept = {table_of((schema, name)) for schema, name in self._lake.changed_snapshots()}
            names = [str(row[0]) for row in rows]
            gone = [n for n in names if n != STATE and n.removesuffix(FRESH) not in kept]
            for name in gone:
                self._client.command(f"DROP TABLE IF EXISTS {self.place(name)}")
                self._known.pop(name, None)
            return gone

    def drop_stale(self) -> list[str]:
        """Drop every copy that is not its table as it is now, with its files: no row is left that a table does not
        have. A query that needs one copies it anew. Their names. Builds that run are ended.
        """
        with self._lock:
            self.drop_sites(self._client)
            self._look()
            now = {
                (schema, name): at for (schema, name), at in self._lake.changed_snapshots().items()
            }
            known = {table_of(path): (path, at) for path, at in now.items()}
            stale = [name for name, at in self._known.items() if known.get(name, ((), -1))[1] != at]
            for name in stale:
                with self.turn(known.get(name, ((name,), -1))[0]):
                    self._client.command(f"DROP TABLE IF EXISTS {self.place(name)} SYNC")
                    self._client.command(f"DROP TABLE IF EXISTS {self.place(name + FRESH)} SYNC")
                self._known.pop(name, None)
            return stale

    def drop_sites(self, client: Any, kept: Sequence[str] = ()) -> None:
        """Drop the databases of builds, but for these; what still runs in them is ended."""
        rows = client.query(
            "SELECT name FROM system.databases WHERE startsWith(name, "
            f"{literal(prefix_of(self.database))})"
        ).result_rows
        for (name,) in rows:
            if name not in kept:
                drop_site(client, name)

    def _take_over(self) -> None:
        """A database whose name does not say whose it is, as earlier versions made them, is renamed when it is ours."""
        from clickhouse_connect.driver.exceptions import DatabaseError

        from pwh_assets.lake.locks import hold

        former = former_database_of(self._project_id)
        with hold(self._lake.settings, f"copies-{self._project_id}", COPY_WAIT_S):
            names = {str(row[0]) for row in self._client.query("SHOW DATABASES").result_rows}
            if former not in names or self.database in names:
                return
            state = f"{identifier(former)}.{identifier(STATE)}"
            with contextlib.suppress(
                DatabaseError
            ):  # no state in it, or not for this user: not ours to touch
                lakes = self._client.query(f"SELECT DISTINCT lake FROM {state}").result_rows
                if [str(row[0]) for row in lakes] != [self._lake_id]:
                    return
                self._client.command(
                    f"RENAME DATABASE {identifier(former)} TO {identifier(self.database)}"
                )
                for name in names:
                    if name.startswith(prefix_of(former)):
                        drop_site(self._client, name)

    def place(self, table: str) -> str:
        return f"{identifier(self.database)}.{identifier(table)}"

    def _wanted(self, paths: Sequence[Path]) -> "dict[Path, LakeTable]":
        snapshot = self._lake.snapshot_id()
        if snapshot != self._snapshot:
            self._tables = {(t.schema, t.name): t for t in self._lake.tables()}
            self._snapshot = snapshot
        found = {}
        for path in paths:
            table = self._tables.get((path[0], path[-1]))
            if table is None:
                raise EngineError(
                    f"The lake has no table `{'.'.join(path)}`. Sync its source again."
                )
            found[path] = table
        return found

    def _bring(self, path: Path, table: "LakeTable") -> None:
        """Copy the table, unless another process has meanwhile."""
        name = table_of(path)
        if self._known.get(name) != table.changed_snapshot:
            self._look(name)
        if self._known.get(name, -1) > table.changed_snapshot:
            # Whoever made it saw the lake later than we did; or the lake was set back.
            self._snapshot = -1
            table = self._wanted([path])[path]
        if self._known.get(name) != table.changed_snapshot and not self._grow(path, table):
            self._copy(path, table)

    def _look(self, name: str | None = None) -> None:
        """What is copied, as all processes have it written down."""
        one = "" if name is None else f"AND name = {literal(name)}"
        text = (
            f"SELECT name, snapshot FROM {self.place(STATE)} FINAL WHERE lake = '{self._lake_id}' "
            f"AND name IN (SELECT name FROM system.tables WHERE database = '{self.database}') {one}"
        )
        rows = self._client.query(text).result_rows
        if name is not None:
            self._known.pop(name, None)
        self._known.update({str(each): int(snapshot) for each, snapshot in rows})

    def _grow(self, path: Path, table: "LakeTable") -> bool:
        """Add the rows that came to what is copied, where nothing else happened to the table; else False."""
        from pwh_assets.lake.connections import one_snapshot

        name = table_of(path)
        before, fresh = self._known.get(name), self.place(f"{name}{FRESH}")
        if before is None:
            return False
        ((rows,),) = self._client.query(f"SELECT count() FROM {self.place(name)}").result_rows
        with self._lake.read() as connection, one_snapshot(connection):
            news = growth(connection, self._lake, table, before, int(rows))
            if news is None:
                return False
            self._client.command(f"DROP TABLE IF EXISTS {fresh}")
            self._client.command(f"CREATE TABLE {fresh} CLONE AS {self.place(name)}")
            self._hand_over(connection, news, fresh)
        self._exchange(path, table, fresh)
        return True

    def _copy(self, path: Path, table: "LakeTable") -> None:
        """A fresh copy beside the old one, then one exchange: a reader sees one or the other."""
        fresh = self.place(f"{table_of(path)}{FRESH}")
        create_table(self._client, fresh, table.columns)
        source = f"lake.{quoted(table.schema)}.{quoted(table.name)}"
        with self._lake.read() as connection:
            self._hand_over(connection, rows_for(table.columns, source), fresh)
        self._exchange(path, table, fresh)

    def _hand_over(self, connection: "duckdb.DuckDBPyConnection", sql: str, table: str) -> None:
        fill_table(self._client, table, connection.execute(sql).to_arrow_reader(BATCH_ROWS))

    def _exchange(self, path: Path, table: "LakeTable", fresh: str) -> None:
        self.adopt(path, fresh, table.changed_snapshot)
        with contextlib.suppress(Exception):  # the next copy of it does
            self._client.command(f"DROP TABLE IF EXISTS {fresh}")


def drop_site(client: Any, database: str) -> None:
    """Drop the database of a build, with its files. What still runs there is ended."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    with contextlib.suppress(DatabaseError):  # not every user may; then it runs to its end, unseen
        client.command(f"KILL QUERY WHERE current_database = {literal(database)} SYNC")
    client.command(f"DROP DATABASE IF EXISTS {identifier(database)} SYNC")


def _id_of(lake: "Lake") -> str:
    """What tells this lake from every other, also from one that had its place before."""
    from pwh_assets.lake.catalog import metadata

    with lake.read() as connection:
        row = connection.execute(
            f"SELECT schema_uuid FROM {metadata(lake.address, 'ducklake_schema')} ORDER BY schema_id LIMIT 1"
        ).fetchone()
    return str(row[0]) if row else ""
