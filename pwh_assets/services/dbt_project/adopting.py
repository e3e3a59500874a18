"""Adopting an operator's dbt project: its folder is remembered, read, compared with what there is, and taken over whole."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.names import DEFAULT_PROJECT
from pwh_assets.core.source import Column
from pwh_assets.core.view import Refresh, SavedQuery, ViewOrigin
from pwh_assets.errors import ConflictError, NotFoundError, PwhError, quoted
from pwh_assets.services.dbt_project import reading, workspace
from pwh_assets.services.dbt_project.description import SCHEMA, DbtModel, DbtProject, to_json
from pwh_assets.services.lineage.graph import Graph, NodeKind, project_graph
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.lake import Lake

SETTING = "dbt_project"
"""Where a project remembers its folder. No API sets it: it is not among the settings people may change."""
MANAGED_BY = "dbt"
_WAIT_S = 300.0


class ProjectRefusedError(ConflictError):
    """The project is in order, but taking it over would break something that is here."""

    code = "dbt_project_refused"

    def __init__(self, path: str, reasons: Sequence[str]) -> None:
        self.path, self.reasons = path, tuple(reasons)
        super().__init__(
            f"The dbt project in `{path}` is not taken over: {' '.join(reasons)} What was adopted before stays."
        )


@dataclass(frozen=True, slots=True)
class DbtState:
    """What is remembered of a project's folder. Times are ISO 8601."""

    path: str
    refresh: str = Refresh.SCHEDULE.value
    every: str | None = "24hour"
    at: str | None = None
    signature: str = ""
    """Of the files that were last looked at, good or bad."""
    error: str | None = None
    failed_at: str | None = None
    is_from_environment: bool = False
    """True when `PWH_DBT_PROJECT` named the folder: another value of it names another one."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What looking at the folder changed. `project` is what counts now."""

    project: DbtProject
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def state_of(platform: Platform, project_id: int) -> DbtState | None:
    """The folder a project has, from `pwh dbt add` or the environment."""
    text = platform.store.project_settings(project_id).get(SETTING)
    kept = DbtState(**json.loads(text)) if text else None
    named = platform.settings.dbt_project
    if not named or project_id != DEFAULT_PROJECT or (kept and not kept.is_from_environment):
        return kept
    path = str(Path(named).expanduser().resolve())
    return kept if kept and kept.path == path else DbtState(path, is_from_environment=True)


def path_of(platform: Platform, project_id: int) -> str:
    """The folder of the project's dbt project. Raises NotFoundError when it has none."""
    state = state_of(platform, project_id)
    if state is None:
        raise NotFoundError("dbt project", str(project_id), "`pwh dbt add PATH` adopts one.")
    return state.path


def add_project(
    platform: Platform,
    project_id: int,
    path: Path,
    *,
    refresh: Refresh = Refresh.SCHEDULE,
    every: str = "24hour",
    at: str | None = None,
    force: bool = False,
) -> Adoption:
    """Adopt a folder, in place of the one there was. Whoever calls this lets what stands in it run on this machine.

    Args:
        refresh: what makes its models be built; a model's `meta.pwh` says otherwise for itself.
        force: also where models that went away are still read by views.

    Raises:
        InvalidInputError: not a dbt project, or no such rhythm.
        ProjectBrokenError: dbt does not understand it.
        ProjectRefusedError: a name is taken, a circle would be closed, or a view reads a model that is gone.
    """
    path = path.expanduser().resolve()
    workspace.configuration(path)
    is_timed = refresh is Refresh.SCHEDULE
    if is_timed:
        Frequency.parse(every, at, "every")
    state = DbtState(str(path), refresh.value, every if is_timed else None, at)
    with _exclusively(platform, project_id):
        return _take_over(platform, project_id, state, force)


def refresh_project(
    platform: Platform, project_id: int, *, anew: bool = False, force: bool = False
) -> Adoption | None:
    """Look at the folder again, and take over what changed; None when nothing did. What is wrong is remembered for health.

    Args:
        anew: also when nothing changed.
        force: also where models that went away are still read by views.

    Raises:
        NotFoundError: the project has no folder.
        PwhError: as `add_project`.
    """
    path_of(platform, project_id)
    with _exclusively(platform, project_id):
        state = state_of(platform, project_id)
        assert state is not None
        if not anew and state.signature:
            signature = _signature(Path(state.path), _tables(platform, project_id))
            if signature == state.signature:
                return None
        return _take_over(platform, project_id, state, force)


