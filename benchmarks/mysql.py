"""MariaDB to nowhere and to the lake against `mariadb-dump`: wall time and peak memory of each, in one run.

    python benchmarks/mysql.py [--rows 1000000] [--only reading lake …]

Every contender is a process of its own that measures itself after its imports. The dump is taken again before each,
and ratios are to that one, so that they hold on a busy machine better than seconds do.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
ANALYZE TABLE bench
"""
Conn = dict[str, Any]


def dump(conn: Conn) -> int:
    """`mariadb-dump --single-transaction --quick` to nowhere."""
    words = [
        "mariadb-dump",
        "--no-defaults",
        "--single-transaction",
        "--quick",
        f"-h{conn['host']}",
    ]
    words += [
        f"-P{conn['port']}",
        f"-u{conn['user']}",
        f"-p{conn['password']}",
        conn["database"],
        "bench",
    ]
    with open("/dev/null", "wb") as nowhere:
        subprocess.run(words, stdout=nowhere, check=True)
    return 0


def driver(conn: Conn) -> int:
    """PyMySQL's unbuffered cursor, row by row."""
    import pymysql

    with pymysql.connect(**conn, cursorclass=pymysql.cursors.SSCursor).cursor() as cursor:
        cursor.execute("SELECT * FROM bench")
        return sum(1 for _ in cursor)


def connectorx(conn: Conn) -> int:
    """ConnectorX, one stream; everything in memory."""
    import connectorx as cx

    url = "mysql://{user}:{password}@{host}:{port}/{database}".format(**conn)
    return int(cx.read_sql(url, "SELECT * FROM bench", return_type="arrow").num_rows)


def scanner(conn: Conn) -> int:
    """DuckDB's MySQL scanner."""
    import duckdb

    from pwh_assets.duckdb_extensions import path

    here = duckdb.connect()
    here.execute(f"LOAD '{path('mysql_scanner')}'")
    words = "host={host} port={port} user={user} password={password} database={database}".format(
        **conn
    )
    here.execute(f"ATTACH '{words}' AS my (TYPE mysql, READ_ONLY)")
    return sum(b.num_rows for b in here.execute("SELECT * FROM my.bench").to_arrow_reader(100_000))


def reading(conn: Conn) -> int:
    """Our source's Arrow batches over one connection, to nowhere."""
    from pwh_assets.core.source import SyncMode
    from pwh_assets.sources.base import ReadRequest
    from pwh_assets.sources.mysql import SOURCE

    request = ReadRequest("bench", SyncMode.FULL, (), ("id",), may_chunk=False)
    found = SOURCE.read(SOURCE.validate(conn), request)
    return sum(batch.num_rows for batch in found.batches or ())


def ranges(conn: Conn) -> int:
    """Our source's ranges of the key, several at a time, as Parquet on disk."""
    from concurrent.futures import ThreadPoolExecutor

    from pwh_assets.core.source import SyncMode
    from pwh_assets.sources.base import ReadRequest
    from pwh_assets.sources.mysql import SOURCE

    chunks = SOURCE.read(
        SOURCE.validate(conn), ReadRequest("bench", SyncMode.FULL, (), ("id",))
    ).chunks
    if chunks is None:
        return 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(chunks.parallel) as pool:
        found = pool.map(lambda name: chunks.write(name, Path(folder)), chunks.names)
        rows = sum(rows for part in found for _, rows in part)
        chunks.close()
    return rows


def lake(conn: Conn) -> int:
    """A whole first sync: read, Parquet, published in the lake."""
    from pwh_assets.platform import open_platform
    from pwh_assets.services.sources.connecting import create_source
    from pwh_assets.services.sync.table import sync_table
    from pwh_assets.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_env({"PWH_HOME": home, "PWH_ALLOW_PRIVATE_HOSTS": "1"})
        platform = open_platform(settings)
        create_source(platform, 1, {"source_type": "mysql", "payload": conn})
        rows = sync_table(platform, platform.store.tables(1)[0]).rows_synced
        platform.lakes.close()
        platform.store.close()
        return rows


CONTENDERS: dict[str, Callable[[Conn], int]] = {
    run.__name__: run for run in (dump, driver, connectorx, scanner, reading, ranges, lake)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", default=list(CONTENDERS))
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if arguments.contender:
        conn = json.load(sys.stdin)
        import pyarrow  # noqa: F401

        began = time.monotonic()
        rows = CONTENDERS[arguments.contender](conn)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(json.dumps({"s": time.monotonic() - began, "rows": rows, "mb": peak}))
        return
    import pymysql

    from tests.servers.mariadb import PrivateMariaDB

    with PrivateMariaDB() as server:
        with pymysql.connect(**server.conn, autocommit=True).cursor() as cursor:
            for statement in FILL.format(rows=arguments.rows).split(";\n"):
                cursor.execute(statement)
        print(f"{'':12} {'seconds':>8} {'rows/s':>10} {'to the dump':>12} {'peak MB':>8}")
        for name in arguments.only:
            base = measured("dump", server.conn)
            one = measured(name, server.conn)
            speed = f"{one['rows'] / one['s']:,.0f}" if one["rows"] else ""
            print(
                f"{name:12} {one['s']:8.2f} {speed:>10} {one['s'] / base['s']:12.2f} {one['mb']:8.0f}",
                flush=True,
            )


def measured(name: str, conn: Conn) -> dict[str, float]:
    words = [sys.executable, __file__, "--contender", name]
    done = subprocess.run(words, input=json.dumps(conn), capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
