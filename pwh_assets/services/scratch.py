"""Scratch folders in PWH_HOME/tmp, swept of what killed processes left behind."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pwh_assets.settings import Settings


@contextmanager
def scratch(settings: Settings, purpose: str) -> Iterator[Path]:
    """A folder of one's own, gone afterwards. Folders of the same purpose whose process is dead go as well."""
    tmp = settings.home / "tmp"
    tmp.mkdir(parents=True, exist_ok=True)
    for left in tmp.glob(f"{purpose}-*-*"):
        pid = left.name.removeprefix(f"{purpose}-").split("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    folder = tmp / f"{purpose}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
