"""A table's options as a person writes them, checked field by field; an error's `attr` names the field."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import InvalidOperation
from typing import Any

from pwh_assets.core.names import nearest
from pwh_assets.core.options import (
    CDC_TABLE_MODES,
    FILTER_OPERATORS,
    LONGEST_LOOKBACK_S,
    REFRESH_DAYS,
    Mask,
    MaskKind,
    RowFilter,
    Scalar,
    TableOptions,
)
from pwh_assets.core.source import Column, SyncMode
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.sync.selection import converted, kind_of
from pwh_assets.store import NewTable

OPTION_FIELDS = (
    "enabled_columns",
    "row_filters",
    "masks",
    "incremental_field_lookback_seconds",
    "full_refresh_interval_days",
    "detect_deletes",
    "cdc_table_mode",
)
LONGEST_LIST = 1_000
_TIMES = ("moment", "day")


def with_options(entry: Mapping[str, Any], table: NewTable) -> NewTable:
    """The table with the options the entry names; None puts one back to its default.

    `table` has its mode, key and cursor already: they decide what may be masked or left out.

    Raises:
        InvalidInputError: a value cannot be followed.
    """
    options = table.options
    for name in OPTION_FIELDS:
        if name in entry:
            options = _READERS[name](entry[name], table, options)
    _check_together(table, options)
    return replace(table, options=options)


def stored_differently(before: TableOptions, after: TableOptions) -> list[str]:
    """Options whose change makes rows that are stored already wrong."""
    return [
        name
        for name in ("enabled_columns", "row_filters", "masks", "cdc_table_mode")
        if getattr(before, name) != getattr(after, name)
    ]


def _columns(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    if value is None:
        return replace(options, enabled_columns=None)
    names = _list("enabled_columns", value, table)
    if not names:
        raise InvalidInputError(
            "enabled_columns",
            f"`enabled_columns` of `{table.name}` is empty. Name at least one column, or write null for all.",
        )
    found = [_column("enabled_columns", name, table).name for name in names]
    return replace(options, enabled_columns=tuple(dict.fromkeys(found)))


def _filters(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    found = [_filter(one, table) for one in _list("row_filters", value or [], table)]
    return replace(options, row_filters=tuple(found))


def _filter(one: Any, table: NewTable) -> RowFilter:
    attr = "row_filters"
    if not isinstance(one, Mapping) or set(one) != {"column", "operator", "value"}:
        raise InvalidInputError(
            attr,
            f"A filter of `{table.name}` is an object with `column`, `operator` and `value`, "
            'such as {"column": "status", "operator": "=", "value": "paid"}.',
        )
    column = _column(attr, one["column"], table)
    operator = " ".join(str(one["operator"]).upper().split())
    if operator not in FILTER_OPERATORS:
        raise InvalidInputError(
            attr,
            f"`{one['operator']}` is not an operator (filter on `{column.name}` of `{table.name}`). "
            f"Use {quoted(list(FILTER_OPERATORS)).replace(' and ', ' or ')}.",
        )
    is_masked = table.options.mask(column.name) is not None
    kind = "text" if is_masked else kind_of(column.type or "VARCHAR")
    if not kind:
        raise InvalidInputError(
            attr,
            f"Column `{column.name}` of `{table.name}` is {column.type}; rows cannot be filtered by it.",
        )
    value = one["value"]
    if operator in ("IN", "NOT IN"):
        if not isinstance(value, list) or not value or len(value) > LONGEST_LIST:
            raise InvalidInputError(
                attr,
                f"`{operator}` on `{column.name}` of `{table.name}` takes a list of 1 to {LONGEST_LIST:,} values.",
            )
        return RowFilter(
            column.name, operator, tuple(_scalar(each, kind, column, table) for each in value)
        )
    return RowFilter(column.name, operator, _scalar(value, kind, column, table))


_WANTED = {
    "number": "a number",
    "moment": "a time such as `2024-03-01 12:00:00`",
    "day": "a date such as `2024-03-01`",
    "boolean": "true or false",
    "text": "a text",
}


def _scalar(value: Any, kind: str, column: Column, table: NewTable) -> Scalar:
    """The value as it is compared; times are kept as ISO texts."""
    try:
        if (isinstance(value, bool) and kind != "boolean") or not isinstance(value, Scalar):
            raise ValueError(value)
        found = converted(value, kind)
    except (ValueError, InvalidOperation, OverflowError):
        raise InvalidInputError(
            "row_filters",
            f"`{value}` cannot be compared with column `{column.name}` of `{table.name}`, which is {column.type}. "
            f"Write {_WANTED[kind]}.",
        ) from None
    if kind in _TIMES:
        return str(value).strip() if isinstance(value, str) else str(found)
    if kind == "number":
        if not isinstance(value, str):
            return value
        return int(found) if found == found.to_integral_value() else float(found)
    return bool(found) if kind == "boolean" else str(found)


def _masks(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    """A list of `{"column", "mask", "keep"?}`, or a mapping of column to mask."""
    if isinstance(value, Mapping):
        value = [{"column": name, "mask": mask} for name, mask in value.items()]
    found: dict[str, Mask] = {}
    for one in _list("masks", value or [], table):
        mask = _mask(one, table)
        if mask.column in found:
            raise InvalidInputError(
                "masks", f"Column `{mask.column}` of `{table.name}` is masked twice. Keep one."
            )
        found[mask.column] = mask
    return replace(options, masks=tuple(found.values()))


def _mask(one: Any, table: NewTable) -> Mask:
    if not isinstance(one, Mapping) or not {"column", "mask"} <= set(one) <= {
        "column",
        "mask",
        "keep",
    }:
        raise InvalidInputError(
            "masks",
            f"A mask of `{table.name}` is an object with `column` and `mask`, "
            'such as {"column": "email", "mask": "hash"}.',
        )
    column = _column("masks", one["column"], table)
    try:
        kind = MaskKind(str(one["mask"]).lower())
    except ValueError:
        raise InvalidInputError(
            "masks",
            f"`{one['mask']}` is not a mask (column `{column.name}` of `{table.name}`). "
            "Use `drop`, `hash`, `truncate` or `null`.",
        ) from None
    keep = one.get("keep", 3)
    if isinstance(keep, bool) or not isinstance(keep, int) or not 0 <= keep <= 100:
        raise InvalidInputError(
            "masks",
            f"`keep` of `{column.name}` is {keep!r}; it must be a whole number from 0 to 100.",
        )
    return Mask(column.name, kind, keep)


def _lookback(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    attr = "incremental_field_lookback_seconds"
    seconds = _whole(attr, value or 0, table, 0, LONGEST_LOOKBACK_S, "seconds (60 days)")
    return replace(options, lookback_s=seconds)


def _refresh(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    if value is None:
        return replace(options, full_refresh_interval_days=None)
    days = _whole("full_refresh_interval_days", value, table, *REFRESH_DAYS, "days")
    return replace(options, full_refresh_interval_days=days)


def _deletes(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    if value is not None and not isinstance(value, bool):
        raise InvalidInputError(
            "detect_deletes", f"`detect_deletes` of `{table.name}` must be true or false."
        )
    return replace(options, detect_deletes=bool(value))


def _table_mode(value: Any, table: NewTable, options: TableOptions) -> TableOptions:
    if value is not None and value not in CDC_TABLE_MODES:
        raise InvalidInputError(
            "cdc_table_mode",
            f"`cdc_table_mode` of `{table.name}` is `{value}`. Use `consolidated`, `cdc_only` or `both`.",
        )
    return replace(options, cdc_table_mode=value or CDC_TABLE_MODES[0])


_READERS: Mapping[str, Callable[[Any, NewTable, TableOptions], TableOptions]] = {
    "enabled_columns": _columns,
    "row_filters": _filters,
    "masks": _masks,
    "incremental_field_lookback_seconds": _lookback,
    "full_refresh_interval_days": _refresh,
    "detect_deletes": _deletes,
    "cdc_table_mode": _table_mode,
}


def _check_together(table: NewTable, options: TableOptions) -> None:
    """Options that need each other or the table's mode."""
    if table.mode is SyncMode.CDC:
        for name in ("row_filters", "full_refresh_interval_days"):
            if getattr(options, name):
                raise InvalidInputError(
                    name,
                    f"`{table.name}` follows its source's changes (`cdc`), where `{name}` cannot be held. "
                    "Take it out, or use another `sync_type`.",
                )
    if table.mode is SyncMode.WEBHOOK and options.masks:
        raise InvalidInputError(
            "masks",
            f"What is pushed to `{table.name}` waits on disk as it came, so its columns cannot be masked. "
            "Use `sync_type` `incremental`.",
        )
    cursor = (table.cursor,) if table.cursor else ()
    for role, names in (("primary key", table.primary_key), ("cursor", cursor)):
        for name in names:
            mask = options.mask(name)
            if mask is not None and mask.kind is not MaskKind.HASH:
                raise InvalidInputError(
                    "masks",
                    f"Column `{name}` of `{table.name}` is its {role}, so `{mask.kind}` cannot mask it: rows could not "
                    "be told apart or put in order any more. Use `hash`.",
                )
    if options.lookback_s:
        attr = "incremental_field_lookback_seconds"
        if not (table.mode.merges and table.mode.has_cursor):
            raise InvalidInputError(
                attr,
                f"A lookback reads rows again, which `incremental` merges; `{table.name}` is synced with "
                f"`{table.mode}`. Take the lookback out, or use `sync_type` `incremental`.",
            )
        known = {column.name: column.type for column in known_columns(table)}
        kind = known.get(table.cursor or "", "")
        if kind and options.mask(table.cursor or "") is None and kind_of(kind) not in _TIMES:
            raise InvalidInputError(
                attr,
                f"A lookback is a time, and `{table.cursor}` of `{table.name}` is {kind}. "
                "Sync by a column that is a date or time.",
            )
    if options.full_refresh_interval_days and table.mode is SyncMode.FULL:
        raise InvalidInputError(
            "full_refresh_interval_days",
            f"`{table.name}` is synced with `full`, so every sync reads everything. Take the interval out.",
        )
    if options.detect_deletes and (not table.mode.merges or table.mode is SyncMode.CDC):
        raise InvalidInputError(
            "detect_deletes",
            f"Deletes are looked for by the keys of an `incremental` table; `{table.name}` is synced with "
            f"`{table.mode}`." + ("" if table.mode is SyncMode.APPEND else " It sees them anyway."),
        )


