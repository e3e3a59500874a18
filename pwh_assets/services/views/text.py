"""A view's text through the compiler: its columns, its inputs, and the SQL of its dbt model."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from pwh_assets import hogql
from pwh_assets.core.in_place import is_in_place
from pwh_assets.core.source import Column
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import InvalidInputError, PwhError, UserError, quoted
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.hogql.plan import OutputColumn, Plan
from pwh_assets.hogql.types import Type
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import NodeKind, project_graph
from pwh_assets.services.models.project import ModelText
from pwh_assets.services.platform import Platform

_LAKE_TYPES = {
    "String": "VARCHAR",
    "Integer": "BIGINT",
    "Float": "DOUBLE",
    "Boolean": "BOOLEAN",
    "Date": "DATE",
    "DateTime": "TIMESTAMP",
    "Interval": "INTERVAL",
    "UUID": "UUID",
    "JSON": "JSON",
}
_COLUMN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


class MissingInputError(PwhError):
    """A view reads tables that have no rows yet, so it cannot be built."""

    code = "missing_input"
    status = 409
    exit_status = 2

    def __init__(self, name: str, tables: tuple[str, ...]) -> None:
        self.name, self.tables = name, tables
        verb = "were" if len(tables) > 1 else "was"
        super().__init__(
            f"View `{name}` reads {quoted(tables)}, which {verb} never synced. "
            f"Run `pwh sync {' '.join(tables)}` first."
        )


class InPlaceInputError(UserError):
    """A view reads files where they lie, so it can be asked but not built."""

    code = "in_place_input"
    status = 409

    def __init__(self, name: str, tables: tuple[str, ...]) -> None:
        self.name, self.tables = name, tables
        super().__init__(
            f"View `{name}` reads {quoted(tables)} where the files lie, so it cannot be kept as a table. Sync "
            f"{quoted(tables)} in another mode, or leave the view as it is."
        )


def compile_step(platform: Platform, project_id: int, sql: str) -> Plan:
    """The plan of a saved text with every view it names as a table of its own, so that what a column is made
    of, and what is read, are the next step and not the end of the chain.

    Raises:
        HogQLError: the text is wrong; it says where.
    """
    return hogql.compile(sql, as_tables(build_catalog(platform, project_id)), "duckdb")


def as_tables(catalog: Catalog) -> Catalog:
    """The catalog with every view as a table of its own columns, so that a text is compiled for itself alone."""
    found: Catalog | None = catalog.__dict__.get("_stepwise")
    if found is None:
        tables = tuple(
            replace(table, physical=("views", table.name), view_sql=None)
            if table.kind == "view"
            else table
            for table in catalog.tables
        )
        version = f"{catalog.version}:steps" if catalog.version else ""
        found = replace(catalog, tables=tables, version=version)
        catalog.__dict__["_stepwise"] = found
    return found


def examine(
    platform: Platform, project_id: int, name: str, sql: str
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Columns and inputs (HogQL names) of a text that shall be a view. Tables that only a join reads, such as
    `persons` behind `events.person`, are inputs too.

    Raises:
        HogQLError: the text is wrong; it says where.
        InvalidInputError: columns have no name or the same one.
        MissingInputError: a table it reads never had rows, so nothing is known of it.
    """
    try:
        return examine_in(build_catalog(platform, project_id), name, sql)
    except HogQLError as error:
        _check_synced(platform, project_id, name, error)
        raise


