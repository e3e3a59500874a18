"""When something is due by its cadence, and whether it was due and did not run. Pure, in UTC, to the second."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pwh_assets.core.frequency import Frequency

GRACE = timedelta(minutes=5)
"""So long a run may wait in the queue before it counts as not started."""
_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Missed:
    """A run that was due and did not begin. `due_at` is the first such moment, `ticks` how many there were since."""

    due_at: datetime
    ticks: int
    since: datetime
    """When the grace was over: from here on it is an issue."""


def next_tick(frequency: Frequency, after: datetime) -> datetime:
    """The first moment later than `after` at which this cadence runs, the same as its cron line says.

    >>> next_tick(Frequency("6hour", "02:30"), datetime(2026, 3, 1, 21, 0, tzinfo=UTC)).isoformat()
    '2026-03-02T02:30:00+00:00'
    >>> next_tick(Frequency("15min"), datetime(2026, 3, 1, 21, 15, tzinfo=UTC)).isoformat()
    '2026-03-01T21:30:00+00:00'
    """
    after = after.astimezone(UTC)
    hour, minute = (int(part) for part in (frequency.time_of_day or "00:00").split(":"))
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    if frequency.every < timedelta(days=1):
        anchor = timedelta() if frequency.every < timedelta(hours=1) else timedelta(minutes=minute)
        if frequency.every > timedelta(hours=1):
            anchor += timedelta(hours=hour)
        # A day holds a whole number of these periods, so any midnight is as good as another.
        first = midnight - timedelta(days=1) + anchor
        periods = (after - first) // frequency.every + 1
        return first + periods * frequency.every
    at = midnight + timedelta(hours=hour, minutes=minute)
    while at <= after or not _is_day(frequency, at):
        at += timedelta(days=1)
    return at


def _is_day(frequency: Frequency, at: datetime) -> bool:
    if frequency.name == "7day":
        return at.weekday() == _SUNDAY
    return frequency.name != "30day" or at.day == 1


def ticks_between(frequency: Frequency, after: datetime, until: datetime, most: int = 1_000) -> int:
    """How many moments this cadence has in (after, until], counted up to `most`."""
    count, at = 0, after
    while count < most and (at := next_tick(frequency, at)) <= until:
        count += 1
    return count


def missed_run(
    frequency: Frequency | None,
    began_at: datetime | None,
    set_up_at: datetime | None,
    now: datetime,
    *,
    is_running: bool = False,
    grace: timedelta = GRACE,
) -> Missed | None:
    """Whether a run was due by this cadence and did not begin.

    Args:
        frequency: its effective cadence; None or `never` for what does not run by the clock.
        began_at: when its newest run began, whatever became of that; None when it never ran.
        set_up_at: when it was made or its settings last changed; due moments before do not count.
        is_running: a run is going on, which may well skip ticks.
    """
    if frequency is None or frequency.is_never or is_running:
        return None
    known = [moment for moment in (began_at, set_up_at) if moment is not None]
    if not known:
        return None
    due_at = next_tick(frequency, max(known))
    if due_at + grace >= now:
        return None
    return Missed(due_at, ticks_between(frequency, max(known), now), due_at + grace)
