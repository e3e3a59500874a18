"""Files are whole or refused: DuckDB takes the beginning of a packed one that was cut off for all of it, and passes
over a last line of CSV that is longer than its buffer.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.files.location import Location, StoredFile

if TYPE_CHECKING:
    import duckdb

_CODECS = {".gz": "gzip", ".zst": "zstd"}
_PIECE_BYTES = 1 << 20
LONGEST_LINE_BYTES = 2 << 20
"""Longer ones are refused by DuckDB wherever it sees them."""
LARGEST_OBJECT_BYTES = 256 << 20
"""Objects that are larger, packed, are not looked at: DuckDB gives an object's bytes at once only."""


def check_whole(
    connection: "duckdb.DuckDBPyConnection",
    config: Mapping[str, Any],
    files: Sequence[StoredFile],
) -> None:
    """Unpack every packed file to nowhere, a piece at a time, and look at the end of others that lie on this machine.

    Raises:
        UnreadableDataError: one ends too early, its checksum is another, or its last line is too long.
    """
    is_local = Location.of(config).is_local
    for file in files:
        if is_local and file.size_bytes > LONGEST_LINE_BYTES:
            _look_at_the_end(file)
        ending = "." + file.name.lower().rpartition(".")[2]
        if ending in _CODECS and (is_local or file.size_bytes <= LARGEST_OBJECT_BYTES):
            _unpack(connection, file, _CODECS[ending], is_local)


def _unpack(
    connection: "duckdb.DuckDBPyConnection", file: StoredFile, codec: str, is_local: bool
) -> None:
    import pyarrow as pa

    with pa.OSFile(file.path) if is_local else _object(connection, file) as raw:
        try:
            with pa.CompressedInputStream(raw, codec) as unpacked:
                while unpacked.read_buffer(_PIECE_BYTES).size:
                    pass
        except OSError:
            raise UnreadableDataError(
                f"`{file.name}`",
                f"it is damaged or cut off: its {codec} packing does not end as it should.",
                "Put the whole file there, then sync again.",
            ) from None


def _look_at_the_end(file: StoredFile) -> None:
    if not file.name.lower().endswith((".csv", ".tsv", ".txt")):
        return
    with open(file.path, "rb") as raw:
        raw.seek(-LONGEST_LINE_BYTES, os.SEEK_END)
        end = raw.read().rstrip(b"\r\n")
    if b"\n" not in end and b"\r" not in end:
        raise UnreadableDataError(
            f"`{file.name}`",
            f"its last line is longer than {LONGEST_LINE_BYTES >> 20} MiB.",
            "Mend or remove the file, then sync again.",
        )


def _object(connection: "duckdb.DuckDBPyConnection", file: StoredFile) -> Any:
    import pyarrow as pa

    row = connection.execute("SELECT content FROM read_blob(?)", [file.path]).fetchone()
    return pa.BufferReader(row[0] if row else b"")
