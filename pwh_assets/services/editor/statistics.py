"""Statistics of a stored table's columns, as the lake's catalog keeps them: no row is read for them."""

from dataclasses import dataclass

from pwh_assets.core.access import Caller
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.lake.statistics import column_bounds
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.guarding import PolicyBoundError
from pwh_assets.services.policies.reading import catalog_for

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Of one column. Texts are cut; bounds may be wider than the rows, never narrower."""

    column: str
    type: str
    row_count: int
    null_count: int | None
    least: str | None
    greatest: str | None
    size_bytes: int | None


def statistics_of(
    platform: Platform, project_id: int, reader: Caller | None, table_id: str
) -> list[ColumnStatistics]:
    """Of every column of a table, in its order.

    Args:
        table_id: id of a synced table or materialized view, or the name of a product table.

    Raises:
        NotFoundError: there is no such table.
        InvalidInputError: its rows are not in the lake.
        PolicyBoundError: the reader sees a part of it only, and statistics are of all of it.
    """
    store = platform.store
    known = store.find_table(project_id, table_id) or store.find_view(project_id, table_id)
    name = table_id if known is None else getattr(known, "table_name", None) or known.name
    if known is not None and known.id != table_id:
        raise NotFoundError("table", table_id)
    table = catalog_for(platform, project_id, reader).by_name.get(name.lower())
    if table is None:
        raise NotFoundError("table", table_id)
    if table.access is not None:
        raise PolicyBoundError("Statistics of columns", (table.name,))
    bounds = {}
    if len(table.physical) == 2:
        found = column_bounds(platform.lakes.of(project_id), *table.physical)
        bounds = {one.name.lower(): one for one in found}
    if not bounds:
        raise InvalidInputError(
            "table", f"`{table.name}` keeps no rows of its own in the lake, so nothing counts them."
        )
    return [
        ColumnStatistics(
            column.name,
            str(column.type),
            bounds[column.name.lower()].values,
            bounds[column.name.lower()].nulls,
            _cut(bounds[column.name.lower()].least),
            _cut(bounds[column.name.lower()].greatest),
            bounds[column.name.lower()].size_bytes,
        )
        for column in table.columns
        if not column.hidden and column.name.lower() in bounds
    ]


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
