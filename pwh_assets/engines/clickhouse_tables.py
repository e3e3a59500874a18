"""Tables of ours in ClickHouse: made for columns of the lake, and filled with rows that DuckDB reads."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.engines.clickhouse_types import column_type, identifier, quoted, read_of

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.core.source import Column


def create_table(client: Any, table: str, columns: Sequence["Column"]) -> None:
    """An empty table in the place of the one of its name, which is quoted, with its database."""
    listed = ", ".join(f"{identifier(c.name)} {column_type(c)}" for c in columns)
    client.command(f"DROP TABLE IF EXISTS {table}")
    client.command(f"CREATE TABLE {table} ({listed}) ENGINE = MergeTree ORDER BY tuple()")


def rows_for(columns: Sequence["Column"], source: str) -> str:
    """DuckDB's query of these columns, with values as such a table takes them; `source` stands after FROM."""
    reads = ", ".join(f"{read_of(c)} AS {quoted(c.name)}" for c in columns)
    return f"SELECT {reads} FROM {source}"


def fill_table(client: Any, table: str, batches: "Iterable[pa.RecordBatch]") -> None:
    """Add what a query of `rows_for` gives. The name is quoted, because that of a view may have dots."""
    import pyarrow as pa

    for batch in batches:
        client.insert_arrow(table, pa.Table.from_batches([batch]))
