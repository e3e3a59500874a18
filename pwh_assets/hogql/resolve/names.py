"""Names and the chains behind them: `e.person.properties.email`, `tags[1]`, `pair.2`, `stripe.invoice.id`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from pwh_assets.hogql.catalog import ColumnDef, FieldAlias, LazyJoin, TableDef, VirtualTable
from pwh_assets.hogql.resolve.core import CODES, Core, parse_expression, span
from pwh_assets.hogql.resolve.nodes import (
    ColumnRef,
    Field,
    Item,
    Literal,
    Param,
    Property,
    QuerySource,
    Slice,
    Source,
    TableSource,
    Value,
    has_aggregate,
    has_window,
)
from pwh_assets.hogql.scope import Binding, Fields, ScalarCte, Scope
from pwh_assets.hogql.types import INTEGER, JSON, STRING, UNKNOWN, Type, array


@dataclass(slots=True, eq=False)
class Step:
    """One `.name`, `.1`, `['key']` or `[expression]` of a chain."""

    key: str | int | exp.Expression
    node: exp.Expression
    is_dot: bool


@dataclass(slots=True, eq=False)
class Row:
    """A sub-table of a row's own columns."""

    source: Source
    fields: Fields
    table: VirtualTable


Reached = Value | Source | Row


def stored_table(source: Source) -> TableDef | None:
    """The table a source is, also where its reader sees a part of it."""
    if isinstance(source, TableSource):
        return source.table
    is_part = isinstance(source, QuerySource) and source.view is not None and source.view.access
    return source.view if is_part and isinstance(source, QuerySource) else None


