"""Jobs: one per source, one for a project's materialized views, one for looking after its lake."""

from typing import TYPE_CHECKING, TypeAlias

import dagster as dg

from pwh_assets.core.source import SyncedTable
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.maintenance import maintenance_key
from pwh_assets.services.graph import Graph

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    AssetJob: TypeAlias = UnresolvedAssetJobDefinition
    """What `dg.define_asset_job` returns; Dagster exports no name for it."""

QUEUE_TAG = "pwh/queue"
"""Runs that share a value of this tag wait for each other in the queue."""


def sync_job_name(project_id: int, slug: str) -> str:
    return scoped(project_id, "sync", slug)


def views_job_name(project_id: int) -> str:
    return scoped(project_id, "build_views")


def maintenance_job_name(project_id: int) -> str:
    return scoped(project_id, "maintain_lake")


def table_key(graph: Graph, table: SyncedTable) -> dg.AssetKey:
    return dg.AssetKey(graph.nodes[table.table_name].asset_key)


def jobs_of(inventory: Inventory) -> "list[AssetJob]":
    """Every job of a project. A run of a job may take any part of it."""
    project_id, graph = inventory.project_id, inventory.graph
    jobs = [
        _job(
            sync_job_name(project_id, slug),
            [table_key(graph, table) for table in tables],
            f"Syncs tables of {source.source_type} source `{slug}`.",
        )
        for slug, (source, tables) in inventory.sources.items()
    ]
    if inventory.materialized:
        keys = [dg.AssetKey(graph.nodes[view.name].asset_key) for view in inventory.materialized]
        jobs.append(
            _job(
                views_job_name(project_id),
                keys,
                "Builds materialized views, inputs before readers.",
            )
        )
    jobs.append(
        _job(
            maintenance_job_name(project_id),
            [maintenance_key(project_id)],
            "Merges small files, expires snapshots, verifies the lake.",
        )
    )
    return jobs


def _job(name: str, keys: list[dg.AssetKey], description: str) -> "AssetJob":
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*keys),
        description=description,
        tags={QUEUE_TAG: name},
    )
