"""What names a cursor can reach: the tables of its SELECT and those around it, named queries, aliases, clauses."""

from dataclasses import dataclass, field
from typing import Final

from pwh_assets.hogql.catalog import Catalog, TableDef
from pwh_assets.hogql.editor.place import Place, name_at
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.parser import parse
from pwh_assets.hogql.parser.tokens import NAMES, OPENERS, TABLE_ALIASES, Tokens
from pwh_assets.hogql.resolve.core import Options, TooManyProblems
from pwh_assets.hogql.resolve.resolver import Resolver
from pwh_assets.hogql.scope import Fields
from pwh_assets.hogql.types import INTEGER, UNKNOWN, Type

_SETS: Final = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_CLAUSES: Final = {
    "WITH": "with",
    "SELECT": "select",
    "FROM": "from",
    "JOIN": "from",
    "ON": "on",
    "USING": "using",
    "WHERE": "where",
    "PREWHERE": "where",
    "GROUP": "group",
    "HAVING": "having",
    "QUALIFY": "having",
    "WINDOW": "window",
    "ORDER": "order",
    "LIMIT": "limit",
    "OFFSET": "limit",
    "SETTINGS": "settings",
}
_KEPT_FRAGMENTS: Final = 256


@dataclass(slots=True)
class Near:
    """A source in reach: the names it goes by in lower case, its fields, its table where it is one."""

    name: str
    names: tuple[str, ...]
    fields: Fields
    table: TableDef | None = None


@dataclass(slots=True)
class Region:
    """The tokens of one query, `first` to `last` (exclusive)."""

    first: int
    last: int


@dataclass(slots=True)
class Reach:
    """Everything a name at the cursor may mean."""

    clause: str = ""
    """Of the cursor's SELECT: `select`, `from`, `on`, `where` …; empty before its first word."""
    clause_at: int = -1
    sources: list[Near] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    ctes: dict[str, Fields] = field(default_factory=dict)
    values: list[str] = field(default_factory=list)
    """Names of `WITH expression AS name`."""
    params: list[str] = field(default_factory=list)
    """Parameters of the lambdas around the cursor."""
    is_nested: bool = False
    """Inside brackets that hold no query of their own."""
    opener: int = -1
    """The innermost open bracket, where it holds no query."""


def reach(place: Place, catalog: Catalog) -> Reach:
    """What the cursor can reach."""
    found = Reach()
    tokens = place.tokens
    stack = place.stack()
    regions = [Region(0, len(tokens) - 1)]
    inner = -1
    for opener in stack:
        if tokens.kinds[opener] == "(" and tokens.kinds[opener + 1] in ("SELECT", "WITH"):
            regions.append(Region(opener + 1, tokens.match.get(opener, len(tokens) - 1)))
            inner = -1
        else:
            inner = opener
            found.params += _lambda_names(tokens, opener, place.before)
    found.is_nested, found.opener = inner >= 0, inner
    finder = _Finder(tokens, catalog, found, place)
    for region in regions:
        finder.named(region)
    for number, region in enumerate(reversed(regions)):
        finder.branch(region, is_innermost=number == 0)
    return found


