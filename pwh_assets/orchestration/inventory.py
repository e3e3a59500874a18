"""What there is to orchestrate: every project's sources, tables and views, read once from the store."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from pwh_assets.core.names import DEFAULT_PROJECT, slug
from pwh_assets.core.quality import QualityCheck
from pwh_assets.core.source import Source, SyncedTable
from pwh_assets.core.view import SavedQuery
from pwh_assets.services.dbt_project.description import DbtProject
from pwh_assets.services.dbt_project.workspace import project_of
from pwh_assets.services.freshness.plan import Plan, make_plan
from pwh_assets.services.freshness.project import paces_of, run_lengths
from pwh_assets.services.lineage.graph import Graph, build_graph
from pwh_assets.services.platform import Platform


@dataclass(frozen=True)
class Inventory:
    """One project. `version` is the store's catalog version these values were read at."""

    project_id: int
    version: str
    tables: tuple[SyncedTable, ...]
    views: tuple[SavedQuery, ...]
    graph: Graph
    plan: Plan
    """Effective cadences: what the freshness targets make of everybody's own settings."""
    checks: tuple[QualityCheck, ...] = ()
    dbt: DbtProject | None = None
    """The operator's own dbt project, as it was last read without a mistake."""

    @cached_property
    def checks_of(self) -> dict[str, list[QualityCheck]]:
        """Declared checks by the id of their table or view."""
        found: dict[str, list[QualityCheck]] = {}
        for check in self.checks:
            found.setdefault(check.subject_id, []).append(check)
        return found

    @cached_property
    def sources(self) -> dict[str, tuple[Source, list[SyncedTable]]]:
        """Sources that have tables, by slug, each with its tables by name."""
        found: dict[str, tuple[Source, list[SyncedTable]]] = {}
        for table in sorted(self.tables, key=lambda each: (each.source.slug, each.name)):
            found.setdefault(table.source.slug, (table.source, []))[1].append(table)
        return found

    @cached_property
    def slugs_of_views(self) -> Counter[str]:
        """How many views would have each name where Dagster allows letters, digits and underscores only."""
        return Counter(slug(view.name) for view in self.views)

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
    return tuple(_read(platform, project_id) for project_id in sorted(wanted))


def _read(platform: Platform, project_id: int) -> Inventory:
    store = platform.store
    version = store.catalog_version(project_id)
    tables, views = store.tables(project_id), store.views(project_id)
    # How long runs take only matters where somebody promised something.
    is_promised = any(view.freshness_target for view in views)
    takes = run_lengths(platform, project_id) if is_promised else {}
    checks = store.quality_checks(project_id)
    found = make_inventory(project_id, version, tables, views, takes, checks)
    return replace(found, dbt=project_of(platform.settings, project_id))


def make_inventory(
    project_id: int,
    version: str,
    tables: Collection[SyncedTable],
    views: Collection[SavedQuery],
    takes: Mapping[str, timedelta] | None = None,
    checks: Collection[QualityCheck] = (),
) -> Inventory:
    """`takes` is how long one run of each table and view takes, by its id."""
    graph = build_graph(project_id, tables, views)
    plan = make_plan(graph, paces_of(graph, tables, views, takes or {}))
    return Inventory(project_id, version, tuple(tables), tuple(views), graph, plan, tuple(checks))


def by_source(tables: Iterable[SyncedTable]) -> list[list[SyncedTable]]:
    """The tables of each source, in the order they come."""
    found: dict[str, list[SyncedTable]] = {}
    for table in tables:
        found.setdefault(table.source.id, []).append(table)
    return list(found.values())


def scoped(project_id: int, *words: str) -> str:
    """A name for a job, schedule, sensor or group: the default project's carry no project.

    >>> scoped(1, "sync", "stripe"), scoped(2, "sync", "stripe")
    ('sync_stripe', 'project_2_sync_stripe')
    """
    name = "_".join(slug(word) for word in words)
    return name if project_id == DEFAULT_PROJECT else f"project_{project_id}_{name}"
