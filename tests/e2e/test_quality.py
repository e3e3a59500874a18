"""Every kind of check on both engines; declaring, hiding, breaking, remembering; documents."""

import re
import shlex
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.cli import main
from pwh_assets.core.options import Mask, MaskKind, TableOptions
from pwh_assets.core.quality import CheckState, Severity
from pwh_assets.core.source import Column, SyncMode, TableStatus
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, UserError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.lake import Publish
from pwh_assets.platform import open_platform
from pwh_assets.services.health import health
from pwh_assets.services.quality import (
    add_check,
    apply_document,
    export_document,
    find_check,
    remove_check,
    run_checks,
)
from pwh_assets.services.quality.document import DocumentError
from pwh_assets.services.quality.kinds.volume import Band
from pwh_assets.services.quality.registry import kinds
from pwh_assets.services.views.saved import remove_view, save_view
from pwh_assets.settings import Settings
from pwh_assets.store import NewTable
from tests.e2e.homes import Warehouse, orders, people

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
VISITS = (
    Column("id", "BIGINT"),
    Column("user_id", "BIGINT"),
    Column("at", "TIMESTAMP"),
    Column("day", "DATE"),
    Column("country", "VARCHAR"),
    Column("api_token", "VARCHAR"),
    Column("referrer", "VARCHAR"),
)
TYPES = {"at": pa.timestamp("us"), "day": pa.date32(), "id": pa.int64(), "user_id": pa.int64()}


def put(home, name, rows):
    """Rows into a table of the source `web`, as a sync would."""
    table = home.store.find_table(1, f"web_{name}")
    arrays = {
        c.name: pa.array([row.get(c.name) for row in rows], TYPES.get(c.name, pa.string()))
        for c in table.columns
    }
    file = home.settings.home / "tmp" / f"{uuid.uuid4()}.parquet"
    pq.write_table(pa.table(arrays), file)
    what = Publish(table.source.slug, name, SyncMode.FULL, (file,), table.columns, ("id",), None)
    home.lake.publish(what)
    file.unlink(missing_ok=True)
    home.store.update_table(table.id, status=TableStatus.COMPLETED, last_synced_at=NOW)


def visits(days=30, a_day=100):
    """So many visits on each of the days before NOW's, and a few on NOW's own."""
    found = []
    for back in range(days + 1):
        at = NOW - timedelta(days=back)
        for i in range(5 if back == 0 else a_day):
            found.append(
                {
                    "id": len(found),
                    "user_id": i % 10,
                    "at": (at - timedelta(minutes=i)).replace(tzinfo=None),
                    "day": at.date(),
                    "country": ("DE", "FR", None)[i % 3],
                    "api_token": "sk_live_hunter2",
                    "referrer": f"r{i}",
                }
            )
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("quality") / "home")
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    names = ("visits", "nothing", "hollow", "drifting", "thin", "later")
    tables = [NewTable(name, VISITS, ("id",)) for name in names]
    warehouse.store.add_source(1, "postgres", "web_", "The site", {}, {}, tables)
    put(warehouse, "visits", visits())
    put(warehouse, "nothing", [])
    put(warehouse, "hollow", [{"id": None} for _ in range(50)])
    put(warehouse, "thin", visits(days=3))
    yield warehouse
    for engine in warehouse.platform.engines.values():
        engine.close()
    warehouse.close()


@pytest.fixture(autouse=True)
def forgotten(home):
    yield
    for check in home.store.quality_checks():
        home.store.remove_quality_checks_of(check.subject_id)


def declare(home, table, kind, options, **more):
    return add_check(home.platform, 1, table, kind, options, **more)


def ask(home, check, **more):
    (run,) = run_checks(home.platform, 1, [check], **{"now": NOW, **more})
    return run


