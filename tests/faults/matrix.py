"""What can go wrong with a sync, one function each. `tests/faults/scene.py` says what has to hold afterwards."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pwh_assets.core.source import SyncMode
from tests.faults.scene import SOME_BYTES, Fault, Scene

MODES = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND, SyncMode.CDC)
GIVE_UP_S = 30.0
"""How long a command may take to end that was told to."""


# -- the process dies ----------------------------------------------------------------------------


def killed_while_extracting(scene: Scene) -> None:
    """`kill -9` while rows come."""
    scene.proxy.strike("hold", SOME_BYTES)
    command = scene.start()
    assert scene.proxy.struck.wait(60), command.said
    command.kill()


def killed_between_chunks(scene: Scene) -> None:
    """`kill -9` after a chunk is safe; of a stream, and of rows that come in one answer, after a batch."""
    point = "between batches" if scene.is_cdc else _between(scene)
    scene.start(point).at(point).kill()


def killed_before_commit(scene: Scene) -> None:
    """`kill -9` when rows and state are in the lake's transaction, before its COMMIT."""
    point = "before commit of changes" if scene.is_cdc else "before commit"
    scene.start(point).at(point).kill()


def killed_after_commit(scene: Scene) -> None:
    """`kill -9` after the lake's COMMIT, before the store knows or the source may forget."""
    point = "changes committed" if scene.is_cdc else "committed"
    scene.start(point).at(point).kill()


def terminated(scene: Scene) -> None:
    """SIGTERM while rows come slowly."""
    scene.proxy.strike("drip", SOME_BYTES)
    command = scene.start()
    assert scene.proxy.struck.wait(60), command.said
    command.signal(signal.SIGTERM)
    assert command.ended(GIVE_UP_S) != 0, command.said
    assert "Traceback" not in command.said, command.said


# -- the network and the server ------------------------------------------------------------------


def network_cut(scene: Scene) -> None:
    """Every connection is reset while rows come; the command tries again by itself."""
    scene.proxy.strike("cut", SOME_BYTES)
    command = scene.start()
    assert scene.proxy.struck.wait(60), command.said
    assert "attempt 1 failed" in command.finished(), command.said


def slow_loris(scene: Scene) -> None:
    """The server says 50 bytes a second; a person cancels, of a stream (which does not hear that) by SIGTERM."""
    scene.proxy.strike("drip", SOME_BYTES)
    command = scene.start()
    assert scene.proxy.struck.wait(60), command.said
    time.sleep(1.0)
    assert command.is_alive, command.said
    if scene.is_cdc:
        command.signal(signal.SIGTERM)
    else:
        asked = scene.command("source", "cancel", scene.ledger.table.table_name)
        asked.finished(GIVE_UP_S + 30)
    assert command.ended(GIVE_UP_S) != 0, command.said


def source_restarted(scene: Scene) -> None:
    """The server goes down and comes back while rows come; the command tries again by itself."""
    scene.proxy.strike("hold", SOME_BYTES)
    command = scene.start()
    assert scene.proxy.struck.wait(60), command.said
    scene.server.restart()
    scene.proxy.heal()
    command.finished()


# -- the machine ---------------------------------------------------------------------------------


def disk_full_while_reading(scene: Scene) -> None:
    """ENOSPC while rows are staged: told, and good once there is space."""
    _run_out_of_disk(scene, "streaming" if scene.is_cdc else _between(scene))


def disk_full_while_publishing(scene: Scene) -> None:
    """ENOSPC when the lake is written: told, and good once there is space."""
    _run_out_of_disk(scene, "applying" if scene.is_cdc else "publishing")


for _fault in (disk_full_while_reading, disk_full_while_publishing):
    _fault.disk_mb = 96  # type: ignore[attr-defined]


def _between(scene: Scene) -> str:
    """MariaDB's rows past a watermark come in one answer, all others in chunks."""
    is_whole = scene.mode is SyncMode.FULL
    return "between chunks" if scene.server.kind == "postgres" or is_whole else "mysql batch"


def _run_out_of_disk(scene: Scene, point: str) -> None:
    command = scene.start(point).at(point)
    ballast = scene.home.parent / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 65536)
    with ballast.open("ab") as file, contextlib.suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 512)
    command.go_on()
    status = command.ended()
    ballast.unlink()
    assert status == 1, command.said
    assert "Traceback" not in command.said, command.said


def catalog_locked(scene: Scene) -> None:
    """Another program holds the write lock of the catalog's file for some seconds when the lake is written."""
    point = "applying" if scene.is_cdc else "publishing"
    command = scene.start(point).at(point)
    with _locked(Path(scene.ledger.lake.address.catalog_file or "")):
        command.go_on()
        time.sleep(4)
    status = command.ended()
    assert status == 0 or "locked" in command.said, command.said


def lake_lock_held(scene: Scene) -> None:
    """Another writer has the lake's lock for some seconds: the sync waits for its turn."""
    point = "applying" if scene.is_cdc else "publishing"
    command = scene.start(point).at(point)
    with scene.ledger.lake.lock():
        command.go_on()
        time.sleep(2)
        assert command.is_alive, command.said
    command.finished()


