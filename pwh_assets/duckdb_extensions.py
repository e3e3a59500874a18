"""DuckDB's extensions come as wheels and are loaded by file, so nothing is downloaded at run time."""

import importlib.util
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.errors import PwhError

if TYPE_CHECKING:
    import duckdb

_ALIASES = {"postgres": "postgres_scanner", "sqlite": "sqlite_scanner", "mysql": "mysql_scanner"}
_BASE_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
}
_verified: dict[Path, tuple[int, int]] = {}
_lock = threading.Lock()


class MissingExtensionError(PwhError):
    """The wheel of a DuckDB extension is not installed."""

    code = "missing_extension"

    def __init__(self, name: str) -> None:
        self.name = name
        package = f"duckdb-extension-{name.replace('_', '-')}"
        super().__init__(
            f"DuckDB's extension `{name}` is not installed. Install the package `{package}` in the "
            "version of the package `duckdb`."
        )


def path(name: str) -> Path:
    """The extension's file in its wheel. `postgres`, `sqlite` and `mysql` may be written short."""
    name = _ALIASES.get(name, name)
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(folder).glob(f"extensions/*/{name}.duckdb_extension")):
            return file
    raise MissingExtensionError(name)


def load_sql(*names: str) -> list[str]:
    """The statements that load these extensions, for a tool that opens its own connection."""
    return [f"LOAD '{str(path(name)).replace(chr(39), chr(39) * 2)}'" for name in names]


def load(connection: "duckdb.DuckDBPyConnection", *names: str) -> None:
    """Load extensions into an open connection (about 0.1 s each: DuckDB checks the signature)."""
    for statement in load_sql(*names):
        connection.execute(statement)


def connect(
    *names: str, config: Mapping[str, str | bool | int | float | list[str]] | None = None
) -> "duckdb.DuckDBPyConnection":
    """An in-memory DuckDB with these extensions; a few milliseconds from the second time on.

    DuckDB hashes a whole extension file to check its signature at each load. The signature of each file
    is checked once per process; after that, unchanged files are loaded without hashing them again.
    """
    import duckdb

    files = [path(name) for name in names]
    with _lock:
        for file in files:
            _verify(file)
    connection = duckdb.connect(
        ":memory:", config={**_BASE_CONFIG, **(config or {}), "allow_unsigned_extensions": "true"}
    )
    try:
        for statement in load_sql(*names):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _verify(file: Path) -> None:
    import duckdb

    stat = file.stat()
    mark = (stat.st_mtime_ns, stat.st_size)
    if _verified.get(file) == mark:
        return
    with duckdb.connect(":memory:", config=_BASE_CONFIG) as strict:
        strict.execute(f"LOAD '{str(file).replace(chr(39), chr(39) * 2)}'")
    _verified[file] = mark
