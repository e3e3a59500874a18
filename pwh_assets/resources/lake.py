"""The lake resource: DuckDB connections with a project's lake attached, for reading."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
from dagster_duckdb import DuckDBResource

from pwh_assets.lake import Lakes
from pwh_assets.resources.home import platform_of, settings_of

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "1GB"
THREADS = 2


class LakeReader:
    """Reads lakes with bounded memory; what does not fit is spilled to the home's `tmp`."""

    def __init__(self, lakes: Lakes) -> None:
        self._lakes = lakes
        temp = lakes.settings.home / "tmp" / f"check-{os.getpid()}"
        self._duckdb = DuckDBResource(
            database=":memory:",
            connection_config={
                "memory_limit": MEMORY_LIMIT,
                "threads": THREADS,
                "temp_directory": str(temp),
                "allow_unsigned_extensions": "false",
            },
        )

    @contextmanager
    def connection(self, project_id: int) -> "Iterator[duckdb.DuckDBPyConnection]":
        """A connection of one's own with the project's lake attached read-only as `lake`."""
        lake = self._lakes.of(project_id)
        (self._lakes.settings.home / "tmp").mkdir(parents=True, exist_ok=True)
        with self._duckdb.get_connection() as connection:
            for statement in lake.attach_sql(read_only=True):
                connection.execute(statement)
            yield connection


class LakeResource(dg.ConfigurableResource[LakeReader]):
    """Gives assets and checks a reader of the lake; they ask for `dg.ResourceParam[LakeReader]`."""

    home: str = ""

    def create_resource(self, context: dg.InitResourceContext) -> LakeReader:
        return LakeReader(platform_of(settings_of(self.home)).lakes)
