"""A catalog as one reader sees it: denied columns are not there, masked ones and rows are decided at the table."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from pwh_assets.core.policy import STRICTEST, ColumnMask, Redaction, TableRules, folded
from pwh_assets.hogql.catalog import Catalog, ColumnDef, LazyJoin, TableDef
from pwh_assets.hogql.functions.base import Fn
from pwh_assets.hogql.resolve.nodes import (
    Call,
    ColumnRef,
    Join,
    Literal,
    Property,
    QuerySource,
    Select,
    Source,
    Value,
)
from pwh_assets.hogql.scope import Binding, Fields, Scope
from pwh_assets.hogql.types import JSON, NULL, STRING

if TYPE_CHECKING:
    from pwh_assets.hogql.resolve.sources import Sources

STAND_IN = secrets.token_hex(32)
"""In logical trees the place of the key of hashes. It never leaves `compile`: see `Plan.mask_token`."""

SET_BY_EVENTS = TableRules(frozenset({"properties.$set", "properties.$set_once"}))
"""What events tell about a person stands in them too: rules for `persons.properties` take it away."""
_SCALARS = frozenset(
    ["String", "Integer", "Float", "Decimal", "Boolean", "Date", "DateTime", "UUID", "JSON"]
)

WITH_KEY = Fn(
    "withKey",
    (3, 3),
    JSON,
    "A JSON object with a key set to a text, or without the key where that is NULL.",
    {
        "duckdb": "json_merge_patch(coalesce({0}, '{}'::JSON), json_object({1}, {2}))",
        "clickhouse": (
            "concat('{', arrayStringConcat(arrayConcat(arrayMap(p -> concat(toJSONString(p.1), ':', p.2), "
            "arrayFilter(p -> p.1 != {1}, JSONExtractKeysAndValuesRaw(ifNull(toString({0}), '{}')))), "
            "if(isNull({2}), [], [concat(toJSONString({1}), ':', toJSONString(ifNull(toString({2}), '')))])), ','), '}')"
        ),
    },
)

_HASH = (
    "if(isNull(__value), NULL, lower(hex(SHA256(concat('{key}', lower(hex(SHA256(concat('{key}', toString(__value)))))))"
    ")))"
)
_PARTIAL = (
    "if(isNull(__value), NULL, concat(if(length(toString(__value)) > {keep}, "
    "substring(toString(__value), 1, {keep}), ''), '***'))"
)
_NULL = "if(1 = 2, __value, NULL)"


@dataclass(frozen=True)
class Access:
    """What a reader sees of a table. `table` is the table as it is."""

    table: TableDef
    masks: Mapping[str, ColumnMask]
    keys: tuple[tuple[str, str, ColumnMask | None], ...]
    """(column, key, mask) inside JSON columns; without a mask the key is not there."""
    rows: tuple[exp.Expression, ...]
    fingerprint: str


def restrict(catalog: Catalog, rules: Mapping[str, TableRules]) -> Catalog:
    """The catalog under rules by table; the same object where none of its tables has any.

    Equal rules give the same catalog again, so plans and whatever else is kept with it are shared.
    """
    placed = _placed(catalog, rules)
    denied = {
        catalog.waiting[name.lower()]
        for name, one in rules.items()
        if one.is_hidden and name.lower() in catalog.waiting
    }
    if not placed and not denied:
        return catalog
    text = "\0".join(f"{name}={fingerprint(one)}" for name, one in sorted(placed.items()))
    text = "\0".join((text, *sorted(denied)))
    mark = hashlib.sha256(text.encode()).hexdigest()[:32]
    kept: dict[str, Catalog] = catalog.__dict__.setdefault("_restricted", {})
    found = kept.get(mark)
    if found is None:
        if len(kept) >= 256:
            kept.pop(next(iter(kept)))
        waiting = {said: name for said, name in catalog.waiting.items() if name not in denied}
        found = kept[mark] = replace(_restricted(catalog, placed, mark), waiting=waiting)
    return found


def fingerprint(rules: TableRules) -> str:
    facts = sorted(rules.facts.items())
    text = repr((sorted(rules.denied), rules.masks, rules.rows, facts))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _placed(catalog: Catalog, rules: Mapping[str, TableRules]) -> dict[str, TableRules]:
    """Rules by the tables' own names. A table of every change has the rules of the table it is about."""
    found: dict[str, TableRules] = {}
    for name, one in rules.items():
        table = catalog.by_name.get(name.lower())
        if table is None:
            continue
        found[table.name] = _both(found.get(table.name), one)
        changes = catalog.by_name.get(f"{table.name}_cdc".lower())
        if changes is not None and changes.source == table.source:
            found[changes.name] = _both(found.get(changes.name), one)
        events = catalog.by_name.get("events")
        if table.name == "persons" and events is not None and _is_about_properties(one):
            found["events"] = _both(found.get("events"), SET_BY_EVENTS)
    return found


