"""DISTINCT beside an ORDER BY over something that is not selected, LIMIT BY or WITH TIES."""

from dataclasses import replace

from pwh_assets.hogql.resolve.nodes import Grouping, Query, Select, has_aggregate, has_window


def distinct_as_group(query: Query) -> Query:
    """Grouping by every column says the same and lets the order compute from those columns.

    SELECT DISTINCT event FROM events ORDER BY lower(event);
    SELECT event FROM events GROUP BY event ORDER BY lower(event);
    """
    if not isinstance(query, Select) or query.distinct is not True or query.grouping is not None:
        return query
    is_ordered = all(any(order.this is item for item in query.items) for order in query.order)
    if is_ordered and not query.has_ties and query.limit_by is None:
        return query
    if any(has_aggregate(item) or has_window(item) for item in query.items):
        return query
    return replace(query, distinct=False, grouping=Grouping(list(query.items)))