class _Finder:
    """Fills a `Reach` region by region."""

    def __init__(self, tokens: Tokens, catalog: Catalog, found: Reach, place: Place) -> None:
        self.tokens, self.catalog, self.found, self.place = tokens, catalog, found, place
        self.withs: list[str] = []
        """Texts of the named queries so far, for reading later ones."""

    # Named queries

    def named(self, region: Region) -> None:
        """`WITH name AS (…)` and `WITH expression AS name` at the head of a query."""
        kinds, tokens = self.tokens.kinds, self.tokens
        index = region.first
        if kinds[index] != "WITH":
            return
        index += 1
        while index < region.last and kinds[index] != "SELECT":
            if kinds[index] in NAMES and kinds[index + 1] == "AS" and kinds[index + 2] == "(":
                close = tokens.match.get(index + 2, region.last)
                if not index + 2 <= self.place.before < close:
                    self.keep(name_at(tokens, index), index, close)
                index = close
            elif kinds[index] == "AS" and kinds[index + 1] in NAMES:
                self.found.values.append(name_at(tokens, index + 1))
            elif kinds[index] in OPENERS:
                close = tokens.match.get(index, region.last)
                if close > self.place.before >= index:
                    return
                index = close
            index += 1

    def keep(self, name: str, first: int, close: int) -> None:
        text = self.text(first, close + 1)
        inner = self.text(first + 3, close)
        self.found.ctes[name] = self.fields_of(inner, Region(first + 3, close))
        self.withs.append(text)

    # One SELECT

    def branch(self, region: Region, is_innermost: bool) -> None:
        """The sources of the region's SELECT the cursor is in; of the innermost also clause and aliases."""
        clauses = self.clauses(region)
        here = self.place.before
        current = next((c for c in reversed(clauses) if c[1] <= here), None)
        if is_innermost and current is not None:
            self.found.clause, self.found.clause_at = current
        for number, (name, at) in enumerate(clauses):
            end = clauses[number + 1][1] if number + 1 < len(clauses) else region.last
            if name == "from":
                self.from_items(at + 1, end)
            elif name == "select" and is_innermost:
                self.select_aliases(at + 1, end)

    def clauses(self, region: Region) -> list[tuple[str, int]]:
        """(clause, token of its word) of the branch of a set operation the cursor is in."""
        tokens, kinds = self.tokens, self.tokens.kinds
        found: list[tuple[str, int]] = []
        index = region.first
        while index < region.last:
            kind = kinds[index]
            if kind in OPENERS:
                close = tokens.match.get(index, len(tokens) - 1)
                if not index <= self.place.before < close or self.holds_query(index):
                    index = min(close, region.last)
            elif kind in _SETS and kinds[index - 1] != "*":
                if index > self.place.before:
                    break
                found = [one for one in found if one[0] == "with"]
            elif kind in _CLAUSES and not self.is_name(index):
                name = _CLAUSES[kind]
                if kind == "JOIN" and kinds[index - 1] == "ARRAY":
                    name = "array join"
                elif kind in ("GROUP", "ORDER") and kinds[index + 1] != "BY":
                    name = ""
                if name:
                    found.append((name, index))
            index += 1
        return found

    def holds_query(self, opener: int) -> bool:
        return self.tokens.kinds[opener + 1] in ("SELECT", "WITH")

    def is_name(self, index: int) -> bool:
        """Whether a clause's word is a column here: `t.offset`, `AS limit`."""
        kinds, tokens = self.tokens.kinds, self.tokens
        before = kinds[index - 1] if index else ""
        if before == "AS":
            return True
        return before in (".", "?.") and tokens.ends[index - 1] == tokens.starts[index]

    def select_aliases(self, first: int, last: int) -> None:
        kinds, tokens = self.tokens.kinds, self.tokens
        index = first
        while index < last:
            if kinds[index] in OPENERS:
                index = max(index, min(tokens.match.get(index, index), last))
            elif kinds[index] == "AS" and kinds[index + 1] in NAMES:
                self.found.aliases.append(name_at(tokens, index + 1))
            index += 1

    # FROM

    def from_items(self, first: int, last: int) -> None:
        """The table, sub-query or named query after FROM, JOIN or a comma, with its alias."""
        index: int = first
        while index < last:
            index = self.item(index, last)
            while index < last and self.tokens.kinds[index] != ",":
                if self.tokens.kinds[index] in OPENERS:
                    index = self.tokens.match.get(index, last)
                index += 1
            index += 1

    def item(self, index: int, last: int) -> int:
        kinds, tokens = self.tokens.kinds, self.tokens
        if kinds[index] == "(":
            close = tokens.match.get(index, last)
            if close >= last or index <= self.place.before < close:
                return close + 1
            name, after = self.alias(close + 1, last)
            fields = self.fields_of(self.text(index + 1, close), Region(index + 1, close))
            self.found.sources.append(Near(name, (name.lower(),), fields))
            return after
        parts: list[str] = []
        begin = index
        while index < last and kinds[index] in NAMES:
            parts.append(name_at(tokens, index))
            index += 1
            if index < last and kinds[index] == "." and kinds[index + 1] in NAMES:
                index += 1
            else:
                break
        if not parts or begin <= self.place.before + 1 < index:
            return index + (not parts)
        if kinds[index] == "(":
            close = tokens.match.get(index, last)
            name, after = self.alias(close + 1, last)
            column = "number" if parts[0].lower() in ("numbers", "zeros") else "generate_series"
            label = name or parts[0]
            fields = Fields.of_columns([(column, INTEGER)])
            if parts[0].lower() == "metric":
                asked = f"SELECT * FROM {self.text(begin, min(close + 1, last))}"
                fields = self.fields_of(asked, Region(begin, begin))
            self.found.sources.append(Near(label, (label.lower(),), fields))
            return after
        while kinds[index] == "FINAL":
            index += 1
        name, after = self.alias(index, last)
        self.table(".".join(parts), parts[-1], name)
        return after

    def alias(self, index: int, last: int) -> tuple[str, int]:
        kinds = self.tokens.kinds
        if index < last and kinds[index] == "AS" and kinds[index + 1] in NAMES:
            return name_at(self.tokens, index + 1), index + 2
        if index < last and kinds[index] in TABLE_ALIASES:
            return name_at(self.tokens, index), index + 1
        return "", index

    def table(self, spelled: str, word: str, alias: str) -> None:
        table = self.catalog.by_name.get(spelled.lower())
        cte = next((f for n, f in self.found.ctes.items() if n.lower() == spelled.lower()), None)
        if cte is not None:
            label = alias or spelled
            self.found.sources.append(Near(label, (label.lower(),), cte))
        elif table is not None:
            label = alias or spelled
            names = (alias,) if alias else (spelled, word, table.name)
            folded = tuple(dict.fromkeys(name.lower() for name in names))
            fields = Fields.of_table(table, self.catalog)
            self.found.sources.append(Near(label, folded, fields, table))

    # Columns of a query in the text

    def text(self, first: int, last: int) -> str:
        """The text from one token up to before another."""
        if last <= first:
            return ""
        return self.tokens.text[self.tokens.starts[first] : self.tokens.ends[last - 1]]

    def fields_of(self, text: str, region: Region) -> Fields:
        """Columns of a query: by the resolver where it can be read, else by the names in its select list."""
        head = f"WITH {', '.join(self.withs)} " if self.withs else ""
        if head and self.tokens.kinds[region.first] == "WITH":
            head = ""
        whole = f"{head}{text}"
        kept: dict[str, Fields] = self.catalog.__dict__.setdefault("_fragments", {})
        known = kept.get(whole)
        if known is None:
            columns = columns_of(whole, self.catalog) or self.listed(region)
            known = Fields.of_columns(columns)
            if len(kept) >= _KEPT_FRAGMENTS:
                kept.clear()
            kept[whole] = known
        return known

    def listed(self, region: Region) -> list[tuple[str, Type]]:
        """The names of a select list that cannot be resolved: aliases and last names of chains."""
        tokens, kinds = self.tokens, self.tokens.kinds
        names: list[tuple[str, Type]] = []
        last = ""
        index = region.first + 1
        while index <= region.last:
            kind = kinds[index]
            if kind in OPENERS:
                index = max(index, min(tokens.match.get(index, index), region.last))
                last = ""
            elif kind == "," or kind == "FROM" or index == region.last:
                if last:
                    names.append((last, UNKNOWN))
                last = ""
                if kind == "FROM":
                    break
            elif kind in NAMES and kind not in _CLAUSES:
                last = name_at(tokens, index)
            index += 1
        return names


def columns_of(text: str, catalog: Catalog) -> list[tuple[str, Type]]:
    """Names and types of a query's columns; none when it cannot be read."""
    read = parse(text)
    if read.problems or read.tree is None:
        return []
    resolver = Resolver(text, catalog, Options())
    try:
        query = resolver.query(read.tree, {}, None)  # type: ignore[arg-type]
    except (HogQLError, TooManyProblems, RecursionError):
        return []
    return query.columns


def _lambda_names(tokens: Tokens, opener: int, last: int) -> list[str]:
    """Parameters of the lambdas begun inside a bracket before the cursor."""
    names: list[str] = []
    for index in range(opener + 1, last + 1):
        if tokens.kinds[index] != "->":
            continue
        if tokens.kinds[index - 1] in NAMES:
            names.append(name_at(tokens, index - 1))
        elif tokens.kinds[index - 1] == ")":
            back = index - 2
            while back > opener and tokens.kinds[back] != "(":
                if tokens.kinds[back] in NAMES:
                    names.append(name_at(tokens, back))
                back -= 1
    return names
