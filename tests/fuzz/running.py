"""What becomes of random texts on the engines: equal answers, or a HogQL error with a place."""

import json
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from random import Random

from pwh_assets.engines.base import (
    Limits,
    QueryTimeoutError,
    QueryTooLargeError,
    StatementRefusedError,
)
from pwh_assets.hogql.blame import blamed
from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.stored import type_of
from tests.conformance import engines as conformance
from tests.conformance.engines import NAMES, Engines, same
from tests.conformance.made import NOW, _insert
from tests.conformance.random_queries import Queries

COLUMNS = {
    "id": "BIGINT",
    "number_a": "BIGINT",
    "number_b": "INTEGER",
    "rate": "DOUBLE",
    "word": "VARCHAR",
    "kind": "VARCHAR",
    "text_number": "VARCHAR",
    "flag": "BOOLEAN",
    "at": "TIMESTAMP",
    "day": "DATE",
    "doc": "JSON",
}
LIMITS = Limits(timeout_s=20, memory_mb=1024, max_rows=200_000)
STARTS = ("SELECT", "WITH", "VALUES")


def rows(seed, count):
    """Rows of the two tables of typed random queries, a sixth of all values missing."""
    chance = Random(seed)

    def maybe(value):
        return None if chance.random() < 0.15 else value

    return [
        {
            "id": i,
            "number_a": maybe(chance.randrange(-3, 12)),
            "number_b": maybe(chance.randrange(8)),
            "rate": maybe(chance.choice([0.0, 0.5, -1.25, 3.0, 1e6])),
            "word": maybe(chance.choice(["", "a", "ab", "B", "it's", "é", "ba nana"])),
            "kind": chance.choice(["x", "y"]),
            "text_number": maybe(chance.choice(["1", "2", "07", "2.5", "x", ""])),
            "flag": maybe(chance.random() < 0.5),
            "at": maybe(NOW - timedelta(seconds=chance.randrange(20 * 86400))),
            "day": maybe((NOW - timedelta(days=chance.randrange(20))).date()),
            "doc": json.dumps(
                {
                    "n": chance.choice([1, 2.5, None, "7"]),
                    "name": chance.choice(["a", None, "z"]),
                    "a b": chance.choice(["q", 5]),
                }
            ),
        }
        for i in range(count)
    ]


def with_random_tables(found, seed):
    """Adds `made_up` and `other` to the engines' lake and catalog."""
    columns = tuple(ColumnDef(name, type_of(kind), stored=kind) for name, kind in COLUMNS.items())
    tables = [TableDef(name, columns, physical=("random", name)) for name in ("made_up", "other")]
    found.catalog = Catalog((*found.catalog.tables, *tables), "random")
    with found.lakes.of(1).write() as connection:
        connection.execute("CREATE SCHEMA lake.random")
        for place, (table, count) in enumerate([("made_up", 120), ("other", 40)]):
            spelled = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
            connection.execute(f"CREATE TABLE lake.random.{table} ({spelled})")
            _insert(connection, f"lake.random.{table}", rows(seed + place, count))


class Running:
    """Both engines over made-up rows, for as long as a fuzzer runs."""

    def __init__(self, texts, seed):
        self._home = Path(tempfile.mkdtemp(prefix="pwh-fuzz-"))
        self._engines = Engines(self._home, texts)
        with_random_tables(self._engines, seed)
        self._queries = Queries(seed)
        conformance.LIMITS = LIMITS

    def close(self):
        self._engines.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def next_typed(self):
        return self._queries.query()

    def answers_or_says_where(self, text):
        """Any text: what an engine fails on is told at a place inside the text."""
        for engine in NAMES:
            answer = self._answer(text, engine)
            if isinstance(answer, HogQLError):
                for problem in answer.problems:
                    assert problem.code and 0 <= problem.start <= problem.end <= len(text), problem
                return "not answered"
        return "answered"

    def answers_alike(self, text):
        """A typed query: one answer on both engines, also inside a sub-query and a WITH."""
        answers = [self._answer(text, engine) for engine in NAMES]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        assert same(self._engines, text, answers), [answer[:3] for answer in answers]
        wrapped = f"SELECT * FROM ({text}) AS whole"
        named = f"WITH whole AS ({text}) SELECT * FROM whole"
        for other in (wrapped, named):
            again = [self._answer(other, engine) for engine in NAMES]
            for answer in again:
                if isinstance(answer, Exception):
                    raise answer
            assert len(again[0]) == len(again[1]) == len(answers[0]), other
            assert same(self._engines, other, again), other
            assert same(self._engines, other, (answers[0], again[0])), other
        return "equal"

    def _answer(self, text, engine):
        try:
            plan = self._engines.plan(text, engine)
            assert plan.sql.lstrip("(").startswith(STARTS), plan.sql
            return self._engines.rows(text, engine)
        except HogQLError as error:
            return error
        except StatementRefusedError as error:
            return blamed(text, error.reason, error.title)
        except (QueryTooLargeError, QueryTimeoutError) as error:
            return blamed(text, str(error), engine)
