"""Editing saved queries among other people's: what breaks is known before, and edits that cross are noticed."""

import pytest

from pwh_assets.core.language import TableJoin
from pwh_assets.core.view import Refresh, ViewOrigin
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.hogql.joins import add_join, remove_join
from pwh_assets.services.views.impact import (
    Break,
    ColumnChange,
    Use,
    impact_of_columns,
    impact_of_text,
    impact_without,
    uses_of,
)
from pwh_assets.services.views.saved import (
    BreaksReadersError,
    EditConflictError,
    ManagedViewError,
    RenameRefusedError,
    build_view,
    describe_view,
    diff_versions,
    materialize_view,
    remove_view,
    rename_view,
    restore_view,
    revert_view,
    save_view,
    view_history,
)
from tests.e2e.homes import Warehouse, orders, people

BASE = "SELECT id, email, plan FROM app_users"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("edits") / "home")
    warehouse.write("users", people())
    warehouse.write("orders", orders())
    yield warehouse
    warehouse.close()


@pytest.fixture
def tower(home):
    """`floor` is read by `mails` and `plans`, `mails` by `loud`, `plans` by nobody."""
    save(home, "floor", BASE)
    save(home, "mails", "SELECT id,\n  email FROM floor", owner="ann")
    save(home, "plans", "SELECT plan, count() AS n FROM floor GROUP BY plan")
    save(home, "loud", "SELECT upper(email) AS mail FROM mails")
    save(home, "all_of_it", "SELECT * FROM floor")
    yield home
    for name in ("loud", "mails", "plans", "all_of_it", "floor"):
        remove_view(home.platform, 1, name, force=True)


def save(home, name, sql, **more):
    return save_view(home.platform, 1, name, sql, **more)


def test_an_edit_that_breaks_readers_is_refused_by_name_and_place_unless_forced(tower):
    without_mail = "SELECT id, plan FROM app_users"
    impact = impact_of_text(tower.platform, 1, "floor", without_mail)
    assert impact.columns == (ColumnChange("email", "VARCHAR", None),)
    direct, above = sorted(impact.breaks, key=lambda each: each.view, reverse=True)
    assert direct == Break(
        "mails",
        "`floor` has no column `email`",
        2,
        3,
        direct.start,
        direct.end,
        direct.hint,
        owner="ann",
    )
    assert "SELECT id,\n  email FROM floor"[direct.start : direct.end] == "email"
    assert (above.view, above.via, above.line) == ("loud", "mails", 0)
    assert impact.changed == ("all_of_it",) and not impact.is_safe
    assert impact.readers == ("all_of_it", "loud", "mails", "plans")

    with pytest.raises(BreaksReadersError) as caught:
        save(tower, "floor", without_mail)
    assert caught.value.code == "breaks_readers" and caught.value.impact == impact
    assert "`mails` (line 2, column 3): `floor` has no column `email`" in str(caught.value)
    assert tower.store.view(1, "floor").version == 1
    assert tower.ask("SELECT count() FROM loud") == [(10,)]

    assert save(tower, "floor", without_mail, force=True).version == 2
    # What was broken before is nobody's fault: only `plans` stands and falls with this edit.
    onward = impact_of_text(tower.platform, 1, "floor", "SELECT id FROM app_users")
    assert {each.view for each in onward.breaks} == {"plans"}
    assert save(tower, "floor", BASE).version == 3
    with pytest.raises(BreaksReadersError):
        restore_view(tower.platform, 1, "floor", 2)


def test_an_edit_that_breaks_nobody_is_saved_and_says_whose_columns_change(tower):
    wider = "SELECT id, email, plan, 1 AS one FROM app_users"
    impact = impact_of_text(tower.platform, 1, "floor", wider)
    assert impact.is_safe and impact.changed == ("all_of_it",)
    assert impact.columns == (ColumnChange("one", None, "BIGINT"),)
    assert save(tower, "floor", wider).version == 2
    retyped = impact_of_text(
        tower.platform, 1, "floor", wider.replace("id,", "toString(id) AS id,", 1)
    )
    assert retyped.columns == (ColumnChange("id", "BIGINT", "VARCHAR"),)
    assert retyped.changed == ("all_of_it", "mails") and retyped.is_safe
    reordered = impact_of_text(tower.platform, 1, "floor", f"{BASE} WHERE id > 3")
    assert [each.name for each in reordered.columns] == ["one"]


