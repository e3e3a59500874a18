"""One database of ours: short transactions that wait for each other, and the migrations that make it."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from pwh_assets.errors import PwhError
from pwh_assets.store.migrations import HEAD

BUSY_TIMEOUT_S = 60
_MIGRATION_LOCK = 0x507748  # any number; the same one for every process on this database


class StoreUnavailableError(PwhError):
    """The store's database does not answer or refuses us."""

    code = "store_unavailable"
    status = 503
    retryable = True

    def __init__(self, place: str, cause: str) -> None:
        super().__init__(
            f"The store at `{place}` cannot be opened: {cause}. "
            "Check `PWH_HOME` or `PWH_DATABASE_URL` and that the database is up."
        )


class StoreTooNewError(PwhError):
    """The store was migrated by a later release than this one."""

    code = "store_too_new"

    def __init__(self, place: str, revision: str) -> None:
        super().__init__(
            f"The store at `{place}` has revision `{revision}`, which this release does not know. "
            "Use the release that wrote it, or a later one."
        )


class Database:
    """SQLite (WAL) or Postgres behind SQLAlchemy Core. Error texts never carry parameters."""

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.place = _place(parsed)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = (
            {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
            if self.is_sqlite
            else {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}}
        )
        self.engine = sa.create_engine(
            parsed, hide_parameters=True, pool_size=5, max_overflow=45, pool_timeout=60, **options
        )
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
            sa.event.listen(self.engine, "invalidate", _let_go)
        self._joined = threading.local()
        self._file = parsed.database if self.is_sqlite else None
        self._glances: sqlite3.Connection | None = None
        self._glancing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads; on SQLite it never waits for a writer."""
        if (joined := self._shared) is not None:
            yield joined
            return
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def glance(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        """One row of SQLite's file as it is now, in microseconds and without waiting.

        None when it cannot be had like that: on Postgres, inside `together`, in an unlucky moment, or there is no row.
        """
        if not self._file or self._file == ":memory:" or self._shared is not None:
            return None
        with self._glancing:
            try:
                if self._glances is None:
                    self._glances = sqlite3.connect(
                        f"file:{quote(self._file)}?mode=ro",
                        timeout=0,
                        isolation_level=None,
                        check_same_thread=False,
                        uri=True,
                    )
                row: tuple[Any, ...] | None = self._glances.execute(query, values).fetchone()
            except sqlite3.Error:
                return None
        return row

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that takes SQLite's write lock at once, so that it waits instead of failing later."""
        if (joined := self._shared) is not None:
            yield joined
            return
        writing = self.engine.connect().execution_options(pwh_writes=True)
        with writing as connection, connection.begin():
            yield connection

    @contextmanager
    def together(self) -> Iterator[sa.Connection]:
        """Make one transaction of everything this thread reads and writes inside: all of it is kept, or nothing."""
        with self.write() as connection:
            self._joined.connection = connection
            try:
                yield connection
            finally:
                self._joined.connection = None

    @property
    def _shared(self) -> sa.Connection | None:
        return getattr(self._joined, "connection", None)

    def migrate(self) -> None:
        """Bring the database to this release's revision; processes that start together take turns.

        Raises:
            StoreUnavailableError: the database does not answer.
            StoreTooNewError: a later release was here.
        """
        try:
            if self.is_sqlite:
                self._use_wal()
            if self._revision() == HEAD:
                return
            with self.write() as connection:
                if not self.is_sqlite:
                    connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                self._upgrade(connection)
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            raise StoreUnavailableError(self.place, _cause(error)) from None

    def problems(self) -> list[str]:
        """What SQLite finds wrong with its file; Postgres looks after itself."""
        if not self.is_sqlite:
            return []
        with self.read() as connection:
            broken: list[str] = list(
                connection.execute(sa.text("PRAGMA integrity_check(5)")).scalars()
            )
            dangling = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
        found = [
            f"The store at `{self.place}` is damaged: {line}." for line in broken if line != "ok"
        ]
        found += [
            f"The store's table `{row[0]}` has a row that refers to nothing."
            for row in dangling[:5]
        ]
        return found

    def close(self) -> None:
        self.engine.dispose()
        with self._glancing:
            if self._glances is not None:
                self._glances.close()
                self._glances = None

    def _upgrade(self, connection: sa.Connection) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        found = _revision_of(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise StoreTooNewError(self.place, found)
        command.upgrade(config, "head")

    def _revision(self) -> str | None:
        with self.read() as connection:
            return _revision_of(connection)

    def _use_wal(self) -> None:
        """SQLite switches to WAL only while nobody else is looking, and says busy without waiting."""
        for attempt in range(100):
            connection = self.engine.raw_connection()
            try:
                mode = connection.cursor().execute("PRAGMA journal_mode=WAL").fetchone()
                if mode and mode[0] == "wal":
                    return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or attempt == 99:
                    raise
            finally:
                connection.close()
            time.sleep(0.05)


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # transactions are begun below, not by the driver
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("pwh_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _let_go(dbapi_connection: Any, _record: Any, _exception: BaseException | None) -> None:
    """End the transaction of a connection that is given up after Ctrl-C: closing it does not while the error at hand
    refers to its cursor.
    """
    with suppress(sqlite3.Error):
        dbapi_connection.rollback()


def _revision_of(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _place(url: sa.URL) -> str:
    """Where the database is, without user and password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"


def _cause(error: sa.exc.DBAPIError | sqlite3.Error) -> str:
    driver = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    lines = [line.strip() for line in str(driver).strip().splitlines()]
    said = [line for line in lines if not line.startswith("Is the server running")]  # libpq asks
    return said[-1].rstrip(".") if said else "no answer"
