"""Which buckets a change touches, against the whole query; and what is said of queries that cannot be built in parts."""

import os
import re

import pytest

from pwh_assets.hogql.incremental import BOTH, CHANGED, Analysis, analysis_of, eligibility
from tests.e2e.incremental_lab import PLAIN, VIEWS, WHOLE, Copies

SEEDS = int(os.environ.get("PWH_TEST_INCREMENTAL_SEEDS", "1"))
ROUNDS = 3


def copies(seed, *names):
    lab = Copies(seed)
    lab.plain.update(PLAIN)
    for name in names or VIEWS:
        lab.add(name, *VIEWS[name])
    return lab


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_touched_buckets_computed_anew_make_the_whole_query(seed):
    lab, whole = copies(seed), dict.fromkeys(VIEWS, 0)
    for number in range(ROUNDS):
        lab.remember()
        changes = [lab.change() for _ in range(1 + lab.random.randrange(3))]
        for name in VIEWS:
            if lab.build(name):
                whole[name] += 1
                assert name in WHOLE, (name, changes)
            else:
                assert lab.difference(name) == ([], []), (number, changes, name)
    lab.close()


def only_the_fact_table(analysis, place, changed, words):
    return Analysis.touching(
        analysis, place, lambda path: changed(path) and path[-1] == "facts", words
    )


def only_rows_that_are_there(analysis, place, changed, words):
    """Forgets what rows were before: deletes, and buckets that rows have left."""

    def now(path):
        if path[0] != CHANGED:
            return words(path)
        return f"(SELECT DISTINCT c.* FROM {words(path)} c NATURAL SEMI JOIN {words(path[1:])} t)"

    return Analysis.touching(analysis, place, changed, now)


def joined_with_what_is_there(analysis, place, changed, words):
    """Forgets that two tables may have changed at once."""
    return Analysis.touching(
        analysis, place, changed, lambda path: words(path[1:] if path[0] == BOTH else path)
    )


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        (only_the_fact_table, ("two_left", "member")),
        (only_rows_that_are_there, ("sums", "plain_rows")),
        (joined_with_what_is_there, ("key_of_both",)),
    ],
)
def test_a_wrong_way_to_find_touched_buckets_is_noticed(wrong, names):
    for seed in range(20):
        lab = copies(seed, *names)
        lab.remember()
        for change in ("update", "users", "delete", "together"):
            getattr(lab, f"do_{change}")()
        wrongs = [
            name
            for name in names
            if not lab.build(name, touching=wrong) and lab.difference(name) != ([], [])
        ]
        rights = [
            name for name in names if not lab.build(name) and lab.difference(name) == ([], [])
        ]
        lab.close()
        assert rights == list(names)
        if wrongs:
            return
    pytest.fail(f"{wrong.__name__} passed for right")


@pytest.fixture(scope="module")
def catalog():
    lab = Copies()
    lab.plain["ten"] = "SELECT tag, id FROM facts LIMIT 10"
    yield lab.catalog()
    lab.close()


def asked(catalog, text, key=None, unique=(), **more):
    return eligibility(analysis_of(text, catalog), key, unique, **more)


