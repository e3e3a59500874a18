"""From the logical tree to one engine's SQL.

Belongs here: how an engine spells clauses, joins, literals and types (`base` holds what they share, a file per engine the rest).
Keep out: what names and functions mean, sessions, results.
"""

from pwh_assets.hogql.lower.base import Lowering
from pwh_assets.hogql.lower.clickhouse import ClickHouse
from pwh_assets.hogql.lower.duckdb import DuckDB

LOWERINGS: dict[str, type[Lowering]] = {"duckdb": DuckDB, "clickhouse": ClickHouse}

__all__ = ["LOWERINGS", "Lowering"]
