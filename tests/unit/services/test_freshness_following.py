"""Which views are rebuilt after a change of their inputs, look by look."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Source, SyncedTable, TableStatus
from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.services.freshness.following import (
    ASK_AGAIN,
    LONGEST_WAIT,
    World,
    decide,
)
from pwh_assets.services.lineage.graph import build_graph
from pwh_assets.store.jobs import ABANDONED_SENTENCE

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOK = timedelta(seconds=30)


def a_view(name, *inputs, refresh=Refresh.INPUTS, **changes):
    facts = {
        "is_materialized": True,
        "refresh": refresh,
        "inputs": inputs,
        "attempted_snapshot": 10,
        "last_attempt_at": NOON - timedelta(hours=1),
        "status": TableStatus.COMPLETED,
    }
    return SavedQuery(f"id-{name}", 1, name, "SELECT 1", **{**facts, **changes})


def plain(name, *inputs, **changes):
    return a_view(name, *inputs, is_materialized=False, attempted_snapshot=None, **changes)


class Project:
    """Tables `app_a` and `app_b`, and some views; `look` decides half a minute later than before."""

    def __init__(self, *views):
        source = Source("s", 1, "postgres", "app_")
        self.tables = [SyncedTable(name, source, name) for name in ("a", "b")]
        self.views = {view.name: view for view in views}
        self.changed = {"app_a": 5, "app_b": 5} | {
            view.name: 10 for view in views if view.is_materialized
        }
        self.underway, self.waiting = set(), {}
        self.now, self.seen = NOON, {}

    def look(self, later=LOOK):
        graph = build_graph(1, self.tables, self.views.values())
        self.now += later
        world = World(graph, self.views, self.changed, self.underway, self.waiting, self.now)
        self.decision = decide(world, self.seen)
        self.seen = self.decision.seen
        return self.decision.build

    def build(self, names):
        """A run of these views that succeeds: each sees all there is, and changes."""
        for name in names:
            newest = max(self.changed.values())
            self.views[name] = replace(
                self.views[name],
                attempted_snapshot=newest,
                last_attempt_at=self.now,
                status=TableStatus.COMPLETED,
            )
            self.changed[name] = newest + 1


def test_a_view_is_built_once_after_its_input_changed_and_not_before():
    project = Project(a_view("v", "app_a"))
    assert project.look() == () and project.decision.held == {}
    project.changed["app_a"] = 11
    assert project.look() == () and "v" in project.decision.held
    assert project.look() == ("v",)
    project.underway = {"v"}
    assert project.look() == ()
    project.underway = set()
    project.build(["v"])
    assert [project.look() for _ in range(40)] == [()] * 40


def test_however_many_inputs_change_together_there_is_one_build():
    project = Project(a_view("v", "app_a", "app_b"))
    project.changed["app_a"] = 11
    project.look()
    project.changed["app_b"] = 12
    assert project.look() == ("v",)
    project.build(["v"])
    assert project.look() == project.look() == ()


def test_a_build_waits_for_syncs_underway_but_not_forever():
    project = Project(a_view("v", "app_a", "app_b"))
    project.changed["app_a"] = 11
    project.underway = {"app_b"}
    project.look()
    assert project.look() == () and "`app_b` is on its way too" in project.decision.held["v"]
    project.changed["app_b"] = 12
    project.underway = set()
    assert project.look() == ("v",)
    project.build(["v"])
    project.changed["app_a"] = 20
    project.underway = {"app_b"}
    project.look()
    assert project.look(later=LONGEST_WAIT) == ("v",)


def test_a_chain_is_built_in_one_run_inputs_first_also_through_plain_views():
    project = Project(
        a_view("third", "app_b", "second"),
        plain("between", "first"),
        a_view("second", "between"),
        a_view("first", "app_a"),
    )
    project.changed["app_a"] = 11
    project.look()
    assert project.look() == ("first", "second", "third")
    project.build(["first", "second", "third"])
    assert project.look() == project.look() == ()


def test_a_chain_waits_where_another_input_is_underway_and_goes_on_from_there():
    project = Project(a_view("first", "app_a"), a_view("second", "first", "app_b"))
    project.changed["app_a"] = 11
    project.look()
    project.underway = {"app_b"}
    assert project.look() == ("first",)
    project.build(["first"])
    assert project.look() == ()
    project.changed["app_b"] = 30
    project.underway = set()
    assert project.look() == ("second",)
    project.build(["second"])
    assert project.look() == project.look() == ()


def test_views_with_a_schedule_or_without_any_stop_the_chain():
    project = Project(
        a_view("daily", "app_a", refresh=Refresh.SCHEDULE, frequency=Frequency("24hour")),
        a_view("manual", "app_a", refresh=Refresh.MANUAL),
        a_view("after", "daily", "manual"),
    )
    project.changed["app_a"] = 11
    assert project.look() == project.look() == () and not project.decision.held
    project.build(["daily"])
    project.look()
    assert project.look() == ("after",)


def test_a_suspended_view_and_what_reads_it_are_not_built_and_its_siblings_are():
    project = Project(
        a_view("broken", "app_a"), a_view("above", "broken", "app_b"), a_view("beside", "app_a")
    )
    project.waiting = {"broken": "broken", "above": "broken"}
    project.changed |= {"app_a": 11, "app_b": 11}
    project.look()
    assert project.look() == ("beside",)
    assert project.decision.skipped == {"above": "broken"}
    project.build(["beside"])
    project.waiting = {}
    project.look()
    assert project.look() == ("broken", "above")


def test_a_view_that_never_was_built_is_built_once_an_input_has_rows():
    new = a_view("v", "app_a", attempted_snapshot=None, last_attempt_at=None)
    project = Project(new)
    project.changed = {}
    assert project.look() == project.look() == ()
    project.changed = {"app_a": 3}
    project.look()
    assert project.look() == ("v",)


def test_a_build_whose_process_was_killed_is_asked_for_again_and_one_that_failed_waits_for_a_change():
    failed = {"status": TableStatus.FAILED, "attempted_snapshot": 10}
    killed = a_view("killed", "app_a", latest_error=ABANDONED_SENTENCE, **failed)
    project = Project(killed, a_view("wrong", "app_a", latest_error="Division by zero.", **failed))
    project.look()
    assert project.look() == ("killed",)


def test_a_build_that_never_begins_is_asked_for_three_times():
    project = Project(a_view("v", "app_a"))
    project.changed["app_a"] = 11
    project.look()
    asked = [project.look(later=ASK_AGAIN / 2) for _ in range(20)]
    assert [each for each in asked if each] == [("v",)] * 3
    project.changed["app_a"] = 12
    project.look()
    assert project.look() == ("v",)


@pytest.mark.parametrize("whose", ["v", "between"])
def test_a_new_text_of_the_view_or_of_a_plain_one_it_reads_is_a_change(whose):
    project = Project(plain("between", "app_a"), a_view("v", "between"))
    assert project.look() == project.look() == ()
    edited = replace(project.views[whose], version=2, updated_at=NOON)
    project.views[whose] = edited
    project.look()
    assert project.look() == ("v",)
    project.build(["v"])
    assert project.look() == project.look() == ()
