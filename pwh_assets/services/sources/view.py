"""A source and its tables as plain JSON values, in the API's words; credentials never among them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pwh_assets.core.job import Job, JobStatus
from pwh_assets.core.nested import joined
from pwh_assets.core.options import MaskKind, TableOptions
from pwh_assets.core.source import Source, SyncedTable, TableStatus
from pwh_assets.services.scrub import HIDDEN
from pwh_assets.sources.base import SourceType, secret_fields


def source_to_dict(
    source: Source,
    source_type: SourceType | None,
    tables: Sequence[SyncedTable],
    with_columns: bool = False,
) -> dict[str, Any]:
    """The source as the API answers it; secret fields are there as `***`."""
    syncing = [table for table in tables if table.should_sync]
    failed = [t for t in syncing if t.status is TableStatus.FAILED]
    runs = [t.last_synced_at for t in tables if t.last_synced_at]
    hidden = secret_fields(source_type) if source_type else frozenset()
    return {
        "id": source.id,
        "source_type": type_word(source.source_type, source_type),
        "prefix": source.prefix,
        "description": source.description,
        "slug": source.slug,
        "status": _status(syncing),
        "latest_error": failed[0].latest_error if failed else None,
        "created_at": moment(source.created_at),
        "last_run_at": moment(max(runs)) if runs else None,
        "auto_sync_new_schemas": source.auto_sync.new_schemas,
        "auto_sync_schema_patterns": list(source.auto_sync.patterns),
        "job_inputs": joined(source.config, dict.fromkeys(sorted(hidden), HIDDEN)),
        "schemas": [table_to_dict(table, with_columns) for table in tables],
    }


def table_to_dict(table: SyncedTable, with_columns: bool = False) -> dict[str, Any]:
    """A synced table as the API answers it."""
    shown: dict[str, Any] = {
        "id": table.id,
        "name": table.name,
        "table": table.table_name,
        "should_sync": table.should_sync,
        "sync_type": table.mode.value,
        "incremental_field": table.cursor,
        "incremental_field_type": _cursor_type(table),
        "primary_key": list(table.primary_key),
        "sync_frequency": table.frequency.name,
        "sync_time_of_day": table.frequency.time_of_day,
        "primary_key_columns": list(table.primary_key),
        **options_to_dict(table.options),
        "status": table.status.value,
        "resync_reason": table.resync_reason,
        "last_synced_at": moment(table.last_synced_at),
        "latest_error": table.latest_error,
        "row_count": table.row_count,
        "watermark": table.watermark,
        "is_missing": table.is_missing,
        "description": table.description,
    }
    if with_columns:
        shown["incremental_fields"] = list(table.cursors)
        shown["columns"] = [{"name": c.name, "type": c.type} for c in table.columns]
        shown["available_columns"] = [
            {"name": c.name, "type": c.type, "nullable": c.nullable} for c in table.source_columns
        ]
    return shown


def options_to_dict(options: TableOptions) -> dict[str, Any]:
    """The options in the words `source_body` reads."""
    return {
        "enabled_columns": None
        if options.enabled_columns is None
        else list(options.enabled_columns),
        "row_filters": [
            {
                "column": one.column,
                "operator": one.operator,
                "value": list(one.value) if isinstance(one.value, tuple) else one.value,
            }
            for one in options.row_filters
        ],
        "masks": [
            {"column": one.column, "mask": one.kind.value}
            | ({"keep": one.keep} if one.kind is MaskKind.TRUNCATE else {})
            for one in options.masks
        ],
        "incremental_field_lookback_seconds": options.lookback_s,
        "full_refresh_interval_days": options.full_refresh_interval_days,
        "detect_deletes": options.detect_deletes,
        "cdc_table_mode": options.cdc_table_mode,
    }


def job_to_dict(job: Job, schema: str = "") -> dict[str, Any]:
    """A job as the API answers it."""
    progress = job.progress
    return {
        "id": job.id,
        "type": job.kind.value,
        "name": job.name,
        "schema": schema or job.name,
        "status": job.status.value,
        "rows_synced": job.rows,
        "bytes": job.bytes,
        "created_at": moment(job.created_at),
        "finished_at": moment(job.finished_at),
        "latest_error": job.error,
        "error_code": job.error_code,
        "attempt": job.attempt,
        "retry_at": moment(job.retry_at),
        "workflow_run_id": job.run_id,
        "progress": None
        if progress is None or job.status is not JobStatus.RUNNING
        else {
            "phase": progress.phase,
            "rows": progress.rows,
            "rows_expected": progress.rows_expected,
            "share": progress.share,
            "rows_per_s": progress.rows_per_s,
            "left_s": progress.left_s,
            "at": moment(progress.at),
        },
    }


def type_word(name: str, source_type: SourceType | None) -> str:
    """The type in the API's spelling: `Postgres`, `Stripe`, `BigQuery`."""
    is_label = source_type is not None and source_type.label.lower() == name
    return source_type.label if source_type is not None and is_label else name.capitalize()


def moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _status(syncing: Sequence[SyncedTable]) -> str:
    states = {table.status for table in syncing}
    if not syncing:
        return "Paused"
    for state, word in (
        (TableStatus.RUNNING, "Running"),
        (TableStatus.FAILED, "Error"),
        (TableStatus.BILLING_LIMIT_REACHED, TableStatus.BILLING_LIMIT_REACHED.value),
        (TableStatus.BILLING_LIMIT_TOO_LOW, TableStatus.BILLING_LIMIT_TOO_LOW.value),
        (TableStatus.COMPLETED, "Completed"),
    ):
        if state in states:
            return word
    return TableStatus.NEVER_RUN.value


def _cursor_type(table: SyncedTable) -> str | None:
    types = {column.name: column.type.upper() for column in table.columns}
    found = types.get(table.cursor or "", "")
    if not found:
        return None
    if found.startswith("TIMESTAMP"):
        return "timestamp"
    if found == "DATE":
        return "date"
    return "integer" if found.endswith(("INT", "INTEGER")) else "numeric"
