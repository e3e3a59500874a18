"""The dbt-duckdb plugin that gives dbt the lake: attached with our words, written to under our lock."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from pwh_assets import duckdb_extensions
from pwh_assets.errors import PwhError
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.lake import Lake, Lakes
from pwh_assets.services.scratch import scratch
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

_current: list["Session"] = []


class Session:
    """One run of dbt on one lake. The lake's lock is taken when a model is ready to be written."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.spill: Path | None = None
        self._held = ExitStack()
        self._is_held = False
        self.error: PwhError | None = None
        """Why the lock was not given; dbt would keep only its text."""

    def __enter__(self) -> "Session":
        self.spill = self._held.enter_context(scratch(self.lake.settings, "dbt"))
        _current.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _current.remove(self)
        self._held.close()

    def take_lock(self) -> None:
        if not self._is_held:
            try:
                self._held.enter_context(self.lake.lock())
            except PwhError as error:
                self.error = error
                raise
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

    def configure_cursor(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        cursor.execute("SET TimeZone = 'UTC'")
        for statement in DUCKDB_MACROS:
            cursor.execute(statement)

    def store(self, target_config: Any) -> None:
        """Called by the materialization between computing and writing: wait for the lake's turn."""
        self._session.take_lock()
