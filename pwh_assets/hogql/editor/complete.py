"""Completion: what may stand at a cursor, best first, in any text whether it parses or not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pwh_assets.hogql.catalog import (
    Catalog,
    ColumnDef,
    FieldAlias,
    LazyJoin,
    TableDef,
    VirtualTable,
)
from pwh_assets.hogql.editor import keywords as words
from pwh_assets.hogql.editor.metrics import in_metric, metric_call
from pwh_assets.hogql.editor.place import Place, chain_before, locate, name_at
from pwh_assets.hogql.editor.reach import Near, Reach, reach
from pwh_assets.hogql.editor.suggestion import Kind, Offer, Suggestion, ranked
from pwh_assets.hogql.functions.base import Agg
from pwh_assets.hogql.functions.reference import signature
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.scope import Entry, Fields
from pwh_assets.hogql.types import Type

MOST: Final = 100
"""Suggestions of one answer; more make it incomplete."""
_SOURCES, _FUNCTIONS, _KEYWORDS = 90_000, 100_000, 200_000
"""Ranks behind the columns of all sources."""
_FILTERS: Final = ("dateRange.from", "dateRange.to", "interval", "breakdown")


@dataclass(frozen=True, slots=True)
class Completions:
    """What may stand at the cursor. `is_incomplete`: more fit, so ask again when more is typed."""

    suggestions: tuple[Suggestion, ...]
    is_incomplete: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As PostHog's `HogQLAutocomplete` answers."""
        return {
            "suggestions": [one.as_dict() for one in self.suggestions],
            "incomplete_list": self.is_incomplete,
        }


def complete(
    text: str,
    offset: int,
    catalog: Catalog,
    variables: Mapping[str, Any] | None = None,
    most: int = MOST,
) -> Completions:
    """What may stand at `offset` (characters from the start) of a text."""
    place = locate(text, offset)
    if place.is_comment or place.is_number or place.tokens.is_too_large:
        return Completions(())
    start, typed = place.start, place.typed
    offers: Iterable[Offer]
    found = reach(place, catalog)
    asked = in_metric(place, catalog)
    if asked is not None and place.quote in ("", "'") and place.chain is None:
        kept, is_cut = ranked(asked, typed, start, place.end, most)
        return Completions(tuple(kept), is_cut)
    if place.quote == "'":
        offers = _in_string(place, found, catalog)
        kept, is_cut = ranked(offers, typed, start, place.end, most)
        return Completions(tuple(kept), is_cut)
    if found.opener >= 0 and place.tokens.kinds[found.opener] == "{":
        offers = _placeholders(place, variables or {})
    elif _is_table_place(place, found):
        if place.chain:
            start = place.chain_start
            typed = ".".join((*map(str, place.chain), typed))
        offers = _tables(catalog, found, is_dotted=bool(place.chain))
    elif place.chain is not None:
        offers = _chained(place.chain, found, catalog)
    else:
        offers = _plain(place, found, catalog)
    kept, is_cut = ranked(offers, typed, start, place.end, most)
    return Completions(tuple(kept), is_cut)


# Places


def _is_table_place(place: Place, found: Reach) -> bool:
    """Whether the word (or the dotted name it ends) is a table: behind FROM, JOIN or a comma of FROM."""
    if found.clause != "from" or found.is_nested:
        return False
    index = place.before
    if place.chain:
        while index >= 0 and place.tokens.starts[index] >= place.chain_start:
            index -= 1
    return index >= 0 and place.tokens.kinds[index] in ("FROM", "JOIN", ",")


def _in_string(place: Place, found: Reach, catalog: Catalog) -> Iterator[Offer]:
    tokens = place.tokens
    if place.previous == "COHORT":
        yield from _cohorts(catalog, in_quotes=True)
    elif place.previous == "[":
        keys, _ = chain_before(place.tokens, place.before)
        yield from _reached(keys, found, catalog, in_quotes=True)
    elif place.previous == "(" and place.kind(1) == "name":
        called = name_at(tokens, place.before - 1).lower()
        yield from _actions(catalog) if called == "matchesaction" else ()


