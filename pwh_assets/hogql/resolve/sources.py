"""What stands after FROM: tables, views, sub-queries, named queries, joins and the joins chains ask for."""

from sqlglot import exp

from pwh_assets.hogql.catalog import Catalog, ColumnDef, LazyJoin, TableDef
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.resolve.core import CODES, parse_expression, parse_view
from pwh_assets.hogql.resolve.metrics import WORD as METRIC
from pwh_assets.hogql.resolve.metrics import Metrics
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    Cte,
    CteSource,
    FunctionSource,
    Join,
    JoinedSource,
    Literal,
    Query,
    QuerySource,
    Source,
    TableSource,
    Value,
    ValuesSource,
)
from pwh_assets.hogql.resolve.placeholders import placed
from pwh_assets.hogql.scope import Binding, Fields, Scope
from pwh_assets.hogql.types import BOOLEAN, DATETIME, INTEGER, UNKNOWN, Type

TABLE_FUNCTIONS: dict[str, tuple[int, int]] = {
    "numbers": (1, 2),
    "generate_series": (1, 3),
    "generateseries": (1, 3),
    "range": (1, 3),
    "zeros": (1, 1),
}
"""Fewest and most arguments. Nothing that reads from outside is or may become one of these."""

KINDS: dict[tuple[str, str], str] = {
    ("", ""): "inner",
    ("INNER", ""): "inner",
    ("CROSS", ""): "cross",
    ("", "LEFT"): "left",
    ("OUTER", "LEFT"): "left",
    ("OUTER", "RIGHT"): "right",
    ("OUTER", "FULL"): "full",
    ("", "RIGHT"): "right",
    ("", "FULL"): "full",
    ("SEMI", ""): "semi",
    ("SEMI", "LEFT"): "semi",
    ("ANTI", ""): "anti",
    ("ANTI", "LEFT"): "anti",
    ("POSITIONAL", ""): "positional",
}


def columns_of(source: Source) -> list[tuple[str, Type]]:
    match source:
        case QuerySource():
            return source.columns or source.query.columns
        case CteSource():
            return source.cte.columns
        case FunctionSource() | ValuesSource():
            return source.columns
        case ArrayJoinSource():
            return [(name, item_type(value.type)) for name, value in source.items]
        case _:
            return []


def fields_of(source: Source, catalog: Catalog) -> Fields:
    if isinstance(source, TableSource):
        return Fields.of_table(source.table, catalog)
    if isinstance(source, QuerySource) and source.view is not None and source.view.access:
        if source.view.view_sql is None:
            return Fields.of_table(source.view, catalog)
        seen = tuple(ColumnDef(name, type_) for name, type_ in columns_of(source))
        return Fields(seen, source.view)
    if isinstance(source, QuerySource) and source.view is not None:
        cached: dict[str, Fields] = catalog.__dict__.setdefault("_view_fields", {})
        found = cached.get(source.view.name)
        if found is None:
            columns = tuple(ColumnDef(name, type_) for name, type_ in columns_of(source))
            found = cached[source.view.name] = Fields(columns, source.view)
        return found
    return Fields.of_columns(columns_of(source))


def item_type(type_: Type) -> Type:
    return type_.args[0] if type_.name == "Array" and type_.args else UNKNOWN


