"""Product data in the graph: a sensor reports events, persons and their kin whenever rows came in, however they came."""

import json
from collections.abc import Iterable, Mapping

import dagster as dg

from pwh_assets.core.names import asset_key
from pwh_assets.core.source import Column
from pwh_assets.lake import LakeTable
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.specs import table_metadata
from pwh_assets.services.freshness.beat import beat
from pwh_assets.services.lineage.graph import PRODUCT_TABLES
from pwh_assets.services.platform import Platform

EVERY_S = 60
SCHEMA = "product"


def product_sensor(inventories: Iterable[Inventory]) -> dg.SensorDefinition:
    """Looks at the lake's catalog, never at rows. Starts no run."""
    project_ids = [inventory.project_id for inventory in inventories]
    looked_at: dict[str, dict[int, int]] = {}
    """The cursor a look left -> the snapshots of the lakes it looked at."""

    @dg.sensor(
        name="product_data",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports product tables whose rows changed, with their row counts.",
    )
    def evaluate(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        beat(platform.settings)
        snapshots = {each: platform.lakes.of(each).snapshot_id() for each in project_ids}
        if context.cursor and looked_at.get(context.cursor) == snapshots:
            return dg.SensorResult(cursor=context.cursor, skip_reason="No new product data.")
        before: dict[str, int] = json.loads(context.cursor or "{}")
        after = {
            f"{project_id}/{name}": snapshot
            for project_id in project_ids
            for (schema, name), snapshot in platform.lakes.of(project_id)
            .changed_snapshots()
            .items()
            if schema == SCHEMA and name in PRODUCT_TABLES
        }
        moved = {int(key.split("/")[0]) for key in after if before.get(key) != after[key]}
        events = [
            _materialization(project_id, table)
            for project_id in sorted(moved)
            for table in platform.lakes.of(project_id).tables()
            if table.schema == SCHEMA
            and table.name in PRODUCT_TABLES
            and is_news(before, f"{project_id}/{table.name}", table)
        ]
        cursor = json.dumps(after, sort_keys=True)
        looked_at.clear()
        looked_at[cursor] = snapshots
        return dg.SensorResult(
            asset_events=events,
            cursor=cursor,
            skip_reason=None if events else "No new product data.",
        )

    return evaluate


def is_news(before: Mapping[str, int], key: str, table: LakeTable) -> bool:
    """True when the table changed since it was last looked at. One that never had rows is no news."""
    if key not in before:
        return table.row_count > 0
    return before[key] != table.changed_snapshot


def _materialization(project_id: int, table: LakeTable) -> dg.AssetMaterialization:
    columns = tuple(Column(column.name, column.type) for column in table.columns)
    return dg.AssetMaterialization(
        asset_key=dg.AssetKey(asset_key(project_id, SCHEMA, table.name)),
        metadata={
            **table_metadata(SCHEMA, table.name, columns),
            "dagster/row_count": table.row_count,
            "bytes": table.size_bytes,
        },
    )