def _placeholders(place: Place, variables: Mapping[str, Any]) -> Iterator[Offer]:
    if place.chain is None:
        yield Offer("variables", Kind.VARIABLE, 0, "Variable", "A value given with the query.")
        yield Offer("filters", Kind.VARIABLE, 1, "Filters", "The filters of the page it stands on.")
    elif place.chain == ("variables",):
        for name in variables:
            short = name.removeprefix("variables.")
            yield Offer(short, Kind.VARIABLE, 0, type(variables[name]).__name__)
    elif place.chain and place.chain[0] == "filters":
        head = ".".join(map(str, (*place.chain[1:], "")))
        for name in _FILTERS:
            if name.startswith(head):
                yield Offer(name.removeprefix(head), Kind.VARIABLE, 0, "Filters")


def _plain(place: Place, found: Reach, catalog: Catalog) -> Iterator[Offer]:
    """A word that follows no dot."""
    before = place.previous
    is_alias = before == "AS" and not _is_cast(place, found)
    if is_alias:
        return
    if before == "COHORT":
        yield from _cohorts(catalog, in_quotes=False)
        return
    if before == "::" or before == "AS":
        for number, name in enumerate(words.TYPES):
            yield Offer(name, Kind.TYPE, number, "Type")
        return
    ends = words.ends_operand(place)
    for number, word in enumerate(words.keywords(place, found)):
        rank = number if ends else _KEYWORDS + number
        yield Offer(word, Kind.KEYWORD, rank, "Keyword", insert_text=word)
    if ends or not found.clause or found.clause in ("from", "limit", "settings"):
        return
    if before in _NO_OPERAND_AFTER:
        return
    for name in found.params:
        yield Offer(name, Kind.ALIAS, -3, "Parameter")
    if found.clause != "select" or found.is_nested:
        for name in found.aliases:
            yield Offer(name, Kind.ALIAS, -2, "Alias")
    for name in found.values:
        yield Offer(name, Kind.ALIAS, -1, "Named value")
    yield from _columns(found)
    if found.clause != "where":
        yield from metric_call(catalog)
    yield from _functions(found.clause, found.is_nested)


_NO_OPERAND_AFTER: Final = frozenset(
    ["IS", "NULLS", "GROUP", "ORDER", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "UNION", "IN"]
)


def _is_cast(place: Place, found: Reach) -> bool:
    return found.opener > 0 and place.tokens.kinds[found.opener - 1] in ("CAST", "TRY_CAST")


# What there is


def _columns(found: Reach) -> Iterator[Offer]:
    """Fields of the sources in reach, then the sources' own names."""
    for number, near in enumerate(found.sources):
        yield from _fields(near.fields, 1000 * number, near.name)
    for near in found.sources:
        if near.name:
            yield Offer(near.name, Kind.TABLE, _SOURCES, "Table", _described(near))


def _described(near: Near) -> str:
    return near.table.description if near.table is not None else ""


def _fields(fields: Fields, rank: int, of: str = "") -> Iterator[Offer]:
    order = {column.name: place for place, column in enumerate(fields.columns)}
    for name in fields.names():
        yield _field(name, fields.find(name), rank + order.get(name, len(order)), of)


def _field(name: str, entry: Entry | None, rank: int, of: str) -> Offer:
    where = f" of {of}" if of else ""
    match entry:
        case LazyJoin():
            doc = entry.description or f"Joined: {entry.table}."
            return Offer(name, Kind.JOIN, rank, f"{entry.table}{where}", doc)
        case FieldAlias():
            return Offer(name, Kind.COLUMN, rank, f"{'.'.join(entry.chain)}{where}")
        case VirtualTable():
            return Offer(name, Kind.JOIN, rank, f"Fields{where}")
        case ColumnDef():
            late = 500 if entry.hidden else 0
            return Offer(name, Kind.COLUMN, rank + late, f"{entry.type}{where}", entry.description)
    return Offer(name, Kind.COLUMN, rank)


