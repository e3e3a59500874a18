"""The lake resource: DuckDB connections with a project's lake attached, for reading."""

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dagster as dg
from dagster_duckdb import DuckDBResource

from pwh_assets import duckdb_extensions
from pwh_assets.lake import Lakes
from pwh_assets.resources.home import platform_of, settings_of

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "1GB"
THREADS = 2


class LakeReader:
    """Reads lakes with bounded memory; what does not fit is spilled to the home's `tmp`.

    One connection per project is kept between reads (opening one costs 0.1 s) until `close`.
    """

    def __init__(self, lakes: Lakes) -> None:
        self._lakes = lakes
        self._kept: dict[int, duckdb.DuckDBPyConnection] = {}
        self._open = ExitStack()

    def connection(self, project_id: int) -> "duckdb.DuckDBPyConnection":
        """A connection with the project's lake attached read-only as `lake`; each statement sees the newest rows."""
        if project_id not in self._kept:
            home = self._lakes.settings.home
            (home / "tmp").mkdir(parents=True, exist_ok=True)
            lake = self._lakes.of(project_id)
            database = DuckDBResource(
                database=":memory:",
                connection_config={
                    **duckdb_extensions.verified(*lake.address.extensions),
                    "memory_limit": MEMORY_LIMIT,
                    "threads": THREADS,
                    "temp_directory": str(home / "tmp" / f"check-{os.getpid()}"),
                },
            )
            connection = self._open.enter_context(database.get_connection())
            for statement in lake.attach_sql(read_only=True):
                connection.execute(statement)
            self._kept[project_id] = connection
        return self._kept[project_id]

    def close(self) -> None:
        self._kept.clear()
        self._open.close()


class LakeResource(dg.ConfigurableResource[LakeReader]):
    """Gives assets and checks a reader of the lake; they ask for `dg.ResourceParam[LakeReader]`."""

    home: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> LakeReader:
        return LakeReader(platform_of(settings_of(self.home)).lakes)
