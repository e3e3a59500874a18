"""What a check is about: a synced table, a view or a product table, with its columns and key."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pwh_assets.core.names import nearest, slug, table_spellings
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import Node, NodeKind, project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.quality.words import chain, ident

if TYPE_CHECKING:
    from pwh_assets.core.source import SyncedTable
    from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef

_LIKELY_KEYS = 2


@dataclass(frozen=True)
class Subject:
    """A table or view as checks see it."""

    project_id: int
    id: str
    name: str
    kind: NodeKind
    table: "TableDef"
    primary_key: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> "Mapping[str, ColumnDef]":
        """Columns a check may look at by itself, by name."""
        return {column.name: column for column in self.table.columns if not column.hidden}

    @property
    def key(self) -> tuple[str, ...]:
        """What tells rows apart in examples: the primary key; else the first columns called like one."""
        if self.primary_key:
            return tuple(name for name in self.primary_key if name in self.columns)
        likely = [
            name
            for name in self.columns
            if name.lower() in ("id", "uuid", "key") or name.lower().endswith(("_id", "_uuid"))
        ]
        return tuple(likely[:_LIKELY_KEYS])

    def column(self, name: str) -> str:
        """A column, or a dotted path into one, as HogQL text."""
        return ident(name) if name in self.columns else chain(name)


def node_of(platform: Platform, project_id: int, name: str) -> Node:
    """The table or view of this name, spelling or id.

    Raises:
        NotFoundError: it names the nearest.
        InvalidInputError: it lies outside the warehouse.
    """
    graph = project_graph(platform, project_id)
    node = graph.find(name)
    if node is None:
        near = nearest(name, list(graph.nodes))
        hint = (
            f"Did you mean `{near}`?" if near else "`pwh source list` and `pwh view list` show all."
        )
        raise NotFoundError("table or view", name, hint)
    if node.kind is NodeKind.EXTERNAL:
        raise InvalidInputError(
            "table", f"`{node.name}` lies at its source; check the synced table instead."
        )
    return node


def subject_of(
    platform: Platform, node: Node, project_id: int, catalog: "Catalog | None" = None
) -> "tuple[Subject, Catalog]":
    """The subject, and the catalog its questions compile against.

    A table that was never synced is taken as its source declared it, so that checks can be declared first.

    Raises:
        NotFoundError: nothing is known of its columns yet.
    """
    catalog = catalog or build_catalog(platform, project_id)
    synced = platform.store.table(node.id) if node.kind is NodeKind.SYNCED else None
    table = catalog.by_name.get(node.name.lower())
    if table is None and synced is not None and synced.columns:
        table = _declared(synced)
        catalog = replace(catalog, tables=(*catalog.tables, table), version="")
    if table is None:
        raise NotFoundError(
            "table with rows", node.name, f"`pwh sync {node.name}` gets some, then try again."
        )
    key = synced.primary_key if synced is not None else ()
    return Subject(project_id, node.id, node.name, node.kind, table, tuple(key)), catalog


def _declared(table: "SyncedTable") -> "TableDef":
    from pwh_assets.hogql.catalog import ColumnDef, TableDef
    from pwh_assets.hogql.stored import type_of

    names = table_spellings(table.source.source_type, table.source.prefix, table.name)
    columns = tuple(
        ColumnDef(column.name, type_of(column.type), stored=column.type.upper())
        for column in table.columns
        if column.name not in table.options.dropped
    )
    return TableDef(names[0], columns, (table.source.slug, slug(table.name)), spellings=names[1:])
