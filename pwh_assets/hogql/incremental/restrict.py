"""A query that computes only the rows with given keys: the condition goes down to where the key is read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from pwh_assets.hogql.catalog import TableDef
from pwh_assets.hogql.incremental.legs import legs_of
from pwh_assets.hogql.incremental.reach import TOUCHED, place_of
from pwh_assets.hogql.incremental.trees import all_joins, asks, moved, query_of, values_of
from pwh_assets.hogql.resolve.nodes import (
    ArrayJoinSource,
    Between,
    Call,
    ColumnRef,
    CteSource,
    Grouping,
    InQuery,
    IsNull,
    Join,
    JoinedSource,
    Literal,
    Logic,
    Order,
    Query,
    QuerySource,
    Select,
    SetQuery,
    Source,
    TableSource,
    Value,
)
from pwh_assets.hogql.types import BOOLEAN, DATETIME, Type

KEY = "k"
"""The only column of the list of touched keys."""

LENGTHS = {
    "toStartOfMinute": timedelta(minutes=1),
    "toStartOfHour": timedelta(hours=1),
    "toStartOfDay": timedelta(days=1),
    "toDate": timedelta(days=1),
    "toStartOfWeek": timedelta(days=7),
    "toMonday": timedelta(days=7),
    "toStartOfMonth": timedelta(days=31),
    "toStartOfQuarter": timedelta(days=92),
    "toStartOfYear": timedelta(days=366),
}
"""The longest time that rounds down to one value, by function."""
SLACK = timedelta(days=2)
"""Left on both sides of it, so that neither time zones nor what begins a week matter."""


def restricted(
    query: Query, pick: int, *, with_null: bool, keys: Sequence[date] | None = None
) -> Query:
    """The query's rows whose column is one of the listed keys, or NULL where that is listed.

    Only for a column that `Reach` can follow: what keeps rows with different keys apart also lets the condition
    stand before grouping, windows and DISTINCT. `keys` are those listed, where they are few and times: they tell
    which of a table's files need not be read.
    """
    if isinstance(query, SetQuery):
        branches = [
            restricted(branch, pick, with_null=with_null, keys=keys) for branch in query.branches
        ]
        return replace(query, branches=branches)
    assert isinstance(query, Select)
    value = query.items[pick]
    inner = _down(query, value, with_null, keys)
    if inner is not None:
        return inner
    tests = [query.where, _listed(value, with_null), _near(value, with_null, keys or ())]
    found = [test for test in tests if test is not None]
    return replace(query, where=found[0] if len(found) == 1 else Logic(BOOLEAN, "AND", found))


def _near(value: Value, with_null: bool, keys: Sequence[date]) -> Value | None:
    """What holds for the column that a key is rounded from: it lies near one of the keys."""
    if not isinstance(value, Call) or value.row.name not in LENGTHS or not keys:
        return None
    column = value.args[0]
    is_stored = isinstance(column, ColumnRef) and isinstance(column.source, TableSource)
    if not is_stored or column.type.name != "DateTime" or column.type.timezone:
        return None
    length = LENGTHS[value.row.name] + SLACK
    spans: list[tuple[datetime, datetime]] = []
    try:
        for key in sorted(datetime(*key.timetuple()[:6]) for key in keys):
            if spans and key - SLACK <= spans[-1][1]:
                spans[-1] = (spans[-1][0], key + length)
            else:
                spans.append((key - SLACK, key + length))
    except OverflowError:
        return None

    def between(low: datetime, high: datetime) -> Value:
        return Between(BOOLEAN, column, Literal(DATETIME, low), Literal(DATETIME, high))

    tests: list[Value] = [between(*span) for span in spans]
    near: Value = tests[0] if len(tests) == 1 else Logic(BOOLEAN, "OR", tests)
    if with_null:
        return Logic(BOOLEAN, "OR", [near, IsNull(BOOLEAN, column)])
    return (
        near
        if len(tests) == 1
        else Logic(BOOLEAN, "AND", [between(spans[0][0], spans[-1][1]), near])
    )


def _down(
    query: Select, value: Value, with_null: bool, keys: Sequence[date] | None
) -> Query | None:
    """The same one query further inside, where the key is no more than a column of a sub-query."""
    if not isinstance(value, ColumnRef):
        return None
    source, legs = value.source, legs_of(query)
    if isinstance(legs, str) or id(source) not in legs.by_source or source.sample is not None:
        return None
    if any(isinstance(join.source, JoinedSource) for join in query.joins):
        return None
    if any(map(asks, values_of(query))):
        return None  # a sub-query may read the source that would be exchanged
    inner = query_of(source)
    if inner is None or not isinstance(source, QuerySource | CteSource):
        return None
    if isinstance(source, CteSource) and source.cte.is_recursive:
        return None
    columns = source.columns if isinstance(source, QuerySource) else source.cte.columns
    less = QuerySource(
        source.label,
        restricted(inner, place_of(source, value.name), with_null=with_null, keys=keys),
        columns=list(columns),
        used=set(source.used),
    )
    return over(query, {id(source): less})


def over(query: Select, places: dict[int, Source]) -> Select:
    """The SELECT with some sources exchanged; it must hold no sub-queries in values."""
    for join in all_joins(query.joins):
        if id(join.source) not in places:
            places[id(join.source)] = replace(join.source, lazy=[], used=set(join.source.used))
    arrays: list[ArrayJoinSource] = []
    for array in query.array_joins:
        copy = replace(array, items=[(name, moved(v, places)) for name, v in array.items])
        places[id(array)] = copy
        arrays.append(copy)

    def one(value: Value) -> Value:
        return moved(value, places)

    def join_of(join: Join) -> Join:
        source = places[id(join.source)]
        source.lazy = [join_of(lazy) for lazy in join.source.lazy]
        return replace(join, source=source, on=None if join.on is None else one(join.on))

    grouping = query.grouping
    if grouping is not None:
        sets = None if grouping.sets is None else [[one(v) for v in keys] for keys in grouping.sets]
        grouping = Grouping([one(key) for key in grouping.keys], sets)
    return replace(
        query,
        items=[one(item) for item in query.items],
        joins=[join_of(join) for join in query.joins],
        array_joins=arrays,
        where=None if query.where is None else one(query.where),
        grouping=grouping,
        having=None if query.having is None else one(query.having),
        qualify=None if query.qualify is None else one(query.qualify),
        distinct=[one(v) for v in query.distinct]
        if isinstance(query.distinct, list)
        else query.distinct,
        order=[Order(one(o.this), o.is_descending, o.nulls_first) for o in query.order],
    )


def _listed(value: Value, with_null: bool) -> Value:
    test: Value = InQuery(BOOLEAN, value, listed(value.type))
    return Logic(BOOLEAN, "OR", [test, IsNull(BOOLEAN, value)]) if with_null else test


def listed(type_: Type) -> Query:
    """The list of touched keys as a query."""
    source = TableSource("touched", TableDef("touched", (), physical=(TOUCHED,)), used={KEY})
    return Select(
        [(KEY, type_)], [KEY], items=[ColumnRef(type_, source, KEY)], joins=[Join(source)]
    )
