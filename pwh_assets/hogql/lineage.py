"""What each column of an answer is made of: tables, columns and JSON paths, through views, joins and named queries."""

from collections.abc import Mapping

from pwh_assets.hogql.metrics import VALUE
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    ColumnRef,
    CteSource,
    Exists,
    InQuery,
    Property,
    Query,
    QuerySource,
    ScalarQuery,
    Select,
    SetQuery,
    Source,
    TableSource,
    Value,
    children,
)

Origin = tuple[str, str, tuple[str, ...]]


Measured = Mapping[int, tuple[Value, str]]
"""By id: values that are a metric, and what lineage calls it."""


def origins(query: Query, measured: Measured | None = None) -> list[tuple[Origin, ...]]:
    """For each column of the query: the stored columns (and property paths) it is computed from, in order of appearance.

    Args:
        measured: given, whatever a metric is made of is the metric's columns and no more.
    """
    return _Tracer(measured).query(query)


class _Tracer:
    def __init__(self, measured: Measured | None = None) -> None:
        self.measured = measured
        self.known: dict[int, list[tuple[Origin, ...]]] = {}
        self.open: set[int] = set()

    def query(self, query: Query) -> list[tuple[Origin, ...]]:
        found = self.known.get(id(query))
        if found is not None:
            return found
        if id(query) in self.open:
            return [() for _ in query.columns]
        self.open.add(id(query))
        if isinstance(query, Select):
            found = [self.value(item) for item in query.items]
        elif isinstance(query, SetQuery):
            parts = [self.query(branch) for branch in query.branches]
            found = [
                tuple(
                    dict.fromkeys(origin for part in parts if i < len(part) for origin in part[i])
                )
                for i in range(len(query.columns))
            ]
        else:
            found = [() for _ in query.columns]
        self.open.discard(id(query))
        self.known[id(query)] = found
        return found

    def value(self, value: Value) -> tuple[Origin, ...]:
        found: dict[Origin, None] = {}
        stack: list[Value] = [value]
        seen: set[int] = set()
        while stack:
            current = stack.pop()
            if id(current) in seen:
                continue
            seen.add(id(current))
            if self.measured is not None and id(current) in self.measured:
                found[(self.measured[id(current)][1], VALUE, ())] = None
                continue
            if isinstance(current, ColumnRef):
                found.update(dict.fromkeys(self.column(current.source, current.name, ())))
            elif isinstance(current, Property) and isinstance(current.base, ColumnRef):
                path = tuple(str(key) for key in current.path if isinstance(key, str | int))
                found.update(
                    dict.fromkeys(self.column(current.base.source, current.base.name, path))
                )
            elif isinstance(current, ScalarQuery | Exists | InQuery):
                for part in self.query(current.query):
                    found.update(dict.fromkeys(part))
                stack += children(current)
            else:
                stack += children(current)
        return tuple(found)

    def column(self, source: Source, name: str, path: tuple[str, ...]) -> tuple[Origin, ...]:
        match source:
            case TableSource():
                return ((source.table.name, name, path),)
            case ArrayJoinSource():
                return next((self.value(v) for n, v in source.items if n == name), ())
            case CteSource():
                inner, columns = source.cte.query, source.cte.columns
            case QuerySource(metric=metric) if metric and self.measured is not None:
                return ((metric, name, path),)
            case QuerySource():
                inner, columns = source.query, source.columns or source.query.columns
            case _:
                return ()
        if inner is None:
            return ()
        place = next((i for i, (n, _) in enumerate(columns) if n == name), None)
        traced = self.query(inner)
        if place is None or place >= len(traced):
            return ()
        if path:
            return tuple((table, column, (*own, *path)) for table, column, own in traced[place])
        return traced[place]