def _tables(catalog: Catalog, found: Reach, is_dotted: bool) -> Iterator[Offer]:
    for name in found.ctes:
        yield Offer(name, Kind.TABLE, -1, "Named query")
    yield from _catalog_tables(catalog)
    if not is_dotted:
        yield from metric_call(catalog)
        yield Offer("numbers", Kind.FUNCTION, 2000, "numbers(n)", "Rows 0 to n - 1.", "numbers(")
        doc = "Whole numbers or times from a to b."
        yield Offer("generate_series", Kind.FUNCTION, 2000, "generate_series(a, b[, step])", doc)


def _catalog_tables(catalog: Catalog) -> Sequence[Offer]:
    """Every table, made once per catalog."""
    kept: list[Offer] | None = catalog.__dict__.get("_table_offers")
    if kept is None:
        kept = [_table(t, rank) for rank, t in enumerate(catalog.tables) if not t.is_hidden]
        catalog.__dict__["_table_offers"] = kept
    return kept


def _table(table: TableDef, rank: int) -> Offer:
    """Product tables first, in their own order; the others by name."""
    kinds = {"product": "Product table", "view": "View", "materialized": "Materialized view"}
    detail = kinds.get(table.kind) or f"Table of {table.source}"
    shown = [column.name for column in table.columns if not column.hidden]
    columns = ", ".join(shown[:12]) + (" …" if len(shown) > 12 else "")
    doc = f"{table.description}\n\n{columns}".strip()
    rank = rank if table.kind == "product" else 1000
    return Offer(table.name, Kind.TABLE, rank, detail, doc, also=table.spellings)


@lru_cache(maxsize=1)
def _function_offers() -> tuple[Offer, ...]:
    found: list[Offer] = []
    for row in REGISTRY:
        for name in (row.name, *row.aliases):
            if name.startswith("__"):
                continue
            shown = signature(row)
            detail = shown if name == row.name else f"{name}: {shown}"
            found.append(
                Offer(name, Kind.FUNCTION, _FUNCTIONS, detail, row.doc, insert_text=f"{name}(")
            )
            if isinstance(row, Agg) and name == row.name and "If" in row.combinators:
                doc = f"{row.doc} Of the rows for which the last argument is true."
                call = shown.replace(name, f"{name}If", 1).replace("()", "(cond)")
                found.append(
                    Offer(f"{name}If", Kind.FUNCTION, _FUNCTIONS + 1, call, doc, f"{name}If(")
                )
    return tuple(found)


@lru_cache(maxsize=1)
def _scalar_offers() -> tuple[Offer, ...]:
    return tuple(offer for offer in _function_offers() if REGISTRY.aggregate(offer.label) is None)


def _functions(clause: str, is_nested: bool) -> Sequence[Offer]:
    """Functions; aggregates only where the grammar of SELECT lets them stand."""
    return _scalar_offers() if clause in ("where", "group", "on") else _function_offers()


def _cohorts(catalog: Catalog, in_quotes: bool) -> Iterator[Offer]:
    for name, number in catalog.cohorts.items():
        text = _escaped(name) if in_quotes else f"'{_escaped(name)}'"
        yield Offer(name, Kind.VALUE, 0, f"Cohort {number}", insert_text=text)


def _actions(catalog: Catalog) -> Iterator[Offer]:
    for name in catalog.actions:
        if name.isdigit():
            continue
        yield Offer(name, Kind.VALUE, 0, "Action", insert_text=_escaped(name))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


# Chains


def _chained(chain: tuple[str | int, ...], found: Reach, catalog: Catalog) -> Iterator[Offer]:
    yield from _reached(chain, found, catalog, in_quotes=False)


def _reached(
    chain: tuple[str | int, ...], found: Reach, catalog: Catalog, in_quotes: bool
) -> Iterator[Offer]:
    """What may follow the names of a chain."""
    target = _walk(chain, found, catalog)
    if isinstance(target, Fields):
        yield from _fields(target, 0)
    elif isinstance(target, _Document):
        for name, type_ in target.properties():
            text = _escaped(name) if in_quotes else None
            if text is None and not name.replace("_", "a").replace("$", "a").isalnum():
                text = f"`{name.replace('`', '``')}`"
            yield Offer(name, Kind.PROPERTY, 0, str(type_), insert_text=text)
    elif isinstance(target, VirtualTable):
        for name, text in target.columns.items():
            yield Offer(name, Kind.COLUMN, 0, text)
    elif isinstance(target, Type):
        if target.name == "Tuple":
            names = target.fields or tuple(str(i + 1) for i in range(len(target.args)))
            for name, type_ in zip(names, target.args, strict=False):
                yield Offer(name, Kind.COLUMN, 0, str(type_), insert_text=name)
    else:
        yield from _tables_below(chain, found)


