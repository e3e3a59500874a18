"""Whether a query can be built in parts: keys it could have, and what stands in the way, in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pwh_assets.hogql.functions.base import Agg
from pwh_assets.hogql.incremental.analysis import Analysis
from pwh_assets.hogql.incremental.legs import Legs, legs_of
from pwh_assets.hogql.incremental.reach import CannotFollow
from pwh_assets.hogql.incremental.trees import (
    all_joins,
    all_queries,
    is_volatile,
    query_of,
    references,
    values_of,
)
from pwh_assets.hogql.lineage import origins
from pwh_assets.hogql.resolve.grouped import fingerprint
from pwh_assets.hogql.resolve.nodes import (
    Call,
    ColumnRef,
    Query,
    QuerySource,
    Select,
    SetQuery,
    TableSource,
    Value,
    walk,
)

KEY_TYPES = ("Date", "DateTime", "Integer", "String", "UUID", "Boolean")
TIME_TYPES = ("Date", "DateTime")
_TYPE_RANK = {"Date": 0, "DateTime": 1, "Integer": 2, "String": 3, "UUID": 4, "Boolean": 5}
_ANY_ROW = frozenset(("any", "anyLast", "first_value", "last_value", "any_value", "anyHeavy"))


@dataclass(frozen=True, slots=True)
class KeyCandidate:
    """An output column the view could be built by."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """`blockers` and `warnings` are sentences."""

    eligible: bool
    columns: tuple[str, ...]
    key_candidates: tuple[KeyCandidate, ...]
    """Best first: coarse times before fine ones, then numbers, then texts."""
    unique_key_candidates: tuple[tuple[str, ...], ...]
    blockers: tuple[str, ...]
    warnings: tuple[str, ...]
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Why each other column cannot be the key, to stand behind `because`."""


def eligibility(
    analysis: Analysis,
    key: str | None = None,
    unique_key: tuple[str, ...] = (),
    *,
    looks_back: bool = False,
    primary_keys: Mapping[str, tuple[str, ...]] | None = None,
) -> Eligibility:
    """What can be said of a query without running it.

    Args:
        key: the column to build by; without one, any that will do.
        primary_keys: of stored tables, by their HogQL name.
    """
    query = analysis.query
    blockers = [*_rows_by_rank(query), *_unstable(query)]
    warnings: list[str] = []
    candidates, rejected = _candidates(analysis)
    folded = {name.lower(): name for name in analysis.names}
    if key is not None and key.lower() not in folded:
        blockers.append(
            f"`{key}` is not a column of the query. It has {_quoted(analysis.names)}; add it to the SELECT."
        )
    elif key is not None:
        key = folded[key.lower()]
        if key in rejected and not blockers:
            blockers.append(f"`{key}` cannot be the key, because {rejected[key]}.")
    elif not candidates and not blockers:
        listed = "; ".join(f"`{name}`: {why}" for name, why in rejected.items())
        blockers.append(f"No column can be the key. {listed}.")
    groups = _group_columns(analysis)
    blockers += _unique_problems(analysis, unique_key, groups, folded)
    types = {
        name: str(type_) for name, (_, type_) in zip(analysis.names, query.columns, strict=True)
    }
    if looks_back and key is not None and types.get(key, "").split("(")[0] not in TIME_TYPES:
        blockers.append(
            f"`{key}` is a {types.get(key, 'value')}, and only a time can be looked back from."
        )
    if key is not None and key in {each.name for each in candidates}:
        warnings += _rebuilding(analysis, key)
    warnings += _differing(query) if not blockers else ()
    if unique_key:
        warnings.append(
            f"That {_quoted(unique_key)} is unique and never NULL is checked in each build; one that breaks it "
            "is not published."
        )
    unique = tuple(dict.fromkeys(_unique_candidates(analysis, groups, primary_keys or {})))
    return Eligibility(
        not blockers,
        analysis.names,
        candidates,
        unique,
        tuple(dict.fromkeys(blockers)),
        tuple(dict.fromkeys(warnings)),
        rejected,
    )


def _candidates(analysis: Analysis) -> tuple[tuple[KeyCandidate, ...], dict[str, str]]:
    found, rejected = [], {}
    for place, name in enumerate(analysis.names):
        type_ = analysis.query.columns[place][1]
        reason = analysis.why_not(place)
        if reason is None and type_.name not in KEY_TYPES:
            reason = f"a {type_} is no good key; use a time, a whole number or a text"
        if reason is None:
            found.append(KeyCandidate(name, str(type_)))
        else:
            rejected[name] = reason
    found.sort(key=lambda each: _TYPE_RANK[each.type.split("(")[0]])
    return tuple(found), rejected


# What makes rows depend on rows of other buckets


def _rows_by_rank(query: Query) -> Iterator[str]:
    if query.order and query.limit is None:
        yield (
            "ORDER BY at the end has no use: a table has no order. Take it out, and order where the view is read."
        )
    views = dict(_views(query))
    for each in all_queries(query):
        where = _where(each, query, views)
        if each.limit is not None or each.has_ties:
            yield f"LIMIT{where} keeps rows by their rank among all rows, so one new row may push out any other. Take it out."
        elif each.offset is not None:
            yield f"OFFSET{where} leaves out rows by their rank among all rows. Take it out."
        if isinstance(each, Select):
            if each.limit_by is not None:
                yield f"LIMIT BY{where} keeps rows by their rank among others. Use `argMax` or `max` with GROUP BY."
            if each.grouping is not None and each.grouping.sets is not None:
                yield (
                    f"CUBE, ROLLUP, GROUPING SETS or WITH TOTALS{where} makes rows over several keys at once. Group "
                    "by plain keys, and sum up where the view is read."
                )


