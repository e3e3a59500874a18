"""Cheaply telling that a table may have changed, for the sensor that reacts to changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.mysql.connection import connected, fetched, quoted_name, schema_of

_KNOWN = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"


def probe(config: Mapping[str, Any], requests: Sequence[ReadRequest]) -> dict[str, str | None]:
    """The highest cursor value of tables that sync by one; of others the position of the server's binlog.

    MySQL keeps no counter of rows written per table that outlives a restart and tells every change, so a table
    that is read whole changes with whatever is written to the server. Without a binlog, or the privilege to see
    its position, such tables are left out.
    """
    schema = schema_of(config)
    found: dict[str, str | None] = {}
    with connected(config) as connection:
        known = {name for name, _ in fetched(connection, _KNOWN, [schema])}
        position = None
        for request in requests:
            if request.table not in known:
                continue
            if request.cursor and request.mode is not SyncMode.FULL:
                relation = f"{quoted_name(schema)}.{quoted_name(request.table)}"
                query = f"SELECT CAST(MAX({quoted_name(request.cursor)}) AS CHAR) FROM {relation}"
                found[request.table] = fetched(connection, query)[0][0]
            else:
                position = position or binlog_position(connection)
                if position:
                    found[request.table] = f"{position[0]}:{position[1]}"
    return found


def binlog_position(connection: Any) -> tuple[str, int] | None:
    """File and place the server's binlog is at; None without one, or without the privilege to know."""
    import pymysql.err

    for words in ("SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"):
        try:
            rows = fetched(connection, words)
        except pymysql.err.MySQLError:
            continue
        if rows:
            return str(rows[0][0]), int(rows[0][1])
    return None
