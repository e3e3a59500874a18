"""Health's memory, channels and the outbox, on both databases: nothing doubles, nothing is lost, no address shows."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from pwh_assets.core.alert import AlertEvent, AlertFilter, ChannelKind, DeliveryStatus
from pwh_assets.core.health import HealthEventKind, HealthIssue, IssueKind, Severity
from pwh_assets.errors import NotFoundError
from pwh_assets.services.health.answer import Look
from pwh_assets.services.health.memory import Rules, decide
from pwh_assets.store import Store
from pwh_assets.store.alerts import ChannelExistsError
from pwh_assets.store.processes import this_process

NOW = datetime.now(UTC)
URL = "https://hooks.example.com/T0KEN"
AT_ONCE = Rules(settle=timedelta(0), quiet=timedelta(0))


def issue(name="users", **facts):
    facts = {"since": NOW - timedelta(hours=1), "cause": "no route"} | facts
    kind = facts.pop("kind", IssueKind.FAILED)
    return HealthIssue(
        f"id-{name}", name, "external_data_sync", kind, "No route.", "Mend.", **facts
    )


def channel(store, name="ops", project=1, **filters):
    secrets = {"url": URL, "secret": "whsec_planted"}
    kind, config = ChannelKind.WEBHOOK, {"address": "https://hooks.example.com/…"}
    return store.add_channel(project, name, kind, config, secrets, AlertFilter(**filters))


def remember(store, *issues, at=NOW, rules=AT_ONCE):
    look = Look(at, issues, {})
    return store.remember_health(
        1, at, partial(decide, project_id=1, found=look, now=at, rules=rules)
    )


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def test_an_incident_keeps_its_issue_and_what_happened_to_it(store):
    channel(store)
    first = issue(blocks=("a", "b"), source="app", source_type="Postgres")
    remember(store, first)
    (incident,) = store.open_incidents(1)
    assert incident.issue == first and incident.opened_at == first.since
    assert incident.told_at == NOW and store.open_incidents(2) == []
    remember(store, replace(first, kind=IssueKind.STALE), at=later(10))
    remember(store, at=later(20))
    assert store.open_incidents(1) == []
    events = store.health_events(1)
    assert [one.event for one in events] == [
        HealthEventKind.HEALED,
        HealthEventKind.CHANGED,
        HealthEventKind.OPENED,
    ]
    assert [one.at for one in events] == [later(20), later(10), first.since]
    assert {one.source for one in events} == {"app"}
    assert store.health_events(1, name="USERS", limit=1) == events[:1]
    assert store.health_events(1, name="orders") == [] and store.health_events(2) == []
    told = [(one.event, one.channel) for one in store.deliveries(1)]
    assert sorted(told) == [(AlertEvent.BROKE, "ops"), (AlertEvent.HEALED, "ops")]
    assert store.forget_health() == 0
    assert store.forget_health(keep_days=-1) == 1
    assert store.health_events(1) == [] and store.deliveries(1) == []


def test_what_was_seen_later_is_not_overwritten_by_an_earlier_look(store):
    remember(store, issue(), at=later(10))
    remember(store, at=later(20))
    assert remember(store, issue("orders"), at=later(15)) is None
    assert store.open_incidents(1) == []


def test_eight_evaluators_at_once_tell_everything_once(store):
    channel(store)
    channel(store, "all", min_severity=Severity.WARN)
    issues = [issue(f"t{i}") for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: remember(store, *issues), range(16)))
        assert len(store.open_incidents(1)) == 20
        list(pool.map(lambda _: remember(store, at=later(5)), range(16)))
    assert len(store.health_events(1, limit=1000)) == 40
    told = [(one.channel, one.event, one.incident_id) for one in store.deliveries(1, limit=1000)]
    assert len(told) == len(set(told)) == 80


def test_the_lease_is_one_holders_until_it_is_released_or_runs_out(store):
    assert store.hold_health(1, "a", 60) and store.hold_health(1, "a", 60)
    assert not store.hold_health(1, "b", 60) and store.hold_health(2, "b", 60)
    store.release_health(1, "b")
    assert not store.hold_health(1, "b", 60)
    store.release_health(1, "a")
    assert store.hold_health(1, "b", -1) and store.hold_health(1, "a", 60)


def test_a_channels_address_is_sealed_and_never_shown(store, url, tmp_path):
    made = channel(store)
    assert store.channel_secrets(made.id)["url"] == URL
    assert URL not in repr(store.channels(1)) and "planted" not in repr(store.channels(1))
    with store._db.read() as connection:
        rows = connection.execute(sa.text("SELECT * FROM alert_channels")).all()
    assert "T0KEN" not in repr(rows) and "planted" not in repr(rows)
    with pytest.raises(ChannelExistsError, match="`ops`"):
        channel(store)
    with pytest.raises(NotFoundError):
        store.channel(2, made.id)
    store.new_secret_key()
    assert store.rotate_secrets() == 1 and store.channel_secrets(made.id)["url"] == URL
    remember(store, issue())
    store.remove_channel(made.id)
    assert store.channels(1) == []
    assert [one.status for one in store.deliveries(1)] == [DeliveryStatus.DROPPED]
    assert store.claim_deliveries("me", 60) == []
    with pytest.raises(NotFoundError):
        store.channel_secrets(made.id)
    assert channel(store).name == "ops"


def test_an_alert_is_claimed_by_one_tried_again_and_dead_in_the_end(store):
    made = channel(store)
    remember(store, issue())
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda i: store.claim_deliveries(f"p{i}", 60), range(8)))
    ((holder, one),) = [(f"p{i}", each) for i, claim in enumerate(claims) for each in claim]
    store.note_delivered(one, "somebody else")
    assert store.delivery(1, one.id).status is DeliveryStatus.PENDING
    store.note_undelivered(one, holder, "no answer", NOW - timedelta(seconds=1))
    (again,) = store.claim_deliveries("q", -1)
    assert (again.id, again.attempts, again.latest_error) == (one.id, 1, "no answer")
    (known,) = store.channels(1)
    assert (known.failures, known.latest_error) == (1, "no answer") and known.failing_since
    (again,) = store.claim_deliveries("r", 60)  # q's claim ran out
    store.note_undelivered(again, "q", "late", None)
    store.note_undelivered(again, "r", "gone", None)
    (dead,) = store.deliveries(1, status=DeliveryStatus.DEAD, channel_id=made.id)
    assert (dead.attempts, dead.latest_error) == (2, "gone")
    assert store.claim_deliveries("s", 60) == []
    assert store.retry_deliveries(1, "unknown") == 0 and store.retry_deliveries(1) == 1
    (again,) = store.claim_deliveries("t", 60)
    store.note_delivered(again, "t", "one of two refused")
    done = store.delivery(1, one.id)
    assert done.status is DeliveryStatus.DELIVERED and done.delivered_at is not None
    assert done.latest_error == "one of two refused"
    assert store.channels(1)[0].failures == 0 and store.retry_deliveries(1) == 0


def test_the_end_waits_for_the_beginning_and_what_was_put_back_counts_as_no_attempt(store):
    channel(store)
    remember(store, issue(), issue("orders"))
    remember(store, issue("orders"), at=later(5))
    first = store.claim_deliveries("a", 60)
    assert [one.event for one in first] == [AlertEvent.BROKE] * 2
    store.put_back(first[1:], "a", NOW)
    assert [one.attempts for one in store.claim_deliveries("b", 60)] == [0]
    users = next(one for one in first if one.alert["issue"]["name"] == "users")
    if users is first[1]:
        store.note_delivered(users, "b")
    else:
        store.note_delivered(users, "a")
    (healed,) = store.claim_deliveries("c", 60)
    assert (healed.event, healed.incident_id) == (AlertEvent.HEALED, users.incident_id)


def test_what_a_killed_process_had_claimed_is_free_at_once(store, url, tmp_path):
    channel(store)
    remember(store, issue())
    code = (
        "import json, os, signal, sys\n"
        "from pwh_assets.store import Store\n"
        "from pwh_assets.store.processes import this_process\n"
        "store = Store.open(json.loads(sys.argv[1]))\n"
        "assert store.claim_deliveries(this_process() + '|x', 900)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(url)], env=dict(os.environ))
    assert done.returncode == -9
    assert store.claim_deliveries("me", 60) == []
    assert store.free_claims() == 1
    (mine,) = store.claim_deliveries(this_process() + "|y", 60)
    assert store.free_claims() == 0 and mine.attempts == 0


def test_a_store_without_its_keys_says_which_channels_do_not_open(store, url, tmp_path):
    channel(store)
    from pwh_assets.settings import Settings
    from pwh_assets.store import SecretBox

    (tmp_path / "other").mkdir()
    other = Store.open(url, SecretBox.from_settings(Settings(home=tmp_path / "other")))
    problems = other.problems()
    other.close()
    assert any("Alert channel `ops`" in words for words in problems)
    assert store.problems() == []
