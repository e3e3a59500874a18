"""Tables that are read where they lie: looking at their columns, and telling an engine how to read them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from pwh_assets.core.in_place import SCHEMA, PlacedTable, is_in_place
from pwh_assets.core.job import JobKind, JobStatus, SyncResult
from pwh_assets.core.names import slug
from pwh_assets.core.source import SyncedTable, SyncMode, TableStatus
from pwh_assets.errors import PwhError
from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import scrubbed
from pwh_assets.services.sources.egress import guarded
from pwh_assets.sources.base import CanPlace


def path_of(table: SyncedTable) -> tuple[str, ...]:
    """How queries name the table."""
    return SCHEMA, table.source.slug, slug(table.name)


def look(
    platform: Platform, table: SyncedTable, *, run_id: str | None = None, attempt: int = 1
) -> SyncResult:
    """Find the columns a table that is read in place has now: what a sync is for it. No row is copied.

    Raises:
        PwhError: what failed, also written to the job and the table.
    """
    store, began = platform.store, time.monotonic()
    job = store.start_job(
        table.project_id, JobKind.SYNC, table.id, table.table_name, run_id=run_id, attempt=attempt
    )
    try:
        columns = _place(platform, table).look(_config(platform, table), table.name)
    except PwhError as error:
        store.finish_job(job.id, JobStatus.FAILED, error=error.sentence, error_code=error.code)
        since = table.failed_at if table.latest_error and table.failed_at else datetime.now(UTC)
        store.update_table(
            table.id, status=TableStatus.FAILED, latest_error=error.sentence, failed_at=since
        )
        raise
    store.finish_job(job.id, JobStatus.COMPLETED)
    known = {column.name for column in table.columns}
    changes = {"columns": columns} if columns != table.columns else {}
    store.update_table(
        table.id,
        status=TableStatus.COMPLETED,
        last_synced_at=datetime.now(UTC),
        latest_error=None,
        failed_at=None,
        **changes,
    )
    return SyncResult(
        table_name=table.table_name,
        mode=str(table.mode),
        rows_synced=0,
        row_count=0,
        bytes_staged=0,
        duration_s=time.monotonic() - began,
        columns_added=tuple(one.name for one in columns if known and one.name not in known),
    )


def placed(
    platform: Platform, project_id: int, paths: Sequence[tuple[str, ...]]
) -> tuple[PlacedTable, ...]:
    """How an engine reads those of the paths that lie outside the lake."""
    wanted = {path for path in paths if is_in_place(path)}
    if not wanted:
        return ()
    found = []
    for table in platform.store.tables(project_id):
        path = path_of(table)
        if table.mode is SyncMode.IN_PLACE and path in wanted:
            config = _config(platform, table)
            source_type = platform.sources[table.source.source_type]
            with scrubbed(source_type, config):
                found.append(_place(platform, table).place(config, table.name, table.columns, path))
    return tuple(found)


def _place(platform: Platform, table: SyncedTable) -> CanPlace:
    return cast(CanPlace, platform.sources[table.source.source_type])


def _config(platform: Platform, table: SyncedTable) -> dict[str, object]:
    return dict(guarded(platform.settings, platform.store.source_config(table.source.id)))