def known_columns(table: NewTable) -> Sequence[Column]:
    """Columns at the source, as far as they are known."""
    known = {column.name for column in table.available}
    return (*table.available, *(each for each in table.columns if each.name not in known))


def _column(attr: str, name: Any, table: NewTable) -> Column:
    if not isinstance(name, str) or not name:
        raise InvalidInputError(attr, f"`{attr}` of `{table.name}` must name columns by texts.")
    known = {column.name: column for column in known_columns(table)}
    if name in known:
        return known[name]
    if not known:
        return Column(name, "")  # the source says nothing about its columns before the first sync
    near = nearest(name, list(known))
    hint = f"Did you mean `{near}`?" if near else f"It has {quoted(list(known))}."
    raise InvalidInputError(attr, f"Table `{table.name}` has no column `{name}`. {hint}")


def _list(attr: str, value: Any, table: NewTable) -> list[Any]:
    if not isinstance(value, list) or len(value) > LONGEST_LIST:
        raise InvalidInputError(
            attr, f"`{attr}` of `{table.name}` must be a list of at most {LONGEST_LIST:,} entries."
        )
    return value


def _whole(attr: str, value: Any, table: NewTable, least: int, most: int, unit: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInputError(
            attr,
            f"`{attr}` of `{table.name}` is {value!r}; it must be a whole number from {least:,} to {most:,} {unit}.",
        )
    return int(value)
