"""Schedules: one run per source and rhythm, per rhythm of views, and nightly maintenance. They are on by default."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import quoted
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.jobs import table_key
from pwh_assets.orchestration.maintenance import maintenance_key
from pwh_assets.orchestration.names import (
    maintenance_job_name,
    queue_tags,
    sync_job_name,
    views_job_name,
)
from pwh_assets.orchestration.processes import fail_dead_runs
from pwh_assets.orchestration.specs import in_words, is_scheduled
from pwh_assets.services.freshness.project import paused_chain
from pwh_assets.services.lineage.graph import Graph, project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.skips import held_up, skip_build

SCHEDULE_TAG = "pwh/schedule"
NIGHTLY = "30 3 * * *"
UNDERWAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""A run in one of these has not ended."""


def schedules_of(inventory: Inventory) -> list[dg.ScheduleDefinition]:
    """Every schedule of a project, in UTC."""
    project_id, graph = inventory.project_id, inventory.graph
    schedules = []
    for slug, (_, tables) in inventory.sources.items():
        by_rhythm: dict[Frequency, list[dg.AssetKey]] = {}
        for table in tables:
            if is_scheduled(table):
                frequency = inventory.plan.effective(table.table_name) or table.frequency
                by_rhythm.setdefault(frequency, []).append(table_key(graph, table))
        for frequency, keys in by_rhythm.items():
            name = schedule_name(scoped(project_id, "sync", slug), frequency)
            job = sync_job_name(inventory, slug)
            about = f"Syncs {len(keys)} tables of `{slug}` {in_words(frequency)}."
            schedules.append(
                _schedule(
                    name, job, frequency.cron, keys, about, queue_tags(project_id, "sync", slug)
                )
            )
    views: dict[Frequency, dict[str, dg.AssetKey]] = {}
    for view in inventory.materialized:
        effective = inventory.plan.effective(view.name)
        if effective is not None:
            key = dg.AssetKey(graph.nodes[view.name].asset_key)
            views.setdefault(effective, {})[view.name] = key
    for frequency, named in views.items():
        name = schedule_name(scoped(project_id, "build_views"), frequency)
        about = f"Builds {len(named)} materialized views {in_words(frequency)}."
        schedules.append(_views_schedule(project_id, name, frequency.cron, named, about))
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


def schedule_name(start: str, frequency: Frequency) -> str:
    """A schedule's name by what it starts and how often.

    >>> schedule_name("build_views", Frequency("24hour", "02:30"))
    'build_views_every_24hour_at_0230'
    """
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
        return _underway(context, name) or _request(context, name, selection, tags)

    return evaluate


def _views_schedule(
    project_id: int, name: str, cron: str, keys: Mapping[str, dg.AssetKey], description: str
) -> dg.ScheduleDefinition:
    """As any schedule, without the views that are suspended when it ticks and those that read them."""

    @dg.schedule(
        name=name,
        job_name=views_job_name(project_id),
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def evaluate(
        context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.RunRequest | dg.SkipReason:
        if skipped := _underway(context, name):
            return skipped
        graph = project_graph(platform, project_id)
        stopped = waiting_views(graph, platform.store.views(project_id))
        waiting = {view: stopped[view] for view in keys if view in stopped}
        note_skipped(platform, project_id, waiting)
        held = held_up(platform, project_id, keys.keys() - waiting.keys())
        for view, reason in held.items():
            skip_build(platform, platform.store.view(project_id, view), reason)
        selection = [key for view, key in keys.items() if view not in waiting and view not in held]
        if not selection and waiting:
            return dg.SkipReason(
                f"Suspended, or reading what is: {quoted(sorted(waiting))}. "
                "`pwh view resume NAME` goes on with it."
            )
        if not selection:
            return dg.SkipReason(" ".join(sorted(held.values())))
        return _request(context, name, selection, {})

    return evaluate


def waiting_views(graph: Graph, views: Iterable[SavedQuery]) -> dict[str, str]:
    """Views that are not to be started now: suspended or paused ones, and those that read one; each with that one."""
    stopped = [
        view.name
        for view in views
        if view.is_materialized and (view.is_suspended or view.status is TableStatus.PAUSED)
    ]
    return paused_chain(graph, stopped)


def note_skipped(platform: Platform, project_id: int, skipped: Mapping[str, str]) -> None:
    """Write down that these views were due and not begun, because of the suspended ones they read."""
    for name, root in skipped.items():
        view = platform.store.find_view(project_id, name)
        if view is not None and view.is_materialized and name != root:
            skip_build(platform, view, f"`{root}` is suspended or paused.")


def _underway(context: dg.ScheduleEvaluationContext, name: str) -> dg.SkipReason | None:
    fail_dead_runs(context.instance)
    underway = context.instance.get_run_records(
        dg.RunsFilter(tags={SCHEDULE_TAG: name}, statuses=UNDERWAY), limit=1
    )
    if not underway:
        return None
    return dg.SkipReason(
        f"Its last run {underway[0].dagster_run.run_id[:8]} has not ended yet; the next tick takes all up."
    )


def _request(
    context: dg.ScheduleEvaluationContext,
    name: str,
    selection: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
) -> dg.RunRequest:
    at = context.scheduled_execution_time
    return dg.RunRequest(
        run_key=f"{name}@{at:%Y-%m-%dT%H:%M}",
        asset_selection=list(selection),
        tags={**tags, SCHEDULE_TAG: name},
    )
