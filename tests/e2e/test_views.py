"""Saved queries from text to table, on a real lake with real dbt."""

import re
import threading
import time
from pathlib import Path

import pytest

from pwh_assets.core.job import JobStatus
from pwh_assets.core.source import TableStatus
from pwh_assets.errors import BusyError, ConflictError, InvalidInputError, NotFoundError, UserError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.views.builds import view_exclusively
from pwh_assets.services.views.saved import (
    ViewCycleError,
    ViewInUseError,
    build_view,
    materialize_view,
    remove_view,
    restore_view,
    revert_view,
    save_view,
    view_history,
)
from pwh_assets.services.views.text import MissingInputError
from tests.e2e.homes import Warehouse, orders, people

ROOT = Path(__file__).parents[2]
SPENT = "SELECT user_id, sum(amount) AS spent, count() AS orders FROM app_orders GROUP BY user_id"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("views") / "home")
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    yield warehouse
    warehouse.close()


def save(home, name, sql, **more):
    return save_view(home.platform, 1, name, sql, **more)


def table_of(home, name, sql, every="24hour"):
    save(home, name, sql)
    view = materialize_view(home.platform, 1, name, every)
    return view, build_view(home.platform, view)


def test_a_saved_query_knows_its_columns_and_inputs_and_can_be_asked(home):
    view = save(home, "spent", SPENT + ";", description="What users spent", owner="ann")
    assert [(c.name, c.type) for c in view.columns] == [
        ("user_id", "BIGINT"),
        ("spent", "DOUBLE"),
        ("orders", "BIGINT"),
    ]
    assert (view.inputs, view.version, view.owner) == (("app_orders",), 1, "ann")
    assert home.ask("SELECT count(), sum(orders) FROM spent") == [(10, 1000)]


def test_a_column_that_is_repeated_keeps_its_description(home):
    view = save(home, "mails", "SELECT email, upper(email) AS loud FROM app_users")
    assert [c.description for c in view.columns] == ["Where to write", ""]


def test_a_broken_text_is_refused_with_its_place_and_nothing_is_saved(home):
    with pytest.raises(HogQLError) as caught:
        save(home, "broken", "SELECT id FROM\n app_user")
    problem = caught.value.problems[0]
    assert problem.place(caught.value.text) == (2, 2) and "app_users" in str(caught.value)
    assert home.store.find_view(1, "broken") is None


@pytest.mark.parametrize(
    "name", ["", "1st", "a b", "a-b", "a.", ".a", "a..b", "x" * 129, "a;b", 'a"b', "ä"]
)
def test_a_name_that_is_no_identifier_is_refused(home, name):
    with pytest.raises(InvalidInputError) as caught:
        save(home, name, "SELECT 1 AS a")
    assert caught.value.attr == "name"


@pytest.mark.parametrize(
    "name", ["app_users", "APP_Users", "events", "postgres.app.users", "app_postgres_users"]
)
def test_the_name_of_a_table_is_refused_naming_both_sides(home, name):
    with pytest.raises(ConflictError) as caught:
        save(home, name, "SELECT 1 AS a")
    known = "events" if name == "events" else "app_users"
    assert f"`{name}`" in str(caught.value) and f"`{known}`" in str(caught.value)


def test_two_views_that_would_be_one_model_are_refused(home):
    save(home, "revenue.mrr", "SELECT 1 AS a")
    with pytest.raises(ConflictError, match=r"`revenue__mrr` and `revenue\.mrr`"):
        save(home, "revenue__mrr", "SELECT 1 AS a")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT id, ID FROM app_users", "more than one column"),
        (
            "SELECT a.id, b.id FROM app_users a JOIN app_orders b ON a.id = b.id",
            "more than one column",
        ),
        ("SELECT 1 AS `a b`", "without a name"),
        ("   ", "has no text"),
    ],
)
def test_columns_need_names_of_their_own(home, sql, words):
    with pytest.raises(InvalidInputError, match=words):
        save(home, "columns", sql)


