"""`{filters}` and `{filters(column AS name)}`: what a page filters by, over the rows of the SELECT it stands in."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.filters import DATES, bound_conditions, bound_names, conditions
from pwh_assets.hogql.resolve.core import CODES
from pwh_assets.hogql.resolve.nodes import Literal, Value
from pwh_assets.hogql.scope import Binding
from pwh_assets.hogql.types import BOOLEAN

if TYPE_CHECKING:
    from pwh_assets.hogql.resolve.expressions import Expressions

RANGE = "filters.dateRange."


def filtered(resolver: "Expressions", node: exp.Expression, given: Mapping[str, Any]) -> Value:
    """A condition. Without filters it is true; one that has no place here is a mistake, and never left out silently."""
    call = node.this
    try:
        if isinstance(call, exp.Anonymous):
            return _bound(resolver, node, call, given)
        return _known(resolver, node, given)
    except ValueError as error:
        return resolver.problem(CODES.TYPE, f"The filters cannot be used here: {error}", node)
    except HogQLError as error:
        said = error.problems[0].message
        return resolver.problem(CODES.TYPE, f"A filter written in HogQL is wrong: {said}", node)


def _known(resolver: "Expressions", node: exp.Expression, given: Mapping[str, Any]) -> Value:
    """Over a table whose columns everybody knows."""
    if not any(True for _ in _active(given)):
        return Literal(BOOLEAN, True, node=node)
    for binding in resolver.scope.bindings:
        table = binding.fields.table
        if table is not None and table.name in DATES:
            return _all(resolver, node, conditions(given, table.name), binding)
    for binding in resolver.scope.bindings:
        if all(binding.fields.find(name) for name in ("event", "timestamp", "properties")):
            return _all(resolver, node, conditions(given, "events"), binding)
    raise ValueError(
        "none of events, sessions, persons and groups is read in this SELECT. Name the columns: "
        "{filters(column AS timestamp, column AS 'property')}"
    )


def _active(given: Mapping[str, Any]) -> list[object]:
    """What is filtered at all."""
    from pwh_assets.hogql.filters import date_range, properties

    return [*filter(None, date_range(given)), *properties(given)]


def _all(
    resolver: "Expressions", node: exp.Expression, texts: list[str], binding: Binding
) -> Value:
    values = [resolver.computed(binding.source, binding.fields, text, node) for text in texts]
    return _joined(resolver, node, values)


def _bound(
    resolver: "Expressions", node: exp.Expression, call: exp.Expression, given: Mapping[str, Any]
) -> Value:
    """Over columns that were named."""
    columns: dict[str, exp.Expression] = {}
    for one in call.expressions:
        if not isinstance(one, exp.Alias):
            raise ValueError(
                "write what is bound as `column AS timestamp` or `column AS 'property'`"
            )
        columns[one.alias] = one.this
    values: list[Value] = []
    known: dict[str, Value] = {
        name: resolver.value(tree)
        for name, tree in columns.items()
        if not isinstance(tree, exp.Null)
    }
    for name, filter_ in bound_names(given):
        if name not in columns:
            raise ValueError(
                f"`{name}` is filtered and not bound. Write `column AS '{name}'`, or `null AS '{name}'` to leave it out"
            )
        if name in known:
            values += [
                resolver.over({"__field": known[name]}, text, node)
                for text in bound_conditions(name, filter_)
            ]
    return _joined(resolver, node, values)


def _joined(resolver: "Expressions", node: exp.Expression, values: list[Value]) -> Value:
    if not values:
        return Literal(BOOLEAN, True, node=node)
    names = {f"__{number}": value for number, value in enumerate(values)}
    return resolver.over(names, " AND ".join(f"({name})" for name in names), node)
