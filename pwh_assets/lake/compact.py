"""What a catalog still says of rows that are gone: statistics of whole tables, and bytes in its free pages and its log."""

import subprocess
import sys
from typing import TYPE_CHECKING

from pwh_assets.lake.catalog import metadata
from pwh_assets.lake.errors import LakeBusyError
from pwh_assets.lake.product import OWN_SCHEMA

if TYPE_CHECKING:
    from pwh_assets.lake.lake import Lake

WAIT_S = 60.0
_NARROW = """
UPDATE {table_stats} AS t SET min_value = n.low, max_value = n.high
FROM (
  SELECT k.table_id, k.column_id,
    CASE WHEN k.is_own OR k.is_unknown THEN NULL WHEN k.is_text THEN k.low ELSE k.low_number END AS low,
    CASE WHEN k.is_own OR k.is_unknown THEN NULL WHEN k.is_text THEN k.high ELSE k.high_number END AS high
  FROM (
    SELECT c.table_id, c.column_id, min(f.min_value) AS low, max(f.max_value) AS high,
      CAST(min(TRY_CAST(f.min_value AS HUGEINT)) AS VARCHAR) AS low_number,
      CAST(max(TRY_CAST(f.max_value AS HUGEINT)) AS VARCHAR) AS high_number,
      bool_or(s.schema_name = '{own}') AS is_own,
      bool_or(c.column_type IN ('varchar', 'json', 'uuid', 'blob')) AS is_text,
      bool_or(d.data_file_id IS NOT NULL AND f.data_file_id IS NULL OR f.null_count IS NULL AND f.data_file_id IS NOT NULL
        OR (f.min_value IS NULL OR f.max_value IS NULL) AND f.null_count < d.record_count) AS is_unknown
    FROM {column} c
    JOIN {table} t ON t.table_id = c.table_id AND t.end_snapshot IS NULL
    JOIN {schema} s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    LEFT JOIN {data_file} d ON d.table_id = c.table_id AND d.end_snapshot IS NULL
    LEFT JOIN {file_stats} f ON f.data_file_id = d.data_file_id AND f.column_id = c.column_id
    WHERE c.end_snapshot IS NULL
      AND c.column_type IN ('varchar', 'json', 'uuid', 'blob', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
        'uint32', 'uint64')
    GROUP BY c.table_id, c.column_id
  ) k
) n
WHERE n.table_id = t.table_id AND n.column_id = t.column_id
"""
"""The smallest and greatest value of a table's column are widened by every file and narrowed by nobody."""
_SCRIPT = """
import sqlite3, sys, time
catalog = sqlite3.connect(sys.argv[1], timeout=float(sys.argv[2]), isolation_level=None)
catalog.execute("VACUUM")
until = time.monotonic() + float(sys.argv[2])
while catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
    if time.monotonic() > until:
        sys.exit(3)
    time.sleep(0.05)
"""
"""In a process of its own: SQLite opened twice in one process would let go of the locks of both."""


def compact(lake: "Lake") -> None:
    """Narrow the statistics of tables to the files they have, then write a SQLite catalog anew.

    A catalog on Postgres is left to the vacuum of its server.

    Raises:
        LakeBusyError: somebody reads or writes it all the time.
    """
    names = {
        key: metadata(lake.address, f"ducklake_{name}")
        for key, name in (
            ("table_stats", "table_column_stats"),
            ("file_stats", "file_column_stats"),
            ("data_file", "data_file"),
            ("column", "column"),
            ("table", "table"),
            ("schema", "schema"),
        )
    }
    with lake.write() as connection:
        connection.execute(_NARROW.format(own=OWN_SCHEMA, **names))
    catalog = lake.address.catalog_file
    if catalog is None:
        return
    with lake.lock():
        argv = [sys.executable, "-I", "-c", _SCRIPT, str(catalog), str(WAIT_S)]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=10 * WAIT_S)
    if done.returncode:
        raise LakeBusyError(lake.project_id, WAIT_S)
