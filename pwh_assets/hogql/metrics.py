"""Metrics as HogQL: what asking one for its periods and dimensions means, written out as a query.

A metric is spread into its leaves, the simple metrics at its ends. Each leaf is one grouped query; where there are
several, their rows are put under each other and joined by grouping once more, so that a group which one leaf has
and another has not is kept, and a NULL is a group like any other.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from pwh_assets.core.metric import Grain, Measure, Metric, MetricKind
from pwh_assets.hogql.errors import HogQLError, Problem
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.parser import parse_expression, parse_select
from pwh_assets.hogql.written import written_name

TRUNCATED = {
    Grain.MINUTE: "toStartOfMinute",
    Grain.HOUR: "toStartOfHour",
    Grain.DAY: "toStartOfDay",
    Grain.WEEK: "toStartOfWeek",
    Grain.MONTH: "toStartOfMonth",
    Grain.QUARTER: "toStartOfQuarter",
    Grain.YEAR: "toStartOfYear",
}
TIME, VALUE = "time", "value"
"""The columns of an answer beside the dimensions."""


class MetricProblem(ValueError):
    """A metric cannot be asked this way; `hint` is the way out."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message}. {hint or ''}".strip())


@dataclass(frozen=True, slots=True)
class Leaf:
    """A simple metric and the conditions everything above it adds."""

    metric: Metric
    filters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """Leaves, and a formula over `{0}`, `{1}`, … that stand for their values."""

    leaves: tuple[Leaf, ...]
    formula: str


def spread(metric: Metric, metrics: Mapping[str, Metric]) -> Spread:
    """The leaves of a metric and how they are put together.

    Raises:
        MetricProblem: it needs a metric that is not there, or itself.
    """
    leaves: dict[Leaf, int] = {}
    formula = _spread(metric, metrics, (), leaves, ())
    return Spread(tuple(leaves), formula)


def _spread(
    metric: Metric,
    metrics: Mapping[str, Metric],
    filters: tuple[str, ...],
    leaves: dict[Leaf, int],
    above: tuple[str, ...],
) -> str:
    if metric.key in above:
        chain = " → ".join((*above[above.index(metric.key) :], metric.key))
        raise MetricProblem(f"Metric `{metric.name}` is made of itself: {chain}")
    if metric.kind is MetricKind.SIMPLE:
        return f"{{{leaves.setdefault(Leaf(metric, filters), len(leaves))}}}"
    parts: dict[str, str] = {}
    for each in metric.inputs:
        found = metrics.get(each.metric)
        if found is None:
            raise MetricProblem(
                f"Metric `{metric.name}` is made of `{each.metric}`, which does not exist"
            )
        if found.kind is MetricKind.CUMULATIVE:
            raise MetricProblem(
                f"Metric `{metric.name}` is made of `{each.metric}`, which is a running total",
                "A running total can only be asked for by itself.",
            )
        more = (*each.filters, *metric.filters, *filters)
        parts[each.name] = _spread(found, metrics, more, leaves, (*above, metric.key))
    if metric.kind is MetricKind.RATIO:
        numerator, denominator = (parts[each.name] for each in metric.inputs)
        return f"(toFloat({numerator}) / nullIf(toFloat({denominator}), 0))"
    if metric.kind is MetricKind.CUMULATIVE:
        return next(iter(parts.values()))
    escaped = _replaced(metric.formula, parts, braces=True)
    return f"({escaped})"


def dimension_names(metric: Metric, metrics: Mapping[str, Metric]) -> tuple[str, ...]:
    """What a metric can be grouped by: the dimensions all its leaves have, in the first one's order."""
    first, *others = [leaf.metric for leaf in spread(metric, metrics).leaves]
    common = [{each.name.lower() for each in other.dimensions} for other in others]
    return tuple(
        each.name for each in first.dimensions if all(each.name.lower() in one for one in common)
    )


