"""A connection for compiled queries: it reads one project's lake and can do as little else as DuckDB allows."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pwh_assets import duckdb_extensions
from pwh_assets.core.in_place import PlacedTable
from pwh_assets.lake.attach import Address, literal, quote
from pwh_assets.lake.connections import connect, first_line, in_words
from pwh_assets.lake.errors import PlacedTableError
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import duckdb

_TEMP_PER_MEMORY = 8


class SandboxLimits(Protocol):
    """The part of an engine's limits that is set on the connection."""

    @property
    def memory_mb(self) -> int: ...
    @property
    def threads(self) -> int | None: ...


def open_sandbox(
    address: Address,
    settings: Settings,
    limits: SandboxLimits,
    placed: Sequence[PlacedTable] = (),
) -> "duckdb.DuckDBPyConnection":
    """Attach read-only, allow files under the lake's data prefix alone, and lock the configuration.

    Tables that lie elsewhere become views in the database `placed`, and their folders may be read too.

    DuckDB itself does not refuse `sqlite_scan`, ATTACH of SQLite files, COPY into the data prefix,
    `duckdb_secrets()`, `current_setting()` or the catalog's own tables: only text that the HogQL compiler
    made may run here.
    """
    connection = connect(address, read_only=True)
    temp = settings.home / "tmp" / f"query-{uuid.uuid4().hex}"
    roots = [address.data_path, *dict.fromkeys(table.root for table in placed)]
    statements = [
        f"SET memory_limit = '{limits.memory_mb}MiB'",
        f"SET temp_directory = {literal(str(temp))}",
        f"SET max_temp_directory_size = '{limits.memory_mb * _TEMP_PER_MEMORY}MiB'",
        "SET allow_community_extensions = false",
        f"SET allowed_directories = [{', '.join(literal(root) for root in roots)}]",
        "SET enable_external_access = false",
        "SET python_enable_replacements = false",
        "SET python_scan_all_frames = false",
        "SET lock_configuration = true",
    ]
    if limits.threads:
        statements.insert(0, f"SET threads = {int(limits.threads)}")
    try:
        (settings.home / "tmp").mkdir(parents=True, exist_ok=True)
        _place(connection, placed)
        with in_words(address):
            for statement in statements:
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _place(connection: "duckdb.DuckDBPyConnection", placed: Sequence[PlacedTable]) -> None:
    """Views of the tables that lie outside the lake. Keys are scoped to their table's folder.

    Raises:
        PlacedTableError: one cannot be read; without the query, which names paths.
    """
    import duckdb

    if not placed:
        return
    duckdb_extensions.load(
        connection, *dict.fromkeys(name for table in placed for name in table.extensions)
    )
    connection.execute("ATTACH ':memory:' AS placed")
    for table in placed:
        _, schema, name = table.path
        try:
            for statement in table.secrets:
                connection.execute(statement)
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS placed.{quote(schema)}")
            connection.execute(f"CREATE VIEW placed.{quote(schema)}.{quote(name)} AS {table.query}")
        except duckdb.Error as error:
            raise PlacedTableError(name, first_line(str(error))) from None
