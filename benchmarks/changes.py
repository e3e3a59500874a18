"""Change data capture: how fast changes of a Postgres table get into the lake, and how the stream is best read.

    python benchmarks/changes.py [--rows 300000]

Nine columns, as in `sync.py`. Each line is one sync: check, stream, stage, one transaction of the lake, confirm.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TABLE = """
CREATE TABLE bench (
    id bigint PRIMARY KEY, user_id integer NOT NULL, token text NOT NULL, amount numeric(12,2) NOT NULL,
    status text NOT NULL, is_paid boolean NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    props jsonb NOT NULL)
"""
INSERT = """
INSERT INTO bench SELECT i, (i * 7) % 100000, md5(i::text), ((i * 37) % 9000000)::numeric / 100, 'status-' || i % 5,
    i % 3 = 0, now(), now(), jsonb_build_object('page', i % 100, 'browser', 'firefox')
  FROM generate_series({first}, {last}) i
"""


class Nowhere:
    """Takes changes and forgets them."""

    is_full = False

    def shape(self, shape: Any) -> "Nowhere":
        return self

    def begin(self, position: str, committed_at: Any) -> None: ...

    def stale(self, table: str, reason: str) -> None: ...

    def insert(self, row: Any) -> None: ...

    def update(self, row: Any, old_key: Any = None) -> None: ...

    def delete(self, key: Any) -> None: ...

    def truncate(self) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    rows = parser.parse_args().rows
    from pwh_assets.demo.postgres import PrivatePostgres

    with (
        PrivatePostgres(settings={"synchronous_commit": "on"}) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        os.environ |= {"PWH_HOME": f"{folder}/home", "PWH_ALLOW_PRIVATE_HOSTS": "1"}
        run(server, Path(folder), rows)


def run(server: Any, folder: Path, rows: int) -> None:
    import psycopg

    from pwh_assets.platform import open_platform
    from pwh_assets.services.changes.stream import sync_changes
    from pwh_assets.services.changes.tables import spec_of
    from pwh_assets.services.sources.connecting import create_source

    with psycopg.connect(server.dsn, autocommit=True) as source:
        source.execute(TABLE)
        platform = open_platform()
        platform.store.ensure_project(1)
        entry = {"name": "bench", "sync_type": "cdc"}
        payload = {**server.config, "schema": "public", "schemas": [entry]}
        made = create_source(platform, 1, {"source_type": "Postgres", "payload": payload})
        tables = platform.store.tables(1, made.id)

        def sync() -> Any:
            (found,) = sync_changes(platform, made.id, tables).values()
            if isinstance(found, Exception):
                raise found
            return found

        sync()
        print("| changes | seconds | changes/s | peak MB |")
        print("|---|---|---|---|")

        def measured(name: str, count: int, change: Callable[[], None]) -> None:
            change()
            began = time.monotonic()
            done = sync()
            seconds = time.monotonic() - began
            if done.rows_synced != count:
                raise SystemExit(f"{name}: {done.rows_synced} rows were synced")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"| {name} | {seconds:.1f} | {count / seconds:,.0f} | {peak:.0f} |", flush=True)

        def many(count: int) -> None:
            with psycopg.connect(
                server.dsn, autocommit=True, options="-c synchronous_commit=off"
            ) as quick:
                for number in range(count):
                    quick.execute(
                        "UPDATE bench SET status = 'm' WHERE id BETWEEN %s AND %s",
                        [number * 10 + 1, number * 10 + 10],
                    )

        def run_sql(sql: str) -> Callable[[], None]:
            return lambda: source.execute(sql) and None

        name = spec_of(made.id).name
        source.execute(INSERT.format(first=1, last=rows))
        seconds = stream_to_nowhere(server, name, source)
        print(
            f"| {rows:,} inserts, read by the streaming protocol to nowhere | {seconds:.1f} | {rows / seconds:,.0f} | |"
        )
        seconds = peek_to_nowhere(server, name)
        print(
            f"| the same by `pg_logical_slot_peek_binary_changes` | {seconds:.1f} | {rows / seconds:,.0f} | |"
        )
        measured(f"{rows:,} inserts in one transaction", rows, lambda: None)
        measured(
            f"{rows:,} updates of the same rows",
            rows,
            run_sql("UPDATE bench SET amount = amount + 1"),
        )
        third = rows // 3
        measured(f"{third:,} deletes", third, run_sql(f"DELETE FROM bench WHERE id <= {third}"))
        source.execute(INSERT.format(first=1, last=third))
        sync()
        measured("30,000 updates in 3,000 transactions", 30_000, lambda: many(3_000))
        measured("1 update", 1, run_sql("UPDATE bench SET status = 'one' WHERE id = 1"))
        measured("nothing", 0, lambda: None)


def stream_to_nowhere(server: Any, name: str, source: Any) -> float:
    from pwh_assets.sources.changes import StreamSpec, StreamTable
    from pwh_assets.sources.registry import discover, find

    postgres: Any = find(discover(), "postgres")
    config = postgres.validate({**server.config, "schema": "public"})
    spec = StreamSpec(name, (StreamTable("bench", ("id",)),))
    status = postgres.changes.status(config, spec)
    began = time.monotonic()
    with postgres.changes.open(config, spec, status.confirmed) as stream:
        stream.read(Nowhere())
    return time.monotonic() - began


def peek_to_nowhere(server: Any, name: str) -> float:
    import psycopg

    from pwh_assets.sources.changes import StagedColumn, TableShape
    from pwh_assets.sources.postgres.pgoutput import Decoder, Shaped

    def shape(relation: Any) -> Shaped:
        columns = tuple(StagedColumn(column.name, "VARCHAR") for column in relation.columns)
        return Shaped(TableShape(relation.name, columns, ("id",)), {})

    decoder = Decoder(shape)
    decoder.into(Nowhere())
    query = (
        "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL, 'proto_version', '1', "
        "'publication_names', %s)"
    )
    began = time.monotonic()
    with psycopg.connect(server.dsn) as connection, connection.cursor(binary=True) as cursor:
        for (data,) in cursor.stream(query, [name, name], size=1_000):
            decoder.feed(data)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