def examine_in(catalog: Catalog, name: str, sql: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Columns and inputs of a text in a catalog that need not be the project's own.

    Raises:
        HogQLError: the text is wrong; it says where.
        InvalidInputError: columns have no name or the same one.
    """
    plan = hogql.compile(sql, catalog, "duckdb")
    _check_columns(name, plan.columns)
    step = hogql.compile(sql, as_tables(catalog), "duckdb")
    named = {table.physical: table.name for table in as_tables(catalog).tables if table.physical}
    read = (named[path] for path in step.physical if path in named)
    columns = tuple(
        Column(column.name, lake_type(column.type), True, _described(catalog, made))
        for column, made in zip(plan.columns, step.columns, strict=True)
    )
    return columns, tuple(dict.fromkeys((*plan.tables, *read)))


def _check_synced(platform: Platform, project_id: int, name: str, error: HogQLError) -> None:
    """An unknown table may be one that was connected and never synced: say that instead."""
    graph = project_graph(platform, project_id)
    lost = []
    for problem in error.problems:
        if problem.code == SyntaxProblem.UNKNOWN_TABLE:
            node = graph.find(error.text[problem.start : problem.end].strip('`"'))
            if node is not None and node.kind is NodeKind.SYNCED:
                lost.append(node.name)
    if lost and len(lost) == len(error.problems):
        raise MissingInputError(name, tuple(dict.fromkeys(lost))) from None


def model_text(platform: Platform, view: SavedQuery, engine: str = "duckdb") -> ModelText:
    """The SQL of a view's model for an engine, with a token for every stored table it reads.

    `now()` in it is the moment of the build. For ClickHouse it has the columns' types too: those that DuckDB would
    give them, so that a view has the same ones whichever engine builds it.

    Raises:
        HogQLError: the text no longer fits its inputs.
        InPlaceInputError: it reads a table that is not in the lake.
    """
    seed = hashlib.sha256(view.sql.encode()).hexdigest()[:12]
    tokens: dict[tuple[str, ...], str] = {}

    def relation(path: tuple[str, ...]) -> str:
        return tokens.setdefault(path, f"pwh_{seed}_{len(tokens)}_")

    catalog = build_catalog(platform, view.project_id)
    plan = hogql.compile(view.sql, catalog, engine, relation=relation)
    outside = {path for path in tokens if is_in_place(path)}
    if outside:
        names = tuple(table.name for table in catalog.tables if table.physical in outside)
        raise InPlaceInputError(view.name, names)
    paths = {token: path for path, token in tokens.items()}
    if engine == "duckdb":
        return ModelText(storable(plan.sql, plan.columns), paths)
    from pwh_assets.engines.clickhouse_types import computed, identifier

    columns = _types(platform, view)
    casts = ", ".join(f"{computed(c, identifier(c.name))} AS {identifier(c.name)}" for c in columns)
    sql = f"SELECT {casts} FROM ({plan.sql}) AS q"
    return ModelText(sql, paths, columns, dict(plan.settings))


def _types(platform: Platform, view: SavedQuery) -> tuple[Column, ...]:
    """The columns as the lake would have them, were the view built there."""
    from pwh_assets.hogql.functions.macros import DUCKDB_MACROS

    plan = hogql.compile(view.sql, build_catalog(platform, view.project_id), "duckdb")
    with platform.lakes.of(view.project_id).read() as connection:
        for statement in DUCKDB_MACROS:
            connection.execute(statement)
        rows = connection.execute(f"DESCRIBE {storable(plan.sql, plan.columns)}").fetchall()
    return tuple(Column(str(row[0]), str(row[1]), True) for row in rows)


def storable(sql: str, columns: Sequence[OutputColumn]) -> str:
    """The SQL, with columns the lake cannot store as they are cast: it has no bare NULLs, and tuples need names."""
    casts = [
        f"CAST({_quoted(c.name)} AS {lake_type(c.type)}) AS {_quoted(c.name)}"
        if _has(c.type, ("Tuple", "Null"))
        else _quoted(c.name)
        for c in columns
    ]
    if not any(cast.startswith("CAST") for cast in casts):
        return sql
    return f"SELECT {', '.join(casts)} FROM ({sql}) AS q"


def _has(type_: Type, names: tuple[str, ...]) -> bool:
    return type_.name in names or any(_has(each, names) for each in type_.args)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def lake_type(type_: Type) -> str:
    """How the lake stores a HogQL type, in DuckDB's spelling.

    >>> lake_type(Type("Array", (Type("Integer"),))), lake_type(Type("Decimal", precision=(18, 2)))
    ('BIGINT[]', 'DECIMAL(18,2)')
    """
    if type_.name == "Array" and type_.args:
        return f"{lake_type(type_.args[0])}[]"
    if type_.name == "Map" and len(type_.args) == 2:
        return f"MAP({lake_type(type_.args[0])}, {lake_type(type_.args[1])})"
    if type_.name == "Tuple":
        names = type_.fields or tuple(f"v{number}" for number in range(1, len(type_.args) + 1))
        fields = ", ".join(
            f"{_quoted(name)} {lake_type(each)}"
            for name, each in zip(names, type_.args, strict=True)
        )
        return f"STRUCT({fields})"
    if type_.name == "Decimal" and type_.precision:
        return f"DECIMAL({type_.precision[0]},{type_.precision[1]})"
    return _LAKE_TYPES.get(type_.name, "VARCHAR")


def _check_columns(name: str, columns: tuple[OutputColumn, ...]) -> None:
    nameless = [column.name for column in columns if not _COLUMN_NAME.fullmatch(column.name)]
    if nameless:
        raise InvalidInputError(
            "query",
            f"View `{name}` has columns without a name: {quoted(nameless)}. "
            "Give each expression one: `count() AS events`.",
        )
    seen: dict[str, str] = {}
    twice: list[str] = []
    for column in columns:
        if column.name.lower() in seen and column.name not in twice:
            twice.append(column.name)
        seen[column.name.lower()] = column.name
    if twice:
        raise InvalidInputError(
            "query",
            f"View `{name}` has more than one column {quoted(twice)}. Give each its own name with `AS`.",
        )


def _described(catalog: Catalog, column: OutputColumn) -> str:
    """The description of the one column this one repeats under its name."""
    if len(column.origins) != 1 or column.origins[0][2]:
        return ""
    table, of, _ = column.origins[0]
    if of != column.name:
        return ""
    source = catalog.by_name.get(table.lower())
    found = [each.description for each in source.columns if each.name == of] if source else []
    return found[0] if found else ""
