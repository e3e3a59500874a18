"""What every cell of the matrix goes through: a synced table, readers, a fault, and the promises afterwards."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import SyncMode, TableStatus
from pwh_assets.lake.maintenance import maintain
from tests.e2e.crashes import Reader
from tests.faults.command import Command
from tests.faults.ledger import COLUMNS, Ledger, Server
from tests.faults.proxy import Proxy

SOME_BYTES = 200_000
"""More than a connection says about catalogs, less than it says about rows."""

BEHIND_S = {"postgres": 0.5, "mysql": 1.5}
"""Longer than a cursor stays behind the newest row."""


class Scene:
    """A ledger, the proxy before its server, and commands on its home."""

    def __init__(self, server: Server, mode: SyncMode, home: Path, proxy: Proxy) -> None:
        self.server, self.mode, self.home, self.proxy = server, mode, home, proxy
        self.is_cdc = mode is SyncMode.CDC
        self.ledger = Ledger(server, home, mode, proxy.port)
        self.columns = COLUMNS
        self._commands: list[Command] = []

    def command(self, *words: str, stops: tuple[str, ...] = ()) -> Command:
        self._commands.append(Command(self.home, *words, stops=stops))
        return self._commands[-1]

    def start(self, *stops: str) -> Command:
        """`pwh sync` of the table."""
        return self.command("sync", self.ledger.table.table_name, stops=stops)

    def sync(self) -> str:
        return self.start().finished()

    @property
    def staging(self) -> Path:
        """Where a run leaves the table's files."""
        return self.home / "pipelines" / self.ledger.table.id

    def check(self) -> None:
        """The promises: the lake is the source, nothing lies about, nobody says it still runs."""
        ledger = self.ledger
        ledger.pause()
        time.sleep(BEHIND_S[self.server.kind])
        self.sync()
        here, there = ledger.in_lake(self.columns), ledger.at_source(self.columns)
        assert here == there, _difference(here, there)
        table = ledger.platform.store.table(ledger.table.id)
        assert (table.status, table.latest_error) == (TableStatus.COMPLETED, None)
        assert table.row_count == len(there)
        jobs = ledger.platform.store.jobs(1, limit=500)
        assert JobStatus.RUNNING not in {job.status for job in jobs}

    def check_files(self) -> None:
        """After maintenance every file is one of a table."""
        ledger, none = self.ledger, timedelta(0)
        before = ledger.in_lake(self.columns)
        maintain(ledger.lake, 0, grace=none)
        maintain(ledger.lake, 0, grace=none)
        assert ledger.in_lake(self.columns) == before
        assert ledger.lake.verify() == []
        kept = {str(path) for path in (self.home / "lake").rglob("*.parquet")}
        with ledger.lake.read() as connection:
            known = {
                row[0]
                for schema, table in connection.execute(
                    "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake'"
                ).fetchall()
                for row in connection.execute(
                    f"SELECT unnest([data_file, delete_file]) FROM ducklake_list_files('lake', '{table}', schema => '{schema}')"
                ).fetchall()
            }
        assert kept <= known, f"orphans: {sorted(kept - known)}"
        left = [path for path in (self.home / "pipelines").rglob("*") if path.is_file()]
        assert left == [], left

    def close(self) -> None:
        self.proxy.heal()
        for command in self._commands:
            command.close()
        self.proxy.cut()
        self.ledger.close()


Fault = Callable[[Scene], None]


def play(fault: Fault, mode: SyncMode, server: Server, folder: Path | None = None) -> None:
    """One cell: the table is there and read all the time, it changes, the fault strikes, and all is as promised."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as root,
        _home(Path(root), getattr(fault, "disk_mb", 0)) as home,
        Proxy(server.private.port) as proxy,
    ):
        scene = Scene(server, mode, home, proxy)
        reader = None
        try:
            scene.sync()
            reader = Reader(home, scene.ledger.whole, every_s=0.1)
            scene.ledger.churn()
            time.sleep(BEHIND_S[server.kind])
            fault(scene)
            proxy.heal()
            scene.check()
            looks, odd = reader.end()
            reader = None
            assert odd == [], odd
            assert looks > 3
            scene.check_files()
        finally:
            if reader is not None:
                reader.end()
            scene.close()


@contextlib.contextmanager
def _home(root: Path, disk_mb: int) -> Iterator[Path]:
    """The home, on a small disk of its own where the fault needs one."""
    import subprocess

    home = root / "disk" / "home"
    home.parent.mkdir()
    if not disk_mb:
        yield home
        return
    options = f"size={disk_mb}m"
    made = ["mount", "-t", "tmpfs", "-o", options, "none", str(home.parent)]
    if subprocess.run(made, capture_output=True).returncode:
        raise NoDiskError("A small disk needs root and `mount -t tmpfs`.")
    try:
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home.parent)], check=True)
        shutil.rmtree(home, ignore_errors=True)


class NoDiskError(Exception):
    """This machine lets nobody mount a small disk."""


def _difference(here: list[tuple[object, ...]], there: list[tuple[object, ...]]) -> str:
    missing, more = set(there) - set(here), set(here) - set(there)
    return (
        f"lake {len(here)} rows ({len(here) - len(set(here))} doubled), source {len(there)}; "
        f"missing {len(missing)}: {sorted(missing)[:3]}; odd {len(more)}: {sorted(more)[:3]}"
    )
