"""Rows of the function registry that say how Postgres writes them, on a real server: the same values as everywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlglot import exp

from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.hogql.functions.base import Arg, Expansion
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import UnsupportedFunction
from pwh_assets.hogql.types import DATE, DATETIME
from tests.conformance.expressions import Compiler, normal, same
from tests.conformance.test_functions import examples_of

LEAST_ROWS = 130


@dataclass
class Postgres(Compiler):
    """Writes times in texts as literals, as the language's own compiler does."""

    def call(self, called: str, nodes: Any, node: exp.Expression, **more: Any) -> Arg:
        if (
            called in ("toDateTime", "toDate")
            and len(nodes) == 1
            and isinstance(nodes[0], exp.Literal)
            and nodes[0].is_string
        ):
            text, kind = nodes[0].this, "date" if called == "toDate" else "timestamp"
            if text[:2] == "20" and text[-1].isdigit() and "+" not in text:
                return Arg(
                    f"{kind} '{text[:10] if kind == 'date' else text}'",
                    DATE if kind == "date" else DATETIME,
                    node,
                )
        return Compiler.call(self, called, nodes, node, **more)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with (
        PrivatePostgres() as postgres,
        psycopg.connect(postgres.dsn, autocommit=True) as connection,
    ):
        yield connection


def test_examples_have_their_values_on_postgres(server: Any) -> None:
    different, tested = [], set()
    for row in REGISTRY:
        if (
            isinstance(row, Expansion)
            or "postgres" not in row.sql
            or getattr(row, "volatile", False)
        ):
            continue
        for text, wanted in examples_of(row):
            try:
                sql, type_ = Postgres("postgres").query(text)
            except UnsupportedFunction:
                continue
            try:
                value = normal(server.execute(sql).fetchone()[0], type_)
            except psycopg.Error as error:
                value = error
            if isinstance(value, Exception) or not same(value, wanted):
                different.append(f"{text} is {value!r}, not {wanted!r}: {sql}")
            tested.add(row.name)
    assert not different, "\n".join(line[:300] for line in different)
    assert len(tested) >= LEAST_ROWS
