"""Clauses: SELECT, set operations, FROM with its joins, and what engines lack written in terms of what they have."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pwh_assets.hogql.lower.sources import from_sql
from pwh_assets.hogql.resolve.nodes import (
    ColumnRef,
    Cte,
    Literal,
    Now,
    Order,
    Query,
    Select,
    SetQuery,
    Value,
)
from pwh_assets.hogql.types import Type

if TYPE_CHECKING:
    from pwh_assets.hogql.lower.base import Lowering


def query_sql(p: "Lowering", query: Query, names: Sequence[str], needed: set[int] | None) -> str:
    """A query under the given column names; `needed` are the columns somebody reads, None for all."""
    if isinstance(query, SetQuery):
        return set_sql(p, query, names)
    if isinstance(query, Select):
        return select_sql(p, query, names, needed)
    return "SELECT NULL"


def cte_sql(p: "Lowering", cte: Cte, name: str) -> str:
    from pwh_assets.hogql.resolve.queries import unique

    assert cte.query is not None
    names = unique([column for column, _ in cte.columns])
    if cte.is_recursive:
        p.has_recursion = True
        body = recursive_sql(p, cte.query, names)
    else:
        body = query_sql(p, cte.query, names, None)
    columns = ", ".join(p.identifier(column) for column in names)
    return f"{p.identifier(name)}{p.cte_columns(columns, cte)} AS ({body})"


def recursive_sql(p: "Lowering", query: Query, names: Sequence[str]) -> str:
    """Branches without brackets: engines look for the set operation itself."""
    assert isinstance(query, SetQuery)
    parts: list[str] = []
    for index, branch in enumerate(query.branches):
        if index:
            parts.append(p.set_word(query.ops[index - 1]))
        if isinstance(branch, Select) and not index:
            parts.append(select_sql(p, branch, names, None, p.anchored))
        else:
            parts.append(query_sql(p, branch, names, None))
    return " ".join(parts)


# Set operations


def set_sql(p: "Lowering", query: SetQuery, names: Sequence[str]) -> str:
    branches = [f"({branch_sql(p, query, branch, names)})" for branch in query.branches]
    sql = branches[0]
    for op, branch in zip(query.ops, branches[1:], strict=True):
        sql = f"{sql} {p.set_word(op)} {branch}"
    if not query.order and query.limit is None and query.offset is None:
        return sql
    assert query.source is not None
    query.source.columns = [
        (name, type_) for name, (_, type_) in zip(query.names, query.columns, strict=True)
    ]
    alias, _ = p.place(query.source)
    mapping = p.maps[id(query.source)] = dict(zip(query.names, names, strict=True))
    for (written, _), name in zip(query.columns, names, strict=True):
        mapping.setdefault(written, name)
    head = f"SELECT * FROM ({sql}) AS {p.identifier(alias)}"
    return head + tail(p, query, {})


def branch_sql(p: "Lowering", query: SetQuery, branch: Query, names: Sequence[str]) -> str:
    if not isinstance(branch, Select):
        return query_sql(p, branch, names, None)
    return select_sql(p, branch, names, None, p.branch_item)


# SELECT


def select_sql(
    p: "Lowering",
    query: Select,
    names: Sequence[str],
    needed: set[int] | None,
    column: Callable[[Value, Type], str | None] | None = None,
) -> str:
    kept = list(range(len(query.items)))
    if needed is not None and not query.distinct:
        kept = [i for i in kept if i in needed] or kept[:1]
    from_ = from_sql(p, query)
    items = [
        (column(query.items[i], query.columns[i][1]) if column is not None else None)
        or p.value(query.items[i])
        for i in kept
    ]
    positions: dict[str, int] = {}
    for place, (index, item) in enumerate(zip(kept, items, strict=True), 1):
        if not isinstance(query.items[index], ColumnRef | Literal | Now):
            positions.setdefault(item, place)
    rest: list[str] = []
    if from_:
        rest.append(f"FROM {from_}")
    if query.where is not None:
        rest.append(f"WHERE {p.filter(query.where)}")
    if query.grouping is not None:
        rest.append(group_sql(p, query, positions))
    if query.having is not None and p.has_having:
        rest.append(f"HAVING {p.filter(query.having)}")
    qualify = p.qualify(query)
    if p.wraps(query, qualify):
        return p.wrapped(query, [names[index] for index in kept], items, rest, qualify)
    columns = columns_sql(p, [names[index] for index in kept], items)
    if qualify:
        rest.append(f"QUALIFY {qualify}")
    head = f"SELECT {distinct(p, query)}{columns}"
    return " ".join([head, *rest]) + p.select_tail(query, positions)


def columns_sql(p: "Lowering", names: Sequence[str], items: Sequence[str]) -> str:
    columns = ", ".join(
        f"{item} AS {p.identifier(name)}" for name, item in zip(names, items, strict=True)
    )
    return columns or "NULL"


def distinct(p: "Lowering", query: Select) -> str:
    if not query.distinct:
        return ""
    return "DISTINCT " if query.distinct is True else f"DISTINCT ON ({p.values(query.distinct)}) "


def group_sql(p: "Lowering", query: Select, positions: dict[str, int]) -> str:
    grouping = query.grouping
    assert grouping is not None
    if grouping.sets is not None:
        sets = ", ".join(
            "(" + ", ".join(dict.fromkeys(p.value(key) for key in one)) + ")"
            for one in grouping.sets
        )
        return f"GROUP BY GROUPING SETS ({sets})"
    keys = [key for key in grouping.keys if not is_constant(key)]
    printed = list(dict.fromkeys(place_of(p, key, positions) for key in keys))
    if printed:
        return f"GROUP BY {', '.join(printed)}"
    return p.group_by_nothing()


def place_of(p: "Lowering", value: Value, positions: dict[str, int]) -> str:
    """The value, or the place of the selected column that is the same."""
    sql = p.value(value)
    place = positions.get(sql)
    return sql if place is None else str(place)


def is_constant(value: Value) -> bool:
    return isinstance(value, Literal | Now)


def tail(p: "Lowering", query: Query, positions: dict[str, int]) -> str:
    """ORDER BY, LIMIT and OFFSET."""
    sql = ""
    order = order_sql(p, query.order, positions)
    if order:
        sql += f" ORDER BY {order}"
    return sql + p.limits(query)


def order_sql(p: "Lowering", orders: Sequence[Order], positions: dict[str, int]) -> str:
    parts: list[str] = []
    for order in orders:
        if not is_constant(order.this):
            parts.append(p.order(order, place_of(p, order.this, positions)))
    return ", ".join(dict.fromkeys(parts))
