"""A view's query, resolved once, and the SQL of its incremental builds."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from sqlglot import exp

from pwh_assets.hogql import gate
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.hogql.incremental.reach import BOTH, CHANGED, TOUCHED, CannotFollow, Reach
from pwh_assets.hogql.incremental.restrict import KEY, restricted
from pwh_assets.hogql.incremental.trees import Path, tables_of
from pwh_assets.hogql.lower import LOWERINGS, Lowering
from pwh_assets.hogql.parser import parse_select
from pwh_assets.hogql.plan import OutputColumn
from pwh_assets.hogql.resolve.core import Options
from pwh_assets.hogql.resolve.nodes import Query
from pwh_assets.hogql.resolve.resolver import Resolver

Words = Callable[[Path], str]
"""SQL for a table by its path, whose first word may be `CHANGED`, `BOTH` or `TOUCHED`."""


@dataclass(frozen=True, slots=True)
class Touching:
    """The SQL that lists touched keys, and the tables whose changes it cannot place."""

    sql: str | None
    """One column `k`, may repeat; None when nothing that changed is read."""
    everything: Mapping[Path, str]
    """Changed tables that may reach every row, and why, to stand behind `because`."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A view's text with every name known. Printing does not change it."""

    text: str
    catalog: Catalog
    query: Query
    inputs: Mapping[Path, frozenset[str]]
    """Stored tables it reads, through views and sub-queries, with the columns that matter."""
    columns: tuple[OutputColumn, ...]
    _known: dict[tuple[int, int], str | None] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.query.names)

    def place(self, column: str) -> int | None:
        """Where an output column stands, by name in any case."""
        folded = [name.lower() for name in self.names]
        return folded.index(column.lower()) if column.lower() in folded else None

    def why_not(self, place: int) -> str | None:
        """None when this column can be a key, else why not, to stand behind `because`."""
        return Reach(lambda _: True, {}, self._known).follows(self.query, place)

    def sql(self, words: Words, engine: str = "duckdb") -> str:
        """The whole query, in an engine's SQL. Raises HogQLError when the engine has no words for it."""
        return self._printed(self.query, words, engine)

    def sql_of_touched(
        self,
        place: int,
        words: Words,
        *,
        with_null: bool,
        keys: Sequence[date] | None = None,
        engine: str = "duckdb",
    ) -> str:
        """The query's rows whose key is listed in `TOUCHED`; those where it is NULL as well when asked for.

        Args:
            keys: the listed ones, where they are few and times; saves reading files without them.

        Raises:
            HogQLError: the engine has no words for it.
        """
        less = restricted(self.query, place, with_null=with_null, keys=keys)
        return self._printed(less, words, engine)

    def touching(
        self,
        place: int,
        changed: Callable[[Path], bool],
        words: Words,
        engine: str = "duckdb",
    ) -> Touching:
        """What lists the keys that the changes of some tables may touch.

        Raises:
            CannotFollow: the column cannot be a key.
            HogQLError: the engine has no words for it.
        """
        reach = Reach(changed, {}, self._known)
        found = reach.of(self.query, [place])
        if found is None:
            return Touching(None, reach.whole)
        inner = self._printed(found, words, engine)
        return Touching(f'SELECT DISTINCT c0 AS "{KEY}" FROM ({inner}) AS t', reach.whole)

    def fingerprint(self, engine: str = "duckdb") -> str:
        """Changes with what the query means to an engine, also in views it reads; not with how it is written."""
        printed = [self._nameless("duckdb")]
        if engine != "duckdb":
            printed.append(self._nameless(engine))
        types = ",".join(f"{column.name}:{column.type}" for column in self.columns)
        words = "\0".join((*printed, types, *DUCKDB_MACROS))
        return hashlib.sha256(words.encode()).hexdigest()[:32]

    def _nameless(self, engine: str) -> str:
        def relation(path: Path) -> str:
            return '"' + '"."'.join(path) + '"'

        return _nameless(engine)(self.catalog, relation=relation).statement(self.query)

    def _printed(self, query: Query, words: Words, engine: str) -> str:
        printer = LOWERINGS[engine](self.catalog, relation=words)
        sql = printer.statement(query)
        if printer.problems:
            raise HogQLError(sorted(printer.problems, key=lambda p: p.start), self.text)
        return sql


@cache
def _nameless(engine: str) -> type[Lowering]:
    """An engine's printer that puts tables under the same aliases, whatever the text calls them."""
    base = LOWERINGS[engine]

    class Nameless(base):  # type: ignore[misc, valid-type]
        def fresh(self, label: str) -> str:
            return str(super().fresh("t"))

    return Nameless


def analysis_of(text: str, catalog: Catalog) -> Analysis:
    """Parse and resolve a view's text.

    Raises:
        HogQLError: the text is wrong; it says where.
    """
    gate.check_text(text)
    tree = parse_select(text)
    assert isinstance(tree, exp.Expression)
    gate.check_tree(tree, text)
    query = Resolver(text, catalog, Options({}, None)).run(tree)
    inputs = {path: frozenset(names) for path, names in tables_of(query).items()}
    columns = tuple(
        OutputColumn(name, type_, ())
        for name, (_, type_) in zip(query.names, query.columns, strict=True)
    )
    return Analysis(text, catalog, query, inputs, columns)


__all__ = [
    "BOTH",
    "CHANGED",
    "KEY",
    "TOUCHED",
    "Analysis",
    "CannotFollow",
    "Touching",
    "analysis_of",
]
