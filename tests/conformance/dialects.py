"""Databases that are queried where they are, beside DuckDB: the same text, the same value."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import duckdb
import psycopg
import pymysql
import pytest

from pwh_assets.demo.postgres import PostgresUnavailableError, PrivatePostgres
from pwh_assets.engines.duckdb import ENGINE as DUCKDB
from pwh_assets.hogql import compile as compile_hogql
from pwh_assets.hogql.catalog import Catalog, TableDef
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.hogql.format import to_hogql
from pwh_assets.hogql.functions.base import Expansion, Fn, Row
from pwh_assets.hogql.functions.dialect import can_render
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.lower.mysql import session
from pwh_assets.hogql.plan import Plan
from pwh_assets.hogql.types import JSON, Type
from pwh_assets.lake import Lakes
from pwh_assets.services.hogql.query import shaped
from pwh_assets.settings import Settings
from tests.conformance.edges import edge_calls
from tests.conformance.engines import LIMITS, VARIABLES, _bag, _sorted
from tests.conformance.expressions import normal
from tests.conformance.made import NOW, catalog_of, fill
from tests.conformance.test_functions import examples_of
from tests.servers.mariadb import MariaDBUnavailableError, PrivateMariaDB

ZONES = ("UTC", "Europe/Berlin")


ERRORS = (duckdb.Error, psycopg.Error, pymysql.Error)


@dataclass
class Answers:
    """Runs HogQL without tables on DuckDB and on one other server."""

    server: "Server"
    reference: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        self.reference.execute("SET TimeZone = 'UTC'")
        for macro in DUCKDB_MACROS:
            self.reference.execute(macro)

    def value(self, plan: Plan) -> Any:
        """The plan's only value, or what the server raised."""
        try:
            if plan.engine == "duckdb":
                rows = self.reference.execute(plan.sql).fetchall()
            else:
                rows = self.server.rows(plan.sql)
        except ERRORS as error:
            return error
        return normal(rows[0][0], plan.columns[0].type) if rows else None

    def close(self) -> None:
        self.reference.close()


def planned(text: str, engine: str, zone: str = "UTC") -> Plan:
    """A query or an expression without tables, compiled."""
    query = text if text.lstrip().upper().startswith("SELECT") else f"SELECT {text}"
    return compile_hogql(query, Catalog((), timezone=zone), engine, now=NOW)


def is_refusal(error: HogQLError) -> bool:
    """Whether it is the dialect that will not have the query."""
    return all(
        problem.code == SyntaxProblem.UNSUPPORTED and re.search("Postgres|MySQL", problem.message)
        for problem in error.problems
    )


INLINE = re.compile(r"\(SELECT arrayJoin\(\[(?P<cells>.*)\]\) AS (?P<name>\w)\)")


def without_arrays(text: str) -> str:
    """`(SELECT arrayJoin([1, 2]) AS x)` as VALUES, for servers without arrays; tuples become columns."""

    def values(found: "re.Match[str]") -> str:
        cells = split(found["cells"])
        if found["name"] == "t" and all(cell.startswith("(") for cell in cells):
            return f"(SELECT c.p AS a, c.q AS b FROM (VALUES {', '.join(cells)}) AS c(p, q))"
        return f"(SELECT c.p AS {found['name']} FROM (VALUES {', '.join(f'({cell})' for cell in cells)}) AS c(p))"

    changed = INLINE.sub(values, text)
    return changed.replace(
        "(SELECT t.1 AS a, t.2 AS b FROM (SELECT c.p AS a", "(SELECT a, b FROM (SELECT c.p AS a"
    )


def split(cells: str) -> list[str]:
    """Cells of an array's text, between commas that stand in no bracket and no quotes."""
    parts, depth, start, quoted = [], 0, 0, False
    for at, letter in enumerate(cells):
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += (letter in "([{") - (letter in ")]}")
            if letter == "," and not depth:
                parts.append(cells[start:at].strip())
                start = at + 1
    return [part for part in [*parts, cells[start:].strip()] if part]


def examples(engine: str) -> Iterator[tuple[Row, str, Any]]:
    """Rows the dialect has, with their examples; aggregates also over VALUES."""
    for row in REGISTRY:
        if (
            isinstance(row, Expansion)
            or getattr(row, "volatile", False)
            or not can_render(row, engine)
        ):
            continue
        for text, wanted in examples_of(row):
            yield row, text, wanted
            other = without_arrays(text)
            if other != text:
                yield row, other, wanted


def edges(engine: str) -> Iterator[tuple[str, str, str]]:
    """(row, call, zone): the examples with awkward arguments."""
    for row in REGISTRY:
        if not isinstance(row, Fn) or row.volatile or not can_render(row, engine):
            continue
        for zone in ZONES if row.category == "dates" else ZONES[:1]:
            with contextlib.suppress(NotImplementedError):
                for _, tree in edge_calls(row):
                    yield row.name, to_hogql(tree), zone


