"""Building a materialized view: excluded against itself, watched, recorded, through dbt, published at once."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pwh_assets.core.job import JobKind, JobStatus
from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, TableStatus
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import BusyError, PwhError, UserError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.lake.errors import LakeError
from pwh_assets.services import models
from pwh_assets.services.lineage.graph import Graph, NodeKind, metric_graph, project_graph
from pwh_assets.services.models.project import folder_of
from pwh_assets.services.platform import Platform
from pwh_assets.services.quality.audit import audit
from pwh_assets.services.views.plan import (
    BuildMode,
    BuildPlan,
    ClickHouseBuild,
    FullBuild,
    decide,
)
from pwh_assets.services.views.running import ViewCancelledError, Watch
from pwh_assets.services.views.text import MissingInputError, model_text
from pwh_assets.services.views.warehouse import EngineUnfitError, check_engine, clickhouse

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.lake import Lake, LakeTable

_DBT_WAIT_S = 300.0


_PASSING = frozenset(
    (
        *("lake_busy", "lake_storage", "audit_failed", "quality_failed"),
        *("engine_unavailable", "engine_unfit"),
    )
)
_NOT_ITS_FAULT = (BusyError, MissingInputError)
"""A build that these ended says nothing against the view, so it does not count towards suspending it."""


@dataclass(frozen=True, slots=True)
class ViewResult:
    """What one build made. `size_bytes` is the table's size as Parquet."""

    name: str
    rows: int
    duration_s: float
    columns: tuple[Column, ...]
    size_bytes: int = 0
    mode: BuildMode = BuildMode.FULL
    reason: str = ""
    """Why it was built in this mode."""
    engine: str = "duckdb"
    """What computed it."""


@dataclass(slots=True)
class Build:
    """One build on its way through `STEPS`: what it works on, and what a step leaves for those after it."""

    platform: Platform
    view: SavedQuery
    watch: Watch
    full: bool
    engine: str | None
    """What somebody asked to compute it."""
    plan: BuildPlan = field(default_factory=FullBuild)
    project: models.Generated | None = None
    table: "LakeTable | None" = None

    @property
    def lake(self) -> "Lake":
        return self.platform.lakes.of(self.view.project_id)


Step = Callable[[Build], None]


def build_view(
    platform: Platform,
    view: SavedQuery,
    run_id: str | None = None,
    *,
    full: bool = False,
    engine: str | None = None,
) -> ViewResult:
    """Build a materialized view's table. Readers see the old rows until the new ones are whole.

    Args:
        run_id: of the run it belongs to; failures of one run count once towards suspending the view.
        full: everything anew, also when the view is incremental.
        engine: what computes it this time; by default what the view asks for, or the warehouse.

    Raises:
        UserError: the view is plain, or the engine that was asked for cannot build it.
        BusyError: it is being built already.
        MissingInputError: an input never had rows.
        HogQLError: the text no longer fits its inputs.
        ModelError: the engine could not compute it.
        ViewCancelledError: somebody cancelled it.
        QualityFailedError: the new rows did not pass a check of the view; they were thrown away.
    """
    view = platform.store.view(view.project_id, view.id)
    if not view.is_materialized:
        raise UserError(
            f"View `{view.name}` is plain: it is computed whenever it is read. "
            f"To keep it as a table, run `pwh view materialize {view.name} --every 24hour`."
        )
    check_engine(platform, view, engine)
    started = time.monotonic()
    with view_exclusively(platform, view.project_id, view):
        store = platform.store
        if view.status is TableStatus.RUNNING:
            store.abandon_jobs(view.project_id)
        attempt = _attempt(platform, view, run_id)
        job = store.start_job(view.project_id, JobKind.VIEW, view.id, view.name, run_id, attempt)
        store.update_view(view.id, status=TableStatus.RUNNING, last_attempt_at=datetime.now(UTC))
        with Watch(platform, view, job) as watch:
            build = Build(platform, view, watch, full, engine)
            try:
                for step in _steps(view):
                    step(build)
            except BaseException as error:
                ended = error
                if watch.is_cancelled and isinstance(error, Exception):
                    ended = ViewCancelledError(view.name)
                _record_failure(platform, view, job.id, ended)
                if ended is not error:
                    raise ended from None
                raise
        table = _found(build)
        _record_success(platform, view, build.plan, table)
        store.finish_job(
            job.id,
            JobStatus.COMPLETED,
            table.row_count,
            table.size_bytes,
            engine=build.plan.engine,
            mode=build.plan.mode.value,
            reason=build.plan.reason,
        )
        store.add_usage(view.project_id, view.id, "view", table.row_count, table.size_bytes)
    return ViewResult(
        view.name,
        table.row_count,
        time.monotonic() - started,
        table.columns,
        table.size_bytes,
        build.plan.mode,
        build.plan.reason,
        build.plan.engine,
    )


