"""Inventories made into definitions: assets, checks, jobs, schedules and sensors in one value."""

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg

from pwh_assets.orchestration.assets import source_assets
from pwh_assets.orchestration.check_jobs import check_jobs, check_schedules, standing_checks
from pwh_assets.orchestration.dbt_assets import dbt_sensors
from pwh_assets.orchestration.discovery import discovery_sensors
from pwh_assets.orchestration.following import following_sensors
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.jobs import jobs_of
from pwh_assets.orchestration.maintenance import maintenance_asset
from pwh_assets.orchestration.mending import mending_sensor
from pwh_assets.orchestration.product import product_sensor
from pwh_assets.orchestration.schedules import schedules_of
from pwh_assets.orchestration.sensors import sensors_of
from pwh_assets.orchestration.specs import external_spec, product_specs, virtual_assets_allowed
from pwh_assets.orchestration.view_assets import view_assets
from pwh_assets.orchestration.watcher import Watcher
from pwh_assets.services.sync.ahead import Ahead


def compose(
    inventories: Collection[Inventory],
    resources: Mapping[str, Any],
    executor: dg.ExecutorDefinition = dg.in_process_executor,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """Definitions of these projects. Opens nothing."""
    jobs = {job.name: job for inventory in inventories for job in jobs_of(inventory)}
    with virtual_assets_allowed():
        return dg.Definitions(
            assets=[asset for inventory in inventories for asset in _assets_of(inventory)],
            jobs=[*jobs.values(), *(job for each in inventories for job in check_jobs(each))],
            schedules=[
                schedule
                for each in inventories
                for schedule in (*schedules_of(each), *check_schedules(each))
            ],
            asset_checks=[check for each in inventories for check in standing_checks(each)],
            sensors=[
                *sensors_of(inventories, jobs),
                *discovery_sensors(inventories),
                *following_sensors(inventories, jobs),
                product_sensor(inventories),
                *dbt_sensors(inventories),
                *mending_sensor(inventories, jobs),
            ],
            resources={"watcher": Watcher(), "ahead": Ahead(), **resources},
            executor=executor,
            loggers=loggers,
            metadata={
                f"catalog_version_{each.project_id}": dg.MetadataValue.text(each.version)
                for each in inventories
            },
        )


def _assets_of(inventory: Inventory) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [*product_specs(inventory)]
    for source, tables in inventory.sources.values():
        assets += [external_spec(inventory, table) for table in tables]
        assets.append(source_assets(inventory, source, tables))
    return [*assets, *view_assets(inventory), maintenance_asset(inventory.project_id)]
