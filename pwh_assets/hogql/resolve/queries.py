"""SELECT and set operations: named queries, columns, aliases, clauses."""

import re
from dataclasses import replace
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.catalog import ColumnDef
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.resolve.core import CODES, span
from pwh_assets.hogql.resolve.grouped import ungrouped
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    Cte,
    Grouping,
    Join,
    Literal,
    Now,
    Order,
    Query,
    QuerySource,
    Select,
    SetQuery,
    Value,
    has_aggregate,
    has_window,
)
from pwh_assets.hogql.resolve.sources import Sources
from pwh_assets.hogql.rules import RULES
from pwh_assets.hogql.scope import Binding, Env, Fields, ScalarCte, Scope
from pwh_assets.hogql.types import UNKNOWN, Type

SETS: dict[type, str] = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}


class Queries(Sources):
    """Resolves whole queries."""

    def query(self, node: exp.Expression, env: Env, parent: Scope | None) -> Query:
        outer, self.scope = self.scope, Scope(env, parent)
        try:
            match node:
                case exp.Select():
                    return self.select(node, env, parent)
                case exp.SetOperation():
                    return self.set_operation(node, env, parent)
                case exp.Subquery():
                    return self.query(node.this, env, parent)
                case exp.Values():
                    return self.values_query(node)
                case _:
                    self.problem(CODES.UNSUPPORTED, "Only a query can stand here", node)
                    return Select([], [])
        finally:
            self.scope = outer

    def values_query(self, node: exp.Values) -> Query:
        source, _ = self.values_source(node, "")
        columns = source.columns  # type: ignore[attr-defined]
        source.used.update(name for name, _ in columns)
        items: list[Value] = [ColumnRef(type_, source, name) for name, type_ in columns]
        return Select(columns, [name for name, _ in columns], items=items, joins=[Join(source)])

    # WITH

    def named_queries(self, with_: exp.Expression | None, env: Env, parent: Scope | None) -> Env:
        if with_ is None:
            return env
        found: dict[str, Cte | ScalarCte] = dict(env)
        for entry in with_.expressions:
            alias = entry.args.get("alias")
            name: str = alias.name if alias is not None else ""
            if entry.args.get("scalar"):
                inner = entry.this
                found[name.lower()] = ScalarCte(inner, dict(found))
                continue
            columns = [column.name for column in alias.args.get("columns") or []]
            if with_.args.get("recursive") and mentions(entry.this, name):
                cte = self.recursive(name, entry, columns, found, parent)
            else:
                query = self.query(entry.this, found, None)
                cte = Cte(name, query, self.renamed(query, columns, alias))
            found[name.lower()] = cte
        return found

    def renamed(
        self, query: Query, names: list[str], node: exp.Expression | None
    ) -> list[tuple[str, Type]]:
        if len(names) > len(query.columns):
            self.problem(
                CODES.SYNTAX,
                f"The column list has {len(names)} names for {len(query.columns)} columns",
                node,
            )
        columns = list(query.columns)
        for index, name in enumerate(names[: len(columns)]):
            columns[index] = (name, columns[index][1])
        return columns

    def recursive(
        self, name: str, entry: exp.Expression, names: list[str], env: Env, parent: Scope | None
    ) -> Cte:
        """A query that reads itself: its first branch says which columns there are."""
        tree = entry.this
        if not isinstance(tree, exp.Union):
            self.problem(
                CODES.SYNTAX,
                f"`{name}` reads itself, so it has to be a UNION whose first part does not",
                entry,
            )
            return Cte(name, Select([], []), [])
        anchor: exp.Expression = tree.this
        while isinstance(anchor, exp.SetOperation):
            anchor = anchor.this
        first = self.query(anchor, env, None)
        cte = Cte(
            name, None, self.renamed(first, names, entry.args.get("alias")), is_recursive=True
        )
        cte.query = self.query(tree, {**env, name.lower(): cte}, None)
        return cte

    # Set operations

    def set_operation(self, node: exp.SetOperation, env: Env, parent: Scope | None) -> Query:
        env = self.named_queries(node.args.get("with_"), env, parent)
        trees: list[exp.Expression] = []
        ops: list[str] = []
        self.flatten(node, trees, ops, True)
        branches: list[Query] = []
        for tree in trees:
            own = tree.args.get("with_") if isinstance(tree, exp.Select) else None
            if own is not None:
                # Later branches see it too.
                env = self.named_queries(own, env, parent)
            branches.append(self.query(tree, env, parent))
        width = len(branches[0].columns)
        for branch, tree in zip(branches, trees, strict=True):
            if len(branch.columns) != width and branch.columns and width:
                self.problem(
                    CODES.TYPE,
                    f"This part has {len(branch.columns)} columns, the first has {width}",
                    tree,
                    "Parts of a set operation need the same number of columns.",
                )
        columns = list(branches[0].columns)
        if all(len(branch.columns) == width for branch in branches):
            types = [common([branch.columns[i][1] for branch in branches]) for i in range(width)]
            self.check_types(branches, trees, types)
            columns = [(name, types[i]) for i, (name, _) in enumerate(columns)]
            branches = [self.converted(branch, types) for branch in branches]
        found = SetQuery(columns, unique([name for name, _ in columns]), branches=branches, ops=ops)
        scope = Scope(env, parent)
        source = found.source = QuerySource("u", found)
        scope.bindings.append(Binding(source, Fields.of_columns(columns), ("",)))
        self.scope = scope
        scope.clause = "order"
        order = node.args.get("order")
        if order is not None:
            found.order = [
                self.sorted_by(item, None, columns, source) for item in order.expressions
            ]
        self.limits(node, found)
        return found

    def check_types(
        self, branches: list[Query], trees: list[exp.Expression], types: list[Type]
    ) -> None:
        """Says where a column's types have nothing in common."""
        for place, wanted in enumerate(types):
            kinds = [branch.columns[place][1] for branch in branches]
            if wanted.name != "Unknown" or any(kind.name == "Unknown" for kind in kinds):
                continue
            first = next(kind for kind in kinds if kind.name != "Null")
            for kind, tree in zip(kinds, trees, strict=True):
                if kind.name not in (first.name, "Null"):
                    self.problem(
                        CODES.TYPE,
                        f"Column {place + 1} of this part is a {kind}, before it is a {first}",
                        tree,
                        "Convert one of them, for example with `toString`.",
                    )
                    break

    def converted(self, branch: Query, types: list[Type]) -> Query:
        """A branch with its columns in the types of the whole, where an engine would not see to it."""
        if not isinstance(branch, Select):
            return branch
        items = list(branch.items)
        for index, (item, wanted) in enumerate(zip(items, types, strict=True)):
            kind = item.type.name
            if wanted.name == "String" and kind not in ("String", "Null", "Unknown", "JSON"):
                items[index] = self.call("toString", item, node=item.node)
            elif wanted.name == "DateTime" and kind == "Date":
                items[index] = self.call("toDateTime", item, node=item.node)
            elif wanted.name in ("Integer", "Float") and kind == "Boolean":
                items[index] = self.call("toInt", item, node=item.node)
            elif wanted.name == "Float" and kind in ("Integer", "Decimal"):
                items[index] = self.call("toFloat", item, node=item.node)
        if items == branch.items:
            return branch
        columns = [(name, item.type) for (name, _), item in zip(branch.columns, items, strict=True)]
        return replace(branch, items=items, columns=columns)

    def flatten(
        self,
        node: exp.Expression,
        trees: list[exp.Expression],
        ops: list[str],
        is_top: bool = False,
    ) -> None:
        """Branches from left to right. Only operators that may be regrouped are taken apart."""
        stack: list[exp.Expression | str] = [node]
        top = set_word(node)
        while stack:
            current = stack.pop()
            if isinstance(current, str):
                ops.append(current)
                continue
            splits = isinstance(current, exp.SetOperation) and (
                current is node
                or (
                    not current.args.get("with_")
                    and not any(current.args.get(key) for key in ("order", "limit", "offset"))
                    and set_word(current) == top
                    and top in ("UNION ALL", "UNION DISTINCT")
                )
            )
            if splits:
                assert isinstance(current, exp.SetOperation)
                stack += [current.expression, set_word(current), current.this]
            else:
                trees.append(current)

    # SELECT

    def select(self, node: exp.Select, env: Env, parent: Scope | None) -> Query:
        args = node.args
        env = self.named_queries(args.get("with_"), env, parent)
        scope = self.scope = Scope(env, parent)
        for window in args.get("windows") or ():
            scope.windows[window.args["alias"].name] = window
        for item in node.expressions:
            if type(item) is exp.Alias:
                scope.pending.setdefault(item.args["alias"].name, item.this)
        joins = self.from_(args, scope)
        scope.clause = "where"
        array_joins = [self.array_join_clause(tree, scope) for tree in args.get("array_join") or ()]
        scope.clause = "select"
        names, items = self.columns(node, scope)
        scope.pending = {}
        found = Select(
            [(name, item.type) for name, item in zip(names, items, strict=True)],
            unique(names),
            items=items,
            joins=joins,
            array_joins=array_joins,
        )
        self.clauses(node, found, scope)
        if not self.problems:
            self.check_groups(found)
        for _, reference in scope.array_joins:
            assert isinstance(reference, ColumnRef)
            source = reference.source
            assert isinstance(source, ArrayJoinSource)
            if source not in found.array_joins:
                found.array_joins.append(source)
        query: Query = found
        for rule in RULES:
            query = rule(query)
        return query

    def check_groups(self, found: Select) -> None:
        for name, node in ungrouped(found):
            self.problem(
                CODES.TYPE,
                f"`{name}` is neither grouped by nor aggregated",
                node,
                f"Add it to GROUP BY, or write `any({name})`.",
            )

    def clauses(self, node: exp.Select, found: Select, scope: Scope) -> None:
        args = node.args
        scope.clause = "where"
        conditions = [
            self.condition(args[key].this)
            for key in ("prewhere", "where")
            if args.get(key) is not None
        ]
        if conditions:
            found.where = self.logic("AND", conditions, None)
        scope.clause = "group"
        group = args.get("group")
        if group is not None:
            found.grouping = self.grouping(group, found)
        scope.clause = "having"
        if args.get("having") is not None:
            found.having = self.condition(args["having"].this)
        if args.get("qualify") is not None:
            found.qualify = self.condition(args["qualify"].this)
        scope.clause = "order"
        distinct = args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            found.distinct = (
                [self.value(item) for item in on.expressions] if on is not None else True
            )
        order = args.get("order")
        if order is not None:
            found.order = self.orders(order, found)
        by = args.get("limit_by")
        if by is not None:
            count, offset, *keys = by.expressions
            found.limit_by = (
                self.value(count),
                None if isinstance(offset, exp.Null) else self.value(offset),
                [self.positional(key, found) for key in keys],
            )
        self.limits(node, found)

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
        if not isinstance(value, Literal) and any(True for _ in columns_in(value)):
            self.problem(CODES.TYPE, "LIMIT and OFFSET take a number, not a column", tree)
        return value

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
            binding = scope.binding(words.lower())
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

    def listed(self, item: exp.Expression, scope: Scope) -> list[tuple[str, Value]]:
        stars = self.star(item, scope)
        return stars if stars is not None else [(self.name_of(item), self.value(item))]

    def starred(self, binding: Binding, column: ColumnDef, tree: exp.Expression) -> Value:
        if column.expression is not None:
            return self.computed(binding.source, binding.fields, column.expression, tree)
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


def set_word(node: exp.Expression) -> str:
    word = SETS.get(type(node), "")
    return f"{word} {'DISTINCT' if node.args.get('distinct') else 'ALL'}"


def unique(names: list[str]) -> list[str]:
    """The names, later ones numbered where they repeat, also by case."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        candidate, count = name or "column", 1
        while candidate.lower() in taken:
            candidate = f"{name}_{count}"
            count += 1
        taken.add(candidate.lower())
        found.append(candidate)
    return found


def mentions(tree: exp.Expression, name: str) -> bool:
    return any(
        table.this.name.lower() == name.lower() for table in tree.find_all(exp.Table) if table.this
    )


def matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def columns_in(value: Value) -> "list[ColumnRef]":
    from pwh_assets.hogql.resolve.nodes import walk

    return [v for v in walk(value) if isinstance(v, ColumnRef)]
