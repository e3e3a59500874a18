"""What a schema holds, from the system catalogs: columns with exact types, keys, cursors, comments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, DiscoveredTable, ForeignKey, SyncMode
from pwh_assets.sources.cursors import ranked
from pwh_assets.sources.postgres.types import PgType, Typed, typed

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class PgColumn:
    name: str
    typed: Typed
    is_nullable: bool
    counts_up: bool
    """Filled from a sequence."""
    comment: str


@dataclass(frozen=True, slots=True)
class PgTable:
    """A relation as it is now. `kind` is pg_class's: r, p, v, m, f."""

    oid: int
    name: str
    kind: str
    columns: tuple[PgColumn, ...]
    primary_key: tuple[str, ...]
    row_estimate: int | None
    comment: str
    foreign_keys: tuple[ForeignKey, ...]
    has_children: bool = False
    """Tables inherit from it, whose rows are read with its own: no index of its is over theirs."""

    def discovered(self) -> DiscoveredTable:
        modes = [SyncMode.FULL]
        if self.cursors:
            modes += [SyncMode.INCREMENTAL, SyncMode.APPEND]
        if self.kind in "rp":
            modes += [SyncMode.XMIN, SyncMode.CDC]
        return DiscoveredTable(
            name=self.name,
            columns=tuple(lake_column(column) for column in self.columns),
            primary_key=self.primary_key,
            cursors=self.cursors,
            row_estimate=self.row_estimate,
            description=self.comment,
            foreign_keys=self.foreign_keys,
            modes=tuple(modes),
        )

    @property
    def cursors(self) -> tuple[str, ...]:
        """Columns a sync could go by: when a row changed, when it was made, its number, other times."""
        return ranked(
            [
                (column.name, column.typed.cursor_kind, column.is_nullable)
                for column in self.columns
            ],
            self.primary_key,
            [column.name for column in self.columns if column.counts_up],
        )


def lake_column(column: PgColumn) -> Column:
    return Column(column.name, column.typed.lake, column.is_nullable, column.comment)


def tables(
    connection: "psycopg.Connection[Any]", schema: str, only: str | None = None
) -> list[PgTable]:
    """Tables, partitioned tables, views, materialized views and foreign tables the user may read.

    Partitions are read through their parent. Columns the user may not read are left out.
    """
    types = types_of(connection)
    columns: dict[int, list[PgColumn]] = {}
    facts: dict[int, tuple[str, str, float, str, bool]] = {}
    for oid, name, kind, rows, comment, has_children, *column in connection.execute(
        _COLUMNS, [schema, only, only]
    ):
        facts[oid] = name, kind, rows, comment or "", has_children
        columns.setdefault(oid, []).append(_column(types, *column))
    keys = _keys(connection, schema, only)
    references = _references(connection, schema, only)
    return [
        PgTable(
            oid=oid,
            name=name,
            kind=kind,
            columns=tuple(columns[oid]),
            primary_key=_readable(keys.get(oid, ()), columns[oid]),
            row_estimate=int(rows) if rows >= 0 and kind in "rpm" else None,
            comment=comment,
            foreign_keys=tuple(references.get(oid, ())),
            has_children=has_children,
        )
        for oid, (name, kind, rows, comment, has_children) in facts.items()
    ]


def _readable(key: tuple[str, ...], columns: list[PgColumn]) -> tuple[str, ...]:
    return key if {column.name for column in columns}.issuperset(key) else ()


def _column(
    types: Mapping[int, PgType],
    name: str,
    oid: int,
    modifier: int,
    dimensions: int,
    is_required: bool,
    counts_up: bool,
    comment: str | None,
) -> PgColumn:
    found = typed(types, oid, modifier, dimensions)
    return PgColumn(name, found, not is_required, counts_up, comment or "")


def types_of(connection: "psycopg.Connection[Any]") -> dict[int, PgType]:
    """Every type the database knows, by its number."""
    return {
        oid: PgType(name, is_builtin, kind, base, modifier, element)
        for oid, name, is_builtin, kind, base, modifier, element in connection.execute(_TYPES)
    }


def _keys(
    connection: "psycopg.Connection[Any]", schema: str, only: str | None
) -> dict[int, tuple[str, ...]]:
    """Primary keys; else the narrowest unique index over columns that are never NULL."""
    found: dict[int, tuple[str, ...]] = {}
    for oid, columns in connection.execute(_KEYS, [schema, only, only]):
        found.setdefault(oid, tuple(columns))
    return found


def _references(
    connection: "psycopg.Connection[Any]", schema: str, only: str | None
) -> dict[int, list[ForeignKey]]:
    found: dict[int, list[ForeignKey]] = {}
    for oid, columns, table, referred in connection.execute(_REFERENCES, [schema, only, only]):
        found.setdefault(oid, []).append(ForeignKey(tuple(columns), table, tuple(referred)))
    return found


_TYPES = """
SELECT t.oid::bigint, t.typname, n.nspname = 'pg_catalog', t.typtype::text, t.typbasetype::bigint, t.typtypmod,
    CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem::bigint ELSE 0 END
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype <> 'c'
"""

_RELATIONS = """
n.nspname = %s AND (%s::text IS NULL OR c.relname = %s)
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
"""

_COLUMNS = f"""
SELECT c.oid::bigint, c.relname, c.relkind::text, c.reltuples::float8, obj_description(c.oid, 'pg_class'),
    c.relkind = 'r' AND c.relhassubclass,
    a.attname, a.atttypid::bigint, a.atttypmod,
    greatest(CASE WHEN c.relkind IN ('v', 'm') THEN 0 ELSE a.attndims END, y.typndims)::int, a.attnotnull,
    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%%', false),
    col_description(c.oid, a.attnum)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type y ON y.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {_RELATIONS} AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY c.relname, a.attnum
"""

_KEYS = f"""
SELECT c.oid::bigint, array_agg(a.attname::text ORDER BY k.place)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE {_RELATIONS} AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
GROUP BY c.oid, i.indexrelid, i.indisprimary
HAVING bool_and(a.attnotnull)
ORDER BY c.oid, i.indisprimary DESC, count(*), i.indexrelid
"""

_REFERENCES = f"""
SELECT c.oid::bigint, array_agg(a.attname::text ORDER BY k.place), r.relname::text,
    array_agg(b.attname::text ORDER BY k.place)
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = f.confrelid
CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(here, there, place)
JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.here
JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.there
WHERE {_RELATIONS} AND f.contype = 'f' AND f.conparentid = 0
GROUP BY c.oid, f.oid, r.relname
ORDER BY c.oid, f.oid
"""