class Tables:
    """The made-up rows in DuckDB's lake and in one other server, for whole queries."""

    def __init__(self, home: Path, texts: Sequence[str], server: "Server") -> None:
        settings = Settings.from_env({"PWH_HOME": str(home)})
        self.lakes = Lakes(settings)
        self.server = server
        self.catalog, made = catalog_of(texts)
        fill(self.lakes.of(1), self.catalog, made)
        self.duckdb = DUCKDB(settings, self.lakes)
        with self.lakes.of(1).read() as connection:
            for table in self.catalog.tables:
                if table.physical:
                    columns = [(c.name, c.type) for c in table.columns if c.expression is None]
                    server.make(table.physical, columns, stored_rows(connection, table, columns))

    def plan(self, text: str, engine: str) -> Plan:
        return compile_hogql(text, self.catalog, engine, now=NOW, variables=VARIABLES)

    def rows(self, text: str, engine: str) -> list[tuple[Any, ...]]:
        plan = self.plan(text, engine)
        return [
            tuple(
                document(v) if c.type == JSON else v for v, c in zip(row, plan.columns, strict=True)
            )
            for row in self.shaped(plan, engine)
        ]

    def shaped(self, plan: Plan, engine: str) -> list[tuple[Any, ...]]:
        types = [column.type for column in plan.columns]
        if engine != "duckdb":
            return list(shaped(iter(self.server.rows(plan.sql)), types))
        session = self.duckdb.open(1, LIMITS)
        try:
            session.prepare(plan.physical)
            answer = session.run(plan.sql, dict(plan.settings), LIMITS)
            try:
                return list(shaped(answer.rows(), types))
            finally:
                answer.close()
        finally:
            session.close()

    def agree(self, text: str) -> bool:
        """Equal as multisets; else with arrays sorted; else once an outer LIMIT that leaves ties open is gone."""
        left, right = (self.rows(text, engine) for engine in ("duckdb", self.server.engine))
        if _bag(left) == _bag(right) or _bag(left, _sorted) == _bag(right, _sorted):
            return True
        unlimited = re.sub(r"(?is)\blimit\s+\d+\s*$", "", text.strip().rstrip(";"))
        if unlimited == text.strip():
            return False
        left, right = (self.rows(unlimited, engine) for engine in ("duckdb", self.server.engine))
        return _bag(left, _sorted) == _bag(right, _sorted)

    def close(self) -> None:
        self.duckdb.close()
        self.lakes.close()


def document(value: Any) -> Any:
    """JSON as one text, whatever the order of keys and the spaces a server stores it with."""
    parsed = json.loads(value) if isinstance(value, str) else value
    return None if value is None else json.dumps(parsed, sort_keys=True)


def stored_rows(
    connection: Any, table: TableDef, columns: Sequence[tuple[str, Type]]
) -> list[tuple[Any, ...]]:
    place = ".".join(f'"{part}"' for part in ("lake", *table.physical))
    names = ", ".join(f'"{name}"' for name, _ in columns)
    try:
        found: list[tuple[Any, ...]] = connection.execute(f"SELECT {names} FROM {place}").fetchall()
    except duckdb.CatalogException:
        return []
    return found


class Server(Protocol):
    """A database with tables of its own."""

    engine: str

    def make(
        self,
        path: tuple[str, ...],
        columns: Sequence[tuple[str, Type]],
        rows: Sequence[tuple[Any, ...]],
    ) -> None: ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    def execute(self, sql: str) -> None: ...


class PostgresServer:
    engine = "postgres"

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def make(
        self,
        path: tuple[str, ...],
        columns: Sequence[tuple[str, Type]],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        from pwh_assets.hogql.functions.postgres.values import sql_type

        place = ".".join(f'"{part}"' for part in path)
        listed = ", ".join(f'"{name}" {sql_type(type_)}' for name, type_ in columns)
        with self.connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{path[0]}"')
            cursor.execute(f"CREATE TABLE {place} ({listed})")
            with cursor.copy(f"COPY {place} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return found

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)


class MySQLServer:
    """Tables whose collation knows no case, as MySQL makes them unless told otherwise."""

    engine = "mysql"
    kinds: ClassVar[dict[str, str]] = {
        "Integer": "BIGINT",
        "Float": "DOUBLE",
        "Boolean": "TINYINT(1)",
        "Date": "DATE",
        "DateTime": "DATETIME(6)",
        "UUID": "CHAR(36)",
        "JSON": "JSON",
    }

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        with connection.cursor() as cursor:
            for statement in session(connection.get_server_info()):
                cursor.execute(statement)

    def make(
        self,
        path: tuple[str, ...],
        columns: Sequence[tuple[str, Type]],
        rows: Sequence[tuple[Any, ...]],
    ) -> None:
        place = ".".join(f"`{part}`" for part in path)
        listed = ", ".join(
            f"`{name}` {self.kinds.get(type_.name, 'LONGTEXT')}" for name, type_ in columns
        )
        holes = ", ".join(["%s"] * len(columns))
        cells = [tuple(json.dumps(v) if isinstance(v, list) else v for v in row) for row in rows]
        with self.connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{path[0]}`")
            cursor.execute(f"CREATE TABLE {place} ({listed}) COLLATE utf8mb4_general_ci")
            cursor.executemany(f"INSERT INTO {place} VALUES ({holes})", cells)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)


def without_numbers(text: str) -> str:
    """`numbers(3)` as VALUES, for servers without made-up rows."""

    def values(found: "re.Match[str]") -> str:
        cells = ", ".join(f"({number})" for number in range(int(found[1])))
        return f"(select n.p as number from (values {cells}) as n(p))"

    return re.sub(r"\bnumbers\((\d+)\)", values, text)


@contextlib.contextmanager
def serving(engine: str) -> Iterator[Server]:
    """A private server of that kind, skipped with the command that installs it where there is none."""
    if engine == "postgres":
        try:
            postgres = PrivatePostgres().start()
        except PostgresUnavailableError as error:
            pytest.skip(str(error))
        try:
            with psycopg.connect(postgres.dsn, autocommit=True) as connection:
                yield PostgresServer(connection)
        finally:
            postgres.stop()
        return
    try:
        mariadb = PrivateMariaDB().start()
    except MariaDBUnavailableError as error:
        pytest.skip(str(error))
    try:
        with contextlib.closing(
            pymysql.connect(**mariadb.conn, autocommit=True, charset="utf8mb4")
        ) as connection:
            yield MySQLServer(connection)
    finally:
        mariadb.stop()
