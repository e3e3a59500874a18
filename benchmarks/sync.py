"""PostgreSQL to the lake against COPY to nowhere and plain dlt: wall time, CPU and peak memory, in one run.

    python benchmarks/sync.py [--rows 2000000] [--only first full copy …]

Every contender is a process of its own, measured from its start to its end; ours is `pwh sync`. Only COPY is measured
without its process's start, and again before and after each contender: ratios are to the mean of those two, so that
they hold on a busy machine better than seconds do.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

Config = dict[str, object]

FILL = """
CREATE TABLE bench (
    id bigint PRIMARY KEY, user_id integer NOT NULL, token text NOT NULL, amount numeric(12,2) NOT NULL,
    status text NOT NULL, is_paid boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    props jsonb NOT NULL);
INSERT INTO bench SELECT i, (i * 7) % 100000, md5(i::text), ((i * 37) % 9000000)::numeric / 100, 'status-' || i % 5,
    i % 3 = 0, now() - interval '400 days' + i * interval '1 second',
    now() - interval '400 days' + i * interval '1 second',
    jsonb_build_object('page', i % 100, 'browser', 'firefox')
  FROM generate_series(1, {rows}) i;
CREATE INDEX ON bench (updated_at);
VACUUM ANALYZE bench;
CREATE TABLE small (LIKE bench INCLUDING ALL);
INSERT INTO small SELECT * FROM bench LIMIT 100;
"""
CHANGED = 0.01
"""Part of the rows that change before the second, incremental sync."""


def fill(connection: "psycopg.Connection[Any]", rows: int) -> None:
    """Make the tables `bench`, of so many rows, and `small`."""
    for statement in FILL.format(rows=rows).split(";\n"):
        if statement.strip():
            connection.execute(statement.encode())


# What the contenders do, each in a process of its own.


def copy(config: Config, home: Path, name: str) -> int:
    """One COPY … TO STDOUT whose bytes are counted and thrown away; prints its seconds."""
    import psycopg

    began = time.monotonic()
    with (
        psycopg.connect(_dsn(config)) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {name} TO STDOUT".encode()) as stream,
    ):
        size = sum(len(block) for block in stream)
    print(json.dumps({"copy_s": time.monotonic() - began}))
    return size


def scanner(config: Config, home: Path, name: str) -> int:
    """DuckDB's scanner, its own parallel scan, to nowhere."""
    from pwh_assets.sources.postgres.connection import attached

    with attached({**config, "schema": "public"}) as here:
        columns = "id, user_id, token, amount, status, is_paid, created_at, updated_at, props"
        row = here.execute(f"SELECT count(*), bit_xor(hash({columns})) FROM pg.{name}").fetchone()
    return int(row[0]) if row else 0


