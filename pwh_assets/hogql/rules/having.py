"""HAVING without groups is WHERE."""

from dataclasses import replace

from pwh_assets.hogql.resolve.nodes import Logic, Query, Select, has_aggregate
from pwh_assets.hogql.types import BOOLEAN


def having_as_where(query: Query) -> Query:
    """`SELECT event AS e FROM events HAVING e = 'a'` filters rows, as nothing is grouped.

    SELECT event FROM events HAVING event = 'a';
    SELECT event FROM events WHERE event = 'a';
    """
    if not isinstance(query, Select) or query.having is None or query.grouping is not None:
        return query
    if any(map(has_aggregate, (*query.items, query.having, *(o.this for o in query.order)))):
        return query
    both = [c for c in (query.where, query.having) if c is not None]
    where = both[0] if len(both) == 1 else Logic(BOOLEAN, "AND", both)
    return replace(query, where=where, having=None)
