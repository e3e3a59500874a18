"""What the columns of one view, model or metric are made of, one step up: the columns of what it names itself."""

from dataclasses import replace

from pwh_assets import hogql
from pwh_assets.core.metric import Metric, MetricKind, node_name
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.metrics import (
    TIME,
    VALUE,
    MetricProblem,
    dimension_names,
    spread,
    whole_query,
)
from pwh_assets.hogql.plan import OutputColumn
from pwh_assets.hogql.types import UNKNOWN
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.text import as_tables


class Steps:
    """Steps of one project as it is now."""

    def __init__(self, platform: Platform, project_id: int) -> None:
        self._platform, self._project_id = platform, project_id
        self._catalog = _stepwise(build_catalog(platform, project_id))

    def of_view(self, view: SavedQuery) -> tuple[OutputColumn, ...]:
        """Columns of a view or a dbt model; none where its text no longer compiles, or was never compiled by dbt."""
        if view.origin is ViewOrigin.DBT:
            from pwh_assets.services.dbt_project.columns import model_columns

            return model_columns(self._platform, view, self._catalog)
        return self._compiled(view.sql)

    def of_metric(self, name: str) -> tuple[OutputColumn, ...]:
        """`time`, the dimensions and `value` of a metric by its name in the graph.

        One that is made of others is made of their columns; one that is measured on a table of that table's.
        """
        metrics = self._catalog.metrics
        metric = next((each for each in metrics.values() if node_name(each.key) == name), None)
        if metric is None:
            return ()
        try:
            if metric.kind is MetricKind.SIMPLE:
                return self._compiled(whole_query(metric, metrics))
            has_time = all(leaf.metric.time for leaf in spread(metric, metrics).leaves)
            columns = (*([TIME] if has_time else []), *dimension_names(metric, metrics), VALUE)
            return tuple(_of_inputs(metric, column) for column in columns)
        except MetricProblem:
            return ()

    def _compiled(self, text: str) -> tuple[OutputColumn, ...]:
        try:
            return hogql.compile(text, self._catalog, "duckdb").columns
        except HogQLError:
            return ()


def _of_inputs(metric: Metric, column: str) -> OutputColumn:
    made_of = ((node_name(each.metric), column, ()) for each in metric.inputs)
    return OutputColumn(column, UNKNOWN, tuple(dict.fromkeys(made_of)))


def _stepwise(catalog: Catalog) -> Catalog:
    """The catalog with views and metrics as what they are called, not as what they stand for."""
    found: Catalog | None = catalog.__dict__.get("_lineage_steps")
    if found is None:
        tables = as_tables(catalog)
        version = f"{tables.version}:metrics" if tables.version else ""
        found = replace(tables, metrics_are_steps=True, version=version)
        catalog.__dict__["_lineage_steps"] = found
    return found
