"""What a person may write when connecting a source, checked field by field, and the best mode for each table."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.names import nearest
from pwh_assets.core.options import AutoSync
from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.sources.options import OPTION_FIELDS, known_columns, with_options
from pwh_assets.sources.base import SourceType
from pwh_assets.store import NewTable

TOP_FIELDS = (
    "source_type",
    "prefix",
    "description",
    "payload",
    "auto_sync_new_schemas",
    "auto_sync_schema_patterns",
)
TABLE_FIELDS = (
    "name",
    "should_sync",
    "sync_type",
    "incremental_field",
    "incremental_field_type",
    "sync_frequency",
    "sync_time_of_day",
    "primary_key",
    "primary_key_columns",
    "description",
    *OPTION_FIELDS,
)
DEFAULT_FREQUENCY = "6hour"
PREFIX_LENGTH, DESCRIPTION_LENGTH, MOST_PATTERNS = 100, 400, 100
CURSOR_TYPES: dict[str, str] = {
    "integer": r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|INT)$",
    "numeric": r"(DECIMAL|NUMERIC|DOUBLE|FLOAT|REAL|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)",
    "timestamp": r"TIMESTAMP",
    "datetime": r"TIMESTAMP",
    "date": r"DATE$",
}
"""`incremental_field_type` to the lake types it stands for."""

_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREATED = re.compile(
    r"(creat|insert|ingest|occur|receiv|logged|recorded|event_?(at|time|ts)|timestamp|^(at|ts|time)$)",
    re.IGNORECASE,
)
_UPDATED = re.compile(
    r"(updat|modif|chang|edit|mutat|version|xmin|last_?(write|touch))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class SourceBody:
    """A create body whose outside is right; the payload is the source type's to check."""

    source_type: str
    prefix: str
    description: str
    payload: dict[str, Any]
    schemas: list[Mapping[str, Any]] | None


def parse_body(body: object) -> SourceBody:
    """Raises InvalidInputError naming the field."""
    if not isinstance(body, Mapping):
        raise InvalidInputError(
            "body", "The body of a source is a JSON object with `source_type` and `payload`."
        )
    _check_characters(body)
    source_type = body.get("source_type")
    if not isinstance(source_type, str) or not source_type.strip():
        raise InvalidInputError(
            "source_type", "`source_type` is missing. Write for example `Postgres`."
        )
    prefix = _text(body, "prefix", PREFIX_LENGTH)
    if prefix and not _PREFIX.fullmatch(prefix):
        raise InvalidInputError(
            "prefix",
            f"`{prefix}` cannot be a prefix. Use letters, digits and underscores, beginning with a letter, "
            "such as `prod_`.",
        )
    inner = body.get("payload", {})
    if not isinstance(inner, Mapping):
        raise InvalidInputError(
            "payload", "`payload` must be a JSON object with the source's fields."
        )
    beside = {name: value for name, value in body.items() if name not in TOP_FIELDS}
    payload = {**beside, **inner}
    schemas = payload.pop("schemas", None)
    if schemas is not None and not (
        isinstance(schemas, list) and all(isinstance(entry, Mapping) for entry in schemas)
    ):
        raise InvalidInputError(
            "schemas", "`schemas` must be a list of objects, each with a `name`."
        )
    return SourceBody(
        source_type.strip(),
        prefix,
        _text(body, "description", DESCRIPTION_LENGTH),
        payload,
        schemas,
    )