def remove_project(platform: Platform, project_id: int, *, force: bool = False) -> tuple[str, ...]:
    """Forget the folder and drop the tables of its models; their names. The folder itself stays as it is.

    Raises:
        NotFoundError: the project has none.
        ProjectRefusedError: views read its models, and `force` was not asked for.
    """
    path = path_of(platform, project_id)
    with _exclusively(platform, project_id):
        views = own_views(platform, project_id)
        if not force and (reasons := _still_read(platform, project_id, views)):
            raise ProjectRefusedError(path, reasons)
        _remove(platform, views)
        platform.store.set_project_settings(project_id, {SETTING: None})
        shutil.rmtree(workspace.folder_of(platform.settings, project_id), ignore_errors=True)
    return tuple(view.name for view in views)


def own_views(platform: Platform, project_id: int) -> list[SavedQuery]:
    """The models as the warehouse keeps them."""
    return [view for view in platform.store.views(project_id) if view.origin is ViewOrigin.DBT]


def _exclusively(platform: Platform, project_id: int) -> AbstractContextManager[None]:
    from pwh_assets.lake.locks import hold

    return hold(platform.settings, f"dbt-own-{project_id}", _WAIT_S)


def _tables(platform: Platform, project_id: int) -> list[str]:
    """What its models may read: every table and view of the warehouse by its HogQL name."""
    readable = (NodeKind.SYNCED, NodeKind.PRODUCT, NodeKind.VIEW, NodeKind.MATERIALIZED)
    nodes = project_graph(platform, project_id).nodes.values()
    return sorted(node.name for node in nodes if node.kind in readable)


def _signature(path: Path, tables: Sequence[str]) -> str:
    return workspace.signature(path, tables)


def _take_over(platform: Platform, project_id: int, state: DbtState, force: bool) -> Adoption:
    tables = _tables(platform, project_id)
    path = Path(state.path)
    state = replace(state, signature=_signature(path, tables))
    current = workspace.folder_of(platform.settings, project_id)
    following = current.with_name(f"{current.name}.next")
    try:
        shutil.rmtree(following, ignore_errors=True)
        following.mkdir(parents=True)
        workspace.copy_project(path, following, tables)
        _keep_parsed(current, following)
        project = reading.read(following, state.path, state.signature)
        if reasons := list(_reasons(platform, project_id, project, force)):
            raise ProjectRefusedError(state.path, reasons)
        (following / workspace.DESCRIPTION).write_text(to_json(project), encoding="utf-8")
    except PwhError as error:
        shutil.rmtree(following, ignore_errors=True)
        if state_of(platform, project_id) is not None:
            _remember(platform, project_id, _failed(state, error))
        raise
    _swap(following, current)
    _remember(platform, project_id, replace(state, error=None, failed_at=None))
    return _adopted(platform, project_id, project, state)


def _swap(following: Path, current: Path) -> None:
    """Whoever opens a file of it meanwhile finds the old one or the new one, but for an instant."""
    old = current.with_name(f"{current.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if current.exists():
        current.replace(old)
    following.replace(current)
    shutil.rmtree(old, ignore_errors=True)


def _keep_parsed(current: Path, following: Path) -> None:
    """Let dbt go on from what it knew of the files that did not change."""
    kept = current / "target" / "partial_parse.msgpack"
    if kept.exists():
        (following / "target").mkdir()
        shutil.copyfile(kept, following / "target" / kept.name)


def _failed(state: DbtState, error: PwhError) -> DbtState:
    return replace(
        state,
        error=error.sentence,
        failed_at=state.failed_at or datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _remember(platform: Platform, project_id: int, state: DbtState) -> None:
    text = json.dumps(asdict(state), sort_keys=True)
    if platform.store.project_settings(project_id).get(SETTING) != text:
        platform.store.set_project_settings(project_id, {SETTING: text})


# Why not


def _reasons(
    platform: Platform, project_id: int, project: DbtProject, force: bool
) -> Iterator[str]:
    graph = project_graph(platform, project_id)
    for model in project.models:
        taken = graph.find(model.table_name)
        if taken is not None and taken.kind is not NodeKind.DBT:
            kind = taken.kind.value.replace("_", " ")
            yield f"its {model.kind} `{model.name}` and the {kind} `{taken.name}` would both be `{model.table_name}`; rename one."
    yield from _circles(graph, project.models)
    if not force:
        kept = {model.table_name.lower() for model in project.models}
        gone = [v for v in own_views(platform, project_id) if v.name.lower() not in kept]
        yield from _still_read(platform, project_id, gone)


def _circles(graph: Graph, models: Sequence[DbtModel]) -> Iterator[str]:
    inputs: dict[str, Sequence[str]] = {
        name: () if graph.nodes[name].kind is NodeKind.DBT else reads
        for name, reads in graph.inputs.items()
    }
    own = {model.table_name: model.inputs for model in models}
    inputs.update(own)
    for name in own:
        way = _way_back(inputs, name)
        if way and name == min(each for each in way if each in own):
            yield f"`{name}` would read itself: `{' -> '.join(way)}`."


def _way_back(inputs: Mapping[str, Sequence[str]], name: str) -> tuple[str, ...]:
    """The shortest way from a table along what it reads to itself; empty when there is none."""
    came: dict[str, str] = {}
    queue = [name]
    for each in queue:
        for above in inputs.get(each, ()):
            if above == name:
                way = [each]
                while way[-1] != name:
                    way.append(came[way[-1]])
                return (name, *reversed(way[:-1]), name)
            if above not in came:
                came[above] = each
                queue.append(above)
    return ()


def _still_read(platform: Platform, project_id: int, going: Sequence[SavedQuery]) -> list[str]:
    graph = project_graph(platform, project_id)
    found = []
    for view in going:
        readers = [
            each
            for each in graph.outputs.get(view.name, ())
            if graph.nodes[each].kind is not NodeKind.DBT
        ]
        if readers:
            found.append(
                f"model `{view.name.removeprefix(SCHEMA + '.')}` is gone, and {quoted(readers)} "
                f"{'reads' if len(readers) == 1 else 'read'} `{view.name}`; change that first, or force it."
            )
    return found


# Taking over


def _adopted(platform: Platform, project_id: int, project: DbtProject, state: DbtState) -> Adoption:
    from pwh_assets.services.views.builds import view_exclusively

    before = {view.name: view for view in own_views(platform, project_id)}
    names = {model.table_name for model in project.models}
    with view_exclusively(platform, project_id):
        if project.models:
            _make_schema(platform.lakes.of(project_id))
        _remove(platform, [view for name, view in before.items() if name not in names])
        changed = [
            model.table_name
            for model in project.models
            if _keep(platform, project_id, model, state, before.get(model.table_name))
        ]
    return Adoption(
        project,
        added=tuple(sorted(names - before.keys())),
        changed=tuple(name for name in changed if name in before),
        removed=tuple(sorted(before.keys() - names)),
    )


def _keep(
    platform: Platform,
    project_id: int,
    model: DbtModel,
    state: DbtState,
    before: SavedQuery | None,
) -> bool:
    """Write the model down as a view of its own kind. True when it is new or says something else."""
    known = {column.name: column for column in before.columns} if before else {}
    columns = [_column(column, known.get(column.name)) for column in model.columns]
    columns += [each for name, each in known.items() if name not in {c.name for c in columns}]
    view = platform.store.save_view(
        project_id,
        model.table_name,
        model.code,
        columns,
        model.inputs,
        model.description,
        model.owner,
        MANAGED_BY,
        origin=ViewOrigin.DBT,
        managed_by=MANAGED_BY,
    )
    refresh = model.refresh or Refresh(state.refresh)
    every, at = (model.every, model.at) if model.refresh else (state.every, state.at)
    is_timed = refresh is Refresh.SCHEDULE and every is not None
    frequency = Frequency.parse(every or "", at, "every") if is_timed else None
    platform.store.update_view(view.id, is_materialized=True, refresh=refresh, frequency=frequency)
    return before is None or before.version != view.version


def _column(declared: Column, known: Column | None) -> Column:
    """The project's words with the table's real type."""
    return replace(declared, type=known.type) if known and known.type else declared


def _remove(platform: Platform, views: Sequence[SavedQuery]) -> None:
    for view in views:
        platform.store.remove_view(view.id)
        platform.store.remove_quality_checks_of(view.id)
        platform.lakes.of(view.project_id).drop_table(*view.place)


def _make_schema(lake: "Lake") -> None:
    if not any(table.schema == SCHEMA for table in lake.tables()):
        with lake.write() as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{SCHEMA}")
