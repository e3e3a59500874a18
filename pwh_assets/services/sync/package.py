"""A finished extraction on disk: what a sync that died before publishing leaves to the next one."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.chunks import Unfinished

_MANIFEST = "package.json"
_CHUNKS = "chunks.jsonl"


@dataclass(frozen=True, slots=True)
class Package:
    """Staged files and everything a publish needs to know about them. `files` are relative to the folder."""

    load_id: str
    mode: SyncMode
    is_replacement: bool
    cursor: str | None
    base_load_id: str | None
    """The table's load when the extraction began; the package fits the table only while it still is."""
    watermark: str | None
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    files: tuple[str, ...]
    rows: int
    bytes: int
    renames: dict[str, str | None] = field(default_factory=dict)
    is_sparse: bool = False
    rows_are_unique: bool = False
    """True when the source vouches that no key comes twice."""

    @property
    def shows_all_columns(self) -> bool:
        """True when a column that is not in here is not at the source any more."""
        return self.rows > 0 and not (self.is_sparse and not self.is_replacement)


def save(folder: Path, package: Package) -> None:
    """From here on the package is finished: it appears whole or not at all."""
    part = folder / f"{_MANIFEST}.part"
    with part.open("w") as file:
        json.dump(asdict(package), file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder / _MANIFEST)


def load(folder: Path) -> Package | None:
    """The finished package in this folder; None when there is none or one of its files is gone."""
    try:
        values: dict[str, Any] = json.loads((folder / _MANIFEST).read_text())
        package = Package(
            **{
                **values,
                "mode": SyncMode(values["mode"]),
                "columns": tuple(Column(**column) for column in values["columns"]),
                "primary_key": tuple(values["primary_key"]),
                "files": tuple(values["files"]),
            }
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return package if all((folder / file).is_file() for file in package.files) else None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is safely on disk. `files` are relative to the folder, with their numbers of rows."""

    name: str
    files: tuple[tuple[str, int], ...]


class ChunkLog:
    """The chunks of an extraction that are finished: one line each, on the disk before it counts."""

    def __init__(self, folder: Path, chunks: Sequence[Chunk] = ()) -> None:
        self.folder = folder
        self.chunks = list(chunks)
        self._lock = threading.Lock()

    @classmethod
    def begin(cls, folder: Path, fingerprint: str, plan: Mapping[str, Any]) -> "ChunkLog":
        """A new log in an empty folder. Without a fingerprint nobody will go on with it."""
        log = cls(folder)
        log._write({"fingerprint": fingerprint, "plan": plan})
        return log

    @classmethod
    def go_on(cls, folder: Path) -> "ChunkLog":
        """The log a dead run left; files that are not in it are removed, and so is half a line at its end."""
        lines = _lines(folder)
        chunks = [
            Chunk(line["chunk"], tuple((file, rows) for file, rows in line["files"]))
            for line in lines[1:]
        ]
        known = {folder / file for chunk in chunks for file, _ in chunk.files}
        for file in folder.rglob("*"):
            if file.is_file() and file not in known and file.name != _CHUNKS:
                file.unlink()
        part = folder / f"{_CHUNKS}.part"
        part.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        _sync(part)
        part.rename(folder / _CHUNKS)
        return cls(folder, chunks)

    def add(self, name: str, files: Sequence[tuple[Path, int]]) -> None:
        """From here on the chunk need not be read again. Threads may call this at the same time."""
        for file, _ in files:
            _sync(file)
        if files:
            _sync(files[0][0].parent)
        chunk = Chunk(
            name, tuple((str(file.relative_to(self.folder)), rows) for file, rows in files)
        )
        with self._lock:
            self._write({"chunk": chunk.name, "files": chunk.files})
            self.chunks.append(chunk)

    def _write(self, line: Mapping[str, Any]) -> None:
        with (self.folder / _CHUNKS).open("a") as file:
            file.write(f"{json.dumps(line)}\n")
            file.flush()
            os.fsync(file.fileno())

    @property
    def files(self) -> tuple[Path, ...]:
        """In the order the chunks were finished."""
        return tuple(self.folder / file for chunk in self.chunks for file, _ in chunk.files)

    @property
    def rows(self) -> int:
        return sum(rows for chunk in self.chunks for _, rows in chunk.files)


def fingerprint(request: ReadRequest, base_load_id: str | None, *others: object) -> str:
    """A text that is the same only for the same request of the same table in the same state. Its masks are told by `others`."""
    facts = (asdict(replace(request, unfinished=None, masks=None)), base_load_id, *others)
    text = json.dumps(
        facts, sort_keys=True, default=lambda v: sorted(v) if isinstance(v, frozenset) else str(v)
    )
    return hashlib.sha256(text.encode()).hexdigest()


def unfinished(folder: Path, fingerprint: str) -> Unfinished | None:
    """What a dead run of the very same request left in this folder; None when there is nothing to go on with."""
    if (folder / _MANIFEST).exists():
        return None  # that one is finished
    try:
        header, *lines = _lines(folder)
        if header["fingerprint"] != fingerprint:
            return None
        for line in lines:
            for file, _ in line["files"]:
                if not (folder / file).is_file():
                    return None
        return Unfinished(header["plan"], tuple(line["chunk"] for line in lines))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / _CHUNKS).read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(folder: Path) -> None:
    """Remove the folder; the manifest goes first, so that half a package is never taken for a whole."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
