"""A saved query as plain JSON values, under PostHog's names where it has one."""

from collections.abc import Sequence
from typing import Any

from pwh_assets.core.view import SavedQuery, SavedQueryVersion
from pwh_assets.services.sources.view import moment


def view_to_dict(view: SavedQuery) -> dict[str, Any]:
    """The view as CLI and API answer it."""
    return {
        "id": view.id,
        "name": view.name,
        "query": view.sql,
        "version": view.version,
        "description": view.description,
        "owner": view.owner,
        "folder": view.folder,
        "origin": view.origin.value,
        "managed_by": view.managed_by or None,
        "is_materialized": view.is_materialized,
        "refresh": view.refresh.value if view.is_materialized else None,
        "sync_frequency": view.frequency.name if view.frequency else None,
        "sync_time_of_day": view.frequency.time_of_day if view.frequency else None,
        "freshness_target": view.freshness_target,
        "incremental": view.incremental,
        "engine": view.engine,
        "last_build": dict(view.last_build) if view.last_build else None,
        "columns": [{"name": c.name, "type": c.type} for c in view.columns],
        "inputs": list(view.inputs),
        "status": view.status.value,
        "last_run_at": moment(view.last_run_at),
        "last_attempt_at": moment(view.last_attempt_at),
        "latest_error": view.latest_error,
        "failures_in_a_row": view.failures_in_a_row,
        "suspended_at": moment(view.suspended_at),
        "stale_since": moment(view.stale_since),
        "stale_reason": view.stale_reason,
        "built_version": view.built_version,
        "row_count": view.row_count,
        "created_at": moment(view.created_at),
        "updated_at": moment(view.updated_at),
    }


def versions_to_dicts(versions: Sequence[SavedQueryVersion]) -> list[dict[str, Any]]:
    """Newest first."""
    return [
        {
            "version": each.version,
            "query": each.sql,
            "created_at": moment(each.created_at),
            "author": each.author,
            "note": each.note,
        }
        for each in reversed(versions)
    ]
