"""How long completing and checking a text take over a catalog of 1,000 tables of 30 columns."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.editor import complete, examine
from pwh_assets.hogql.product import product_tables
from pwh_assets.hogql.types import STRING

TEXTS = {
    "a table": "SELECT * FROM |",
    "a table by letters": "SELECT * FROM app_123|",
    "a table by its dotted name": "SELECT * FROM postgres.app.t5|",
    "a column": "SELECT | FROM app_500 a JOIN app_501 b ON a.id = b.id",
    "a column by letters": "SELECT col| FROM app_500 a JOIN app_501 b ON a.id = b.id",
    "a chain": "SELECT e.person.properties.| FROM events e",
    "a column of a named query": "WITH w AS (SELECT person.properties.email AS mail, count() AS n FROM events "
    "GROUP BY mail) SELECT | FROM w JOIN app_1 ON w.mail = app_1.column_3 WHERE n > 1",
    "in a text of 20 kB": "SELECT "
    + ", ".join(f"column_{i % 30} AS c{i}" for i in range(900))
    + ", | FROM app_7",
}


def catalog(tables, columns):
    made = tuple(
        TableDef(
            f"app_{i}",
            tuple(
                ColumnDef("id" if not c else f"column_{c}", STRING, "What it is")
                for c in range(columns)
            ),
            physical=("app", f"t{i}"),
            spellings=(f"postgres.app.t{i}", f"app_postgres_t{i}"),
            source="postgres_app",
        )
        for i in range(tables)
    )
    types = {"events": {f"properties.key_{i}": STRING for i in range(500)}}
    types["persons"] = types["events"]
    return Catalog((*product_tables(property_types=types), *made), version="bench")


def timed(work, times):
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    seconds.sort()
    return seconds[0] * 1000, seconds[len(seconds) // 2] * 1000, seconds[-1] * 1000


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tables", type=int, default=1000)
    arguments.add_argument("--columns", type=int, default=30)
    arguments.add_argument("--times", type=int, default=30)
    options = arguments.parse_args()
    known = catalog(options.tables, options.columns)
    first = timed(lambda: complete("SELECT * FROM app", 17, known), 1)[0]
    print(f"{options.tables} tables, milliseconds; the first answer of a new catalog: {first:.1f}")
    print(f"{'':40} {'best':>8} {'median':>8} {'worst':>8}")
    for name, marked in TEXTS.items():
        offset = marked.index("|")
        text = marked.replace("|", "")
        best, median, worst = timed(lambda t=text, o=offset: complete(t, o, known), options.times)
        print(f"{'complete ' + name:40} {best:8.2f} {median:8.2f} {worst:8.2f}")
    for name, text in (
        (
            "check a query",
            "SELECT a.id, count() AS n FROM app_500 a JOIN app_501 b ON a.id = b.id GROUP BY a.id",
        ),
        ("check two mistakes", "SELECT a.idd, cout() FROM app_500 a"),
        ("check a mistyped table", "SELECT id FROM app_5000x"),
    ):
        best, median, worst = timed(lambda t=text: examine(t, known), options.times)
        print(f"{name:40} {best:8.2f} {median:8.2f} {worst:8.2f}")


if __name__ == "__main__":
    main()
