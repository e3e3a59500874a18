"""A source and its tables as plain JSON values, in the API's words; credentials never among them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

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
        "job_inputs": {**source.config, **dict.fromkeys(sorted(hidden), HIDDEN)},
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
        "status": table.status.value,
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
    return shown


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