def metric_query(
    metric: Metric,
    metrics: Mapping[str, Metric],
    grain: Grain | None = None,
    dimensions: Sequence[str] = (),
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    where: Sequence[str] = (),
) -> str:
    """The query that answers a metric: `time` with a grain, then the dimensions, then `value`; a row per group.

    Args:
        start: of the first counted moment.
        end: before which the last counted moment lies.
        where: further conditions over the source's rows and the metric's dimensions.

    Raises:
        MetricProblem: it has no such dimension, no time, or its parts do not fit together.
    """
    made = spread(metric, metrics)
    names = _checked(metric, metrics, made, grain, dimensions)
    is_running = metric.kind is MetricKind.CUMULATIVE
    begin = None if is_running else start
    leaves = [_leaf_query(leaf, grain, names, begin, end, where) for leaf in made.leaves]
    groups = (["t_"] if grain else []) + [f"d{i}_" for i in range(len(names))]
    if len(leaves) == 1:
        inner, values = leaves[0], ["v_"]
    else:
        inner, values = _stacked(leaves, groups), [f"s{i}_" for i in range(len(leaves))]
    value = made.formula.format(*values)
    if is_running and grain is not None:
        by = [each for each in groups if each != "t_"]
        if metric.per is not None:
            by.append(f"{TRUNCATED[metric.per]}(t_)")
        partition = f"PARTITION BY {', '.join(by)} " if by else ""
        value = f"sum({value}) OVER ({partition}ORDER BY t_)"
    shown = ([f"t_ AS {TIME}"] if grain else []) + [
        f"d{i}_ AS {written_name(name)}" for i, name in enumerate(names)
    ]
    text = f"SELECT {', '.join([*shown, f'{value} AS {VALUE}'])} FROM ({inner}) AS q_"
    if is_running and start is not None and grain is not None:
        text = f"SELECT * FROM ({text}) AS r_ WHERE {TIME} >= {_moment(start)}"
    return text


def whole_query(metric: Metric, metrics: Mapping[str, Metric]) -> str:
    """A query that uses all a metric is defined by: its time, every dimension, every condition.

    Raises:
        MetricProblem: its parts are not there.
        HogQLError: one of its texts cannot be read.
    """
    leaves = [leaf.metric for leaf in spread(metric, metrics).leaves]
    is_timed = all(leaf.time for leaf in leaves)
    grains = (metric.grain, metric.per, *(leaf.grain for leaf in leaves), Grain.DAY)
    grain = next(each for each in grains if each) if is_timed else None
    return metric_query(metric, metrics, grain, dimension_names(metric, metrics))


def _checked(
    metric: Metric,
    metrics: Mapping[str, Metric],
    made: Spread,
    grain: Grain | None,
    dimensions: Sequence[str],
) -> list[str]:
    known = {name.lower(): name for name in dimension_names(metric, metrics)}
    names: list[str] = []
    for name in dimensions:
        if name.lower() not in known:
            there = ", ".join(f"`{each}`" for each in known.values())
            raise MetricProblem(
                f"Metric `{metric.name}` has no dimension `{name}`",
                f"It has {there}." if there else "It has none.",
            )
        if known[name.lower()] not in names:
            names.append(known[name.lower()])
    if grain is not None and (
        lost := [leaf.metric.name for leaf in made.leaves if not leaf.metric.time]
    ):
        raise MetricProblem(
            f"Metric `{lost[0]}` has no time, so there is no `{grain}` to show it by",
            "Give it a `time` in its definition.",
        )
    if metric.per is not None and grain is None:
        raise MetricProblem(
            f"Metric `{metric.name}` begins anew each {metric.per}, so it needs a grain",
            f"Write `metric('{metric.key}', 'day')`.",
        )
    return names


