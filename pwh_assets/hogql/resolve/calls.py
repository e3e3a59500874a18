"""Calls: from a name to its registry row, with combinators, lambdas, DISTINCT, ORDER BY, FILTER and OVER."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg, Expansion, Fn, WindowFn
from pwh_assets.hogql.functions.moments import UNITS
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import arity, lambda_types
from pwh_assets.hogql.resolve.arguments import Arguments
from pwh_assets.hogql.resolve.core import CODES, typed
from pwh_assets.hogql.resolve.nodes import (
    ArrayValue,
    Call,
    Frame,
    IntervalValue,
    Lambda,
    Literal,
    Order,
    TupleValue,
    Value,
    Window,
)
from pwh_assets.hogql.resolve.states import gathered, merged
from pwh_assets.hogql.types import (
    INTEGER,
    NULL,
    UNKNOWN,
    Type,
    tuple_,
)

PLAIN_FORMS: dict[str, str] = {"first_value": "any", "last_value": "anyLast"}
"""Window functions that are aggregates without OVER."""
UNIT_FIRST = frozenset(
    [
        "dateadd",
        "date_add",
        "datesub",
        "date_sub",
        "datediff",
        "date_diff",
        "timestampadd",
        "timestampsub",
        "timestampdiff",
        "timestamp_diff",
        "age",
    ]
)
"""Functions whose first argument may be a unit without quotes: `dateAdd(day, 1, x)`."""
NUMERIC_FAMILIES = frozenset(["arithmetic", "maths", "rounding"])
"""Categories of functions that take numbers: a text is read as one, as in `round(properties.price)`."""
OPERATORS = frozenset(["plus", "minus", "multiply", "divide", "modulo"])
"""Rows that are operators too."""
MILLISECONDS: dict[str, int] = {
    "millisecond": 1,
    "second": 1_000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
}
MOST_STEPS = 2**31
"""Engines count a frame's reach in 32 bits: milliseconds where they fit, seconds beyond."""
PLAIN_SUFFIXES = frozenset(["If", "OrNull", "OrDefault", "Distinct"])
"""Combinators that leave the arguments' types alone."""


