"""Every rendering of the databases that are queried where they are, on real servers: the values DuckDB gives."""

from collections.abc import Iterator

import pytest

from pwh_assets.hogql import compile as compile_hogql
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.lower import DIALECTS
from pwh_assets.hogql.plan import Plan
from tests.conformance.dialects import Answers, edges, examples, is_refusal, planned, serving
from tests.conformance.expressions import same

LEAST_NAMES = {"postgres": 600, "mysql": 440}
LEAST_EDGES = {"postgres": 3500, "mysql": 2300}

CALENDAR = "its calendar ends before DuckDB's does"
OVERFLOW = "it raises where DuckDB has inf"
KNOWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("postgres", CALENDAR): ("subtractMonths", "subtractQuarters", "subtractYears"),
    ("mysql", CALENDAR): (
        "toIntervalMonth", "toIntervalQuarter", "toIntervalYear", "addMonths", "addQuarters", "addYears", "subtractMonths",
        "subtractQuarters", "subtractYears",
    ),
    ("mysql", OVERFLOW): ("exp", "pow"),
}  # fmt: skip
"""Rows with awkward arguments that have another answer, and why. Strict: one that no longer has fails."""


@pytest.fixture(scope="module", params=DIALECTS)
def answers(request: pytest.FixtureRequest) -> Iterator[Answers]:
    with serving(request.param) as server:
        found = Answers(server)
        yield found
        found.close()


def test_examples_have_their_values(answers: Answers) -> None:
    engine = answers.server.engine
    different, tested = [], set()
    for row, text, wanted in examples(engine):
        try:
            plan = planned(text, engine)
        except HogQLError as error:
            if not is_refusal(error):
                raise
            continue
        value = answers.value(plan)
        tested.add(row.name)
        if not same(value, wanted):
            different.append(f"{text} is {value!r}, not {wanted!r}: {plan.sql}")
    assert not different, "\n".join(line[:400] for line in different)
    names = sum(1 + len(row.aliases) for row in map(REGISTRY.find, tested) if row)
    assert names >= LEAST_NAMES[engine]


def test_awkward_arguments_have_the_values_duckdb_gives(answers: Answers) -> None:
    engine = answers.server.engine
    known = {row for (one, _), rows in KNOWN.items() if one == engine for row in rows}
    different: dict[str, str] = {}
    made = 0
    for name, text, zone in edges(engine):
        try:
            plan = planned(text, engine, zone)
        except HogQLError:
            continue
        value, wanted = answers.value(plan), answers.value(planned(text, "duckdb", zone))
        made += 1
        if not same(value, wanted):
            different[name] = f"{text} in {zone} is {value!r}, not {wanted!r}: {plan.sql}"
    surprises = [line[:400] for name, line in different.items() if name not in known]
    assert not surprises, "\n".join(surprises)
    assert not known - different.keys()
    assert made >= LEAST_EDGES[engine]


HOSTILE = (
    "it's",
    "back\\slash",
    "\\' OR 1=1 -- ",
    "'; DROP TABLE t; --",
    "\\'; SELECT 1; #",
    'say "hi"',
    "`tick`",
    "$$ $tag$ %s %(x)s {0} ?",
    "/* */ -- #",
    "tab\tnew\nline\r",
    "é ü 漢字 🙂",
    "\\",
    "\\\\'",
    "' '",
    "a" * 70 + "'\"`",
    "trailing ",
)


def as_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def as_name(text: str) -> str:
    return "`" + text.replace("\\", "\\\\").replace("`", "``") + "`"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_user_writes_stays_a_text_or_a_name(answers: Answers, text: str) -> None:
    query = f"SELECT {as_name(text)} FROM (SELECT {as_text(text)} AS {as_name(text)})"
    plan = planned(query, answers.server.engine)
    assert answers.value(plan) == text
    listed = planned(f"SELECT {as_text(text)} IN ({as_text(text)}, 'x')", answers.server.engine)
    assert answers.value(listed) is True
    like = planned(
        f"SELECT position({as_text('<' + text)}, {as_text(text)})", answers.server.engine
    )
    assert answers.value(like) == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_ends_where_it_should_whatever_the_session_thinks_of_backslashes(
    answers: Answers, text: str
) -> None:
    engine = answers.server.engine
    plan = planned(f"SELECT concat({as_text(text)}, '|', {as_text(text)})", engine)
    switch, back = {
        "postgres": (
            "SET standard_conforming_strings = off",
            "SET standard_conforming_strings = on",
        ),
        "mysql": (
            "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
        ),
    }[engine]
    execute = answers.server.execute
    execute(switch)
    try:
        value = answers.value(plan)
    finally:
        execute(back)
    doubled = text.replace("\\", "\\\\")
    assert value in (f"{text}|{text}", f"{doubled}|{doubled}")


def test_a_nul_character_is_refused_or_kept(answers: Answers) -> None:
    def compiled(engine: str) -> Plan:
        given = {"x": "a\0b"}
        return compile_hogql("SELECT length({variables.x})", Catalog(()), engine, variables=given)

    if answers.server.engine == "postgres":
        with pytest.raises(HogQLError, match="NUL"):
            compiled("postgres")
    else:
        assert answers.value(compiled("mysql")) == 3
