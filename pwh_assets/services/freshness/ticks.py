"""When something is due by its cadence. Pure, in UTC, to the second."""

from datetime import UTC, datetime, timedelta

from pwh_assets.core.frequency import Frequency

GRACE = timedelta(minutes=5)
"""So long a run may wait in the queue before it counts as not started."""
_SUNDAY = 6


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
