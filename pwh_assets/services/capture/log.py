"""The log of accepted events on local disk: a record per request, one fsync for all requests that wait.

A segment is a file that one process writes and holds a lock on; records are appended and never changed. The
loader reads segments in the order of their names and puts aside those that are loaded and no longer written.
"""

import contextlib
import fcntl
import logging
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pwh_assets.services.capture.errors import CaptureUnavailableError

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
WAITING_BYTES = 64 * 1024 * 1024
"""More than this waiting for the disk is refused, so that a slow disk does not fill the memory."""
_HEADER = struct.Struct("<4sII")
_MAGIC = b"PWH\x01"
_ZEROS = 1024 * 1024


def record(payload: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload


def folder_of(home: Path, project_id: int) -> Path:
    return home / "capture" / str(project_id)


# -- writing -----------------------------------------------------------------------------------


class Journal:
    """Appends records of all projects; what `append` returns is done when the record is on disk."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ready = threading.Condition()
        self._waiting: list[tuple[int, bytes, Future[None]]] = []
        self._waiting_bytes = 0
        self._writers: dict[int, _Writer] = {}
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self.syncs = 0
        """How many times the disk was waited for."""

    def append(self, project_id: int, payload: bytes) -> "Future[None]":
        """Raises CaptureUnavailableError when too much is waiting, or the journal is closed.

        The future raises it when the disk refuses.
        """
        done: Future[None] = Future()
        with self._ready:
            if self._is_closing:
                raise CaptureUnavailableError("This process is stopping. Send again.")
            if self._waiting_bytes > WAITING_BYTES:
                raise CaptureUnavailableError("The disk does not keep up. Send again later.")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="capture-journal", daemon=True
                )
                self._thread.start()
            self._waiting.append((project_id, record(payload), done))
            self._waiting_bytes += len(payload)
            self._ready.notify()
        return done

    def close(self) -> None:
        """Write what waits, then let go of the segments."""
        with self._ready:
            self._is_closing = True
            self._ready.notify()
        if self._thread is not None:
            self._thread.join()
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._waiting and not self._is_closing:
                    self._ready.wait()
                if not self._waiting:
                    return
                batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
            by_project: dict[int, list[tuple[bytes, Future[None]]]] = {}
            for project_id, data, done in batch:
                by_project.setdefault(project_id, []).append((data, done))
            for project_id, entries in by_project.items():
                self._commit(project_id, entries)

    def _commit(self, project_id: int, entries: "list[tuple[bytes, Future[None]]]") -> None:
        writer = self._writers.get(project_id)
        if writer is None:
            writer = self._writers[project_id] = _Writer(folder_of(self._home, project_id))
        try:
            writer.write(b"".join(data for data, _ in entries))
            self.syncs += 1
        except OSError as error:
            log.error("capture log cannot be written", extra={"reason": error.strerror})
            writer.abandon()
            refusal = CaptureUnavailableError(
                f"The log of events cannot be written: {error.strerror}. Nothing of this was kept."
            )
            for _, done in entries:
                if done.set_running_or_notify_cancel():
                    done.set_exception(refusal)
            return
        for _, done in entries:
            if done.set_running_or_notify_cancel():
                done.set_result(None)


class _Writer:
    """One project's open segment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1
        self._size = 0

    def write(self, data: bytes) -> None:
        if self._file < 0 or self._size > SEGMENT_BYTES:
            self.close()
            self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        os.fdatasync(self._file)
        self._size += len(data)

    def abandon(self) -> None:
        """After an error nobody knows what is on disk: cut off what was not acknowledged, begin a new segment."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
        self.close()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)  # which lets go of the lock
        self._file, self._size = -1, 0

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{time.time_ns():020d}-{os.getpid()}"
        # The lock is taken before the name ends in `.log`: no loader sees a segment that seems to be nobody's.
        made, final = self._folder / f"{name}.new", self._folder / f"{name}.log"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        self._file, self._size = os.open(made, flags, 0o600), 0
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.rename(made, final)
        for folder in (self._folder, self._folder.parent, self._folder.parent.parent):
            sync_folder(folder)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the log. `is_closed` says that no process writes it any more."""

    path: Path
    size: int
    is_closed: bool

    @property
    def name(self) -> str:
        return self.path.name


def segments(folder: Path) -> list[Segment]:
    """All of a project's, oldest first."""
    found = []
    for path in sorted(folder.glob("*.log")):
        with contextlib.suppress(FileNotFoundError):
            is_closed = _is_closed(
                path
            )  # asked before the size, so that a closed one's size is its last
            found.append(Segment(path, path.stat().st_size, is_closed))
    return found


def put_aside(segment: Segment) -> None:
    """A loaded segment is emptied and never read again; its name stays until its position is forgotten."""
    aside = segment.path.with_suffix(".done")
    os.rename(segment.path, aside)
    os.truncate(aside, 0)


def wipe(segment: Segment, position: int) -> None:
    """Write zeros over what is loaded of a segment, also of one that is being written: nobody reads it any more."""
    handle = os.open(segment.path, os.O_WRONLY)
    try:
        for at in range(0, position, _ZEROS):
            os.pwrite(handle, bytes(min(_ZEROS, position - at)), at)
        os.fdatasync(handle)
    finally:
        os.close(handle)


def aside(folder: Path) -> list[Path]:
    """Segments that only wait for their positions to be forgotten."""
    return sorted(folder.glob("*.done"))


def projects_with_segments(home: Path) -> list[int]:
    folder = home / "capture"
    if not folder.is_dir():
        return []
    return sorted(
        int(one.name) for one in folder.iterdir() if one.name.isdigit() and any(one.glob("*.log"))
    )


def _is_closed(path: Path) -> bool:
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def records(segment: Segment, position: int, limit_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Whole records from `position` on, with the position after each; none begins after `limit_bytes`.

    Of a segment still being written the last record may be on its way: it is left for later. In one that
    is closed such a tail was never acknowledged: an empty record passes it. Records after a damaged
    place are found again.
    """
    end = min(position + limit_bytes, segment.size)
    with segment.path.open("rb", buffering=1024 * 1024) as file:
        while position < end:
            payload = _record_at(file, position, segment.size)
            if payload is None and not segment.is_closed:
                return
            if payload is None:
                found = _next_record(file, position + 1, segment.size)
                log.log(
                    logging.WARNING if found is None else logging.ERROR,
                    "capture segment has no whole record here",
                    extra={"segment": segment.name, "position": position, "goes_on_at": found},
                )
                position = segment.size if found is None else found
                yield b"", position
                continue
            position += _HEADER.size + len(payload)
            yield payload, position


def _record_at(file: BinaryIO, position: int, size: int) -> bytes | None:
    file.seek(position)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, length, checksum = _HEADER.unpack(header)
    if magic != _MAGIC or position + _HEADER.size + length > size:
        return None
    payload = file.read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None


def _next_record(file: BinaryIO, position: int, size: int) -> int | None:
    file.seek(position)
    rest, start = file.read(size - position), 0
    while (start := rest.find(_MAGIC, start)) >= 0:
        if _record_at(file, position + start, size) is not None:
            return position + start
        start += 1
    return None
