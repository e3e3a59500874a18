"""Metrics as the queries they stand for, for whoever compiles everything below a table."""

from collections.abc import Collection, Mapping

from pwh_assets.core.metric import Metric, node_name
from pwh_assets.core.view import SavedQuery
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.metrics import MetricProblem, whole_query


def metrics_as_views(
    metrics: Mapping[str, Metric], project_id: int, names: Collection[str]
) -> dict[str, SavedQuery]:
    """Metrics among these names of a graph as views of their text; one that has none is left out."""
    found = {}
    for metric in metrics.values():
        name = node_name(metric.key)
        if name not in names:
            continue
        try:
            text = whole_query(metric, metrics)
        except (MetricProblem, HogQLError):
            continue
        found[name] = SavedQuery(name, project_id, name, text, owner=metric.owner)
    return found