def adbc(config: Config, home: Path, name: str) -> int:
    """ADBC's Arrow stream to nowhere."""
    import adbc_driver_postgresql.dbapi as dbapi  # type: ignore[import-not-found, unused-ignore]

    with dbapi.connect(_url(config)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {name}")
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


def connectorx(config: Config, home: Path, name: str) -> int:
    """ConnectorX's Arrow stream to nowhere, four partitions."""
    import connectorx as cx

    reader = cx.read_sql(
        _url(config),
        f"SELECT * FROM {name}",
        return_type="arrow_stream",
        partition_on="id",
        partition_num=4,
    )
    return sum(batch.num_rows for batch in reader)


def engine(config: Config, home: Path, name: str) -> int:
    """A full sync without the command line and without Dagster's run around it."""
    from pwh_assets.platform import open_platform
    from pwh_assets.services.sources.connecting import create_source
    from pwh_assets.services.sync.table import sync_table
    from pwh_assets.settings import Settings

    platform = open_platform(
        Settings.from_env({"PWH_HOME": str(home / "home"), "PWH_ALLOW_PRIVATE_HOSTS": "1"})
    )
    schema = {"name": name, "should_sync": True, "sync_type": "full"}
    create_source(
        platform, 1, {"source_type": "postgres", "payload": {**config, "schemas": [schema]}}
    )
    table = next(each for each in platform.store.tables(1) if each.name == name)
    return sync_table(platform, table).rows_synced


def dlt_pyarrow(config: Config, home: Path, name: str) -> int:
    return _plain_dlt(config, home, name, "pyarrow")


def dlt_connectorx(config: Config, home: Path, name: str) -> int:
    return _plain_dlt(config, home, name, "connectorx")


def _plain_dlt(config: Config, home: Path, name: str, backend: str) -> int:
    import dlt
    from dlt.sources.sql_database import sql_table

    url = _url(config)
    if backend != "connectorx":
        url = url.replace("postgresql:", "postgresql+psycopg:")
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "out.duckdb")),
        dataset_name="data",
    )
    table = sql_table(
        url,
        table=name,
        backend=backend,
        chunk_size=100_000,
        backend_kwargs={"return_type": "arrow_stream"} if backend == "connectorx" else {},
    )
    pipeline.run(table, write_disposition="replace", loader_file_format="parquet")
    with pipeline.sql_client() as client:
        rows = client.execute_sql(f"SELECT count(*) FROM {name}")
    return int(rows[0][0]) if rows else 0


INSIDE: dict[str, Callable[[Config, Path, str], int]] = {
    "copy": copy,
    "scanner": scanner,
    "adbc": adbc,
    "connectorx": connectorx,
    "engine": engine,
    "dlt-connectorx": dlt_connectorx,
    "dlt-pyarrow": dlt_pyarrow,
}
TITLES = {
    "copy": "psycopg COPY to nowhere",
    "scanner": "DuckDB's scanner to nowhere",
    "adbc": "ADBC to nowhere",
    "connectorx": "ConnectorX to nowhere",
    "first": "pwh sync, first, incremental",
    "again": f"pwh sync again, {CHANGED:.0%} changed",
    "idle": "pwh sync again, nothing new",
    "full": "pwh sync, full",
    "engine": "the same without Dagster's run",
    "dlt-connectorx": "plain dlt, connectorx, to DuckDB",
    "dlt-pyarrow": "plain dlt, pyarrow, to DuckDB",
}
HOMES = {"first": "incremental", "again": "incremental", "idle": "incremental", "full": "full"}
"""Where the contenders that are ours sync, which is also how."""


def _dsn(config: Config) -> str:
    return (
        f"host={config['host']} port={config['port']} user={config['user']} "
        f"password={config['password']} dbname={config['database']}"
    )


def _url(config: Config) -> str:
    return (
        f"postgresql://{config['user']}:{config['password']}@{config['host']}:{config['port']}"
        f"/{config['database']}"
    )


# Starting and measuring them.


@dataclass(frozen=True, slots=True)
class Figures:
    wall_s: float
    cpu_s: float
    peak_mb: float
    rows: int
    copy_s: float = 0.0


