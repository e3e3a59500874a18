from datetime import UTC, datetime, timedelta

from pwh_assets.core.source import TableStatus
from pwh_assets.orchestration.sensors import QUIET, decide

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=3)


def test_a_table_that_never_ran_is_due_at_once_even_when_it_cannot_be_probed(make_table):
    table = make_table("invoice")
    assert decide([table], {}, {}, NOW) == ([table], {})


def test_a_first_look_only_remembers(make_table):
    table = make_table("invoice", status=TableStatus.COMPLETED, last_synced_at=LONG_AGO)
    assert decide([table], {}, {table.id: "a"}, NOW) == ([], {table.id: "a"})


def test_a_changed_table_is_due_and_an_unchanged_one_is_not(make_table):
    done = {"status": TableStatus.COMPLETED, "last_synced_at": LONG_AGO}
    same, changed = make_table("same", **done), make_table("changed", **done)
    before = {same.id: "1", changed.id: "1"}
    due, after = decide([same, changed], before, {same.id: "1", changed.id: "2"}, NOW)
    assert due == [changed]
    assert after == {same.id: "1", changed.id: "2"}


def test_a_busy_table_waits_for_the_quiet_time_and_its_change_is_not_forgotten(make_table):
    table = make_table("events", status=TableStatus.COMPLETED, last_synced_at=NOW)
    due, after = decide([table], {table.id: "1"}, {table.id: "2"}, NOW)
    assert due == [] and after == {table.id: "1"}
    due, after = decide([table], after, {table.id: "2"}, NOW + QUIET)
    assert due == [table] and after == {table.id: "2"}


def test_a_source_that_does_not_answer_keeps_what_was_seen(make_table):
    table = make_table("invoice", status=TableStatus.FAILED, last_synced_at=LONG_AGO)
    assert decide([table], {table.id: "1"}, {}, NOW) == ([], {table.id: "1"})


def test_what_a_run_will_read_is_not_asked_for_again_and_its_changes_are_not_forgotten(make_table):
    new = make_table("new")
    old = make_table("old", status=TableStatus.COMPLETED, last_synced_at=LONG_AGO)
    seen, asked = {new.id: "1", old.id: "2"}, {new.id, old.id}
    due, after = decide([new, old], {old.id: "1"}, seen, NOW, asked)
    assert due == [] and after == {new.id: "1", old.id: "1"}
    due, _ = decide([new, old], after, seen, NOW)
    assert due == [new, old]


def test_what_is_gone_leaves_the_cursor(make_table):
    assert decide([], {"old": "1"}, {}, NOW) == ([], {})
