"""Checking what a document declares against the catalog it would make; mistakes get their place in the file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pwh_assets import hogql
from pwh_assets.core.metric import Measure, Metric, MetricKind
from pwh_assets.core.names import nearest
from pwh_assets.errors import PwhError
from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.hogql.metrics import (
    MetricProblem,
    aggregate,
    aggregates_in,
    names_in,
    source,
    spread,
    whole_query,
    with_dimensions,
)
from pwh_assets.hogql.stored import type_of
from pwh_assets.services.semantic.document import (
    Composed,
    DeclaredMetric,
    DeclaredTable,
    Document,
    Text,
)
from pwh_assets.services.views.text import examine_in

if TYPE_CHECKING:
    from pwh_assets.services.semantic.applying import CheckedTable

_ADDITIVE = (Measure.SUM, Measure.COUNT)


def check_tables(document: Document, catalog: Catalog) -> "tuple[list[CheckedTable], Catalog]":
    """The virtual tables that compile, each after those it reads, and the catalog that has them."""
    waiting = {each.name.value.strip().lower(): each for each in document.tables}
    metrics = {each.metric.key: each.metric for each in document.metrics}
    catalog = replace(
        catalog,
        tables=tuple(each for each in catalog.tables if each.name.lower() not in waiting),
        metrics={**catalog.metrics, **metrics},
        version="",
    )
    found: list[CheckedTable] = []
    is_moving = True
    while waiting and is_moving:
        is_moving = False
        for key, table in list(waiting.items()):
            made = _examined(table, catalog)
            if isinstance(made, HogQLError):
                if _reads(made, waiting):
                    continue
                _note(document, table, made)
            elif isinstance(made, PwhError):
                document.mistakes.add(table.name, made.sentence)
            else:
                found.append(made)
                catalog = _with(catalog, made)
            del waiting[key]
            is_moving = True
    for table in waiting.values():
        made = _examined(table, catalog)
        if isinstance(made, HogQLError):
            names = sorted(_reads(made, waiting))
            document.mistakes.add(
                table.name,
                f"`{table.name.value}` reads `{names[0]}`, and they go round in a circle."
                if names
                else made.problems[0].message,
            )
    return found, catalog


def _examined(table: DeclaredTable, catalog: Catalog) -> "CheckedTable | HogQLError | PwhError":
    from pwh_assets.services.semantic.applying import CheckedTable, frequency_of

    name = table.name.value.strip()
    try:
        columns, inputs = examine_in(catalog, name, table.query.text)
        frequency = frequency_of(table.every, table.at)
    except PwhError as error:
        return error
    return CheckedTable(
        name, table.query.text, columns, inputs, table.description, table.owner, frequency
    )


def _reads(error: HogQLError, names: dict[str, DeclaredTable]) -> set[str]:
    """Which of these names the unknown tables of a text are."""
    unknown = (p for p in error.problems if p.code == SyntaxProblem.UNKNOWN_TABLE)
    words = (error.text[p.start : p.end].strip('`"').lower() for p in unknown)
    return {word.removeprefix("warehouse.") for word in words} & names.keys()


def _note(document: Document, table: DeclaredTable, error: HogQLError) -> None:
    for problem in error.problems:
        place = table.query.place(problem.start) or table.name
        hint = f" {problem.hint}" if problem.hint else ""
        document.mistakes.add(place, f"{problem.message}.{hint}")


def _with(catalog: Catalog, table: "CheckedTable") -> Catalog:
    columns = tuple(ColumnDef(c.name, type_of(c.type), c.description) for c in table.columns)
    made = TableDef(table.name, columns, view_sql=table.sql, kind="view")
    return replace(catalog, tables=(*catalog.tables, made), version="")


# Metrics


def check_metrics(document: Document, catalog: Catalog) -> tuple[list[Metric], Catalog]:
    """The metrics with their sources by their right names, and the catalog that has them."""
    for declared in document.metrics:
        metric = declared.metric
        if metric.kind is MetricKind.SIMPLE and metric.source:
            table = _source(catalog, metric.source)
            if table is None:
                near = nearest(metric.source, list(catalog.by_name))
                hint = f" Did you mean `{near}`?" if near else ""
                document.mistakes.add(
                    declared.place("source"), f"There is no table or view `{metric.source}`.{hint}"
                )
                continue
            declared.metric = replace(metric, source=table.name)
    metrics = {**catalog.metrics, **{each.metric.key: each.metric for each in document.metrics}}
    catalog = replace(catalog, metrics=metrics, version="")
    for declared in document.metrics:
        before = len(document.mistakes.found)
        if declared.metric.kind is MetricKind.SIMPLE:
            for place, message in _simple(declared, catalog):
                document.mistakes.add(place, message)
        else:
            for place, message in _combined(declared, catalog):
                document.mistakes.add(place, message)
        if len(document.mistakes.found) == before:
            _check_whole(document, declared, catalog)
    return [each.metric for each in document.metrics], catalog


def _source(catalog: Catalog, name: str) -> TableDef | None:
    folded = name.lower()
    found = catalog.by_name.get(folded)
    if found is None and folded.startswith(("posthog.", "warehouse.")):
        found = catalog.by_name.get(folded.split(".", 1)[1])
    return found


def _simple(
    declared: DeclaredMetric, catalog: Catalog
) -> Iterator[tuple[tuple[int, int] | Text, str]]:
    metric = declared.metric
    if _source(catalog, metric.source) is None:
        return  # said already
    end = f" FROM {source(metric)}"
    expression = declared.place("expression")
    if metric.measure is Measure.EXPRESSION:
        if not metric.expression:
            return
        text = Composed("SELECT ", replace_value(expression, metric.expression), end)
        problems = list(_problems(text, catalog))
        yield from problems
        if not problems and not aggregates_in(metric.expression):
            yield expression, "A measure has to be an aggregate, such as `sum(amount)`."
    elif metric.expression:
        inner = replace_value(expression, metric.expression)
        whole = aggregate(metric)
        at = whole.index(metric.expression)
        text = Composed("SELECT ", whole[:at], inner, whole[at + len(inner.value) :], end)
        yield from _problems(text, catalog)
    for i, dimension in enumerate(metric.dimensions):
        place = replace_value(declared.place(f"dimensions.{i}"), dimension.expression)
        yield from _problems(Composed("SELECT ", place, end), catalog, is_row=True)
    for i, condition in enumerate(metric.filters):
        yield from _condition(declared, i, condition, metric, catalog)
    if metric.time:
        place = replace_value(declared.place("time"), metric.time)
        yield from _problems(Composed("SELECT ", place, end), catalog, is_row=True, is_time=True)


def replace_value(text: Text, value: str) -> Text:
    """The text where it stands, without the blanks around it."""
    if text.value.strip() == value or value not in text.value:
        return replace(text, value=value)
    line, column = text.place(text.value.index(value))
    return Text(value, line, column, text.is_block)


def _condition(
    declared: DeclaredMetric, i: int, condition: str, metric: Metric, catalog: Catalog
) -> Iterator[tuple[tuple[int, int] | Text, str]]:
    place = replace_value(declared.place(f"filters.{i}"), condition)
    try:
        written = with_dimensions(condition, metric)
    except HogQLError as error:
        for problem in error.problems:
            yield place.place(problem.start), f"{problem.message}."
        return
    # Where dimensions were written out, columns of the text are other ones: the condition's start has to do.
    part = place if written == condition else replace(place, value=written, is_block=False)
    text = Composed("SELECT 1 FROM ", source(metric), " WHERE (", part, ")")
    for where, message in _problems(text, catalog, is_row=True):
        yield (where if written == condition else place), message


def _problems(
    text: Composed, catalog: Catalog, *, is_row: bool = False, is_time: bool = False
) -> Iterator[tuple[tuple[int, int] | Text, str]]:
    try:
        plan = hogql.compile(text.text, catalog, "duckdb")
    except HogQLError as error:
        for problem in error.problems:
            hint = f" {problem.hint}" if problem.hint else ""
            yield text.place(problem.start) or (1, 1), f"{problem.message}.{hint}"
        return
    place = text.place(0) or (1, 1)
    if is_row and any(True for _ in _aggregates(text)):
        yield place, "This is looked at for each row, so it cannot hold an aggregate."
    if is_time and plan.columns[0].type.name not in ("Date", "DateTime", "DateTime64"):
        yield place, f"`time` is a date or a time; this is a {plan.columns[0].type}."


def _aggregates(text: Composed) -> Iterator[object]:
    for part in text.parts:
        try:
            yield from aggregates_in(part.value)
        except HogQLError:
            return


def _combined(
    declared: DeclaredMetric, catalog: Catalog
) -> Iterator[tuple[tuple[int, int] | Text, str]]:
    metric = declared.metric
    for each in metric.inputs:
        place = declared.texts.get(f"inputs.{each.metric}") or _in_formula(declared, each.name)
        if each.metric not in catalog.metrics:
            near = nearest(each.metric, list(catalog.metrics))
            hint = f" Did you mean `{near}`?" if near else ""
            yield place, f"There is no metric `{each.metric}`.{hint}"
        elif metric.kind is MetricKind.CUMULATIVE:
            made = catalog.metrics[each.metric]
            if made.kind is not MetricKind.SIMPLE or made.measure not in _ADDITIVE:
                yield place, "Only a `sum` or a `count` can be added up over periods."
            elif not made.time:
                yield place, f"`{each.metric}` has no `time` to add it up along."


def _in_formula(declared: DeclaredMetric, name: str) -> tuple[int, int] | Text:
    text = declared.place("formula")
    starts = [start for word, start, _ in names_in(declared.metric.formula or "1") if word == name]
    return text.place(text.value.index(declared.metric.formula) + starts[0]) if starts else text


def _check_whole(document: Document, declared: DeclaredMetric, catalog: Catalog) -> None:
    try:
        spread(declared.metric, catalog.metrics)
        hogql.compile(whole_query(declared.metric, catalog.metrics), catalog, "duckdb")
    except MetricProblem as error:
        hint = f" {error.hint}" if error.hint else ""
        document.mistakes.add(declared.name, f"{error.message}.{hint}")
    except HogQLError as error:
        if not document.mistakes.found:
            document.mistakes.add(declared.name, f"{error.problems[0].message}.")
