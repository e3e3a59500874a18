"""A finished extraction on disk: what a sync that died before publishing leaves to the next one."""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pwh_assets.core.source import Column, SyncMode

_MANIFEST = "package.json"


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


def discard(folder: Path) -> None:
    """Remove the folder; the manifest goes first, so that half a package is never taken for a whole."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
