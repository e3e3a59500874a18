"""Rows as bytes: JSON for answers, and files of any length chunk by chunk."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]
ROWS_AT_ONCE = 2_000

MEDIA_TYPES: Mapping[str, str] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
"""File formats an answer can have."""
BINARY = frozenset({"arrow", "parquet"})


def json_rows(rows: Sequence[Row]) -> bytes:
    """A JSON array of arrays."""
    try:
        return orjson.dumps(rows)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def _json_lines(names: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    for part in _parts(rows):
        lines = []
        for row in part:
            record = dict(zip(names, row, strict=True))
            try:
                lines.append(orjson.dumps(record))
            except TypeError:
                lines.append(json.dumps(record, ensure_ascii=False).encode())
        yield b"\n".join(lines) + b"\n"


def _csv(names: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(names)
    for part in _parts(rows):
        out.writerows([_cell(value) for value in row] for row in part)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


TEXTS: Mapping[str, Callable[[Sequence[str], Iterable[Row]], Iterator[bytes]]] = {
    "jsonl": _json_lines,
    "csv": _csv,
}


def binary(
    format_: str, schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]"
) -> Iterator[bytes]:
    """An Arrow stream or a Parquet file of these batches, never held as a whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = _Sink()
    writer: Any = (
        pa.ipc.new_stream(sink, schema)
        if format_ == "arrow"
        else pq.ParquetWriter(sink, schema, compression="zstd")
    )
    try:
        for batch in batches:
            if format_ == "arrow":
                writer.write_batch(batch)
            else:
                writer.write_table(pa.Table.from_batches([batch], schema))
            yield sink.take()
    finally:
        writer.close()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) >= ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part
