"""Definitions of one job: all that a process needs that executes a single run, without schedules, sensors and other jobs."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from pwh_assets.orchestration.assets import source_assets
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.jobs import (
    jobs_of,
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
    executor: dg.ExecutorDefinition = dg.in_process_executor,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """One of `jobs_of` a project with the assets it may run and what those read. Opens nothing.

    Its run looks in Dagster as one of the project's whole definitions does: same job, steps, assets and checks.

    Raises:
        KeyError: the project has no such job.
    """
    definition = {each.name: each for each in jobs_of(inventory)}[job]
    with virtual_assets_allowed():
        return dg.Definitions(
            assets=list(_assets_for(inventory, job)),
            jobs=[definition],
            resources={"watcher": Watcher(), "ahead": Ahead(), **resources},
            executor=executor,
            loggers=loggers,
        )


def _assets_for(inventory: Inventory, job: str) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    project_id = inventory.project_id
    if job == maintenance_job_name(project_id):
        from pwh_assets.orchestration.maintenance import maintenance_asset

        yield maintenance_asset(project_id)
    elif job == views_job_name(project_id):
        from pwh_assets.orchestration.view_assets import view_assets

        yield from product_specs(inventory)
        yield from view_assets(inventory)
    else:
        for slug, (source, tables) in inventory.sources.items():
            if sync_job_name(inventory, slug) == job:
                yield from (external_spec(inventory, table) for table in tables)
                yield source_assets(inventory, source, tables)
