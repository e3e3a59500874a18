"""Every row of the function registry on both engines: its examples, and calls with awkward arguments."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest

from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.compiler import compile as compile_hogql
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.functions.base import Expansion, Fn, Row, Unsupported
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import UnsupportedFunction
from tests.conformance.edges import edge_calls
from tests.conformance.expressions import Compiler, Engines, normal, same
from tests.conformance.known_differences import ROWS as KNOWN

ENGINES = ("duckdb", "clickhouse")
BATCH = 40
HAS_NO_EXAMPLE = {"percentile_cont", "percentile_disc"}
"""Rows whose syntax only a whole query has."""

ANSWERED_ALIKE = 0.95
"""Least share of awkward calls with the same outcome on both engines."""


def examples_of(row: Row) -> tuple[tuple[str, Any], ...]:
    given = row.example or ()
    return (given,) if given and isinstance(given[0], str) else tuple(given)  # type: ignore[arg-type, return-value]


def has_engine(row: Row, engine: str) -> bool:
    return not isinstance(row, Expansion) and not isinstance(
        row.sql.get(engine, Unsupported("")), Unsupported
    )


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    found = Engines()
    yield found
    found.close()


def ask(engines: Engines, engine: str, calls: list[tuple[str, Any]]) -> list[Any]:
    """Values of (SQL, type) pairs; scalar queries share a statement."""
    answers: list[Any] = [None] * len(calls)
    plain = [
        i
        for i, (sql, _) in enumerate(calls)
        if " FROM (" not in sql or ("arrayJoin" not in sql and "unnest" not in sql)
    ]
    for at in range(0, len(plain), BATCH):
        some = plain[at : at + BATCH]
        for i, value in zip(some, engines.values(engine, [calls[i][0] for i in some]), strict=True):
            answers[i] = value
    for i in set(range(len(calls))) - set(plain):
        answers[i] = engines.values(engine, [calls[i][0]])[0]
    return [normal(value, type_) for value, (_, type_) in zip(answers, calls, strict=True)]


@pytest.fixture(scope="module")
def answers(engines: Engines) -> dict[tuple[str, str, str], Any]:
    """(row, engine, example) to its value, or the exception it raised."""
    found: dict[tuple[str, str, str], Any] = {}
    for engine in ENGINES:
        keys, calls = [], []
        for row in REGISTRY:
            for text, _ in examples_of(row):
                try:
                    calls.append(Compiler(engine).query(text))
                    keys.append((row.name, engine, text))
                except UnsupportedFunction as error:
                    found[row.name, engine, text] = error
        found |= dict(zip(keys, ask(engines, engine, calls), strict=True))
    return found


@pytest.mark.parametrize("name", [row.name for row in REGISTRY if not isinstance(row, Expansion)])
def test_examples_have_their_values_on_every_engine(
    name: str, answers: dict[tuple[str, str, str], Any]
) -> None:
    row = REGISTRY.find(name)
    assert row is not None
    examples = examples_of(row)
    assert examples or name in HAS_NO_EXAMPLE, "every row has an example"
    for text, wanted in examples:
        for engine in ENGINES:
            value = answers[name, engine, text]
            if not has_engine(row, engine):
                assert isinstance(value, UnsupportedFunction), f"{engine}: {text}"
                continue
            if isinstance(value, UnsupportedFunction):
                assert value.reason, text
                continue
            assert same(value, wanted), f"{engine}: {text} is {value!r}, not {wanted!r}"


@pytest.fixture(scope="module")
def differing(engines: Engines) -> tuple[dict[str, list[str]], int]:
    """Row to its awkward calls that differ, and how many calls were made."""
    rows: list[str] = []
    labels: list[str] = []
    calls: dict[str, list[tuple[str, Any]]] = {engine: [] for engine in ENGINES}
    for row in REGISTRY:
        if not isinstance(row, Fn) or row.volatile or not all(has_engine(row, e) for e in ENGINES):
            continue
        zones = ("UTC", "Europe/Berlin") if row.category == "dates" else ("UTC",)
        for label, tree in edge_calls(row):
            for zone in zones:
                with contextlib.suppress(UnsupportedFunction):
                    both = [Compiler(engine, timezone=zone).value(tree) for engine in ENGINES]
                    for engine, arg in zip(ENGINES, both, strict=True):
                        calls[engine].append((f"SELECT {arg.sql}", arg.type))
                    rows.append(row.name)
                    labels.append(f"{label} in {zone}")
    left, right = (ask(engines, engine, calls[engine]) for engine in ENGINES)
    found: dict[str, list[str]] = {}
    for name, label, one, other in zip(rows, labels, left, right, strict=True):
        if not same(one, other):
            found.setdefault(name, []).append(
                f"{label}: {one!r} on DuckDB, {other!r} on ClickHouse"
            )
    return found, len(rows)


def test_awkward_arguments_have_equal_answers(differing: tuple[dict[str, list[str]], int]) -> None:
    found, made = differing
    surprises = {name: calls for name, calls in found.items() if name not in KNOWN}
    assert not surprises, "\n".join(line[:300] for calls in surprises.values() for line in calls)
    assert made > 4000
    assert 1 - sum(map(len, found.values())) / made >= ANSWERED_ALIKE


def test_known_differences_still_differ(differing: tuple[dict[str, list[str]], int]) -> None:
    found, _ = differing
    assert not [name for name in KNOWN if name not in found]
    assert not [name for name in KNOWN if REGISTRY.find(name) is None]


VALUES = {
    "nothing": "arrayFilter(v -> v > 9, [1, 2])",
    "NULL alone": "[nullIf(1, 1)]",
    "numbers": "[3, 1, NULL, 2, 1]",
    "one": "[5]",
    "zero and less": "[0, -4]",
    "floats": "[1.5, -2.25, NULL]",
}
UNORDERED = {"groupArraySample", "topK", "anyHeavy"}
"""Answers that more than one value would be right for."""


def aggregate_queries() -> Iterator[tuple[str, str]]:
    """Aggregates of one number, alone and combined, over groups of every kind."""
    for row in REGISTRY:
        examples = examples_of(row)
        if type(row).__name__ != "Agg" or row.name in UNORDERED or not examples:
            continue
        text = examples[0][0]
        if not all(has_engine(row, engine) for engine in ENGINES) or f"{row.name}(x)" not in text:
            continue
        for kind, values in VALUES.items():
            for call in (
                f"{row.name}(x)",
                f"{row.name}If(x, x > 1)",
                f"{row.name}OrNull(x)",
                f"{row.name}Distinct(x)",
            ):
                if "Distinct" in call and row.name not in (
                    "count",
                    "sum",
                    "avg",
                    "min",
                    "max",
                    "uniq",
                    "groupUniqArray",
                ):
                    continue
                yield f"{call} over {kind}", f"SELECT {call} FROM (SELECT arrayJoin({values}) AS x)"


COMBINED = (
    ("SELECT sumArray(x) FROM (SELECT arrayJoin([[1, 2], [3]]) AS x)", 6),
    ("SELECT avgArray(x) FROM (SELECT arrayJoin([[1, 2], [3]]) AS x)", 2.0),
    ("SELECT uniqArray(x) FROM (SELECT arrayJoin([[1, 2], [2]]) AS x)", 2),
    ("SELECT maxArrayIf(x, length(x) > 1) FROM (SELECT arrayJoin([[1, 2], [3]]) AS x)", 2),
    ("SELECT medianArray(x) FROM (SELECT arrayJoin([[1, 2], [3]]) AS x)", 2.0),
    ("SELECT sumForEach(x) FROM (SELECT arrayJoin([[1, 2], [3]]) AS x)", [4, 2]),
    (
        "SELECT sumMap(x) FROM (SELECT arrayJoin([map('a', 1), map('a', 2, 'b', 5)]) AS x)",
        {"a": 3, "b": 5},
    ),
    (
        "SELECT avgMap(x) FROM (SELECT arrayJoin([map('a', 1), map('a', 2, 'b', 5)]) AS x)",
        {"a": 1.5, "b": 5.0},
    ),
    ("SELECT sumArgMax(t.1, t.2) FROM (SELECT arrayJoin([(1, 5), (2, 7), (4, 7)]) AS t)", 6),
    (
        "SELECT sumArgMinIf(t.1, t.2, t.1 > 1) FROM (SELECT arrayJoin([(1, 5), (2, 7), (4, 7)]) AS t)",
        6,
    ),
    ("SELECT sumOrDefaultIf(x, x > 9) FROM (SELECT arrayJoin([1, 2]) AS x)", 0),
    ("SELECT maxOrDefaultIf(x, x = 'z') FROM (SELECT arrayJoin(['a', 'b']) AS x)", ""),
    ("SELECT countOrNullIf(x > 9) FROM (SELECT arrayJoin([1, 2]) AS x)", None),
    ("SELECT uniqOrNullIf(x, x > 9) FROM (SELECT arrayJoin([1, 2]) AS x)", None),
    ("SELECT countIf(DISTINCT x, x > 1) FROM (SELECT arrayJoin([1, 2, 2, 3]) AS x)", 2),
    ("SELECT sumDistinctIf(x, x > 1) FROM (SELECT arrayJoin([1, 2, 2, 3]) AS x)", 5),
    ("SELECT quantileIf(0.5)(x, x > 1) FROM (SELECT arrayJoin([1, 2, 4]) AS x)", 3.0),
    ("SELECT quantilesIf(0.5, 1)(x, x > 1) FROM (SELECT arrayJoin([1, 2, 4]) AS x)", [3.0, 4.0]),
    ("SELECT arraySort(groupArrayIf(2)(x, x > 1)) FROM (SELECT arrayJoin([1, 2, 4]) AS x)", [2, 4]),
)


@pytest.mark.parametrize(("text", "wanted"), COMBINED)
def test_combinators_work_by_rule(text: str, wanted: Any, engines: Engines) -> None:
    for engine in ENGINES:
        sql, type_ = Compiler(engine).query(text)
        assert same(normal(engines.values(engine, [sql])[0], type_), wanted), engine


def test_aggregates_of_every_kind_of_group_are_equal(engines: Engines) -> None:
    different = []
    for label, text in aggregate_queries():
        values = []
        for engine in ENGINES:
            try:
                sql, type_ = Compiler(engine).query(text)
            except UnsupportedFunction as error:
                values.append(error)
                continue
            values.append(normal(engines.values(engine, [sql])[0], type_))
        if isinstance(values[0], list) and isinstance(values[1], list):
            values = [sorted(value, key=repr) for value in values]
        if not same(*values):
            different.append(f"{label}: {values[0]!r} on DuckDB, {values[1]!r} on ClickHouse")
    assert not different, "\n".join(line[:300] for line in different)


def test_states_are_merged_on_clickhouse_and_refused_on_duckdb(engines: Engines) -> None:
    text = "SELECT uniqMerge(s) FROM (SELECT uniqState(x) AS s FROM (SELECT arrayJoin([1, 2, 2]) AS x))"
    sql, _ = Compiler("clickhouse").query(text)
    assert engines.values("clickhouse", [sql]) == [2]
    with pytest.raises(UnsupportedFunction, match="ClickHouse only"):
        Compiler("duckdb").query(text)


def test_examples_have_their_values_through_the_whole_compiler(engines: Engines) -> None:
    catalog = Catalog(tables=(), version="")
    different = []
    for row in REGISTRY:
        if isinstance(row, Expansion):
            continue
        for text, wanted in examples_of(row):
            query = text if text.startswith("SELECT") else f"SELECT {text} AS answer"
            for engine in ENGINES:
                try:
                    plan = compile_hogql(query, catalog, engine, now=datetime(2024, 1, 1))
                except HogQLError as error:
                    if "does not run on" not in str(error):
                        different.append(f"{engine}: {text}: {error}")
                    continue
                value = normal(engines.values(engine, [plan.sql])[0], plan.columns[0].type)
                if isinstance(value, Exception) or not same(value, wanted):
                    different.append(f"{engine}: {text} is {value!r}, not {wanted!r}")
    assert not different, "\n".join(line[:300] for line in different)


def test_made_up_words_and_weights_have_the_same_answers_on_both_engines(engines: Engines) -> None:
    random = Random(7)
    letters = "abcdefghijklmnopqrstuvwxyzHWRS -1é"
    words = ["".join(random.choices(letters, k=random.randrange(9))) for _ in range(60)]
    texts = [f"soundex('{word}')" for word in words]
    for _ in range(10):
        pairs = ", ".join(
            f"({random.choice(['1', '2', '3', '4', 'NULL'])}, {random.choice(['0', '2', '-1', '7', 'NULL'])})"
            for _ in range(12)
        )
        rows = f"(SELECT t.1 AS a, t.2 AS b FROM (SELECT arrayJoin([{pairs}]) AS t))"
        texts += [
            f"SELECT topKWeighted(3)(a, b) FROM {rows}",
            f"SELECT argAndMin(b, b).2 FROM {rows}",
        ]
    answers = [
        ask(engines, engine, [Compiler(engine).query(text) for text in texts]) for engine in ENGINES
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "modes",
    [
        "",
        ", 'strict_deduplication'",
        ", 'strict_order'",
        ", 'strict_increase'",
        ", 'strict_order', 'strict_increase', 'strict_deduplication'",
    ],
)
def test_funnels_over_made_up_events_have_the_same_answers_on_both_engines(
    engines: Engines, modes: str
) -> None:
    random = Random(11)
    texts = []
    for _ in range(60):
        steps = random.randint(1, 4)
        events = ", ".join(
            f"({random.randint(1, 12)}, {random.choice([0, 1, 2, 4, 8, 3, 6])})"
            for _ in range(random.randint(1, 9))
        )
        conditions = ", ".join(f"bitAnd(b, {1 << step}) > 0" for step in range(steps))
        texts.append(
            f"SELECT windowFunnel({random.randint(1, 12)}{modes})(a, {conditions}) "
            f"FROM (SELECT t.1 AS a, t.2 AS b FROM (SELECT arrayJoin([{events}]) AS t))"
        )
    answers = [
        ask(engines, engine, [Compiler(engine).query(text) for text in texts]) for engine in ENGINES
    ]
    assert answers[0] == answers[1]
    assert len(set(answers[0])) > 2