@dataclass(frozen=True, slots=True)
class _Document:
    """JSON reached by a chain: `path` inside `column` of `table`."""

    table: TableDef | None
    column: str
    path: tuple[str, ...] = ()

    def properties(self) -> Iterator[tuple[str, Type]]:
        """Names known at this place, with their types."""
        if self.table is None or self.path:
            return
        head = f"{self.column}."
        for name, type_ in self.table.property_types.items():
            if name.startswith(head):
                yield name.removeprefix(head), type_


_Target = Fields | VirtualTable | _Document | Type


def _walk(chain: tuple[str | int, ...], found: Reach, catalog: Catalog) -> _Target | None:
    """What a chain ends on, or None."""
    first = chain[0] if chain else None
    if not isinstance(first, str):
        return None
    for taken in range(len(chain), 0, -1):
        near = _named(chain[:taken], found)
        if near is not None:
            table, fields = near.table, near.fields
            return _follow(fields, table, chain[taken:], catalog)
    for near in found.sources:
        if near.fields.find(first) is not None:
            return _follow(near.fields, near.table, chain, catalog)
    return None


def _named(parts: tuple[str | int, ...], found: Reach) -> Near | None:
    name = ".".join(map(str, parts)).lower()
    return next((near for near in found.sources if name in near.names and name), None)


def _follow(
    fields: Fields, table: TableDef | None, chain: tuple[str | int, ...], catalog: Catalog
) -> _Target | None:
    current: _Target = fields
    for key in chain:
        if isinstance(current, Fields):
            entry = current.find(key) if isinstance(key, str) else None
            following = _entered(entry, current, table, catalog)
            if following is None:
                return None
            current, table = following
        elif isinstance(current, VirtualTable):
            text = current.columns.get(str(key))
            if text is None or table is None:
                return None
            below = _follow(Fields.of_table(table, catalog), table, tuple(text.split(".")), catalog)
            if below is None:
                return None
            current = below
        elif isinstance(current, _Document):
            current = _Document(current.table, current.column, (*current.path, str(key)))
        else:
            below = _element(current, key)
            if below is None:
                return None
            current = below
    return current


def _entered(
    entry: Entry | None, fields: Fields, table: TableDef | None, catalog: Catalog
) -> tuple[_Target, TableDef | None] | None:
    match entry:
        case LazyJoin():
            joined = catalog.by_name.get(entry.table.lower())
            return (Fields.of_table(joined, catalog), joined) if joined is not None else None
        case FieldAlias():
            below = _follow(fields, table, entry.chain, catalog)
            return (below, table) if below is not None else None
        case VirtualTable():
            return entry, table
        case ColumnDef():
            if entry.type.name in ("JSON", "String"):
                return _Document(table, entry.name), table
            return entry.type, table
    return None


def _element(type_: Type, key: str | int) -> Type | None:
    if type_.name == "Array":
        return type_.args[0] if type_.args else None
    if type_.name == "Map":
        return type_.args[1] if len(type_.args) == 2 else None
    if type_.name == "Tuple":
        index = (
            type_.fields.index(key)
            if key in type_.fields
            else int(key) - 1
            if isinstance(key, int)
            else -1
        )
        return type_.args[index] if 0 <= index < len(type_.args) else None
    return None


def _tables_below(chain: tuple[str | int, ...], found: Reach) -> Iterator[Offer]:
    """`stripe.` where the query reads `stripe.invoice`: the rest of the table's name."""
    head = ".".join(map(str, chain)).lower() + "."
    for near in found.sources:
        for name in near.names:
            if name.startswith(head):
                yield Offer(name.removeprefix(head), Kind.TABLE, 0, "Table")
