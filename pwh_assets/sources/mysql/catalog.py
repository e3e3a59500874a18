"""What a database holds, from `information_schema`: columns with exact types, keys, cursors, comments."""

import re
from dataclasses import dataclass
from typing import Any

from pwh_assets.core.source import Column, DiscoveredTable, ForeignKey, SyncMode
from pwh_assets.sources.cursors import ranked
from pwh_assets.sources.mysql.connection import fetched
from pwh_assets.sources.mysql.types import INTEGERS, Typed, typed

_JSON_CHECK = re.compile(r"^json_valid\(`((?:[^`]|``)+)`\)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MyColumn:
    name: str
    typed: Typed
    is_nullable: bool
    counts_up: bool
    """AUTO_INCREMENT."""
    comment: str
    is_integer: bool
    kind: str = ""
    """MySQL's name of the type: `bigint`."""
    full: str = ""
    """With everything that belongs to it: `bigint(20) unsigned`."""
    charset: str | None = None
    is_virtual: bool = False
    has_default: bool = False


@dataclass(frozen=True, slots=True)
class MyTable:
    """A table or view as it is now."""

    schema: str
    name: str
    is_view: bool
    engine: str
    columns: tuple[MyColumn, ...]
    primary_key: tuple[str, ...]
    row_estimate: int | None
    row_bytes: int
    """About how long a row is; 0 when unknown."""
    comment: str
    foreign_keys: tuple[ForeignKey, ...]
    made: str = ""
    """When the server made its file; another time means that all rows were written anew, or are others."""

    def discovered(self) -> DiscoveredTable:
        modes: tuple[SyncMode, ...] = (SyncMode.FULL,)
        if self.cursors:
            modes += (SyncMode.INCREMENTAL, SyncMode.APPEND)
        if self.primary_key and not self.is_view:
            modes += (SyncMode.CDC,)
        return DiscoveredTable(
            name=self.name,
            columns=tuple(lake_column(column) for column in self.columns),
            primary_key=self.primary_key,
            cursors=self.cursors,
            row_estimate=self.row_estimate,
            description=self.comment,
            foreign_keys=self.foreign_keys,
            modes=modes,
        )

    @property
    def cursors(self) -> tuple[str, ...]:
        """Columns a sync could go by: when a row changed, when it was made, its number, other times."""
        return ranked(
            [(c.name, c.typed.cursor_kind, c.is_nullable) for c in self.columns],
            self.primary_key,
            [c.name for c in self.columns if c.counts_up],
        )


def lake_column(column: MyColumn) -> Column:
    return Column(column.name, column.typed.lake, column.is_nullable, column.comment)


def tables(connection: Any, schema: str, only: str | None = None) -> list[MyTable]:
    """Tables and views of a database that the user may read. Columns the user may not read are left out."""
    values = [schema, only, only]
    facts = fetched(connection, _TABLES, values)
    jsons = _json_columns(connection, schema)
    columns: dict[str, list[MyColumn]] = {}
    for table, *column in fetched(connection, _COLUMNS, values):
        columns.setdefault(table, []).append(_column((table, column[0]) in jsons, *column))
    keys = _keys(connection, values)
    references = _references(connection, values)
    return [
        MyTable(
            schema=schema,
            name=name,
            is_view=kind == "VIEW",
            engine=engine or "",
            columns=tuple(columns[name]),
            primary_key=_readable(keys.get(name, ()), columns[name]),
            row_estimate=int(rows) if rows is not None else None,
            row_bytes=int(row_bytes or 0),
            comment="" if kind == "VIEW" else comment or "",
            foreign_keys=tuple(references.get(name, ())),
            made=str(made or ""),
        )
        for name, kind, engine, rows, row_bytes, comment, made in facts
        if name in columns
    ]


def _column(
    is_json: bool,
    name: str,
    kind: str,
    full: str,
    precision: int | None,
    scale: int | None,
    is_nullable: str,
    extra: str,
    comment: str,
    charset: str | None,
    default: str | None,
) -> MyColumn:
    found = typed(kind.lower(), full.lower(), precision, scale, is_json)
    return MyColumn(
        name,
        found,
        is_nullable == "YES",
        "auto_increment" in (extra or "").lower(),
        comment or "",
        kind.lower() in INTEGERS,
        kind.lower(),
        full,
        charset,
        "VIRTUAL" in (extra or "").upper(),
        default not in (None, "NULL"),
    )


def _readable(key: tuple[str, ...], columns: list[MyColumn]) -> tuple[str, ...]:
    return key if {column.name for column in columns}.issuperset(key) else ()


def _json_columns(connection: Any, schema: str) -> set[tuple[str, str]]:
    """MariaDB has no type JSON: `json` there is a `longtext` with a check of its own making."""
    if "mariadb" not in connection.get_server_info().lower():
        return set()
    found = set()
    for table, clause in fetched(connection, _CHECKS, [schema]):
        if match := _JSON_CHECK.match(clause):
            found.add((table, match[1].replace("``", "`")))
    return found


def _keys(connection: Any, values: list[Any]) -> dict[str, tuple[str, ...]]:
    """Primary keys; else the narrowest unique index over whole columns that are never NULL."""
    indexes: dict[tuple[str, str], list[tuple[str | None, bool]]] = {}
    for table, index, column, part, is_nullable in fetched(connection, _INDEXES, values):
        usable = part is None and column is not None and is_nullable != "YES"
        indexes.setdefault((table, index), []).append((column, usable))
    found: dict[str, tuple[str, ...]] = {}
    by_width = sorted(indexes.items(), key=lambda item: (item[0][1] != "PRIMARY", len(item[1])))
    for (table, _), parts in by_width:
        if all(usable for _, usable in parts):
            found.setdefault(table, tuple(str(column) for column, _ in parts))
    return found


def _references(connection: Any, values: list[Any]) -> dict[str, list[ForeignKey]]:
    parts: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for table, name, column, referred_table, referred in fetched(connection, _REFERENCES, values):
        parts.setdefault((table, name, referred_table), []).append((column, referred))
    found: dict[str, list[ForeignKey]] = {}
    for (table, _, referred_table), pairs in parts.items():
        here, there = zip(*pairs, strict=True)
        found.setdefault(table, []).append(ForeignKey(here, referred_table, there))
    return found


_TABLES = """
SELECT t.TABLE_NAME, t.TABLE_TYPE, t.ENGINE, t.TABLE_ROWS, t.AVG_ROW_LENGTH, t.TABLE_COMMENT, t.CREATE_TIME
FROM information_schema.TABLES t
WHERE t.TABLE_SCHEMA = %s AND (%s IS NULL OR t.TABLE_NAME = %s)
    AND t.TABLE_TYPE IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
ORDER BY t.TABLE_NAME
"""

_COLUMNS = """
SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.NUMERIC_PRECISION, c.NUMERIC_SCALE,
    c.IS_NULLABLE, c.EXTRA, c.COLUMN_COMMENT, c.CHARACTER_SET_NAME, c.COLUMN_DEFAULT
FROM information_schema.COLUMNS c
WHERE c.TABLE_SCHEMA = %s AND (%s IS NULL OR c.TABLE_NAME = %s) AND FIND_IN_SET('select', c.PRIVILEGES)
ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION
"""

_CHECKS = """
SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = %s
"""

_INDEXES = """
SELECT s.TABLE_NAME, s.INDEX_NAME, s.COLUMN_NAME, s.SUB_PART, s.NULLABLE
FROM information_schema.STATISTICS s
WHERE s.TABLE_SCHEMA = %s AND (%s IS NULL OR s.TABLE_NAME = %s) AND s.NON_UNIQUE = 0
ORDER BY s.TABLE_NAME, s.INDEX_NAME, s.SEQ_IN_INDEX
"""

_REFERENCES = """
SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME
FROM information_schema.KEY_COLUMN_USAGE k
WHERE k.TABLE_SCHEMA = %s AND (%s IS NULL OR k.TABLE_NAME = %s) AND k.REFERENCED_TABLE_NAME IS NOT NULL
    AND k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA
ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION
"""
