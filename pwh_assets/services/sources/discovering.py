"""What can be connected, and what a connection would show, before anything is kept."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import Column, DiscoveredTable, SyncedTable, SyncMode
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.body import CURSOR_TYPES, best_mode, check_fields, parse_body
from pwh_assets.services.sources.connecting import find_table, find_type, look, modes_of
from pwh_assets.services.sources.view import type_word
from pwh_assets.sources.base import Field, SourceType


def describe_types(platform: Platform, names: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """The form of every type of source, or of the named ones: what a person has to fill in.

    Raises:
        InvalidInputError: there is no such type.
    """
    wanted = [find_type(platform, name) for name in names] or list(platform.sources.values())
    return {
        type_word(each.name, each): {
            "name": type_word(each.name, each),
            "label": each.label,
            "supports_webhooks": hasattr(each, "receive"),
            "supports_preview": hasattr(each, "preview"),
            "supports_cdc": hasattr(each, "changes"),
            "fields": [_field(field) for field in each.fields],
        }
        for each in sorted(wanted, key=lambda one: one.name)
    }


def discover(platform: Platform, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tables a create body would find, each with the ways it can sync; nothing is kept.

    Raises:
        InvalidInputError, SourceAccessError, SourceUnavailableError.
    """
    wanted = parse_body(body)
    source_type = find_type(platform, wanted.source_type)
    check_fields(source_type, wanted.payload)
    _, found = look(platform, source_type, wanted.payload)
    return [_table(source_type, table) for table in found]


def incremental_fields(platform: Platform, project_id: int, table: str) -> dict[str, Any]:
    """Look at the source again by which columns one of its tables could sync.

    Raises:
        NotFoundError, SourceAccessError, SourceUnavailableError.
    """
    known = find_table(platform, project_id, table)
    source_type = find_type(platform, known.source.source_type)
    _, found = look(platform, source_type, platform.store.source_config(known.source.id))
    seen = next((each for each in found if each.name == known.name), None)
    if seen is None:
        return _ways(source_type, known, modes_of(platform, known))
    return _ways(source_type, seen, seen.modes)


def _table(source_type: SourceType, table: DiscoveredTable) -> dict[str, Any]:
    mode, cursor = best_mode(table)
    return {
        "table": table.name,
        "label": table.name,
        "should_sync": True,
        "sync_type": mode.value,
        "rows": table.row_estimate,
        "incremental_field": cursor,
        **_ways(source_type, table, table.modes),
    }


def _ways(
    source_type: SourceType, table: DiscoveredTable | SyncedTable, modes: Sequence[SyncMode]
) -> dict[str, Any]:
    columns = table.source_columns if isinstance(table, SyncedTable) else table.columns
    types = {column.name: column.type for column in columns}
    return {
        "incremental_fields": [
            {"field": name, "label": name, "type": cursor_type(types.get(name, ""))}
            for name in table.cursors
        ],
        "incremental_available": SyncMode.INCREMENTAL in modes and bool(table.cursors),
        "append_available": SyncMode.APPEND in modes and bool(table.cursors),
        "cdc_available": SyncMode.CDC in modes or hasattr(source_type, "changes"),
        "xmin_available": SyncMode.XMIN in modes or hasattr(source_type, "has_xmin"),
        "supports_webhooks": SyncMode.WEBHOOK in modes,
        "available_columns": [_column(column) for column in columns],
        "detected_primary_keys": list(table.primary_key),
    }


def cursor_type(lake_type: str) -> str | None:
    """`incremental_field_type` of a column of this lake type; None when it is none a sync can go by."""
    for word, pattern in CURSOR_TYPES.items():
        if re.match(pattern, lake_type.upper()):
            return word
    return None


def _column(column: Column) -> dict[str, Any]:
    return {"name": column.name, "type": column.type, "nullable": column.nullable}


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "type": field.kind,
        "required": field.required and field.default is None,
        "secret": field.secret,
        "default": None if field.secret else field.default,
        "options": list(field.options),
        "caption": field.help,
        "fields": [_field(inner) for inner in field.fields],
    }