def _views(query: Query) -> Iterator[tuple[int, str]]:
    """Which view each query inside belongs to."""
    for each in all_queries(query):
        if not isinstance(each, Select):
            continue
        for join in all_joins(each.joins):
            if isinstance(join.source, QuerySource) and join.source.view is not None:
                for inner in all_queries(join.source.query):
                    yield id(inner), join.source.view.name


def _where(query: Query, top: Query, views: Mapping[int, str]) -> str:
    if query is top:
        return ""
    return f" in the view `{views[id(query)]}`" if id(query) in views else " in a sub-query"


# What differs from build to build though no row has changed


def _unstable(query: Query) -> Iterator[str]:
    for each in all_queries(query):
        items = each.items if isinstance(each, Select) else []
        shown = {id(item) for item in items} if each is query or _is_branch(each, query) else set()
        for value in values_of(each):
            if not is_volatile(value):
                continue
            if id(value) in shown and not any(references(value)):
                continue
            name = next(_names(value), "now")
            yield (
                f"`{name}()` is used to choose or compute rows, so buckets become wrong as time passes though nothing "
                "in them changed. Take it out, and compare with it where the view is read."
            )


def _is_branch(query: Query, top: Query) -> bool:
    return isinstance(top, SetQuery) and any(
        branch is query or _is_branch(query, branch) for branch in top.branches
    )


def _differing(query: Query) -> Iterator[str]:
    for each in all_queries(query):
        for value in values_of(each):
            for name in _names(value):
                yield (
                    f"`{name}()` differs from build to build: each row keeps what it was when its bucket was last built."
                )
            for part in walk(value):
                if (
                    isinstance(part, Call)
                    and isinstance(part.row, Agg)
                    and part.row.name in _ANY_ROW
                    and not part.order
                ):
                    yield (
                        f"`{part.name}()` takes any of the rows: each bucket keeps the one it had when it was last built."
                    )


def _names(value: Value) -> Iterator[str]:
    for part in walk(value):
        kind = getattr(part, "kind", None)
        if type(part).__name__ == "Now" and isinstance(kind, str):
            yield kind
        elif isinstance(part, Call) and getattr(part.row, "volatile", False):
            yield part.name


# What a change of a table costs


def _rebuilding(analysis: Analysis, key: str) -> Iterator[str]:
    place = analysis.place(key)
    assert place is not None
    try:
        found = analysis.touching(place, lambda _: True, lambda path: f'"{path[-1]}"')
    except CannotFollow:
        return
    for path, reason in found.everything.items():
        yield f"A change of `{'.'.join(path)}` rebuilds the whole view, because {reason}."


# Unique keys


def _group_columns(analysis: Analysis) -> tuple[str | None, ...] | None:
    """Output columns of the group keys, None in it for one that is not selected; None where nothing is grouped."""
    query = analysis.query
    if not isinstance(query, Select) or query.grouping is None:
        return None
    marks = {fingerprint(item): name for item, name in zip(query.items, query.names, strict=True)}
    return tuple(marks.get(fingerprint(key)) for key in query.grouping.keys if any(references(key)))


def _unique_problems(
    analysis: Analysis,
    unique_key: tuple[str, ...],
    groups: tuple[str | None, ...] | None,
    folded: Mapping[str, str],
) -> Iterator[str]:
    unknown = [name for name in unique_key if name.lower() not in folded]
    if unknown:
        yield f"{_quoted(unknown)} of the unique key is not a column of the query. It has {_quoted(analysis.names)}."
    if not unique_key or groups is None:
        return
    if None in groups:
        yield "The query groups by something it does not select, so no columns make its rows unique. Select it too."
        return
    chosen = {name.lower() for name in unique_key}
    lost = [name for name in groups if name is not None and name.lower() not in chosen]
    if lost:
        yield f"The unique key leaves out {_quoted(lost)}, which the query groups by, so several rows may share it. Add it."


def _unique_candidates(
    analysis: Analysis,
    groups: tuple[str | None, ...] | None,
    primary_keys: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[str, ...]]:
    if groups is not None:
        found = tuple(name for name in groups if name is not None)
        if found and len(found) == len(groups):
            yield found
        return
    query = analysis.query
    if not isinstance(query, Select) or len(query.joins) != 1 or query.array_joins:
        return
    source, made_of = query.joins[0].source, origins(query)
    legs = legs_of(query)
    if not isinstance(legs, Legs) or any(leg.may_be_missing for leg in legs.legs[1:]):
        return
    if query_of(source) is not None or not isinstance(source, TableSource):
        return
    by_column: dict[str, str] = {}
    for name, item, origin in zip(query.names, query.items, made_of, strict=True):
        if isinstance(item, ColumnRef) and item.source is source and len(origin) == 1:
            by_column.setdefault(item.name.lower(), name)
    key = tuple(
        by_column.get(column.lower(), "") for column in primary_keys.get(source.table.name, ())
    )
    if key and all(key):
        yield key
    for column in ("uuid", "id"):
        if not key and column in by_column:
            yield (by_column[column],)


def _quoted(names: "tuple[str, ...] | list[str]") -> str:
    return ", ".join(f"`{name}`" for name in names)
