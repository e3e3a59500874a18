"""Checks that run by themselves: on a schedule for any table, and as assets' own checks where nothing is built."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.quality import CheckTrigger, QualityCheck
from pwh_assets.orchestration.checks import declared_specs
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.orchestration.metadata import check_result
from pwh_assets.orchestration.names import queue_tags
from pwh_assets.orchestration.schedules import SCHEDULE_TAG, schedule_name
from pwh_assets.orchestration.specs import in_words
from pwh_assets.services.lineage.graph import Graph, NodeKind, project_graph
from pwh_assets.services.platform import Platform


def check_job_name(project_id: int) -> str:
    return scoped(project_id, "check_quality")


def standing_checks(inventory: Inventory) -> list[dg.AssetChecksDefinition]:
    """Checks of plain views and product tables: no step makes those, so their checks are steps of their own."""
    graph = inventory.graph
    standing = {
        graph.nodes[name].id: dg.AssetKey(graph.nodes[name].asset_key)
        for name, node in graph.nodes.items()
        if node.kind in (NodeKind.VIEW, NodeKind.PRODUCT)
    }
    specs = [
        spec
        for subject, checks in inventory.checks_of.items()
        if subject in standing
        for spec in declared_specs(standing[subject], checks)
    ]
    if not specs:
        return []
    project_id = inventory.project_id

    @dg.multi_asset_check(name=scoped(project_id, "standing_checks"), specs=specs, can_subset=True)
    def check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        graph = project_graph(platform, project_id)
        checks = [
            each
            for each in platform.store.quality_checks(project_id)
            if (_key(graph, each.subject_id), each.name) in wanted
        ]
        yield from _asked(platform, project_id, checks, context.run.run_id)

    return [check]


def check_jobs(inventory: Inventory) -> list[dg.JobDefinition]:
    """One job per project with scheduled checks: it asks those of one rhythm and reports them as their assets' checks."""
    if not any(check.frequency for check in inventory.checks):
        return []
    project_id = inventory.project_id

    @dg.op(
        name=scoped(project_id, "ask_checks"),
        config_schema={"every": str, "at": dg.Field(str, is_required=False)},
    )
    def ask(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
        rhythm = Frequency(context.op_config["every"], context.op_config.get("at"))
        checks = [
            check
            for check in platform.store.quality_checks(project_id)
            if check.frequency == rhythm
        ]
        for result in _asked(platform, project_id, checks, context.run.run_id):
            assert result.asset_key is not None
            assert result.check_name is not None
            # Checks are logged like any other event of an asset, though the signature does not say so.
            event: Any = dg.AssetCheckEvaluation(
                asset_key=result.asset_key,
                check_name=result.check_name,
                passed=result.passed,
                metadata=dict(result.metadata or {}),
                severity=result.severity,
                description=result.description,
            )
            context.log_event(event)

    @dg.job(
        name=check_job_name(project_id),
        description="Runs the checks of one rhythm.",
        tags=queue_tags(project_id, "check_quality"),
    )
    def check_quality() -> None:
        ask()

    return [check_quality]


def check_schedules(inventory: Inventory) -> list[dg.ScheduleDefinition]:
    """One per rhythm that a check has, in UTC."""
    project_id = inventory.project_id
    rhythms: dict[Frequency, int] = {}
    for check in inventory.checks:
        if check.frequency is not None:
            rhythms[check.frequency] = rhythms.get(check.frequency, 0) + 1
    op = scoped(project_id, "ask_checks")
    found = []
    for rhythm, count in rhythms.items():
        name = schedule_name(check_job_name(project_id), rhythm)
        config = {"every": rhythm.name} | ({"at": rhythm.time_of_day} if rhythm.time_of_day else {})
        found.append(
            dg.ScheduleDefinition(
                name=name,
                job_name=check_job_name(project_id),
                cron_schedule=rhythm.cron,
                execution_timezone="UTC",
                default_status=dg.DefaultScheduleStatus.RUNNING,
                description=f"Runs {count} checks {in_words(rhythm)}.",
                run_config={"ops": {op: {"config": config}}},
                tags={SCHEDULE_TAG: name},
            )
        )
    return found


def _asked(
    platform: Platform, project_id: int, checks: list[QualityCheck], run_id: str
) -> Iterator[dg.AssetCheckResult]:
    from pwh_assets.services.quality.run import run_checks

    graph = project_graph(platform, project_id)
    names = {node.id: node.name for node in graph.nodes.values()}
    runs = run_checks(platform, project_id, checks, trigger=CheckTrigger.SCHEDULE, run_id=run_id)
    for run in runs:
        key = _key(graph, run.subject_id)
        if key is not None:
            yield check_result(key, run.result, names[run.subject_id])


def _key(graph: Graph, subject_id: str) -> dg.AssetKey | None:
    node = graph.find(subject_id)
    return dg.AssetKey(node.asset_key) if node is not None and node.id == subject_id else None
