"""Rows of the store's tables to core values and back."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.job import (
    Job,
    JobKind,
    JobProgress,
    JobStatus,
    Reconciliation,
    ReconciliationStatus,
)
from pwh_assets.core.options import AutoSync, Mask, MaskKind, RowFilter, TableOptions
from pwh_assets.core.source import Column, Source, SyncedTable, SyncMode, TableStatus
from pwh_assets.core.view import Refresh, SavedQuery, ViewOrigin

DEFAULT_FREQUENCY = Frequency("6hour")


@dataclass(frozen=True, slots=True)
class NewTable:
    """A table about to be added to a source."""

    name: str
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    cursors: tuple[str, ...] = ()
    description: str = ""
    should_sync: bool = True
    mode: SyncMode = SyncMode.FULL
    cursor: str | None = None
    frequency: Frequency = DEFAULT_FREQUENCY
    options: TableOptions = TableOptions()
    available: tuple[Column, ...] = ()


def utc_now() -> datetime:
    return datetime.now(UTC)


def columns_to_json(columns: Sequence[Column]) -> list[list[Any]]:
    return [[c.name, c.type, c.nullable, c.description] for c in columns]


def columns_from_json(rows: Sequence[Sequence[Any]]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


def source_of(row: sa.Row[Any]) -> Source:
    return Source(
        id=row.id,
        project_id=row.project_id,
        source_type=row.source_type,
        prefix=row.prefix,
        description=row.description,
        config=row.config,
        created_at=row.created_at,
        auto_sync=auto_sync_from_json(row.auto_sync),
    )


def table_of(row: sa.Row[Any], source: Source) -> SyncedTable:
    return SyncedTable(
        id=row.id,
        source=source,
        name=row.name,
        columns=columns_from_json(row.columns),
        primary_key=tuple(row.primary_key),
        cursors=tuple(row.cursors),
        description=row.description,
        should_sync=row.should_sync,
        mode=SyncMode(row.mode),
        cursor=row.cursor,
        frequency=Frequency(row.frequency, row.time_of_day),
        status=TableStatus(row.status),
        watermark=row.watermark,
        last_synced_at=row.last_synced_at,
        latest_error=row.latest_error,
        failed_at=row.failed_at,
        row_count=row.row_count,
        is_missing=row.is_missing,
        created_at=row.created_at,
        options=options_from_json(row.options),
        available=columns_from_json(row.available),
        resync_reason=row.resync_reason,
        full_synced_at=row.full_synced_at,
    )


def view_of(row: sa.Row[Any]) -> SavedQuery:
    return SavedQuery(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        sql=row.sql,
        version=row.version,
        description=row.description,
        owner=row.owner,
        is_materialized=row.is_materialized,
        frequency=Frequency(row.frequency, row.time_of_day) if row.frequency else None,
        columns=columns_from_json(row.columns),
        inputs=tuple(row.inputs),
        status=TableStatus(row.status),
        last_run_at=row.last_run_at,
        latest_error=row.latest_error,
        failed_at=row.failed_at,
        row_count=row.row_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        refresh=Refresh(row.refresh),
        incremental=row.incremental,
        incremental_state=row.incremental_state,
        freshness_target=row.freshness_target,
        failures_in_a_row=row.failures_in_a_row,
        suspended_at=row.suspended_at,
        last_attempt_at=row.last_attempt_at,
        attempted_snapshot=row.attempted_snapshot,
        stale_since=row.stale_since,
        stale_reason=row.stale_reason,
        built_version=row.built_version,
        folder=row.folder,
        origin=ViewOrigin(row.origin),
        managed_by=row.managed_by,
        audit_blocks=row.audit_blocks,
        engine=row.engine,
        last_build=row.last_build,
    )


def job_of(row: sa.Row[Any]) -> Job:
    return Job(
        id=row.id,
        project_id=row.project_id,
        kind=JobKind(row.kind),
        subject_id=row.subject_id,
        name=row.name,
        status=JobStatus(row.status),
        rows=row.rows,
        bytes=row.bytes,
        created_at=row.created_at,
        finished_at=row.finished_at,
        error=row.error,
        error_code=row.error_code,
        run_id=row.run_id,
        progress=_progress_of(row.progress),
        attempt=row.attempt,
        retry_at=row.retry_at,
        engine=row.engine,
        mode=row.mode,
        reason=row.reason,
    )


def options_to_json(options: TableOptions) -> dict[str, Any]:
    """Only what differs from the default, so that a later option needs no migration."""
    plain, default = asdict(options), asdict(TableOptions())
    return {name: value for name, value in plain.items() if value != default[name]}


def options_from_json(values: dict[str, Any] | None) -> TableOptions:
    known = dict(values or {})
    if (columns := known.get("enabled_columns")) is not None:
        known["enabled_columns"] = tuple(columns)
    known["row_filters"] = tuple(
        RowFilter(
            one["column"],
            one["operator"],
            tuple(one["value"]) if isinstance(one["value"], list | tuple) else one["value"],
        )
        for one in known.get("row_filters", ())
    )
    known["masks"] = tuple(
        Mask(one["column"], MaskKind(one["kind"]), one["keep"]) for one in known.get("masks", ())
    )
    return TableOptions(**known)


def auto_sync_from_json(values: dict[str, Any] | None) -> AutoSync:
    known = values or {}
    return AutoSync(bool(known.get("new_schemas")), tuple(known.get("patterns", ())))


def reconciliation_to_json(found: Reconciliation) -> dict[str, Any]:
    at = found.at.isoformat() if found.at else None
    return {**asdict(found), "status": found.status.value, "at": at}


def reconciliation_from_json(values: dict[str, Any] | None) -> Reconciliation | None:
    if not values:
        return None
    at = datetime.fromisoformat(values["at"]) if values.get("at") else None
    return Reconciliation(**{**values, "status": ReconciliationStatus(values["status"]), "at": at})


def progress_to_json(progress: JobProgress) -> dict[str, Any]:
    return {**asdict(progress), "at": (progress.at or utc_now()).isoformat()}


def _progress_of(values: dict[str, Any] | None) -> JobProgress | None:
    if not values:
        return None
    return JobProgress(**{**values, "at": datetime.fromisoformat(values["at"])})


def changes_to_row(changes: dict[str, Any], allowed: frozenset[str]) -> dict[str, Any]:
    """Fields of a core value as column values. An unknown field is a mistake of the caller: TypeError."""
    if unknown := changes.keys() - allowed:
        raise TypeError(f"no such field: {', '.join(sorted(unknown))}")
    row: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "frequency":
            row["frequency"] = value.name if value else None
            row["time_of_day"] = value.time_of_day if value else None
        elif name in ("columns", "available"):
            row[name] = columns_to_json(value)
        elif name == "options":
            row["options"] = options_to_json(value)
        elif name in ("primary_key", "cursors", "inputs"):
            row[name] = list(value)
        elif name == "mode":
            row["mode"] = SyncMode(value).value
        elif name == "status":
            row["status"] = TableStatus(value).value
        else:
            row[name] = value
    return row
