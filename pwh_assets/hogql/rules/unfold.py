"""`arrayJoin` over an aggregate or a window: aggregate first, then unfold."""

from dataclasses import replace

from pwh_assets.hogql.functions.base import Agg
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Call,
    ColumnRef,
    Join,
    Lambda,
    Literal,
    Now,
    Order,
    Param,
    Query,
    QuerySource,
    Select,
    Value,
    children,
    has_aggregate,
    has_window,
    rebuild,
    walk,
)


def unfold_aggregates(query: Query) -> Query:
    """The arrays are columns of a sub-query, and one row per element is made of that.

    SELECT arrayJoin(groupArray(event)) AS e FROM events GROUP BY distinct_id;
    SELECT e FROM (SELECT groupArray(event) AS c0 FROM events GROUP BY distinct_id) ARRAY JOIN c0 AS e;
    """
    if not isinstance(query, Select):
        return query
    late: list[ArrayJoinSource] = []
    is_grouped = query.grouping is not None or any(has_aggregate(item) for item in query.items)
    before = _read_before(query) if is_grouped else set()
    for source in query.array_joins:
        if not source.is_inline or id(source) in before:
            continue
        if is_grouped or any(_is_late(value, late) for _, value in source.items):
            late.append(source)
    return _Split(query, late).run() if late else query


def _is_late(value: Value, late: list[ArrayJoinSource]) -> bool:
    return (
        has_aggregate(value)
        or has_window(value)
        or any(isinstance(v, ColumnRef) and v.source in late for v in walk(value))
    )


def _read_before(query: Select) -> set[int]:
    """Sources whose elements are needed before grouping: in WHERE, in the keys, inside aggregates."""
    roots = [*query.grouping.keys] if query.grouping is not None else []
    if query.where is not None:
        roots.append(query.where)
    for join in query.joins:
        if join.on is not None:
            roots.append(join.on)
    rest = [*query.items, *(o.this for o in query.order)]
    rest += [v for v in (query.having, query.qualify) if v is not None]
    for value in rest:
        for part in walk(value):
            if isinstance(part, Call) and isinstance(part.row, Agg) and part.window is None:
                roots.append(part)
    found: set[int] = set()
    while roots:
        for part in walk(roots.pop()):
            source = part.source if isinstance(part, ColumnRef) else None
            if isinstance(source, ArrayJoinSource) and id(source) not in found:
                found.add(id(source))
                roots += [value for _, value in source.items]
    return {
        id(source)
        for source in query.array_joins
        if id(source) in found and not any(has_aggregate(v) for _, v in source.items)
    }


class _Split:
    def __init__(self, query: Select, late: list[ArrayJoinSource]) -> None:
        self.query = query
        self.late = late
        self.columns: list[tuple[Value, str]] = []
        self.inner = QuerySource("grouped", Query([], []))
        self.made: dict[int, Value] = {}
        """Values are shared, so each is rebuilt once."""
        self.free: dict[int, frozenset[str]] = {}

    def run(self) -> Query:
        query = self.query
        for source in self.late:
            source.items = [(name, self.outer(value)) for name, value in source.items]
        having = query.having
        is_late = having is not None and self.unfolds(having)
        outer = replace(
            query,
            items=[self.outer(item) for item in query.items],
            joins=[Join(self.inner)],
            array_joins=list(self.late),
            where=self.outer(having) if having is not None and is_late else None,
            grouping=None,
            having=None,
            qualify=self.outer(query.qualify) if query.qualify is not None else None,
            order=[Order(self.outer(o.this), o.is_descending, o.nulls_first) for o in query.order],
        )
        if query.limit_by is not None:
            count, offset, keys = query.limit_by
            outer.limit_by = (count, offset, [self.outer(key) for key in keys])
        names = [name for _, name in self.columns]
        self.inner.query = Select(
            [(name, value.type) for value, name in self.columns],
            names,
            items=[value for value, _ in self.columns],
            joins=query.joins,
            array_joins=[s for s in query.array_joins if s not in self.late],
            where=query.where,
            grouping=query.grouping,
            having=None if is_late else having,
        )
        return outer

    def unfolds(self, value: Value) -> bool:
        return any(isinstance(v, ColumnRef) and v.source in self.late for v in walk(value))

    def parameters(self, value: Value) -> frozenset[str]:
        """Names the value reads of the lambdas around it."""
        found = self.free.get(id(value))
        if found is None:
            if isinstance(value, Param):
                found = frozenset([value.name])
            elif isinstance(value, Lambda):
                found = self.parameters(value.body) - set(value.names)
            else:
                found = frozenset[str]().union(*map(self.parameters, children(value)))
            self.free[id(value)] = found
        return found

    def outer(self, value: Value) -> Value:
        """The value over the sub-query's columns."""
        found = self.made.get(id(value))
        if found is None:
            found = self.made[id(value)] = self._outer(value)
        return found

    def _outer(self, value: Value) -> Value:
        if isinstance(value, ColumnRef) and value.source in self.late:
            return value
        if isinstance(value, Literal | Now):
            return value
        if isinstance(value, Param | Lambda) or self.unfolds(value) or self.parameters(value):
            return rebuild(value, self.outer)
        name = f"c{len(self.columns)}"
        self.columns.append((value, name))
        self.inner.used.add(name)
        return ColumnRef(value.type, self.inner, name, node=value.node)
