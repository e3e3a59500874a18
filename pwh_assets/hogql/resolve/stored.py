"""Calls whose meaning is kept with the project: `matchesAction`, and `convertCurrency` by the table of rates."""

from typing import TYPE_CHECKING

from sqlglot import exp

from pwh_assets.hogql.resolve.core import CODES, parse_expression
from pwh_assets.hogql.resolve.nodes import Value
from pwh_assets.hogql.scope import Binding, Scope

if TYPE_CHECKING:
    from pwh_assets.hogql.resolve.special import SpecialCalls

RATES = "exchange_rate_index"
"""One row: the currencies, the first day, and in `rates` a block of days for each currency behind a block of zeros;
each block begins with a zero for the days before the first."""


def matches_action(resolver: "SpecialCalls", node: exp.Expression) -> Value | None:
    """`matchesAction('name')` or `matchesAction(7)`: the action's condition over the row of events in reach."""
    if len(node.expressions) != 1:
        return None
    wanted = node.expressions[0]
    actions = resolver.catalog.actions
    if not isinstance(wanted, exp.Literal):
        sentence = "An action is named by a constant"
        return resolver.problem(CODES.TYPE, sentence, wanted, "Write its name or its number.")
    condition = actions.get(wanted.this)
    if condition is None:
        names = [name for name in actions if not name.isdigit()]
        return resolver.problem(
            CODES.UNKNOWN_TABLE,
            f"There is no action {resolver.words(wanted) or wanted.this}",
            wanted,
            resolver.did_you_mean(wanted.this, names),
        )
    binding = _events(resolver.scope)
    if binding is None:
        return resolver.problem(
            CODES.UNSUPPORTED, "`matchesAction` asks about events, and none are read here", node
        )
    inside = (id(actions), condition)
    if inside in resolver.computing:
        return resolver.problem(CODES.CYCLE, f"The action `{wanted.this}` asks for itself", node)
    resolver.computing.append(inside)
    try:
        return resolver.computed(binding.source, binding.fields, condition, node)
    finally:
        resolver.computing.pop()


def _events(scope: Scope | None) -> Binding | None:
    """The nearest source that is `events`, or else has its columns."""
    while scope is not None:
        for binding in scope.bindings:
            if binding.fields.table is not None and binding.fields.table.name == "events":
                return binding
        for binding in scope.bindings:
            if binding.fields.find("event") and binding.fields.find("properties"):
                return binding
        scope = scope.parent
    return None


_DAY = (
    "if(__date IS NULL, NULL, least(greatest(dateDiff('day', (SELECT first_day FROM {table} LIMIT 1), __date) + 1, 0), "
    "(SELECT block FROM {table} LIMIT 1) - 1))"
)
_RATE = (
    "nullIf((SELECT rates FROM {table} LIMIT 1)"
    "[indexOf((SELECT currencies FROM {table} LIMIT 1), {currency}) * (SELECT block FROM {table} LIMIT 1) + __day + 1], 0)"
)
"""A currency nobody loaded has place 0, a day before the first has number 0: both lead to a rate of 0, which is none."""


_CONVERTED = "if(__from = __to, toFloat(__amount), toFloat(__amount) * __right / __left)"


def convert_currency(resolver: "SpecialCalls", node: exp.Expression) -> Value | None:
    """`convertCurrency(from, to, amount[, date])`: NULL where a rate is missing, today's without a date."""
    if not 3 <= len(node.expressions) <= 4:
        return None
    values = [resolver.value(tree) for tree in node.expressions]
    names = dict(zip(("__from", "__to", "__amount"), values, strict=False))
    if RATES in resolver.catalog.by_name and resolver.scope.params:
        return resolver.problem(
            CODES.UNSUPPORTED,
            "`convertCurrency` cannot stand in a lambda",
            node,
            "Use arrayJoin and convert each row.",
        )
    if RATES not in resolver.catalog.by_name:
        return resolver.over(names, "if(__from = __to, toFloat(__amount), NULL)", node)
    names["__date"] = (
        resolver.over({"__given": values[3]}, "toDate(__given)", node)
        if len(values) > 3
        else resolver.value(parse_expression("today()"))
    )
    names["__day"] = resolver.over(names, _DAY.format(table=RATES), node)
    for name, currency in (("__left", "__from"), ("__right", "__to")):
        names[name] = resolver.over(names, _RATE.format(table=RATES, currency=currency), node)
    return resolver.over(names, _CONVERTED, node)
