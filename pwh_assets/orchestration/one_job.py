"""Definitions of one job: all that a process needs that executes a single run, without schedules, sensors and other jobs."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import dagster as dg

from pwh_assets.orchestration.assets import source_assets
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.jobs import jobs_of, table_key
from pwh_assets.orchestration.names import (
    maintenance_job_name,
    sync_job_name,
    views_job_name,
)
from pwh_assets.orchestration.specs import external_spec, product_specs, virtual_assets_allowed
from pwh_assets.orchestration.watcher import Watcher
from pwh_assets.services.sync.ahead import Ahead


def definitions_for(
    inventory: Inventory,
    job: str,
    resources: Mapping[str, Any],
    only: Collection[dg.AssetKey] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """One of `jobs_of` a project with the assets it may run and what those read. Opens nothing.

    Its run looks in Dagster as one of the project's whole definitions does: same job, steps, assets and checks.

    Args:
        only: What the run takes of it; nothing else of the job is defined then, of a thousand tables maybe one.

    Raises:
        KeyError: the project has no such job.
    """
    definition = {each.name: each for each in jobs_of(inventory)}[job]
    if only is not None:
        definition = dg.define_asset_job(
            job,
            dg.AssetSelection.assets(*only),
            description=definition.description,
            tags=definition.tags,
        )
    with virtual_assets_allowed():
        return dg.Definitions(
            assets=list(_assets_for(inventory, job, only)),
            jobs=[definition],
            resources={"watcher": Watcher(), "ahead": Ahead(), **resources},
            executor=dg.in_process_executor,
            loggers=loggers,
        )


def _assets_for(
    inventory: Inventory, job: str, only: Collection[dg.AssetKey] | None
) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    project_id, graph = inventory.project_id, inventory.graph
    if job == maintenance_job_name(project_id):
        from pwh_assets.orchestration.maintenance import maintenance_asset

        yield maintenance_asset(project_id)
    elif job == views_job_name(project_id):
        from pwh_assets.orchestration.view_assets import view_asset

        yield from product_specs(inventory)
        for view in inventory.views:
            # Plain views are always there: by them Dagster knows the order of those it builds.
            key = dg.AssetKey(graph.nodes[view.name].asset_key)
            if only is None or key in only or not view.is_materialized:
                yield view_asset(inventory, view)
    else:
        for slug, (source, tables) in inventory.sources.items():
            if sync_job_name(inventory, slug) == job:
                asked = [each for each in tables if only is None or table_key(graph, each) in only]
                if asked:
                    yield from (external_spec(inventory, table) for table in asked)
                    yield source_assets(inventory, source, asked)