def _is_about_properties(rules: TableRules) -> bool:
    names = {*rules.denied, *(mask.column for mask in rules.masks)}
    return any(name.split(".", 1)[0] == "properties" for name in names)


def _both(one: TableRules | None, other: TableRules) -> TableRules:
    """Rules given under two spellings of one table."""
    if one is None:
        return other
    masks: dict[str, ColumnMask] = {mask.column: mask for mask in one.masks}
    for mask in other.masks:
        known = masks.get(mask.column)
        if known is None or STRICTEST[mask.kind] > STRICTEST[known.kind]:
            masks[mask.column] = mask
    rows = tuple(dict.fromkeys((*one.rows, *other.rows)))
    return TableRules(
        one.denied | other.denied, tuple(masks.values()), rows, {**one.facts, **other.facts}
    )


def _restricted(catalog: Catalog, rules: Mapping[str, TableRules], mark: str) -> Catalog:
    shut: dict[str, frozenset[str]] = {}
    tables: list[TableDef] = []
    for table in catalog.tables:
        one = rules.get(table.name)
        if one is None:
            tables.append(table)
        elif one.is_hidden:
            shut[table.name.lower()] = frozenset("*")
        else:
            seen, changed = _seen(table, one)
            shut[table.name.lower()] = changed
            tables.append(seen)
    linked = tuple(
        replace(table, joins=tuple(j for j in table.joins if _stands(j, table, shut)))
        for table in tables
    )
    return replace(catalog, tables=linked, version=f"{catalog.version}|{mark}", policies=())


def _seen(table: TableDef, rules: TableRules) -> tuple[TableDef, frozenset[str]]:
    """The table under its rules, and the columns no join or computed column may use any more."""
    masks = {mask.column: mask for mask in rules.masks if "." not in mask.column}
    denied = {name for name in rules.denied if "." not in name}
    for column in table.columns:
        is_scalar = column.type.name in _SCALARS and column.expression is None
        if column.name.lower() in masks and not is_scalar:
            denied.add(column.name.lower())  # what cannot be masked is not shown
    names = {column.name.lower() for column in table.columns}
    keys: dict[tuple[str, str], ColumnMask | None] = {
        (mask.column.split(".", 1)[0], mask.column.split(".", 1)[1]): mask
        for mask in rules.masks
        if "." in mask.column and mask.column.lower() not in names
    }
    keys |= {
        (name.split(".", 1)[0], name.split(".", 1)[1]): None
        for name in rules.denied
        if "." in name and name.lower() not in names
    }
    for name in [name for name in (*rules.denied, *(m.column for m in rules.masks)) if "." in name]:
        if name.lower() in names:
            denied.add(name.lower())  # a column whose own name has a dot
    for column in table.columns:
        is_document = column.type == JSON and column.expression is None
        if any(name == column.name.lower() for name, _ in keys) and not is_document:
            denied.add(column.name.lower())
    changed = frozenset(denied | set(masks))
    columns: list[ColumnDef] = []
    for column in table.columns:
        name = column.name.lower()
        if name in denied or (column.expression and _mentions(column.expression, changed)):
            continue
        mask = masks.get(name)
        if mask is not None and mask.kind is not Redaction.NULL:
            column = replace(column, type=STRING, stored="")
        columns.append(column)
    gone = changed | {c.name.lower() for c in table.columns} - {c.name.lower() for c in columns}
    types = {
        name: type_
        for name, type_ in table.property_types.items()
        if tuple(folded(name).split(".", 1)) not in keys
    }
    access = Access(
        table,
        {name: mask for name, mask in masks.items() if name not in denied},
        tuple((column, key, mask) for (column, key), mask in sorted(keys.items())),
        tuple(_condition(text, rules.facts) for text in rules.rows),
        fingerprint(rules),
    )
    seen = replace(
        table,
        columns=tuple(columns),
        aliases=tuple(a for a in table.aliases if a.chain[0].lower() not in gone),
        virtual=tuple(
            replace(v, columns={n: t for n, t in v.columns.items() if not _mentions(t, gone)})
            for v in table.virtual
        ),
        property_types=types,
        access=access,
    )
    return seen, changed


def _mentions(text: str, names: Iterable[str]) -> bool:
    """Whether a catalog's text may use one of the names; rather too often than too seldom."""
    words = {word.lower() for word in re.findall(r"[$\w]+", text)}
    return any(name in words for name in names)