def test_an_edit_is_a_version_and_an_old_one_can_be_restored(home):
    save(home, "versions", "SELECT 1 AS a", author="ann")
    assert save(home, "VERSIONS", "SELECT 1 AS a").version == 1
    assert save(home, "versions", "SELECT 2 AS a", author="bob").version == 2
    assert [(v.version, v.sql, v.author) for v in view_history(home.platform, 1, "versions")] == [
        (1, "SELECT 1 AS a", "ann"),
        (2, "SELECT 2 AS a", "bob"),
    ]
    assert restore_view(home.platform, 1, "versions", 1).version == 3
    assert home.ask("SELECT a FROM versions") == [(1,)]
    with pytest.raises(NotFoundError, match="There are 1, 2, 3"):
        restore_view(home.platform, 1, "versions", 9)


def test_a_cycle_is_refused_by_name(home):
    save(home, "ring_a", "SELECT id FROM app_users")
    save(home, "ring_b", "SELECT id FROM ring_a")
    save(home, "ring_c", "SELECT id FROM ring_b")
    with pytest.raises(ViewCycleError, match="`ring_a -> ring_c -> ring_b -> ring_a`"):
        save(home, "ring_a", "SELECT id FROM ring_c")
    with pytest.raises(ViewCycleError, match="`ring_a -> ring_a`"):
        save(home, "ring_a", "SELECT id FROM ring_a")
    assert home.store.view(1, "ring_a").sql == "SELECT id FROM app_users"


def test_a_view_others_read_is_not_removed_unless_forced(home):
    save(home, "floor", "SELECT id FROM app_users")
    save(home, "roof", "SELECT id FROM floor")
    with pytest.raises(ViewInUseError, match="`floor` is read by `roof`"):
        remove_view(home.platform, 1, "floor")
    remove_view(home.platform, 1, "floor", force=True)
    with pytest.raises(HogQLError):
        home.ask("SELECT id FROM roof")
    remove_view(home.platform, 1, "roof")


@pytest.mark.parametrize("every", ["5min", "2hour", ""])
def test_a_period_that_views_cannot_have_is_refused(home, every):
    save(home, "periods", "SELECT 1 AS a")
    with pytest.raises(InvalidInputError) as caught:
        materialize_view(home.platform, 1, "periods", every)
    assert caught.value.attr == "sync_frequency"


def test_a_plain_view_is_not_built(home):
    view = save(home, "plain_one", "SELECT 1 AS a")
    with pytest.raises(UserError, match="pwh view materialize plain_one"):
        build_view(home.platform, view)
    with pytest.raises(UserError, match="not materialized"):
        revert_view(home.platform, 1, "plain_one")


def test_a_materialized_view_is_a_table_with_its_build_on_record(home):
    view, result = table_of(home, "kept.spent", SPENT)
    assert (result.rows, [c.name for c in result.columns]) == (10, ["user_id", "spent", "orders"])
    now = home.store.view(1, "kept.spent")
    assert (now.status, now.row_count, now.latest_error) == (TableStatus.COMPLETED, 10, None)
    assert now.last_run_at is not None and [c.name for c in now.columns] == [
        c.name for c in result.columns
    ]
    (job,) = home.store.jobs(1, subject_id=view.id)
    assert (job.status, job.rows) == (JobStatus.COMPLETED, 10) and job.bytes > 0
    assert home.ask("SELECT sum(orders) FROM kept.spent") == [(1000,)]


def test_a_view_over_plain_and_materialized_views_is_built(home):
    save(home, "paid", "SELECT id, email FROM app_users WHERE plan = 'paid'")
    table_of(home, "totals", SPENT)
    sql = "SELECT paid.email AS email, totals.spent AS spent FROM paid JOIN totals ON totals.user_id = paid.id"
    _, result = table_of(home, "best", sql)
    assert result.rows == 5
    model = (home.settings.home / "dbt" / "1" / "models" / "best.sql").read_text()
    assert '{{ ref("totals") }}' in model and '{{ source("postgres_app", "users") }}' in model


