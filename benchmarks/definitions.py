"""What loading the code location costs: CPU seconds to build the definitions, resolve them and make their snapshot.

Run it as `.venv/bin/python benchmarks/definitions.py [tables …]`; every size runs in a process of its own.
"""

import json
import resource
import subprocess
import sys
import time

SIZES = (10, 1_000, 5_000)
TABLES_PER_SOURCE = 50
COLUMNS = 20
WORK = """
total = 0
for i in range(5_000_000):
    total += i % 7
"""


def measure(tables: int) -> dict[str, float]:
    """One load in this process: a store's worth of tables, a fifth as many views, no disk."""
    started = time.process_time()
    from dagster._core.remote_representation.external_data import RepositorySnap
    from dagster._serdes import serialize_value

    from pwh_assets.core.source import Column, Source, SyncedTable, SyncMode
    from pwh_assets.core.view import SavedQuery
    from pwh_assets.orchestration.compose import compose
    from pwh_assets.orchestration.inventory import make_inventory

    imported = time.process_time()
    columns = tuple(Column(f"column_{n}", "VARCHAR") for n in range(COLUMNS))
    names = [divmod(n, TABLES_PER_SOURCE) for n in range(tables)]
    synced = [
        SyncedTable(
            f"{source}-{table}",
            Source(f"s{source}", 1, "postgres", f"db{source}_"),
            f"table_{table}",
            columns,
            ("column_0",),
            mode=SyncMode.FULL,
        )
        for source, table in names
    ]
    views = [
        SavedQuery(
            f"v{n}",
            1,
            f"view_{n}",
            "SELECT 1",
            is_materialized=n % 2 == 0,
            columns=columns[:5],
            inputs=(synced[n].table_name,),
        )
        for n in range(tables // 5)
    ]
    inventory = make_inventory(1, "v", synced, views)
    nothing = {name: object() for name in ("platform", "lake", "hogql", "dbt", "secrets")}
    start = time.process_time()
    defs = compose([inventory], nothing)
    built = time.process_time()
    repository = defs.get_repository_def()
    resolved = time.process_time()
    snapshot = serialize_value(RepositorySnap.from_def(repository, defer_snapshots=True))
    snapped = time.process_time()
    return {
        "tables": tables,
        "views": len(views),
        "import": imported - started,
        "build": built - start,
        "repository": resolved - built,
        "snapshot": snapped - resolved,
        "total": snapped - start,
        "megabytes": len(snapshot) / 1e6,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main(sizes: list[int]) -> None:
    started = time.process_time()
    exec(WORK, {})
    print(
        f"5 million additions in plain Python: {time.process_time() - started:.2f} CPU s; read the rest by that."
    )
    print(
        "tables  views  import  build  repository  snapshot  in all  snapshot MB  RSS MB   (CPU seconds)"
    )
    for size in sizes:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--one", str(size)],
            capture_output=True,
            text=True,
            check=True,
        )
        row = json.loads(done.stdout)
        print(
            f"{row['tables']:6,}  {row['views']:5,}  {row['import']:6.2f}  {row['build']:5.2f}  "
            f"{row['repository']:10.2f}  {row['snapshot']:8.2f}  {row['total']:6.2f}  "
            f"{row['megabytes']:11.1f}  {row['rss']:6.0f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main([int(word) for word in sys.argv[1:]] or list(SIZES))
