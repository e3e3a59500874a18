"""The dbt-duckdb plugin that gives dbt the lake: attached with our words, written to under our lock."""

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from pwh_assets import duckdb_extensions
from pwh_assets.errors import PwhError
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.lake import Lake, Lakes
from pwh_assets.services.models.publication import Publication, Replacement
from pwh_assets.services.scratch import scratch
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

_current: list["Session"] = []


class Session:
    """One run of dbt on one lake. The lake's lock is taken when a model is ready to be written.

    `interrupt` may be called from any thread.
    """

    def __init__(self, lake: Lake, publication: Publication | None = None) -> None:
        self.lake = lake
        self.publication = publication or Replacement()
        self.spill: Path | None = None
        self.setup: tuple[str, ...] = ()
        """Statements for the fresh connection, after the lake is attached."""
        self._held = ExitStack()
        self._is_held = False
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self.error: Exception | None = None
        """What a step of the publication raised; dbt would keep only its text."""

    def __enter__(self) -> "Session":
        self.spill = self._held.enter_context(scratch(self.lake.settings, "dbt"))
        _current.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _current.remove(self)
        self._held.close()

    def materialize(self, cursor: "duckdb.DuckDBPyConnection", sql: str, table: str) -> None:
        """Stage, audit and publish one model on this connection, which is closed."""
        self._cursor = cursor
        try:
            self.publication.stage(cursor, sql)
            self.publication.audit(cursor)
            self.take_lock()
            cursor.execute("BEGIN")
            self.publication.publish(cursor, table)
            self._cursor = None  # from here on nobody ends it: what is committed is built
            cursor.execute("COMMIT")
        except PwhError as error:
            self.error = error
            raise
        finally:
            self._cursor = None
            cursor.close()

    def interrupt(self) -> None:
        """End the statement that runs now, if one does."""
        cursor = self._cursor
        if cursor is not None:
            with suppress(Exception):  # closed this moment: there is nothing left to end
                cursor.interrupt()

    def take_lock(self) -> None:
        """Be the lake's only writer until the session ends. Raises LakeBusyError."""
        if not self._is_held:
            self._held.enter_context(self.lake.lock())
            self._is_held = True


class Plugin(BasePlugin):  # type: ignore[misc]
    """Found by dbt-duckdb under this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._project_id = int(plugin_config.get("project_id", 1))
        self._own: Session | None = None

    @property
    def _session(self) -> Session:
        """The run's own lake; when dbt was started by hand, the one of this environment's home."""
        if _current:
            return _current[-1]
        if self._own is None:
            self._own = Session(Lakes(Settings.from_env()).of(self._project_id))
        return self._own

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        lake = self._session.lake
        duckdb_extensions.connect(*lake.address.extensions).close()  # checks their signatures once
        spill = self._session.spill or lake.settings.home / "tmp" / "dbt"
        config |= {
            "allow_unsigned_extensions": "true",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_persistent_secrets": "false",
            "temp_directory": str(spill / "spill"),
        }

    def configure_connection(self, conn: "duckdb.DuckDBPyConnection") -> None:
        for statement in self._session.lake.attach_sql(read_only=False):
            conn.execute(statement)
        if self._session.setup:
            self.configure_cursor(conn)
        for statement in self._session.setup:
            conn.execute(statement)
        self._connection = conn

    def configure_cursor(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        cursor.execute("SET TimeZone = 'UTC'")
        for statement in DUCKDB_MACROS:
            cursor.execute(statement)

    def store(self, target_config: Any) -> None:
        """Called by the materialization with the compiled text: build the table."""
        cursor = self._connection.cursor()
        self.configure_cursor(cursor)
        self._session.materialize(
            cursor, target_config.config["sql"], target_config.relation.render()
        )
