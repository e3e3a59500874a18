"""Which values of a query's columns a change of its tables can reach, as a query that lists them.

The answer may list too many, never too few: for every tuple it does not list, the query's rows with that tuple
are the same before and after. What is listed is made of three kinds of tables:

- a stored table as it is now;
- `CHANGED`: its rows that are not the same in number before and now;
- `BOTH`: what it has now and what changed, so every row it has or had.

Why it is right. Take a SELECT whose wanted values come from its *core*, the sources joined by inner joins alone.
A row of the core that is gone or new holds a changed row of some source i; all others of it were there or are
there, so joining `CHANGED` of i with `BOTH` of the others finds it. A row of the core that stayed is followed
through the other joins in their order: at the first one where it goes on differently, a changed row of that
source meets its ON, and what stands before is the same as now, so joining `CHANGED` of that one with the others
as they are now finds it. Leaving sources and conditions out only lists more. Grouping, DISTINCT, HAVING,
windows and set operations keep rows of different tuples apart, as long as the tuple is part of what they
group or partition by.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pwh_assets.hogql.incremental.legs import Leg, Legs, is_from, is_strict, legs_of
from pwh_assets.hogql.incremental.trees import (
    Path,
    aggregates,
    asks,
    bare,
    is_correlated,
    is_volatile,
    moved,
    moved_arrays,
    query_of,
    references,
    tables_of,
    tables_under,
    values_of,
)
from pwh_assets.hogql.resolve.grouped import fingerprint
from pwh_assets.hogql.resolve.nodes import (
    Call,
    ColumnRef,
    CteSource,
    Exists,
    FunctionSource,
    InQuery,
    Join,
    Logic,
    Param,
    Query,
    QuerySource,
    ScalarQuery,
    Select,
    SetQuery,
    Source,
    TableSource,
    Value,
    ValuesSource,
    has_aggregate,
    walk,
)
from pwh_assets.hogql.resolve.sources import columns_of
from pwh_assets.hogql.types import BOOLEAN

CHANGED = "\0changed"
"""First word of the path of a table's changed rows."""
BOTH = "\0both"
"""First word of the path of a table's rows of now together with the changed ones."""
TOUCHED = "\0touched"
"""The path of the list of touched keys."""


class CannotFollow(Exception):
    """A column cannot be followed to rows of tables; the text says why, to stand behind `because`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class Reach:
    """What was found so far for one question."""

    is_changed: Callable[[Path], bool]
    whole: dict[Path, str] = field(default_factory=dict)
    """Tables a change of which may reach everything, and why."""
    known: dict[tuple[int, int], str | None] = field(default_factory=dict)
    """Whether a query's column can be followed; None: yes, else why not."""

    def of(self, query: Query, picks: Sequence[int]) -> Query | None:
        """The tuples of these columns that may be touched; None when nothing that changed is read.

        Raises:
            CannotFollow: one of the columns is not made of rows that could be told apart by it.
        """
        parts = self.parts(query, picks)
        columns = [query.columns[pick] for pick in picks]
        named = [(f"c{number}", type_) for number, (_, type_) in enumerate(columns)]
        names = [name for name, _ in named]
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        return SetQuery(named, names, branches=list(parts), ops=["UNION ALL"] * (len(parts) - 1))

    def parts(self, query: Query, picks: Sequence[int]) -> list[Query]:
        if query.limit is not None or query.offset is not None:
            raise CannotFollow("LIMIT or OFFSET makes every row depend on all others")
        if isinstance(query, SetQuery):
            found: list[Query] = []
            for branch in query.branches:
                found += self.parts(branch, picks)
            return found
        if not isinstance(query, Select):
            raise CannotFollow("it reads itself")
        wanted = [query.items[pick] for pick in picks]
        for value in wanted:
            check_value(query, value)
        legs = legs_of(query)
        if isinstance(legs, str):
            raise CannotFollow(legs)
        return _Question(self, query, legs, wanted).parts()

    def follows(self, query: Query, pick: int) -> str | None:
        """None when the column can be followed, else why not."""
        key = id(query), pick
        if key not in self.known:
            self.known[key] = "it reads itself"  # until it is known, for queries that do
            try:
                Reach(lambda _: True, {}, self.known).parts(query, [pick])
                self.known[key] = None
            except CannotFollow as error:
                self.known[key] = error.reason
        return self.known[key]

    def give_up(self, paths: Iterable[Path], reason: str) -> None:
        for path in paths:
            if self.is_changed(path):
                self.whole.setdefault(path, reason)


