"""Delta tables through DuckDB's extension: the newest version, whole."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column
from pwh_assets.sources.base import Reading, ReadRequest
from pwh_assets.sources.files.access import opened
from pwh_assets.sources.files.formats import lake_type
from pwh_assets.sources.files.tables import FileTable
from pwh_assets.sources.files.words import literal, quoted_name

if TYPE_CHECKING:
    import pyarrow as pa


def columns(config: Mapping[str, Any], table: FileTable) -> tuple[Column, ...]:
    with opened(config, "delta") as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source(table)}").fetchall()
    return tuple(Column(name, lake_type(kind)) for name, kind, *_ in described)


def read(config: Mapping[str, Any], table: FileTable, request: ReadRequest) -> Reading:
    """All rows of the newest version; deleted ones and those of older versions are not among them."""
    found = columns(config, table)
    wanted = [column for column in found if request.wants(column.name)]

    def batches() -> "Iterator[pa.RecordBatch]":
        chosen = ", ".join(
            f"CAST({quoted_name(one.name)} AS {one.type}) AS {quoted_name(one.name)}"
            for one in wanted
        )
        with opened(config, "delta") as connection:
            query = f"SELECT {chosen} FROM {source(table)}"
            yield from connection.execute(query).to_arrow_reader(request.batch_rows)

    return Reading(None, tuple(wanted), lambda: None, batches=batches())


def source(table: FileTable) -> str:
    return f"delta_scan({literal(table.path)})"
