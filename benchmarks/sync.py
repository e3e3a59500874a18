"""PostgreSQL to the lake against COPY to nowhere and plain dlt: wall time, CPU and peak memory, in one run.

    python benchmarks/sync.py [--rows 2000000] [--only ours copy …]

Each contender runs in its own process. Ratios are against COPY in the same run, so they hold on a busy machine
better than seconds do.
"""

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FILL = """
CREATE TABLE bench (
    id bigint PRIMARY KEY, user_id integer NOT NULL, token text NOT NULL, amount numeric(12,2) NOT NULL,
    status text NOT NULL, is_paid boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    props jsonb NOT NULL);
INSERT INTO bench SELECT i, (i * 7) % 100000, md5(i::text), ((i * 37) % 9000000)::numeric / 100, 'status-' || i % 5,
    i % 3 = 0, now() - interval '400 days' + i * interval '10 seconds',
    now() - interval '400 days' + i * interval '10 seconds',
    jsonb_build_object('page', i % 100, 'browser', 'firefox')
  FROM generate_series(1, {rows}) i;
CREATE INDEX ON bench (updated_at);
VACUUM ANALYZE bench;
"""
CHANGED = 0.01
"""Part of the rows that change before the second, incremental sync."""


def copy(config: dict[str, object], home: Path) -> int:
    """One COPY … TO STDOUT whose bytes are counted and thrown away."""
    import psycopg

    with psycopg.connect(_dsn(config)) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY bench TO STDOUT") as stream:
            size = sum(len(block) for block in stream)
        return size


def ours(config: dict[str, object], home: Path) -> int:
    """`sync_table`, all of it: store, source, dlt, publish, record."""
    return _sync(config, home, "incremental", "updated_at")


def ours_full(config: dict[str, object], home: Path) -> int:
    return _sync(config, home, "full", None)


def ours_again(config: dict[str, object], home: Path) -> int:
    """The same home once more, after one row in a hundred changed."""
    return _sync(config, home, "incremental", "updated_at")


def read_only(config: dict[str, object], home: Path) -> int:
    """The source alone: Arrow batches, thrown away."""
    from pwh_assets.core.source import SyncMode
    from pwh_assets.sources.base import ReadRequest
    from pwh_assets.sources.postgres import SOURCE

    request = ReadRequest("bench", SyncMode.FULL, (), ("id",))
    reading = SOURCE.read(SOURCE.validate(config), request)
    return sum(table.num_rows for table in reading.resource)


def dlt_pyarrow(config: dict[str, object], home: Path) -> int:
    return _plain_dlt(config, home, "pyarrow")


def dlt_connectorx(config: dict[str, object], home: Path) -> int:
    return _plain_dlt(config, home, "connectorx")


CONTENDERS: dict[str, Callable[[dict[str, object], Path], int]] = {
    "copy": copy,
    "read": read_only,
    "ours": ours,
    "ours-again": ours_again,
    "ours-full": ours_full,
    "dlt-connectorx": dlt_connectorx,
    "dlt-pyarrow": dlt_pyarrow,
}
SHARED_HOME = {"ours-again": "ours"}
"""Contenders that go on in another one's home."""
IMPORTED = {
    "copy": ("psycopg",),
    "read": ("pwh_assets.sources.postgres.reading", "dlt", "duckdb", "pyarrow"),
    "ours": (
        "pwh_assets.platform",
        "pwh_assets.services.sync",
        "pwh_assets.lake",
        "dlt",
        "pyarrow",
    ),
    "dlt": ("dlt.sources.sql_database", "dlt.destinations", "duckdb", "pyarrow"),
}
"""Imported before the clock starts, by the first word of the contender."""
TITLES = {
    "copy": "psycopg COPY to nowhere",
    "read": "our source to nowhere (Arrow)",
    "ours": "pwh sync, first, incremental",
    "ours-again": f"pwh sync again, {CHANGED:.0%} changed",
    "ours-full": "pwh sync, full",
    "dlt-connectorx": "plain dlt, connectorx, to DuckDB",
    "dlt-pyarrow": "plain dlt, pyarrow, to DuckDB",
}


