"""`metric('name')`: a metric as a table of its periods and groups, and as an aggregate over its own source."""

from sqlglot import exp

from pwh_assets.core.metric import Grain, Metric, MetricKind, metric_key, node_name
from pwh_assets.core.names import nearest
from pwh_assets.hogql.metrics import (
    MetricProblem,
    aggregate,
    conditions_of,
    metric_query,
    spread,
    with_dimensions,
)
from pwh_assets.hogql.resolve.core import CODES, parse_expression, parse_view
from pwh_assets.hogql.resolve.nodes import Query, QuerySource, Source, Value
from pwh_assets.hogql.resolve.pivots import Pivots
from pwh_assets.hogql.scope import Binding, Scope
from pwh_assets.hogql.types import UNKNOWN

WORD = "metric"


class Metrics(Pivots):
    """Resolves calls of `metric` after FROM and among values."""

    def metric_source(self, call: exp.Expression, alias: str) -> tuple[Source, tuple[str, ...]]:
        """`FROM metric('name', 'month', 'plan')`: time, then the dimensions, then the value."""
        names = ((alias or WORD).lower(),)
        metric = self.named_metric(call)
        words = [self._word(argument) for argument in call.expressions[1:]]
        unknown = QuerySource(alias or WORD, Query([("value", UNKNOWN)], ["value"]))
        if metric is None or None in words:
            return unknown, names
        given = [word for word in words if word is not None]
        grain = next((each for each in Grain if given and given[0].lower() == each), None)
        dimensions = given[1:] if grain else given
        try:
            text = metric_query(metric, self.catalog.metrics, grain, dimensions)
        except MetricProblem as problem:
            self._refuse(problem, call, dimensions)
            return unknown, names
        chain = node_name(metric.key)
        if chain in self.views:
            words_ = " → ".join((*self.views[self.views.index(chain) :], chain))
            self.problem(
                CODES.CYCLE, f"The metric `{metric.name}` is made of itself: {words_}", call
            )
            return unknown, names
        if self.anchor is None:
            self.tables[chain] = None
        saved = self.scope, self.anchor, self.views
        self.anchor, self.views = self.anchor or call, (*self.views, chain)
        try:
            query = self.query(parse_view(text), {}, None)
        finally:
            self.scope, self.anchor, self.views = saved
        return QuerySource(alias or WORD, query, metric=chain), names

    def metric_value(self, call: exp.Expression) -> Value | None:
        """`metric('name')` where FROM has its source: the metric's aggregate over the rows of each group."""
        metric = self.named_metric(call)
        if metric is None:
            return self.problem(CODES.UNKNOWN_COLUMN, "There is no such metric", call)
        if len(call.expressions) > 1:
            return self.problem(
                CODES.ARITY,
                "`metric` takes a name alone here",
                call.expressions[1],
                f"Group by what you like, or write `FROM metric('{metric.key}', …)`.",
            )
        try:
            binding, text = self._over_rows(metric)
        except MetricProblem as problem:
            return self.problem(CODES.UNSUPPORTED, problem.message, call, problem.hint)
        if self.anchor is None:
            self.tables[node_name(metric.key)] = None
        outer, anchor = self.scope, self.anchor
        self.scope = Scope({}, outer.parent, [binding], clause=outer.clause)
        self.scope.aggregate_depth = outer.aggregate_depth
        self.anchor = anchor or call
        try:
            value = self.value(parse_expression(text))
        finally:
            self.scope, self.anchor = outer, anchor
        self.metric_values[id(value)] = value, node_name(metric.key)
        return value

    def _over_rows(self, metric: Metric) -> tuple[Binding, str]:
        whole = f"Write `FROM metric('{metric.key}', …)` instead."
        if metric.kind is MetricKind.CUMULATIVE:
            raise MetricProblem(
                f"Metric `{metric.name}` is a running total over its periods", whole
            )
        made = spread(metric, self.catalog.metrics)
        sources = {leaf.metric.source.lower(): leaf.metric.source for leaf in made.leaves}
        if len(sources) > 1:
            listed = ", ".join(f"`{each}`" for each in sources.values())
            raise MetricProblem(f"Metric `{metric.name}` is measured on {listed}", whole)
        (name,) = sources.values()
        table = self.find_table(name)
        wanted = (table.name if table is not None else name).lower()
        binding = next(
            (
                each
                for each in self.scope.bindings
                if each.fields.table is not None and each.fields.table.name.lower() == wanted
            ),
            None,
        )
        if binding is None:
            raise MetricProblem(
                f"Metric `{metric.name}` is measured on `{name}`, which is not in this FROM", whole
            )
        values = []
        for leaf in made.leaves:
            conditions = [f"({with_dimensions(c, leaf.metric)})" for c in conditions_of(leaf)]
            values.append(aggregate(leaf.metric, " AND ".join(conditions)))
        return binding, made.formula.format(*(f"({value})" for value in values))

    def named_metric(self, call: exp.Expression) -> Metric | None:
        """The metric a call names by its first argument; None after saying what is wrong with it."""
        word = self._word(call.expressions[0]) if call.expressions else None
        if word is None:
            if not call.expressions:
                hint = "Write `metric('monthly_revenue', 'month')`."
                self.problem(CODES.ARITY, "`metric` needs the name of a metric", call, hint)
            return None
        found = self.catalog.metrics.get(metric_key(word))
        if found is None:
            near = nearest(metric_key(word), list(self.catalog.metrics))
            hint = f"Did you mean `{near}`?" if near else "`pwh metric list` shows those there are."
            place = call.expressions[0]
            self.problem(CODES.UNKNOWN_TABLE, f"There is no metric `{word}`", place, hint)
        return found

    def _word(self, tree: exp.Expression) -> str | None:
        if isinstance(tree, exp.Literal) and tree.is_string:
            return str(tree.this)
        if isinstance(tree, exp.Column | exp.Identifier):
            return tree.name
        self.problem(
            CODES.TYPE, "`metric` takes names: a metric, a grain, dimensions", tree, "Quote them."
        )
        return None

    def _refuse(self, problem: MetricProblem, call: exp.Expression, dimensions: list[str]) -> None:
        """The mistake, at the argument it is about where there is one."""
        place = call
        for argument in call.expressions[1:]:
            name = argument.this if isinstance(argument, exp.Literal) else argument.name
            if f"dimension `{name}`" in problem.message:
                place = argument
        self.problem(CODES.UNKNOWN_COLUMN, problem.message, place, problem.hint)
