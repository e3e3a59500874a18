"""PIVOT and UNPIVOT, as the grouping and the array join they stand for."""

from itertools import product

from sqlglot import exp

from pwh_assets.hogql.resolve.core import CODES
from pwh_assets.hogql.resolve.expressions import Expressions
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    Grouping,
    IsNull,
    Join,
    Literal,
    QuerySource,
    Select,
    Source,
    Value,
)
from pwh_assets.hogql.scope import Binding, Scope
from pwh_assets.hogql.types import BOOLEAN, STRING, array

MOST = 1000
"""Columns a PIVOT may make."""


class Pivots(Expressions):
    """Turns a source with PIVOT or UNPIVOT into a sub-query."""

    def pivoted(self, source: Source, pivot: exp.Expression, label: str) -> Source:
        scope = Scope(
            self.scope.env, None, [Binding(source, self.fields_of(source), (label.lower(),))]
        )
        outer, self.scope = self.scope, scope
        scope.clause = "select"
        try:
            return (
                self.unpivot(source, pivot)
                if pivot.args.get("unpivot")
                else self.pivot(source, pivot)
            )
        finally:
            self.scope = outer

    def pivot(self, source: Source, pivot: exp.Expression) -> Source:
        """`PIVOT (sum(x) FOR y IN (1, 2))`: one column per value, grouped by every column not named.

        SELECT * FROM t PIVOT (sum(x) FOR y IN ('a', 'b'));
        SELECT z, sum(x) FILTER (WHERE y = 'a') AS a, sum(x) FILTER (WHERE y = 'b') AS b FROM t GROUP BY z;
        """
        fields = pivot.args["fields"]
        named = {
            column.name.lower()
            for tree in (*pivot.expressions, *(field.this for field in fields))
            for column in tree.find_all(exp.Column)
        }
        group = pivot.args.get("group")
        keys: list[tuple[str, Value]] = []
        if group is not None:
            keys = [(self.label(tree), self.value(tree)) for tree in group.expressions]
        else:
            for column in self.fields_of(source).columns:
                if (
                    column.name.lower() not in named
                    and not column.hidden
                    and column.expression is None
                ):
                    source.used.add(column.name)
                    keys.append((column.name, ColumnRef(column.type, source, column.name)))
        names = [name for name, _ in keys]
        items = [value for _, value in keys]
        choices = list(
            product(*([(field.this, value) for value in field.expressions] for field in fields))
        )
        if len(choices) * len(pivot.expressions) > MOST:
            self.problem(CODES.TOO_LARGE, f"This PIVOT makes more than {MOST:,} columns", pivot)
            choices = []
        for choice in choices:
            tests = [
                self.compare("equals", self.value(column), self.value(bare(value)), value)
                for column, value in choice
            ]
            condition = self.logic("AND", tests, None)
            title = "_".join(self.label(value) for _, value in choice)
            for tree in pivot.expressions:
                call = bare(tree)
                suffix = (
                    f"_{self.label(tree)}" if len(pivot.expressions) > 1 or call is not tree else ""
                )
                items.append(self.wrapped(call, condition=condition))
                names.append(title + suffix)
        return self.made(source, names, items, Grouping([value for _, value in keys]))

    def unpivot(self, source: Source, pivot: exp.Expression) -> Source:
        """`UNPIVOT (v FOR n IN (a, b))`: a row per column, with its name and its value.

        SELECT * FROM t UNPIVOT (v FOR n IN (a, b));
        SELECT z, n, v FROM t ARRAY JOIN ['a', 'b'] AS n, [a, b] AS v WHERE v IS NOT NULL;
        """
        (field,) = pivot.args["fields"][:1]
        value_name, name_name = self.label(pivot.expressions[0]), self.label(field.this)
        trees = [bare(tree) for tree in field.expressions]
        taken = {column.name.lower() for tree in trees for column in tree.find_all(exp.Column)}
        titles = [self.label(tree) for tree in field.expressions]
        words = self.array_of([Literal(STRING, title) for title in titles], field)
        values = self.array_of([self.value(tree) for tree in trees], field)
        unfolded = ArrayJoinSource("unpivoted", [(name_name, words), (value_name, values)])
        unfolded.used.update((name_name, value_name))
        items: list[Value] = []
        names: list[str] = []
        for column in self.fields_of(source).columns:
            if column.name.lower() not in taken and not column.hidden and column.expression is None:
                source.used.add(column.name)
                names.append(column.name)
                items.append(ColumnRef(column.type, source, column.name))
        inner = values.type.args[0] if values.type == array(values.type.args[0]) else STRING
        value = ColumnRef(inner, unfolded, value_name)
        names += [name_name, value_name]
        items += [ColumnRef(STRING, unfolded, name_name), value]
        found = self.made(source, names, items, None)
        assert isinstance(found.query, Select)
        found.query.array_joins = [unfolded]
        if not pivot.args.get("include_nulls"):
            found.query.where = IsNull(BOOLEAN, value, True)
        return found

    def made(
        self, source: Source, names: list[str], items: list[Value], grouping: Grouping | None
    ) -> QuerySource:
        from pwh_assets.hogql.resolve.queries import unique

        columns = [(name, item.type) for name, item in zip(names, items, strict=True)]
        query = Select(columns, unique(names), items=items, joins=[Join(source)], grouping=grouping)
        return QuerySource("pivoted", query)

    def label(self, tree: exp.Expression) -> str:
        """The name an item of PIVOT gives its columns."""
        if isinstance(tree, exp.Alias):
            return str(tree.args["alias"].name)
        if isinstance(tree, exp.Literal):
            return str(tree.this)
        if isinstance(tree, exp.Column):
            return str(tree.name)
        return " ".join(self.words(tree).split()) or "column"


def bare(tree: exp.Expression) -> exp.Expression:
    inner = tree.this if isinstance(tree, exp.Alias) else tree
    assert isinstance(inner, exp.Expression)
    return inner