def test_a_text_with_braces_and_quotes_is_data(home):
    table_of(home, "braces", "SELECT '{{ env_var(\\'HOME\\') }} {% x %} {# y #}' AS a")
    assert home.ask("SELECT a FROM braces") == [("{{ env_var('HOME') }} {% x %} {# y #}",)]


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT NULL AS a", (None,)),
        ("SELECT (1, 'x') AS a", ([1, "x"],)),
        ("SELECT [(1, 'x'), (2, 'y')] AS a", ([[1, "x"], [2, "y"]],)),
        ("SELECT (1, (2, [NULL])) AS a", ([1, [2, [None]]],)),
        ("SELECT map('a', 1) AS a", ({"a": 1},)),
        ("SELECT toDate('2024-01-01') AS a", ("2024-01-01",)),
        ("SELECT sum(id) AS a FROM app_users", (45,)),
        ("SELECT id AS a FROM app_users ORDER BY id DESC LIMIT 1", (9,)),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x UNION ALL SELECT 1 AS a", (1,)),
    ],
)
def test_every_kind_of_value_can_be_kept(home, sql, answer):
    table_of(home, "kinds", sql)
    assert home.ask("SELECT a FROM kinds")[0] == answer


@pytest.mark.parametrize(
    "name", ["select", "models", "sources", "pwh", "config", "ref", "table", "a.b.c"]
)
def test_words_of_dbt_and_sql_are_names_like_any_other(home, name):
    _, result = table_of(home, name, "SELECT id FROM app_users")
    assert result.rows == 10


def test_now_is_the_moment_of_the_build(home):
    view, _ = table_of(home, "clock", "SELECT now() AS moment, today() AS day")
    ((first, _),) = home.ask("SELECT moment, day FROM clock")
    time.sleep(1.1)
    build_view(home.platform, view)
    ((second, _),) = home.ask("SELECT moment, day FROM clock")
    assert first < second


def test_an_edited_view_shows_its_new_text_after_the_next_build(home):
    view, _ = table_of(home, "edited", "SELECT id FROM app_users")
    save(home, "edited", "SELECT id, email FROM app_users WHERE id < 3")
    assert home.ask("SELECT count() FROM edited") == [(10,)]
    assert build_view(home.platform, view).rows == 3
    assert home.ask("SELECT max(email) FROM edited") == [("p2@example.com",)]


def test_a_reverted_view_is_plain_again_and_has_no_table(home):
    table_of(home, "reverted", "SELECT id FROM app_users")
    reverted = revert_view(home.platform, 1, "reverted")
    assert (reverted.is_materialized, reverted.row_count) == (False, None)
    assert ("views", "reverted") not in {(t.schema, t.name) for t in home.lake.tables()}
    assert home.ask("SELECT count() FROM reverted") == [(10,)]


def test_a_removed_view_takes_its_table_and_model_along(home):
    table_of(home, "removed", "SELECT id FROM app_users")
    remove_view(home.platform, 1, "removed")
    assert ("views", "removed") not in {(t.schema, t.name) for t in home.lake.tables()}
    table_of(home, "remaining", "SELECT id FROM app_users")
    assert not (home.settings.home / "dbt" / "1" / "models" / "removed.sql").exists()


def test_a_failed_build_keeps_the_rows_and_says_why_in_one_sentence(home):
    view, _ = table_of(home, "fragile", "SELECT id FROM app_users")
    save(home, "fragile", "SELECT (SELECT id FROM app_orders) AS id FROM app_users")
    with pytest.raises(Exception, match="could not be built") as caught:
        build_view(home.platform, view)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)
    now = home.store.view(1, "fragile")
    assert now.status is TableStatus.FAILED and now.latest_error == str(caught.value)
    assert home.store.jobs(1, subject_id=view.id)[0].status is JobStatus.FAILED
    assert home.ask("SELECT count() FROM fragile") == [(10,)]
    save(home, "fragile", "SELECT id FROM app_users")
    build_view(home.platform, view)
    assert home.store.view(1, "fragile").latest_error is None


