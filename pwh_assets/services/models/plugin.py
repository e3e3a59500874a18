"""The dbt-duckdb plugin that gives dbt the lake: attached with our words, written to under our lock."""

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from pwh_assets import duckdb_extensions
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.lake import Lakes
from pwh_assets.services.models.session import CURRENT, Session
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):  # type: ignore[misc]
    """Found by dbt-duckdb under this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        self._project_id = int(plugin_config.get("project_id", 1))
        self._own: Session | None = None

    @property
    def _session(self) -> Session:
        """The run's own lake; when dbt was started by hand, the one of this environment's home."""
        if CURRENT:
            return CURRENT[-1]
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