def check_value(query: Select, value: Value) -> None:
    """Raises CannotFollow when rows with different values of this column are not kept apart by the query."""
    if aggregates(value):
        raise CannotFollow("it is computed from many rows (an aggregate or a window function)")
    if asks(value):
        raise CannotFollow("it is computed by a sub-query")
    if is_volatile(value):
        raise CannotFollow("it differs from build to build")
    if query.limit_by is not None:
        raise CannotFollow("LIMIT BY makes rows depend on others")
    if query.grouping is not None and query.grouping.sets is not None:
        raise CannotFollow(
            "CUBE, ROLLUP, GROUPING SETS and WITH TOTALS make rows over several keys"
        )
    looks_at = [*query.items, *(o.this for o in query.order)]
    looks_at += [v for v in (query.having, query.qualify) if v is not None]
    if query.grouping is None and any(map(has_aggregate, looks_at)):
        raise CannotFollow("an aggregate without GROUP BY makes one row of everything")
    mark = fingerprint(value)
    if isinstance(query.distinct, list) and mark not in set(map(fingerprint, query.distinct)):
        raise CannotFollow("DISTINCT ON keeps one row of many, and it is not what it goes by")
    for part in (part for one in looks_at for part in walk(one)):
        window = part.window if isinstance(part, Call) else None
        if window is not None and mark not in set(map(fingerprint, window.partition)):
            raise CannotFollow("a window function looks at other rows and is not partitioned by it")