class Sources(Metrics):
    """Resolves FROM."""

    def from_(self, args: dict[str, object], scope: Scope) -> list[Join]:
        first = args.get("from_")
        if first is None:
            return []
        assert isinstance(first, exp.From)
        self.scope = scope
        scope.clause = "from"
        trees = args.get("joins") or []
        assert isinstance(trees, list)
        return self.joined(first.this, trees, scope)

    def joined(self, first: exp.Expression, trees: list[exp.Join], scope: Scope) -> list[Join]:
        joins = [Join(self.bind(first, scope))]
        for tree in trees:
            self.join(tree, scope, joins)
        return joins

    def join(self, tree: exp.Join, scope: Scope, joins: list[Join]) -> None:
        words = {
            str(tree.args.get(key) or "").upper()
            for key in ("kind", "side", "method", "strictness")
        }
        kind = str(tree.args.get("kind") or "").upper()
        side = str(tree.args.get("side") or "").upper()
        method = str(tree.args.get("method") or "").upper()
        if tree.args.get("comma"):
            kind = "CROSS"
        if kind == "OUTER":
            kind = ""
        is_asof = "ASOF" in words
        before = list(scope.bindings)
        source = self.bind(tree.this, scope)
        if kind in ("ASOF", "ANY", "ALL", "NATURAL", "GLOBAL"):
            kind = ""
        name = KINDS.get((kind, side))
        if name is None:
            self.problem(
                CODES.UNSUPPORTED, f"`{side} {kind} JOIN` is not supported".replace("  ", " "), tree
            )
            name = "inner"
        if is_asof:
            name = "asof left" if side == "LEFT" else "asof"
        binding = scope.bindings[-1]
        on_tree, using = tree.args.get("on"), list(tree.args.get("using") or [])
        if "NATURAL" in words:
            shared = [
                c.name
                for c in binding.fields.columns
                if any(b.fields.find(c.name) for b in before) and not c.hidden
            ]
            using = [exp.Identifier(this=shared_name) for shared_name in shared]
        condition: Value | None = None
        if using:
            condition = self.using(using, before, binding, scope)
        elif on_tree is not None:
            condition = self.condition(on_tree)
        elif name not in ("cross", "positional"):
            if name == "inner":
                name = "cross"
            else:
                self.problem(
                    CODES.SYNTAX, "This join has no condition", tree, "Add `ON …` or `USING (…)`."
                )
        is_any = method == "ANY" or "ANY" in words
        joins.append(Join(source, name, condition, is_any))

    def using(
        self, names: list[exp.Expression], before: list[Binding], binding: Binding, scope: Scope
    ) -> Value:
        tests: list[Value] = []
        hidden = set(binding.hidden)
        for identifier in names:
            inner = identifier.this if isinstance(identifier, exp.Column) else identifier
            name = inner.name if isinstance(inner, exp.Expression) else str(inner)
            left = next(
                (b for b in before if b.fields.find(name) and name.lower() not in b.hidden), None
            )
            if left is None or binding.fields.find(name) is None:
                table = binding.names[0] if left is not None else before[0].names[0]
                tests.append(
                    self.problem(
                        CODES.UNKNOWN_COLUMN,
                        f"`{table}` has no column `{name}` to join by",
                        identifier,
                    )
                )
                continue
            first = self.settle(
                self.field(left.source, left.fields, name, identifier) or left.source, identifier
            )
            second = self.settle(
                self.field(binding.source, binding.fields, name, identifier) or binding.source,
                identifier,
            )
            tests.append(self.compare("equals", first, second, identifier))
            hidden.add(name.lower())
        binding.hidden = frozenset(hidden)
        return self.logic("AND", tests, None)

    # One item of FROM

    def bind(self, tree: exp.Expression, scope: Scope) -> Source:
        """The source, known to the scope under its names."""
        if isinstance(tree, exp.Paren):
            table = tree.this
            return JoinedSource("joined", self.joined(table, table.args.get("joins") or [], scope))
        alias = tree.args.get("alias")
        name = alias.name if isinstance(alias, exp.Expression) else ""
        if isinstance(tree, exp.Table) and isinstance(tree.this, exp.Placeholder):
            source, names = self.placeholder_source(tree.this, name, scope)
        elif isinstance(tree, exp.Table) and not isinstance(tree.this, exp.Identifier):
            source, names = self.table_function(tree, name)
        elif isinstance(tree, exp.Table):
            source, names = self.table(tree, name, scope)
        else:
            source, names = self.derived(tree, name, scope)
        columns = list(alias.args.get("columns") or []) if isinstance(alias, exp.Expression) else []
        if columns:
            self.rename(source, [column.name for column in columns], tree)
        for pivot in tree.args.get("pivots") or ():
            source = self.pivoted(source, pivot, names[0] if names else "")
            given = pivot.args.get("alias")
            if given is not None:
                names, source.label = (given.name.lower(),), given.name
        sample = tree.args.get("sample")
        if sample is not None:
            source.sample = self.sampled(sample)
        scope.bindings.append(Binding(source, fields_of(source, self.catalog), names))
        return source

    def rename(self, source: Source, names: list[str], tree: exp.Expression) -> None:
        known = columns_of(source)
        if isinstance(source, TableSource) or len(names) > len(known):
            self.problem(
                CODES.SYNTAX,
                f"The column list has {len(names)} names for {len(known)} columns",
                tree,
            )
            return
        types = [type_ for _, type_ in known]
        names = names + [name for name, _ in known[len(names) :]]
        renamed = list(zip(names, types, strict=True))
        if isinstance(source, QuerySource | FunctionSource | ValuesSource):
            source.columns = renamed
        else:
            self.problem(CODES.UNSUPPORTED, "A column list cannot stand here", tree)

    def table(self, tree: exp.Table, alias: str, scope: Scope) -> tuple[Source, tuple[str, ...]]:
        identifier = tree.this
        name: str = identifier.name
        parts = identifier.meta.get("parts") or tree.meta.get("parts") or name.split(".")
        label = alias or parts[-1]
        names = (
            (alias.lower(),) if alias else tuple(dict.fromkeys((name.lower(), parts[-1].lower())))
        )
        if len(parts) == 1:
            entry = scope.env.get(name.lower())
            if isinstance(entry, Cte):
                return CteSource(label, entry), names
        table = self.find_table(name)
        if table is None:
            self.tell_unknown(name, identifier, scope)
            return self.unknown_table(name, label), names
        if not alias:
            names = tuple(dict.fromkeys((*names, table.name.lower())))
        if self.anchor is None or (self.placing and not self.views):
            self.tables[table.name] = None
        return self.table_source(table, label, identifier), names

    def tell_unknown(self, name: str, identifier: exp.Expression, scope: Scope) -> None:
        if waiting := self.catalog.waiting.get(name.lower()):
            said = f"`{name}` has no rows here: no sync has brought any"
            hint: str | None = f"Sync it first: `pwh sync {waiting}`."
        else:
            said = f"There is no table or view `{name}`"
            hint = self.did_you_mean(name, [*self.catalog.by_name, *(str(k) for k in scope.env)])
        self.problem(CODES.UNKNOWN_TABLE, said, identifier, hint)

    def unknown_table(self, name: str, label: str) -> Source:
        """Stands in for a table that could not be found: whatever is asked of it, it has."""
        return TableSource(label, TableDef(name, (), physical=("unknown", name), kind="unknown"))

    def find_table(self, name: str) -> TableDef | None:
        by_name = self.catalog.by_name
        folded = name.lower()
        found = by_name.get(folded)
        if found is None and folded.startswith(("posthog.", "default.", "warehouse.")):
            found = by_name.get(folded.split(".", 1)[1])
        return found

    def table_source(self, table: TableDef, label: str, node: exp.Expression) -> Source:
        """A stored table, or a plain view's query; what a policy is about as its reader may see it."""
        if table.access is not None:
            if self.is_guarding:
                return self.unguarded_source(table.access.table, label, node)
            from pwh_assets.hogql.policy import guarded

            return guarded(self, table, label, node)
        return self.unguarded_source(table, label, node)

    def unguarded_source(self, table: TableDef, label: str, node: exp.Expression) -> Source:
        if table.view_sql is None:
            source = TableSource(label, table)
            return self.restricted(source, node)
        query = self.view(table, node)
        return QuerySource(label, query, table)

    def restricted(self, source: TableSource, node: exp.Expression) -> Source:
        """The table behind its row policy, where it has one."""
        if self.options.policy is None:
            return source
        text = self.options.policy(source.table)
        if text is None:
            return source
        from pwh_assets.hogql.resolve.nodes import Select

        inner = TableSource(source.label, source.table)
        fields = Fields.of_table(source.table, self.catalog)
        scope = Scope({}, None, [Binding(inner, fields, (source.table.name.lower(),))])
        outer, self.scope = self.scope, scope
        anchor, self.anchor = self.anchor, self.anchor or node
        try:
            where = self.condition(parse_expression(text))
        finally:
            self.scope, self.anchor = outer, anchor
        stored = [c for c in source.table.columns if c.expression is None]
        for column in stored:
            inner.used.add(column.name)
        items: list[Value] = [ColumnRef(c.type, inner, c.name) for c in stored]
        query = Select(
            [(c.name, c.type) for c in stored],
            [c.name for c in stored],
            items=items,
            joins=[Join(inner)],
            where=where,
        )
        return QuerySource(source.label, query, source.table)

    def view(self, table: TableDef, node: exp.Expression) -> Query:
        """The query of a plain view, resolved once per catalog."""
        if table.name in self.views:
            chain = " → ".join((*self.views[self.views.index(table.name) :], table.name))
            self.problem(CODES.CYCLE, f"The view `{table.name}` reads itself: {chain}", node)
            return Query([(c.name, c.type) for c in table.columns], [c.name for c in table.columns])
        cache: dict[str, Query] = self.catalog.__dict__.setdefault("_views", {})
        is_shared = not (self.options.policy or self.options.variables or self.is_guarding)
        found = cache.get(table.name) if is_shared else None
        if found is not None:
            return found
        assert table.view_sql is not None
        count = len(self.problems)
        saved = self.scope, self.anchor, self.views
        self.anchor = self.anchor or node
        self.views = (*self.views, table.name)
        try:
            found = self.query(parse_view(table.view_sql), {}, None)
        except HogQLError as error:
            self.problem(
                CODES.SYNTAX,
                f"The view `{table.name}` cannot be read: {error.problems[0].message}",
                node,
            )
            found = Query([], [])
        finally:
            self.scope, self.anchor, self.views = saved
        if len(self.problems) == count and is_shared:
            cache[table.name] = found
        return found

    def placeholder_source(
        self, node: exp.Placeholder, alias: str, scope: Scope
    ) -> tuple[Source, tuple[str, ...]]:
        """`FROM {name}`: the table or the query its value names, under the table's own name unless there is an alias."""
        with placed(self, node) as tree:
            if tree is None:
                return self.unknown_table(self.placeholder_name(node), alias), (alias.lower(),)
            if isinstance(tree, exp.Table):
                return self.table(tree, alias, scope)
            return self.derived(tree, alias, scope)

    def derived(
        self, tree: exp.Expression, alias: str, scope: Scope
    ) -> tuple[Source, tuple[str, ...]]:
        """A sub-query or VALUES; it sees the query around this one, not its neighbours."""
        names = (alias.lower(),) if alias else ()
        if isinstance(tree, exp.Values) or isinstance(tree.this, exp.Values):
            values = tree if isinstance(tree, exp.Values) else tree.this
            source, _ = self.values_source(values, alias)
            return source, names or ("values",)
        inner = tree.this if isinstance(tree, exp.Subquery) else tree
        query = self.query(inner, scope.env, scope.parent)
        return QuerySource(alias or "q", query), names or ("",)

    def values_source(self, tree: exp.Expression, alias: str) -> tuple[Source, tuple[str, ...]]:
        rows = [
            [
                self.value(item)
                for item in (row.expressions if isinstance(row, exp.Tuple) else [row])
            ]
            for row in tree.expressions
        ]
        width = len(rows[0]) if rows else 0
        for row, node in zip(rows, tree.expressions, strict=True):
            if len(row) != width:
                self.problem(
                    CODES.TYPE, f"This row has {len(row)} values, the first has {width}", node
                )
        from pwh_assets.hogql.functions.rules import common

        columns = [
            (f"col{i}", common([row[i].type for row in rows if i < len(row)])) for i in range(width)
        ]
        return ValuesSource(alias or "v", rows, columns), ()

    def table_function(self, tree: exp.Table, alias: str) -> tuple[Source, tuple[str, ...]]:
        call = tree.this
        name = str(call.this) if isinstance(call, exp.Anonymous) else type(call).__name__
        if name.lower() == METRIC:
            return self.metric_source(call, alias)
        label = alias or name
        names = (alias.lower(),) if alias else (name.lower(),)
        arity = TABLE_FUNCTIONS.get(name.lower())
        if arity is None:
            self.problem(
                CODES.NOT_ALLOWED,
                f"`{name}` is no table function here",
                call,
                "A query reads the project's tables; there are `numbers` and `generate_series` besides.",
            )
            return FunctionSource(
                label, "numbers", [Literal(INTEGER, 0)], [("number", INTEGER)]
            ), names
        if not arity[0] <= len(call.expressions) <= arity[1]:
            self.problem(CODES.ARITY, f"`{name}` takes {arity[0]} to {arity[1]} arguments", call)
        outer = self.scope
        self.scope = Scope(outer.env, outer.parent)
        args = [self.value(arg) for arg in call.expressions]
        self.scope = outer
        column = "number" if name.lower() in ("numbers", "zeros") else "generate_series"
        type_ = DATETIME if args and args[0].type.name in ("Date", "DateTime") else INTEGER
        return FunctionSource(label, name.lower(), args, [(column, type_)]), names

    def sampled(self, sample: exp.Expression) -> tuple[float, float]:
        """Ratio and offset of `SAMPLE 1/10 OFFSET 1/2`."""
        ratio = self.ratio(sample.args.get("size") or sample.args.get("percent") or sample.this)
        if sample.args.get("percent"):
            ratio /= 100
        offset = sample.args.get("seed") or sample.args.get("offset")
        return min(ratio, 1.0) if ratio <= 1 else 1.0, self.ratio(
            offset
        ) if offset is not None else 0.0

    def ratio(self, tree: object) -> float:
        if isinstance(tree, exp.Literal) and not tree.is_string:
            return float(tree.this)
        if isinstance(tree, exp.Div):
            below = self.ratio(tree.expression)
            return self.ratio(tree.this) / below if below else 1.0
        if isinstance(tree, exp.Paren):
            return self.ratio(tree.this)
        return 1.0

    # Joins that chains ask for

    def join_source(self, source: Source, name: str, node: exp.Expression) -> Source | None:
        """The source behind a lazy join, joined on first use."""
        child = source.children.get(name)
        if child is not None:
            return child
        fields = fields_of(source, self.catalog)
        join = fields.find(name)
        assert isinstance(join, LazyJoin)
        table = self.find_table(join.table)
        if table is None:
            self.problem(
                CODES.UNKNOWN_TABLE,
                f"`{name}` stands for `{join.table}`, which does not exist",
                node,
            )
            return None
        anchor, self.anchor = self.anchor, self.anchor or node
        try:
            child = self.table_source(table, f"{source.label}__{name}", node)
            scope = Scope(
                {},
                None,
                [
                    Binding(source, fields, ("this",)),
                    Binding(child, fields_of(child, self.catalog), ("that",)),
                ],
            )
            outer, self.scope = self.scope, scope
            try:
                on = self.condition(parse_expression(join.on))
            finally:
                self.scope = outer
        finally:
            self.anchor = anchor
        self.tables[table.name] = None
        source.children[name] = child
        root = self.roots.get(id(source), source)
        self.roots[id(child)] = root
        root.lazy.append(Join(child, "left", on))
        return child

    @property
    def roots(self) -> dict[int, Source]:
        """Lazily joined source -> the source of FROM behind which it is printed."""
        found: dict[int, Source] = self.__dict__.setdefault("_roots", {})
        return found


__all__ = ["BOOLEAN", "Sources", "columns_of", "fields_of"]
