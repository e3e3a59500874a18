"""Jobs: one per source, one for a project's materialized views, one for looking after its lake."""

from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from pwh_assets.core.source import SyncedTable
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.maintenance import maintenance_key
from pwh_assets.services.lineage.graph import Graph, NodeKind

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    AssetJob: TypeAlias = UnresolvedAssetJobDefinition
    """What `dg.define_asset_job` returns; Dagster exports no name for it."""

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


def table_key(graph: Graph, table: SyncedTable) -> dg.AssetKey:
    return dg.AssetKey(graph.nodes[table.table_name].asset_key)


def jobs_of(inventory: Inventory) -> "list[AssetJob]":
    """Every job of a project. A run of a job may take any part of it."""
    project_id, graph = inventory.project_id, inventory.graph
    jobs = []
    if not has_job_per_source(inventory) and inventory.sources:
        every = [table_key(graph, table) for table in inventory.tables]
        about = f"Syncs tables of {len(inventory.sources)} sources."
        jobs.append(_job(scoped(project_id, "sync"), every, about, {}))
    else:
        for slug, (source, tables) in inventory.sources.items():
            jobs.append(
                _job(
                    sync_job_name(inventory, slug),
                    [table_key(graph, table) for table in tables],
                    f"Syncs tables of {source.source_type} source `{slug}`.",
                    queue_tags(project_id, "sync", slug),
                )
            )
    if inventory.materialized:
        jobs.append(
            _job(
                views_job_name(project_id),
                [dg.AssetKey(graph.nodes[view.name].asset_key) for view in inventory.materialized],
                "Builds materialized views, inputs before readers.",
                queue_tags(project_id, "build_views"),
            )
        )
    jobs.append(
        _job(
            maintenance_job_name(project_id),
            [maintenance_key(project_id)],
            "Merges small files, expires snapshots, verifies the lake.",
            queue_tags(project_id, "maintain_lake"),
        )
    )
    return jobs


def _job(name: str, keys: list[dg.AssetKey], description: str, tags: dict[str, str]) -> "AssetJob":
    return dg.define_asset_job(
        name, selection=dg.AssetSelection.assets(*keys), description=description, tags=tags
    )
