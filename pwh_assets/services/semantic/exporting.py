"""A project's virtual tables and metrics as the document that would make them."""

from typing import Any

from pwh_assets.core.metric import Measure, Metric, MetricKind
from pwh_assets.services.platform import Platform


def export_document(platform: Platform, project_id: int) -> str:
    """YAML that `apply_document` finds nothing to do in."""
    import yaml  # type: ignore[import-untyped,unused-ignore]

    from pwh_assets.services.semantic.applying import virtual_tables

    found: dict[str, Any] = {}
    tables = []
    for view in virtual_tables(platform, project_id):
        table: dict[str, Any] = {"name": view.name, "query": view.sql}
        table |= _said(view.description, view.owner)
        if view.frequency is not None:
            table["every"] = view.frequency.name
            if view.frequency.time_of_day:
                table["at"] = view.frequency.time_of_day
        tables.append(table)
    if tables:
        found["virtual_tables"] = tables
    metrics = [metric_entry(each.definition) for each in platform.store.metrics(project_id)]
    if metrics:
        found["metrics"] = metrics
    return str(yaml.dump(found, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=100))


def metric_entry(metric: Metric) -> dict[str, Any]:
    """A metric as the document has it."""
    entry: dict[str, Any] = {"name": metric.name}
    match metric.kind:
        case MetricKind.SIMPLE:
            entry["source"] = metric.source
            entry["measure"] = metric.measure.value
            if metric.expression:
                entry["expression"] = metric.expression
            if metric.measure is Measure.QUANTILE:
                entry["level"] = metric.level
        case MetricKind.RATIO:
            entry["numerator"], entry["denominator"] = (
                {"metric": each.metric, **({"filter": each.filters[0]} if each.filters else {})}
                for each in metric.inputs
            )
        case MetricKind.DERIVED:
            entry["formula"] = metric.formula
            entry["metrics"] = [
                {
                    "metric": each.metric,
                    "as": each.name,
                    **({"filter": each.filters[0]} if each.filters else {}),
                }
                for each in metric.inputs
            ]
        case MetricKind.CUMULATIVE:
            entry["cumulative"] = metric.inputs[0].metric
            if metric.per:
                entry["per"] = metric.per.value
    if metric.filters:
        entry["filters"] = list(metric.filters)
    if metric.dimensions:
        entry["dimensions"] = [
            each.name
            if each.expression == each.name and not each.description
            else {
                "name": each.name,
                "expression": each.expression,
                **({"description": each.description} if each.description else {}),
            }
            for each in metric.dimensions
        ]
    if metric.time:
        entry["time"] = metric.time
    if metric.grain:
        entry["grain"] = metric.grain.value
    return entry | _said(metric.description, metric.owner)


def _said(description: str, owner: str) -> dict[str, str]:
    said = {"description": description, "owner": owner}
    return {name: text for name, text in said.items() if text}


def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc,unused-ignore]
        """Texts of several lines as blocks."""

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
