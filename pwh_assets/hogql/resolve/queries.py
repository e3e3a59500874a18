"""SELECT and set operations: named queries, columns, aliases, clauses."""

from dataclasses import replace

from sqlglot import exp

from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.resolve.columns import Columns
from pwh_assets.hogql.resolve.core import CODES
from pwh_assets.hogql.resolve.grouped import ungrouped
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    Cte,
    Join,
    Query,
    QuerySource,
    Select,
    SetQuery,
    Value,
)
from pwh_assets.hogql.resolve.placeholders import placed
from pwh_assets.hogql.rules import RULES
from pwh_assets.hogql.scope import Binding, Env, Fields, ScalarCte, Scope
from pwh_assets.hogql.types import Type

SETS: dict[type, str] = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}


class Queries(Columns):
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
                case exp.Placeholder():
                    return self.placeholder_query(node, env, parent)
                case _:
                    self.problem(CODES.UNSUPPORTED, "Only a query can stand here", node)
                    return Select([], [])
        finally:
            self.scope = outer

    def placeholder_query(self, node: exp.Placeholder, env: Env, parent: Scope | None) -> Query:
        """`{name}` where a query stands, such as a part of a UNION; a table's name is all of its rows."""
        with placed(self, node) as tree:
            if tree is None:
                return Select([], [])
            if isinstance(tree, exp.Table):
                tree = exp.Select(expressions=[exp.Star()], from_=exp.From(this=tree))
            return self.query(tree, env, parent)

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