def auto_sync_of(body: Mapping[str, Any], now: AutoSync) -> AutoSync | None:
    """What the body says about tables that appear later; None when it says nothing.

    Raises:
        InvalidInputError.
    """
    if not body.keys() & {"auto_sync_new_schemas", "auto_sync_schema_patterns"}:
        return None
    new_schemas = body.get("auto_sync_new_schemas", now.new_schemas)
    if not isinstance(new_schemas, bool):
        raise InvalidInputError(
            "auto_sync_new_schemas", "`auto_sync_new_schemas` must be true or false."
        )
    patterns = body.get("auto_sync_schema_patterns", list(now.patterns)) or []
    if (
        not isinstance(patterns, list)
        or len(patterns) > MOST_PATTERNS
        or not all(isinstance(each, str) and 0 < len(each) <= 200 for each in patterns)
    ):
        raise InvalidInputError(
            "auto_sync_schema_patterns",
            f"`auto_sync_schema_patterns` must be a list of at most {MOST_PATTERNS} globs such as `order_*`.",
        )
    return AutoSync(new_schemas, tuple(patterns))


def _check_characters(body: Mapping[str, Any]) -> None:
    """No NUL and no half of a character: databases refuse them, and each says so in words of its own."""
    try:
        text = json.dumps(body, ensure_ascii=False, default=str)
        text.encode()
    except (UnicodeEncodeError, ValueError, RecursionError):
        text = "\\u0000"
    if "\\u0000" in text:
        raise InvalidInputError(
            "body", "The body holds a NUL or half a character (a lone surrogate). Take it out."
        )


def check_fields(source: SourceType, payload: Mapping[str, Any]) -> None:
    """Refuse fields the source's form does not have, so that a misspelled one is not silently ignored."""
    known = [field.name for field in source.fields]
    for name in payload:
        if name not in known:
            near = nearest(name, known)
            hint = f" Did you mean `{near}`?" if near else f" It has {quoted(known)}."
            raise InvalidInputError(name, f"{source.label} has no field `{name}`.{hint}")


def best_mode(table: DiscoveredTable) -> tuple[SyncMode, str | None]:
    """How to sync a table nobody said anything about, and by which column.

    Merging needs a key and a column that moves when a row changes. Without a key, appending is right only
    for rows that never change, which a creation time suggests. All else is read whole.
    """
    created = [name for name in table.cursors if _CREATED.search(name)]
    updated = [name for name in table.cursors if _UPDATED.search(name)]
    if SyncMode.INCREMENTAL in table.modes and table.primary_key and updated:
        return SyncMode.INCREMENTAL, updated[0]
    if SyncMode.APPEND in table.modes and not table.primary_key and created and not updated:
        return SyncMode.APPEND, created[0]
    if SyncMode.FULL in table.modes:
        return SyncMode.FULL, None
    mode = table.modes[0]
    return mode, (table.cursors[0] if table.cursors else None)


def best(table: DiscoveredTable, should_sync: bool = True) -> NewTable:
    """The table with its best mode and the default frequency."""
    mode, cursor = best_mode(table)
    return NewTable(
        name=table.name,
        columns=table.columns,
        available=table.columns,
        primary_key=table.primary_key,
        cursors=table.cursors,
        description=table.description,
        should_sync=should_sync,
        mode=mode,
        cursor=cursor,
        frequency=Frequency.parse(DEFAULT_FREQUENCY),
    )


def chosen(
    schemas: Sequence[Mapping[str, Any]], discovered: Sequence[DiscoveredTable]
) -> list[NewTable]:
    """The tables a body names, as it wants them.

    Raises:
        InvalidInputError: an entry cannot be followed; the sentence names table, field and the way out.
    """
    by_name = {table.name: table for table in discovered}
    found: dict[str, NewTable] = {}
    for entry in schemas:
        table = by_name[_known_name(entry, by_name)]
        if table.name in found:
            raise InvalidInputError(
                "schemas", f"Table `{table.name}` is in `schemas` twice. Keep one."
            )
        found[table.name] = apply(entry, best(table), table.modes)
    return list(found.values())


