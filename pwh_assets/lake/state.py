"""Where each table's last committed sync ended: kept in the lake, in the transaction of the rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pwh_assets.lake.attach import ALIAS, literal
from pwh_assets.lake.product import OWN_SCHEMA, STATE_TABLE

if TYPE_CHECKING:
    import duckdb

STATE = f'{ALIAS}."{OWN_SCHEMA}"."{STATE_TABLE}"'


@dataclass(frozen=True, slots=True)
class SyncState:
    """One table's state. `at` is UTC without a zone."""

    table_id: str
    load_id: str
    watermark: str | None
    row_count: int
    at: datetime
    cursor: str | None = None
    """The cursor column the watermark belongs to."""


def read_state(connection: "duckdb.DuckDBPyConnection", table_id: str) -> SyncState | None:
    row = connection.execute(
        f"SELECT table_id, load_id, watermark, row_count, committed_at, cursor FROM {STATE} "
        f"WHERE table_id = {literal(table_id)}"
    ).fetchone()
    return SyncState(*row) if row else None


def write_state(connection: "duckdb.DuckDBPyConnection", state: SyncState) -> None:
    """Inside the caller's transaction."""
    connection.execute(f"DELETE FROM {STATE} WHERE table_id = {literal(state.table_id)}")
    # As words: handing over values makes DuckDB import pandas, which takes longer than all the rest.
    texts = (state.table_id, state.load_id, state.watermark, state.at.isoformat(), state.cursor)
    table_id, load_id, watermark, at, cursor = (
        "NULL" if text is None else literal(text) for text in texts
    )
    connection.execute(
        f"INSERT INTO {STATE} VALUES "
        f"({table_id}, {load_id}, {watermark}, {int(state.row_count)}, {at}, {cursor})"
    )
