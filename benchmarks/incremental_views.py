"""What building a view in parts costs beside building it as a whole: 1 % of the buckets touched, and other changes.

Every build runs in a process of its own, so that the peak of its memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from pwh_assets.core.view import SavedQuery
from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.hogql.incremental import analysis_of
from pwh_assets.hogql.stored import type_of
from pwh_assets.lake import Lakes
from pwh_assets.services.incremental.build import IncrementalBuild
from pwh_assets.services.incremental.config import IncrementalConfig
from pwh_assets.settings import Settings

DAYS = 400
FACTS = ("id BIGINT", "user_id BIGINT", "ts TIMESTAMP", "amount DOUBLE", "tag VARCHAR")
USERS = ("id BIGINT", "plan VARCHAR")
TEXT = (
    "SELECT toStartOfDay(f.ts) AS day, u.plan AS plan, count() AS n, sum(f.amount) AS total, "
    "uniq(f.user_id) AS people, quantile(0.9)(f.amount) AS high "
    "FROM facts f LEFT JOIN users u ON u.id = f.user_id GROUP BY day, plan"
)
CHANGES = {
    "nothing": (),
    "10,000 rows in the newest day": (
        "INSERT INTO lake.src.facts SELECT -i, i % 1000, TIMESTAMP '2026-02-04' + INTERVAL (i % 80000) SECOND, 1, 'n' "
        "FROM range(10000) r(i)",
    ),
    "late rows in 1 % of the days": (
        "INSERT INTO lake.src.facts SELECT -i, i % 1000, TIMESTAMP '2025-01-01' + INTERVAL ((i % 4) * 100) DAY, 1, 'n' "
        "FROM range(1000) r(i)",
    ),
    "updates and deletes in 1 % of the days": (
        "UPDATE lake.src.facts SET amount = amount + 1 WHERE ts >= '2025-03-01' AND ts < '2025-03-03' AND id % 10 = 0",
        "DELETE FROM lake.src.facts WHERE ts >= '2025-06-01' AND ts < '2025-06-03' AND id % 10 = 0",
    ),
    "a full sync of the joined table, nothing differs": (
        "CREATE TEMP TABLE again AS FROM lake.src.users",
        "DELETE FROM lake.src.users",
        "INSERT INTO lake.src.users FROM again",
        "DROP TABLE again",
    ),
}


def catalog():
    tables = []
    for name, columns in (("facts", FACTS), ("users", USERS)):
        pairs = [column.split() for column in columns]
        defs = tuple(ColumnDef(one, type_of(kind)) for one, kind in pairs)
        tables.append(TableDef(name, defs, physical=("src", name)))
    return Catalog(tuple(tables))


def fill(home, rows):
    lakes = Lakes(Settings.from_env({"PWH_HOME": str(home)}))
    with lakes.of(1).write() as connection:
        for statement in (
            "CREATE SCHEMA lake.src",
            "CREATE SCHEMA IF NOT EXISTS lake.views",
            f"CREATE TABLE lake.src.facts ({', '.join(FACTS)})",
            f"CREATE TABLE lake.src.users ({', '.join(USERS)})",
            "INSERT INTO lake.src.users SELECT i, ['free', 'pro', 'max'][1 + i % 3] FROM range(200000) r(i)",
            "INSERT INTO lake.src.facts SELECT i, hash(i) % 200000, "
            f"TIMESTAMP '2025-01-01' + INTERVAL ((i * {DAYS} * 86400) // {rows}) SECOND, (hash(i + 7) % 1000) / 4, "
            f"'t' || (i % 9) FROM range({rows}) r(i)",
        ):
            connection.execute(statement)
    lakes.close()


def change(home, statements):
    lakes = Lakes(Settings.from_env({"PWH_HOME": str(home)}))
    with lakes.of(1).write() as connection:
        for statement in statements:
            connection.execute(statement)
    lakes.close()


def build(home, full):
    """One build in this process; prints what it took."""
    lakes = Lakes(Settings.from_env({"PWH_HOME": str(home)}))
    lake = lakes.of(1)
    view = SavedQuery(id="bench", project_id=1, name="daily", sql=TEXT, is_materialized=True)
    reason = "It was asked for." if full else ""
    with lake.write() as connection:
        for macro in DUCKDB_MACROS:
            connection.execute(macro)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, wall = time.process_time(), time.perf_counter()
        config = IncrementalConfig("day")
        plan = IncrementalBuild(view, lake, analysis_of(TEXT, catalog()), config, reason)
        plan.stage(connection, "")
        plan.audit(connection)
        connection.execute("BEGIN")
        plan.publish(connection, 'lake.views."daily"')
        connection.execute("COMMIT")
        took = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            "mode": plan.mode.value,
            "buckets": plan.buckets,
            "reason": plan.reason,
        }
    lakes.close()
    print(json.dumps(took))


def measured(home, *, full):
    command = [sys.executable, __file__, "--home", str(home), *(["--full"] if full else [])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=20_000_000)
    arguments.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--full", action="store_true", help=argparse.SUPPRESS)
    args = arguments.parse_args()
    if args.home:
        build(args.home, args.full)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        fill(home, args.rows)
        measured(home, full=True)
        whole = measured(home, full=True)
        print(
            f"{args.rows:,} rows in {DAYS} days beside 200,000 users; CPU seconds, peak MiB above an open lake"
        )
        print(f"{'after':50} {'buckets':>8} {'CPU s':>7} {'MiB':>6} {'of a whole build':>17}")
        print(
            f"{'(a whole build)':50} {'all':>8} {whole['cpu']:7.2f} {whole['mib']:6.0f} {'1':>17}"
        )
        for name, statements in CHANGES.items():
            change(home, statements)
            part = measured(home, full=False)
            assert part["mode"] == "incremental", part["reason"]
            print(
                f"{name:50} {part['buckets']:8} {part['cpu']:7.2f} {part['mib']:6.0f} "
                f"{part['cpu'] / whole['cpu']:17.3f}"
            )


if __name__ == "__main__":
    main()