def _leaf_query(
    leaf: Leaf,
    grain: Grain | None,
    names: Sequence[str],
    start: datetime | None,
    end: datetime | None,
    where: Sequence[str],
) -> str:
    metric = leaf.metric
    known = {each.name.lower(): each.expression for each in metric.dimensions}
    groups = [(f"{TRUNCATED[grain]}({metric.time})", "t_")] if grain else []
    groups += [(known[name.lower()], f"d{i}_") for i, name in enumerate(names)]
    conditions = [with_dimensions(each, metric) for each in (*conditions_of(leaf), *where)]
    if start is not None or end is not None:
        if not metric.time:
            raise MetricProblem(
                f"Metric `{metric.name}` has no time, so it has no first and last day"
            )
        if start is not None:
            conditions.append(f"{metric.time} >= {_moment(start)}")
        if end is not None:
            conditions.append(f"{metric.time} < {_moment(end)}")
    if grain:
        conditions.append(f"{metric.time} IS NOT NULL")
    shown = [f"{text} AS {name}" for text, name in groups]
    text = f"SELECT {', '.join([*shown, f'{aggregate(metric)} AS v_'])} FROM {source(metric)}"
    if conditions:
        text += " WHERE " + " AND ".join(f"({each})" for each in conditions)
    if groups:
        text += f" GROUP BY {', '.join(name for _, name in groups)}"
    return text


def _stacked(leaves: Sequence[str], groups: Sequence[str]) -> str:
    """The leaves' rows under each other, each with its own column, and one row per group of them."""
    parts = []
    for i, leaf in enumerate(leaves):
        columns = [f"{'v_' if i == j else 'NULL'} AS m{j}_" for j in range(len(leaves))]
        parts.append(f"SELECT {', '.join([*groups, *columns])} FROM ({leaf}) AS l{i}_")
    values = [f"max(m{j}_) AS s{j}_" for j in range(len(leaves))]
    text = f"SELECT {', '.join([*groups, *values])} FROM ({' UNION ALL '.join(parts)}) AS u_"
    return f"{text} GROUP BY {', '.join(groups)}" if groups else text


def conditions_of(leaf: Leaf) -> tuple[str, ...]:
    """The conditions a row has to meet to count in this leaf."""
    return (*leaf.metric.filters, *leaf.filters)


def source(metric: Metric) -> str:
    """The metric's table, as FROM has it."""
    return ".".join(written_name(part) for part in metric.source.split("."))


def aggregate(metric: Metric, condition: str = "") -> str:
    """The aggregate of a simple metric, over the rows that meet a condition where there is one."""
    suffix = f" FILTER (WHERE {condition})" if condition else ""
    inner = metric.expression
    match metric.measure:
        case Measure.EXPRESSION:
            return _filtered(inner, suffix) if suffix else inner
        case Measure.COUNT:
            return f"count({inner}){suffix}"
        case Measure.COUNT_DISTINCT:
            return f"count(DISTINCT {inner}){suffix}"
        case Measure.QUANTILE:
            return f"quantile({metric.level})({inner}){suffix}"
        case _:
            return f"{metric.measure}({inner}){suffix}"


def _filtered(text: str, suffix: str) -> str:
    ends = []
    for call in aggregates_in(text):
        if isinstance(call.parent, exp.Filter | exp.Window | exp.WithinGroup):
            raise MetricProblem(
                "An aggregate with a FILTER or OVER of its own cannot stand beside others",
                "Write `FROM metric(…)` instead.",
            )
        ends.append(call.meta["end"])
    for end in sorted(ends, reverse=True):
        text = text[:end] + suffix + text[end:]
    return text


def aggregates_in(text: str) -> list[exp.Expr]:
    """The outermost aggregate calls of an expression. Raises HogQLError."""
    found: list[exp.Expr] = []
    stack = [parse_expression(text)]
    while stack:
        node = stack.pop()
        name = str(node.this) if isinstance(node, exp.Anonymous | exp.ParameterizedAgg) else ""
        if name and REGISTRY.aggregate(name) is not None:
            found.append(node)
        elif not isinstance(node, exp.Select):
            stack += list(node.iter_expressions())
    return found


