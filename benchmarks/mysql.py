"""MariaDB to nowhere and to the lake against `mariadb-dump`: wall time and peak memory of each, in one run.

    python benchmarks/mysql.py [--rows 2000000] [--only reading lake …]

Every contender is a process of its own that measures itself when it has imported what it needs; `cold` is the command in a
terminal as a whole, `lake` the same sync in a process that is ready, as the runs of `pwh up` are (`runs.py --source mysql`
measures those from outside). The dump is taken again before and after each, and ratios are to the mean of the two, so that
they hold on a busy machine better than seconds do.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FILL = """
CREATE TABLE bench (id bigint PRIMARY KEY, user_id int NOT NULL, token varchar(64) NOT NULL, amount decimal(12,2) NOT NULL,
    status varchar(20) NOT NULL, is_paid tinyint(1) NOT NULL, created_at datetime(6) NOT NULL,
    updated_at timestamp(6) NOT NULL, score double NOT NULL, props json NOT NULL, KEY (updated_at));
INSERT INTO bench SELECT seq, (seq * 7) % 100000, md5(seq), (seq * 37) % 9000000 / 100, concat('status-', seq % 5),
    seq % 3 = 0, '2023-01-01' + interval seq second, '2023-01-01' + interval seq second, seq / 7,
    json_object('page', seq % 100, 'browser', 'firefox') FROM seq_1_to_{rows};
CREATE TABLE small AS SELECT * FROM bench LIMIT 100;
ALTER TABLE small ADD PRIMARY KEY (id);
ANALYZE TABLE bench
"""
Conn = dict[str, Any]
Run = Callable[[], int]
"""What is measured. Gives the rows it read."""


def fill(conn: Conn, rows: int) -> None:
    """Make the tables `bench`, of so many rows, and `small`."""
    import pymysql

    with pymysql.connect(**conn, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in FILL.format(rows=rows).split(";\n"):
            cursor.execute(statement)


@contextmanager
def dump(conn: Conn) -> Iterator[Run]:
    """`mariadb-dump --single-transaction --quick` to nowhere."""
    words = ["mariadb-dump", "--no-defaults", "--single-transaction", "--quick"]
    words += [f"--{name}={conn[name]}" for name in ("host", "port", "user", "password")]

    def run() -> int:
        command = [*words, conn["database"], "bench"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return 0

    yield run


@contextmanager
def driver(conn: Conn) -> Iterator[Run]:
    """PyMySQL's unbuffered cursor, row by row."""
    import pymysql

    def run() -> int:
        with pymysql.connect(**conn, cursorclass=pymysql.cursors.SSCursor).cursor() as cursor:
            cursor.execute("SELECT * FROM bench")
            return sum(1 for _ in cursor)

    yield run


@contextmanager
def connectorx(conn: Conn) -> Iterator[Run]:
    """ConnectorX, one stream; everything in memory."""
    import connectorx as cx

    url = "mysql://{user}:{password}@{host}:{port}/{database}".format(**conn)
    yield lambda: int(cx.read_sql(url, "SELECT * FROM bench", return_type="arrow").num_rows)


@contextmanager
def scanner(conn: Conn) -> Iterator[Run]:
    """DuckDB's MySQL scanner."""
    import duckdb

    from pwh_assets.duckdb_extensions import path

    here = duckdb.connect()
    here.execute(f"LOAD '{path('mysql_scanner')}'")
    words = "host={host} port={port} user={user} password={password} database={database}".format(
        **conn
    )
    here.execute(f"ATTACH '{words}' AS my (TYPE mysql, READ_ONLY)")
    query = "SELECT * FROM my.bench"
    yield lambda: sum(batch.num_rows for batch in here.execute(query).to_arrow_reader(100_000))


@contextmanager
def reading(conn: Conn) -> Iterator[Run]:
    """Our source's Arrow batches over one connection, to nowhere."""
    from pwh_assets.core.source import SyncMode
    from pwh_assets.sources.base import ReadRequest
    from pwh_assets.sources.mysql import SOURCE

    def run() -> int:
        request = ReadRequest("bench", SyncMode.FULL, (), ("id",), may_chunk=False)
        found = SOURCE.read(SOURCE.validate(conn), request)
        return sum(batch.num_rows for batch in found.batches or ())

    yield run