def apply(
    entry: Mapping[str, Any], table: NewTable, modes: Iterable[SyncMode] = tuple(SyncMode)
) -> NewTable:
    """The table with what the entry says about it; what it does not say stays.

    Raises:
        InvalidInputError: see `chosen`.
    """
    if unknown := [name for name in entry if name not in TABLE_FIELDS]:
        near = nearest(unknown[0], TABLE_FIELDS)
        hint = f"Did you mean `{near}`?" if near else f"It may have {quoted(TABLE_FIELDS)}."
        raise InvalidInputError(unknown[0], f"A table has no field `{unknown[0]}`. {hint}")
    should_sync = entry.get("should_sync", table.should_sync)
    if not isinstance(should_sync, bool):
        raise InvalidInputError(
            "should_sync", f"`should_sync` of `{table.name}` must be true or false."
        )
    table = replace(table, should_sync=should_sync)
    if entry.get("description") is not None:
        table = replace(table, description=_text(entry, "description", DESCRIPTION_LENGTH))
    entry = dict(entry)
    if entry.get("primary_key_columns") is not None:
        entry["primary_key"] = entry["primary_key_columns"]
    if entry.get("primary_key") is not None:
        table = replace(table, primary_key=_primary_key(entry["primary_key"], table))
    table = _with_mode(entry, _with_frequency(entry, table), tuple(modes))
    if table.frequency.name == "1min" and table.mode is not SyncMode.CDC:
        raise InvalidInputError(
            "sync_frequency",
            f"`1min` is for tables that follow their source's changes (`cdc`); `{table.name}` is synced with "
            f"`{table.mode}`. The shortest for it is `5min`.",
        )
    return with_options(entry, table)


def _with_frequency(entry: Mapping[str, Any], table: NewTable) -> NewTable:
    name = entry.get("sync_frequency")
    time_of_day = entry.get("sync_time_of_day", table.frequency.time_of_day)
    for attr, value in (("sync_frequency", name), ("sync_time_of_day", time_of_day)):
        if value is not None and not isinstance(value, str):
            raise InvalidInputError(attr, f"`{attr}` of `{table.name}` must be a text.")
    now = table.frequency
    if (
        name is None
        and entry.get("sync_time_of_day")
        and (now.is_never or now.name == DEFAULT_FREQUENCY)
    ):
        name = "24hour"  # a time of day alone says once a day, as the seeds' examples do
    frequency = Frequency.parse(name or now.name, time_of_day)
    if frequency.time_of_day and not frequency.takes_time_of_day:
        if entry.get("sync_time_of_day"):
            raise InvalidInputError(
                "sync_time_of_day",
                f"`{frequency.name}` has no time of day (table `{table.name}`): that is for intervals over an hour.",
            )
        frequency = Frequency(frequency.name)  # the anchor it had means nothing any more
    return replace(table, frequency=frequency)


def _with_mode(entry: Mapping[str, Any], table: NewTable, modes: tuple[SyncMode, ...]) -> NewTable:
    wanted, field = entry.get("sync_type"), entry.get("incremental_field")
    if wanted is None and field is None:
        mode = table.mode
        if mode is SyncMode.FULL and entry.get("primary_key") and table.cursors:
            mode = best_mode(
                DiscoveredTable(
                    table.name, table.columns, table.primary_key, table.cursors, modes=modes
                )
            )[0]
    elif wanted is None:
        mode = SyncMode.INCREMENTAL if table.primary_key else SyncMode.APPEND
    else:
        mode = _mode(wanted, table.name)
    if mode not in modes:
        raise InvalidInputError(
            "sync_type",
            f"Table `{table.name}` cannot be synced with `{mode}`. Use {_either([m.value for m in modes])}.",
        )
    if mode is SyncMode.FULL:
        return replace(table, mode=mode, cursor=None)
    cursor = None
    if mode.has_cursor:
        cursor = _cursor(field, entry.get("incremental_field_type"), table, mode)
    if mode.merges and not table.primary_key:
        raise InvalidInputError(
            "primary_key",
            f"Table `{table.name}` has no primary key, so changed rows cannot be merged. "
            "Name its columns in `primary_key`, or use `sync_type` `full` or `append`.",
        )
    return replace(table, mode=mode, cursor=cursor)


