"""What the lake holds, read from DuckLake's own catalog tables, so that a thousand tables stay cheap."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column
from pwh_assets.lake.attach import METADATA, Address, quote
from pwh_assets.lake.product import OWN_SCHEMA
from pwh_assets.lake.types import from_ducklake

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table as it is now. Sizes are bytes of Parquet; rows are counted without deleted ones."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    row_count: int
    size_bytes: int
    changed_snapshot: int
    """The snapshot in which its rows or columns last changed; never goes down."""


def metadata(address: Address, table: str) -> str:
    """The qualified name of one of DuckLake's catalog tables in a connection that has the lake attached."""
    return f"{METADATA}.{quote(address.catalog_schema)}.{table}"


_LIVE = """
select t.table_id, s.schema_name, t.table_name,
       greatest(t.begin_snapshot, coalesce(c.changed, 0), coalesce(f.changed, 0), coalesce(d.changed, 0),
                coalesce(g.changed, 0)),
       coalesce(f.records, 0) - coalesce(d.deleted, 0), coalesce(f.bytes, 0) + coalesce(d.bytes, 0)
from {table} t
join {schema} s on s.schema_id = t.schema_id and s.end_snapshot is null
left join (select table_id, max(greatest(begin_snapshot, coalesce(end_snapshot, 0))) changed
           from {column} group by all) c on c.table_id = t.table_id
left join (select table_id,
                  max(greatest(begin_snapshot, coalesce(end_snapshot, 0), coalesce(partial_max, 0))) changed,
                  sum(record_count) filter (end_snapshot is null) records,
                  sum(file_size_bytes) filter (end_snapshot is null) bytes
           from {data_file} group by all) f on f.table_id = t.table_id
left join (select d.table_id,
                  max(greatest(d.begin_snapshot, coalesce(d.end_snapshot, 0), coalesce(d.partial_max, 0))) changed,
                  sum(d.delete_count) filter (d.end_snapshot is null and f.end_snapshot is null) deleted,
                  sum(d.file_size_bytes) filter (d.end_snapshot is null and f.end_snapshot is null) bytes
           from {delete_file} d left join {data_file} f using (data_file_id) group by all) d
  on d.table_id = t.table_id
left join (select object_id, max(begin_snapshot) changed from {tag} group by all) g on g.object_id = t.table_id
where t.end_snapshot is null
"""

_COLUMNS = """
select table_id, column_id, column_name, column_type, nulls_allowed, parent_column
from {column} where end_snapshot is null order by table_id, column_order, column_id
"""


def tables(
    connection: "duckdb.DuckDBPyConnection", address: Address, *, with_transaction: bool = True
) -> list[LakeTable]:
    """Every table but our own bookkeeping, in one consistent look at the catalog."""
    names = {
        name: metadata(address, f"ducklake_{name}")
        for name in ("table", "schema", "column", "data_file", "delete_file", "tag")
    }
    if with_transaction:
        connection.execute("BEGIN")
    try:
        live = connection.execute(_LIVE.format(**names)).fetchall()
        columns = _columns(connection.execute(_COLUMNS.format(**names)).fetchall())
    finally:
        if with_transaction:
            connection.execute("ROLLBACK")
    found = [
        LakeTable(schema, name, columns.get(table_id, ()), int(rows), int(size), int(changed))
        for table_id, schema, name, changed, rows, size in live
        if schema != OWN_SCHEMA
    ]
    return sorted(found, key=lambda table: (table.schema, table.name))


def changed_snapshots(
    connection: "duckdb.DuckDBPyConnection", address: Address
) -> dict[tuple[str, str], int]:
    """The snapshot in which each table last changed, by schema and name; columns are not read, so it is cheap."""
    names = {
        name: metadata(address, f"ducklake_{name}")
        for name in ("table", "schema", "column", "data_file", "delete_file", "tag")
    }
    rows = connection.execute(_LIVE.format(**names)).fetchall()
    return {(schema, name): int(changed) for _, schema, name, changed, *_ in rows}


def _columns(rows: Iterable[tuple[Any, ...]]) -> dict[int, tuple[Column, ...]]:
    children: dict[tuple[int, int | None], list[tuple[int, str, str, bool]]] = defaultdict(list)
    for table_id, column_id, name, kind, nullable, parent in rows:
        children[table_id, parent].append((column_id, name, kind, bool(nullable)))

    def spelled(table_id: int, column_id: int, kind: str) -> str:
        nested = [
            (name, spelled(table_id, child, inner))
            for child, name, inner, _ in children.get((table_id, column_id), ())
        ]
        return from_ducklake(kind, nested)

    return {
        table_id: tuple(
            Column(name, spelled(table_id, column_id, kind), nullable)
            for column_id, name, kind, nullable in top
        )
        for (table_id, parent), top in children.items()
        if parent is None
    }


def snapshot_id(connection: "duckdb.DuckDBPyConnection", address: Address) -> int:
    row = connection.execute(
        f"select max(snapshot_id) from {metadata(address, 'ducklake_snapshot')}"
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def newest(connection: "duckdb.DuckDBPyConnection", address: Address) -> tuple[int, int]:
    """The newest snapshot, and the version of the schema in it: that counts on with tables and columns, not with rows."""
    row = connection.execute(
        f"select snapshot_id, schema_version from {metadata(address, 'ducklake_snapshot')} "
        "order by snapshot_id desc limit 1"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def existing_tables(
    connection: "duckdb.DuckDBPyConnection", address: Address
) -> set[tuple[str, str]]:
    """(schema, table) of every live table, our own included."""
    rows = connection.execute(
        f"select s.schema_name, t.table_name from {metadata(address, 'ducklake_table')} t "
        f"join {metadata(address, 'ducklake_schema')} s using (schema_id) "
        "where t.end_snapshot is null and s.end_snapshot is null"
    ).fetchall()
    return {(schema, table) for schema, table in rows}