def _sync(config: dict[str, object], home: Path, mode: str, cursor: str | None) -> int:
    from pwh_assets.platform import open_platform
    from pwh_assets.services.sources import create_source
    from pwh_assets.services.sync import sync_table
    from pwh_assets.settings import Settings

    platform = open_platform(
        Settings.from_env({"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"})
    )
    if not platform.store.sources(1):
        schema = {"name": "bench", "should_sync": True, "sync_type": mode}
        if cursor:
            schema["incremental_field"] = cursor
        create_source(
            platform,
            1,
            {"source_type": "postgres", "payload": {**config, "schemas": [schema]}},
        )
    began = time.monotonic()
    result = sync_table(platform, platform.store.tables(1)[0])
    print(json.dumps({"inner_s": time.monotonic() - began}), file=sys.stderr)
    return result.rows_synced


def _plain_dlt(config: dict[str, object], home: Path, backend: str) -> int:
    import dlt
    from dlt.sources.sql_database import sql_table

    scheme = "postgresql" if backend == "connectorx" else "postgresql+psycopg"
    url = f"{scheme}://{config['user']}:{config['password']}@{config['host']}:{config['port']}/{config['database']}"
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "out.duckdb")),
        dataset_name="data",
    )
    table = sql_table(
        url,
        table="bench",
        backend=backend,
        chunk_size=100_000,
        backend_kwargs={"return_type": "arrow_stream"} if backend == "connectorx" else {},
    )
    pipeline.run(table, write_disposition="replace", loader_file_format="parquet")
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT count(*) FROM bench")
    return int(rows[0][0]) if rows else 0


def _dsn(config: dict[str, object]) -> str:
    return (
        f"host={config['host']} port={config['port']} user={config['user']} "
        f"password={config['password']} dbname={config['database']}"
    )


def run_one(name: str, home: Path) -> None:
    """In the contender's own process: its figures as JSON on stdout."""
    config = json.loads(sys.stdin.read())
    home.mkdir(parents=True, exist_ok=True)
    for module in IMPORTED[name.split("-")[0]]:
        importlib.import_module(module)
    began = time.monotonic()
    rows = CONTENDERS[name](config, home)
    wall = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "rows": rows,
    }
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--one", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args.one, args.home)
        return

    import psycopg

    from pwh_assets.demo.postgres import PrivatePostgres

    with (
        PrivatePostgres(settings={"shared_buffers": "512MB"}) as server,
        tempfile.TemporaryDirectory(prefix="pwh-bench-") as folder,
    ):
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for statement in FILL.format(rows=args.rows).split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode())
            size = connection.execute("SELECT pg_table_size('bench')").fetchone()
        print(
            f"{args.rows:,} rows of 9 columns, {(size or (0,))[0] / 2**20:,.0f} MB in PostgreSQL\n"
        )
        figures: dict[str, dict[str, float]] = {}
        for name in args.only:
            if name == "ours-again":
                _change(server.dsn, args.rows)
            figures[name] = _measure(name, Path(folder), server.config)
            _print(name, figures)


def _change(dsn: str, rows: int) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE bench SET status = 'changed', updated_at = now() WHERE id %% %s = 0",
            [round(1 / CHANGED)],
        )


def _measure(name: str, folder: Path, config: dict[str, object]) -> dict[str, float]:
    home = folder / SHARED_HOME.get(name, name)
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, "--home", str(home)],
        input=json.dumps(config),
        capture_output=True,
        text=True,
        env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )
    if done.returncode:
        print(f"{TITLES[name]} failed:\n{done.stderr[-2000:]}")
        return {}
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    inner = [line for line in done.stderr.splitlines() if line.startswith('{"inner_s"')]
    if inner:
        found |= {"wall_s": json.loads(inner[-1])["inner_s"]}
    return found


def _print(name: str, figures: dict[str, dict[str, float]]) -> None:
    if len(figures) == 1:
        print(f"{'':36}{'wall s':>9}{'x COPY':>9}{'CPU s':>9}{'peak MB':>9}{'rows':>12}")
    one, base = figures[name], figures.get("copy")
    if not one:
        return
    ratio = f"{one['wall_s'] / base['wall_s']:.1f}" if base else "-"
    rows = "" if name == "copy" else f"{one['rows']:,.0f}"
    print(
        f"{TITLES[name]:36}{one['wall_s']:9.1f}{ratio:>9}{one['cpu_s']:9.1f}{one['peak_mb']:9.0f}{rows:>12}",
        flush=True,
    )


if __name__ == "__main__":
    main()
