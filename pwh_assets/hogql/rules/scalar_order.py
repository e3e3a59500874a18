"""ORDER BY a sub-query's value: the value is a column first, and rows are ordered by that column."""

from dataclasses import replace

from pwh_assets.hogql.resolve.nodes import (
    ColumnRef,
    Join,
    Order,
    Query,
    QuerySource,
    ScalarQuery,
    Select,
    Value,
    has_aggregate,
    walk,
)


def scalar_as_column(query: Query) -> Query:
    """Engines that compute sub-queries row by row do not do so while ordering.

    SELECT id, (SELECT count() FROM b WHERE b.id = a.id) AS n FROM a ORDER BY n;
    SELECT id, n FROM (SELECT id, (SELECT count() FROM b WHERE b.id = a.id) AS n FROM a) ORDER BY n;
    """
    if not isinstance(query, Select) or query.limit_by is not None or query.distinct:
        return query
    if not any(_asks(order.this) for order in query.order):
        return query
    if query.grouping is not None or any(has_aggregate(item) for item in query.items):
        return query
    items = list(query.items)
    keys: list[int] = []
    for order in query.order:
        place = next((i for i, item in enumerate(items) if item is order.this), len(items))
        if place == len(items):
            items.append(order.this)
        keys.append(place)
    names = [f"c{i}" for i in range(len(items))]
    inner = replace(
        query,
        columns=[(name, item.type) for name, item in zip(names, items, strict=True)],
        names=names,
        items=items,
        order=[],
        limit=None,
        offset=None,
        has_ties=False,
        is_percent=False,
    )
    source = QuerySource("ordered", inner)
    source.columns = list(inner.columns)
    source.used.update(names)

    def column(place: int) -> Value:
        return ColumnRef(items[place].type, source, names[place], node=items[place].node)

    return Select(
        query.columns,
        query.names,
        order=[
            Order(column(place), order.is_descending, order.nulls_first)
            for place, order in zip(keys, query.order, strict=True)
        ],
        limit=query.limit,
        offset=query.offset,
        has_ties=query.has_ties,
        is_percent=query.is_percent,
        items=[column(place) for place in range(len(query.items))],
        joins=[Join(source)],
    )


def _asks(value: Value) -> bool:
    return any(isinstance(part, ScalarQuery) for part in walk(value))
