"""What a project's queries may name: product tables, synced tables, views, and the joins between them."""

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pwh_assets.core.language import PersonMode, PropertyKind, PropertyType
from pwh_assets.core.names import table_spellings
from pwh_assets.core.source import SyncMode
from pwh_assets.core.view import ViewOrigin
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.core.source import SyncedTable
    from pwh_assets.core.view import SavedQuery
    from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
    from pwh_assets.hogql.types import Type
    from pwh_assets.lake.catalog import LakeTable

_lock = threading.Lock()
_catalogs: "dict[tuple[str, int], tuple[str, Catalog]]" = {}


def build_catalog(platform: Platform, project_id: int) -> "Catalog":
    """The catalog as the store and the lake are now; the same object as long as neither changes."""
    key = (str(platform.settings.home), project_id)
    lake = platform.lakes.of(project_id)
    version = f"{key[0]}:{project_id}:{platform.store.catalog_version(project_id)}"
    version = f"{version}:{lake.schema_version()}"
    with _lock:
        known = _catalogs.get(key)
        if known is not None and known[0] == version:
            return known[1]
    catalog = _build(platform, project_id, version)
    with _lock:
        known = _catalogs.get(key)
        if known is not None and _same(known[1], catalog):
            # Rows changed, but nothing a text can name: plans stay good.
            _catalogs[key] = (version, known[1])
            return known[1]
        _catalogs[key] = (version, catalog)
    return catalog


def glanced_catalog(platform: Platform, project_id: int) -> "Catalog | None":
    """What `build_catalog` gives, where that needs neither waiting nor building; else None."""
    key = (str(platform.settings.home), project_id)
    known, lake = _catalogs.get(key), platform.lakes.opened(project_id)
    if known is None or lake is None:
        return None
    stored = platform.store.glanced_catalog_version(project_id)
    schema = lake.glanced_schema_version()
    if stored is None or schema is None:
        return None
    return known[1] if known[0] == f"{key[0]}:{project_id}:{stored}:{schema}" else None


def _same(one: "Catalog", other: "Catalog") -> bool:
    return (
        one.tables == other.tables
        and one.cohorts == other.cohorts
        and one.actions == other.actions
        and one.metrics == other.metrics
        and one.week_start == other.week_start
        and one.policies == other.policies
        and one.waiting == other.waiting
    )


def _build(platform: Platform, project_id: int, version: str) -> "Catalog":
    from pwh_assets.hogql.actions import actions_by_name
    from pwh_assets.hogql.catalog import Catalog
    from pwh_assets.services.hogql.placing import placed_joins

    store = platform.store
    _, joined = placed_joins(store.joins(project_id), project_tables(platform, project_id))
    actions = store.actions(project_id)
    return Catalog(
        joined,
        version,
        week_start=store.project_settings(project_id).get("week_start", "sunday"),
        cohorts={cohort.name: cohort.id for cohort in store.cohorts(project_id)},
        actions=actions_by_name((one.id, one.name, one.steps) for one in actions),
        metrics={one.definition.key: one.definition for one in store.metrics(project_id)},
        policies=tuple(store.policies(project_id)),
        waiting=_waiting(store.tables(project_id), joined),
    )


def _waiting(tables: "Iterable[SyncedTable]", known: "Iterable[TableDef]") -> dict[str, str]:
    """Every spelling of the synced tables that no text can read yet."""
    readable = {name.lower() for table in known for name in (table.name, *table.spellings)}
    found: dict[str, str] = {}
    for table in tables:
        names = table_spellings(table.source.source_type, table.source.prefix, table.name)
        if names[0].lower() not in readable:
            found |= {name.lower(): names[0] for name in names if name.lower() not in readable}
    return found


def project_tables(platform: Platform, project_id: int) -> "tuple[TableDef, ...]":
    """Product tables, synced tables and views, without the joins people made."""
    from pwh_assets.hogql.product import exchange_rates, product_tables

    stored = {
        (table.schema, table.name.lower()): table
        for table in platform.lakes.of(project_id).tables()
    }
    notes = _annotations(platform, project_id)
    synced: list[TableDef] = []
    for table in platform.store.tables(project_id):
        for definition in (_synced(table, stored), _every_change(table, stored)):
            if definition is not None:
                synced.append(_annotated(definition, notes.get(table.id)))
    views = [
        _annotated(_view(view, stored), notes.get(view.id))
        for view in platform.store.views(project_id)
        if view.origin is not ViewOrigin.DBT or _table_of(view, stored) is not None
    ]
    mode = platform.store.project_settings(project_id).get("person_mode")
    product = product_tables(
        property_types=_property_types(platform, project_id),
        person_mode=PersonMode(mode) if mode else PersonMode.NO_OVERRIDE,
    )
    rates = exchange_rates() if ("product", "exchange_rate_index") in stored else ()
    product = tuple(_annotated(each, notes.get(each.name)) for each in product)
    return tuple(_without_clashes([*product, *rates, *synced, *views]))


