"""FROM: sources with their aliases, joins, samples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pwh_assets.hogql.resolve.nodes import (
    Call,
    ColumnRef,
    CteSource,
    FunctionSource,
    Join,
    JoinedSource,
    Logic,
    QuerySource,
    Select,
    Source,
    TableSource,
    Value,
    ValuesSource,
    walk,
)

if TYPE_CHECKING:
    from pwh_assets.hogql.lower.base import Lowering


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
            if source.view is not None and source.view.access is not None:
                p.guards[source.view.access.fingerprint] = None
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
    from pwh_assets.hogql.lower.clauses import query_sql

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


def keys_of(join: Join) -> list[Value]:
    """The joined side's columns in a condition of equalities."""
    if join.on is None:
        return []
    items = join.on.items if isinstance(join.on, Logic) and join.on.op == "AND" else [join.on]
    keys: list[Value] = []
    for item in items:
        if isinstance(item, Call) and item.row.name == "equals":
            for side in item.args:
                refs = [v for v in walk(side) if isinstance(v, ColumnRef)]
                if refs and all(ref.source is join.source for ref in refs):
                    keys.append(side)
    return keys
