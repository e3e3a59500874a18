"""Which files make which table: a file of its own name, a folder of everything in it, a pattern of all it matches."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pwh_assets.sources.files.location import Location, StoredFile

FORMATS = {
    "csv": "csv",
    "tsv": "csv",
    "txt": "csv",
    "parquet": "parquet",
    "pq": "parquet",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "jsonl",
}
DELTA = "delta"
_PACKED = ("gz", "zst")
_LOG = "_delta_log/"


@dataclass(frozen=True, slots=True)
class FileTable:
    """A table. Of a Delta table `files` are its log's, which change with every version."""

    name: str
    format: str
    files: tuple[StoredFile, ...]

    @property
    def path(self) -> str:
        """A Delta table's folder."""
        return self.files[0].path.rpartition(_LOG)[0].rstrip("/")


def group(location: Location, format: str, found: Iterable[StoredFile]) -> list[FileTable]:  # noqa: A002
    """Tables by name. Files of different formats under one name become a table each.

    `format` is `auto` (by the file's ending; others are left out), one of `FORMATS`' values for all files, or
    `delta` for Delta tables alone. A folder with a Delta log is one table, whatever else lies in it.
    """
    every = list(found)
    logs: dict[str, list[StoredFile]] = {}
    for file in every:
        root, log, _ = file.name.rpartition(_LOG)
        if log and format in ("auto", DELTA):
            logs.setdefault(root, []).append(file)
    members: dict[tuple[str, str], list[StoredFile]] = {
        (_delta_name(location, root), DELTA): files for root, files in logs.items()
    }
    for file in every:
        if file.is_hidden or format == DELTA or any(file.name.startswith(root) for root in logs):
            continue
        kind = format_of(file.name) if format == "auto" else format
        if kind:
            members.setdefault((_table_of(location, file.name), kind), []).append(file)
    names = [name for name, _ in members]
    return [
        FileTable(name if names.count(name) == 1 else f"{name}_{kind}", kind, tuple(files))
        for (name, kind), files in sorted(members.items())
    ]


def _delta_name(location: Location, root: str) -> str:
    """`a/b/` is `a_b`; the address itself has its own last word."""
    return root.strip("/").replace("/", "_") or location.title


def format_of(name: str) -> str | None:
    """By the ending, below a packed one's.

    >>> format_of("a/orders.csv.gz"), format_of("x.PARQUET"), format_of("readme.md")
    ('csv', 'parquet', None)
    """
    words = name.lower().rpartition("/")[2].split(".")
    if words[-1] in _PACKED:
        words.pop()
    return FORMATS.get(words[-1]) if len(words) > 1 else None


def _table_of(location: Location, name: str) -> str:
    if location.is_pattern:
        return location.title
    first, slash, _ = name.partition("/")
    if slash:
        return first
    words = PurePosixPath(first).name.split(".")
    while len(words) > 1 and (words[-1].lower() in _PACKED or words[-1].lower() in FORMATS):
        words.pop()
    return ".".join(words)
