"""DuckDB's extensions come as wheels and are loaded by file, so nothing is downloaded at run time."""

import contextlib
import importlib.util
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.errors import PwhError

if TYPE_CHECKING:
    import duckdb

_MEMORY = "verified_extensions.json"
_ALIASES = {"postgres": "postgres_scanner", "sqlite": "sqlite_scanner", "mysql": "mysql_scanner"}
_BASE_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_persistent_secrets": "false",
}
_Mark = tuple[int, ...]
_verified: dict[Path, _Mark] = {}
_kept_in: Path | None = None
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
    """An in-memory DuckDB with these extensions; a few milliseconds where their files were verified before."""
    import duckdb

    connection = duckdb.connect(
        ":memory:", config={**_BASE_CONFIG, **(config or {}), **verified(*names)}
    )
    try:
        for statement in load_sql(*names):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def verified(*names: str) -> dict[str, str]:
    """Options of a DuckDB that loads these extensions without hashing their files: their signatures were checked.

    DuckDB hashes a whole file at each load, 0.1 s of CPU. Here that is done once per file, or once per process where
    no folder was named with `remember_in`; a file that changed is checked again.
    """
    files = [path(name) for name in names]
    with _lock:
        for file in files:
            _verify(file)
    return {"allow_unsigned_extensions": "true"}


def remember_in(folder: Path) -> None:
    """Keep in this folder which files were verified, for the processes to come."""
    global _kept_in
    with _lock:
        if _kept_in == folder:
            return
        _kept_in = folder
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            kept = json.loads((folder / _MEMORY).read_text())
            for name, mark in kept.items():
                _verified.setdefault(Path(name), tuple(mark))


def _verify(file: Path) -> None:
    import duckdb

    stat = file.stat()
    # Nobody but the system sets the time of a file's last change.
    mark = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
    if _verified.get(file) == mark:
        return
    with duckdb.connect(":memory:", config=_BASE_CONFIG) as strict:
        strict.execute(f"LOAD '{str(file).replace(chr(39), chr(39) * 2)}'")
    _verified[file] = mark
    if _kept_in is not None:
        _keep(_kept_in / _MEMORY)


def _keep(place: Path) -> None:
    part = place.with_name(f".{place.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        part.write_text(json.dumps({str(file): mark for file, mark in _verified.items()}))
        part.replace(place)