@contextlib.contextmanager
def _locked(catalog: Path) -> Iterator[None]:
    """From another process: closing the file in this one would drop the locks DuckDB's SQLite holds on it."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    holder = context.Process(target=_hold, args=(str(catalog), theirs))
    holder.start()
    theirs.close()
    with ours:
        assert ours.poll(30)
        assert ours.recv() == "locked"
        try:
            yield
        finally:
            ours.send("go on")
            holder.join(30)


def _hold(catalog: str, pipe: Any) -> None:
    import sqlite3

    with contextlib.closing(sqlite3.connect(catalog, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        pipe.send("locked")
        pipe.recv()
        connection.execute("ROLLBACK")


# -- the same again, late, or changed --------------------------------------------------------------


def delivered_twice(scene: Scene) -> None:
    """What was committed comes again: the package of a finished run, or all a stream sent."""
    if scene.is_cdc and scene.server.kind == "postgres":
        scene.start("confirming").at("confirming").kill()
        return
    if scene.is_cdc:
        scene.start("changes committed").at("changes committed").kill()
        return
    command = scene.start("committed").at("committed")
    kept = scene.staging.with_name("kept")
    shutil.copytree(scene.staging, kept)
    command.go_on()
    command.finished()
    shutil.rmtree(scene.staging, ignore_errors=True)
    kept.rename(scene.staging)


def committed_late(scene: Scene) -> None:
    """A transaction that took its time stamp first commits after two syncs went past it."""
    ledger = scene.ledger
    with ledger.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO accounts SELECT -id, -team, 0, 'late', 0, CURRENT_TIMESTAMP(6) "
            "FROM accounts WHERE team BETWEEN 2000 AND 2009"
        )
        for _ in range(2):
            time.sleep(0.5)
            scene.sync()
        assert not [row for row in ledger.in_lake() if row[0] < 0]
        cursor.execute("COMMIT")


def schema_changed_before_reading(scene: Scene) -> None:
    """Columns come and go between the look at the table and the first row."""
    _reshape(
        scene,
        _planned(scene),
        "ALTER TABLE accounts ADD COLUMN tag varchar(20) DEFAULT 'as ever'",
        "ALTER TABLE accounts DROP COLUMN note",
    )
    scene.columns = "id, team, balance, version"


def table_rewritten_before_reading(scene: Scene) -> None:
    """A column's type changes, and the server writes the table anew, when the snapshot is taken and nothing read."""
    change = "MODIFY version decimal(20,0) NOT NULL"
    if scene.server.kind == "postgres":
        change = "ALTER COLUMN version TYPE numeric(20,0)"
    point = "streaming" if scene.is_cdc else f"{_reading(scene)}opened"
    _reshape(scene, point, f"ALTER TABLE accounts {change}")


def _planned(scene: Scene) -> str:
    return "streaming" if scene.is_cdc else f"{_reading(scene)}planned"


def _reading(scene: Scene) -> str:
    """How the names of points begin that this way of reading has."""
    if scene.server.kind == "postgres":
        return ""
    return "ranges " if scene.mode is SyncMode.FULL else "mysql "


def _reshape(scene: Scene, point: str, *changes: str) -> None:
    """The changes are made while the command waits; where the server has them wait for it, after a moment it goes on."""
    import threading

    scene.ledger.pause()
    command = scene.start(point).at(point)
    worker = threading.Thread(target=scene.ledger.execute, args=changes)
    worker.start()
    worker.join(2)
    command.go_on()
    command.ended()
    worker.join(30)
    assert not worker.is_alive(), "the change of the table hangs"
    assert "Traceback" not in command.said, command.said


def two_at_once(scene: Scene) -> None:
    """A second run while the first reads: it is told so and starts nothing; the first ends well."""
    scene.proxy.strike("hold", SOME_BYTES)
    first = scene.start()
    assert scene.proxy.struck.wait(60), first.said
    second = scene.start()
    assert second.ended() == 1, second.said
    assert "another run" in second.said, second.said
    scene.proxy.heal()
    first.finished()


FAULTS: dict[str, Fault] = {
    "kill -9 while extracting": killed_while_extracting,
    "kill -9 between chunks": killed_between_chunks,
    "kill -9 before commit": killed_before_commit,
    "kill -9 after commit": killed_after_commit,
    "SIGTERM": terminated,
    "network cut": network_cut,
    "slow-loris": slow_loris,
    "source restart": source_restarted,
    "disk full while reading": disk_full_while_reading,
    "disk full while publishing": disk_full_while_publishing,
    "catalog locked": catalog_locked,
    "lake's lock held": lake_lock_held,
    "duplicate delivery": delivered_twice,
    "late commit": committed_late,
    "schema change mid-run": schema_changed_before_reading,
    "table rewritten mid-run": table_rewritten_before_reading,
    "two runs at once": two_at_once,
}