class Calls(Arguments):
    """Resolves calls."""

    specials: ClassVar[Mapping[str, Callable[[Any, exp.Expression], Value | None]]] = {}
    """Names that are no plain calls, as written or in lower case; None means: a plain call after all."""

    def called(self, node: exp.Expression) -> Value:
        """A call without OVER, FILTER and the like."""
        return self.function(node)

    def function(
        self,
        node: exp.Expression,
        condition: Value | None = None,
        window: Window | None = None,
        order: list[Order] | None = None,
    ) -> Value:
        name: str = node.this
        special = self.specials.get(name) or self.specials.get(name.lower())
        if special is not None and window is None and condition is None:
            found = special(self, node)
            if found is not None:
                return found
        row = REGISTRY.find(name)
        suffixes: tuple[str, ...] = ()
        if row is None or isinstance(row, Agg):
            aggregate = REGISTRY.aggregate(name)
            if aggregate is None:
                return self.unknown_function(name, node)
            row, suffixes = aggregate
            if suffixes and suffixes[-1] in ("State", "SimpleState", "Merge"):
                found = self.state(row, suffixes, node, condition, window)
                if found is not None:
                    return found
        if isinstance(row, Expansion):
            return self.expanded(row, node)
        if isinstance(row, Fn):
            if window is not None or condition is not None:
                word = "OVER" if window is not None else "FILTER"
                return self.problem(
                    CODES.TYPE, f"`{name}` is no aggregate and takes no `{word}`", node
                )
            return self.scalar_call(row, name, node)
        return self.aggregate_call(row, suffixes, name, node, condition, window, order)

    def unknown_function(self, name: str, node: exp.Expression) -> Value:
        refused = REGISTRY.refused(name)
        for argument in node.expressions:
            if not isinstance(argument, exp.Star | exp.Lambda | exp.Distinct | exp.Kwarg):
                self.value(argument)
        place = exp.Placeholder()
        start = node.meta.get("start", 0)
        place.meta.update({"start": start, "end": node.meta.get("name_end", start + len(name))})
        if refused is not None:
            return self.problem(
                CODES.UNSUPPORTED,
                f"`{name}` is not available: {refused.reason}",
                place,
                refused.hint or None,
            )
        near = REGISTRY.nearest(name)
        hint = f"Did you mean `{near[0]}`?" if near else None
        return self.problem(CODES.UNKNOWN_FUNCTION, f"There is no function `{name}`", place, hint)

    def expanded(self, row: Expansion, node: exp.Expression) -> Value:
        if not self.counts_right(row, row.name, len(node.expressions), node):
            return Literal(UNKNOWN, None, node=node)
        try:
            tree = row.expand(node.expressions)
        except ValueError as error:
            return self.problem(CODES.UNSUPPORTED, f"`{row.name}`: {error}", node)
        anchor, self.anchor = self.anchor, self.anchor or node
        try:
            return self.value(tree)
        finally:
            self.anchor = anchor

    # Scalars

    def scalar_call(self, row: Fn, name: str, node: exp.Expression) -> Value:
        args = self.arguments(row, node)
        if not self.counts_right(row, name, len(args), node):
            return Literal(UNKNOWN, None, node=node)
        params = [self.value(p) for p in node.args.get("params") or ()]
        if row.name in OPERATORS and len(args) == 2:
            return self.combine(row.name, args[0], args[1], node)
        args = self.fitted(row, name, args, node)
        if row.category == "arithmetic":
            args = [self.numeric(arg) for arg in args]
        call = Call(UNKNOWN, row, name, args, params, node=node)
        call.type = typed(row, args)
        if call.type == NULL and row.category in NUMERIC_FAMILIES:
            return Literal(NULL, None, node=node)
        zone = call.type.timezone
        if zone is not None and not is_zone(zone):
            return self.problem(
                CODES.TYPE,
                f"There is no time zone `{zone}`",
                node,
                "Write it as in 'Europe/Berlin'.",
            )
        return call

    def arguments(self, row: Fn | Agg | WindowFn, node: exp.Expression) -> list[Value]:
        """Arguments in order; lambdas last, when the types of the arrays are known."""
        trees = [tree for tree in node.expressions if type(tree) is not exp.Star]
        if len(trees) > 2 and isinstance(trees[0], exp.Column) and row.category == "dates":
            trees[0] = self.unit(node, trees[0])
        args: list[Value | None] = [
            None if type(tree) is exp.Lambda else self.argument(tree) for tree in trees
        ]
        if None not in args:
            return [arg for arg in args if arg is not None]
        types = [UNKNOWN if arg is None else arg.type for arg in args]
        given = list(lambda_types(row, types))
        return [
            self.lambda_(tree, given) if arg is None else arg
            for tree, arg in zip(trees, args, strict=True)
        ]

    def unit(self, node: exp.Expression, tree: exp.Column) -> exp.Expression:
        """A bare unit as the text it stands for."""
        name = str(tree.name).lower()
        if str(node.this).lower() not in UNIT_FIRST or name not in UNITS:
            return tree
        literal = exp.Literal(this=name, is_string=True)
        literal.meta.update(tree.meta)
        return literal

    def argument(self, tree: exp.Expression) -> Value:
        if type(tree) is exp.Kwarg:
            return self.problem(CODES.UNSUPPORTED, "Named arguments are not supported here", tree)
        if type(tree) is exp.Subquery and not tree.args.get("alias"):
            return self.value(tree)
        return self.value(tree)

    def lambda_(self, tree: exp.Expression, types: list[Type]) -> Value:
        names = tuple(identifier.name for identifier in tree.expressions)
        if (
            len(types) == 1
            and len(names) > 1
            and types[0].name == "Tuple"
            and len(types[0].args) == len(names)
        ):
            types = list(types[0].args)
        params = {name: types[i] if i < len(types) else UNKNOWN for i, name in enumerate(names)}
        self.scope.params.append(params)
        try:
            body = self.value(tree.this)
        finally:
            self.scope.params.pop()
        return Lambda(body.type, names, body, node=tree)

    def counts_right(
        self,
        row: Fn | Agg | WindowFn | Expansion,
        name: str,
        count: int,
        node: exp.Expression,
        suffixes: tuple[str, ...] = (),
    ) -> bool:
        fewest, most = arity(row, suffixes)
        if count >= fewest and (most is None or count <= most):
            return True
        wanted = (
            f"{fewest}"
            if fewest == most
            else f"at least {fewest}"
            if most is None
            else f"{fewest} to {most}"
        )
        plural = "" if wanted == "1" else "s"
        self.problem(CODES.ARITY, f"`{name}` takes {wanted} argument{plural}, not {count}", node)
        return False

    # Aggregates and windows

    def aggregate_call(
        self,
        row: Agg | WindowFn,
        suffixes: tuple[str, ...],
        name: str,
        node: exp.Expression,
        condition: Value | None,
        window: Window | None,
        order: list[Order] | None,
    ) -> Value:
        scope = self.scope
        trees = node.expressions
        is_distinct = len(trees) == 1 and type(trees[0]) is exp.Distinct
        source = trees[0] if is_distinct else node
        if isinstance(row, WindowFn) and window is None and name.lower() in PLAIN_FORMS:
            plain = REGISTRY.aggregate(PLAIN_FORMS[name.lower()])
            assert plain is not None
            row = plain[0]
        if isinstance(row, WindowFn) and window is None:
            return self.problem(
                CODES.TYPE, f"`{name}` needs a window", node, f"Write `{name}(…) OVER (…)`."
            )
        if window is None and isinstance(row, Agg):
            if scope.clause in ("where", "group", "from"):
                where = {"where": "WHERE", "group": "GROUP BY", "from": "a join's condition"}[
                    scope.clause
                ]
                return self.problem(
                    CODES.TYPE,
                    f"`{name}` is an aggregate and cannot stand in {where}",
                    node,
                    "Use HAVING or a sub-query.",
                )
            if scope.aggregate_depth:
                return self.problem(
                    CODES.TYPE,
                    f"`{name}` stands inside another aggregate",
                    node,
                    "Aggregate in a sub-query first.",
                )
        deeper = window is None
        scope.aggregate_depth += deeper
        try:
            args = self.arguments(row, source)
            inner = node.args.get("order")
            if inner is not None:
                order = [self.ordered(item) for item in inner.expressions]
        finally:
            scope.aggregate_depth -= deeper
        params = [self.value(p) for p in node.args.get("params") or ()]
        for param, tree in zip(params, node.args.get("params") or (), strict=True):
            if not isinstance(param, Literal | ArrayValue | TupleValue | IntervalValue):
                return self.problem(
                    CODES.TYPE, f"A parameter of `{name}` has to be a literal", tree
                )
        if not self.counts_right(row, name, len(args), node, suffixes):
            return Literal(UNKNOWN, None, node=node)
        if "If" in suffixes and args:
            args[-1] = self.truth(args[-1])
        if not suffixes or set(suffixes) <= PLAIN_SUFFIXES:
            own = len(args) - ("If" in suffixes)
            args = [*self.fitted(row, name, args[:own], node), *args[own:]]
        if isinstance(row, Agg) and row.name == "count" and is_distinct and len(args) > 1:
            args = [TupleValue(tuple_(*(arg.type for arg in args)), args)]
        call = Call(
            UNKNOWN,
            row,
            name,
            args,
            params,
            suffixes,
            is_distinct,
            order or [],
            condition,
            window,
            node=node,
        )
        call.type = typed(row, args, suffixes)
        return call

    def state(
        self,
        row: Agg,
        suffixes: tuple[str, ...],
        node: exp.Expression,
        condition: Value | None,
        window: Window | None,
    ) -> Value | None:
        """`-State` and `-Merge` by way of plain values."""
        if suffixes[-1] != "Merge":
            tree = gathered(row.name, "".join(suffixes[:-1]), node)
        elif len(node.expressions) == 1:
            self.scope.aggregate_depth += 1
            kind = self.value(node.expressions[0]).type.name
            self.scope.aggregate_depth -= 1
            tree = merged(row.name, kind, node)
        else:
            tree = None
        if tree is None:
            return None
        if condition is None and window is None:
            return self.value(tree)
        return self.function(tree, condition, window) if isinstance(tree, exp.Anonymous) else None

    def filtered(self, node: exp.Filter) -> Value:
        self.scope.aggregate_depth += 1
        try:
            condition = self.condition(node.expression.this)
        finally:
            self.scope.aggregate_depth -= 1
        return self.wrapped(node.this, condition=condition)

    def wrapped(
        self, node: exp.Expression, condition: Value | None = None, window: Window | None = None
    ) -> Value:
        """A call below FILTER, WITHIN GROUP, IGNORE NULLS or OVER."""
        order = None
        while True:
            if type(node) is exp.IgnoreNulls:
                node = node.this
            elif type(node) is exp.Filter and condition is None:
                condition = self.condition(node.expression.this)
                node = node.this
            elif type(node) is exp.WithinGroup:
                order = [self.ordered(item) for item in node.expression.expressions]
                node = self.within(node)
            else:
                break
        if not isinstance(node, exp.Anonymous | exp.ParameterizedAgg):
            return self.problem(CODES.TYPE, "Only a call can stand here", node)
        return self.function(node, condition, window, order)

    def within(self, node: exp.WithinGroup) -> exp.Expression:
        """`quantile_cont(0.5) WITHIN GROUP (ORDER BY x)` is `quantile(0.5)(x)`."""
        call: exp.Expression = node.this
        names = {
            "percentile_cont": "quantile",
            "quantile_cont": "quantile",
            "percentile_disc": "quantileExact",
        }
        name = names.get(str(call.this).lower())
        if name is None or not isinstance(call, exp.Anonymous):
            return call
        key = node.expression.expressions[0].this
        found = exp.ParameterizedAgg(this=name, params=call.expressions, expressions=[key])
        found.meta.update(call.meta)
        return found

    def windowed(self, node: exp.Window) -> Value:
        name = node.args.get("alias")
        spec: exp.Expression | None = node
        if name is not None and not node.args.get("partition_by") and not node.args.get("order"):
            spec = self.scope.windows.get(name.name)
            if spec is None:
                hint = self.did_you_mean(name.name, list(self.scope.windows))
                return self.problem(
                    CODES.UNKNOWN_COLUMN, f"There is no window `{name.name}`", name, hint
                )
        return self.wrapped(node.this, window=self.window(spec or node))

    def window(self, spec: exp.Expression) -> Window:
        partition = [self.value(item) for item in spec.args.get("partition_by") or ()]
        order = spec.args.get("order")
        orders = [self.ordered(item) for item in order.expressions] if order is not None else []
        frame = spec.args.get("spec")
        if frame is None:
            return Window(partition, orders)
        return self.measured(partition, orders, self.frame(frame), spec)

    def measured(
        self, partition: list[Value], orders: list[Order], frame: Frame, node: exp.Expression
    ) -> Window:
        """A window; a RANGE of an interval is one of milliseconds or seconds, which every engine counts alike."""
        edges = [edge for edge in (frame.start, frame.end) if edge is not None]
        intervals = [amount for amount, _ in edges if isinstance(amount, IntervalValue)]
        if frame.kind.upper() != "RANGE" or not intervals or len(orders) != 1:
            return Window(partition, orders, frame)

        sizes = [self.length(amount, node) for amount in intervals]
        if None in sizes:
            return Window(partition, orders, frame)
        is_fine = all(size is not None and size < MOST_STEPS for size in sizes)
        name, unit = ("toUnixTimestamp64Milli", 1) if is_fine else ("toUnixTimestamp", 1_000)

        def counted(edge: tuple[Value | None, str]) -> tuple[Value | None, str]:
            amount, side = edge
            if not isinstance(amount, IntervalValue):
                return edge
            steps = (self.length(amount, node) or 0) // unit
            return Literal(INTEGER, steps, node=exp.Literal(this=str(steps), is_string=False)), side

        (order,) = orders
        key = self.call(name, order.this, node=order.this.node)
        end = counted(frame.end) if frame.end is not None else None
        return Window(
            partition,
            [Order(key, order.is_descending, order.nulls_first)],
            Frame(frame.kind, counted(frame.start), end),
        )

    def length(self, interval: IntervalValue, node: exp.Expression) -> int | None:
        """Milliseconds of a frame's interval."""
        size = MILLISECONDS.get(interval.unit)
        count = interval.amount.value if isinstance(interval.amount, Literal) else None
        if size is not None and isinstance(count, int):
            return count * size
        self.problem(
            CODES.UNSUPPORTED,
            "A RANGE takes an interval of a fixed length here",
            interval.node if interval.node is not None else node,
            "Write it in days, or smaller units.",
        )
        return None

    def frame(self, spec: exp.Expression) -> Frame:
        def bound(which: str) -> tuple[Value | None, str]:
            edge, side = spec.args.get(which), spec.args.get(f"{which}_side")
            if isinstance(edge, exp.Expression):
                return self.value(edge), str(side)
            return None, f"{edge} {side}" if side else str(edge)

        end = bound("end") if spec.args.get("end") is not None else None
        return Frame(str(spec.args.get("kind")), bound("start"), end)

    def ordered(self, item: exp.Expression) -> Order:
        this = item.this if type(item) is exp.Ordered else item
        value = self.value(this)
        return Order(value, bool(item.args.get("desc")), bool(item.args.get("nulls_first")))

    def numeric(self, value: Value) -> Value:
        raise NotImplementedError

    def combine(self, name: str, left: Value, right: Value, node: exp.Expression) -> Value:
        raise NotImplementedError

    def skipped(self, *trees: exp.Expression) -> bool:
        raise NotImplementedError


@lru_cache(maxsize=512)
def is_zone(name: str) -> bool:
    """Whether a time zone of that name exists."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
