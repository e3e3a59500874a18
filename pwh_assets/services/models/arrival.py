"""Rows that come from ClickHouse, read by the connection that publishes them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pwh_assets.engines.clickhouse import said
from pwh_assets.engines.clickhouse_types import quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pwh_assets.core.source import Column

ARRIVING = "pwh_arriving"
"""What they are called in that connection."""


@contextmanager
def arriving(
    batches: "Iterator[pa.RecordBatch]",
    columns: "Sequence[Column]",
    connection: "duckdb.DuckDBPyConnection",
) -> Iterator[str]:
    """DuckDB's SQL of the rows, with the columns' types in the lake. It can be read once."""
    import pyarrow as pa

    casts = ", ".join(f"CAST({quoted(c.name)} AS {c.type}) AS {quoted(c.name)}" for c in columns)
    first = next(batches, None)
    if first is None:
        nothing = ", ".join(f"NULL AS {quoted(c.name)}" for c in columns)
        yield f"SELECT {casts} FROM (SELECT {nothing}) WHERE false"
        return
    broken: list[Exception] = []

    def all_batches() -> "Iterator[pa.RecordBatch]":
        yield first
        try:
            yield from batches
        except Exception as error:  # DuckDB would keep only its text
            broken.append(error)
            raise

    connection.register(ARRIVING, pa.RecordBatchReader.from_batches(first.schema, all_batches()))
    try:
        yield f"SELECT {casts} FROM {ARRIVING}"
    except Exception:
        if broken:
            raise said(str(broken[0])) from None
        raise
