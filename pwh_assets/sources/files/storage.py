"""What lies at an address: every file in a folder of this machine, or below a prefix in object storage."""

import glob
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.sources.files.access import opened
from pwh_assets.sources.files.location import Location, StoredFile


def files(config: Mapping[str, Any]) -> list[StoredFile]:
    """Every file below the address that is not empty, oldest first.

    Raises:
        InvalidInputError: the folder does not exist.
        SourceAccessError, SourceUnavailableError.
    """
    location = Location.of(config)
    found = _local_files(location) if location.is_local else _objects(config, location)
    return sorted(file for file in found if file.size_bytes)


def _local_files(location: Location) -> Iterator[StoredFile]:
    root = Path(location.root or "/")
    if not location.is_pattern and root.is_file():
        paths: list[str] = [str(root)]
        root = root.parent
    elif not root.is_dir():
        raise InvalidInputError(
            "url", f"There is no folder `{root}` on this machine. Check the spelling."
        )
    elif location.is_pattern:
        paths = glob.glob(location.url, recursive=True)
    else:
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    for path in paths:
        try:
            info = os.stat(path)
        except OSError:
            continue
        if os.path.isfile(path):
            moment = datetime.fromtimestamp(info.st_mtime_ns // 1000 / 1e6, UTC)
            name = os.path.relpath(path, root)
            yield StoredFile(moment.replace(tzinfo=None), name, path, info.st_size)


def _objects(config: Mapping[str, Any], location: Location) -> Iterator[StoredFile]:
    pattern = location.url if location.is_pattern else f"{location.root}/**"
    query = "SELECT filename, size, last_modified FROM read_blob(?)"
    with opened(config) as connection:
        rows = connection.execute(query, [pattern]).fetchall()
        if not rows and not location.is_pattern:
            rows = connection.execute(query, [f"{location.root}*"]).fetchall()
            rows = [row for row in rows if row[0] == location.root]
    prefix = f"{location.root}/"
    for path, size, modified in rows:
        name = path.removeprefix(prefix) if path.startswith(prefix) else path.rpartition("/")[2]
        moment = modified.astimezone(UTC).replace(tzinfo=None)
        yield StoredFile(moment, name, path, size)
