"""Jobs: one per source, one for a project's materialized views, one for looking after its lake."""

from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from pwh_assets.core.source import SyncedTable
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.maintenance import maintenance_key
from pwh_assets.orchestration.names import (
    has_job_per_source,
    maintenance_job_name,
    queue_tags,
    sync_job_name,
    views_job_name,
)
from pwh_assets.services.lineage.graph import Graph

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    AssetJob: TypeAlias = UnresolvedAssetJobDefinition
    """What `dg.define_asset_job` returns; Dagster exports no name for it."""


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
