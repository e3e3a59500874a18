"""Builds that are due and not begun: what keeps a view back, how that is written down, and who may go on again."""

from collections.abc import Collection, Mapping

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import ConflictError
from pwh_assets.services.lineage.graph import Graph, NodeKind, project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.store.facts import Standing

SKIPPED = "skipped"


class KeptBackError(ConflictError):
    """Something the view reads is broken, so an automatic build was not begun."""

    code = SKIPPED

    def __init__(self, name: str, causes: Mapping[str, str]) -> None:
        self.name, self.causes = name, dict(causes)
        super().__init__(
            f"View `{name}` was not rebuilt and keeps its rows: {' '.join(causes.values())} "
            "It is built by itself once that is mended."
        )


class SuspendedError(ConflictError):
    """The view failed too often, so an automatic build was not begun."""

    code = "suspended"

    def __init__(self, view: SavedQuery) -> None:
        self.name = view.name
        super().__init__(
            f"View `{view.name}` is suspended after {view.failures_in_a_row} failures in a row. Mend it and run "
            f"`pwh view run {view.name}`, or `pwh view resume {view.name}`."
        )


def obstacles(platform: Platform, view: SavedQuery) -> dict[str, str]:
    """What the view reads (through plain views) and cannot be relied on now: name -> a sentence saying why.

    A table whose last sync failed, a materialized view whose last build failed, that is suspended, paused or kept
    back itself. Their rows are whole and old: whoever asks for a build by hand gets one.
    """
    graph = project_graph(platform, view.project_id)
    ids = {graph.nodes[name].id: name for name in stored_inputs(graph, view.name)}
    found = {}
    for subject_id, standing in platform.store.standings(ids).items():
        if reason := _reason(ids[subject_id], graph.nodes[ids[subject_id]].kind, standing):
            found[ids[subject_id]] = reason
    return {name: found[name] for name in ids.values() if name in found}


def _reason(name: str, kind: NodeKind, standing: Standing) -> str:
    """Why a table or view cannot be relied on now, as a sentence; empty when it can."""
    if kind is NodeKind.SYNCED:
        is_broken = standing.status is TableStatus.FAILED
        return f"`{name}` could not be synced: {_brief(standing.error)}" if is_broken else ""
    if not standing.is_materialized:
        return ""
    if standing.is_suspended:
        return f"`{name}` is suspended: {_brief(standing.error)}"
    if standing.status is TableStatus.PAUSED:
        return f"`{name}` is paused."
    if standing.status is TableStatus.FAILED:
        return f"`{name}` could not be built: {_brief(standing.error)}"
    if standing.stale_since is not None:
        return f"`{name}` is kept back: {_brief(standing.stale_reason)}"
    return ""


def held_up(platform: Platform, project_id: int, names: Collection[str]) -> dict[str, str]:
    """Of views that are to be built together, those that cannot be now: view -> a sentence saying why.

    One that is only late itself holds up nobody: it is built before its readers.
    """
    graph = project_graph(platform, project_id)
    held: dict[str, str] = {}
    for name in graph.order:
        if name not in names:
            continue
        view = platform.store.find_view(project_id, name)
        if view is None:
            continue
        causes = obstacles(platform, view)
        for above in stored_inputs(graph, name):
            if above in held:
                causes[above] = f"`{above}` was not built: {_brief(held[above])}"
            elif above in names and above in causes and _is_only_late(platform, graph, above):
                del causes[above]
        if causes:
            held[name] = KeptBackError(name, causes).sentence
    return held


def _is_only_late(platform: Platform, graph: Graph, name: str) -> bool:
    """A materialized view that waits for others and has no trouble of its own."""
    standing = platform.store.standings([graph.nodes[name].id]).get(graph.nodes[name].id)
    return (
        standing is not None
        and standing.stale_since is not None
        and not standing.is_suspended
        and standing.status not in (TableStatus.FAILED, TableStatus.PAUSED)
    )


def _brief(error: str | None) -> str:
    """The first sentence of a reason, which often quotes others below it."""
    first = (error or "It left no reason.").splitlines()[0]
    return first if len(first) <= 300 else f"{first[:297]}..."


def stored_inputs(graph: Graph, name: str) -> tuple[str, ...]:
    """The tables and materialized views a view reads, itself or through plain views."""
    return tuple(
        each for each in graph.read_by(name) if graph.nodes[each].kind is not NodeKind.VIEW
    )


def skip_build(
    platform: Platform,
    view: SavedQuery,
    reason: str,
    run_id: str | None = None,
    *,
    keeps_back: bool = True,
) -> None:
    """Write a build that was due and not begun into the view's runs; with `keeps_back` the view is stale for that
    reason until it is built. Said once per reason: a view that waits for days has one such run, not hundreds.
    """
    latest = platform.store.jobs(view.project_id, subject_id=view.id, limit=1)
    is_said = bool(latest) and latest[0].status is JobStatus.SKIPPED and latest[0].error == reason
    if keeps_back:
        platform.store.keep_back(view.id, reason)
    if not is_said:
        job = platform.store.start_job(view.project_id, JobKind.VIEW, view.id, view.name, run_id)
        platform.store.finish_job(job.id, JobStatus.SKIPPED, error=reason, error_code=SKIPPED)


def skip_readers(
    platform: Platform,
    view: SavedQuery,
    among: Collection[str],
    run_id: str | None,
    reason: str,
    *,
    keeps_back: bool = True,
) -> list[SavedQuery]:
    """Of a run whose views are `among`, skip those that read this view, at any distance. Siblings go on."""
    graph = project_graph(platform, view.project_id)
    below = graph.reach(view.name, graph.outputs)
    skipped = [
        each
        for each in platform.store.views(view.project_id)
        if each.name in below and each.name in among and each.is_materialized
    ]
    for each in skipped:
        skip_build(platform, each, reason, run_id, keeps_back=keeps_back)
    return skipped


def mended(platform: Platform, project_id: int | None = None) -> list[SavedQuery]:
    """Views that were kept back and need not be any more: they are due now."""
    return [
        view
        for view in platform.store.views_kept_back(project_id)
        if not view.is_suspended
        and view.status is not TableStatus.RUNNING
        and not _waits(platform, view)
    ]


def _waits(platform: Platform, view: SavedQuery) -> bool:
    """Whether something it reads is still in trouble. A view that is kept back itself and due with this one is not:
    both are built in one run, inputs first.
    """
    graph = project_graph(platform, view.project_id)
    for name in obstacles(platform, view):
        above = platform.store.find_view(view.project_id, name)
        if (
            above is None
            or not _is_only_late(platform, graph, above.name)
            or _waits(platform, above)
        ):
            return True
    return False
