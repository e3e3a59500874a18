"""A policy is the same as a copy of the tables with the policy applied: random policies, random queries."""

import hashlib
from dataclasses import replace
from random import Random

import pytest

from pwh_assets.core.policy import ColumnMask, Redaction, TableRules
from pwh_assets.engines.base import Limits
from pwh_assets.errors import PwhError
from pwh_assets.hogql import compile as compile_hogql
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.policy import restrict
from pwh_assets.hogql.types import STRING
from pwh_assets.services.hogql.query import shaped
from tests.conformance.engines import Engines, _bag, _sorted
from tests.conformance.made import NOW
from tests.conformance.random_queries import Queries
from tests.fuzz.running import with_random_tables

SEED = 20260701
KEY = "an example key"
ROWS = (
    ("word IS NULL OR word != 'a'", "word IS NULL OR word <> 'a'"),
    ("number_a > 2", "number_a > 2"),
    ("flag OR kind = {user.attributes.kind}", "flag OR kind = 'b'"),
    (
        "kind IN (SELECT kind FROM other WHERE number_a > 0)",
        "kind IN (SELECT kind FROM lake.random.other WHERE number_a > 0)",
    ),
    ("kind = {user.attributes.nobody_knows}", "false"),
)
MASKED = ("word", "kind", "text_number", "number_b")
DENIED = ("rate", "flag", "number_a", "day", "word")
KEYS = ("doc.name", "doc.n")


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    found = Engines(tmp_path_factory.mktemp("policies"), [])
    with_random_tables(found, SEED)
    with found.lakes.of(1).write() as connection:
        connection.create_function("masked", lambda text: _hashed(text), ["VARCHAR"], "VARCHAR")
        yield found, connection
    found.close()


def _hashed(text):
    inner = hashlib.sha256((KEY + text).encode()).hexdigest()
    return hashlib.sha256((KEY + inner).encode()).hexdigest()


def random_rules(random):
    """Rules, and for each table SQL that makes its copy, with the types the copy has."""
    rules = {}
    for table in random.choice((("made_up",), ("other",), ("made_up", "other"))):
        denied = set(random.sample(DENIED, random.choice((0, 0, 1, 2))))
        kinds = list(Redaction)
        masks = [
            ColumnMask(name, random.choice(kinds), random.choice((1, 2)))
            for name in random.sample(MASKED, random.choice((0, 1, 2)))
            if name not in denied
        ]
        for key in random.sample(KEYS, random.choice((0, 1, 2))):
            if random.random() < 0.5:
                denied.add(key)
            else:
                masks.append(ColumnMask(key, random.choice((Redaction.HASH, Redaction.NULL))))
        rows = tuple(random.sample(ROWS, random.choice((0, 1, 2))))
        rules[table] = (denied, tuple(masks), rows)
    return rules


def copy(connection, catalog, number, rules):
    """The catalog over copies made with plain DuckDB SQL."""
    tables = []
    connection.execute(f"CREATE SCHEMA lake.seen{number}")
    for table in catalog.tables:
        if table.name not in rules:
            tables.append(table)
            continue
        denied, masks, rows = rules[table.name]
        items, columns = [], []
        whole = {mask.column: mask for mask in masks}
        for column in table.columns:
            if column.name in denied:
                continue
            sql = f'"{column.name}"'
            mask = whole.get(column.name)
            if mask is not None:
                sql = masked(sql, mask)
                if mask.kind is not Redaction.NULL:
                    column = replace(column, type=STRING, stored="VARCHAR")
                else:
                    sql = f"CAST(NULL AS {column.stored})"
            if column.name == "doc" and any("." in name for name in (*denied, *whole)):
                sql = "coalesce(doc, '{}')"
                for name in sorted(n for n in (*denied, *whole) if n.startswith("doc.")):
                    key = name.removeprefix("doc.")
                    inside = whole.get(name)
                    value = (
                        masked(f"(doc ->> '$.{key}')", inside)
                        if inside and inside.kind is not Redaction.NULL
                        else "NULL"
                    )
                    sql = f"json_merge_patch({sql}, json_object('{key}', {value}))"
            items.append(f'{sql} AS "{column.name}"')
            columns.append(column)
        where = " AND ".join(f"({sql})" for _, sql in rows) or "true"
        connection.execute(
            f"CREATE TABLE lake.seen{number}.{table.name} AS "
            f"SELECT {', '.join(items)} FROM lake.random.{table.name} WHERE {where}"
        )
        tables.append(
            replace(table, columns=tuple(columns), physical=(f"seen{number}", table.name))
        )
    return Catalog(tuple(tables), f"copy{number}")


def masked(sql, mask):
    text = f"CAST({sql} AS VARCHAR)"
    if mask.kind is Redaction.HASH:
        return f"CASE WHEN {sql} IS NOT NULL THEN masked({text}) END"
    cut = f"CASE WHEN strlen({text}) > {mask.keep} THEN left({text}, {mask.keep}) ELSE '' END"
    return f"CASE WHEN {sql} IS NOT NULL THEN {cut} || '***' END"


def answer(engines, catalog, text, engine):
    try:
        plan = compile_hogql(text, catalog, engine, now=NOW).keyed(lambda: KEY)
    except PwhError as error:
        return [str(error)]
    limits = Limits(timeout_s=60)
    session = engines.engines[engine].open(1, limits)
    try:
        session.prepare(plan.physical)
        found = session.run(plan.sql, dict(plan.settings), limits)
        try:
            return list(shaped(found.rows(), [column.type for column in plan.columns]))
        finally:
            found.close()
    finally:
        session.close()


@pytest.mark.parametrize("number", range(8))
def test_a_reader_sees_what_a_copy_of_the_tables_would_show(engines, number):
    engines, connection = engines
    random = Random(SEED + number)
    rules = random_rules(random)
    applied = {
        table: TableRules(
            frozenset(denied),
            masks,
            tuple(hogql for hogql, _ in rows),
            {"attributes.kind": "b", "attributes.nobody_knows": None},
        )
        for table, (denied, masks, rows) in rules.items()
    }
    seen = restrict(engines.catalog, applied)
    copied = copy(connection, engines.catalog, number, rules)
    queries = Queries(SEED * 1000 + number)
    texts = [queries.query() for _ in range(8)]
    texts += [
        "SELECT * FROM made_up",
        "SELECT COLUMNS('.*') FROM other AS o",
        "SELECT doc FROM made_up",
    ]
    compared = 0
    for place, text in enumerate(texts):
        for engine in ("duckdb", "clickhouse") if place % 6 == 0 else ("duckdb",):
            mine, theirs = (answer(engines, each, text, engine) for each in (seen, copied))
            if mine and isinstance(mine[0], str):
                assert isinstance(theirs[0], str), (text, mine, theirs[:2])
                continue
            assert _bag(mine, _sorted) == _bag(theirs, _sorted), (rules, text, mine[:3], theirs[:3])
            compared += 1
    assert compared >= 3
