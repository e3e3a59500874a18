"""What a SELECT lists, groups and sorts by, and how many rows it keeps."""

import re
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.catalog import ColumnDef, LazyJoin
from pwh_assets.hogql.resolve.core import CODES, span
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    Grouping,
    Literal,
    Now,
    Order,
    Query,
    QuerySource,
    Select,
    Value,
    has_aggregate,
    has_window,
)
from pwh_assets.hogql.resolve.sources import Sources, fields_of
from pwh_assets.hogql.scope import Binding, Scope
from pwh_assets.hogql.types import UNKNOWN, Type


class Columns(Sources):
    """Resolves the columns of a SELECT, its keys and its limits."""

    # The columns of a SELECT

    def columns(self, node: exp.Select, scope: Scope) -> tuple[list[str], list[Value]]:
        names: list[str] = []
        items: list[Value] = []
        for tree in node.expressions:
            if type(tree) is exp.Alias:
                name = tree.args["alias"].name
                value = (
                    scope.aliases.get(name)
                    if name in scope.aliases and scope.pending.get(name) is tree.this
                    else None
                )
                if value is None:
                    value = self.value(tree)
                if scope.pending.get(name) is tree.this:
                    del scope.pending[name]
                names.append(name)
                items.append(value)
                continue
            stars = self.star(tree, scope)
            if stars is not None:
                for name, value in stars:
                    names.append(name)
                    items.append(value)
                continue
            items.append(self.value(tree))
            names.append(self.name_of(tree))
        return names, items

    def name_of(self, tree: exp.Expression) -> str:
        """A column's name where the text gives none: the last name of a chain, else its own words."""
        inner = tree
        while isinstance(inner, exp.Paren):
            inner = inner.this
        if isinstance(inner, exp.Column):
            return str(inner.name)
        if isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Identifier):
            return str(inner.expression.name)
        if isinstance(inner, exp.Bracket) and isinstance(inner.expressions[0], exp.Literal):
            key = inner.expressions[0]
            if key.is_string:
                return str(key.this)
        start, end = span(tree)
        words = " ".join(self.text[start:end].split()) if self.anchor is None else ""
        return words[:120] or "column"

    def star(self, tree: exp.Expression, scope: Scope) -> list[tuple[str, Value]] | None:
        """`*`, `t.*`, `COLUMNS('…')`, with EXCLUDE and REPLACE; None for anything else."""
        star: Any = tree
        bindings = scope.bindings
        pattern: str | None = None
        if isinstance(star, exp.Columns):
            inner = star.this
            if isinstance(inner, exp.Literal) and inner.is_string:
                pattern = inner.this
                star = exp.Star()
            elif isinstance(inner, exp.Tuple):
                return [pair for item in inner.expressions for pair in self.listed(item, scope)]
            else:
                star = inner
        if isinstance(star, exp.Dot) and isinstance(star.expression, exp.Star):
            words = self.dotted(star.this)
            binding = scope.binding(words.lower()) or self.joined_star(star.this, scope)
            if binding is None:
                hint = self.did_you_mean(words, [b.names[0] for b in bindings])
                self.problem(
                    CODES.UNKNOWN_TABLE, f"There is no table `{words}` in this query", star, hint
                )
                return []
            bindings, star = [binding], star.expression
        if not isinstance(star, exp.Star):
            return None
        if not bindings:
            self.problem(CODES.SYNTAX, "`*` needs a FROM", tree)
            return []
        excluded = {
            str(name.name).lower().split(".")[-1] for name in star.args.get("except_") or ()
        }
        replaced = {
            item.args["alias"].name.lower(): item.this for item in star.args.get("replace") or ()
        }
        found: list[tuple[str, Value]] = []
        for binding in bindings:
            for column in binding.fields.columns:
                folded = column.name.lower()
                if (
                    column.hidden
                    or folded in excluded
                    or (folded in binding.hidden and len(bindings) > 1)
                ):
                    continue
                if pattern is not None and not matches(pattern, column.name):
                    continue
                if folded in replaced:
                    found.append((column.name, self.value(replaced[folded])))
                else:
                    found.append((column.name, self.starred(binding, column, tree)))
        unknown = excluded - {c.name.lower() for b in bindings for c in b.fields.columns}
        for name in sorted(unknown):
            self.problem(CODES.UNKNOWN_COLUMN, f"There is no column `{name}` to exclude", tree)
        if pattern is not None and not found:
            self.problem(CODES.UNKNOWN_COLUMN, f"No column matches `{pattern}`", tree)
        return found

    def joined_star(self, tree: exp.Expression, scope: Scope) -> Binding | None:
        """`person.*`: the columns of a joined table of the only source."""
        if len(scope.bindings) != 1 or not isinstance(tree, exp.Column):
            return None
        (binding,) = scope.bindings
        entry = binding.fields.find(tree.name)
        if not isinstance(entry, LazyJoin):
            return None
        child = self.join_source(binding.source, entry.name, tree)
        return (
            Binding(child, fields_of(child, self.catalog), (entry.name,))
            if child is not None
            else None
        )

    def listed(self, item: exp.Expression, scope: Scope) -> list[tuple[str, Value]]:
        stars = self.star(item, scope)
        return stars if stars is not None else [(self.name_of(item), self.value(item))]

    def starred(self, binding: Binding, column: ColumnDef, tree: exp.Expression) -> Value:
        if column.expression is not None:
            found = self.field(binding.source, binding.fields, column.name, tree)
            assert isinstance(found, Value)
            return found
        binding.source.used.add(column.name)
        return ColumnRef(column.type, binding.source, column.name)

    def dotted(self, tree: exp.Expression) -> str:
        parts: list[str] = []
        while isinstance(tree, exp.Dot):
            parts.append(tree.expression.name)
            tree = tree.this
        parts.append(tree.name)
        return ".".join(reversed(parts))

    # GROUP BY, ORDER BY

    def grouping(self, group: exp.Expression, found: Select) -> Grouping:
        args = group.args
        if args.get("all"):
            keys = [
                item
                for item in found.items
                if not has_aggregate(item) and not has_window(item) and any(columns_in(item))
            ]
            return Grouping(keys)
        keys = [self.positional(tree, found) for tree in group.expressions]
        sets: list[list[Value]] | None = None
        for key in ("rollup", "cube", "grouping_sets"):
            for tree in args.get(key) or ():
                added = self.grouping_sets(key, tree, found)
                sets = added if sets is None else [one + two for one in sets for two in added]
        if sets is not None:
            sets = [keys + one for one in sets]
        if args.get("totals"):
            sets = [*(sets or [list(keys)]), []]
        return Grouping(keys, sets)

    def grouping_sets(self, key: str, tree: exp.Expression, found: Select) -> list[list[Value]]:
        if key == "grouping_sets":
            return [
                [self.positional(item, found) for item in one.expressions]
                for one in tree.expressions
            ]
        keys = [self.positional(item, found) for item in tree.expressions]
        if key == "rollup":
            return [keys[:count] for count in range(len(keys), -1, -1)]
        if len(keys) > 10:
            self.problem(CODES.TOO_LARGE, "CUBE takes at most 10 columns", tree)
            return [keys]
        return [
            [k for i, k in enumerate(keys) if not mask >> i & 1] for mask in range(1 << len(keys))
        ]

    def positional(self, tree: exp.Expression, found: Select) -> Value:
        """A key; a whole number is the place of a column."""
        number = tree.expression if isinstance(tree, exp.PositionalColumn) else tree
        if isinstance(tree, exp.PositionalColumn):
            number = tree.this
        if isinstance(number, exp.Literal) and not number.is_string and number.this.isdigit():
            place = int(number.this)
            if 1 <= place <= len(found.items):
                value = found.items[place - 1]
                if self.scope.clause == "group" and has_aggregate(value):
                    return self.problem(
                        CODES.TYPE, f"Column {place} is an aggregate and cannot be grouped by", tree
                    )
                return value
            return self.problem(
                CODES.UNKNOWN_COLUMN,
                f"There is no column {place}; the query has {len(found.items)}",
                tree,
            )
        return self.value(tree)

    def orders(self, order: exp.Expression, found: Select) -> list[Order]:
        trees = order.expressions
        if (
            len(trees) == 1
            and isinstance(trees[0].this, exp.Column)
            and trees[0].this.name.upper() == "ALL"
        ) and (
            not any(b.fields.find("all") for b in self.scope.bindings)
            and "all" not in self.scope.aliases
        ):
            return [Order(item, bool(trees[0].args.get("desc"))) for item in found.items]
        return [self.sorted_by(item, found, found.columns, None) for item in trees]

    def sorted_by(
        self,
        item: exp.Expression,
        found: Select | None,
        columns: list[tuple[str, Type]],
        source: QuerySource | None,
    ) -> Order:
        tree = item.this
        if isinstance(tree, exp.Collate):
            self.problem(
                CODES.UNSUPPORTED, "COLLATE is not supported; texts sort by their bytes", item
            )
            tree = tree.this
        if item.args.get("with_fill") is not None:
            self.problem(
                CODES.UNSUPPORTED,
                "WITH FILL is not supported",
                item.args["with_fill"],
                "Join with `numbers(…)` instead.",
            )
        if found is not None:
            value = self.positional(tree, found)
        elif (
            isinstance(tree, exp.Literal)
            and not tree.is_string
            and tree.this.isdigit()
            and source is not None
        ):
            place = int(tree.this)
            if 1 <= place <= len(columns):
                name, type_ = columns[place - 1]
                value = ColumnRef(type_, source, name)
            else:
                value = self.problem(
                    CODES.UNKNOWN_COLUMN,
                    f"There is no column {place}; the query has {len(columns)}",
                    tree,
                )
        else:
            value = self.value(tree)
        return Order(value, bool(item.args.get("desc")), bool(item.args.get("nulls_first")))

    def array_join_clause(self, tree: exp.Expression, scope: Scope) -> ArrayJoinSource:
        """`ARRAY JOIN xs AS x, ys AS y`: the names are columns from here on."""
        items: list[tuple[str, Value]] = []
        for item in tree.expressions:
            name = item.args["alias"].name if type(item) is exp.Alias else self.name_of(item)
            items.append((name, self.value(item.this if type(item) is exp.Alias else item)))
        source = ArrayJoinSource("joined", items, is_outer=tree.args.get("side") == "LEFT")
        for name, value in items:
            of = value.type.args[0] if value.type.name == "Array" and value.type.args else UNKNOWN
            source.used.add(name)
            scope.aliases[name] = ColumnRef(of, source, name)
        return source

    # LIMIT

    def limits(self, node: exp.Expression, found: Query) -> None:
        limit = node.args.get("limit")
        if limit is not None:
            found.limit = self.number_value(limit.expression)
            options = limit.args.get("limit_options")
            if options is not None:
                found.has_ties = bool(options.args.get("with_ties")) and bool(found.order)
                if found.has_ties and all(isinstance(o.this, Literal | Now) for o in found.order):
                    # Ordered by nothing that differs, every row ties with every other.
                    found.has_ties, found.limit = False, None
                found.is_percent = bool(options.args.get("percent"))
        offset = node.args.get("offset")
        if offset is not None:
            found.offset = self.number_value(offset.expression)

    def number_value(self, tree: exp.Expression) -> Value:
        """A number of rows; a sub-query of one literal is that literal."""
        while isinstance(tree, exp.Subquery | exp.Paren):
            tree = tree.this
        if (
            isinstance(tree, exp.Select)
            and len(tree.expressions) == 1
            and not tree.args.get("from_")
        ):
            tree = tree.expressions[0]
        value = self.value(tree)
        if isinstance(value, Literal):
            if not isinstance(value.value, int) or isinstance(value.value, bool) or value.value < 0:
                self.problem(CODES.TYPE, "LIMIT and OFFSET take a number from 0 on", tree)
        elif has_aggregate(value) or any(True for _ in columns_in(value)):
            self.problem(CODES.TYPE, "LIMIT and OFFSET take a number, not a column", tree)
        return value


def matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def columns_in(value: Value) -> "list[ColumnRef]":
    from pwh_assets.hogql.resolve.nodes import walk

    return [v for v in walk(value) if isinstance(v, ColumnRef)]
