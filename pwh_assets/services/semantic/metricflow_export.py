"""Metrics as MetricFlow's definitions; what MetricFlow cannot say is named."""

import re
from collections.abc import Sequence
from typing import Any

from pwh_assets.core.metric import Grain, Measure, Metric, MetricKind, metric_key
from pwh_assets.errors import ConflictError
from pwh_assets.hogql.metrics import TRUNCATED, names_in
from pwh_assets.services.platform import Platform
from pwh_assets.services.semantic.asking import find_metric
from pwh_assets.services.semantic.metricflow import AGGREGATIONS

_WORDS = {measure: word for word, measure in reversed(AGGREGATIONS.items())} | {
    Measure.SUM: "sum",
    Measure.QUANTILE: "percentile",
}


class NotExportableError(ConflictError):
    """Some metrics have no equal among MetricFlow's; `reasons` says why, by metric."""

    code = "metric_not_exportable"

    def __init__(self, reasons: Sequence[tuple[str, str]]) -> None:
        self.reasons = tuple(reasons)
        each = " ".join(f"`{name}`: {why}." for name, why in reasons)
        super().__init__(
            f"Not all of it can be said in MetricFlow. {each} Name the others to export."
        )


def export_metricflow(platform: Platform, project_id: int, names: Sequence[str] = ()) -> str:
    """YAML with `semantic_models:` and `metrics:`, of all metrics or of those named and what they are made of.

    Raises:
        NotFoundError: there is no such metric.
        NotExportableError: one of them has no equal there.
    """
    import yaml  # type: ignore[import-untyped,unused-ignore]

    known = {each.definition.key: each.definition for each in platform.store.metrics(project_id)}
    wanted = [find_metric(platform, project_id, name).definition.key for name in names]
    queue = wanted or list(known)
    for key in queue:
        queue += [each.metric for each in known[key].inputs if each.metric not in queue]
    chosen = [known[key] for key in sorted(queue)]
    models: dict[tuple[Any, ...], dict[str, Any]] = {}
    metrics: list[dict[str, Any]] = []
    reasons: list[tuple[str, str]] = []
    for metric in chosen:
        try:
            metrics.append(_metric(metric, known, models))
        except ValueError as error:
            reasons.append((metric.key, str(error)))
    if reasons:
        raise NotExportableError(reasons)
    found = {"semantic_models": list(models.values()), "metrics": metrics}
    return str(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=100))


def _metric(
    metric: Metric, known: dict[str, Metric], models: dict[tuple[Any, ...], dict[str, Any]]
) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": metric.key, "label": metric.name}
    if metric.description:
        entry["description"] = metric.description
    if metric.owner:
        raise ValueError("MetricFlow has no owner of a metric")
    entry["type"] = metric.kind.value
    match metric.kind:
        case MetricKind.SIMPLE:
            entry["type_params"] = {"measure": _measure(metric, models)}
            filters = _filters(metric.filters, metric)
        case MetricKind.CUMULATIVE:
            one = known[metric.inputs[0].metric]
            if one.filters:
                raise ValueError(f"it adds up `{one.key}`, which has conditions of its own")
            params: dict[str, Any] = {"measure": _measure(one, models)}
            if metric.per:
                params["cumulative_type_params"] = {"grain_to_date": metric.per.value}
            entry["type_params"] = params
            filters = _filters((*metric.inputs[0].filters, *metric.filters), one)
        case _:
            leaf = _first_leaf(metric, known)
            inputs = []
            for each in metric.inputs:
                one_input: dict[str, Any] = {"name": each.metric}
                if each.name != one_input["name"]:
                    one_input["alias"] = each.name
                if each.filters:
                    one_input["filter"] = _filters(
                        each.filters, _first_leaf(known[each.metric], known)
                    )
                inputs.append(one_input)
            if metric.kind is MetricKind.RATIO:
                entry["type_params"] = dict(zip(("numerator", "denominator"), inputs, strict=True))
            else:
                entry["type_params"] = {"expr": metric.formula, "metrics": inputs}
            filters = _filters(metric.filters, leaf)
    if filters:
        entry["filter"] = filters
    return entry


def _first_leaf(metric: Metric, known: dict[str, Metric]) -> Metric:
    while metric.kind is not MetricKind.SIMPLE:
        metric = known[metric.inputs[0].metric]
    return metric


def _measure(metric: Metric, models: dict[tuple[Any, ...], dict[str, Any]]) -> str:
    """The name of the metric's measure, in the semantic model of its source, time and dimensions."""
    if metric.measure is Measure.EXPRESSION:
        raise ValueError(
            "its measure is an expression of several aggregates or of none MetricFlow has"
        )
    key = (metric.source, metric.time, metric.grain, metric.dimensions)
    entity = metric_key(metric.source)
    if key not in models:
        name = entity if not models else f"{entity}_{len(models) + 1}"
        dimensions: list[dict[str, Any]] = [
            {
                "name": each.name,
                "type": "categorical",
                "expr": each.expression,
                **({"description": each.description} if each.description else {}),
            }
            for each in metric.dimensions
        ]
        model: dict[str, Any] = {"name": name, "model": f"ref('{metric.source}')"}
        if metric.time:
            grain = metric.grain or Grain.DAY
            if metric.grain is None:
                raise ValueError("it has a `time` without a `grain`, and MetricFlow needs one")
            model["defaults"] = {"agg_time_dimension": _time_name(metric)}
            dimensions.append(
                {
                    "name": _time_name(metric),
                    "type": "time",
                    "expr": metric.time,
                    "type_params": {"time_granularity": grain.value},
                }
            )
        model |= {"primary_entity": entity, "dimensions": dimensions, "measures": []}
        models[key] = model
    measure: dict[str, Any] = {
        "name": metric.key,
        "agg": _WORDS[metric.measure],
        "expr": metric.expression or "1",
    }
    if metric.level is not None:
        measure["agg_params"] = {"percentile": metric.level}
    if measure not in models[key]["measures"]:
        models[key]["measures"].append(measure)
    return metric.key


def _time_name(metric: Metric) -> str:
    return metric.time if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", metric.time) else "metric_time_"


def _filters(filters: Sequence[str], leaf: Metric) -> list[str]:
    """Conditions in MetricFlow's Jinja; a column that is no dimension cannot be named there."""
    return [_filter(text, leaf) for text in filters]


def _filter(text: str, leaf: Metric) -> str:
    entity = metric_key(leaf.source)
    kept: list[str] = []

    def keep(words: str) -> str:
        kept.append(words)
        return f"kept_{len(kept) - 1}_"

    for grain, function in TRUNCATED.items():
        written = f"{function}({leaf.time})"
        if leaf.time and written in text:
            jinja = f"{{{{ TimeDimension('{entity}__{_time_name(leaf)}', '{grain}') }}}}"
            text = text.replace(written, keep(jinja))
    known = {each.name.lower(): each.name for each in leaf.dimensions}
    pieces, at = [], 0
    for name, start, end in sorted(names_in(text), key=lambda each: each[1]):
        if name.startswith("kept_"):
            continue
        if name.lower() not in known:
            raise ValueError(f"its condition names `{name}`, which is no dimension of it")
        pieces += [text[at:start], f"{{{{ Dimension('{entity}__{known[name.lower()]}') }}}}"]
        at = end
    made = "".join([*pieces, text[at:]])
    return re.sub(r"kept_(\d+)_", lambda match: kept[int(match[1])], made)