def test_what_was_never_synced_is_named_when_a_view_is_saved_and_when_it_is_built(tmp_path):
    other = Warehouse(tmp_path / "home")
    try:
        with pytest.raises(MissingInputError, match="`app_users`, which was never synced"):
            save(other, "plain", "SELECT id, email FROM app_users")
        other.write("users", people())
        save(other, "plain", "SELECT id, email FROM app_users")
        save(other, "top", "SELECT email FROM plain")
        view = materialize_view(other.platform, 1, "top")
        other.lake.drop_table("postgres_app", "users")
        with pytest.raises(MissingInputError, match="Run `pwh sync app_users` first"):
            build_view(other.platform, view)
        assert other.store.jobs(1)[0].error_code == "missing_input"
        other.write("users", people())
        assert build_view(other.platform, view).rows == 10
    finally:
        other.close()


def test_a_table_that_only_a_join_reads_is_an_input(home):
    view = save(home, "joined", "SELECT event, person.properties.email AS email FROM events")
    assert view.inputs == ("events", "persons")


def test_a_view_that_is_being_built_is_busy(home):
    view, _ = table_of(home, "busy", "SELECT 1 AS a")
    with view_exclusively(home.platform, 1, view):
        for attempt in (
            lambda: build_view(home.platform, view),
            lambda: remove_view(home.platform, 1, "busy"),
            lambda: revert_view(home.platform, 1, "busy"),
        ):
            with pytest.raises(BusyError, match="`busy` is being built"):
                attempt()
    assert home.store.view(1, "busy").status is TableStatus.COMPLETED


def test_two_builds_at_once_are_one_build_and_one_refusal(home):
    sql = "SELECT count() AS n FROM app_orders a CROSS JOIN app_orders b CROSS JOIN app_users c WHERE a.id + b.id >= c.id"
    view, _ = table_of(home, "twins", sql)
    outcomes = []

    def build():
        try:
            outcomes.append(build_view(home.platform, view).rows)
        except BusyError:
            outcomes.append("busy")

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["1", "busy"]


def test_readers_in_hogql_see_whole_tables_while_a_view_is_rebuilt(home):
    view, _ = table_of(home, "watched", "SELECT id, version FROM app_orders")
    stop, seen, failures = threading.Event(), set(), []

    def watch():
        while not stop.is_set():
            try:
                seen.update(home.ask("SELECT count(), uniq(version) FROM watched"))
            except Exception as error:
                failures.append(repr(error))
            stop.wait(0.02)

    reader = threading.Thread(target=watch)
    reader.start()
    for version in range(2, 6):
        home.write("orders", orders(version=version))
        build_view(home.platform, view)
    stop.set()
    reader.join()
    assert (failures, seen) == ([], {(1000, 1)})
    assert home.ask("SELECT min(version) FROM watched") == [(5,)]


def test_the_examples_of_the_page_run(home):
    page = (ROOT / "docs" / "views.md").read_text()
    ((name, sql),) = re.findall(r'^pwh view create (\S+) "(.*)"$', page, re.MULTILINE)
    (question,) = re.findall(r'^pwh query "(.*)"$', page, re.MULTILINE)
    save(home, name, sql)
    assert home.ask(question) == []


def test_a_build_that_is_interrupted_is_cancelled_not_failed(home, monkeypatch):
    class Interruption(BaseException):
        """As Dagster's own, which is no KeyboardInterrupt."""

    def interrupt(*_):
        raise Interruption

    view, _ = table_of(home, "stopped", SPENT)
    monkeypatch.setattr("pwh_assets.services.views.builds.models.run", interrupt)
    with pytest.raises(Interruption):
        build_view(home.platform, view)
    assert home.platform.store.view(1, "stopped").status is TableStatus.CANCELLED
    assert home.platform.store.jobs(1, limit=1)[0].status is JobStatus.CANCELLED
    assert home.ask("SELECT count() FROM stopped") == [(10,)]
