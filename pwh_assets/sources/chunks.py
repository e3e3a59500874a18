"""Reading a table in pieces: each into Parquet files of its own, several at a time, with a checkpoint after each.

A source that can divide a table gives `Reading.chunks` in the place of rows. The sync engine calls `write` for each
chunk from a few threads, notes every finished one durably, and hands what a dead run left to the next read as
`ReadRequest.unfinished`.

Belongs here: that seam. Keep out: how a source divides its tables; writing Arrow to Parquet (`parquet`).
"""

import contextlib
import errno
import os
import queue
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pwh_assets.errors import SourceUnavailableError

_C = TypeVar("_C")

PARQUET = (
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2, "
    "DICTIONARY_SIZE_LIMIT 8192"
)
"""Options of a DuckDB COPY that writes a chunk: level 1 is as small as 3 on rows of databases, and cheaper; a dictionary
that is given up at 8,192 values and not at 24,576 takes a seventh off the CPU of rows with long texts of their own."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a dead run of the very same request left behind: its plan, and the chunks that are safely on disk."""

    plan: Mapping[str, Any]
    done: tuple[str, ...]


class ChunkedRows(Protocol):
    """A table's rows in pieces that are read independently of each other.

    What a source promises by it:

    - The chunks of one reading hold every wanted row, and all show **one state** of the table (one snapshot), also
      when they are read one after another.
    - With `is_resumable`, chunks that are on disk stay right for a later reading with the same `plan`, which reads
      the rest, from a later state. That is true of **ranges of a key** (or of another column whose change moves the
      row's cursor past the plan's bound) in a sync by a cursor: a row is where its key is, and one that was changed
      in between has a cursor past the bound. To show one state again, such a reading ends with a chunk of all rows
      at or past the bound. It is *not* true of places in a file (`ctid`): an update moves a row into a place that
      was read already. Nor of a full copy: a row deleted in between would stay in one half and not in the other.
      Such readings begin anew after a death.
    - The bound a watermark comes from is part of the plan. A resumed reading returns that same watermark.
    """

    plan: Mapping[str, Any]
    """All that is needed to read any chunk later in the same way. JSON values only, no credential. A reading
    that goes on with an unfinished one has an equal plan; with another plan the old files are thrown away."""
    names: Sequence[str]
    """The chunks still to be read, in the order they should be begun. Each name is used once for a plan."""
    is_resumable: bool
    parallel: int
    """How many to read at a time."""
    renames: Mapping[str, str]
    """Names of columns in the files that are not the source's -> the source's; empty where all are."""
    rows_are_unique: bool
    """True when no two rows of all files, those of the dead run included, have the same primary key. False costs a
    search for repeated keys; of rows with the same key the last one finished counts."""

    def write(self, name: str, folder: Path) -> "Sequence[tuple[Path, int]]":
        """Read one chunk into new Parquet files in `folder`, whose names begin with `name`.

        Returns the files with their numbers of rows; an empty chunk may give none. Columns have the source's
        names and the types of `Reading.columns`, so that the lake can take the files as they are. Called from
        several threads. Memory is bounded, whatever the chunk's size. Raises the source's errors.
        """
        ...

    def close(self) -> None:
        """After the last chunk, or instead of the rest: end what is still being read, free the snapshot. May be
        called again, and from another thread than `write`.
        """
        ...


class Connections(Generic[_C]):
    """The connections of one reading. A chunk has one for itself while it is read.

    After the first error none is given out any more, and whoever asks is told that same error, not what followed from
    it: a transaction that is aborted, the rest of an answer nobody read.
    """

    def __init__(self) -> None:
        self._free: queue.SimpleQueue[_C] = queue.SimpleQueue()
        self._error: BaseException | None = None

    def add(self, connection: _C) -> None:
        self._free.put(connection)

    @contextlib.contextmanager
    def one(self) -> Iterator[_C]:
        """Waits for a free one."""
        connection = self._free.get()
        try:
            self.check()
            yield connection
        except BaseException as error:
            self._error = self._error or error
            raise
        finally:
            self._free.put(connection)

    def returned(self, timeout: float | None = None) -> _C:
        """One that nobody reads through, for good. Raises queue.Empty after `timeout` seconds."""
        return self._free.get(timeout=timeout)

    def check(self) -> None:
        """Raises the error that ended the reading."""
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """No chunk is to be begun any more."""
        self._error = self._error or SourceUnavailableError(
            "The read was ended before it was done. Sync again."
        )


def parallel_reads() -> int:
    """How many chunks to read at a time: as many as there are cores, two at least, four at most."""
    return min(4, max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))


def storage_error(error: BaseException, file: Path) -> OSError | None:
    """The OSError behind what DuckDB says when it could not write `file`; None when it was something else."""
    if isinstance(error, OSError):
        return None
    text = str(error)
    if str(file) not in text and "Could not write" not in text:
        return None
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.ENOENT)
    for code in codes:
        if os.strerror(code) in text:
            return OSError(code, os.strerror(code), str(file))
    if "Could not write" in text:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    return None
