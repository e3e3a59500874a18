"""The sensor of views that were kept back: once what they waited for is mended, they are built without being asked."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import quoted
from pwh_assets.orchestration.checks import blocked_by
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.names import queue_tags, views_job_name
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.skips import mended

if TYPE_CHECKING:
    from pwh_assets.orchestration.jobs import AssetJob

EVERY_S = 60


def mending_sensor(
    inventories: Collection[Inventory], jobs: "Mapping[str, AssetJob]"
) -> list[dg.SensorDefinition]:
    """One sensor over all projects with materialized views; none when there are none. `jobs` are all jobs by name."""
    keys = {
        view.id: dg.AssetKey(inventory.graph.nodes[view.name].asset_key)
        for inventory in inventories
        for view in inventory.materialized
    }
    if not keys:
        return []
    started = [jobs[views_job_name(each.project_id)] for each in inventories if each.materialized]

    @dg.sensor(
        name="mended_views",
        jobs=started,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds views that waited for something broken upstream, as soon as it is mended.",
    )
    def evaluate(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        by_project: dict[int, list[SavedQuery]] = {}
        for view in mended(platform):
            if view.id in keys and not blocked_by(platform, view):
                by_project.setdefault(view.project_id, []).append(view)
        requests = [
            dg.RunRequest(
                run_key="\n".join(f"{view.id}@{view.stale_since}" for view in views),
                job_name=views_job_name(project_id),
                asset_selection=[keys[view.id] for view in views],
                tags=queue_tags(project_id, "build_views"),
            )
            for project_id, views in sorted(by_project.items())
        ]
        names = [view.name for views in by_project.values() for view in views]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if names else "Nothing waits for what is mended.",
            cursor=quoted(names) if names else None,
        )

    return [evaluate]