@contextmanager
def ranges(conn: Conn) -> Iterator[Run]:
    """Our source's ranges of the key, several at a time, as Parquet on disk."""
    from concurrent.futures import ThreadPoolExecutor

    from pwh_assets.core.source import SyncMode
    from pwh_assets.sources.base import ReadRequest
    from pwh_assets.sources.mysql import SOURCE

    def run() -> int:
        request = ReadRequest("bench", SyncMode.FULL, (), ("id",))
        chunks = SOURCE.read(SOURCE.validate(conn), request).chunks
        assert chunks is not None, "too few rows for ranges"
        with ThreadPoolExecutor(chunks.parallel) as pool:
            found = pool.map(lambda name: chunks.write(name, Path(folder)), chunks.names)
            rows = sum(rows for part in found for _, rows in part)
        chunks.close()
        return rows

    with tempfile.TemporaryDirectory() as folder:
        yield run


@contextmanager
def lake(conn: Conn) -> Iterator[Run]:
    """A whole first sync: discovered, read, written, published in the lake, and reconciled with the server."""
    from pwh_assets.platform import open_platform
    from pwh_assets.services.sources.connecting import create_source
    from pwh_assets.services.sync.table import sync_table
    from pwh_assets.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        platform = open_platform(Settings.from_env({"PWH_HOME": home, **OURS}))
        bench, small = ({"name": n, "should_sync": True, "sync_type": "full"} for n in TABLES)
        payload = {**conn, "schemas": [bench, small]}
        create_source(platform, 1, {"source_type": "mysql", "payload": payload})
        tables = {table.name: table for table in platform.store.tables(1)}
        sync_table(platform, tables["small"])
        yield lambda: int(sync_table(platform, tables["bench"]).rows_synced)
        platform.lakes.close()
        platform.store.close()


@contextmanager
def cold(conn: Conn) -> Iterator[Run]:
    """The same by `pwh sync` in a terminal, from its start to its end."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PWH_HOME": home, **OURS}
        schema = {"name": "bench", "should_sync": True, "sync_type": "full"}
        source = {"source_type": "mysql", "payload": {**conn, "schemas": [schema]}}
        subprocess.run(
            [*PWH, "source", "add", "-"],
            input=json.dumps(source),
            env=environment,
            text=True,
            check=True,
            capture_output=True,
        )

        def run() -> int:
            command = [*PWH, "sync", "--json"]
            done = subprocess.run(command, env=environment, capture_output=True, check=True)
            found = re.search(rb'"rows_synced": (\d+)', done.stdout)
            return int(found[1]) if found else 0

        yield run


PWH = [sys.executable, "-c", "import sys; from pwh_assets.cli import main; sys.exit(main())"]
OURS = {"PWH_ALLOW_PRIVATE_HOSTS": "1"}
TABLES = ("bench", "small")
CONTENDERS: dict[str, Callable[[Conn], AbstractContextManager[Run]]] = {
    run.__name__: run for run in (dump, driver, connectorx, scanner, reading, ranges, lake, cold)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", nargs="*", default=list(CONTENDERS))
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if arguments.contender:
        measure(arguments.contender, json.load(sys.stdin))
        return
    from tests.servers.mariadb import PrivateMariaDB

    with PrivateMariaDB() as server:
        fill(server.conn, arguments.rows)
        measured("dump", server.conn)  # pages come into memory
        print(f"{'':12}{'seconds':>9}{'rows/s':>11}{'to the dump':>13}{'CPU s':>8}{'peak MB':>9}")
        for name in arguments.only:
            before = measured("dump", server.conn)
            one = measured(name, server.conn)
            dumped = (before["s"] + measured("dump", server.conn)["s"]) / 2
            speed = f"{one['rows'] / one['s']:,.0f}" if one["rows"] else ""
            print(
                f"{name:12}{one['s']:9.2f}{speed:>11}{one['s'] / dumped:13.2f}{one['cpu_s']:8.2f}{one['mb']:9.0f}",
                flush=True,
            )


def measure(name: str, conn: Conn) -> None:
    """Run one contender in this process, and print what it took of time and of this machine."""
    import pyarrow  # noqa: F401

    with CONTENDERS[name](conn) as run:
        began, before = time.monotonic(), sum(os.times()[:4])
        rows = run()
        took, cpu_s = time.monotonic() - began, sum(os.times()[:4]) - before
    whose = resource.RUSAGE_CHILDREN if name in ("dump", "cold") else resource.RUSAGE_SELF
    peak = resource.getrusage(whose).ru_maxrss >> 10
    print(json.dumps({"s": took, "rows": rows, "cpu_s": cpu_s, "mb": peak}))


def measured(name: str, conn: Conn) -> dict[str, float]:
    words = [sys.executable, __file__, "--contender", name]
    done = subprocess.run(
        words, input=json.dumps(conn), stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