def _mode(wanted: object, table: str) -> SyncMode:
    try:
        return SyncMode(str(wanted))
    except ValueError:
        raise InvalidInputError(
            "sync_type",
            f"`{wanted}` is not a `sync_type` (table `{table}`). Use {_either([m.value for m in SyncMode])}.",
        ) from None


def _cursor(field: object, kind: object, table: NewTable, mode: SyncMode) -> str:
    if field is None:
        if table.mode is not SyncMode.FULL and table.cursor:
            field = table.cursor
        else:
            updated = [name for name in table.cursors if _UPDATED.search(name)]
            candidates = updated if mode is SyncMode.INCREMENTAL and updated else table.cursors
            field = candidates[0] if candidates else None
    if field is None:
        raise InvalidInputError(
            "incremental_field",
            f"Table `{table.name}` has no column a sync could go by (a timestamp, date or number that only grows), "
            f"so it cannot be `{mode}`. Use `sync_type` `full`.",
        )
    by_name = {column.name: column for column in known_columns(table)}
    if field not in by_name and field not in table.cursors:
        near = nearest(str(field), list(by_name))
        hint = f"Did you mean `{near}`?" if near else _cursor_choice(table)
        raise InvalidInputError(
            "incremental_field", f"Table `{table.name}` has no column `{field}`. {hint}"
        )
    if field not in table.cursors:
        raise InvalidInputError(
            "incremental_field",
            f"Column `{field}` of `{table.name}` cannot be an `incremental_field`. {_cursor_choice(table)}",
        )
    if kind is not None:
        _check_kind(kind, str(field), by_name.get(str(field)), table.name)
    return str(field)


def _cursor_choice(table: NewTable) -> str:
    if not table.cursors:
        return "It has no column a sync could go by; use `sync_type` `full`."
    return f"Use {_either(table.cursors)}."


def _check_kind(kind: object, field: str, column: Column | None, table: str) -> None:
    if kind not in CURSOR_TYPES:
        raise InvalidInputError(
            "incremental_field_type",
            f"`{kind}` is not an `incremental_field_type`. Use {_either(list(CURSOR_TYPES))}.",
        )
    if column is not None and not re.match(CURSOR_TYPES[str(kind)], column.type.upper()):
        raise InvalidInputError(
            "incremental_field_type",
            f"Column `{field}` of `{table}` is {column.type}, not `{kind}`. "
            "Leave `incremental_field_type` out: the column's type is known.",
        )


def _primary_key(value: object, table: NewTable) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InvalidInputError(
            "primary_key",
            f"`primary_key` of `{table.name}` must be a column's name or a list of them.",
        )
    known = [column.name for column in known_columns(table)]
    for name in names:
        if known and name not in known:
            near = nearest(name, known)
            hint = f"Did you mean `{near}`?" if near else f"It has {quoted(known)}."
            raise InvalidInputError(
                "primary_key", f"Table `{table.name}` has no column `{name}`. {hint}"
            )
    if len(set(names)) != len(names):
        raise InvalidInputError(
            "primary_key", f"`primary_key` of `{table.name}` names a column twice. Keep one."
        )
    return tuple(names)


def _known_name(entry: Mapping[str, Any], by_name: Mapping[str, DiscoveredTable]) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInputError(
            "name", "An entry of `schemas` has no `name`. Write the table's name there."
        )
    if name in by_name:
        return name
    alike = [known for known in by_name if known.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    near = nearest(name, list(by_name))
    hint = f"Did you mean `{near}`?" if near else f"It has {quoted(sorted(by_name))}."
    raise InvalidInputError("name", f"The source has no table `{name}`. {hint}")


def _text(body: Mapping[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputError(name, f"`{name}` must be a text.")
    value = value.strip()
    if len(value) > most:
        raise InvalidInputError(name, f"`{name}` has {len(value)} characters; {most} are allowed.")
    return value


def _either(names: Sequence[str]) -> str:
    return quoted(list(names)).replace(" and ", " or ")