def test_a_type_that_readers_cannot_use_breaks_them(home):
    save(home, "moments", "SELECT toDate('2026-01-01') AS day, id FROM app_users")
    save(home, "months", "SELECT toStartOfMonth(day) AS month FROM moments")
    impact = impact_of_text(home.platform, 1, "moments", "SELECT [1] AS day, id FROM app_users")
    assert [(each.view, each.line) for each in impact.breaks] == [("months", 1)]
    remove_view(home.platform, 1, "months")
    remove_view(home.platform, 1, "moments")


def test_who_reads_a_table_and_by_which_columns_is_told(tower):
    uses = uses_of(tower.platform, 1, "floor")
    assert uses.uses == (
        Use("all_of_it", ("id", "email", "plan")),
        Use("mails", ("id", "email")),
        Use("plans", ("plan",)),
    )
    assert uses.is_safe and uses.readers == ("all_of_it", "loud", "mails", "plans")
    assert uses_of(tower.platform, 1, "postgres_app/users").uses[0].view == "floor"
    with pytest.raises(NotFoundError, match="Did you mean `floor`"):
        uses_of(tower.platform, 1, "flor")


def test_a_column_of_a_synced_table_or_the_table_itself_is_missed_before_it_goes(tower):
    lost = impact_without(tower.platform, 1, "app_users", ["PLAN"])
    assert [(each.view, each.via) for each in lost.breaks if each.via is None] == [("floor", None)]
    assert {each.view for each in lost.breaks} == {"floor", "mails", "loud", "plans", "all_of_it"}
    gone = impact_of_columns(tower.platform, 1, "app_users", None)
    assert {each.view for each in gone.breaks} == {"floor", "mails", "loud", "plans", "all_of_it"}
    with pytest.raises(InvalidInputError, match=r"no column `plam`\. Did you mean `plan`"):
        impact_without(tower.platform, 1, "app_users", ["plam"])


def test_a_join_that_loses_its_key_is_named(home):
    save(home, "payers", "SELECT user_id, sum(amount) AS spent FROM app_orders GROUP BY user_id")
    add_join(home.platform, 1, TableJoin("app_users", "id", "payers", "user_id", "paid"))
    save(home, "spenders", "SELECT email, paid.spent AS spent FROM app_users")
    impact = impact_of_text(home.platform, 1, "payers", "SELECT 1 AS spent")
    assert [each.view for each in impact.breaks] == ["spenders"]
    (sentence,) = impact.joins
    assert "`app_users.paid`" in sentence and "`user_id`" in sentence
    with pytest.raises(RenameRefusedError):
        rename_view(home.platform, 1, "payers", "spending")
    remove_view(home.platform, 1, "spenders")
    with pytest.raises(RenameRefusedError, match=r"the join `app_users\.paid` says this name"):
        rename_view(home.platform, 1, "payers", "spending")
    remove_join(home.platform, 1, "app_users.paid")
    remove_view(home.platform, 1, "payers")


def test_a_materialized_reader_is_kept_from_rebuilding_and_what_reads_its_table_is_not(home):
    save(home, "raw", BASE)
    save(home, "kept", "SELECT email FROM raw")
    save(home, "page", "SELECT upper(email) AS mail FROM kept")
    build_view(home.platform, materialize_view(home.platform, 1, "kept", refresh=Refresh.MANUAL))
    (only,) = impact_of_text(home.platform, 1, "raw", "SELECT id FROM app_users").breaks
    assert (only.view, only.is_materialized) == ("kept", True)


def test_edits_that_cross_are_noticed_and_the_later_one_is_refused(home):
    first = save(home, "shared", BASE, author="ann", expected_version=0)
    save(home, "shared", f"{BASE} LIMIT 5", author="bob", expected_version=first.version)
    with pytest.raises(
        EditConflictError, match=r"version 2 now by bob; .* from version 1"
    ) as caught:
        save(home, "shared", f"{BASE} LIMIT 6", author="ann", expected_version=first.version)
    assert caught.value.code == "edit_conflict"
    with pytest.raises(EditConflictError, match="There is a view `shared` already"):
        save(home, "shared", BASE, expected_version=0)
    with pytest.raises(EditConflictError, match="no view `fresh_one` any more"):
        save(home, "fresh_one", BASE, expected_version=3)
    assert home.store.view(1, "shared").version == 2