class Race:
    """Runs contenders against one server, their files in one folder."""

    def __init__(self, config: Config, folder: Path) -> None:
        self.config, self.folder = config, folder
        kept = {
            name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        }
        self._env = {
            **kept,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "PWH_ALLOW_PRIVATE_HOSTS": "1",
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        }

    def run(self, name: str, table: str = "bench") -> Figures | None:
        """The contender's figures; None when it cannot run here, with the reason printed."""
        if name in HOMES:
            return self.sync(HOMES[name])
        home = self.folder / f"{table}-{name}"
        home.mkdir(exist_ok=True)
        command = [sys.executable, __file__, "--one", name, "--home", str(home), "--table", table]
        return self._measure(command, {})

    def sync(self, mode: str, table: str = "bench") -> Figures | None:
        home = self.connected(mode, table)
        return self._measure([*_pwh(), "sync", "--json"], {"PWH_HOME": str(home)})

    def connected(self, mode: str, table: str = "bench") -> Path:
        """A home with the source connected."""
        home = self.folder / f"{table}-{mode}"
        if not home.exists():
            schema = {"name": table, "should_sync": True, "sync_type": mode}
            if mode == "incremental":
                schema["incremental_field"] = "updated_at"
            body = {"source_type": "postgres", "payload": {**self.config, "schemas": [schema]}}
            subprocess.run(
                [*_pwh(), "source", "add", "-"],
                input=json.dumps(body),
                env={**self._env, "PWH_HOME": str(home)},
                text=True,
                check=True,
                capture_output=True,
            )
        return home

    def _measure(self, command: list[str], env: dict[str, str]) -> Figures | None:
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            began = time.monotonic()
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=errors,
                env={**self._env, **env},
                text=True,
            )
            assert process.stdin is not None
            with process.stdin as pipe:
                pipe.write(json.dumps(self.config))
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            errors.seek(0)
            text = out.read()
            if process.returncode:
                print(f"{command[-1]} failed: {errors.read()[-1000:] or text[-1000:]}")
                return None
        rows = re.search(r'"rows(?:_synced)?": (\d+)', text)
        copy_s = re.search(r'"copy_s": ([\d.]+)', text)
        return Figures(
            wall,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            int(rows[1]) if rows else 0,
            float(copy_s[1]) if copy_s else 0.0,
        )


def _pwh() -> list[str]:
    return [sys.executable, "-c", "import sys; from pwh_assets.cli import main; sys.exit(main())"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", nargs="*", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--one", choices=list(INSIDE), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--table", default="bench", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        rows = INSIDE[args.one](json.loads(sys.stdin.read()), args.home, args.table)
        print(json.dumps({"rows": rows}))
        return

    import psycopg

    from pwh_assets.demo.postgres import PrivatePostgres

    with (
        PrivatePostgres(settings={"shared_buffers": "512MB"}) as server,
        tempfile.TemporaryDirectory(prefix="pwh-bench-") as folder,
    ):
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            fill(connection, args.rows)
            size = connection.execute("SELECT pg_table_size('bench')").fetchone()
        print(
            f"{args.rows:,} rows of 9 columns, {(size or (0,))[0] / 2**20:,.0f} MB in PostgreSQL; "
            f"load {os.getloadavg()[0]:.1f}\n\n"
            f"{'':36}{'wall s':>9}{'x COPY':>9}{'CPU s':>9}{'peak MB':>9}{'rows':>12}"
        )
        race = Race(server.config, Path(folder))
        _warm_up(race, args.only)
        before = race.run("copy")
        for name in args.only:
            if name == "again":
                _change(server.dsn, args.rows)
            found = race.run(name)
            after = race.run("copy")
            if found and before and after:
                _print(name, found, (before.copy_s + after.copy_s) / 2)
            before = after


def _warm_up(race: Race, names: list[str]) -> None:
    """Python compiles what it imports once; an installed product has that behind it."""
    for mode in {HOMES[name] for name in names if name in HOMES}:
        race.connected(mode)
        race.sync(mode, "small")
        race.sync(mode, "small")
    for name in INSIDE:
        if name in names and name != "adbc":
            race.run(name, "small")


def _change(dsn: str, rows: int) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE bench SET status = 'changed', updated_at = now() WHERE id %% %s = 0",
            [round(1 / CHANGED)],
        )


def _print(name: str, one: Figures, copy_s: float) -> None:
    wall = one.copy_s or one.wall_s
    rows = "" if name == "copy" else f"{one.rows:,}"
    print(
        f"{TITLES[name]:36}{wall:9.1f}{wall / copy_s:9.1f}{one.cpu_s:9.1f}{one.peak_mb:9.0f}{rows:>12}",
        flush=True,
    )


if __name__ == "__main__":
    main()
