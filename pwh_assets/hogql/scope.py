"""What names mean at one place of a text: sources, select aliases, lambda parameters, named queries."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from pwh_assets.hogql.catalog import (
    Catalog,
    ColumnDef,
    FieldAlias,
    LazyJoin,
    TableDef,
    VirtualTable,
)
from pwh_assets.hogql.resolve.nodes import Cte, Source, Value
from pwh_assets.hogql.types import Type

Entry = ColumnDef | LazyJoin | FieldAlias | VirtualTable


class Fields:
    """The fields of a source by name, as written first, else without regard to case."""

    __slots__ = ("_exact", "_folded", "columns", "table")

    def __init__(self, columns: tuple[ColumnDef, ...], table: TableDef | None = None) -> None:
        self.columns = columns
        self.table = table
        exact: dict[str, Entry] = {}
        if table is not None:
            exact.update((entry.name, entry) for entry in table.virtual)
            exact.update((entry.name, entry) for entry in table.aliases)
            exact.update((entry.name, entry) for entry in table.joins)
        for column in reversed(columns):
            exact[column.name] = column
        self._exact = exact
        folded: dict[str, Entry] = {}
        for name, entry in exact.items():
            folded.setdefault(name.lower(), entry)
        self._folded = folded

    def find(self, name: str) -> Entry | None:
        return self._exact.get(name) or self._folded.get(name.lower())

    @property
    def is_unknown(self) -> bool:
        """True for a table nobody knows: what is read from it is not a second mistake."""
        return self.table is not None and self.table.kind == "unknown"

    def names(self) -> Iterator[str]:
        return iter(self._exact)

    @classmethod
    def of_table(cls, table: TableDef, catalog: Catalog) -> "Fields":
        """Fields of a catalog's table, made once per catalog."""
        cache: dict[str, Fields] = catalog.__dict__.setdefault("_fields", {})
        found = cache.get(table.name)
        if found is None or found.table is not table:
            found = cache[table.name] = cls(table.columns, table)
        return found

    @classmethod
    def of_columns(cls, columns: list[tuple[str, Type]]) -> "Fields":
        return cls(tuple(ColumnDef(name, type_) for name, type_ in columns))


@dataclass(slots=True, eq=False)
class Binding:
    """A source under the names the text may call it by (lower case)."""

    source: Source
    fields: Fields
    names: tuple[str, ...]
    hidden: frozenset[str] = frozenset()
    """Columns that `USING` merged into an earlier source's: not in `*`, not ambiguous."""


@dataclass(slots=True, eq=False)
class ScalarCte:
    """`WITH expression AS name`: resolved where it is used."""

    tree: exp.Expression
    env: "Env"


Env = Mapping[str, Cte | ScalarCte]


@dataclass(slots=True, eq=False)
class Scope:
    """The names of one SELECT. `parent` is the SELECT around a sub-query in an expression."""

    env: Env
    parent: "Scope | None" = None
    bindings: list[Binding] = field(default_factory=list)
    aliases: dict[str, Value] = field(default_factory=dict)
    pending: dict[str, exp.Expression] = field(default_factory=dict)
    """Aliased select items not yet resolved."""
    defining: set[str] = field(default_factory=set)
    """Aliases being resolved now: inside its own definition a name is the column."""
    params: list[dict[str, Type]] = field(default_factory=list)
    """Parameters of the lambdas around this place, innermost last."""
    windows: dict[str, exp.Expression] = field(default_factory=dict)
    array_joins: list[tuple[str, Value]] = field(default_factory=list)
    """Texts of the arguments of `arrayJoin()` and the columns they became."""
    clause: str = ""
    aggregate_depth: int = 0
    scalars: dict[str, Value] = field(default_factory=dict)

    def binding(self, name: str) -> Binding | None:
        """The source called `name` (lower case); the first when several are."""
        for binding in self.bindings:
            if name in binding.names:
                return binding
        return None

    @property
    def takes_aggregates(self) -> bool:
        """Whether an alias that holds an aggregate may stand here."""
        return not self.aggregate_depth and self.clause not in ("from", "where", "group")
