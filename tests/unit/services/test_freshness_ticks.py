"""When things are due, and whether the daemon was there to start them."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster._utils.schedules import cron_string_iterator
from hypothesis import given
from hypothesis import strategies as st

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.services.freshness.beat import beat, read_heartbeat
from pwh_assets.services.freshness.plan import gap
from pwh_assets.services.freshness.ticks import next_tick
from pwh_assets.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@pytest.mark.parametrize("name", FREQUENCIES)
@given(moment=MOMENTS, clock=st.none() | st.sampled_from(["00:00", "02:30", "13:07", "23:59"]))
def test_ticks_are_those_of_the_cron_line_dagster_runs(name, moment, clock):
    frequency = Frequency(name, clock if FREQUENCIES[name] >= timedelta(hours=1) else None)
    ticks = cron_string_iterator(moment.timestamp(), frequency.cron, "UTC")
    expected = next(each for each in ticks if each > moment)
    found = next_tick(frequency, moment)
    assert found == expected
    assert next_tick(frequency, found) - found <= gap(name)


def test_the_heartbeat_tells_a_daemon_that_is_down_from_a_machine_that_slept(tmp_path):
    settings = Settings(home=tmp_path)
    never = read_heartbeat(settings)
    assert not never.is_alive(NOON)
    assert never.explain(NOON, NOON) == "No daemon has ever run on this home."
    for minutes in (0, 1, 2, 3):
        beat(settings, NOON + timedelta(minutes=minutes))
    there = read_heartbeat(settings)
    assert there.is_alive(NOON + timedelta(minutes=6)) and there.away == ()
    assert there.explain(NOON + timedelta(minutes=2), NOON + timedelta(minutes=4)) == ""
    later = NOON + timedelta(hours=8)
    assert (
        there.explain(NOON + timedelta(hours=1), later)
        == "No daemon has run since 2026-03-01 12:03 UTC."
    )
    beat(settings, later)
    awake = read_heartbeat(settings)
    assert awake.is_alive(later)
    assert awake.explain(NOON + timedelta(hours=1), later) == (
        "No daemon ran from 2026-03-01 12:03 to 2026-03-01 20:00 UTC: it was down, or the machine asleep."
    )
    assert awake.explain(NOON + timedelta(minutes=2), later) == ""


def test_a_torn_heartbeat_says_that_nobody_was_there(tmp_path):
    settings = Settings(home=tmp_path)
    beat(settings, NOON)
    (path,) = tmp_path.rglob("heartbeat.json")
    path.write_text('{"seen_at": "2026-')
    assert read_heartbeat(settings).seen_at is None
    beat(settings, NOON)
    assert read_heartbeat(settings).seen_at == NOON
