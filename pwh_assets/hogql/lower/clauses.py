"""Clauses: SELECT, set operations, FROM with its joins, and what engines lack written in terms of what they have."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pwh_assets.hogql.resolve.nodes import (
    ColumnRef,
    Cte,
    CteSource,
    FunctionSource,
    Join,
    JoinedSource,
    Literal,
    Now,
    Order,
    Query,
    QuerySource,
    Select,
    SetQuery,
    Source,
    TableSource,
    Value,
    ValuesSource,
    walk,
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


def output_names(source: Source) -> list[str]:
    """Names of a source's columns in SQL: unique whatever the engine thinks of case."""
    from pwh_assets.hogql.resolve.queries import unique

    match source:
        case QuerySource():
            return (
                unique([name for name, _ in source.columns])
                if source.columns
                else source.query.names
            )
        case CteSource():
            return unique([name for name, _ in source.cte.columns])
        case FunctionSource() | ValuesSource():
            return unique([name for name, _ in source.columns])
        case _:
            return []


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
    columns = ", ".join(
        f"{item} AS {p.identifier(names[index])}" for index, item in zip(kept, items, strict=True)
    )
    parts = [f"SELECT {distinct(p, query)}{columns or 'NULL'}"]
    if from_:
        parts.append(f"FROM {from_}")
    if query.where is not None:
        parts.append(f"WHERE {p.filter(query.where)}")
    if query.grouping is not None:
        parts.append(group_sql(p, query, positions))
    if query.having is not None:
        parts.append(f"HAVING {p.filter(query.having)}")
    qualify = p.qualify(query)
    if qualify:
        parts.append(f"QUALIFY {qualify}")
    return " ".join(parts) + p.select_tail(query, positions)


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


# FROM


def from_sql(p: "Lowering", query: Select) -> str:
    sql = joins_sql(p, query.joins)
    for source in query.array_joins:
        sql = p.array_join(sql, source)
    return sql


def joins_sql(p: "Lowering", joins: Sequence[Join]) -> str:
    sql = ""
    for join in joins:
        if not join.kind:
            sql = source_sql(p, join.source) + lazy_sql(p, join.source)
            continue
        if join.on is not None and join.source.lazy and depends(join.on, join.source):
            source = packed(p, JoinedSource(join.source.label, [Join(join.source)]))
            sql += p.join(join, source)
        else:
            sql += p.join(join, source_sql(p, join.source)) + lazy_sql(p, join.source)
    return sql


def depends(condition: Value, source: Source) -> bool:
    """Whether a join's condition reads what only joins behind that join bring."""
    behind = {id(join.source) for join in source.lazy}
    return any(isinstance(v, ColumnRef) and id(v.source) in behind for v in walk(condition))


def lazy_sql(p: "Lowering", source: Source) -> str:
    return "".join(p.join(join, source_sql(p, join.source)) for join in source.lazy)


def source_sql(p: "Lowering", source: Source) -> str:
    """A source with its alias."""
    match source:
        case TableSource():
            p.physical[source.table.physical] = None
            body = p.relation(source.table.physical)
            if source.sample is not None:
                body = sampled(p, source, body)
        case QuerySource():
            body = f"({derived(p, source)})"
            if source.sample is not None:
                body = sampled(p, source, body)
        case CteSource():
            body = p.identifier(p.cte(source.cte))
        case FunctionSource():
            body = p.table_function(source)
        case ValuesSource():
            body = p.rows(source)
        case JoinedSource():
            return packed(p, source)
        case _:
            raise AssertionError(source)
    alias, _ = p.place(source)
    return f"{body} AS {p.identifier(alias)}"


def derived(p: "Lowering", source: QuerySource) -> str:
    from pwh_assets.hogql.resolve.sources import columns_of

    names = output_names(source)
    used = {p.column_name(source, name) for name in source.used}
    needed = {i for i, name in enumerate(names) if name in used}
    if source.sample is not None:
        needed = set(range(len(columns_of(source))))
    return query_sql(p, source.query, names, needed)


def packed(p: "Lowering", group: JoinedSource) -> str:
    """Joined sources as one sub-query; their columns are reached under a prefix each."""
    inside = list(members(group.joins))
    sql = joins_sql(p, group.joins)
    alias = p.fresh(group.label)
    columns: list[str] = []
    for number, source in enumerate(inside):
        prefix = f"s{number}_"
        own, before = p.place(source)
        for name in sorted(source.used):
            printed = p.column_name(source, name)
            columns.append(
                f"{p.identifier(own)}.{p.identifier(before + printed)} AS {p.identifier(prefix + printed)}"
            )
        p.places[id(source)] = (alias, prefix)
    # What was printed inside named the sources by themselves.
    p.memo.clear()
    return f"(SELECT {', '.join(columns) or '1'} FROM {sql}) AS {p.identifier(alias)}"


def members(joins: Sequence[Join]) -> "list[Source]":
    found: list[Source] = []
    for join in joins:
        if isinstance(join.source, JoinedSource):
            found += members(join.source.joins)
        else:
            found.append(join.source)
        found += [lazy.source for lazy in join.source.lazy]
    return found


SAMPLED_BY: tuple[str, ...] = ("distinct_id", "person_id", "session_id", "uuid", "id", "key")


def sampled(p: "Lowering", source: Source, body: str) -> str:
    """A share of the rows chosen by a hash of the row's key, so that the same rows come each time and everywhere."""
    from pwh_assets.hogql.resolve.sources import columns_of

    if isinstance(source, TableSource):
        names = [c.name for c in source.table.columns if c.expression is None]
    else:
        names = [name for name, _ in columns_of(source)]
    key = next((name for name in SAMPLED_BY if name in names), names[0] if names else None)
    ratio, offset = source.sample or (1.0, 0.0)
    if key is None or ratio >= 1:
        return body
    alias = p.fresh("sampled")
    share = p.hash_share(f"{p.identifier(alias)}.{p.identifier(p.column_name(source, key))}")
    low = offset % 1
    high = low + ratio
    test = f"{share} >= {low!r} AND {share} < {min(high, 1.0)!r}"
    if high > 1:
        test = f"({test} OR {share} < {high - 1!r})"
    return f"(SELECT * FROM {body} AS {p.identifier(alias)} WHERE {test})"
