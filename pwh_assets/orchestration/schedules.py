"""Schedules: one run per source and rhythm, per rhythm of views, and nightly maintenance. They are on by default."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pwh_assets.core.frequency import Frequency
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.jobs import (
    maintenance_job_name,
    queue_tags,
    sync_job_name,
    table_key,
    views_job_name,
)
from pwh_assets.orchestration.maintenance import maintenance_key
from pwh_assets.orchestration.processes import fail_dead_runs
from pwh_assets.orchestration.specs import in_words, is_scheduled

SCHEDULE_TAG = "pwh/schedule"
NIGHTLY = "30 3 * * *"
_UNDERWAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def schedules_of(inventory: Inventory) -> list[dg.ScheduleDefinition]:
    """Every schedule of a project, in UTC."""
    project_id, graph = inventory.project_id, inventory.graph
    schedules = []
    for slug, (_, tables) in inventory.sources.items():
        by_rhythm: dict[Frequency, list[dg.AssetKey]] = {}
        for table in tables:
            if is_scheduled(table):
                by_rhythm.setdefault(table.frequency, []).append(table_key(graph, table))
        for frequency, keys in by_rhythm.items():
            name = _name(scoped(project_id, "sync", slug), frequency)
            job = sync_job_name(inventory, slug)
            about = f"Syncs {len(keys)} tables of `{slug}` {in_words(frequency)}."
            schedules.append(
                _schedule(
                    name, job, frequency.cron, keys, about, queue_tags(project_id, "sync", slug)
                )
            )
    views: dict[Frequency, list[dg.AssetKey]] = {}
    for view in inventory.materialized:
        if view.frequency is not None:
            key = dg.AssetKey(graph.nodes[view.name].asset_key)
            views.setdefault(view.frequency, []).append(key)
    for frequency, keys in views.items():
        name = _name(scoped(project_id, "build_views"), frequency)
        about = f"Builds {len(keys)} materialized views {in_words(frequency)}."
        schedules.append(
            _schedule(name, views_job_name(project_id), frequency.cron, keys, about, {})
        )
    schedules.append(
        _schedule(
            scoped(project_id, "maintain_lake_nightly"),
            maintenance_job_name(project_id),
            NIGHTLY,
            [maintenance_key(project_id)],
            "Looks after the lake every night at 03:30 UTC.",
            {},
        )
    )
    return schedules


def _name(start: str, frequency: Frequency) -> str:
    at = f"_at_{frequency.time_of_day.replace(':', '')}" if frequency.time_of_day else ""
    return f"{start}_every_{frequency.name}{at}"


def _schedule(
    name: str,
    job_name: str,
    cron: str,
    keys: Sequence[dg.AssetKey],
    description: str,
    tags: Mapping[str, str],
) -> dg.ScheduleDefinition:
    selection = list(keys)

    @dg.schedule(
        name=name,
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        fail_dead_runs(context.instance)
        underway = context.instance.get_run_records(
            dg.RunsFilter(tags={SCHEDULE_TAG: name}, statuses=_UNDERWAY), limit=1
        )
        if underway:
            return dg.SkipReason(
                f"Its last run {underway[0].dagster_run.run_id[:8]} has not ended yet; the next tick takes all up."
            )
        at = context.scheduled_execution_time
        return dg.RunRequest(
            run_key=f"{name}@{at:%Y-%m-%dT%H:%M}",
            asset_selection=selection,
            tags={**tags, SCHEDULE_TAG: name},
        )

    return evaluate
