"""Walking and copying logical trees: what a query reads, and a value over other sources."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pwh_assets.hogql.functions.base import Agg, Fn
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    ColumnRef,
    CteSource,
    Exists,
    FunctionSource,
    InQuery,
    Join,
    JoinedSource,
    Logic,
    Now,
    Query,
    QuerySource,
    ScalarQuery,
    Select,
    SetQuery,
    Source,
    TableSource,
    Value,
    ValuesSource,
    rebuild,
    walk,
)

Path = tuple[str, ...]
"""Where a stored table lies: ("stripe", "invoice")."""


def values_of(query: Query) -> Iterator[Value]:
    """The values a query is written with; not those of its sources' queries."""
    for order in query.order:
        yield order.this
    for value in (query.limit, query.offset):
        if value is not None:
            yield value
    if not isinstance(query, Select):
        return
    yield from query.items
    for value in (query.where, query.having, query.qualify):
        if value is not None:
            yield value
    if query.grouping is not None:
        yield from query.grouping.keys
        for one in query.grouping.sets or ():
            yield from one
    if isinstance(query.distinct, list):
        yield from query.distinct
    if query.limit_by is not None:
        count, offset, keys = query.limit_by
        yield from (count, *keys)
        if offset is not None:
            yield offset
    for array_join in query.array_joins:
        for _, value in array_join.items:
            yield value
    for join in all_joins(query.joins):
        if join.on is not None:
            yield join.on
        if isinstance(join.source, FunctionSource):
            yield from join.source.args
        elif isinstance(join.source, ValuesSource):
            for row in join.source.rows:
                yield from row


def all_joins(joins: Iterable[Join]) -> Iterator[Join]:
    """Joins with those in brackets and those that chains brought, in the order they are carried out."""
    for join in joins:
        yield join
        if isinstance(join.source, JoinedSource):
            yield from all_joins(join.source.joins)
        yield from all_joins(join.source.lazy)


def inner_queries(query: Query) -> Iterator[Query]:
    """Queries directly inside a query: branches, sub-queries and named queries it reads, sub-queries of its values."""
    if isinstance(query, SetQuery):
        yield from query.branches
    if isinstance(query, Select):
        for join in all_joins(query.joins):
            inner = query_of(join.source)
            if inner is not None:
                yield inner
    for value in values_of(query):
        for part in walk(value):
            if isinstance(part, InQuery | ScalarQuery | Exists):
                yield part.query


def all_queries(query: Query) -> Iterator[Query]:
    """The query and every query inside it, each once."""
    seen: set[int] = set()
    stack = [query]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        stack.extend(inner_queries(current))


def query_of(source: Source) -> Query | None:
    """The query a source stands for; None for a stored table, a function or values."""
    if isinstance(source, QuerySource):
        return source.query
    return source.cte.query if isinstance(source, CteSource) else None


def tables_of(query: Query) -> dict[Path, set[str]]:
    """Every stored table a query reads in any depth, with the columns that somebody refers to."""
    found: dict[Path, set[str]] = {}
    for each in all_queries(query):
        if isinstance(each, Select):
            for join in all_joins(each.joins):
                if isinstance(join.source, TableSource):
                    columns = found.setdefault(join.source.table.physical, set())
                    if join.source.sample is not None:
                        columns.update(
                            c.name for c in join.source.table.columns if not c.expression
                        )
        for value in values_of(each):
            for part in walk(value):
                if isinstance(part, ColumnRef) and isinstance(part.source, TableSource):
                    found.setdefault(part.source.table.physical, set()).add(part.name)
    return found


def tables_under(source: Source) -> set[Path]:
    if isinstance(source, TableSource):
        return {source.table.physical}
    if isinstance(source, FunctionSource | ValuesSource):
        return set()
    inner = query_of(source)
    return set(tables_of(inner)) if inner is not None else set()


def sources_in(query: Query) -> set[int]:
    """Ids of the sources that a query brings with it, in any depth."""
    found: set[int] = set()
    for each in all_queries(query):
        if isinstance(each, SetQuery) and each.source is not None:
            found.add(id(each.source))
        if isinstance(each, Select):
            found.update(id(join.source) for join in all_joins(each.joins))
            found.update(id(source) for source in each.array_joins)
    return found


def is_correlated(query: Query) -> bool:
    """True when a query reads columns of the one around it."""
    own = sources_in(query)
    return any(
        isinstance(part, ColumnRef) and id(part.source) not in own
        for each in all_queries(query)
        for value in values_of(each)
        for part in walk(value)
    )


def references(value: Value) -> Iterator[ColumnRef]:
    for part in walk(value):
        if isinstance(part, ColumnRef):
            yield part


def is_volatile(value: Value) -> bool:
    """True when the value may differ from one build to the next though no row has changed."""
    return any(
        isinstance(part, Now)
        or (isinstance(part, Call) and isinstance(part.row, Fn) and part.row.volatile)
        for part in walk(value)
    )


def asks(value: Value) -> bool:
    return any(isinstance(part, InQuery | ScalarQuery | Exists) for part in walk(value))


def aggregates(value: Value) -> bool:
    """True when there is an aggregate or a window in the value."""
    return any(
        isinstance(part, Call) and (isinstance(part.row, Agg) or part.window is not None)
        for part in walk(value)
    )


def conjuncts(value: Value | None) -> list[Value]:
    if value is None:
        return []
    if isinstance(value, Logic) and value.op == "AND":
        return [part for item in value.items for part in conjuncts(item)]
    return [value]


def moved(value: Value, places: Mapping[int, Source]) -> Value:
    """The value over other sources; must not hold sub-queries that read the old ones."""
    made: dict[int, Value] = {}

    def change(part: Value) -> Value:
        found = made.get(id(part))
        if found is None:
            if isinstance(part, ColumnRef) and id(part.source) in places:
                found = replace(part, source=places[id(part.source)])
            else:
                found = rebuild(part, change)
            made[id(part)] = found
        return found

    return change(value)


def bare(source: Source) -> Source:
    """The source by itself: a copy without the joins behind it."""
    return replace(source, lazy=[], children={}, used=set(source.used))


def moved_arrays(
    sources: Iterable[ArrayJoinSource], places: dict[int, Source]
) -> list[ArrayJoinSource]:
    """Copies of array joins over other sources; `places` learns of them."""
    found = []
    for source in sources:
        copy = replace(source, items=[(name, moved(value, places)) for name, value in source.items])
        places[id(source)] = copy
        found.append(copy)
    return found
