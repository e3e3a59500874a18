"""Copies of the lake's tables inside ClickHouse, brought up to date when a query needs them."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.engines.base import EngineError
from pwh_assets.hogql.stored import type_of
from pwh_assets.hogql.types import Type

if TYPE_CHECKING:
    from pwh_assets.core.source import Column
    from pwh_assets.lake import Lake
    from pwh_assets.lake.catalog import LakeTable

BATCH_ROWS = 200_000
STATE = "_mirror"

WIDE: dict[str, str] = {
    "HUGEINT": "Nullable(Int128)",
    "UBIGINT": "Nullable(UInt64)",
    "UHUGEINT": "Nullable(UInt128)",
}
"""Stored integers that do not fit ClickHouse's Int64."""


def database_of(project_id: int) -> str:
    return f"pwh_{project_id}"


def table_of(path: tuple[str, ...]) -> str:
    """The mirror's name of a stored table, as the ClickHouse printer writes it."""
    return "__".join(path)


class Mirror:
    """The mirror of one project."""

    def __init__(self, client: Any, lake: "Lake", project_id: int) -> None:
        self._client = client
        self._lake = lake
        self._database = database_of(project_id)
        self._lock = threading.Lock()
        self._snapshot = -1
        self._tables: dict[tuple[str, str], LakeTable] = {}
        self._known: dict[str, int] = {}
        client.command(f"CREATE DATABASE IF NOT EXISTS {_name(self._database)}")
        client.command(
            f"CREATE TABLE IF NOT EXISTS {self._place(STATE)} (name String, snapshot Int64, at DateTime DEFAULT now()) "
            "ENGINE = ReplacingMergeTree(at) ORDER BY name"
        )
        for name, snapshot in client.query(
            f"SELECT name, snapshot FROM {self._place(STATE)} FINAL"
        ).result_rows:
            self._known[name] = snapshot

    def bring(self, paths: Sequence[tuple[str, ...]]) -> None:
        """See to it that each stored table's copy is the table as it is now."""
        with self._lock:
            snapshot = self._lake.snapshot_id()
            if snapshot != self._snapshot:
                self._tables = {(t.schema, t.name): t for t in self._lake.tables()}
                self._snapshot = snapshot
            for path in paths:
                table = self._tables.get((path[0], path[-1]))
                if table is None:
                    raise EngineError(
                        f"The lake has no table `{'.'.join(path)}`. Sync its source again."
                    )
                if self._known.get(table_of(path)) != table.changed_snapshot:
                    self._copy(path, table)

    def _copy(self, path: tuple[str, ...], table: "LakeTable") -> None:
        """A fresh copy beside the old one, then one exchange: a reader sees one or the other."""
        import pyarrow as pa

        name = table_of(path)
        fresh = self._place(f"{name}__fresh")
        columns = ", ".join(f"{_name(c.name)} {column_type(c)}" for c in table.columns)
        self._client.command(f"DROP TABLE IF EXISTS {fresh}")
        self._client.command(
            f"CREATE TABLE {fresh} ({columns}) ENGINE = MergeTree ORDER BY tuple()"
        )
        reads = ", ".join(f"{_read(c)} AS {_quoted(c.name)}" for c in table.columns)
        source = f"lake.{_quoted(table.schema)}.{_quoted(table.name)}"
        with self._lake.read() as connection:
            reader = connection.execute(f"SELECT {reads} FROM {source}").to_arrow_reader(BATCH_ROWS)
            for batch in reader:
                rows = pa.Table.from_batches([batch])
                self._client.insert_arrow(fresh, rows)  # quoted: a view may have dots in its name
        self._client.command(f"CREATE TABLE IF NOT EXISTS {self._place(name)} AS {fresh}")
        self._client.command(f"EXCHANGE TABLES {self._place(name)} AND {fresh}")
        self._client.command(f"DROP TABLE IF EXISTS {fresh}")
        self._client.insert(
            STATE,
            [[name, table.changed_snapshot]],
            column_names=["name", "snapshot"],
            database=self._database,
        )
        self._known[name] = table.changed_snapshot

    def _place(self, table: str) -> str:
        return f"{_name(self._database)}.{_name(table)}"


def column_type(column: "Column") -> str:
    """The copy's type: every scalar may be NULL; arrays and maps are empty instead."""
    from pwh_assets.hogql.functions.sqltext import sql_type  # brings sqlglot: only when copying

    return WIDE.get(column.type.upper()) or sql_type(type_of(column.type), "clickhouse")


def _read(column: "Column") -> str:
    """A stored column as Arrow hands it over: without loss, but for the sign of a float's zero.

    ClickHouse would group and join `-0.0` apart from `0.0`.
    """
    type_ = type_of(column.type)
    name = _quoted(column.name)
    kind = _arrow_type(type_, column.type)
    cast = name if kind is None else f"CAST({name} AS {kind})"
    if type_.name == "Float":
        return f"{cast} + 0.0"
    if type_.name == "Array":
        return f"coalesce({cast}, [])"
    if type_.name == "Map":
        return f"coalesce({cast}, MAP {{}})"
    return cast


def _arrow_type(type_: Type, stored: str) -> str | None:
    """What to cast to before handing over; None for as it is."""
    stored = stored.upper()
    if stored in WIDE:
        return "VARCHAR"
    match type_.name:
        case "String" | "JSON" | "UUID" | "Interval":
            return None if stored == "VARCHAR" else "VARCHAR"
        case "DateTime":
            return None if stored == "TIMESTAMP" else "TIMESTAMP"
        case "Integer":
            return "BIGINT"
        case "Float":
            return "DOUBLE"
        case "Array":
            inner = _arrow_type(type_.args[0], stored[:-2]) if type_.args else None
            return f"{inner}[]" if inner else None
        case _:
            return None


def _name(identifier: str) -> str:
    return "`" + identifier.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
