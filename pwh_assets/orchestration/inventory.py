"""What there is to orchestrate: every project's sources, tables and views, read once from the store."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from pwh_assets.core.names import DEFAULT_PROJECT, slug
from pwh_assets.core.source import Source, SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.services.graph import Graph, build_graph
from pwh_assets.services.platform import Platform


@dataclass(frozen=True)
class Inventory:
    """One project. `version` is the store's catalog version these values were read at."""

    project_id: int
    version: str
    tables: tuple[SyncedTable, ...]
    views: tuple[SavedQuery, ...]
    graph: Graph

    @cached_property
    def sources(self) -> dict[str, tuple[Source, list[SyncedTable]]]:
        """Sources that have tables, by slug, each with its tables by name."""
        found: dict[str, tuple[Source, list[SyncedTable]]] = {}
        for table in sorted(self.tables, key=lambda each: (each.source.slug, each.name)):
            found.setdefault(table.source.slug, (table.source, []))[1].append(table)
        return found

    @property
    def materialized(self) -> tuple[SavedQuery, ...]:
        return tuple(view for view in self.views if view.is_materialized)


def read_inventories(
    platform: Platform, project_ids: Collection[int] | None = None
) -> tuple[Inventory, ...]:
    """Every project (or the named ones) as the store has it now.

    The version is read first: a change in between makes it too old, never too new, so whoever compares it
    later reads again.
    """
    store = platform.store
    wanted = store.project_ids() if project_ids is None else project_ids
    return tuple(
        make_inventory(
            project_id,
            store.catalog_version(project_id),
            store.tables(project_id),
            store.views(project_id),
        )
        for project_id in sorted(wanted)
    )


def make_inventory(
    project_id: int, version: str, tables: Collection[SyncedTable], views: Collection[SavedQuery]
) -> Inventory:
    return Inventory(
        project_id, version, tuple(tables), tuple(views), build_graph(project_id, tables, views)
    )


def scoped(project_id: int, *words: str) -> str:
    """A name for a job, schedule, sensor or group: the default project's carry no project.

    >>> scoped(1, "sync", "stripe"), scoped(2, "sync", "stripe")
    ('sync_stripe', 'project_2_sync_stripe')
    """
    name = "_".join(slug(word) for word in words)
    return name if project_id == DEFAULT_PROJECT else f"project_{project_id}_{name}"