@dataclass(slots=True, eq=False)
class _Question:
    """One SELECT, and the values of it that are asked for."""

    reach: Reach
    query: Select
    legs: Legs
    wanted: list[Value]

    def parts(self) -> list[Query]:
        homes = self.homes()
        found: list[Query] = []
        for leg in self.legs.legs:
            changed = [path for path in tables_under(leg.source) if self.reach.is_changed(path)]
            if changed:
                part = self.through(leg, homes, changed)
                if part is not None:
                    found.append(part)
        for value in values_of(self.query):
            found += self.asked(value, homes)
        return found

    def homes(self) -> set[int]:
        """The legs that the wanted values come from."""
        homes: set[int] = set()
        for value in self.wanted:
            places = self.legs.of(value)
            if places is None:
                raise CannotFollow("it is read from outside of its query")
            if not places:
                raise CannotFollow("it is the same in every row")
            homes |= places
        for place in homes:
            leg = self.legs.legs[place]
            if not leg.is_core:
                raise CannotFollow(
                    f"it comes from `{leg.source.label}`, which is joined by something else than an inner "
                    "join, so a row may have it or not"
                )
            if isinstance(leg.source, FunctionSource | ValuesSource):
                continue
            for name in self.names_of(leg, self.wanted):
                reason = self.column_follows(leg, name)
                if reason is not None:
                    raise CannotFollow(reason)
        return homes

    def names_of(self, leg: Leg, values: Iterable[Value]) -> list[str]:
        """Columns of the leg that the values read, also through array joins."""
        values = list(values)
        inside = [v for array in self.legs.arrays_of(values) for _, v in array.items]
        return list(
            dict.fromkeys(
                reference.name
                for value in (*values, *inside)
                for reference in references(value)
                if reference.source is leg.source
            )
        )

    def column_follows(self, leg: Leg, name: str) -> str | None:
        source = leg.source
        if isinstance(source, TableSource | FunctionSource | ValuesSource):
            return None
        if isinstance(source, CteSource) and source.cte.is_recursive:
            return "it comes from a query that reads itself"
        inner = query_of(source)
        assert inner is not None
        return self.reach.follows(inner, place_of(source, name))

    # Through one source

    def through(self, leg: Leg, homes: set[int], changed: Sequence[Path]) -> Query | None:
        """The tuples that changed rows of one source may touch."""
        label = leg.source.label
        found = self.path(leg.place, homes, self.tests(leg))
        if found is None:
            self.reach.give_up(
                changed, f"nothing in its join tells which rows `{label}` belongs to"
            )
            return None
        included, used = found
        if not leg.is_core and not self.is_present(included - {leg.place}, used):
            self.reach.give_up(changed, f"`{label}` is joined by what may be missing itself")
            return None
        start = self.changed(leg, self.names_of(leg, [*used, *self.wanted]))
        if start is None:
            return None
        needs_both = leg.is_core and (len(homes) > 1 or included != homes | {leg.place})
        return self.joined([(leg, start)], included, used, needs_both)

    def tests(self, leg: Leg) -> list[tuple[Value, set[int]]]:
        """What a row of the leg that is found for a row before it has to meet, with the legs it is about."""
        tests = [(test, self.places(test)) for test in self.legs.core_tests]
        if not leg.is_core:
            for other in self.legs.legs[: leg.place + 1]:
                if other is leg or not (other.is_core or other.only_tests):
                    tests += [(test, self.places(test) | {other.place}) for test in other.tests]
        return [(test, places) for test, places in tests if self.is_known(test, places)]

    def places(self, value: Value) -> set[int]:
        return self.legs.of(value) or set()

    def is_known(self, test: Value, places: Iterable[int]) -> bool:
        """True when changed rows of the legs come with the columns that the test reads."""
        legs = [self.legs.legs[place] for place in places]
        return self.legs.of(test) is not None and all(
            self.column_follows(leg, name) is None
            for leg in legs
            for name in self.names_of(leg, [test])
        )

    def path(
        self, start: int, goals: set[int], tests: Sequence[tuple[Value, set[int]]]
    ) -> tuple[set[int], list[Value]] | None:
        """The legs between one and the wanted ones, and every test about them alone."""
        came: dict[int, set[int]] = {start: {start}}
        queue = [start]
        for place in queue:
            for _, places in tests:
                if place in places:
                    for other in sorted(places - set(came)):
                        came[other] = came[place] | places
                        queue.append(other)
        if not goals <= set(came):
            return None
        included = {start}.union(*(came[goal] for goal in goals))
        return included, [test for test, places in tests if places and places <= included]

    def is_present(self, between: set[int], used: Sequence[Value]) -> bool:
        """True when what is used cannot hold where a source on the way is missing."""
        for place in between:
            leg = self.legs.legs[place]
            own = {id(test) for test in leg.tests}
            if leg.may_be_missing and not any(
                id(test) not in own and is_strict(test, leg.source) for test in used
            ):
                return False
        return True

    def changed(self, leg: Leg, names: Sequence[str]) -> Source | None:
        """The leg's changed rows, in these columns."""
        source = leg.source
        if isinstance(source, TableSource):
            return at(source, CHANGED)
        inner = query_of(source)
        assert inner is not None
        touched = self.reach.of(inner, [place_of(source, name) for name in names])
        return as_source(source, names, touched) if touched is not None else None

    def joined(
        self,
        replaced: Sequence[tuple[Leg, Source]],
        included: set[int],
        tests: Sequence[Value],
        needs_both: bool = False,
    ) -> Query:
        """The wanted values over these legs, some of them replaced by others with the same columns."""
        places = {id(leg.source): source for leg, source in replaced}
        for place in sorted(included):
            leg = self.legs.legs[place]
            if id(leg.source) not in places:
                source = self.both(leg, [*tests, *self.wanted]) if needs_both else bare(leg.source)
                places[id(leg.source)] = source
        joins = [Join(source, "cross" if n else "") for n, source in enumerate(places.values())]
        arrays = moved_arrays(self.legs.arrays_of(self.wanted), places)
        where = [moved(test, places) for test in tests]
        items = [moved(value, places) for value in self.wanted]
        names = [f"c{number}" for number in range(len(items))]
        return Select(
            [(name, item.type) for name, item in zip(names, items, strict=True)],
            names,
            items=items,
            joins=joins,
            array_joins=arrays,
            where=where[0] if len(where) == 1 else Logic(BOOLEAN, "AND", where) if where else None,
            distinct=True,
        )

    def both(self, leg: Leg, values: Sequence[Value]) -> Source:
        """Every row the leg has or had, in the columns that the values read."""
        source = bare(leg.source)
        changed = [path for path in tables_under(source) if self.reach.is_changed(path)]
        if not changed:
            return source
        if isinstance(source, TableSource):
            return at(source, BOTH)
        names = self.names_of(leg, values)
        touched = self.changed(leg, names)
        if touched is None:
            return source
        query = query_of(touched)
        assert query is not None
        types = dict(columns_of(source))
        source.used.update(names)
        now = Select(
            [(name, types[name]) for name in names],
            [f"c{number}" for number in range(len(names))],
            items=[ColumnRef(types[name], source, name) for name in names],
            joins=[Join(source)],
        )
        union = SetQuery(
            list(now.columns), list(now.names), branches=[now, query], ops=["UNION ALL"]
        )
        return as_source(source, names, union)

    # Through sub-queries in values

    def asked(self, value: Value, homes: set[int]) -> list[Query]:
        """The tuples of rows whose `IN (SELECT …)` may have another answer than before."""
        found: list[Query] = []
        for part in walk(value):
            if not isinstance(part, InQuery | ScalarQuery | Exists):
                continue
            changed = [path for path in tables_of(part.query) if self.reach.is_changed(path)]
            if not changed:
                continue
            try:
                if not isinstance(part, InQuery):
                    raise CannotFollow("the answer of a sub-query is used for every row")
                query = self.member(part, homes)
            except CannotFollow as error:
                self.reach.give_up(changed, error.reason)
                continue
            if query is not None:
                found.append(query)
        return found

    def member(self, part: InQuery, homes: set[int]) -> Query | None:
        this, query = part.this, part.query
        places = self.legs.of(this)
        is_row_wise = not (
            aggregates(this)
            or asks(this)
            or is_volatile(this)
            or self.legs.arrays_of([this])
            or any(isinstance(each, Param) for each in walk(this))
        )
        if not places or not is_row_wise or is_correlated(query):
            raise CannotFollow("nothing tells for which rows a sub-query's answer has changed")
        tests = [(test, self.places(test)) for test in self.legs.core_tests]
        for leg in self.legs.legs:
            if not leg.is_core and (not leg.only_tests or leg.place in places):
                tests += [(test, self.places(test) | {leg.place}) for test in leg.tests]
        way = self.path(min(places), homes | places, tests)
        if way is None:
            raise CannotFollow("nothing tells for which rows a sub-query's answer has changed")
        included, used = way
        touched = self.reach.of(query, range(len(query.columns)))
        if touched is None:
            return None
        test = replace(part, query=touched, is_negated=False)
        if not self.is_present(
            included - {p for p in places if is_from(this, self.legs.legs[p].source)}, used
        ):
            raise CannotFollow("a sub-query is asked about what may be missing")
        return self.joined([], included, [*used, test])


def at(source: TableSource, word: str) -> TableSource:
    """The same table in another state."""
    table = replace(source.table, physical=(word, *source.table.physical))
    return TableSource(source.label, table, used=set(source.used))


def as_source(like: Source, names: Sequence[str], query: Query) -> QuerySource:
    """A query's columns, under the names that somebody knows a source's columns by."""
    types = [type_ for _, type_ in query.columns]
    return QuerySource(
        like.label, query, columns=list(zip(names, types, strict=True)), used=set(names)
    )


def place_of(source: Source, name: str) -> int:
    columns = columns_of(source)
    exact = next((i for i, (each, _) in enumerate(columns) if each == name), None)
    if exact is not None:
        return exact
    return next(i for i, (each, _) in enumerate(columns) if each.lower() == name.lower())
