"""What DuckLake's catalog knows of the columns of a table: bounds and NULLs, without reading a row."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.lake.catalog import metadata

if TYPE_CHECKING:
    from pwh_assets.lake.lake import Lake


@dataclass(frozen=True, slots=True)
class ColumnBounds:
    """Of one column. Rows that were deleted since may still widen the bounds; no row lies outside of them."""

    name: str
    type: str
    """In DuckLake's spelling."""
    least: str | None
    greatest: str | None
    nulls: int | None
    """NULLs in the stored files; None where the catalog does not count them."""
    values: int
    """Values those files have, NULLs included."""
    size_bytes: int | None


_BOUNDS = """
select c.column_name, c.column_type, s.min_value, s.max_value,
       case when count(f.data_file_id) = count(f.null_count) then sum(f.null_count) end,
       coalesce(sum(d.record_count), 0), sum(f.column_size_bytes)
from {table} t
join {schema} h on h.schema_id = t.schema_id and h.end_snapshot is null
join {column} c on c.table_id = t.table_id and c.end_snapshot is null and c.parent_column is null
left join {table_column_stats} s on s.table_id = t.table_id and s.column_id = c.column_id
left join {data_file} d on d.table_id = t.table_id and d.end_snapshot is null
left join {file_column_stats} f on f.data_file_id = d.data_file_id and f.column_id = c.column_id
where t.end_snapshot is null and h.schema_name = ? and t.table_name = ?
group by c.column_id, c.column_order, c.column_name, c.column_type, s.min_value, s.max_value
order by c.column_order, c.column_id
"""
_TABLES = ("table", "schema", "column", "table_column_stats", "data_file", "file_column_stats")


def column_bounds(lake: "Lake", schema: str, table: str) -> list[ColumnBounds]:
    """Of every column, in the table's order; none where there is no such table."""
    names = {name: metadata(lake.address, f"ducklake_{name}") for name in _TABLES}
    with lake.read() as connection:
        rows = connection.execute(_BOUNDS.format(**names), [schema, table]).fetchall()
    return [
        ColumnBounds(name, kind, least, greatest, _count(nulls), int(values), _count(size))
        for name, kind, least, greatest, nulls, values, size in rows
    ]


def _count(number: object) -> int | None:
    return int(str(number)) if number is not None else None
