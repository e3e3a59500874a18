"""Whether a table has only grown since it was copied, and by which rows: then those alone are copied."""

from typing import TYPE_CHECKING

from pwh_assets.engines.clickhouse_tables import rows_for

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake import Lake
    from pwh_assets.lake.catalog import LakeTable

MOST = 0.5
"""With more new rows than this share of all, the table is copied as a whole."""


def growth(
    connection: "duckdb.DuckDBPyConnection",
    lake: "Lake",
    table: "LakeTable",
    before: int,
    rows_before: int,
) -> str | None:
    """A query of the rows that came since a snapshot, ready to be handed over; None where anything else has happened, or
    may have: rows that went or changed, another column, a forgotten snapshot, another table of this name.

    Inside a transaction of the connection, which sees the table as `table` says.

    Args:
        before: the snapshot in which the copy's rows last changed.
        rows_before: how many rows the copy has.
    """
    import duckdb

    from pwh_assets.lake.catalog import changed_snapshots
    from pwh_assets.lake.differences import (
        FeedError,
        current_snapshot,
        feed_of,
        has_history,
        marks_of,
    )

    place, columns = (table.schema, table.name), [column.name for column in table.columns]
    try:
        now = current_snapshot(connection)
        if not before < table.changed_snapshot <= now:
            return None
        mark = marks_of(connection, lake.address, [place], now).get(place)
        if mark is None or any(since > before for since in mark.columns_changed.values()):
            return None
        if not has_history(connection, lake.address, before, now):
            return None
        counts = (rows_before, mark.row_count)
        feed = feed_of(connection, place, columns, (before, now), counts, was_replaced=False)
        is_growth = rows_before + feed.count == mark.row_count  # nothing went
        if not is_growth or feed.count > MOST * mark.row_count:
            return None
        if changed_snapshots(connection, lake.address).get(place) != table.changed_snapshot:
            return None
    except (FeedError, duckdb.Error):
        return None
    return rows_for(table.columns, f"({feed.inserted})")
