"""Health's memory by itself: what a series of looks means for incidents and for who is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pwh_assets.core.alert import AlertChannel, AlertFilter, ChannelKind
from pwh_assets.core.health import Fact, HealthIssue, IssueKind, Severity
from pwh_assets.services.health.answer import Look
from pwh_assets.services.health.memory import decide
from pwh_assets.store.health import Memory

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
OPS = AlertChannel("ops", 1, "ops", ChannelKind.WEBHOOK, filters=AlertFilter(Severity.WARN))


def issue(name="users", kind=IssueKind.FAILED, **facts):
    facts = {"since": START - timedelta(hours=1), "cause": "no route", "source": "app"} | facts
    what = facts.pop("type", "external_data_sync")
    return HealthIssue(f"id-{name}", name, what, kind, "No route.", "Mend it.", **facts)


class Desk:
    """Looks one after the other; keeps what the store would keep."""

    def __init__(self, *channels):
        self.channels = channels or (OPS,)
        self.incidents, self.told, self.log, self.alerts = {}, set(), [], []

    def look(self, after_s, *issues, succeeded=None):
        """What happens at a moment, in seconds from the start: events and alerts of this look alone."""
        now = START + timedelta(seconds=after_s)
        facts = {}
        if succeeded is not None:
            at = START + timedelta(seconds=succeeded)
            facts = {"users": Fact("id-users", "users", succeeded_at=at)}
        live = tuple(one for one in self.incidents.values() if one.closed_at is None)
        memory = Memory(live, tuple(self.channels), frozenset(self.told))
        found = decide(memory, project_id=1, found=Look(now, issues, facts), now=now)
        for one in (*found.opened, *found.changed):
            self.incidents[one.id] = one
        self.told |= {(n.channel_id, n.incident_id) for n in found.notices}
        self.last = found
        events = [f"{each.event.value} {each.incident.issue.name}" for each in found.events]
        alerts = [f"{n.event.value} {n.alert['issue']['name']}" for n in found.notices]
        return events, alerts


def test_an_issue_is_told_once_after_a_minute_and_its_end_once_after_five():
    desk = Desk()
    assert desk.look(0, issue()) == (["opened users"], [])
    assert desk.look(30, issue()) == ([], [])
    assert desk.look(60, issue()) == ([], ["broke users"])
    assert desk.look(90, issue()) == ([], [])
    assert desk.look(120, succeeded=100) == (["healed users"], [])
    (incident,) = desk.incidents.values()
    assert incident.healed_at == START + timedelta(seconds=100)
    assert incident.opened_at == START - timedelta(hours=1)
    assert desk.look(390) == ([], [])
    assert desk.look(400) == ([], ["healed users"])
    assert desk.look(430) == ([], [])


def test_what_heals_and_comes_back_within_five_minutes_is_the_same_incident():
    desk = Desk()
    desk.look(0, issue())
    desk.look(60, issue())
    told = []
    for round_ in range(5):
        at = 100 + 200 * round_
        assert desk.look(at) == (["healed users"], [])
        events, alerts = desk.look(at + 100, issue(since=START + timedelta(seconds=at + 90)))
        assert (events, alerts) == (["reopened users"], [])
        assert desk.last.events[0].at == START + timedelta(seconds=at + 90)
    for after_s in range(1100, 1600, 30):
        told += desk.look(after_s)[1]
    assert told == ["healed users"]
    (incident,) = desk.incidents.values()
    assert incident.returns == 5 and incident.opened_at == START - timedelta(hours=1)


def test_what_heals_before_it_is_told_is_told_to_nobody():
    desk = Desk()
    desk.look(0, issue())
    desk.look(30)
    assert desk.look(400) == ([], [])
    assert desk.look(430, issue()) == (["opened users"], [])
    assert len(desk.incidents) == 2


def test_a_retry_that_is_pending_is_waited_for_but_not_for_ever():
    desk = Desk()
    for after_s in (0, 60, 600, 3_500):
        assert desk.look(after_s, issue(is_retrying=True))[1] == []
    assert desk.look(3_600, issue(is_retrying=True))[1] == ["broke users"]
    other = Desk()
    other.look(0, issue(is_retrying=True))
    assert other.look(90, issue())[1] == ["broke users"]


def test_another_cause_is_remembered_and_not_told_again():
    desk = Desk()
    desk.look(0, issue())
    desk.look(60, issue())
    assert desk.look(90, issue(cause="wrong password")) == (["changed users"], [])
    assert desk.look(120, issue(kind=IssueKind.STALE, cause="")) == (["changed users"], [])
    assert [one.issue.kind for one in desk.incidents.values()] == [IssueKind.STALE]


def test_who_did_not_ask_for_the_first_kind_is_told_when_it_becomes_one_they_ask_for():
    errors = replace(OPS, id="errors", filters=AlertFilter())
    desk = Desk(OPS, errors)
    desk.look(0, issue(kind=IssueKind.PAUSED))
    desk.look(60, issue(kind=IssueKind.PAUSED))
    assert desk.told == {("ops", *desk.incidents)}
    desk.look(90, issue())
    assert desk.told == {("ops", *desk.incidents), ("errors", *desk.incidents)}
    desk.look(120)
    assert len(desk.look(420)[1]) == 2


def test_a_channel_added_later_is_not_told_what_broke_before_it():
    desk = Desk()
    desk.look(0, issue())
    desk.look(60, issue())
    desk.channels = (OPS, replace(OPS, id="late"))
    assert desk.look(90, issue())[1] == []
    desk.look(120)
    assert [n.channel_id for n in desk.last.notices] == []
    desk.look(420)
    assert [n.channel_id for n in desk.last.notices] == ["ops"]


def test_a_source_that_becomes_the_root_takes_its_tables_over_and_gives_them_back():
    desk = Desk()
    desk.look(0, issue())
    desk.look(60, issue())
    tables = ("orders", "users")
    source = issue("app", IssueKind.SOURCE, type="source", tables=tables)
    assert desk.look(90, source) == (["opened app"], [])
    assert desk.look(150, source) == ([], ["broke app"])
    assert desk.look(180, issue()) == (["healed app"], [])
    assert desk.look(480, issue()) == ([], ["healed app"])
    assert desk.look(500) == (["healed users"], [])
    assert desk.look(800) == ([], ["healed users"])


def test_a_view_that_is_blocked_by_a_root_of_its_own_is_not_well():
    desk = Desk()
    view = issue("a", IssueKind.STALE, type="materialized_view")
    desk.look(0, view)
    desk.look(60, view)
    blocked = issue("a", IssueKind.BLOCKED, type="materialized_view", root="users")
    root = issue(blocks=("a",))
    assert desk.look(90, root, blocked) == (["opened users"], [])
    assert desk.look(150, root, blocked) == ([], ["broke users"])
    assert desk.look(180, view) == (["healed users"], [])


def test_two_hundred_blocked_views_are_one_alert_and_a_channel_is_never_told_of_itself():
    desk = Desk(OPS, replace(OPS, id="id-mail"))
    names = tuple(f"v{i}" for i in range(200))
    blocked = [issue(n, IssueKind.BLOCKED, type="materialized_view", root="users") for n in names]
    found = (issue(blocks=names), *blocked, issue("mail", IssueKind.CHANNEL, type="destination"))
    desk.look(0, *found)
    assert sorted(desk.look(60, *found)[1]) == ["broke mail", "broke users", "broke users"]
    mail = [n.channel_id for n in desk.last.notices if n.alert["issue"]["name"] == "mail"]
    assert mail == ["ops"] and len(desk.last.notices[0].alert["issue"]["blocks"]) in (0, 200)


def test_filters_look_at_severity_kind_source_and_all_names_it_touches():
    root = issue(blocks=("revenue_mrr",))
    for asked, is_told in (
        (AlertFilter(), True),
        (AlertFilter(kinds=("stale",)), False),
        (AlertFilter(kinds=("failed", "stale")), True),
        (AlertFilter(sources=("other",)), False),
        (AlertFilter(sources=("app",)), True),
        (AlertFilter(names=("REVENUE_*",)), True),
        (AlertFilter(names=("use?s",)), True),
        (AlertFilter(names=("orders",)), False),
    ):
        assert asked.matches(root) is is_told, asked
    assert not AlertFilter().matches(issue(kind=IssueKind.PAUSED))
    assert AlertFilter(Severity.WARN).matches(issue(kind=IssueKind.PAUSED))
