"""`warehouse_saved_queries/`: views, their versions, builds and relatives."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES, STARTS, errors
from pwh_assets.api.view_models import (
    Built,
    Dependencies,
    Depth,
    Diff,
    Eligible,
    IncrementalCheck,
    Materialize,
    Relatives,
    Restore,
    Resumed,
    ResumedSchedules,
    ResumeSchedules,
    Run,
    RunNote,
    Text,
    Version,
    View,
    ViewSave,
    ViewUpdate,
)
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.orchestration.launch import launch_views
from pwh_assets.services.editor import folder_named
from pwh_assets.services.freshness.project import describe, project_plan
from pwh_assets.services.incremental import (
    IncrementalConfig,
    check_incremental,
    checked_config,
    forget_progress,
    set_incremental,
)
from pwh_assets.services.lineage.graph import NodeKind, project_graph
from pwh_assets.services.policies.guarding import check_unbound
from pwh_assets.services.sources.view import moment
from pwh_assets.services.views import saved as views
from pwh_assets.services.views.changing import ViewChange, change_view, keep_view, put_view
from pwh_assets.services.views.impact import impact_of_text, uses_of
from pwh_assets.services.views.running import cancel_build
from pwh_assets.services.views.shape import versions_to_dicts, view_to_dict
from pwh_assets.services.views.warehouse import check_engine, set_engine

router = APIRouter(tags=["saved queries"])

MOST_RUNS = 50
Read = Annotated[Ask, asks("warehouse_view:read")]
Write = Annotated[Ask, asks("warehouse_view:write")]
IfMatch = Annotated[
    str | None, Header(description="The `ETag` of the version the edit began from.")
]


@router.get("/", summary="List saved queries")
def list_views(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    search: Annotated[str, Query(description="In name or description.", max_length=200)] = "",
    folder: Annotated[
        str | None,
        Query(description="In this folder, by id or name; empty: in none.", max_length=200),
    ] = None,
) -> Page[View]:
    """By name."""
    word = search.strip().lower()
    inside = folder if folder is None else folder_named(ask.platform, ask.project_id, folder)
    found = [
        view
        for view in ask.platform.store.views(ask.project_id)
        if (word in view.name.lower() or word in view.description.lower())
        and inside in (None, view.folder)
    ]
    found.sort(key=lambda view: view.name.lower())
    return paging.shown(found, _shown)


@router.post(
    "/",
    status_code=201,
    summary="Save a query under a name",
    responses={
        200: {"model": View, "description": "There was one of that name: a new version."},
        **CHANGES,
    },
)
def save_view(ask: Write, body: ViewSave, response: Response, if_match: IfMatch = None) -> View:
    """201 for a new one, 200 for a new version of one that was there. What would break its readers is refused."""
    saved, is_new = put_view(
        ask.platform,
        ask.project_id,
        body.name,
        body.sql,
        ask.caller,
        description=body.description or "",
        owner=body.owner,
        folder=body.folder,
        note=body.note or "",
        expected_version=_expected(body.edited_history_id, if_match),
        force=body.force,
    )
    if not is_new:
        response.status_code = 200
    return _tagged(response, saved)


@router.post("/check_incremental/", summary="Could it be built in parts")
def check(ask: Read, body: IncrementalCheck) -> Eligible:
    """Looks at the text alone; cheap enough for every keystroke."""
    found = check_incremental(
        ask.platform,
        ask.project_id,
        body.sql,
        body.incremental_key,
        body.unique_key,
        body.lookback_seconds,
    )
    return Eligible(
        eligible=found.eligible,
        key_candidates=[each.name for each in found.key_candidates],
        key_candidate_types={each.name: each.type for each in found.key_candidates},
        unique_key_candidates=[list(each) for each in found.unique_key_candidates],
        blockers=list(found.blockers),
        warnings=list(found.warnings),
    )


@router.post("/resume_schedules/", status_code=202, summary="Let many suspended views be built")
def resume_schedules(ask: Write, body: ResumeSchedules) -> ResumedSchedules:
    """Ids that are not views of this project are left out silently."""
    known = {view.id: view for view in ask.platform.store.views(ask.project_id)}
    found = [known[one] for one in dict.fromkeys(body.view_ids) if one in known]
    for view in found:
        views.resume_view(ask.platform, ask.project_id, view.name)
    return ResumedSchedules(view_ids=[view.id for view in found if view.is_suspended])


@router.get("/{view_id}/", summary="One saved query")
def show_view(ask: Read, view_id: str, response: Response) -> View:
    """With the cadences it could have. Its `ETag` is for `If-Match`."""
    view = _view(ask, view_id)
    bounds = describe(project_plan(ask.platform, ask.project_id), view.name)
    return _tagged(response, view, sync_frequency_bounds=bounds["sync_frequency_bounds"])


@router.patch("/{view_id}/", summary="Change a saved query", responses=CHANGES)
def update_view(
    ask: Write, view_id: str, body: ViewUpdate, response: Response, if_match: IfMatch = None
) -> View:
    """All of it or nothing. A changed text becomes a new version; with `edited_history_id` or `If-Match` only if nobody
    was faster.
    """
    change = ViewChange(
        sql=body.sql,
        note=body.note or "",
        expected_version=_expected(body.edited_history_id, if_match),
        force=body.force,
        name=body.name,
        description=body.description,
        owner=body.owner,
        folder=body.folder,
        is_materialized=body.is_materialized,
        every=body.sync_frequency,
        time_of_day=body.sync_time_of_day,
        freshness_target=body.freshness_target,
    )
    view = _view(ask, view_id)
    changed = change_view(ask.platform, ask.project_id, view, change, ask.caller)
    return _tagged(response, changed)


@router.delete("/{view_id}/", status_code=204, summary="Remove a saved query", responses=CHANGES)
def remove_view(
    ask: Write,
    view_id: str,
    force: Annotated[bool, Query(description="Although others read it.")] = False,
    if_match: IfMatch = None,
) -> None:
    """Refused where others read it; with `If-Match` also when somebody changed its text meanwhile."""
    expected = _expected(None, if_match)
    name = _view(ask, view_id).name
    views.remove_view(ask.platform, ask.project_id, name, force=force, expected_version=expected)


@router.post("/{view_id}/run/", status_code=202, summary="Build it now", responses=STARTS)
def run(ask: Write, view_id: str, body: Run | None = None) -> Built:
    """Of a materialized one; what it reads is built first where that is due."""
    view = _view(ask, view_id)
    if not view.is_materialized:
        raise InvalidInputError(
            "is_materialized", f"View `{view.name}` is plain: there is nothing to build."
        )
    engine = body.engine if body is not None else None
    check_engine(ask.platform, view, engine)
    if body is not None and body.full_refresh:
        forget_progress(ask.platform, view)
    run_id = launch_views(ask.platform, ask.project_id, [view], engine)
    return Built(run_id=run_id, view=_shown(view))


@router.post(
    "/{view_id}/materialize/",
    status_code=202,
    summary="Keep it as a table",
    responses=errors(402, 409, 422, 502),
)
def materialize(ask: Write, view_id: str, body: Materialize | None = None) -> Built:
    """It is built at once, and then by its frequency, after its inputs, or by hand."""
    wanted = body or Materialize.model_validate({})
    view = _view(ask, view_id)
    if wanted.engine not in (None, "default"):
        check_engine(ask.platform, view, wanted.engine)
    config = None
    if wanted.incremental is not None:
        given = wanted.incremental
        config = checked_config(
            ask.platform,
            ask.project_id,
            view.name,
            IncrementalConfig(given.key, tuple(given.unique_key), given.lookback_seconds),
        )
    view = keep_view(
        ask.platform,
        ask.project_id,
        view,
        wanted.sync_frequency,
        wanted.sync_time_of_day,
        wanted.refresh,
        ask.caller,
        lower_inputs=wanted.lower_inputs,
    )
    if config is not None:
        view = set_incremental(ask.platform, view, config)
    if wanted.engine is not None:
        view = set_engine(ask.platform, view, wanted.engine)
    run_id = launch_views(ask.platform, ask.project_id, [view]) if wanted.run else None
    return Built(run_id=run_id, view=_shown(view))


@router.post("/{view_id}/revert_materialization/", summary="Make it plain again", responses=CHANGES)
def revert(ask: Write, view_id: str) -> View:
    """Its table goes; it is computed when it is read."""
    return _shown(views.revert_view(ask.platform, ask.project_id, _view(ask, view_id).name))


@router.post("/{view_id}/cancel/", summary="Stop a running build", responses=CHANGES)
def cancel(ask: Write, view_id: str) -> View:
    """It keeps the rows it had."""
    view = _view(ask, view_id)
    cancel_build(ask.platform, ask.project_id, view.name)
    return _shown(view)


@router.post("/{view_id}/resume/", summary="Let a suspended view be built again", responses=CHANGES)
def resume(ask: Write, view_id: str) -> Resumed:
    """One that is not suspended stays as it is."""
    view = _view(ask, view_id)
    views.resume_view(ask.platform, ask.project_id, view.name)
    return Resumed(resumed=view.is_suspended)


@router.post("/{view_id}/ancestors/", summary="What it is made of")
def ancestors(ask: Read, view_id: str, body: Depth | None = None) -> Relatives:
    """Ids of tables and views, nearest first."""
    return Relatives(ancestors=_reached(ask, view_id, body, upstream=True), descendants=None)


@router.post("/{view_id}/descendants/", summary="What is made of it")
def descendants(ask: Read, view_id: str, body: Depth | None = None) -> Relatives:
    """Ids of views, nearest first."""
    return Relatives(ancestors=None, descendants=_reached(ask, view_id, body, upstream=False))


@router.get("/{view_id}/dependencies/", summary="How many it reads, and read it")
def dependencies(ask: Read, view_id: str) -> Dependencies:
    """Themselves, not through others."""
    graph = project_graph(ask.platform, ask.project_id)
    name = _view(ask, view_id).name
    return Dependencies(
        upstream_count=len(graph.inputs[name]), downstream_count=len(graph.outputs[name])
    )


@router.get("/{view_id}/run_history/", summary="Its newest builds")
def run_history(
    ask: Read,
    view_id: str,
    limit: Annotated[int, Query(ge=1, le=MOST_RUNS, description="Newest first.")] = 5,
) -> list[RunNote]:
    """Whatever came of them."""
    view = _view(ask, view_id)
    return [
        RunNote(
            id=job.id,
            status=job.status.value,
            timestamp=moment(job.created_at),
            finished_at=moment(job.finished_at),
            rows=job.rows,
            error=job.error,
            engine=job.engine,
            mode=job.mode,
            reason=job.reason,
        )
        for job in ask.platform.store.jobs(ask.project_id, limit, subject_id=view.id)
    ]


@router.get("/{view_id}/activity/", summary="Every text it ever had")
def history(ask: Read, view_id: str) -> list[Version]:
    """Newest first."""
    view = _view(ask, view_id)
    found = versions_to_dicts(views.view_history(ask.platform, ask.project_id, view.name))
    return [Version.model_validate(each) for each in found]


@router.get("/{view_id}/diff/", summary="How two of its texts differ")
def diff(
    ask: Read,
    view_id: str,
    old: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="The one before `new` when left out.")
    ] = None,
    new: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="The latest when left out.")
    ] = None,
) -> Diff:
    """Line by line."""
    name = _view(ask, view_id).name
    return Diff(diff=views.diff_versions(ask.platform, ask.project_id, name, old, new))


@router.post("/{view_id}/restore/", summary="Give it an earlier text again", responses=CHANGES)
def restore(ask: Write, view_id: str, body: Restore, response: Response) -> View:
    """As a new version."""
    check_unbound(ask.platform, ask.project_id, ask.caller, "An earlier text of a view")
    view = views.restore_view(
        ask.platform,
        ask.project_id,
        _view(ask, view_id).name,
        body.version,
        author=ask.caller.name,
        force=body.force,
    )
    return _tagged(response, view)


@router.post("/{view_id}/impact/", summary="What a change would break")
def impact(ask: Read, view_id: str, body: Text | None = None) -> dict[str, Any]:
    """Of a new text; without one, who reads the view and which columns they need."""
    name = _view(ask, view_id).name
    if body is None:
        return uses_of(ask.platform, ask.project_id, name).as_dict()
    return impact_of_text(ask.platform, ask.project_id, name, body.sql).as_dict()


def _view(ask: Ask, view_id: str) -> SavedQuery:
    found = ask.platform.store.find_view(ask.project_id, view_id)
    if found is None or found.id != view_id:
        raise NotFoundError("saved query", view_id)
    return found


def _reached(ask: Ask, view_id: str, body: Depth | None, *, upstream: bool) -> list[str]:
    graph = project_graph(ask.platform, ask.project_id)
    name = _view(ask, view_id).name
    found = graph.reach(name, graph.inputs if upstream else graph.outputs)
    level = body.level if body else None
    return [
        graph.nodes[each].id
        for each, depth in found.items()
        if (level is None or depth <= level) and graph.nodes[each].kind is not NodeKind.EXTERNAL
    ]


def _expected(edited: int | None, if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return edited
    word = if_match.strip().removeprefix("W/").strip('"')
    if not word.isdecimal() or len(word) > 9:
        raise InvalidInputError("If-Match", f"`{word[:40]}` is no `ETag` of a saved query.")
    return int(word)


def _shown(view: SavedQuery, **more: Any) -> View:
    shown = view_to_dict(view)
    shown["query"] = {"kind": "HogQLQuery", "query": view.sql}
    return View.model_validate({**shown, "latest_history_id": view.version, **more})


def _tagged(response: Response, view: SavedQuery, **more: Any) -> View:
    response.headers["ETag"] = f'"{view.version}"'
    return _shown(view, **more)
