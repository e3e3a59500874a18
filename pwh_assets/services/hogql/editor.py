"""What an editor asks of a project: completions, mistakes and warnings, the schema, the functions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import SyncedTable, TableStatus
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import catalog_for

if TYPE_CHECKING:
    from pwh_assets.core.access import Caller
    from pwh_assets.hogql.catalog import Catalog, TableDef
    from pwh_assets.hogql.editor import Completions, Metadata, Notice


def complete(
    platform: Platform,
    project_id: int,
    text: str,
    offset: int,
    variables: Mapping[str, Any] | None = None,
    reader: "Caller | None" = None,
) -> "Completions":
    """What may stand at a character of a text, best first; the text need not parse."""
    from pwh_assets.hogql.editor import complete as complete_text

    return complete_text(text, offset, catalog_for(platform, project_id, reader), variables)


def metadata(
    platform: Platform,
    project_id: int,
    text: str,
    *,
    engine: str | None = None,
    variables: Mapping[str, Any] | None = None,
    explain: bool = False,
    now: datetime | None = None,
    reader: "Caller | None" = None,
) -> "Metadata":
    """Mistakes with fixes, warnings about tables that failed or are late, types, the text laid out.

    Raises:
        InvalidInputError: there is no such engine.
    """
    from pwh_assets.hogql.editor import examine

    name = engine or platform.settings.warehouse
    if name not in platform.engines:
        known = quoted(sorted(platform.engines))
        raise InvalidInputError("engine", f"There is no engine `{name}`; there are {known}.")
    found = examine(text, catalog_for(platform, project_id, reader), name, variables)
    plan = found.plan
    if plan is None:
        return found
    found = found.with_warnings(_warnings(platform, project_id, found, now or datetime.now(UTC)))
    if explain:
        facts = {
            "engine": plan.engine,
            "sql": plan.sql,
            "tables": list(plan.tables),
            "reads": [".".join(path) for path in plan.physical],
            "limit": plan.limit,
            "settings": dict(plan.settings),
        }
        found = replace(found, explain=facts)
    return found


def _warnings(
    platform: Platform, project_id: int, found: "Metadata", now: datetime
) -> "list[Notice]":
    """One for each table or materialized view the text reads, views expanded, that failed or is late."""
    from pwh_assets.hogql.editor import Notice

    graph = project_graph(platform, project_id)
    read: dict[str, str] = {}
    for name in found.table_names:
        node = graph.find(name)
        if node is None:
            continue
        read.setdefault(node.name, name)
        for above in graph.reach(node.name, graph.inputs):
            read.setdefault(above, name)
    troubles: dict[str, str] = {}
    tables: list[SyncedTable | SavedQuery] = [*platform.store.tables(project_id)]
    tables += [view for view in platform.store.views(project_id) if view.is_materialized]
    for table in tables:
        name = table.table_name if isinstance(table, SyncedTable) else table.name
        if name in read and (trouble := _trouble(table, now)):
            troubles[name] = trouble
    notices = []
    for name, trouble in sorted(troubles.items()):
        start, end = _place(found.query, read[name])
        through = f" (read through `{read[name]}`)" if read[name].lower() != name.lower() else ""
        notices.append(Notice(f"`{name}`{through} {trouble}", start, end, code="unhealthy_table"))
    return notices


def _trouble(table: SyncedTable | SavedQuery, now: datetime) -> str | None:
    at = table.last_synced_at if isinstance(table, SyncedTable) else table.last_run_at
    since = f"its rows are of {at:%Y-%m-%d %H:%M} UTC" if at else "it has no rows yet"
    if table.status is TableStatus.FAILED:
        reason = f": {table.latest_error.rstrip('.')}" if table.latest_error else ""
        verb = "sync" if isinstance(table, SyncedTable) else "build"
        return f"failed in its last {verb}{reason}; {since}."
    if isinstance(table, SyncedTable) and table.is_missing:
        return f"is gone at its source; {since}."
    frequency = table.frequency
    runs = table.should_sync if isinstance(table, SyncedTable) else table.is_materialized
    if not runs or frequency is None or frequency.is_never or at is None:
        return None
    if now - at > frequency.fresh_for:
        return f"is late: it runs every {frequency.name}, and {since}."
    return None


def _place(text: str, name: str) -> tuple[int, int]:
    """Where a text first names a table; its beginning when only a join does."""
    from pwh_assets.hogql.parser import tokenize

    tokens = tokenize(text)
    wanted = name.lower().split(".")
    for index in range(len(tokens)):
        last = index + 2 * len(wanted) - 1
        if last <= len(tokens) and all(
            tokens.source(index + 2 * i).strip('`"').lower() == part
            for i, part in enumerate(wanted)
        ):
            return tokens.starts[index], tokens.ends[last - 1]
    return 0, 0


def format_text(text: str) -> str:
    """The text laid out, comments kept. Raises HogQLError where it does not parse."""
    from pwh_assets.hogql.format import format_hogql

    return format_hogql(text)


def schema(platform: Platform, project_id: int, reader: "Caller | None" = None) -> dict[str, Any]:
    """Every table with fields, joins, rows, source and freshness, as `DatabaseSchemaQuery` answers: `tables` by name."""
    catalog = catalog_for(platform, project_id, reader)
    synced = {table.table_name: table for table in platform.store.tables(project_id)}
    views = {view.name: view for view in platform.store.views(project_id)}
    rows: dict[tuple[str, ...], int] = {
        (table.schema, table.name): table.row_count
        for table in platform.lakes.of(project_id).tables()
    }
    tables = {
        table.name: _table(table, catalog, synced.get(table.name), views.get(table.name), rows)
        for table in catalog.tables
        if not table.is_hidden
    }
    joins = [
        {"source_table_name": table.name, "field_name": join.name, "joining_table_name": join.table}
        for table in catalog.tables
        for join in table.joins
        if not table.is_hidden
    ]
    return {"tables": tables, "joins": joins}


def _table(
    table: "TableDef",
    catalog: "Catalog",
    synced: SyncedTable | None,
    view: SavedQuery | None,
    rows: Mapping[tuple[str, ...], int],
) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {}
    for column in table.columns:
        fields[column.name] = {
            "name": column.name,
            "type": str(column.type),
            "hogql_value": _written(column.name),
            "description": column.description,
            "hidden": column.hidden,
            "schema_valid": True,
        }
    for join in table.joins:
        joined = catalog.by_name.get(join.table.lower())
        fields.setdefault(
            join.name,
            {
                "name": join.name,
                "type": "lazy_table",
                "hogql_value": _written(join.name),
                "description": join.description,
                "table": join.table,
                "fields": [c.name for c in joined.columns if not c.hidden] if joined else [],
            },
        )
    for virtual in table.virtual:
        fields.setdefault(
            virtual.name,
            {
                "name": virtual.name,
                "type": "virtual_table",
                "hogql_value": _written(virtual.name),
                "table": table.name,
                "fields": list(virtual.columns),
            },
        )
    for alias in table.aliases:
        fields.setdefault(
            alias.name,
            {
                "name": alias.name,
                "type": "field_traverser",
                "hogql_value": _written(alias.name),
                "chain": list(alias.chain),
            },
        )
    last = synced.last_synced_at if synced else view.last_run_at if view else None
    runs = synced or (view if view and view.is_materialized else None)
    return {
        "id": synced.id if synced else view.id if view else table.name,
        "name": table.name,
        "type": _KINDS.get(table.kind, table.kind),
        "spellings": list(table.spellings),
        "description": table.description,
        "row_count": rows.get(table.physical) if table.physical else None,
        "source": (
            {"source_type": synced.source.source_type, "slug": synced.source.slug}
            if synced
            else None
        ),
        "status": runs.status.value if runs else None,
        "last_synced_at": last.isoformat() if last else None,
        "latest_error": runs.latest_error if runs else None,
        "query": view.sql if view else None,
        "fields": fields,
    }


_KINDS = {
    "product": "posthog",
    "synced": "data_warehouse",
    "view": "view",
    "materialized": "materialized_view",
}


def _written(name: str) -> str:
    from pwh_assets.hogql.editor.suggestion import quoted_name

    return quoted_name(name)


def functions() -> list[dict[str, Any]]:
    """Every function: name, signature, what it gives, aliases, an example, and the engines it runs on."""
    from pwh_assets.hogql.functions.base import Agg, Row, WindowFn
    from pwh_assets.hogql.functions.reference import ENGINES, runs_on, signature
    from pwh_assets.hogql.functions.registry import REGISTRY

    def kind(row: Row) -> str:
        if isinstance(row, Agg):
            return "aggregate"
        return "window" if isinstance(row, WindowFn) else "scalar"

    def example(row: Row) -> str | None:
        given: Any = row.example
        if not given:
            return None
        return str(given[0] if isinstance(given[0], str) else given[0][0])

    found: list[dict[str, Any]] = []
    for row in REGISTRY:
        most = row.args[1]
        found.append(
            {
                "name": row.name,
                "kind": kind(row),
                "category": row.category,
                "signature": signature(row),
                "min_args": row.args[0],
                "max_args": most,
                "description": row.doc,
                "aliases": [name for name in row.aliases if not name.startswith("__")],
                "example": example(row),
                "engines": [engine for engine, _ in ENGINES if runs_on(row, engine)],
            }
        )
    return sorted(found, key=lambda one: one["name"].lower())
