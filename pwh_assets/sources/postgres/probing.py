"""Cheaply telling that a table may have changed, for the sensor that reacts to changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.postgres.connection import connected, quoted_name

_COUNTERS = """
SELECT c.relname, c.relkind::text,
    concat_ws('/', c.relfilenode, s.n_tup_ins, s.n_tup_upd, s.n_tup_del)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""

_PARTITION_COUNTERS = """
SELECT concat_ws('/', count(*), sum(s.n_tup_ins), sum(s.n_tup_upd), sum(s.n_tup_del))
FROM pg_partition_tree(%s::regclass) t JOIN pg_stat_user_tables s ON s.relid = t.relid
"""


def probe(config: Mapping[str, Any], requests: Sequence[ReadRequest]) -> dict[str, str | None]:
    """The server's counters of rows written per table; the highest cursor value where it keeps none.

    Counters move a second or two after the commit. Views without a cursor are left out, as is a table that
    is gone: the next sync says so.
    """
    with connected(config) as connection:
        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        is_replica = bool(row and row[0])
        seen = {
            name: (kind, counters)
            for name, kind, counters in connection.execute(
                _COUNTERS, [config["schema"], [request.table for request in requests]]
            )
        }
        found: dict[str, str | None] = {}
        for request in requests:
            if request.table not in seen:
                continue
            kind, counters = seen[request.table]
            relation = f"{quoted_name(config['schema'])}.{quoted_name(request.table)}"
            if kind in "rm" and not is_replica:
                found[request.table] = counters
            elif kind == "p" and not is_replica:
                row = connection.execute(_PARTITION_COUNTERS, [relation]).fetchone()
                found[request.table] = row[0] if row else None
            elif request.cursor and request.mode is not SyncMode.FULL:
                query = f"SELECT max({quoted_name(request.cursor)})::text FROM {relation}"
                row = connection.execute(query.encode()).fetchone()
                found[request.table] = row[0] if row else None
    return found
