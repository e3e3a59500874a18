"""Aggregation states (`uniqState` … `uniqMerge`) as plain values, so that they work and agree on every engine.

A state is what the merge needs: the distinct values for `uniq`, value and key for `argMax`, sum and count for `avg`. A stored
column that is no such value already is the answer of its rows, so merging takes one.
"""

from sqlglot import exp

KEYED = frozenset(["argMin", "argMax"])
LISTED = frozenset(
    ["groupArray", "median", "quantile", "quantileExact", "quantiles", "quantileTDigest", "topK"]
)
SAME = frozenset(["min", "max", "sum", "any", "anyLast", "groupUniqArray"])


def gathered(base: str, suffix: str, node: exp.Expression) -> exp.Expression | None:
    """The tree of `<base><suffix>State(…)`; None where no plain value will do."""
    args = [arg.copy() for arg in node.expressions]
    condition = [args.pop()] if suffix.endswith("If") and args else []
    if not args and base != "count":
        return None

    def call(name: str, *inner: exp.Expression) -> exp.Expression:
        made = exp.Anonymous(
            this=f"{name}{suffix}", expressions=[*(e.copy() for e in (*inner, *condition))]
        )
        made.meta.update(node.meta)
        return made

    if base in KEYED and len(args) == 2:
        extreme = "max" if base == "argMax" else "min"
        return _tuple(node, call(base, *args), call(extreme, args[1]))
    if base.startswith("uniq"):
        one = args[0] if len(args) == 1 else _tuple(node, *args)
        return call("groupUniqArray", one)
    if base == "avg":
        return _tuple(node, call("sum", *args), call("count", *args))
    if base == "count" or base in SAME:
        return call(base, *args)
    return call("groupArray", *args) if base in LISTED else None


def merged(base: str, kind: str, node: exp.Expression) -> exp.Expression | None:
    """The tree of `<base>Merge(state)` for a state of the given type."""
    (state,) = node.expressions

    def call(name: str, *inner: exp.Expression) -> exp.Expression:
        made: exp.Expression
        params = node.args.get("params")
        if params and name == f"{base}Array":
            made = exp.ParameterizedAgg(
                this=name, params=[p.copy() for p in params], expressions=list(inner)
            )
        else:
            made = exp.Anonymous(this=name, expressions=list(inner))
        made.meta.update(node.meta)
        return made

    def part(place: int) -> exp.Expression:
        index = exp.Literal(this=str(place), is_string=False)
        made = exp.Dot(this=state.copy(), expression=index)
        made.meta.update(state.meta)
        return made

    if base in KEYED:
        return call(base, part(1), part(2)) if kind == "Tuple" else call("any", state.copy())
    if base.startswith("uniq"):
        if kind != "Array":
            return call("uniq", state.copy())
        lists = call("groupArray", state.copy())
        return call("length", call("arrayDistinct", call("arrayFlatten", lists)))
    if base == "avg":
        if kind != "Tuple":
            return call("avg", state.copy())
        return exp.Div(this=call("sum", part(1)), expression=call("sum", part(2)))
    if base in ("count", "sum"):
        return call("sum", state.copy())
    if base in ("groupArray", "groupUniqArray"):
        return call(f"{base}Array", state.copy()) if kind == "Array" else call(base, state.copy())
    if base in SAME:
        return call(base, state.copy())
    if base in LISTED:
        return call(f"{base}Array" if kind == "Array" else "any", state.copy())
    return None


def _tuple(node: exp.Expression, *items: exp.Expression) -> exp.Expression:
    made = exp.Tuple(expressions=[item.copy() for item in items])
    made.meta.update(node.meta)
    return made
