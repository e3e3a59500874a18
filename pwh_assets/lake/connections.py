"""Opening DuckDB on a lake: a shared reader per process, and connections of one's own."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pwh_assets import duckdb_extensions
from pwh_assets.lake.attach import Address
from pwh_assets.lake.errors import LakeError, LakeStorageError

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "2GiB"
"""Of one connection; what needs more spills to disk where a temporary folder is set."""
ONE_THREAD: dict[str, str | bool | int | float | list[str]] = {"threads": 1}
"""For statements that read little: handing the pieces of those to other threads costs more than reading them."""
_MAX_AGE_S = 900.0
_INHERITED: list[object] = []


def scrub(text: str, address: Address) -> str:
    """The text without any of the lake's secrets."""
    for secret in address.secrets:
        text = text.replace(secret, "***")
    return text


@contextmanager
def in_words(address: Address) -> Iterator[None]:
    """Turn DuckDB's errors into the lake's, without secrets."""
    import duckdb

    try:
        yield
    except (duckdb.IOException, duckdb.HTTPException, duckdb.PermissionException) as error:
        raise LakeStorageError(
            f"The lake of project `{address.project_id}` could not be read or written: "
            f"{first_line(scrub(str(error), address))} Check the disk or bucket, its space and rights, "
            "then try again; nothing half-written is visible."
        ) from None
    except duckdb.Error as error:
        lines = scrub(str(error), address).strip().split("\n")
        # A COMMIT that fails says why in its second line.
        cause = next((line for line in lines if _is_storage(line)), None)
        kind, text = LakeStorageError if cause else LakeError, first_line(cause or lines[0])
        raise kind(
            f"The lake of project `{address.project_id}` refused this: {text} Nothing was changed."
        ) from None


def first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0].strip()
    return line if line.endswith((".", "!", "?")) else line + "."


def _is_storage(text: str) -> bool:
    words = (
        "No space left",
        "Read-only file system",
        "Permission denied",
        "disk is full",
        "readonly database",
        "database is locked",
    )
    return any(word in text for word in words)


def connect(
    address: Address,
    read_only: bool,
    config: dict[str, str | bool | int | float | list[str]] | None = None,
) -> "duckdb.DuckDBPyConnection":
    """A DuckDB of one's own with the lake attached as `lake`."""
    with in_words(address):
        limits = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": "",
            # Of a disk it saves nothing, and of a file in the place of another it may give both.
            "enable_external_file_cache": not address.is_local,
            **(config or {}),
        }
        connection = duckdb_extensions.connect(*address.extensions, config=limits)
        try:
            for statement in address.secret_statements():
                connection.execute(statement)
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(address.attach_statement(read_only))
        except BaseException:
            connection.close()
            raise
    return connection


def all_threads(connection: "duckdb.DuckDBPyConnection") -> None:
    """Let a DuckDB that was opened with `ONE_THREAD` use as many as the machine has."""
    connection.execute("RESET threads")


@contextmanager
def one_snapshot(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """All reads inside see the lake at one moment. Temporary tables made inside are gone afterwards."""
    import duckdb

    connection.execute("BEGIN")
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):
            connection.execute("ROLLBACK")


def close_default() -> None:
    """Import DuckDB and close the connection it then opens by itself, which has threads; nothing of ours uses it."""
    import duckdb

    duckdb.default_connection().close()


class SharedReader:
    """One read-only DuckDB per process, opened when first asked and renewed now and then.

    Renewal frees what DuckLake remembers of old schemas. A forked child opens its own. It works with one thread until
    the first read that is not short.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._opened_at = 0.0
        self._pid = 0
        self._has_all_threads = False

    @contextmanager
    def cursor(self, *, is_short: bool = False) -> "Iterator[duckdb.DuckDBPyConnection]":
        import duckdb

        with self._lock:
            cursor = self._instance().cursor()
            if not (is_short or self._has_all_threads):
                all_threads(cursor)
                self._has_all_threads = True
        try:
            cursor.execute("SET TimeZone = 'UTC'")
            yield cursor
        except (duckdb.FatalException, duckdb.InternalException):
            self.close()
            raise
        finally:
            cursor.close()

    def _instance(self) -> "duckdb.DuckDBPyConnection":
        is_stale = time.monotonic() - self._opened_at > _MAX_AGE_S
        if self._root is None or self._pid != os.getpid() or is_stale:
            if self._root is not None and self._pid != os.getpid():
                _INHERITED.append(self._root)  # the parent's threads are not here to close it
            elif self._root is not None:
                self._root.close()  # cursors that are still open keep the old instance alive
            self._root = connect(self._address, read_only=True, config=ONE_THREAD)
            self._has_all_threads = False
            self._pid, self._opened_at = os.getpid(), time.monotonic()
        return self._root

    def close(self) -> None:
        with self._lock:
            if self._root is not None and self._pid == os.getpid():
                with contextlib.suppress(Exception):
                    self._root.close()
            self._root = None