BY_DAY = "SELECT toDate(ts) AS day, count() AS n FROM facts"


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("SELECT id, tag FROM facts LIMIT 5", "id", "LIMIT keeps rows by their rank"),
        ("SELECT id, tag FROM facts OFFSET 5", "id", "OFFSET leaves out rows"),
        ("SELECT id, tag FROM facts LIMIT 1 BY tag", "tag", "LIMIT BY keeps"),
        ("SELECT tag FROM (SELECT tag FROM facts LIMIT 5)", "tag", "LIMIT in a sub-query"),
        ("SELECT tag FROM ten", "tag", "LIMIT in the view `ten`"),
        (f"{BY_DAY} GROUP BY day ORDER BY day", "day", "a table has no order"),
        (f"{BY_DAY} GROUP BY day WITH ROLLUP", "day", "rows over several keys"),
        (f"{BY_DAY} GROUP BY CUBE(day)", "day", "rows over several keys"),
        (f"{BY_DAY} GROUP BY day", "n", "an aggregate or a window function"),
        (f"{BY_DAY} GROUP BY day", "hour", "is not a column of the query"),
        ("SELECT count() AS n FROM facts", None, "No column can be the key"),
        (
            "SELECT id, row_number() OVER (ORDER BY ts) AS r FROM facts",
            "id",
            "not partitioned by it",
        ),
        ("SELECT DISTINCT ON (tag) tag, id FROM facts", "id", "DISTINCT ON keeps one row"),
        ("SELECT amount, id FROM facts", "amount", "a Float is no good key"),
        ("SELECT 1 AS one, id FROM facts", "one", "the same in every row"),
        (
            "SELECT u.plan AS plan, f.id AS id FROM facts f LEFT JOIN users u ON u.id = f.user_id",
            "plan",
            "a row may have it or not",
        ),
        (
            "SELECT f.id AS id, u.plan AS p FROM facts f FULL JOIN users u ON u.id = f.user_id",
            "id",
            "a FULL JOIN has rows",
        ),
        (f"{BY_DAY} WHERE ts > now() - INTERVAL 9 DAY GROUP BY day", "day", "wrong as time passes"),
        (
            "SELECT id, dateDiff('day', ts, today()) AS age FROM facts",
            "id",
            "`today()` is used to choose or compute rows",
        ),
        ("SELECT id, tag FROM facts WHERE rand() > 5", "id", "wrong as time passes"),
    ],
)
def test_what_cannot_be_built_in_parts_is_refused_with_the_reason(catalog, text, key, why):
    found = asked(catalog, text, key)
    assert not found.eligible
    assert len(found.blockers) == 1, found.blockers
    assert why in found.blockers[0]
    assert found.blockers[0].endswith(".")


def test_candidates_come_with_types_times_first(catalog):
    found = asked(
        catalog,
        "SELECT tag, user_id, toDate(ts) AS day, toStartOfHour(ts) AS hour, sum(amount) AS s FROM facts "
        "GROUP BY tag, user_id, day, hour",
    )
    assert [(each.name, each.type) for each in found.key_candidates] == [
        ("day", "Date"),
        ("hour", "DateTime"),
        ("user_id", "Integer"),
        ("tag", "String"),
    ]
    assert found.unique_key_candidates == (("tag", "user_id", "day", "hour"),)
    assert found.eligible
    assert set(found.rejected) == {"s"}


def test_a_unique_key_has_to_cover_the_group_keys(catalog):
    text = "SELECT tag, toDate(ts) AS day, count() AS n FROM facts GROUP BY tag, day"
    assert "leaves out `day`" in asked(catalog, text, "day", ("tag",)).blockers[0]
    assert "`x`" in asked(catalog, text, "day", ("tag", "day", "x")).blockers[0]
    fine = asked(catalog, text, "day", ("day", "TAG"))
    assert fine.eligible
    assert "checked in each build" in fine.warnings[0]
    hidden = asked(catalog, f"{BY_DAY} GROUP BY day, tag", "day", ("day",))
    assert "does not select" in hidden.blockers[0]
    keys = {"facts": ("id", "tag")}
    plain = asked(catalog, "SELECT tag AS t, id FROM facts", primary_keys=keys)
    assert plain.unique_key_candidates == (("id", "t"),)


def test_only_a_time_can_be_looked_back_from(catalog):
    text = "SELECT tag, toDate(ts) AS day, count() AS n FROM facts GROUP BY tag, day"
    assert asked(catalog, text, "day", looks_back=True).eligible
    assert "looked back from" in asked(catalog, text, "tag", looks_back=True).blockers[0]


def test_what_stays_as_it_was_and_what_rebuilds_everything_is_noted(catalog):
    text = "SELECT tag, any(amount) AS a, now() AS built FROM facts CROSS JOIN teams GROUP BY tag"
    found = asked(catalog, text, "tag")
    assert found.eligible
    said = " ".join(found.warnings)
    assert re.search(r"A change of `src.teams` rebuilds the whole view", said)
    assert "`now()` differs from build to build" in said
    assert "`any()` takes any of the rows" in said


def test_the_fingerprint_knows_the_meaning_and_not_the_spelling(catalog):
    one = analysis_of(f"{BY_DAY} GROUP BY day", catalog).fingerprint()
    same = "select  toDate(ts) as day,\n  count() as n -- how many\nfrom FACTS as rows group by day"
    assert analysis_of(same, catalog).fingerprint() == one
    for other in (
        f"{BY_DAY} WHERE id > 1 GROUP BY day",
        "SELECT toDate(ts) AS day, 1 AS n FROM facts",
    ):
        assert analysis_of(other, catalog).fingerprint() != one
