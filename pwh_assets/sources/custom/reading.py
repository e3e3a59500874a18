"""A dlt resource as a table: what its hints say of keys, types and cursor, and where reading begins and ends."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.sources.base import ReadRequest

if TYPE_CHECKING:
    from dlt.extract import DltResource

_TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "binary": "BLOB",
    "json": "JSON",
    "wei": "DECIMAL(38,0)",
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a resource goes by: a field of its rows, and where it begins by itself."""

    column: str
    initial_value: Any


@dataclass(slots=True)
class Mark:
    """The highest cursor value seen so far."""

    value: Any = None

    @property
    def text(self) -> str | None:
        return None if self.value is None else str(self.value)


def cursor_of(resource: "DltResource") -> Cursor | None:
    """The incremental of the resource's hints or arguments; None for one inside the rows' nested values."""
    from dlt.extract.incremental import Incremental, IncrementalResourceWrapper

    found: Any = resource.incremental
    if isinstance(found, IncrementalResourceWrapper):
        found = found.incremental or _argument(resource)
    if not isinstance(found, Incremental) or not isinstance(found.cursor_path, str):
        return None
    column = found.cursor_path.removeprefix("$.")
    return None if "." in column or "[" in column else Cursor(column, found.initial_value)


def _argument(resource: "DltResource") -> Any:
    """The incremental a resource's function is called with."""
    from dlt.extract.incremental import Incremental, IncrementalResourceWrapper

    given = resource.explicit_args.values() if resource.args_bound else ()
    for value in given:
        if isinstance(value, Incremental):
            return value
    function = resource._pipe.gen
    if not callable(function):
        return None
    argument = IncrementalResourceWrapper.get_incremental_arg(inspect.signature(function))
    return argument.default if argument is not None else None


def key_of(resource: "DltResource") -> tuple[str, ...]:
    columns = resource.compute_table_schema().get("columns") or {}
    return tuple(name for name, hints in columns.items() if hints.get("primary_key"))


def columns_of(resource: "DltResource") -> tuple[Column, ...]:
    """Columns whose types the hints say; dlt finds the others in the rows."""
    found = []
    for name, hints in (resource.compute_table_schema().get("columns") or {}).items():
        kind = hints.get("data_type")
        lake = _TYPES.get(str(kind))
        if kind == "timestamp":
            lake = "TIMESTAMP" if hints.get("timezone") is False else "TIMESTAMP WITH TIME ZONE"
        elif kind == "decimal":
            lake = f"DECIMAL({hints.get('precision') or 38},{hints.get('scale') or 9})"
        if lake:
            found.append(Column(name, lake, bool(hints.get("nullable", True))))
    return tuple(found)


def followed(resource: "DltResource", cursor: Cursor, request: ReadRequest) -> Mark:
    """Make the resource begin at the request's watermark; the mark moves as its rows are taken."""
    import dlt

    mark = Mark()
    if request.since is not None:
        is_append = request.mode is SyncMode.APPEND
        start = request.since if is_append else request.lower
        mark.value = _like(request.since, cursor.initial_value)
        resource.apply_hints(
            incremental=dlt.sources.incremental(
                cursor.column,
                initial_value=_like(start or request.since, cursor.initial_value),
                range_start="open" if is_append else "closed",
                on_cursor_value_missing="include",
            )
        )

    def note(item: Any) -> Any:
        for value in _values(item, cursor.column):
            if value is not None and (mark.value is None or _order(value) > _order(mark.value)):
                mark.value = value
        return item

    resource.add_map(note)
    return mark


def first_rows(resource: "DltResource", most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    rows = iter(resource)
    for item in rows:
        found += _rows(item)
        if len(found) >= most:
            break
    return found[:most]


def _rows(item: Any) -> list[dict[str, Any]]:
    if hasattr(item, "to_pylist"):
        return list(item.to_pylist())
    return [one for one in (item if isinstance(item, list) else [item]) if isinstance(one, dict)]


def _values(item: Any, column: str) -> Iterator[Any]:
    if isinstance(item, dict):
        yield item.get(column)
    elif isinstance(item, list):
        for one in item:
            yield from _values(one, column)
    elif column in getattr(item, "column_names", ()):
        import pyarrow.compute as pc

        yield pc.max(item[column]).as_py()


def _order(value: Any) -> Any:
    """Comparable among values of one column, also when a text stands beside a moment."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 1, value
    if isinstance(value, datetime):
        return 0, (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return 0, datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return 0, value


def _like(text: str, example: Any) -> Any:
    """The watermark as a value of the kind the resource begins with by itself; numbers are told by their looks."""
    if isinstance(example, str):
        return text
    if isinstance(example, bool) or example is None:
        return int(text) if text.lstrip("-").isdecimal() else _moment(text)
    if isinstance(example, int | float | Decimal):
        return type(example)(text)
    if isinstance(example, datetime):
        return _moment(text)
    return date.fromisoformat(text[:10]) if isinstance(example, date) else text


def _moment(text: str) -> Any:
    from dlt.common.pendulum import pendulum

    try:
        datetime.fromisoformat(text)
    except ValueError:
        return text
    return pendulum.parse(text)
