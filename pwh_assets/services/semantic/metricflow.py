"""MetricFlow's `semantic_models:` and `metrics:`, where they mean what ours mean; the rest is named and refused."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from pwh_assets.core.metric import (
    Dimension,
    Grain,
    Measure,
    Metric,
    MetricInput,
    MetricKind,
    metric_key,
)
from pwh_assets.hogql.metrics import TRUNCATED
from pwh_assets.services.semantic.document import (
    DeclaredMetric,
    Document,
    Entry,
    Mistakes,
    Text,
)

AGGREGATIONS = {
    "sum": Measure.SUM,
    "count": Measure.COUNT,
    "count_distinct": Measure.COUNT_DISTINCT,
    "average": Measure.AVG,
    "min": Measure.MIN,
    "max": Measure.MAX,
    "median": Measure.QUANTILE,
    "percentile": Measure.QUANTILE,
    "sum_boolean": Measure.SUM,
}
_JINJA = re.compile(r"\{\{\s*(\w+)\(\s*'([^']*)'(?:\s*,\s*'([^']*)')?\s*\)\s*\}\}")
_REF = re.compile(r"^\s*ref\(\s*['\"](?:[^'\"]+['\"]\s*,\s*['\"])?([^'\"]+)['\"]\s*\)\s*$")
_MODEL_WORDS = (
    *("name", "description", "label", "model", "defaults", "primary_entity"),
    *("entities", "dimensions", "measures", "config", "meta"),
)
_METRIC_WORDS = ("name", "description", "label", "type", "type_params", "filter", "config", "meta")


@dataclass(slots=True)
class _Model:
    """A semantic model: expressions by name."""

    name: str
    source: Text
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    times: dict[str, tuple[str, Grain]] = field(default_factory=dict)
    entities: dict[str, str] = field(default_factory=dict)
    primary: str = ""


@dataclass(slots=True)
class _Measured:
    model: _Model
    metric: Metric
    place: Text


def read_metricflow(top: Entry, mistakes: Mistakes) -> Document:
    """The metrics of a MetricFlow file as ours; what means something else is a mistake with its place."""
    top.known(("semantic_models", "metrics", "version"))
    document = Document(mistakes)
    measures: dict[str, _Measured] = {}
    for entry in top.entries("semantic_models"):
        _read_model(entry, measures, document)
    for entry in top.entries("metrics"):
        _read_metric(entry, measures, document)
    _add_summed(measures, document)
    return document


def _add_summed(measures: dict[str, _Measured], document: Document) -> None:
    """A running total adds up a measure; here that is a metric of its own."""
    known = {each.metric.key for each in document.metrics}
    by_key = {metric_key(name): each for name, each in measures.items()}
    for declared in list(document.metrics):
        if declared.metric.kind is not MetricKind.CUMULATIVE:
            continue
        key = declared.metric.inputs[0].metric
        if key not in known:
            known.add(key)
            made = by_key[key]
            document.metrics.append(
                DeclaredMetric(made.place, made.metric, {"source": made.model.source})
            )


def _read_model(entry: Entry, measures: dict[str, _Measured], document: Document) -> None:
    mistakes = document.mistakes
    entry.known(_MODEL_WORDS)
    name, source = entry.text("name", required=True), entry.text("model", required=True)
    if name is None or source is None:
        return
    found = _REF.match(source.value)
    table = found[1] if found else source.value.strip()
    model = _Model(name.value, Text(table, source.line, source.column))
    for each in entry.entries("entities"):
        each.known(("name", "type", "expr", "description", "label", "role", "entity"))
        key = each.word("name")
        model.entities[key] = each.word("expr") or key
        if each.word("type") == "primary":
            model.primary = key
    model.primary = entry.word("primary_entity") or model.primary
    for each in entry.entries("dimensions"):
        _read_dimension(each, model, mistakes)
    defaults = entry.entry("defaults")
    default_time = defaults.word("agg_time_dimension") if defaults else ""
    for each in entry.entries("measures"):
        made = _read_measure(each, model, default_time, mistakes)
        if made is not None:
            measures[made.metric.name] = made
            if each.word("create_metric").lower() == "true":
                declared = DeclaredMetric(made.place, made.metric, {"source": model.source})
                document.metrics.append(declared)


def _read_dimension(each: Entry, model: _Model, mistakes: Mistakes) -> None:
    each.known(
        ("name", "type", "expr", "description", "label", "type_params", "is_partition", "config")
    )
    name = each.text("name", required=True)
    if name is None:
        return
    expression = each.word("expr") or name.value
    if each.word("type") == "time":
        params = each.entry("type_params")
        grain = params.word("time_granularity") if params else "day"
        if grain not in tuple(Grain):
            mistakes.add(name, f"A time of granularity `{grain}` has no match here.")
            grain = "day"
        model.times[name.value] = (expression, Grain(grain))
        return
    model.dimensions[name.value] = Dimension(name.value, expression, each.word("description"))


def _read_measure(
    each: Entry, model: _Model, default_time: str, mistakes: Mistakes
) -> _Measured | None:
    each.known(
        (
            *("name", "agg", "expr", "description", "label", "create_metric"),
            *("agg_time_dimension", "agg_params", "non_additive_dimension", "config"),
        )
    )
    name = each.text("name", required=True)
    if name is None:
        return None
    agg = each.word("agg").lower()
    if "non_additive_dimension" in each:
        mistakes.add(
            each.place_of("non_additive_dimension"),
            f"Measure `{name.value}` has a `non_additive_dimension`, which metrics here have not.",
        )
        return None
    if agg not in AGGREGATIONS:
        mistakes.add(
            each.place_of("agg"),
            f"Measure `{name.value}` has the aggregation `{agg}`, which has no match here.",
        )
        return None
    expression, level = each.word("expr") or name.value, None
    if agg == "count" and expression in ("1", "*"):
        expression = ""
    if agg == "sum_boolean":
        expression = f"if({expression}, 1, 0)"
    if agg in ("median", "percentile"):
        level = 0.5
        params = each.entry("agg_params")
        if agg == "percentile":
            level = _level(params, name, mistakes)
        if params is not None:
            for word in ("use_discrete_percentile", "use_approximate_percentile"):
                if params.word(word).lower() == "true":
                    mistakes.add(
                        params.place_of(word),
                        f"`{word}` has no match: quantiles here are exact and interpolated.",
                    )
    time_name = each.word("agg_time_dimension") or default_time
    time, grain = model.times.get(time_name, ("", None))
    if time_name and not time:
        mistakes.add(name, f"`{model.name}` has no time dimension `{time_name}`.")
    others = [
        Dimension(other, f"{TRUNCATED[its]}({text})")
        for other, (text, its) in model.times.items()
        if other != time_name
    ]
    metric = Metric(
        name.value,
        source=model.source.value,
        measure=AGGREGATIONS[agg],
        expression=expression,
        level=level,
        dimensions=(*model.dimensions.values(), *others),
        time=time,
        grain=grain,
        description=each.word("description"),
    )
    return _Measured(model, metric, name)


def _level(params: Entry | None, name: Text, mistakes: Mistakes) -> float:
    try:
        return float(params.word("percentile") if params else "")
    except ValueError:
        mistakes.add(name, f"Measure `{name.value}` needs `agg_params` with its `percentile`.")
        return 0.5


# Metrics


def _read_metric(entry: Entry, measures: dict[str, _Measured], document: Document) -> None:
    mistakes = document.mistakes
    entry.known(_METRIC_WORDS)
    name, params = entry.text("name", required=True), entry.entry("type_params")
    if name is None or params is None:
        return
    kind = entry.word("type").lower()
    declared = DeclaredMetric(name, Metric(name.value))
    description = entry.word("description")
    match kind:
        case "simple":
            made = _simple(entry, params, name, measures, declared, mistakes)
        case "ratio":
            inputs = [
                _input(params, word, measures, mistakes) for word in ("numerator", "denominator")
            ]
            made = Metric(
                name.value,
                MetricKind.RATIO,
                inputs=tuple(each for each in inputs if each is not None),
                filters=_filters(entry, None, measures, mistakes),
            )
        case "derived":
            made = _derived(entry, params, name, measures, declared, mistakes)
        case "cumulative":
            made = _cumulative(entry, params, name, measures, mistakes)
        case _:
            mistakes.add(
                entry.place_of("type"),
                f"Metric `{name.value}` is of type `{kind}`, which has no match here.",
            )
            return
    if made is None:
        return
    declared.metric = replace(made, description=description or made.description)
    document.metrics.append(declared)


def _measure_of(
    params: Entry, measures: dict[str, _Measured], mistakes: Mistakes
) -> tuple[_Measured, tuple[str, ...]] | None:
    filters: tuple[str, ...] = ()
    if params.is_mapping("measure"):
        inner = params.entry("measure")
        assert inner is not None
        name = inner.text("name", required=True)
        _refuse(inner, ("fill_nulls_with", "join_to_timespine"), mistakes)
        inner.known(("name", "filter", "alias", "fill_nulls_with", "join_to_timespine"))
    else:
        inner, name = None, params.text("measure", required=True)
    if name is None:
        return None
    found = measures.get(name.value)
    if found is None:
        mistakes.add(name, f"There is no measure `{name.value}` in this file.")
        return None
    if inner is not None:
        filters = _filters(inner, found.model, measures, mistakes)
    return found, filters


def _refuse(entry: Entry, words: tuple[str, ...], mistakes: Mistakes) -> None:
    for word in words:
        if word in entry and entry.word(word).lower() != "false":
            mistakes.add(entry.place_of(word), f"`{word}` has no match here.")


def _simple(
    entry: Entry,
    params: Entry,
    name: Text,
    measures: dict[str, _Measured],
    declared: DeclaredMetric,
    mistakes: Mistakes,
) -> Metric | None:
    params.known(("measure",))
    found = _measure_of(params, measures, mistakes)
    if found is None:
        return None
    measured, filters = found
    declared.texts["source"] = measured.model.source
    more = _filters(entry, measured.model, measures, mistakes)
    return replace(measured.metric, name=name.value, filters=(*filters, *more))


def _derived(
    entry: Entry,
    params: Entry,
    name: Text,
    measures: dict[str, _Measured],
    declared: DeclaredMetric,
    mistakes: Mistakes,
) -> Metric | None:
    params.known(("expr", "metrics"))
    formula = params.text("expr", required=True)
    if formula is None:
        return None
    declared.texts["formula"] = formula
    inputs = []
    for node in params.items("metrics"):
        made = _input_node(node, params, "metrics", measures, mistakes)
        if made is not None:
            inputs.append(made)
    return Metric(
        name.value,
        MetricKind.DERIVED,
        formula=formula.value.strip(),
        inputs=tuple(inputs),
        filters=_filters(entry, None, measures, mistakes),
    )


def _cumulative(
    entry: Entry,
    params: Entry,
    name: Text,
    measures: dict[str, _Measured],
    mistakes: Mistakes,
) -> Metric | None:
    inner = params.entry("cumulative_type_params") or params
    if "window" in inner:
        mistakes.add(
            inner.place_of("window"),
            f"Metric `{name.value}` has a trailing `window`; running totals here go back to the first row "
            "or to the start of a period.",
        )
        return None
    agg = inner.word("period_agg")
    if agg not in ("", "last"):
        mistakes.add(
            inner.place_of("period_agg"), f"`period_agg: {agg}` has no match; ours is `last`."
        )
    found = _measure_of(params, measures, mistakes)
    if found is None:
        return None
    per = inner.word("grain_to_date")
    measured, filters = found
    key = metric_key(measured.metric.name)
    more = _filters(entry, measured.model, measures, mistakes)
    return Metric(
        name.value,
        MetricKind.CUMULATIVE,
        inputs=(MetricInput(key, key, (*filters, *more)),),
        per=Grain(per) if per in tuple(Grain) else None,
    )


def _input(
    params: Entry, word: str, measures: dict[str, _Measured], mistakes: Mistakes
) -> MetricInput | None:
    items = params.items(word)
    if not items:
        mistakes.add(params.place, f"`{word}` is missing.")
        return None
    return _input_node(items[0], params, word, measures, mistakes)


def _input_node(
    node: Any, params: Entry, word: str, measures: dict[str, _Measured], mistakes: Mistakes
) -> MetricInput | None:
    if not params.reader.is_mapping(node):
        text = params.reader.text(node, word)
        return MetricInput(text.value, metric_key(text.value)) if text else None
    each = Entry(node, params.reader)
    each.known(("name", "alias", "filter", "offset_window", "offset_to_grain"))
    _refuse(each, ("offset_window", "offset_to_grain"), mistakes)
    name = each.word("name")
    filters = _filters(each, None, measures, mistakes)
    return MetricInput(each.word("alias") or name, metric_key(name), filters)


def _filters(
    entry: Entry, model: _Model | None, measures: dict[str, _Measured], mistakes: Mistakes
) -> tuple[str, ...]:
    """Filters with what their Jinja means: dimensions by name, times cut to their grain, entities written out."""
    models = [model] if model else list({id(m.model): m.model for m in measures.values()}.values())
    texts = (entry.reader.text(node, "filter") for node in entry.items("filter"))
    return tuple(_meant(text, models, mistakes) for text in texts if text is not None)


def _meant(text: Text, models: list[_Model], mistakes: Mistakes) -> str:
    """A filter in HogQL."""

    def meaning(match: "re.Match[str]") -> str:
        made = _meaning(match, models)
        if made is None:
            mistakes.add(
                text.place(match.start()),
                f"`{match[0]}` is nothing of this metric's own semantic model; joins to others have no "
                "match here. Declare a virtual table that joins them.",
            )
        return made or "true"

    return " ".join(_JINJA.sub(meaning, text.value).split())


def _meaning(match: "re.Match[str]", models: list[_Model]) -> str | None:
    word, name, grain = match[1], match[2], match[3]
    entity, _, short = name.rpartition("__")
    for model in models:
        if entity and entity != model.primary:
            continue
        if word == "Dimension" and short in model.dimensions:
            return short
        if word in ("TimeDimension", "Dimension") and short in model.times:
            expression, its = model.times[short]
            wanted = grain or its
            return f"{TRUNCATED[Grain(wanted)]}({expression})" if wanted in tuple(Grain) else None
        if word == "Entity" and short in model.entities:
            return f"({model.entities[short]})"
    return None
