"""Applying a document: everything in it is checked together, then all of it is kept or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pwh_assets import hogql
from pwh_assets.core.frequency import Frequency
from pwh_assets.core.metric import NODE, Metric, SavedMetric, metric_key, node_name
from pwh_assets.core.source import Column
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import ConflictError, NotFoundError, PwhError, quoted
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import Graph, build_graph, metric_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.semantic.checking import check_metrics, check_tables
from pwh_assets.services.semantic.document import Document, DocumentError
from pwh_assets.services.semantic.reading import read_document

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import Catalog

MANAGED_BY = "semantic"
"""What `SavedQuery.managed_by` says of a virtual table."""


class StillReadError(ConflictError):
    """Views or metrics read what would go or change, and would break."""

    code = "metric_in_use"

    def __init__(self, breaks: tuple[tuple[str, str], ...]) -> None:
        self.breaks = breaks
        each = " ".join(f"`{name}` would break: {why}." for name, why in breaks)
        super().__init__(
            f"{each} Change {quoted([name for name, _ in breaks])} first, or force it. Nothing was changed."
        )


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A virtual table that compiles."""

    name: str
    sql: str
    columns: tuple[Column, ...]
    inputs: tuple[str, ...]
    description: str = ""
    owner: str = ""
    frequency: Frequency | None = None
    """How often it is kept as a table; None for one that is computed when read."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a document did, or would do. Metrics go by `metric:<key>`, virtual tables by their names."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def apply_document(
    platform: Platform,
    project_id: int,
    text: str,
    *,
    file: str = "document",
    prune: bool = False,
    dry_run: bool = False,
    force: bool = False,
    author: str = "",
) -> Applied:
    """Make a project's virtual tables and metrics what a document says, all of it or nothing.

    A virtual table that shall be kept as a table is built by whoever builds views; until then it is computed.

    Args:
        file: what mistakes call the document.
        prune: remove virtual tables and metrics that it does not declare.
        dry_run: look and tell, change nothing.
        force: also where views that read them would break.

    Raises:
        DocumentError: with every mistake and its place.
        StillReadError: somebody reads what would go or change.
        BusyError: a virtual table that would go is being built.
    """
    from pwh_assets.services.views.builds import view_exclusively

    document = read_document(text, file)
    with view_exclusively(platform, project_id):
        own = {view.name: view for view in virtual_tables(platform, project_id)}
        known = {each.definition.key: each for each in platform.store.metrics(project_id)}
        current = build_catalog(platform, project_id)
        declared = {each.name.value.strip().lower() for each in document.tables}
        keys = {each.metric.key for each in document.metrics}
        gone_tables = [view for name, view in own.items() if prune and name.lower() not in declared]
        gone_metrics = [key for key in known if prune and key not in keys]
        catalog = _without(current, {view.name for view in gone_tables}, set(gone_metrics))
        _check_names(platform, project_id, document, own)
        tables, catalog = check_tables(document, catalog)
        metrics, catalog = check_metrics(document, catalog)
        if not document.mistakes.found:
            _check_circles(platform, project_id, document, tables, catalog)
        if document.mistakes.found:
            raise DocumentError(document.mistakes.found)
        changed = _compared(tables, metrics, own, known)
        going = [view.name for view in gone_tables] + [node_name(key) for key in gone_metrics]
        if not force:
            touched = [*changed.changed, *going]
            breaks = tuple(_breaks(platform, project_id, current, catalog, touched))
            if breaks:
                raise StillReadError(breaks)
        if not dry_run:
            for table in tables:
                _save_table(platform, project_id, table, own.get(table.name), author)
            platform.store.save_metrics(project_id, metrics, gone_metrics, author)
            for view in gone_tables:
                _remove_table(platform, view)
    return replace(changed, removed=tuple(sorted(going)))


def remove_metric(
    platform: Platform, project_id: int, name: str, *, force: bool = False
) -> SavedMetric | SavedQuery:
    """Remove a metric or a virtual table by its name. Returns what it was.

    Raises:
        NotFoundError: there is neither.
        StillReadError: somebody reads it, and `force` was not asked for.
    """
    from pwh_assets.services.views.builds import view_exclusively

    with view_exclusively(platform, project_id):
        key = metric_key(name.removeprefix(NODE))
        saved = {each.definition.key: each for each in platform.store.metrics(project_id)}
        tables = {each.name.lower(): each for each in virtual_tables(platform, project_id)}
        found: SavedMetric | SavedQuery | None = saved.get(key) or tables.get(name.lower())
        if found is None:
            raise NotFoundError(
                "metric or virtual table", name, "`pwh metric list` shows those there are."
            )
        is_metric = isinstance(found, SavedMetric)
        current = build_catalog(platform, project_id)
        gone = node_name(key) if is_metric else name
        after = _without(current, set() if is_metric else {name}, {key} if is_metric else set())
        if not force:
            breaks = tuple(_breaks(platform, project_id, current, after, [gone]))
            if breaks:
                raise StillReadError(breaks)
        if isinstance(found, SavedMetric):
            platform.store.save_metrics(project_id, (), [key])
        else:
            _remove_table(platform, found)
    return found


def virtual_tables(platform: Platform, project_id: int) -> list[SavedQuery]:
    """Those the project has, by name."""
    views = platform.store.views(project_id)
    return [view for view in views if view.origin is ViewOrigin.VIRTUAL]


# What stands against it


def _check_names(
    platform: Platform, project_id: int, document: Document, own: dict[str, SavedQuery]
) -> None:
    from pwh_assets.services.views.saved import check_name

    graph = metric_graph(platform, project_id)
    for table in document.tables:
        try:
            name = check_name(table.name.value)
        except PwhError as error:
            document.mistakes.add(table.name, error.sentence)
            continue
        taken = graph.find(name)
        if taken is not None and taken.name not in own:
            kind = taken.kind.value.replace("_", " ")
            document.mistakes.add(
                table.name,
                f"`{name}` is the name of the {kind} `{taken.name}`. Give it another one.",
            )
        if table.every or table.at:
            try:
                frequency_of(table.every, table.at)
            except PwhError as error:
                document.mistakes.add(table.name, error.sentence)


def frequency_of(every: str | None, at: str | None) -> Frequency | None:
    """Raises InvalidInputError."""
    return Frequency.parse(every or "24hour", at, "every") if every or at else None


def _check_circles(
    platform: Platform,
    project_id: int,
    document: Document,
    tables: list[CheckedTable],
    catalog: "Catalog",
) -> None:
    known, views = platform.store.outlines(project_id)
    saved = {view.name: view for view in views}
    for table in tables:
        kept = saved.get(table.name) or SavedQuery(table.name, project_id, table.name, "")
        saved[table.name] = replace(kept, inputs=table.inputs)
    graph = build_graph(project_id, known, saved.values(), catalog.metrics.values())
    whole = set(graph.order)
    for declared in document.tables:
        name = declared.name.value.strip()
        if name in graph.nodes and name not in whole and _reads_itself(graph, name):
            document.mistakes.add(declared.name, f"`{name}` would read itself.")
    for metric in document.metrics:
        name = node_name(metric.metric.key)
        if name in graph.nodes and name not in whole and _reads_itself(graph, name):
            document.mistakes.add(
                metric.name, f"Metric `{metric.metric.name}` would be made of itself."
            )


def _reads_itself(graph: Graph, name: str) -> bool:
    return any(
        name in graph.inputs.get(each, ()) for each in (name, *graph.reach(name, graph.inputs))
    )


def _breaks(
    platform: Platform, project_id: int, before: "Catalog", after: "Catalog", touched: list[str]
) -> Iterator[tuple[str, str]]:
    """Views and metrics below what changes that compile now and would not any more."""
    from pwh_assets.services.hogql.metric_texts import metrics_as_views

    graph = metric_graph(platform, project_id)
    touched = [each.name for name in touched if (each := graph.find(name)) is not None]
    below = {name for each in touched for name in graph.reach(each, graph.outputs)} - set(touched)
    readers = {view.name: view for view in platform.store.views(project_id) if view.name in below}
    metrics = metrics_as_views(before.metrics, project_id, below)
    for name, view in sorted((readers | metrics).items()):
        if view.origin is ViewOrigin.DBT:
            continue
        try:
            hogql.compile(view.sql, before, "duckdb")
        except HogQLError:
            continue
        if name in metrics:
            key = name.removeprefix(NODE)
            if key not in after.metrics:
                continue
            if made := _metric_problem(after, key):
                yield name, made
            continue
        table = after.by_name.get(name.lower())
        if table is None or (table.kind == "materialized" and view.sql == ""):
            continue
        text = table.view_sql if table.view_sql is not None else view.sql
        try:
            hogql.compile(text, after, "duckdb")
        except HogQLError as error:
            yield name, error.problems[0].message


def _metric_problem(catalog: "Catalog", key: str) -> str | None:
    from pwh_assets.hogql.metrics import MetricProblem, whole_query

    try:
        hogql.compile(whole_query(catalog.metrics[key], catalog.metrics), catalog, "duckdb")
    except HogQLError as error:
        return error.problems[0].message
    except MetricProblem as error:
        return error.message
    return None


def _without(catalog: "Catalog", tables: set[str], keys: set[str]) -> "Catalog":
    return replace(
        catalog,
        tables=tuple(each for each in catalog.tables if each.name not in tables),
        metrics={key: each for key, each in catalog.metrics.items() if key not in keys},
        version="",
    )


# Keeping it


def _compared(
    tables: list[CheckedTable],
    metrics: list[Metric],
    own: dict[str, SavedQuery],
    known: dict[str, SavedMetric],
) -> Applied:
    added, changed, unchanged = [], [], []
    for table in tables:
        view = own.get(table.name)
        if view is None:
            added.append(table.name)
        elif (
            view.sql == table.sql
            and view.frequency == table.frequency
            and (view.description, view.owner) == (table.description, table.owner)
        ):
            unchanged.append(table.name)
        else:
            changed.append(table.name)
    for metric in metrics:
        saved, name = known.get(metric.key), node_name(metric.key)
        if saved is None:
            added.append(name)
        elif saved.definition == metric:
            unchanged.append(name)
        else:
            changed.append(name)
    return Applied(tuple(added), tuple(changed), tuple(unchanged))


def _save_table(
    platform: Platform,
    project_id: int,
    table: CheckedTable,
    before: SavedQuery | None,
    author: str,
) -> None:
    view = platform.store.save_view(
        project_id,
        table.name,
        table.sql,
        table.columns,
        table.inputs,
        author=author,
        origin=ViewOrigin.VIRTUAL,
        managed_by=MANAGED_BY,
    )
    said = {"description": table.description, "owner": table.owner, "frequency": table.frequency}
    if before is not None and before.is_materialized and table.frequency is None:
        platform.lakes.of(project_id).drop_table(*view.place)
        said |= {"row_count": None, "built_version": None, "last_run_at": None}
    platform.store.update_view(view.id, is_materialized=table.frequency is not None, **said)


def _remove_table(platform: Platform, view: SavedQuery) -> None:
    from pwh_assets.services.views.builds import view_exclusively

    with view_exclusively(platform, view.project_id, view):
        platform.store.remove_view(view.id)
        platform.store.remove_quality_checks_of(view.id)
        if view.is_materialized:
            platform.lakes.of(view.project_id).drop_table(*view.place)
