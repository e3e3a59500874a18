"""What vendors push to us: checked, kept on disk until a sync of the table has published it, and then let go."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, SyncMode
from pwh_assets.errors import NotFoundError
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources.egress import carrying
from pwh_assets.sources.base import Delivery

LARGEST_BYTES = 4 * 1024 * 1024
MOST_AT_ONCE = 50_000
"""One sync takes so many deliveries; the next takes the rest."""


def receive(
    platform: Platform, source_id: str, headers: Mapping[str, str], body: bytes
) -> dict[str, int]:
    """Take one delivery in. When this returns, it is on disk and the vendor may be told so.

    Only tables that sync in mode `webhook` keep deliveries. The same event may come again: it is kept once.

    Returns:
        `kept`: for how many tables.

    Raises:
        NotFoundError: no such source, or its vendor pushes nothing.
        DeliveryRefusedError: it is not the vendor's.
        OSError: it could not be kept; the vendor should try again.
    """
    source = platform.store.source(source_id)
    source_type = platform.sources.get(source.source_type)
    take = getattr(source_type, "receive", None)
    if source_type is None or take is None:
        raise NotFoundError("source with webhooks", source_id)
    config = platform.store.source_config(source.id)
    with scrubbed(source_type, config):
        deliveries: list[Delivery] = take(carrying(platform.settings, config), headers, body)
    listening = {
        table.name
        for table in platform.store.tables(source.project_id, source.id)
        if table.mode is SyncMode.WEBHOOK and table.should_sync
    }
    kept = [one for one in deliveries if one.table in listening]
    for one in kept:
        _keep(_folder(platform, source.id, one.table), one)
    return {"kept": len(kept)}


def waiting(platform: Platform, table: SyncedTable) -> dict[Path, Delivery]:
    """What a sync of the table has to read, by its file; at most `MOST_AT_ONCE`, oldest first."""
    if table.mode is not SyncMode.WEBHOOK:
        return {}
    found = {}
    folder = _folder(platform, table.source.id, table.name)
    for file in sorted(folder.glob("*.json"))[:MOST_AT_ONCE]:
        with suppress(OSError, ValueError, TypeError):  # damaged by hand: left where it is
            found[file] = Delivery(**json.loads(file.read_text()))
    return found


def done(files: Iterable[Path]) -> None:
    """What these tell is published."""
    for file in files:
        file.unlink(missing_ok=True)


def forget(platform: Platform, source_id: str) -> None:
    """The source is gone, and what was pushed for it too."""
    shutil.rmtree(platform.settings.home / "webhooks" / source_id, ignore_errors=True)


def _folder(platform: Platform, source_id: str, table: str) -> Path:
    return platform.settings.home / "webhooks" / source_id / slug(table)


def _keep(folder: Path, one: Delivery) -> None:
    """Durable before it is visible: written, flushed, renamed, and the folder flushed too."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{one.at:012d}-{hashlib.sha256(one.id.encode()).hexdigest()[:32]}"
    part = folder / f"{name}.{os.getpid()}-{os.urandom(4).hex()}.part"
    with part.open("w") as file:
        json.dump(asdict(one), file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder / f"{name}.json")
    at = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)