def _stands(join: LazyJoin, table: TableDef, shut: Mapping[str, frozenset[str]]) -> bool:
    """Whether the two sides of a join still have what it compares."""
    there = shut.get(join.table.lower(), frozenset())
    here = shut.get(table.name.lower(), frozenset())
    if "*" in there:
        return False
    sides = re.findall(r"\b(this|that)\s*\.\s*`?([$\w]+)", join.on)
    return not any(name.lower() in (here if side == "this" else there) for side, name in sides)


def _condition(text: str, facts: Mapping[str, str | None]) -> exp.Expression:
    """A row condition with what is known of the reader put in as constants, never as text."""
    from pwh_assets.hogql.parser import parse_select

    tree = parse_select(f"SELECT {text}")
    assert isinstance(tree, exp.Expression)
    for node in list(tree.find_all(exp.Placeholder)):
        words = placeholder(node)
        if not words.startswith("user."):
            continue
        value = facts.get(words.removeprefix("user."))
        if value is None:
            return exp.Boolean(this=False)
        node.replace(exp.Literal.string(value))
    found = tree.expressions[0]
    assert isinstance(found, exp.Expression)
    return found


def placeholder(node: exp.Expression) -> str:
    """The words between the braces."""
    inner, parts = node.this, []
    while isinstance(inner, exp.Dot):
        parts.append(inner.expression.name)
        inner = inner.this
    parts.append(inner.name if isinstance(inner, exp.Expression) else str(inner))
    return ".".join(reversed(parts))


# At the table


def guarded(resolver: "Sources", table: TableDef, label: str, node: exp.Expression) -> Source:
    """A source with the rows and values of the table that its reader may see."""
    from pwh_assets.hogql.resolve.queries import unique

    access = table.access
    assert access is not None
    inner = resolver.unguarded_source(access.table, label, node)
    fields = Fields.of_table(access.table, resolver.catalog)
    scope = Scope({}, None, [Binding(inner, fields, (access.table.name.lower(), "this"))])
    saved = resolver.scope, resolver.anchor, resolver.is_guarding
    resolver.scope, resolver.anchor = scope, resolver.anchor or node
    try:
        there = _columns_there(inner)
        items = [
            (column, _item(resolver, access, inner, column.name))
            for column in table.columns
            if column.expression is None and (there is None or column.name in there)
        ]
        resolver.is_guarding = True  # a condition may ask tables its reader cannot see
        tests = [resolver.condition(tree.copy()) for tree in access.rows]
    finally:
        resolver.scope, resolver.anchor, resolver.is_guarding = saved
    where = resolver.logic("AND", tests, None) if len(tests) > 1 else tests[0] if tests else None
    query = Select(
        [(column.name, column.type) for column, _ in items],
        unique([column.name for column, _ in items]),
        items=[value for _, value in items],
        joins=[Join(inner)],
        where=where,
    )
    return QuerySource(label, query, table)


def _columns_there(inner: Source) -> set[str] | None:
    """Of a view: the columns its query has for this reader; None for a stored table, which has all of its own."""
    return {name for name, _ in inner.query.columns} if isinstance(inner, QuerySource) else None


def _item(resolver: "Sources", access: Access, inner: Source, name: str) -> Value:
    whole = next(column for column in access.table.columns if column.name == name)
    inner.used.add(name)
    plain = ColumnRef(whole.type, inner, name)
    found: Value = plain
    mask = access.masks.get(name.lower())
    if mask is not None:
        return _masked(resolver, plain, mask)
    for column, key, inside in access.keys:
        if column == name.lower():
            found = _with_key(found, key, _inside(resolver, plain, key, inside))
    return found


def _with_key(document: Value, key: str, value: Value) -> Value:
    return Call(JSON, WITH_KEY, "withKey", [document, Literal(STRING, key), value])


def _inside(resolver: "Sources", document: Value, key: str, mask: ColumnMask | None) -> Value:
    """What stands behind a key; NULL where the key goes."""
    if mask is None or mask.kind is Redaction.NULL:
        return Literal(NULL, None)
    return _masked(resolver, Property(STRING, document, (key,)), mask)


def _masked(resolver: "Sources", value: Value, mask: ColumnMask) -> Value:
    text = {
        Redaction.HASH: _HASH.format(key=STAND_IN),
        Redaction.PARTIAL: _PARTIAL.format(keep=mask.keep),
        Redaction.NULL: _NULL,
    }[mask.kind]
    return resolver.over({"__value": value}, text)