def test_every_version_has_an_author_a_note_and_a_time_and_two_can_be_compared(home):
    save(home, "told", "SELECT id,\n email\nFROM app_users", author="ann", note="What we had")
    save(home, "told", "SELECT id,\n plan\nFROM app_users", author="bob", note="Plans, not mails")
    restore_view(home.platform, 1, "told", 1, author="cy")
    history = view_history(home.platform, 1, "told")
    assert [(v.version, v.author, v.note) for v in history] == [
        (1, "ann", "What we had"),
        (2, "bob", "Plans, not mails"),
        (3, "cy", "Version 1 again."),
    ]
    assert history[0].created_at <= history[1].created_at <= history[2].created_at
    assert diff_versions(home.platform, 1, "told", 1, 2).splitlines()[2:] == [
        "@@ -1,3 +1,3 @@",
        " SELECT id,",
        "- email",
        "+ plan",
        " FROM app_users",
    ]
    assert "+ email" in diff_versions(home.platform, 1, "told")
    assert diff_versions(home.platform, 1, "told", 1, 3) == ""
    with pytest.raises(NotFoundError, match="There are 1, 2, 3"):
        diff_versions(home.platform, 1, "told", 1, 9)


def test_what_is_said_about_a_view_changes_without_a_version(home):
    save(home, "spoken", BASE, description="Users", owner="ann")
    view = describe_view(home.platform, 1, "spoken", owner="", description="All users", folder="hr")
    assert (view.description, view.owner, view.folder, view.version) == ("All users", "", "hr", 1)
    assert describe_view(home.platform, 1, "spoken") == view


def test_a_plain_view_that_nobody_reads_is_renamed_with_its_history(home):
    before = save(home, "old_name", BASE)
    save(home, "old_name", f"{BASE} LIMIT 3")
    after = rename_view(home.platform, 1, "old_name", "new.name")
    assert (after.id, after.version) == (before.id, 2)
    assert home.ask("SELECT count() FROM new.name") == [(3,)]
    assert home.store.find_view(1, "old_name") is None
    save(home, "old_name", BASE)  # the name is free again
    save(home, "leaning", "SELECT id FROM new.name")
    with pytest.raises(RenameRefusedError, match="`leaning` reads it by this name"):
        rename_view(home.platform, 1, "new.name", "newer")
    remove_view(home.platform, 1, "leaning")
    materialize_view(home.platform, 1, "new.name")
    with pytest.raises(RenameRefusedError, match=r"pwh view revert new\.name"):
        rename_view(home.platform, 1, "new.name", "newer")


def test_a_managed_view_is_left_to_its_set(home):
    columns, inputs = home.store.view(1, save(home, "model_of", BASE).name).columns, ["app_users"]
    home.store.save_view(
        1,
        "managed.users",
        BASE,
        columns,
        inputs,
        origin=ViewOrigin.MANAGED,
        managed_by="revenue",
    )
    for attempt in (
        lambda: save(home, "managed.users", "SELECT 1 AS a"),
        lambda: describe_view(home.platform, 1, "managed.users", owner="me"),
        lambda: materialize_view(home.platform, 1, "managed.users"),
        lambda: revert_view(home.platform, 1, "managed.users"),
        lambda: rename_view(home.platform, 1, "managed.users", "mine"),
        lambda: remove_view(home.platform, 1, "managed.users", force=True),
    ):
        with pytest.raises(ManagedViewError, match="written and kept by `revenue`") as caught:
            attempt()
        assert caught.value.code == "managed_view"
    assert home.ask("SELECT count() FROM managed.users") == [(10,)]


def test_a_view_is_kept_by_schedule_after_its_inputs_or_by_hand(home):
    save(home, "rhythms", BASE)
    every = materialize_view(home.platform, 1, "rhythms")
    assert (every.refresh, every.frequency.name) == (Refresh.SCHEDULE, "24hour")
    timed = materialize_view(home.platform, 1, "rhythms", "7day", "2:05")
    assert timed.frequency.cron == "5 2 * * 0"
    after = materialize_view(home.platform, 1, "rhythms", refresh=Refresh.INPUTS)
    assert (after.refresh, after.frequency, after.is_materialized) == (Refresh.INPUTS, None, True)
    with pytest.raises(InvalidInputError, match="after its inputs change has no frequency"):
        materialize_view(home.platform, 1, "rhythms", "1hour", refresh=Refresh.INPUTS)
    with pytest.raises(InvalidInputError, match="only when asked for has no frequency"):
        materialize_view(home.platform, 1, "rhythms", None, "02:00", refresh=Refresh.MANUAL)
