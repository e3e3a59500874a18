"""A sensor that rebuilds views after what they read has changed, once per change, through chains in order."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from pwh_assets.core.names import slug
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import quoted
from pwh_assets.orchestration.inventory import Inventory
from pwh_assets.orchestration.names import views_job_name
from pwh_assets.orchestration.processes import fail_dead_runs
from pwh_assets.orchestration.schedules import UNDERWAY, note_skipped, waiting_views
from pwh_assets.services.freshness.following import Decision, Seen, World, decide, follows
from pwh_assets.services.lineage.graph import Graph, NodeKind, project_graph
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.orchestration.jobs import AssetJob

EVERY_S = 30
"""A change is seen within this time and its views are built at the look after."""
CAUSE_TAG = "pwh/cause"


def following_sensors(
    inventories: Iterable[Inventory], jobs: "Mapping[str, AssetJob]"
) -> list[dg.SensorDefinition]:
    """One sensor for all projects with materialized views; none where there are none."""
    started: dict[int, AssetJob] = {}
    keys: dict[int, dict[str, dg.AssetKey]] = {}
    for each in inventories:
        if each.materialized:
            started[each.project_id] = jobs[views_job_name(each.project_id)]
            keys[each.project_id] = {
                view.name: dg.AssetKey(each.graph.nodes[view.name].asset_key)
                for view in each.materialized
            }
    return [_sensor(list(started.values()), keys)] if started else []


def _sensor(
    jobs: "list[AssetJob]", keys: Mapping[int, Mapping[str, dg.AssetKey]]
) -> dg.SensorDefinition:
    settled: dict[int, str] = {}
    """Project -> the mark of a state in which nothing was due and nothing waited: until it is another one, so it stays."""

    @dg.sensor(
        name="changed_inputs",
        jobs=jobs,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds views that follow their inputs, once those have changed and are all in.",
    )
    def evaluate(
        context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
    ) -> dg.SensorResult:
        before = read_cursor(context.cursor)
        after: dict[int, Mapping[str, Seen]] = {}
        requests, words = [], []
        fail_dead_runs(context.instance, platform)
        for project_id in keys:
            seen = before.get(project_id, {})
            found = _news(platform, context.instance, project_id, seen, settled)
            if found is None:
                continue
            after[project_id] = found.seen
            note_skipped(platform, project_id, found.skipped)
            words += [f"`{name}` waits: {why}." for name, why in found.held.items()]
            build = [name for name in found.build if name in keys[project_id]]
            if build:
                requests.append(
                    dg.RunRequest(
                        job_name=views_job_name(project_id),
                        asset_selection=[keys[project_id][name] for name in build],
                        tags={CAUSE_TAG: "changed inputs"},
                    )
                )
                context.log.info("Building %s: what they read has changed.", quoted(build))
        why_not = " ".join(words[:5]) or "Every view that follows its inputs is up to date."
        return dg.SensorResult(
            run_requests=requests,
            cursor=write_cursor(after),
            skip_reason=None if requests else why_not,
        )

    return evaluate


def _news(
    platform: Platform,
    instance: dg.DagsterInstance,
    project_id: int,
    before: Mapping[str, Seen],
    settled: dict[int, str],
) -> Decision | None:
    """A look at a project; None while nothing is due there and nothing waits, which `settled` remembers."""
    mark = _mark(platform, project_id)
    if settled.get(project_id) == mark and not before:
        return None
    settled.pop(project_id, None)
    views = _following(platform, project_id)
    if views:
        found = look(platform, project_id, views, runs_underway(instance), before)
        if not found.is_settled:
            return found
    settled[project_id] = mark
    return None


def look(
    platform: Platform,
    project_id: int,
    views: Mapping[str, SavedQuery],
    running: Collection[tuple[str, ...]],
    before: Mapping[str, Seen],
    now: datetime | None = None,
) -> Decision:
    """One look at a project. `running` are the keys of assets that runs underway make."""
    graph = project_graph(platform, project_id)
    names = {node.asset_key: node.name for node in graph.nodes.values()}
    underway = {names[key] for key in running if key in names}
    busy = platform.store.running_subjects(project_id)
    underway |= {node.name for node in graph.nodes.values() if node.id in busy}
    world = World(
        graph,
        views,
        _changed(platform, project_id, graph),
        underway,
        waiting_views(graph, views.values()),
        now or datetime.now(UTC),
    )
    return decide(world, before)


def _mark(platform: Platform, project_id: int) -> str:
    """A text that changes with everything that could make a view due; costs two small queries."""
    store = platform.store
    snapshot = platform.lakes.of(project_id).snapshot_id()
    return f"{store.catalog_version(project_id)} {snapshot} {store.builds_mark(project_id)}"


def runs_underway(instance: dg.DagsterInstance) -> set[tuple[str, ...]]:
    """The keys of all assets that runs make which have not ended."""
    return {
        tuple(key.path)
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=UNDERWAY))
        for key in run.asset_selection or ()
    }


def _following(platform: Platform, project_id: int) -> dict[str, SavedQuery]:
    """A project's views by name; empty when none follows its inputs."""
    views = platform.store.views(project_id)
    return {view.name: view for view in views} if any(map(follows, views)) else {}


def _changed(platform: Platform, project_id: int, graph: Graph) -> dict[str, int]:
    """The snapshot each table and view of the graph last changed in, as far as it has rows of its own."""
    stored = {
        (schema.lower(), table.lower()): snapshot
        for (schema, table), snapshot in platform.lakes.of(project_id).changed_snapshots().items()
    }
    found: dict[str, int] = {}
    for node in graph.nodes.values():
        if node.kind in (NodeKind.EXTERNAL, NodeKind.VIEW):
            continue
        schema, table = node.asset_key[-2:]
        name = node.name if schema == "views" else slug(table)
        place = (schema.lower(), (table if node.kind is NodeKind.DBT else name).lower())
        if place in stored:
            found[node.name] = stored[place]
    return found


def read_cursor(text: str | None) -> dict[int, dict[str, Seen]]:
    """What the last look left; nothing when it cannot be read."""
    try:
        kept: dict[str, dict[str, Any]] = json.loads(text or "{}")
        return {
            int(project_id): {
                view_id: Seen(
                    one["change"],
                    datetime.fromisoformat(one["since"]),
                    one["asked"],
                    datetime.fromisoformat(one["asked_at"]) if one["asked_at"] else None,
                )
                for view_id, one in seen.items()
            }
            for project_id, seen in kept.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_cursor(seen: Mapping[int, Mapping[str, Seen]]) -> str:
    plain = {
        str(project_id): {
            view_id: {
                "change": one.change,
                "since": one.since.isoformat(),
                "asked": one.asked,
                "asked_at": one.asked_at.isoformat() if one.asked_at else None,
            }
            for view_id, one in sorted(found.items())
        }
        for project_id, found in seen.items()
    }
    return json.dumps(plain, sort_keys=True)