def _attempt(platform: Platform, view: SavedQuery, run_id: str | None) -> int:
    """The number of this attempt within its run."""
    if run_id is None:
        return 1
    latest = platform.store.jobs(view.project_id, subject_id=view.id, limit=10)
    return 1 + sum(job.run_id == run_id for job in latest)


def _check(build: Build) -> None:
    """Every stored table it needs has rows."""
    build.watch.tell("prepare")
    _check_inputs(build.platform, build.view)


def _decide(build: Build) -> None:
    """All of it, or the part that changed."""
    build.plan = decide(build.platform, build.view, build.full, build.engine)


def _compile(build: Build) -> None:
    """Its model, written and read by dbt; what is built in parts in ClickHouse is no model there."""
    view, text = build.view, build.plan.elsewhere
    if text is not None and not isinstance(build.plan, ClickHouseBuild):
        return
    with build.watch.waiting_for(build.platform, f"dbt-{view.project_id}", _DBT_WAIT_S):
        if text is None:
            build.project = generate_models(build.platform, view.project_id, fresh=view)
            models.parse(build.project, view.name)
            return
        target = models.Target.CLICKHOUSE
        build.project = generate_models(build.platform, view.project_id, view, target, text=text)
        mirror = clickhouse(build.platform).mirror(view.project_id)
        models.parse(build.project, view.name, mirror.site_of(view.id))


def _materialize(build: Build) -> None:
    """Computed, staged, audited and published; see `_Watched`."""
    build.watch.check()
    text = build.plan.elsewhere
    if text is not None:
        from pwh_assets.engines.base import EngineUnsupportedError
        from pwh_assets.services.views.elsewhere import compute_there

        try:
            compute_there(build, text, _Watched(build))
            return
        except EngineUnsupportedError as error:
            if build.engine is not None:
                raise EngineUnfitError(build.view.name, error.sentence) from None
            build.plan = decide(build.platform, build.view, build.full, "duckdb")
            build.plan.say(f"DuckDB built it: {error.sentence}")
        _compile(build)
    assert build.project is not None
    models.run(
        build.lake,
        build.project,
        build.view.name,
        _Watched(build),
        lambda session: build.watch.interrupt_with(session.interrupt),
    )


def _find(build: Build) -> None:
    """The table that came out of it."""
    for table in build.lake.tables():
        if table.schema == "views" and table.name.lower() == build.view.name.lower():
            build.table = table
            return
    raise models.ModelError(
        build.view.name, "dbt said it was built, but the lake has no such table."
    )


STEPS: tuple[Step, ...] = (_check, _decide, _compile, _materialize, _find)
"""What a build does, in order. Before the end of `_materialize` nothing of it is visible; whatever raises ends it."""


def _steps(view: SavedQuery) -> tuple[Step, ...]:
    if view.origin is ViewOrigin.DBT:
        from pwh_assets.services.dbt_project.building import STEPS as OWN

        return (_check, *OWN)
    return STEPS


