"""A connection for compiled queries: it reads one project's lake and can do as little else as DuckDB allows."""

import uuid
from typing import TYPE_CHECKING, Protocol

from pwh_assets.lake.attach import Address, literal
from pwh_assets.lake.connections import connect, in_words
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
    address: Address, settings: Settings, limits: SandboxLimits
) -> "duckdb.DuckDBPyConnection":
    """Attach read-only, allow files under the lake's data prefix alone, and lock the configuration.

    DuckDB itself does not refuse `sqlite_scan`, ATTACH of SQLite files, COPY into the data prefix,
    `duckdb_secrets()`, `current_setting()` or the catalog's own tables: only text that the HogQL compiler
    made may run here.
    """
    connection = connect(address, read_only=True)
    temp = settings.home / "tmp" / f"query-{uuid.uuid4().hex}"
    statements = [
        f"SET memory_limit = '{limits.memory_mb}MiB'",
        f"SET temp_directory = {literal(str(temp))}",
        f"SET max_temp_directory_size = '{limits.memory_mb * _TEMP_PER_MEMORY}MiB'",
        "SET allow_community_extensions = false",
        f"SET allowed_directories = [{literal(address.data_path)}]",
        "SET enable_external_access = false",
        "SET python_enable_replacements = false",
        "SET python_scan_all_frames = false",
        "SET lock_configuration = true",
    ]
    if limits.threads:
        statements.insert(0, f"SET threads = {int(limits.threads)}")
    try:
        (settings.home / "tmp").mkdir(parents=True, exist_ok=True)
        with in_words(address):
            for statement in statements:
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection
