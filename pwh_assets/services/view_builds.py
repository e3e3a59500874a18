"""Building a materialized view: excluded against itself, recorded, through dbt, published at once."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import BusyError, PwhError, UserError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services import models
from pwh_assets.services.graph import Graph, NodeKind, project_graph
from pwh_assets.services.models.project import folder_of
from pwh_assets.services.platform import Platform
from pwh_assets.services.view_text import MissingInputError, model_text

if TYPE_CHECKING:
    from pwh_assets.lake import LakeTable

_DBT_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class ViewResult:
    """What one build made. `size_bytes` is the table's size as Parquet."""

    name: str
    rows: int
    duration_s: float
    columns: tuple[Column, ...]
    size_bytes: int = 0


def build_view(platform: Platform, view: SavedQuery, run_id: str | None = None) -> ViewResult:
    """Build a materialized view's table anew. Readers see the old rows until the new ones are whole.

    Raises:
        UserError: the view is plain.
        BusyError: it is being built already.
        MissingInputError: an input never had rows.
        HogQLError: the text no longer fits its inputs.
        ModelError: the engine could not compute it.
    """
    view = platform.store.view(view.project_id, view.id)
    if not view.is_materialized:
        raise UserError(
            f"View `{view.name}` is plain: it is computed whenever it is read. "
            f"To keep it as a table, run `pwh view materialize {view.name} --every 24hour`."
        )
    started = time.monotonic()
    with view_exclusively(platform, view.project_id, view):
        store = platform.store
        if view.status is TableStatus.RUNNING:
            store.abandon_jobs(view.project_id)
        job = store.start_job(view.project_id, JobKind.VIEW, view.id, view.name, run_id)
        store.update_view(view.id, status=TableStatus.RUNNING)
        try:
            built = _build(platform, view)
        except BaseException as error:
            _record_failure(platform, view, job.id, error)
            raise
        store.update_view(
            view.id,
            status=TableStatus.COMPLETED,
            last_run_at=datetime.now(UTC),
            latest_error=None,
            failed_at=None,
            row_count=built.row_count,
            columns=_described(built.columns, view),
        )
        store.finish_job(job.id, JobStatus.COMPLETED, built.row_count, built.size_bytes)
        store.add_usage(view.project_id, view.id, "view", built.row_count, built.size_bytes)
    return ViewResult(
        view.name, built.row_count, time.monotonic() - started, built.columns, built.size_bytes
    )


def _record_failure(
    platform: Platform, view: SavedQuery, job_id: str, error: BaseException
) -> None:
    if not isinstance(error, Exception):  # a stop: Ctrl-C, SIGTERM, Dagster's own interruption
        words = "It was stopped before it was done; the old rows are kept."
        platform.store.finish_job(job_id, JobStatus.CANCELLED, error=words, error_code="cancelled")
        before = TableStatus.COMPLETED if view.last_run_at else TableStatus.NEVER_RUN
        status = before if view.status is TableStatus.RUNNING else view.status
        platform.store.update_view(view.id, status=status)
        return
    words = str(error) if isinstance(error, PwhError) else f"{type(error).__name__}: {error}"
    code = error.code if isinstance(error, PwhError) else "internal"
    platform.store.finish_job(job_id, JobStatus.FAILED, error=words, error_code=code)
    platform.store.update_view(
        view.id, status=TableStatus.FAILED, latest_error=words, failed_at=datetime.now(UTC)
    )


def _build(platform: Platform, view: SavedQuery) -> "LakeTable":
    from pwh_assets.lake.locks import hold

    lake = platform.lakes.of(view.project_id)
    _check_inputs(platform, view)
    with hold(platform.settings, f"dbt-{view.project_id}", _DBT_WAIT_S):
        project = generate_models(platform, view.project_id, fresh=view)
        models.parse(project, view.name)
    models.run(lake, project, view.name)
    for table in lake.tables():
        if table.schema == "views" and table.name.lower() == view.name.lower():
            return table
    raise models.ModelError(view.name, "dbt said it was built, but the lake has no such table.")


def _check_inputs(platform: Platform, view: SavedQuery) -> None:
    """Every stored table the view needs, through the views without a table that it reads, must be in the lake."""
    graph = project_graph(platform, view.project_id)
    stored = {(t.schema, t.name.lower()) for t in platform.lakes.of(view.project_id).tables()}
    places = {
        table.table_name: (table.source.slug, slug(table.name))
        for table in platform.store.tables(view.project_id)
    }
    lost, queue, seen = [], list(graph.inputs.get(view.name, ())), set()
    for name in queue:
        if name in seen:
            continue
        seen.add(name)
        kind = graph.nodes[name].kind
        if kind is NodeKind.SYNCED and places[name] not in stored:
            lost.append(name)
        elif kind is NodeKind.VIEW or (
            kind is NodeKind.MATERIALIZED and ("views", name.lower()) not in stored
        ):
            queue += graph.inputs.get(name, ())
    if lost:
        raise MissingInputError(view.name, tuple(lost))


def generate_models(
    platform: Platform, project_id: int, fresh: SavedQuery | None = None
) -> models.Generated:
    """Write the dbt project of all materialized views.

    A view is left as it is when neither it nor any view it reads has changed since it was written; `fresh` is
    always compiled anew, and only its mistakes are raised: another view that no longer compiles is left out.
    """
    views = platform.store.views(project_id)
    marks = _fingerprints(project_graph(platform, project_id), views)
    kept = _kept(platform, project_id)
    found = []
    for view in views:
        if not view.is_materialized:
            continue
        is_fresh = fresh is not None and view.id == fresh.id
        if not is_fresh and kept.get(view.id) == marks[view.name]:
            found.append(models.Model(view, None))
            continue
        try:
            found.append(models.Model(view, model_text(platform, view)))
        except HogQLError:
            if is_fresh:
                raise
    project = models.generate(platform.settings, project_id, found)
    state = {model.view.id: marks[model.view.name] for model in found}
    _state_file(platform, project_id).write_text(json.dumps(state))
    return project


def _fingerprints(graph: Graph, views: Sequence[SavedQuery]) -> dict[str, str]:
    """A text per view that changes with its version, its kind, and those of every view it reads."""
    own = {view.name: f"{view.id}.{view.version}.{view.is_materialized:d}" for view in views}
    found = {}
    for name in own:
        above = sorted(own.get(each, each) for each in graph.reach(name, graph.inputs))
        found[name] = hashlib.sha256("\n".join([own[name], *above]).encode()).hexdigest()[:16]
    return found


def _state_file(platform: Platform, project_id: int) -> Path:
    return folder_of(platform.settings, project_id) / ".generated.json"


def _kept(platform: Platform, project_id: int) -> dict[str, str]:
    try:
        return dict(json.loads(_state_file(platform, project_id).read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _described(columns: tuple[Column, ...], view: SavedQuery) -> tuple[Column, ...]:
    """The table's real types with the descriptions the view has."""
    words = {column.name: column.description for column in view.columns}
    return tuple(
        Column(column.name, column.type, column.nullable, words.get(column.name, ""))
        for column in columns
    )


def dependents(platform: Platform, project_id: int, name: str) -> tuple[str, ...]:
    """Views that read this view or table themselves, by name."""
    graph = project_graph(platform, project_id)
    node = graph.find(name)
    return tuple(sorted(graph.outputs[node.name])) if node else ()


@contextmanager
def view_exclusively(
    platform: Platform, project_id: int, view: SavedQuery | None = None
) -> Iterator[None]:
    """Be the only one to build or drop this view; without a view, to change which views there are.

    Raises:
        BusyError: the view is being built.
    """
    from pwh_assets.lake.locks import hold

    with ExitStack() as held:
        if view is None:
            held.enter_context(hold(platform.settings, f"views-{project_id}", timeout_s=60.0))
        else:
            try:
                held.enter_context(hold(platform.settings, f"view-{view.id}"))
            except BusyError:
                raise BusyError(
                    f"View `{view.name}` is being built by another run. Try again when it has ended."
                ) from None
        yield
