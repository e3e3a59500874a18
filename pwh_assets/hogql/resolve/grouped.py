"""In a query that groups, what is selected must be grouped by or aggregated; this says where it is not."""

from collections.abc import Iterator

from sqlglot import exp

from pwh_assets.hogql.functions.base import Agg
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    ColumnRef,
    Join,
    JoinedSource,
    Literal,
    Now,
    Param,
    Property,
    Select,
    Value,
    children,
    has_aggregate,
)


def ungrouped(query: Select) -> Iterator[tuple[str, exp.Expression | None]]:
    """Name and place of each column that is neither grouped by nor aggregated."""
    values = [*query.items, *(order.this for order in query.order)]
    if query.having is not None:
        values.append(query.having)
    if query.grouping is None and not any(map(has_aggregate, values)):
        return
    keys: list[Value] = []
    if query.grouping is not None:
        keys = [*query.grouping.keys, *(key for one in query.grouping.sets or () for key in one)]
    known = {fingerprint(key) for key in keys}
    own = {id(source) for source in query.array_joins if not _is_late(source)}
    for join in query.joins:
        own.update(_sources(join))
    seen: set[int] = set()
    stack = values[::-1]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Call) and isinstance(value.row, Agg) and value.window is None:
            continue
        if isinstance(value, Literal | Now | Param) or fingerprint(value) in known:
            continue
        if isinstance(value, ColumnRef):
            if id(value.source) in own:
                yield value.name, value.node
            continue
        stack += children(value)


def _is_late(source: ArrayJoinSource) -> bool:
    return any(has_aggregate(value) for _, value in source.items)


def _sources(join: Join) -> Iterator[int]:
    yield id(join.source)
    if isinstance(join.source, JoinedSource):
        for inner in join.source.joins:
            yield from _sources(inner)
    for lazy in join.source.lazy:
        yield from _sources(lazy)


def fingerprint(value: Value) -> str:
    """Equal for values that print alike."""
    match value:
        case ColumnRef():
            return f"{id(value.source)}.{value.name}"
        case Literal():
            return f"{value.type.name}:{value.value!r}"
        case Param():
            return f"\\{value.name}"
    inner = ",".join(map(fingerprint, children(value)))
    extra = ""
    if isinstance(value, Call):
        extra = f"{value.row.name}{value.combinators}{value.is_distinct}"
    elif isinstance(value, Property):
        extra = repr([key for key in value.path if isinstance(key, str | int)])
    else:
        for name in ("op", "kind", "index", "unit", "is_negated", "is_safe", "has_null", "names"):
            extra += str(getattr(value, name, ""))
    if hasattr(value, "query"):
        extra += str(id(value.query))
    return f"{type(value).__name__}[{extra}]({inner})"
