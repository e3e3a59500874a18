"""Completion inside `metric(…)`: the names of metrics, then their periods and dimensions."""

from collections.abc import Iterator, Sequence

from pwh_assets.core.metric import Grain, Metric, MetricKind, metric_key
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.editor.place import Place, name_at
from pwh_assets.hogql.editor.suggestion import Kind, Offer
from pwh_assets.hogql.metrics import MetricProblem, dimension_names, spread
from pwh_assets.hogql.parser.literals import string_text
from pwh_assets.hogql.parser.tokens import CLOSERS, NAMES, OPENERS

WORD = "metric"


def metric_call(catalog: Catalog) -> Iterator[Offer]:
    """The word itself, where there is a metric to ask for."""
    if catalog.metrics:
        shown = "metric(name[, grain][, dimension, …])"
        doc = "A metric: as a table by period and dimensions, or as an aggregate over its source."
        yield Offer(WORD, Kind.FUNCTION, 1_900, shown, doc, insert_text=f"{WORD}(")


def in_metric(place: Place, catalog: Catalog) -> Sequence[Offer] | None:
    """What may stand as the argument at the cursor; None where the cursor is in no `metric(…)`."""
    stack, tokens = place.stack(), place.tokens
    if not stack or tokens.kinds[stack[-1]] != "(" or stack[-1] == 0:
        return None
    opener = stack[-1]
    if tokens.kinds[opener - 1] not in NAMES or name_at(tokens, opener - 1).lower() != WORD:
        return None
    given = _arguments_before(place, opener)
    if len(given) == 1:
        return [_named(metric, place) for metric in catalog.metrics.values()]
    metric = catalog.metrics.get(metric_key(given[0]))
    return list(_words(metric, catalog, given[1:-1], place)) if metric is not None else []


def _arguments_before(place: Place, opener: int) -> list[str]:
    """The words given before the cursor's argument, and an empty one for that itself."""
    tokens, found, depth = place.tokens, [""], 0
    for index in range(opener + 1, place.before + 1):
        kind = tokens.kinds[index]
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if kind == "," and not depth:
            found.append("")
        elif kind == "string":
            found[-1] = string_text(tokens.source(index))
        elif kind in NAMES:
            found[-1] = name_at(tokens, index)
    return found


def _named(metric: Metric, place: Place) -> Offer:
    source = f" of {metric.source}" if metric.kind is MetricKind.SIMPLE else ""
    lines = [metric.description, f"Called {metric.name}." if metric.name != metric.key else ""]
    if metric.formula:
        lines.append(f"= {metric.formula}")
    elif metric.inputs:
        lines.append(f"Made of {', '.join(each.metric for each in metric.inputs)}.")
    doc = "\n\n".join(line for line in lines if line)
    detail = f"{metric.kind.value.capitalize()} metric{source}"
    return Offer(metric.key, Kind.VALUE, 0, detail, doc, _quoted(metric.key, place))


def _words(metric: Metric, catalog: Catalog, given: Sequence[str], place: Place) -> Iterator[Offer]:
    """Periods, as the second argument of a metric with a time, and the dimensions that were not given yet."""
    try:
        leaves = [leaf.metric for leaf in spread(metric, catalog.metrics).leaves]
        names = dimension_names(metric, catalog.metrics)
    except MetricProblem:
        return
    taken = {word.lower() for word in given}
    docs = {each.name.lower(): each for leaf in reversed(leaves) for each in leaf.dimensions}
    if not given and all(leaf.time for leaf in leaves):
        usual = metric.grain or leaves[0].grain
        for number, grain in enumerate(Grain):
            rank = -1 if grain is usual else number
            detail = "Period, the usual one" if grain is usual else "Period"
            yield Offer(grain.value, Kind.VALUE, rank, detail, "", _quoted(grain.value, place))
    for number, name in enumerate(names):
        if name.lower() in taken:
            continue
        dimension = docs[name.lower()]
        shown = f"Dimension: {dimension.expression}"
        text = _quoted(name, place)
        yield Offer(name, Kind.COLUMN, 20 + number, shown, dimension.description, text)


def _quoted(word: str, place: Place) -> str:
    text = word.replace("\\", "\\\\").replace("'", "\\'")
    return text if place.quote == "'" else f"'{text}'"