class _Watched:
    """The plan's steps with their names told, and what audits the rows before anybody sees them."""

    def __init__(self, build: Build) -> None:
        self._build, self._plan, self._watch = build, build.plan, build.watch

    def stage(self, connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
        self._watch.tell("compute")
        self._plan.stage(connection, sql)

    def audit(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._watch.tell("audit")
        self._plan.audit(connection)
        build = self._build
        audit(build.platform, build.view, connection, self._plan.preview, build.watch.job.run_id)

    def publish(self, connection: "duckdb.DuckDBPyConnection", table: str) -> None:
        self._watch.tell("publish")
        self._plan.publish(connection, table)
        self._watch.check()


def _found(build: Build) -> "LakeTable":
    assert build.table is not None
    return build.table


def _record_success(
    platform: Platform, view: SavedQuery, plan: BuildPlan, table: "LakeTable"
) -> None:
    store = platform.store
    is_current = store.view(view.project_id, view.id).version == view.version
    values = {"columns": _described(table.columns, view)} if is_current else {}
    store.update_view(
        view.id,
        status=TableStatus.COMPLETED if is_current else TableStatus.MODIFIED,
        last_run_at=datetime.now(UTC),
        latest_error=None,
        failed_at=None,
        row_count=table.row_count,
        built_version=view.version,
        failures_in_a_row=0,
        suspended_at=None,
        stale_since=None,
        stale_reason=None,
        last_build={
            "engine": plan.engine,
            "mode": plan.mode.value,
            "reason": plan.reason,
            "buckets": plan.buckets,
        },
        **values,
        **plan.changes(),
    )


def _record_failure(
    platform: Platform, view: SavedQuery, job_id: str, error: BaseException
) -> None:
    store = platform.store
    is_stop = not isinstance(error, Exception)  # Ctrl-C, SIGTERM, Dagster's own interruption
    if is_stop or isinstance(error, ViewCancelledError):
        words = "It was stopped before it was done; the old rows are kept."
        if isinstance(error, ViewCancelledError):
            words = error.sentence
        store.finish_job(job_id, JobStatus.CANCELLED, error=words, error_code="cancelled")
        store.update_view(view.id, status=TableStatus.CANCELLED)
        return
    words = str(error) if isinstance(error, PwhError) else f"{type(error).__name__}: {error}"
    code = error.code if isinstance(error, PwhError) else "internal"
    store.finish_job(job_id, JobStatus.FAILED, error=words, error_code=code)
    suspends = not isinstance(error, _NOT_ITS_FAULT) and code not in _PASSING
    store.note_view_failure(view.id, job_id, words, suspends=suspends)


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
    platform: Platform,
    project_id: int,
    fresh: SavedQuery | None = None,
    target: models.Target = models.Target.DUCKDB,
    text: models.ModelText | None = None,
) -> models.Generated:
    """Write the dbt project of all materialized views; of ClickHouse's, only of those that are built there.

    A view is left as it is when neither it nor any view it reads has changed since it was written; `fresh` is
    always compiled anew (to `text`, when that is at hand), and only its mistakes are raised: another view that no
    longer compiles is left out.
    """
    views = platform.store.views(project_id)
    marks = _fingerprints(project_graph(platform, project_id), views)
    kept = _kept(platform, project_id, target)
    is_clickhouse = target is models.Target.CLICKHOUSE
    found = []
    for view in views:
        if not view.is_materialized or view.origin is ViewOrigin.DBT:
            continue
        is_fresh = fresh is not None and view.id == fresh.id
        if is_clickhouse and view.incremental and not is_fresh:
            continue
        if not is_fresh and kept.get(view.id) == marks[view.name]:
            found.append(models.Model(view, None))
            continue
        try:
            if not is_fresh or text is None:
                compiled = model_text(platform, view, "clickhouse" if is_clickhouse else "duckdb")
            else:
                compiled = text
            found.append(models.Model(view, compiled))
        except (HogQLError, LakeError):
            if is_fresh:
                raise
    project = models.generate(platform.settings, project_id, found, target)
    state = {model.view.id: marks[model.view.name] for model in found}
    _state_file(platform, project_id, target).write_text(json.dumps(state))
    return project


def _fingerprints(graph: Graph, views: Sequence[SavedQuery]) -> dict[str, str]:
    """A text per view that changes with its version, its kind, and those of every view it reads."""
    own = {view.name: f"{view.id}.{view.version}.{view.is_materialized:d}" for view in views}
    found = {}
    for name in own:
        above = sorted(own.get(each, each) for each in graph.reach(name, graph.inputs))
        found[name] = hashlib.sha256("\n".join([own[name], *above]).encode()).hexdigest()[:16]
    return found


def _state_file(platform: Platform, project_id: int, target: models.Target) -> Path:
    return folder_of(platform.settings, project_id, target) / ".generated.json"


def _kept(platform: Platform, project_id: int, target: models.Target) -> dict[str, str]:
    try:
        return dict(json.loads(_state_file(platform, project_id, target).read_text()))
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
    """Views and metrics that read this view or table themselves, by name."""
    graph = metric_graph(platform, project_id)
    node = graph.find(name)
    return tuple(sorted(graph.outputs[node.name])) if node else ()


@contextmanager
def view_exclusively(
    platform: Platform, project_id: int, view: SavedQuery | None = None
) -> Iterator[None]:
    """Be the only one to build or drop this view; without a view, to change which views there are.

    A thread that may change which views there are goes on where it asks again: several changes are parts of one.

    Raises:
        BusyError: the view is being built.
    """
    from pwh_assets.lake.locks import hold

    if view is not None:
        with ExitStack() as held:
            try:
                held.enter_context(hold(platform.settings, f"view-{view.id}"))
            except BusyError:
                raise BusyError(
                    f"View `{view.name}` is being built by another run. Try again when it has ended."
                ) from None
            yield
        return
    mine: set[tuple[Path, int]] = _changing.__dict__.setdefault("projects", set())
    if (key := (platform.settings.home, project_id)) in mine:
        yield
        return
    with hold(platform.settings, f"views-{project_id}", timeout_s=60.0):
        mine.add(key)
        try:
            yield
        finally:
            mine.discard(key)


_changing = threading.local()
"""`projects`: those whose views this thread may change alone."""
