"""What a person does to one synced table: sync it anew, stop it, pause it, empty it; and many changes at once."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pwh_assets.core.job import Job, JobStatus
from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, TableStatus
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.connecting import find_table, update_table

ASKED = "A resync was asked for."


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a wish to cancel led to."""

    asked: tuple[Job, ...]
    """Running jobs that were told to end."""
    ended: tuple[Job, ...]
    """Those of them that have ended meanwhile."""
    was_stuck: bool = False
    """True when the table said `Running` and nothing ran; it does not say so any more."""


def request_resync(platform: Platform, project_id: int, table: str) -> SyncedTable:
    """The table's next sync reads everything and makes it anew; until then readers see it as it is.

    Raises:
        NotFoundError.
    """
    found = find_table(platform, project_id, table)
    reason = found.resync_reason or ASKED
    return platform.store.update_table(found.id, resync_reason=reason)


def cancel_sync(platform: Platform, project_id: int, table: str, wait_s: float = 0.0) -> Cancelled:
    """Stop a running sync, whichever process it runs in; the table stays as it was before it.

    Args:
        wait_s: how long to wait for it to end. It looks once a second whether it should.

    Raises:
        NotFoundError.
    """
    found = find_table(platform, project_id, table)
    store = platform.store
    store.abandon_jobs(project_id)
    asked = store.request_cancel(found.id)
    if not asked:
        found = store.table(found.id)
        is_stuck = found.status is TableStatus.RUNNING
        if is_stuck:
            status = TableStatus.COMPLETED if found.last_synced_at else TableStatus.NEVER_RUN
            store.update_table(found.id, status=status)
        return Cancelled((), (), is_stuck)
    deadline = time.monotonic() + wait_s
    while True:
        jobs = [store.job(job.id) for job in asked]
        ended = tuple(job for job in jobs if job.status is not JobStatus.RUNNING)
        if len(ended) == len(asked) or time.monotonic() >= deadline:
            return Cancelled(tuple(asked), ended)
        time.sleep(0.2)


def delete_data(platform: Platform, project_id: int, table: str) -> SyncedTable:
    """Drop the table's rows from the lake and pause it, so that they do not come back by themselves.

    Old snapshots keep them for a while; see `expire_history`.

    Raises:
        NotFoundError.
        BusyError: it is being synced; nothing was removed.
    """
    from pwh_assets.lake.locks import hold

    found = find_table(platform, project_id, table)
    store, lake = platform.store, platform.lakes.of(project_id)
    try:
        with hold(platform.settings, f"sync-{found.id}"):
            lake.drop_table(found.source.slug, slug(found.name))
            lake.forget_state(found.id)
            discard_leftovers(platform, found)
            store.forget_checks(found.id)
            store.resolve_changes(found.id)
            return store.update_table(
                found.id,
                should_sync=False,
                status=TableStatus.PAUSED,
                watermark=None,
                row_count=None,
                last_synced_at=None,
                full_synced_at=None,
                resync_reason=None,
                latest_error=None,
                failed_at=None,
            )
    except BusyError as error:
        if error.code != BusyError.code or "sync-" not in str(error):
            raise
        raise BusyError(
            f"`{found.table_name}` is being synced right now. Cancel that first: "
            f"`pwh source cancel {found.table_name}`."
        ) from None


def remove_table(platform: Platform, project_id: int, table: str) -> None:
    """Forget a synced table with its rows; its name is free again. The next refresh of its source's tables finds it anew,
    and it does not sync until it is told to.

    Raises:
        NotFoundError.
        BusyError: it is being synced; nothing was removed.
    """
    found = delete_data(platform, project_id, table)
    platform.store.remove_quality_checks_of(found.id)
    platform.store.remove_table(found.id)


def pause(platform: Platform, project_id: int, tables: Sequence[SyncedTable]) -> list[SyncedTable]:
    """Take these tables off their schedules; a sync that runs goes on. Those that were off stay so."""
    return [
        update_table(platform, project_id, table.id, {"should_sync": False})
        for table in tables
        if table.should_sync
    ]


def resume(platform: Platform, project_id: int, tables: Sequence[SyncedTable]) -> list[SyncedTable]:
    """Put paused tables back on their schedules; those that never were on one stay off."""
    return [
        update_table(platform, project_id, table.id, {"should_sync": True})
        for table in tables
        if table.status is TableStatus.PAUSED and not table.should_sync
    ]


def bulk_update(
    platform: Platform, project_id: int, source_id: str, entries: object
) -> dict[str, list[dict[str, Any]]]:
    """Change many tables of a source, each in the words of a `schemas` entry with its `id` or `name`.

    What can be changed is changed, whatever happens to the others.

    Returns:
        `updated`: id and name of each; `failed`: the entry's id or name, with `code`, `detail` and `attr`.

    Raises:
        NotFoundError: no such source.
        InvalidInputError: it is no list of objects.
    """
    source = platform.store.source(source_id, project_id)
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) for one in entries):
        raise InvalidInputError(
            "schemas", "`schemas` must be a list of objects, each with an `id`."
        )
    known = {}
    for table in platform.store.tables(project_id, source.id):
        known[table.id] = known[table.name] = table
    updated: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        changes = dict(entry)
        named = str(changes.pop("id", None) or changes.pop("name", None) or "")
        changes.pop("name", None)
        table_or_none = known.get(named)
        try:
            if table_or_none is None:
                raise InvalidInputError("id", f"Source `{source.slug}` has no table `{named}`.")
            update_table(platform, project_id, table_or_none.id, changes)
            updated.append({"id": table_or_none.id, "name": table_or_none.name})
        except PwhError as error:
            failed.append(
                {"id": named, "code": error.code, "detail": error.sentence, "attr": error.attr}
            )
    return {"updated": updated, "failed": failed}


def expire_history(platform: Platform, project_id: int) -> dict[str, int]:
    """Forget every older state of the project's lake now and delete its files: what was replaced, masked or
    deleted is gone from the disk. Queries that run on an older state may fail.

    Returns:
        `snapshots`, `files`.
    """
    from pwh_assets.lake.maintenance import maintain

    done = maintain(platform.lakes.of(project_id), 0, grace=timedelta(0))
    return {
        "snapshots": done.snapshots_expired,
        "files": done.files_deleted + done.orphans_deleted,
    }


def discard_leftovers(platform: Platform, table: SyncedTable) -> None:
    """Remove what an interrupted sync left on disk. The caller holds the table's lock."""
    shutil.rmtree(platform.settings.home / "pipelines" / table.id, ignore_errors=True)