def _annotations(platform: Platform, project_id: int) -> dict[str, dict[str, str]]:
    """What people say, by id of the table or view and column; the product's tables go by their names."""
    found: dict[str, dict[str, str]] = {}
    for one in platform.store.annotations(project_id):
        found.setdefault(one.subject_id, {})[one.column.lower()] = one.description
    return found


def _annotated(table: "TableDef", notes: "dict[str, str] | None") -> "TableDef":
    """With what people say of it and its columns in the place of what the source says."""
    if not notes:
        return table
    columns = tuple(
        replace(column, description=notes.get(column.name.lower(), column.description))
        for column in table.columns
    )
    return replace(table, columns=columns, description=notes.get("", table.description))


def _property_types(platform: Platform, project_id: int) -> "dict[str, dict[str, Type]]":
    """What is known of the properties of events, persons and groups, by table."""
    from pwh_assets.hogql.types import BOOLEAN, DATETIME, FLOAT, STRING

    tables = {
        PropertyKind.EVENT: "events",
        PropertyKind.PERSON: "persons",
        PropertyKind.GROUP: "groups",
    }
    types = {
        PropertyType.STRING: STRING,
        PropertyType.NUMERIC: FLOAT,
        PropertyType.BOOLEAN: BOOLEAN,
        PropertyType.DATETIME: DATETIME,
    }
    found: dict[str, dict[str, Type]] = {}
    for one in platform.store.property_definitions(project_id):
        found.setdefault(tables[one.kind], {})[f"properties.{one.name}"] = types[one.type]
    return found


def _synced(table: "SyncedTable", stored: "dict[tuple[str, str], LakeTable]") -> "TableDef | None":
    """A synced table that has rows in the lake; before its first sync there is nothing to read."""
    from pwh_assets.core.names import slug
    from pwh_assets.hogql.catalog import TableDef

    names = table_spellings(table.source.source_type, table.source.prefix, table.name)
    if table.mode is SyncMode.IN_PLACE:
        return _in_place(table, names) if table.last_synced_at else None
    lake = stored.get((table.source.slug, slug(table.name)))
    if lake is None:
        return None
    described = {column.name: column.description for column in table.columns}
    return TableDef(
        name=names[0],
        spellings=names[1:],
        physical=(lake.schema, lake.name),
        columns=_columns(lake, described),
        source=table.source.slug,
        description=table.description,
    )


def _in_place(table: "SyncedTable", names: "tuple[str, ...]") -> "TableDef":
    """A table that is read where it lies, with the columns the last look found."""
    from pwh_assets.hogql.catalog import ColumnDef, TableDef
    from pwh_assets.hogql.stored import type_of
    from pwh_assets.services.hogql.in_place import path_of

    return TableDef(
        name=names[0],
        spellings=names[1:],
        physical=path_of(table),
        columns=tuple(
            ColumnDef(column.name, type_of(column.type), column.description, stored=column.type)
            for column in table.columns
        ),
        source=table.source.slug,
        description=table.description,
    )


def _every_change(
    table: "SyncedTable", stored: "dict[tuple[str, str], LakeTable]"
) -> "TableDef | None":
    """Beside a table that follows its source's stream: `<table>_cdc`, with every change, where that is kept."""
    if table.mode is not SyncMode.CDC or table.options.cdc_table_mode == "consolidated":
        return None
    found = _synced(replace(table, name=f"{table.name}_cdc"), stored)
    return replace(found, description=f"Every change of `{table.name}`.") if found else None


def _columns(lake: "LakeTable", described: "dict[str, str]") -> "tuple[ColumnDef, ...]":
    from pwh_assets.hogql.catalog import ColumnDef
    from pwh_assets.hogql.stored import type_of

    return tuple(
        ColumnDef(
            column.name,
            type_of(column.type),
            described.get(column.name, ""),
            hidden=column.name.startswith("_dlt_"),
            stored=column.type.upper(),
        )
        for column in lake.columns
    )


def _view(view: "SavedQuery", stored: "dict[tuple[str, str], LakeTable]") -> "TableDef":
    """A materialized view that has been built is a table; any other is its text."""
    from pwh_assets.hogql.catalog import ColumnDef, TableDef
    from pwh_assets.hogql.stored import type_of

    lake = _table_of(view, stored) if view.is_materialized else None
    if lake is not None:
        described = {column.name: column.description for column in view.columns}
        return TableDef(
            name=view.name,
            physical=(lake.schema, lake.name),
            columns=_columns(lake, described),
            kind="materialized",
            description=view.description,
        )
    columns = tuple(ColumnDef(c.name, type_of(c.type), c.description) for c in view.columns)
    return TableDef(
        name=view.name,
        columns=columns,
        view_sql=view.sql,
        kind="view",
        description=view.description,
    )


def _table_of(view: "SavedQuery", stored: "dict[tuple[str, str], LakeTable]") -> "LakeTable | None":
    schema, name = view.place
    return stored.get((schema, name.lower()))


def _without_clashes(tables: "list[TableDef]") -> "list[TableDef]":
    """The first of several tables that share a name keeps it, whatever its case."""
    taken: set[str] = set()
    found: list[TableDef] = []
    for table in tables:
        if table.name.lower() not in taken:
            taken.add(table.name.lower())
            found.append(table)
    return found