def with_dimensions(text: str, metric: Metric) -> str:
    """A condition with the metric's dimensions written out; a name that is none is a column. Raises HogQLError."""
    parts = {
        each.name: f"({each.expression})"
        for each in metric.dimensions
        if each.expression.lower() != each.name.lower()
    }
    return _replaced(text, parts)


def names_in(text: str) -> list[tuple[str, int, int]]:
    """The bare names of an expression with their places: `(name, start, end)`. Raises HogQLError."""
    return [
        (node.name, node.meta["start"], node.meta["end"])
        for node in parse_expression(text).find_all(exp.Column)
        if "start" in node.meta
    ]


@dataclass(frozen=True, slots=True)
class Aggregated:
    """What `sum(amount) WHERE amount > 0` says; `condition_at` is where the condition begins."""

    measure: Measure
    expression: str
    condition: str = ""
    condition_at: int = 0


_PLAIN = {
    each.value: each for each in Measure if each.value in ("sum", "count", "avg", "min", "max")
}


def read_aggregate(text: str) -> Aggregated | None:
    """One aggregate and the WHERE behind it; None for anything else.

    >>> read_aggregate("COUNT(DISTINCT id) WHERE id > 1")
    Aggregated(measure=<Measure.COUNT_DISTINCT: 'count_distinct'>, expression='id', condition='id > 1', condition_at=25)

    Raises:
        HogQLError: it cannot be read; it says where.
    """
    head = "SELECT "
    try:
        tree = parse_select(head + text)
    except HogQLError as error:
        moved = [
            Problem(p.code, p.message, p.start - len(head), p.end - len(head), p.hint)
            for p in error.problems
        ]
        raise HogQLError(moved, text) from None
    clauses = {name for name, value in tree.args.items() if value} - {
        "expressions",
        "where",
        "kind",
    }
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or clauses:
        return None
    condition, at = "", len(text)
    if (where := tree.args.get("where")) is not None:
        places = [node.meta["start"] for node in where.walk() if "start" in node.meta]
        at = text.lower().rfind("where", 0, min(places) - len(head) + len("where"))
        condition = text[at + len("where") :]
    start = at + len("where") + len(condition) - len(condition.lstrip())
    measure, inside = _recognized(tree.expressions[0], text[:at].strip())
    return Aggregated(measure, inside, condition.strip(), start if condition else 0)


def _recognized(node: exp.Expr, text: str) -> tuple[Measure, str]:
    """A plain aggregate as its measure, so that other tools understand it too; any other as it is written."""
    if not isinstance(node, exp.Anonymous):
        return Measure.EXPRESSION, text
    measure, arguments = _PLAIN.get(str(node.this).lower()), node.expressions
    if measure is Measure.COUNT and (not arguments or isinstance(arguments[0], exp.Star)):
        return measure, ""
    if measure is None or len(arguments) != 1:
        return Measure.EXPRESSION, text
    inside = text[text.index("(") + 1 : text.rindex(")")].strip()
    if not isinstance(arguments[0], exp.Distinct):
        return measure, inside
    if measure is not Measure.COUNT:
        return Measure.EXPRESSION, text
    return Measure.COUNT_DISTINCT, inside[len("distinct") :].strip()


def _replaced(text: str, parts: Mapping[str, str], *, braces: bool = False) -> str:
    folded = {name.lower(): part for name, part in parts.items()}
    pieces, at = [], 0
    for name, start, end in sorted(names_in(text), key=lambda each: each[1]):
        if name.lower() in folded:
            pieces += [(text[at:start], False), (folded[name.lower()], True)]
            at = end
    pieces.append((text[at:], False))
    return "".join(
        re.sub(r"([{}])", r"\1\1", piece) if braces and not is_part else piece
        for piece, is_part in pieces
    )


def _moment(at: datetime) -> str:
    return f"toDateTime('{at:%Y-%m-%d %H:%M:%S}')"
