"""Names that Dagster has things of ours by: its code location, jobs, tags of runs. Importing it does not load Dagster."""

from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.services.lineage.graph import Graph, NodeKind

LOCATION = "pwh"
"""Of the code location, in Dagster's UI too."""
TRIGGER_TAG = "pwh/trigger"
"""What had a run begun: `command`, `api`."""
QUEUE_TAG = "pwh/queue"
"""Runs that share a value of this tag wait for each other in the queue."""
ENGINE_TAG = "pwh/engine"
"""The engine that somebody asked for the views of a run to be built by."""


MOST_JOBS = 30
MOST_RESOLVED = 10_000
"""Each job is resolved against all assets. Jobs times assets beyond this, one job syncs all sources: 20 jobs were a
third of loading 1,000 tables and 500 views, 100 of them three quarters of loading 5,000 tables."""


def has_job_per_source(inventory: Inventory) -> bool:
    return _is_few(len(inventory.sources), len(inventory.tables) + len(inventory.views))


def _is_few(sources: int, assets: int) -> bool:
    return sources == 1 or (sources <= MOST_JOBS and sources * assets <= MOST_RESOLVED)


def sync_job_name(inventory: Inventory, slug: str) -> str:
    """The job that syncs a source: its own, or one for all where there are many sources or tables."""
    return _sync_job(inventory.project_id, slug, is_own=has_job_per_source(inventory))


def sync_job_in(graph: Graph, project_id: int, slug: str) -> str:
    """The same by the graph alone, for whoever has no use for the rest of an inventory."""
    tables = [node for node in graph.nodes.values() if node.kind is NodeKind.SYNCED]
    sources = {node.asset_key[:-1] for node in tables}
    views = sum(node.kind in _VIEWS for node in graph.nodes.values())
    return _sync_job(project_id, slug, is_own=_is_few(len(sources), len(tables) + views))


_VIEWS = (NodeKind.VIEW, NodeKind.MATERIALIZED, NodeKind.DBT)


def _sync_job(project_id: int, slug: str, *, is_own: bool) -> str:
    return scoped(project_id, "sync", slug) if is_own else scoped(project_id, "sync")


def queue_tags(project_id: int, *words: str) -> dict[str, str]:
    return {QUEUE_TAG: scoped(project_id, *words)}


def views_job_name(project_id: int) -> str:
    return scoped(project_id, "build_views")


def maintenance_job_name(project_id: int) -> str:
    return scoped(project_id, "maintain_lake")
