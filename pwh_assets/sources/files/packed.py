"""Packed files are whole or refused: DuckDB takes the beginning of one that was cut off for all of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.files.location import Location, StoredFile

if TYPE_CHECKING:
    import duckdb

_CODECS = {".gz": "gzip", ".zst": "zstd"}
_PIECE_BYTES = 1 << 20
LARGEST_OBJECT_BYTES = 256 << 20
"""Objects that are larger, packed, are not looked at: DuckDB gives an object's bytes at once only."""


def check_whole(
    connection: "duckdb.DuckDBPyConnection",
    config: Mapping[str, Any],
    files: Sequence[StoredFile],
) -> None:
    """Unpack every packed file to nowhere, a piece at a time.

    Raises:
        UnreadableDataError: one ends too early or its checksum is another.
    """
    is_local = Location.of(config).is_local
    for file in files:
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


def _object(connection: "duckdb.DuckDBPyConnection", file: StoredFile) -> Any:
    import pyarrow as pa

    row = connection.execute("SELECT content FROM read_blob(?)", [file.path]).fetchone()
    return pa.BufferReader(row[0] if row else b"")
