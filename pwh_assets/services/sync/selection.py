"""Which columns and rows of a table are kept: what is asked of its source, and what is taken out on the way."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pwh_assets.core.options import RowFilter, Scalar
from pwh_assets.core.source import Column, SyncedTable
from pwh_assets.services.sync.masking import Masker
from pwh_assets.sources.base import Reading, ReadRequest
from pwh_assets.sources.errors import UnreadableDataError

if TYPE_CHECKING:
    import pyarrow as pa


def with_options(
    request: ReadRequest,
    table: SyncedTable,
    masker: Masker | None = None,
    masks_in_chunks: bool = False,
) -> ReadRequest:
    """The request with the table's options: columns, filters and lookback.

    A source is not told of masked columns' stored types: those are the masks', not the source's. With masks it may
    write chunks of its own only when it masks them itself.
    """
    options = table.options
    kept = options.enabled_columns
    if kept is not None:
        needed = (*table.primary_key, *((table.cursor,) if table.cursor else ()))
        kept = tuple(dict.fromkeys((*kept, *needed)))
    masked = {mask.column for mask in options.masks}
    return replace(
        request,
        columns=tuple(column for column in request.columns if column.name not in masked),
        filters=options.row_filters,
        selected=kept,
        excluded=options.dropped,
        lookback_s=options.lookback_s,
        may_chunk=request.may_chunk and (masks_in_chunks or not masked - options.dropped),
        masks=masker if masks_in_chunks else None,
    )


def shaped(reading: Reading, request: ReadRequest, masker: Masker | None) -> Reading:
    """The reading as it may be written: rows that are filtered out, columns that are not wanted and clear values
    of masked ones never reach a file.

    Raises:
        UnreadableDataError: while reading, when a value cannot be compared with a filter's.
    """
    filters = () if reading.is_filtered else request.filters
    if reading.chunks is not None:
        # Nothing can be taken out of files a source writes itself, so it must have done all of it.
        is_masked = masker is None or not any(map(masker.covers, masker.masks))
        assert is_masked or request.masks is masker, "chunks would show masked columns"
        assert not filters, "chunks would hold rows that are filtered out"
        return replace(
            reading, columns=masker.columns(reading.columns) if masker else reading.columns
        )
    if not (filters or masker or request.excluded or request.selected is not None):
        return reading
    shape = _Shape(filters, request, masker, reading.columns)
    columns = tuple(column for column in reading.columns if request.wants(column.name))
    columns = masker.columns(columns) if masker else columns
    if reading.batches is not None:
        return replace(reading, columns=columns, batches=shape.tables(reading.batches))
    assert reading.resource is not None
    resource = reading.resource.add_filter(shape.keeps).add_map(shape)
    return replace(reading, columns=columns, resource=resource)


class _Shape:
    def __init__(
        self,
        filters: tuple[RowFilter, ...],
        request: ReadRequest,
        masker: Masker | None,
        columns: Iterable[Column],
    ) -> None:
        types = {column.name: column.type for column in columns}
        self._filters = filters
        self._tests = [
            (one.column, predicate(one, types.get(one.column, ""), request.table))
            for one in filters
        ]
        self._request, self._masker = request, masker

    def keeps(self, item: Any) -> bool:
        """Whether a single row stays; tables of rows are looked through when they are mapped."""
        if not isinstance(item, dict):
            return True
        return all(test(item.get(column)) for column, test in self._tests)

    def __call__(self, item: Any) -> Any:
        if not isinstance(item, dict):
            return self._table(item)
        kept = {name: value for name, value in item.items() if self._request.wants(name)}
        return self._masker.row(kept) if self._masker else kept

    def tables(self, batches: "Iterable[pa.Table | pa.RecordBatch]") -> "Iterator[pa.Table]":
        return map(self._table, batches)

    def _table(self, batch: Any) -> "pa.Table":
        import pyarrow as pa

        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        for one in self._filters:
            table = _filtered(table, one, self._request.table)
        names = [name for name in table.column_names if self._request.wants(name)]
        table = table.select(names)
        return self._masker.arrow(table) if self._masker else table


def _filtered(table: "pa.Table", one: RowFilter, name: str) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    if one.column not in table.column_names:
        return table.slice(0, 0)  # the column is NULL in all of these rows
    column = table.column(one.column)
    kind = _kind_of_arrow(column.type)
    if kind == "text" and not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    try:
        if isinstance(one.value, tuple):
            found = pa.array([converted(each, kind) for each in one.value])
            mask = pc.is_in(column, value_set=found.cast(column.type))
            mask = pc.and_kleene(
                pc.is_valid(column), mask if one.operator == "IN" else pc.invert(mask)
            )
        else:
            value = converted(one.value, kind)
            if isinstance(value, datetime):
                zone = getattr(column.type, "tz", None)
                value = value.replace(tzinfo=UTC) if zone else value
            scalar = pa.scalar(value, column.type) if kind != "number" else pa.scalar(value)
            mask = _COMPUTE[one.operator](column, scalar)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, InvalidOperation):
        raise _incomparable(name, one) from None
    return table.filter(mask)


def predicate(one: RowFilter, kind: str, table: str) -> Callable[[Any], bool]:
    """Whether a value fulfils a filter, as SQL means it: NULL fulfils none.

    `kind` is the column's lake type; a time that comes as text is compared as a time.
    """
    of = kind_of(kind)
    try:
        if isinstance(one.value, tuple):
            wanted = frozenset(converted(each, of) for each in one.value)
            is_in = one.operator == "IN"
            test: Callable[[Any], bool] = lambda value: (value in wanted) is is_in  # noqa: E731
        else:
            other, compare = converted(one.value, of), _PYTHON[one.operator]
            test = lambda value: bool(compare(value, other))  # noqa: E731
    except (ValueError, InvalidOperation):
        raise _incomparable(table, one) from None

    def fulfils(value: Any) -> bool:
        if value is None:
            return False
        try:
            return test(converted(value, of))
        except (ValueError, TypeError, InvalidOperation):
            raise _incomparable(table, one) from None

    return fulfils


def kind_of(lake_type: str) -> str:
    """What a filter's value has to be for a column of this lake type; empty when it cannot be filtered by.

    >>> [kind_of(t) for t in ("BIGINT", "DECIMAL(9,2)", "TIMESTAMP WITH TIME ZONE", "UUID", "JSON")]
    ['number', 'number', 'moment', 'text', '']
    """
    name = lake_type.upper()
    if name.endswith("]") or name in ("JSON", "BLOB") or name.startswith(("STRUCT", "MAP")):
        return ""
    if name.startswith("TIMESTAMP"):
        return "moment"
    if name == "DATE":
        return "day"
    if name == "BOOLEAN":
        return "boolean"
    if name.startswith(("DECIMAL", "FLOAT", "DOUBLE")) or name.endswith(("INT", "INTEGER")):
        return "number"
    return "text"


def _kind_of_arrow(kind: "pa.DataType") -> str:
    import pyarrow as pa

    for test, word in (
        (pa.types.is_timestamp, "moment"),
        (pa.types.is_date, "day"),
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "number"),
        (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"),
    ):
        if test(kind):
            return word
    return "text"


def converted(value: Any, kind: str) -> Any:
    """A value in the type its column is compared in. Raises ValueError or InvalidOperation when it is none."""
    if kind == "number":
        if isinstance(value, bool):
            raise ValueError(value)
        return value if isinstance(value, int | Decimal) else Decimal(str(value))
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        if str(value).lower() not in ("true", "false"):
            raise ValueError(value)
        return str(value).lower() == "true"
    if kind == "moment":
        return _moment(value)
    if kind == "day":
        return _moment(value).date()
    return value if isinstance(value, str) else str(value)


def _moment(value: Any) -> datetime:
    """Without zone, in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _incomparable(table: str, one: RowFilter) -> UnreadableDataError:
    return UnreadableDataError(
        f"The filter on `{one.column}` of `{table}`",
        f"compares with {_shown(one.value)}, which the column's values cannot be compared with.",
        "Change `row_filters`, then sync again.",
    )


def _shown(value: Scalar | tuple[Scalar, ...]) -> str:
    return f"`{value}`" if not isinstance(value, tuple) else ", ".join(f"`{v}`" for v in value)


_PYTHON: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


class _Compute(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        import pyarrow.compute as pc

        names = {">": "greater", ">=": "greater_equal", "<": "less", "<=": "less_equal"}
        names |= {"=": "equal", "!=": "not_equal"}
        self[key] = getattr(pc, names[key])
        return self[key]


_COMPUTE = _Compute()
