"""Locks between processes that the operating system or Postgres releases when their holder dies."""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import BusyError
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    import psycopg

_STEP_S = 0.05


@contextmanager
def hold(settings: Settings, name: str, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold the lock `name` of this home, waiting at most `timeout_s` seconds for it.

    A file lock in `PWH_HOME/locks`, or an advisory lock on the lake's Postgres catalog when there is one, so
    that machines sharing a catalog exclude each other too. Not reentrant.

    Raises:
        BusyError: another process or thread holds it.
    """
    if settings.lake_catalog_url:
        with _advisory(settings.lake_catalog_url, name, timeout_s):
            yield
    else:
        with _file(settings.home / "locks", name, timeout_s):
            yield


def _busy(name: str) -> BusyError:
    return BusyError(f"`{name}` is being worked on by another run. Try again when it has ended.")


@contextmanager
def _file(folder: Path, name: str, timeout_s: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.lock"
    lock = FileLock(file, timeout=timeout_s, poll_interval=_STEP_S, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise _busy(name) from None
    try:
        yield
    finally:
        lock.release()


def advisory_key(name: str) -> int:
    """The signed 64-bit number Postgres knows the lock by."""
    return int.from_bytes(hashlib.sha256(f"pwh:{name}".encode()).digest()[:8], "big", signed=True)


def _connected(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    import psycopg

    from pwh_assets.lake.errors import LakeStorageError

    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.Error:
        raise LakeStorageError(
            "The lake's catalog on Postgres does not answer. Check `PWH_LAKE_CATALOG_URL` and the server."
        ) from None


def make_schema(url: str, schema: str) -> None:
    """The schema of one project's catalog on Postgres; nothing happens when it exists."""
    with _connected(url) as connection:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'.encode())


@contextmanager
def _advisory(url: str, name: str, timeout_s: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout_s
    with _connected(url) as connection:
        while True:
            row = connection.execute(
                "select pg_try_advisory_lock(%s)", (advisory_key(name),)
            ).fetchone()
            if row and row[0]:
                break
            if time.monotonic() >= deadline:
                raise _busy(name)
            time.sleep(_STEP_S)
        # Closing the session releases the lock, also when it was cut off.
        yield
