"""Writing Arrow batches to Parquet files that the lake can take as they are.

Belongs here: how a file is laid out, for rows that come as Arrow. Keep out: whose rows they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP_BYTES = 32 << 20
"""About how many bytes of Arrow data become one row group of a Parquet file."""
ROW_GROUP_ROWS = 61_440
"""At most how many rows do: half as many as in the lake's own files, for several are held at a time."""
FILE_BYTES = 512 << 20
"""About how many bytes of Arrow data go into one file."""
_DICTIONARY_BYTES = 64 << 10
"""A dictionary that outgrows this is given up: it would not pay, and the texts of a megabyte of it cost as much to look up
as all of the rest."""


def write_batches(
    batches: "Iterable[pa.Table | pa.RecordBatch]",
    folder: Path,
    name: str,
    columns: Sequence[Column] = (),
) -> list[tuple[Path, int]]:
    """Arrow batches as Parquet files `<name>-<number>.parquet`; another schema or a full file begins a new one.

    Of `columns` those that are JSON are written as that; a text that is none stays text, and shows when it is published.
    """
    files = _Files(folder, name, _Jsons([one.name for one in columns if one.type == "JSON"]))
    try:
        for batch in batches:
            files.add(batch)
        files.end()
    finally:
        files.abandon()
    return files.found


class _Jsons:
    """Columns of texts that are to be JSON."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._connection: duckdb.DuckDBPyConnection | None = None

    def told(self, table: "pa.Table") -> "pa.Table":
        """The table with these columns typed as JSON, if they are."""
        import pyarrow as pa

        kind = pa.json_(pa.string())
        for place, column in enumerate(table.schema):
            if column.name in self._names and column.type == pa.string():
                texts = table.column(place)
                if self._are_valid(texts):
                    parts = [pa.ExtensionArray.from_storage(kind, part) for part in texts.chunks]
                    table = table.set_column(
                        place, pa.field(column.name, kind), pa.chunked_array(parts, kind)
                    )
        return table

    def _are_valid(self, texts: "pa.ChunkedArray") -> bool:
        import duckdb
        import pyarrow as pa

        if self._connection is None:
            self._connection = duckdb.connect(config={"threads": 1})
        # A bare stream: for any other form DuckDB imports pyarrow's datasets, and those pandas.
        stream = pa.Table.from_arrays([texts], ["c"]).__arrow_c_stream__()
        self._connection.register("texts", stream)
        found = self._connection.execute(
            "SELECT count(*) FROM texts WHERE NOT json_valid(c)"
        ).fetchone()
        self._connection.unregister("texts")
        return found == (0,)


@dataclass(slots=True)
class _Files:
    """The files of one reading, the last of which is open."""

    folder: Path
    name: str
    jsons: _Jsons
    found: list[tuple[Path, int]] = field(default_factory=list)
    _writer: "pq.ParquetWriter | None" = None
    _waiting: "list[pa.Table]" = field(default_factory=list)
    _waiting_rows: int = 0
    _waiting_bytes: int = 0
    _rows: int = 0
    _bytes: int = 0

    def add(self, batch: "pa.Table | pa.RecordBatch") -> None:
        import pyarrow as pa

        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        if not table.num_rows or not table.num_columns:
            return
        if self._waiting and not _are_same(self._waiting[0].schema, table.schema):
            self._flush()
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        self._waiting_bytes += table.nbytes
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def end(self) -> None:
        """Write what waits, and finish the file that is open."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self.found[-1] = (self.found[-1][0], self._rows)
        self._writer, self._rows, self._bytes = None, 0, 0

    def abandon(self) -> None:
        """Let go of a file that was not finished."""
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._waiting:
            return
        size = self._waiting_bytes
        table = self.jsons.told(pa.concat_tables(self._waiting))
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
        writer = self._writer
        if writer is not None and (
            self._bytes >= FILE_BYTES or not _are_same(writer.schema, table.schema)
        ):
            self.end()
        writer = self._writer = self._writer or self._begun(table.schema)
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        self._rows += table.num_rows
        self._bytes += size

    def _begun(self, schema: "pa.Schema") -> "pq.ParquetWriter":
        import pyarrow.parquet as pq

        file = self.folder / f"{self.name}-{len(self.found)}.parquet"
        self.found.append((file, 0))
        return pq.ParquetWriter(
            file, schema, compression="zstd", compression_level=1, version="2.6", **_encoded(schema)
        )


def _are_same(one: "pa.Schema", other: "pa.Schema") -> bool:
    return bool(one.equals(other, check_metadata=True))


def _encoded(schema: "pa.Schema") -> dict[str, Any]:
    """Numbers by their differences, floats by their bytes, everything else by a dictionary as long as it is small.

    Three times as small as plain values on rows of databases, at a third of the writer's own settings' CPU.
    """
    import pyarrow.types as kinds

    encodings = {}
    for column in schema:
        if kinds.is_integer(column.type) or kinds.is_temporal(column.type):
            encodings[column.name] = "DELTA_BINARY_PACKED"
        elif kinds.is_float32(column.type) or kinds.is_float64(column.type):
            encodings[column.name] = "BYTE_STREAM_SPLIT"
    return {
        "use_dictionary": [name for name in schema.names if name not in encodings],
        "column_encoding": encodings,
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
    }