PASSES, FAILS = CheckState.PASSED, CheckState.FAILED
SAMPLE = "SELECT count() FROM web_visits"
CASES = [
    ("not_null", "visits", {"columns": ["id", "at"]}, {}, PASSES, "All 3,005 rows have a value"),
    ("not_null", "visits", {"column": "country"}, {}, FAILS, "991 of 3,005 rows lack a value in `country`"),
    ("not_null", "visits", {"column": "country"}, {"where": "id % 2 = 7"}, PASSES, "There are no rows."),
    ("not_null", "nothing", {"column": "id"}, {}, PASSES, "There are no rows."),
    ("not_null", "hollow", {"columns": ["id", "at"]}, {}, FAILS, "50 of 50 rows lack a value in `id` and `at`"),
    ("unique", "visits", {"columns": ["id"]}, {}, PASSES, "No two rows share their `id`"),
    ("unique", "visits", {"columns": ["day", "user_id"]}, {}, FAILS, "2,700 rows too many: 300 "),
    ("unique", "hollow", {"columns": ["id"]}, {}, PASSES, "No two rows"),
    ("unique", "nothing", {"columns": ["id"]}, {}, PASSES, "No two rows"),
    ("accepted_values", "visits", {"column": "country", "values": ["DE", "FR"]}, {}, PASSES, "among `DE` and `FR`"),
    ("accepted_values", "visits", {"column": "country", "values": ["DE", "it's"]}, {}, FAILS, "992 of 3,005"),
    ("accepted_values", "visits", {"column": "user_id", "values": list(range(9))}, {}, FAILS, "300 of 3,005"),
    ("accepted_values", "hollow", {"column": "country", "values": ["DE"]}, {}, PASSES, "Every `country`"),
    ("relationships", "visits", {"column": "user_id", "to": "app_users"}, {}, PASSES, "is in `app_users.id`"),
    ("relationships", "visits", {"column": "id", "to": "app_orders"}, {}, FAILS, "2,005 of 3,005 rows refer by `id`"),
    ("relationships", "hollow", {"column": "id", "to": "app_orders"}, {}, PASSES, "0 rows"),
    ("relationships", "visits", {"column": "user_id", "to": "web_nothing"}, {}, FAILS, "3,005 of 3,005"),
    ("row_count", "visits", {"min": 3005, "max": 3005}, {}, PASSES, "There are 3,005 rows."),
    ("row_count", "visits", {"min": 1}, {"where": "country = 'XX'"}, FAILS, "There are 0 rows; at least 1"),
    ("row_count", "nothing", {"max": 0}, {}, PASSES, "There are 0 rows."),
    ("row_count", "hollow", {"max": 49}, {}, FAILS, "at most 49"),
    ("freshness", "visits", {"column": "at", "max_age": "1h"}, {}, PASSES, "0 minutes ago"),
    ("freshness", "visits", {"column": "at", "max_age": "12h"}, {"where": "id > 50"}, FAILS, "24 hours ago; 12 hours are"),
    ("freshness", "visits", {"column": "day", "max_age": "1h"}, {}, PASSES, "2026-05-20"),
    ("freshness", "nothing", {"column": "at", "max_age": "1h"}, {}, FAILS, "No row has a `at` up to now"),
    ("freshness", "hollow", {"column": "at", "max_age": "99w"}, {}, FAILS, "No row has a `at`"),
    ("custom", "visits", {"sql": "SELECT id FROM web_visits WHERE id < 0"}, {}, PASSES, "no rows"),
    ("custom", "visits", {"sql": "SELECT id FROM web_visits -- all"}, {}, FAILS, "returns 3,005 rows; none"),
    ("custom", "visits", {"sql": SAMPLE, "min": 1, "max": 5000}, {}, PASSES, "says 3,005"),
    ("custom", "visits", {"sql": SAMPLE, "max": 5}, {}, FAILS, "says 3,005; at most 5"),
    ("custom", "visits", {"sql": "SELECT max(id) > 9 FROM web_visits", "expect": "true"}, {}, PASSES, "says"),
    ("custom", "nothing", {"sql": "SELECT max(id) > 9 FROM web_nothing", "expect": "true"}, {}, FAILS, "NULL"),
    ("custom", "nothing", {"sql": "SELECT max(id) FROM web_nothing", "min": 1}, {}, FAILS, "no number"),
    ("volume", "visits", {"column": "at"}, {}, PASSES, "The day of 2026-05-19 has 100 rows: the 28 periods"),
    ("volume", "visits", {"column": "day", "period": "week"}, {}, PASSES, "needed to judge"),
    ("volume", "visits", {"column": "at"}, {"where": "not (day = '2026-05-19' and user_id > 4)"}, FAILS, "50 rows, too few"),
    ("volume", "visits", {"column": "at", "direction": "spike"}, {"where": "day != '2026-05-19'"}, PASSES, "has 0 rows"),
    ("volume", "visits", {"column": "at", "compare": "weekday", "periods": 4, "min_periods": 3}, {}, PASSES, "the 4 periods"),
    ("volume", "thin", {"column": "at"}, {}, PASSES, "of the 7 periods needed"),
    ("volume", "nothing", {"column": "at"}, {}, PASSES, "no rows to compare"),
    ("null_drift", "visits", {}, {}, PASSES, "7 of 7 columns have values in 3,005 rows"),
    ("null_drift", "hollow", {}, {}, PASSES, "0 of 7 columns"),
    ("schema", "visits", {"columns": {"id": "BIGINT", "at": "DateTime", "day": "Date"}}, {}, PASSES, "All 3"),
    ("schema", "visits", {"columns": {"id": "INTEGER", "gone": "String"}}, {}, FAILS, "`id` is BIGINT; declared INTEGER; `gone` is missing"),
    ("schema", "nothing", {"columns": {"id": "Integer"}, "strict": True}, {}, FAILS, "`user_id` is not declared"),
    ("schema", "nothing", {"columns": {"id": "String"}}, {}, FAILS, "`id` is BIGINT; declared String"),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_every_kind_passes_and_fails_with_a_sentence_on_every_engine(home, engine):
    assert {case[0] for case in CASES} == set(kinds())
    checks = [
        declare(home, f"web_{table}", kind, options, name=f"c{number}", **more)
        for number, (kind, table, options, more, _, _) in enumerate(CASES)
    ]
    runs = run_checks(home.platform, 1, checks, engine=engine, now=NOW)
    for run, case in zip(runs, CASES, strict=True):
        assert run.state is case[4] and case[5] in run.message, (case, run.message)
    volume = next(run for run in runs if run.kind == "volume").details
    assert (volume["median"], volume["periods"], volume["expected_max"]) == (100, 28, 140)
    assert len(home.store.check_runs(1, limit=1000)) == len(CASES)


def test_the_band_of_a_history_is_robust_and_never_a_point():
    assert Band.of([100] * 20, 4).low == 60
    wild = Band.of([100] * 20 + [100_000] * 3, 4)
    assert (wild.median, wild.high) == (100, 140)
    assert Band.of([1_000_000] * 10, 4).high == 1_080_000
    assert Band.of([0] * 10, 4).high == 2


@pytest.mark.parametrize(
    ("table", "kind", "options", "more", "words"),
    [
        ("web_visit", "not_null", {"column": "id"}, {}, "Did you mean `web_visits`"),
        ("web_visits", "notnull", {"column": "id"}, {}, "Did you mean `not_null`"),
        ("web_visits", "not_null", {"column": "contry"}, {}, "no column `contry`. Did you mean `country`"),
        ("web_visits", "not_null", {}, {}, "needs `columns`"),
        ("web_visits", "not_null", {"columns": []}, {}, "is empty"),
        ("web_visits", "not_null", {"column": "id", "valeus": 1}, {}, "takes no `valeus`"),
        ("web_visits", "accepted_values", {"column": "country", "values": []}, {}, "no row could ever pass"),
        ("web_visits", "accepted_values", {"columns": ["id", "at"], "values": [1]}, {}, "one column, not 2"),
        ("web_visits", "relationships", {"column": "user_id", "to": "app_user"}, {}, "app_users"),
        ("web_visits", "relationships", {"column": "user_id", "to": "app_users", "field": "idd"}, {}, "idd"),
        ("web_visits", "row_count", {}, {}, "`min`, `max` or both"),
        ("web_visits", "row_count", {"min": 5, "max": 4}, {}, "more than `max`"),
        ("web_visits", "row_count", {"min": -1}, {}, "of at least 0"),
        ("web_visits", "freshness", {"column": "country", "max_age": "1h"}, {}, "is of type String"),
        ("web_visits", "freshness", {"column": "at", "max_age": "soon"}, {}, "not a length of time"),
        ("web_visits", "custom", {"sql": "SELECT 1 AS a"}, {}, "does not read `web_visits`"),
        ("web_visits", "custom", {"sql": "SELECT id, at FROM web_visits", "max": 1}, {}, "gives 2 columns"),
        ("web_visits", "custom", {"sql": "SELECT id FROM web_visits"}, {"where": "id > 1"}, "takes no filter"),
        ("web_visits", "volume", {"column": "country"}, {}, "needs a date or a time"),
        ("web_visits", "volume", {"column": "at", "period": "year"}, {}, "`hour`, `day` and `week`"),
        ("web_visits", "volume", {"column": "at", "min_periods": 99}, {}, "more than `periods`"),
        ("web_visits", "schema", {"columns": {"id": "NUMBERISH"}}, {}, "is no type"),
        ("web_visits", "not_null", {"column": "id"}, {"severity": "fatal"}, "`error` or `warn`"),
        ("web_visits", "not_null", {"column": "id"}, {"name": "no spaces"}, "cannot be the name"),
        ("web_visits", "not_null", {"column": "id"}, {"name": "key_is_unique"}, "every synced table has"),
        ("web_visits", "not_null", {"column": "id"}, {"every": "5min"}, "can run by itself every"),
        ("web_visits", "not_null", {"column": "id", "examples": 51}, {}, "from 0 to 50"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_when_it_is_declared(home, table, kind, options, more, words):
    with pytest.raises(UserError) as caught:
        declare(home, table, kind, options, **more)
    assert words in str(caught.value)
    assert home.store.quality_checks() == []


@pytest.mark.parametrize(
    ("where", "place", "words"),
    [
        ("id > 1\n  and contry = 'x'", (2, 7), "`country`"),
        ("id > > 1", (1, 6), "Expected"),
        ("1) OR (1", (1, 2), "")
    ],
)  # fmt: skip
def test_a_filter_that_does_not_compile_is_refused_with_its_own_place(home, where, place, words):
    with pytest.raises(HogQLError) as caught:
        declare(home, "web_visits", "row_count", {"min": 1}, where=where)
    assert caught.value.problems[0].place(where) == place and words in str(caught.value)


def test_a_query_that_does_not_compile_is_refused_with_its_own_place(home):
    with pytest.raises(HogQLError, match=r"line 1, column 8"):
        declare(home, "web_visits", "custom", {"sql": "SELECT contry FROM web_visits"})


def test_checks_of_a_table_that_was_never_synced_are_declared_first_and_computed_later(home):
    check = declare(home, "web_later", "not_null", {"column": "country"})
    run = ask(home, check)
    assert run.state is CheckState.BROKEN and "pwh sync web_later" in run.message
    put(home, "later", [{"id": 1, "country": "DE"}])
    assert ask(home, check).passed


def test_examples_show_keys_and_hide_what_is_masked_or_secret(home):
    table = home.store.find_table(1, "web_visits")
    masks = (Mask("referrer", MaskKind.HASH),)
    home.store.update_table(table.id, options=TableOptions(masks=masks))
    rows = declare(home, "web_visits", "not_null", {"column": "country", "examples": 3})
    found = ask(home, rows)
    assert found.failing_rows == 991
    assert [set(each) for each in found.details["examples"]] == [{"id"}] * 3
    values = {"column": "referrer", "values": ["x"]}
    masked = ask(home, declare(home, "web_visits", "accepted_values", values))
    assert {each["referrer"] for each in masked.details["examples"]} == {"***"}
    sql = (
        "SELECT upper(referrer) AS shown, api_token, concat('postgresql://a:', 'hunter2', '@b') AS place, "
        "repeat('x', 500) AS long FROM web_visits"
    )
    (first, *_) = ask(home, declare(home, "web_visits", "custom", {"sql": sql})).details["examples"]
    assert (first["shown"], first["api_token"], len(first["long"])) == ("***", "***", 200)
    assert first["place"] == "postgresql://a:***@b"
    none = declare(home, "web_visits", "unique", {"columns": ["day"], "examples": 0})
    assert "examples" not in ask(home, none).details
    home.store.update_table(table.id, options=TableOptions())


def test_a_column_that_loses_its_values_is_found_and_found_until_it_has_some_again(home):
    check = declare(home, "web_drifting", "null_drift", {}, severity="warn")
    rows = [{"id": i, "country": "DE", "referrer": "x"} for i in range(9)]
    put(home, "drifting", rows)
    assert ask(home, check).passed
    put(home, "drifting", [])
    assert ask(home, check).passed  # no rows say nothing of columns
    put(home, "drifting", [{**row, "country": None} for row in rows])
    for _ in range(2):
        run = ask(home, check)
        assert run.state is FAILS and run.severity is Severity.WARN
        assert run.details["lost"] == ["country"]
        assert (
            "`country` is NULL in all 9 rows; `country` had 9 values on 2026-05-20" in run.message
        )
    put(home, "drifting", [{**row, "country": None} for row in rows[1:]] + rows[:1])
    assert ask(home, check).passed


def test_a_table_without_times_is_held_against_its_earlier_sizes(home):
    check = declare(home, "web_drifting", "volume", {"min_periods": 3})
    for size in (100, 101, 99, 102):
        put(home, "drifting", [{"id": i} for i in range(size)])
        assert ask(home, check).passed
    put(home, "drifting", [{"id": i} for i in range(20)])
    run = ask(home, check)
    assert (
        run.state is FAILS
        and "There are 20 rows, too few: the 4 checks before have 100" in run.message
    )


def test_a_check_whose_column_vanished_is_an_issue_and_no_crash(home):
    save_view(home.platform, 1, "shape", "SELECT id, email FROM app_users")
    wanted = {"column": "email"}
    check = declare(home, "shape", "not_null", wanted, severity="warn")
    other = declare(home, "shape", "relationships", {"column": "id", "to": "app_users"})
    assert ask(home, check).passed
    save_view(home.platform, 1, "shape", "SELECT id FROM app_users", force=True)
    broken, fine = run_checks(home.platform, 1, [check, other], now=NOW)
    assert broken.state is CheckState.BROKEN and fine.passed
    assert "It cannot be computed" in broken.message and "email" in broken.message
    (issue,) = [each for each in health(home.platform, 1) if each.name == "shape"]
    assert issue.kind.value == "check_failed" and "cannot be computed" in issue.error
    remove_view(home.platform, 1, "shape")
    assert home.store.quality_checks(1, check.subject_id) == []
    assert ask(home, check).state is CheckState.BROKEN  # somebody still holds it


def test_an_engine_that_does_not_answer_leaves_the_last_result_standing(home):
    check = declare(home, "web_visits", "row_count", {"min": 1})
    assert ask(home, check).passed
    environ = {"PWH_HOME": str(home.settings.home), "PWH_CLICKHOUSE_URL": "http://127.0.0.1:1"}
    away = open_platform(Settings.from_env(environ))
    (run,) = run_checks(away, 1, [check], engine="clickhouse", now=NOW)
    away.lakes.close()
    away.store.close()
    assert run.state is CheckState.BROKEN and run.details["code"] == "engine_unavailable"
    assert [each.passed for each in home.store.check_runs(1, name="row_count")] == [True]
    with pytest.raises(InvalidInputError, match="no engine `oracle`"):
        ask(home, check, engine="oracle")


def test_three_million_rows_are_looked_at_within_the_memory_of_a_query(home):
    sql = "SELECT number % 2999999 AS id, toString(number) AS word FROM numbers(3000000)"
    save_view(home.platform, 1, "huge", sql)
    run = ask(home, declare(home, "huge", "unique", {"columns": ["id"]}))
    assert (run.state, run.failing_rows) == (FAILS, 1)
    assert run.details["examples"] == [{"id": 0, "rows_with_it": 2}]
    remove_view(home.platform, 1, "huge")


def test_checks_are_found_by_any_spelling_and_two_of_a_name_have_to_be_told_apart(home):
    one = declare(home, "web_visits", "row_count", {"min": 1})
    declare(home, "web_thin", "row_count", {"min": 1})
    for name in ("web_visits.row_count", "postgres.web.visits.row_count", one.id):
        assert find_check(home.platform, 1, name) == one
    with pytest.raises(ConflictError, match=r"Several tables .* `web_visits\.row_count`"):
        find_check(home.platform, 1, "row_count")
    with pytest.raises(NotFoundError, match=r"Did you mean `web_visits\.row_count`"):
        find_check(home.platform, 1, "web_visits.row_coumt")
    with pytest.raises(ConflictError, match="has a check `row_count` already"):
        declare(home, "web_visits", "row_count", {"max": 9})
    remove_check(home.platform, 1, "web_visits.row_count")
    assert [each.name for each in home.store.quality_checks(1)] == ["row_count"]


DOCUMENT = """
checks:
  - table: web_visits
    kind: not_null
    columns: [id, at]
    where: id > 3
    every: 24hour
    at: "02:30"
  - {table: web.visits, kind: accepted_values, column: country, values: [DE, FR], severity: warn}
  - table: events
    kind: freshness
    column: timestamp
    max_age: 2 hours
    description: Somebody is there
"""


def test_a_document_is_applied_as_often_as_one_likes_and_written_back(home):
    document = DOCUMENT.replace("web.visits", "postgres.web.visits")
    first = apply_document(home.platform, 1, document)
    names = (
        "web_visits.not_null_id_at",
        "web_visits.accepted_values_country",
        "events.freshness_timestamp",
    )
    assert first.added == names
    version = home.store.catalog_version(1)
    again = apply_document(home.platform, 1, document, prune=True)
    assert (again.unchanged, again.added, again.changed, again.removed) == (names, (), (), ())
    assert home.store.catalog_version(1) == version
    written = export_document(home.platform, 1)
    assert apply_document(home.platform, 1, written, prune=True).added == ()
    assert set(apply_document(home.platform, 1, written).unchanged) == set(names)
    fewer = document[: document.index("  - table: events")].replace("FR]", "FR, IT]")
    planned = apply_document(home.platform, 1, fewer, prune=True, dry_run=True)
    assert planned.changed == names[1:2] and planned.removed == names[2:]
    assert len(home.store.quality_checks(1)) == 3
    assert apply_document(home.platform, 1, fewer, prune=True) == planned
    assert len(home.store.quality_checks(1)) == 2


def test_the_examples_of_the_page_work(home, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "quality.md").read_text()
    (document,) = re.findall(r"(?s)```yaml\n(.*?)```", page)
    assert len(apply_document(home.platform, 1, document).added) == 4
    for check in home.store.quality_checks():
        home.store.remove_quality_checks_of(check.subject_id)
    monkeypatch.setenv("PWH_HOME", str(home.settings.home))
    commands = re.search(r"(?s)```sh\n(.*?)```", page)[1].strip().splitlines()
    for line in commands[:-1]:
        assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr())
    assert main(shlex.split(commands[-1])[1:]) == 0
    assert "! app_users.accepted" not in capsys.readouterr().out
    for kind in kinds():
        assert f"| `{kind}` |" in page


def test_a_document_with_mistakes_names_them_all_and_changes_nothing(home):
    with pytest.raises(DocumentError) as caught:
        apply_document(
            home.platform,
            1,
            DOCUMENT.replace("max_age", "maxage").replace("web.visits", "web_vists"),
        )
    words = str(caught.value)
    assert (
        "Check 2 (web_vists, accepted_values)" in words and "Check 3 (events, freshness)" in words
    )
    assert "`web_visits`" in words and "`max_age`" in words
    assert home.store.quality_checks(1) == []
    for text, words in (
        ("checks: [", "not YAML at line 1"),
        ("tests: []", "no list `checks:`"),
        ("checks: [3]", "Check 1 is no mapping"),
        ("checks: []\nother: 1", "`other` at the top"),
        (DOCUMENT + "  - {table: events, kind: freshness, column: timestamp, max_age: 1h}", "there twice"),
    ):  # fmt: skip
        with pytest.raises(DocumentError, match=words):
            apply_document(home.platform, 1, text.replace("web.visits", "web_visits"))


def test_the_command_line_declares_runs_shows_and_forgets(home, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PWH_HOME", str(home.settings.home))
    values = "values=[DE, it]"
    words = ["web_visits", "accepted_values", "--column", "country", "--set", values]
    assert main(["check", "add", *words, "--name", "land"]) == 0
    assert main(["check", "add", "web_visits", "row_count", "--set", "min=1"]) == 0
    capsys.readouterr()
    assert main(["check", "run", "web_visits"]) == 1
    out = capsys.readouterr().out
    assert "✗ web_visits.land: 992 of 3,005 rows" in out and "1 of 2 checks passed." in out
    assert main(["check", "run", "row_count", "--engine", "duckdb"]) == 0
    assert main(["check", "show", "land"]) == 0
    assert main(["check", "list", "web_visits"]) == 0
    assert main(["check", "history", "land", "--json"]) == 0
    assert main(["check", "kinds"]) == 0
    out = capsys.readouterr().out
    assert "null_drift:" in out and '"trigger": "manual"' in out
    file = tmp_path / "checks.yml"
    assert main(["check", "export"]) == 0
    file.write_text(capsys.readouterr().out)
    assert main(["check", "remove", "land"]) == 0
    assert main(["check", "apply", str(file)]) == 0
    assert "1 added, 0 changed, 0 removed, 1 unchanged." in capsys.readouterr().out
    assert main(["check", "add", "web_visits", "row_count", "--set", "min"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err
