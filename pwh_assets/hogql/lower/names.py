"""What a printer keeps in mind while it prints one query: aliases, columns' names, what it could not say."""

from collections.abc import Callable
from datetime import datetime

from sqlglot import exp

from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import Problem, SyntaxProblem
from pwh_assets.hogql.functions.render import UnsupportedFunction
from pwh_assets.hogql.resolve.core import span
from pwh_assets.hogql.resolve.nodes import ColumnRef, Source

Relation = Callable[[tuple[str, ...]], str]
"""SQL for a stored table's path."""


class Names:
    """Aliases and names of one statement. One use per query."""

    engine = ""

    def __init__(
        self,
        catalog: Catalog,
        *,
        now: datetime | None = None,
        relation: Relation | None = None,
    ) -> None:
        self.catalog = catalog
        self.now = now
        self.relation = relation or self.stored
        self.problems: list[Problem] = []
        self.physical: dict[tuple[str, ...], None] = {}
        self.guards: dict[str, None] = {}
        """Fingerprints of the policies that tables are read under."""
        self.places: dict[int, tuple[str, str]] = {}
        """Source -> its alias and what its columns' names begin with there."""
        self.taken: set[str] = set()
        self.cte_names: dict[int, str] = {}
        self.ctes: list[str] = []
        self.has_recursion = False
        self.memo: dict[int, str] = {}
        self.maps: dict[int, dict[str, str]] = {}
        self.size = 0

    def stored(self, path: tuple[str, ...]) -> str:
        """A stored table, unless the caller has its own word for it."""
        raise NotImplementedError

    def identifier(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def refuse(self, error: UnsupportedFunction | ValueError, node: exp.Expression | None) -> str:
        start, end = span(node)
        problem = Problem(SyntaxProblem.UNSUPPORTED, str(error), start, end)
        if problem not in self.problems:
            self.problems.append(problem)
        return "NULL"

    def place(self, source: Source) -> tuple[str, str]:
        found = self.places.get(id(source))
        if found is None:
            found = self.places[id(source)] = (self.fresh(source.label), "")
        return found

    def fresh(self, label: str) -> str:
        """A table alias no other in the statement has, also not by case."""
        base = "".join(c if c.isalnum() or c in "_$" else "_" for c in label)[:60] or "t"
        name, count = base, 2
        while name.lower() in self.taken:
            name = f"{base}_{count}"
            count += 1
        self.taken.add(name.lower())
        return name

    def column(self, value: ColumnRef) -> str:
        alias, prefix = self.place(value.source)
        return f"{self.identifier(alias)}.{self.identifier(prefix + self.column_name(value.source, value.name))}"

    def column_name(self, source: Source, name: str) -> str:
        """The name a source's column has in the SQL."""
        names = self.maps.get(id(source))
        if names is None:
            names = self.maps[id(source)] = self.name_map(source)
        return names.get(name, name)

    def name_map(self, source: Source) -> dict[str, str]:
        from pwh_assets.hogql.lower.sources import output_names
        from pwh_assets.hogql.resolve.sources import columns_of

        found: dict[str, str] = {}
        for (name, _), printed in zip(columns_of(source), output_names(source), strict=False):
            found.setdefault(name, printed)
        return found
