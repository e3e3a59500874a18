"""What a dialect can say, asked without compiling."""

import pytest

from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.compiler import Compilation, check_gate, parse_text, resolve
from pwh_assets.hogql.errors import HogQLError, Problem
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.lower import DIALECTS, ENGINES
from pwh_assets.hogql.lower.capabilities import CLAUSES, JOINS, TYPES, Capabilities
from pwh_assets.hogql.lower.expressible import abilities, expressible
from pwh_assets.hogql.resolve.core import Options
from pwh_assets.hogql.resolve.nodes import Query, Select
from pwh_assets.hogql.stored import type_of
from tests.conformance.queries import QUERIES
from tests.conformance.random_queries import Queries
from tests.fuzz.running import COLUMNS
from tests.unit.hogql.catalogs import CATALOG, NOW, plan

RANDOM = Catalog(
    (
        *CATALOG.tables,
        *(
            TableDef(
                name,
                tuple(
                    ColumnDef(column, type_of(kind), stored=kind)
                    for column, kind in COLUMNS.items()
                ),
                physical=("random", name),
            )
            for name in ("made_up", "other")
        ),
    )
)


def resolved(text: str) -> Query | None:
    """The tree of a text; None for one that is wrong on every engine."""
    c = Compilation(text, RANDOM, "duckdb", NOW, None, None, Options({}, None), None)
    try:
        for step in (parse_text, check_gate, resolve):
            step(c)
    except HogQLError:
        return None
    return c.query


def refusal(text: str, dialect: str) -> tuple[Problem, ...]:
    """Why a text does not compile; nothing where it does."""
    try:
        plan(text, dialect, catalog=RANDOM)
    except HogQLError as error:
        return error.problems
    return ()


TEXTS = [*QUERIES, *(Queries(number).query() for number in range(200))]


@pytest.mark.parametrize("dialect", [*DIALECTS, *ENGINES])
def test_a_query_is_expressible_exactly_when_it_compiles(dialect: str) -> None:
    answers = {True: 0, False: 0}
    for text in TEXTS:
        tree = resolved(text)
        if tree is None:
            continue
        answer = expressible(tree, dialect, RANDOM, now=NOW)
        refused = refusal(text, dialect)
        assert answer.ok is (not refused), text
        assert answer.reasons == refused, text
        answers[answer.ok] += 1
    assert answers[True] > 250
    assert dialect in ENGINES or answers[False] > 10


def test_a_part_is_asked_about_alone_and_every_reason_has_its_place() -> None:
    text = "SELECT arrayMap(x -> x, [1]), lower(id) AS l, cityHash64(id) FROM stripe_invoice"
    tree = resolved(text)
    assert isinstance(tree, Select)
    answers = [expressible(item, "mysql", CATALOG) for item in tree.items]
    assert [answer.ok for answer in answers] == [False, True, False]
    whole = expressible(tree, "postgres", CATALOG)
    assert [text[reason.start : reason.end] for reason in whole.reasons] == ["cityHash64(id)"]
    assert "Postgres" in whole.reasons[0].message


def test_what_the_table_denies_the_printer_refuses() -> None:
    for text, kind, name in (
        (
            "SELECT 1 FROM stripe_invoice a FULL JOIN stripe_customer b ON a.id = b.id",
            "joins",
            "full",
        ),
        ("SELECT id FROM stripe_invoice LIMIT 10 PERCENT", "clauses", "LIMIT PERCENT"),
        ("SELECT id, count() FROM stripe_invoice GROUP BY ROLLUP(id)", "clauses", "GROUPING SETS"),
        ("SELECT x FROM stripe_invoice ARRAY JOIN [1] AS x", "clauses", "ARRAY JOIN"),
        ("SELECT [1]", "types", "Array"),
        ("SELECT cityHash64(id) FROM stripe_invoice", "functions", "cityHash64"),
        ("SELECT quantile(amount_paid) FROM stripe_invoice", "functions", "quantile"),
    ):
        tree = resolved(text)
        assert tree is not None, text
        for dialect in DIALECTS:
            lacking = getattr(abilities(dialect), kind)[name]
            assert expressible(tree, dialect, CATALOG).ok is not bool(lacking), (text, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_table_names_every_clause_join_type_and_function(dialect: str) -> None:
    found = abilities(dialect)
    assert tuple(found.clauses) == CLAUSES
    assert tuple(found.joins) == JOINS
    assert tuple(found.types) == TYPES
    assert sorted(found.functions) == sorted(REGISTRY.names())
    assert found.functions["lower"] == ""
    assert found.functions["cityHash64"]
    assert found.parametric <= {name for name, reason in found.functions.items() if not reason}


def test_every_clause_of_the_table_is_asked_for_by_the_printer() -> None:
    from pathlib import Path

    import pwh_assets.hogql.lower as package

    assert package.__file__ is not None
    source = "".join(
        p.read_text()
        for p in Path(package.__file__).parent.glob("*.py")
        if p.stem != "capabilities"
    )
    asked = {name for name in CLAUSES if f'need("{name}"' in source}
    assert set(CLAUSES) - asked <= {
        "UNION",
        "UNION ALL",
        "INTERSECT",
        "INTERSECT ALL",
        "EXCEPT",
        "EXCEPT ALL",
    }


def test_a_table_with_a_word_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown: NOPE"):
        Capabilities("X", {"NOPE": "no."}, {}, {}, {})


def test_an_unknown_dialect_is_no_dialect() -> None:
    with pytest.raises(KeyError):
        abilities("oracle")