class Names(Core):
    """Finds what a chain of names means."""

    def chain(self, node: exp.Expression) -> Value:
        """A column, dot or bracket node, with everything left of it."""
        base, steps = self.unroll(node)
        if type(base) is not exp.Column:
            current: Reached = self.value(base)
            used = 0
        else:
            current, used = self.first_name(base, steps, node)
        for step in steps[used:]:
            current = self.step(current, step, node)
        return self.settle(current, node)

    def unroll(self, node: exp.Expression) -> tuple[exp.Expression, list[Step]]:
        """What the chain starts with, and its steps from left to right."""
        steps: list[Step] = []
        while True:
            kind = type(node)
            if kind is exp.Dot:
                part = node.expression
                if isinstance(part, exp.Identifier):
                    steps.append(Step(part.this, node, True))
                elif isinstance(part, exp.Neg):
                    steps.append(Step(-int(part.this.this), node, True))
                elif isinstance(part, exp.Literal) and not part.is_string:
                    steps.append(Step(int(float(part.this)), node, True))
                else:
                    break
                node = node.this
            elif kind is exp.Bracket:
                (key,) = node.expressions
                if isinstance(key, exp.Literal):
                    text = key.this
                    is_number = not key.is_string and text.isdigit()
                    steps.append(
                        Step(
                            text if key.is_string else int(text) if is_number else key, node, False
                        )
                    )
                elif (
                    isinstance(key, exp.Neg)
                    and isinstance(key.this, exp.Literal)
                    and key.this.this.isdigit()
                ):
                    steps.append(Step(-int(key.this.this), node, False))
                else:
                    steps.append(Step(key, node, False))
                node = node.this
            elif kind is exp.Paren and steps:
                node = node.this
            else:
                break
        steps.reverse()
        return node, steps

    # The first name

    def first_name(
        self, node: exp.Column, steps: list[Step], whole: exp.Expression
    ) -> tuple[Reached, int]:
        """What the first name (and, for a table's column, the next ones) stands for, and the steps taken."""
        name: str = node.this.this
        scope: Scope | None = self.scope
        while scope is not None:
            found = self.in_scope(scope, name, steps, node)
            if found is not None:
                return found
            scope = scope.parent
        return self.unknown_name(name, steps, node, whole), len(steps)

    def in_scope(
        self, scope: Scope, name: str, steps: list[Step], node: exp.Column
    ) -> tuple[Reached, int] | None:
        for params in reversed(scope.params):
            if name in params:
                return Param(params[name], name, node=node), 0
        if steps and steps[0].is_dot:
            qualified = self.qualified(scope, name, steps)
            if qualified is not None:
                return qualified
        alias = self.alias(scope, name, node)
        if alias is not None:
            return alias, 0
        column = self.column(scope, name, node)
        if column is not None:
            return column, 0
        scalar = self.scalar(scope, name)
        if scalar is not None:
            return scalar, 0
        pending = self.forward(scope, name)
        if pending is not None:
            return pending, 0
        if not steps:
            binding = scope.binding(name.lower())
            if binding is not None:
                return binding.source, 0
        return None

    def qualified(self, scope: Scope, name: str, steps: list[Step]) -> tuple[Reached, int] | None:
        """`table.column`, where the table's own name may have dots."""
        words = name.lower()
        for taken in range(len(steps)):
            binding = scope.binding(words)
            if binding is not None:
                step = steps[taken]
                if not isinstance(step.key, str):
                    return None
                found = self.field(binding.source, binding.fields, step.key, step.node)
                if found is None:
                    if (
                        not taken
                        and name not in scope.aliases
                        and self.column(scope, name, step.node)
                    ):
                        return None
                    return self.unknown_field(binding, step), len(steps)
                return found, taken + 1
            key = steps[taken].key
            if not steps[taken].is_dot or not isinstance(key, str):
                return None
            words = f"{words}.{key.lower()}"
        return None

    def alias(self, scope: Scope, name: str, node: exp.Expression) -> Value | None:
        """A select alias, unless it is being defined or holds an aggregate where none may stand."""
        value = scope.aliases.get(name)
        if value is None or name in scope.defining:
            return None
        if not scope.takes_aggregates and has_aggregate(value):
            if self.has_column(scope, name):
                return None
            if scope.aggregate_depth:
                sentence, hint = (
                    "stands inside another aggregate",
                    "Aggregate in a sub-query first.",
                )
            else:
                sentence, hint = (
                    "is an aggregate and cannot stand here",
                    "Use HAVING or a sub-query.",
                )
            return self.problem(CODES.TYPE, f"`{name}` {sentence}", node, hint)
        if (
            scope.clause in ("where", "group")
            and has_window(value)
            and self.has_column(scope, name)
        ):
            return None
        return value

    def has_column(self, scope: Scope, name: str) -> bool:
        return any(binding.fields.find(name) is not None for binding in scope.bindings)

    def forward(self, scope: Scope, name: str) -> Value | None:
        """An alias defined further right in the same select list."""
        tree = scope.pending.get(name)
        if tree is None or name in scope.defining:
            return None
        scope.defining.add(name)
        outer, self.scope = self.scope, scope
        try:
            value = self.value(tree)
        finally:
            self.scope = outer
            scope.defining.discard(name)
        if scope.aggregate_depth and has_aggregate(value):
            return None
        scope.aliases[name] = value
        return value

    def scalar(self, scope: Scope, name: str) -> Value | None:
        """`WITH expression AS name`."""
        entry = scope.env.get(name.lower())
        if not isinstance(entry, ScalarCte) or name in scope.defining:
            return None
        value = scope.scalars.get(name)
        if value is None:
            scope.defining.add(name)
            outer, self.scope = self.scope, scope
            env, scope.env = scope.env, entry.env
            try:
                value = scope.scalars[name] = self.value(entry.tree)
            finally:
                scope.env = env
                self.scope = outer
                scope.defining.discard(name)
        return value

    def column(self, scope: Scope, name: str, node: exp.Expression) -> Reached | None:
        """A field of one of the sources, named without its table."""
        bindings = scope.bindings
        if len(bindings) == 1:
            if bindings[0].fields.is_unknown and name in scope.pending:
                return None
            return self.field(bindings[0].source, bindings[0].fields, name, node)
        found: list[Binding] = []
        weaker: list[Binding] = []
        for binding in bindings:
            entry = binding.fields.find(name)
            if entry is None and binding.fields.is_unknown:
                return Literal(UNKNOWN, None, node=node)
            if entry is None or name.lower() in binding.hidden:
                continue
            is_own = isinstance(entry, ColumnDef) and not entry.hidden
            (found if is_own else weaker).append(binding)
        candidates = found or weaker[:1]
        if len(candidates) > 1:
            exact = [b for b in candidates if name in set(b.fields.names())]
            candidates = exact or candidates
        if not candidates:
            return None
        if len(candidates) > 1:
            tables = " and ".join(f"`{binding.names[0]}`" for binding in candidates[:3])
            return self.problem(
                CODES.AMBIGUOUS,
                f"`{name}` is a column of {tables}",
                node,
                f"Write `{candidates[0].names[0]}.{name}`.",
            )
        return self.field(candidates[0].source, candidates[0].fields, name, node)

    # Fields of a source

    def field(
        self, source: Source, fields: Fields, name: str, node: exp.Expression
    ) -> Reached | None:
        entry = fields.find(name)
        match entry:
            case None:
                if fields.is_unknown:
                    # The table is the mistake; what is read from it may be right.
                    return Literal(UNKNOWN, None, node=node)
                return None
            case ColumnDef():
                if entry.expression is not None and (id(source), name) not in self.computing:
                    # Inside its own expression a name is the stored column.
                    self.computing.append((id(source), name))
                    try:
                        return self.computed(source, fields, entry.expression, node)
                    finally:
                        self.computing.pop()
                source.used.add(entry.name)
                return ColumnRef(entry.type, source, entry.name, node=node)
            case LazyJoin():
                return self.join_source(source, entry.name, node)
            case FieldAlias():
                current: Reached | None = self.field(source, fields, entry.chain[0], node)
                for key in entry.chain[1:]:
                    current = current and self.step(current, Step(key, node, True), node)
                return current
            case VirtualTable():
                return Row(source, fields, entry)

    def computed(self, source: Source, fields: Fields, text: str, node: exp.Expression) -> Value:
        """A column that is HogQL over its own row."""
        scope = Scope({}, None, [Binding(source, fields, ("this",))])
        scope.array_joins = self.scope.array_joins
        return self._apart(scope, text, node)

    def over(
        self, names: Mapping[str, Value], text: str, node: exp.Expression | None = None
    ) -> Value:
        """A text of ours in which some names are values already."""
        return self._apart(Scope({}, None, [], dict(names)), text, node)

    def _apart(self, scope: Scope, text: str, node: exp.Expression | None) -> Value:
        """The value of a text in a scope of its own; its mistakes are told at `node`."""
        outer, self.scope = self.scope, scope
        anchor, self.anchor = self.anchor, self.anchor or node
        try:
            return self.value(parse_expression(text))
        finally:
            self.scope, self.anchor = outer, anchor

    def fields_of(self, source: Source) -> Fields:
        from pwh_assets.hogql.resolve.sources import fields_of

        return fields_of(source, self.catalog)

    # Steps

    def step(self, current: Reached, step: Step, whole: exp.Expression) -> Reached:
        if isinstance(current, Source):
            if not isinstance(step.key, str):
                return self.problem(
                    CODES.TYPE, f"`{current.label}` is a table, not an array", step.node
                )
            fields = self.fields_of(current)
            found = self.field(current, fields, step.key, step.node)
            if found is None:
                return self.unknown_field(Binding(current, fields, (current.label,)), step)
            return found
        if isinstance(current, Row):
            text = current.table.columns.get(step.key) if isinstance(step.key, str) else None
            if text is None:
                hint = self.did_you_mean(str(step.key), list(current.table.columns))
                return self.problem(
                    CODES.UNKNOWN_COLUMN,
                    f"`{current.table.name}` has no field `{step.key}`",
                    step.node,
                    hint,
                )
            return self.reached(current.source, current.fields, text, step.node)
        return self.access(current, step)

    def reached(self, source: Source, fields: Fields, text: str, node: exp.Expression) -> Reached:
        """A virtual table's field: often a chain that goes on behind it, such as `person.properties`."""
        parts = text.split(".")
        if all(part.isidentifier() for part in parts):
            current = self.field(source, fields, parts[0], node)
            for part in parts[1:]:
                current = current and self.step(current, Step(part, node, True), node)
            if current is not None:
                return current
        return self.computed(source, fields, text, node)

    def access(self, value: Value, step: Step) -> Value:
        """An element of a value: of JSON, an array, a tuple, a map."""
        key, node = step.key, step.node
        kind = value.type.name
        if isinstance(key, exp.Slice):
            return self.slice(value, key, node)
        if kind == "Tuple":
            return self.tuple_field(value, step)
        if kind == "Array":
            if (
                step.is_dot
                and isinstance(key, int)
                and key > 0
                and value.type.args[0].name == "Tuple"
            ):
                inner = value.type.args[0]
                of = inner.args[key - 1] if key <= len(inner.args) else UNKNOWN
                return Field(array(of), value, key, node=node)
            if isinstance(key, str):
                return self.problem(
                    CODES.TYPE, f"`{key}` is no position in an array", node, "Count from 1."
                )
            of = value.type.args[0] if value.type.args else UNKNOWN
            return Item(of, value, self.index(key, node), node=node)
        if kind == "Map":
            of = value.type.args[1] if value.type.args else UNKNOWN
            index = Literal(STRING, key) if isinstance(key, str) else self.index(key, node)
            return Item(of, value, index, node=node)
        if kind in ("JSON", "String"):
            return self.json(value, key, node)
        if kind in ("Unknown", "Null"):
            if step.is_dot and isinstance(key, int):
                return Field(UNKNOWN, value, key, node=node)
            if isinstance(key, str):
                return self.json(value, key, node)
            return Item(UNKNOWN, value, self.index(key, node), node=node)
        return self.problem(
            CODES.TYPE,
            f"`{key if not isinstance(key, exp.Expression) else '[…]'}` cannot be read from a {kind}",
            node,
        )

    def index(self, key: Any, node: exp.Expression) -> Value:
        return (
            Literal(INTEGER, key, node=number_literal(key))
            if isinstance(key, int)
            else self.value(key)
        )

    def slice(self, value: Value, key: exp.Slice, node: exp.Expression) -> Value:
        start = self.value(key.this) if key.this is not None else None
        stop = self.value(key.expression) if key.expression is not None else None
        return Slice(
            value.type if value.type.name == "Array" else array(UNKNOWN),
            value,
            start,
            stop,
            node=node,
        )

    def tuple_field(self, value: Value, step: Step) -> Value:
        key, type_ = step.key, value.type
        if isinstance(key, str) and key in type_.fields:
            key = type_.fields.index(key) + 1
        if isinstance(key, int) and -len(type_.args) <= key <= len(type_.args) and key:
            at = key if key > 0 else len(type_.args) + key + 1
            return Field(type_.args[at - 1], value, at, node=step.node)
        return self.problem(
            CODES.TYPE,
            f"The tuple has {len(type_.args)} elements and none called `{key}`",
            step.node,
        )

    def json(self, value: Value, key: Any, node: exp.Expression) -> Value:
        path_key = key if isinstance(key, str | int) else self.value(key)
        if isinstance(value, Property):
            return Property(STRING, value.base, (*value.path, path_key), node=node)
        type_ = STRING
        if (
            isinstance(value, ColumnRef)
            and isinstance(key, str)
            and (table := stored_table(value.source)) is not None
        ):
            type_ = table.property_types.get(f"{value.name}.{key}", STRING)
        return Property(type_, value, (path_key,), node=node)

    def settle(self, current: Reached, node: exp.Expression) -> Value:
        """A chain that ends on a table is that table's id."""
        if isinstance(current, Value):
            return current
        if isinstance(current, Row):
            first = "id" if "id" in current.table.columns else next(iter(current.table.columns))
            return self.settle(self.step(current, Step(first, node, True), node), node)
        fields = self.fields_of(current)
        if fields.find("id") is not None:
            found = self.field(current, fields, "id", node)
        elif fields.columns:
            found = self.field(current, fields, fields.columns[0].name, node)
        else:
            found = None
        if isinstance(found, Value):
            return found
        return self.problem(CODES.TYPE, f"`{current.label}` is a table, not a value", node)

    # What is wrong

    def unknown_field(self, binding: Binding, step: Step) -> Value:
        name = str(step.key)
        hint = self.did_you_mean(name, list(binding.fields.names()))
        start, end = span(step.node.args.get("expression") or step.node)
        place = exp.Placeholder()
        place.meta.update({"start": start, "end": end})
        return self.problem(
            CODES.UNKNOWN_COLUMN, f"`{binding.names[0]}` has no column `{name}`", place, hint
        )

    def unknown_name(
        self, name: str, steps: list[Step], node: exp.Column, whole: exp.Expression
    ) -> Value:
        scope: Scope | None = self.scope
        names: list[str] = []
        tables: list[str] = []
        while scope is not None:
            for binding in scope.bindings:
                names += binding.fields.names()
                names += binding.names
                tables += binding.names[:1]
            names += scope.aliases
            names += [n for params in scope.params for n in params]
            scope = scope.parent
        if steps and isinstance(steps[0].key, str) and name.lower() in self.catalog.by_name:
            return self.problem(
                CODES.UNKNOWN_TABLE,
                f"`{name}` is a table, but this query does not read it",
                node,
                f"Add `JOIN {name} ON …`.",
            )
        hint = self.did_you_mean(name, names)
        where = (
            f"{' and '.join(f'`{t}`' for t in tables[:3])} has" if len(tables) == 1 else "There is"
        )
        if not tables:
            return self.problem(
                CODES.UNKNOWN_COLUMN, f"There is no column `{name}` here", node, hint
            )
        if len(tables) == 1:
            return self.problem(CODES.UNKNOWN_COLUMN, f"{where} no column `{name}`", node, hint)
        listed = " or ".join(f"`{t}`" for t in tables[:4])
        return self.problem(
            CODES.UNKNOWN_COLUMN, f"There is no column `{name}` in {listed}", node, hint
        )


def number_literal(value: int) -> exp.Expression:
    literal = exp.Literal(this=str(abs(value)), is_string=False)
    return literal if value >= 0 else exp.Neg(this=literal)


def is_text(type_: Type) -> bool:
    return type_ in (STRING, JSON)
