"""How often something runs: the seeds' spellings, their length, their cron line and their freshness window."""

from dataclasses import dataclass
from datetime import timedelta

from pwh_assets.errors import InvalidInputError

NEVER = "never"
"""Only when asked for."""
FREQUENCIES: dict[str, timedelta] = {
    "1min": timedelta(minutes=1),
    "5min": timedelta(minutes=5),
    "15min": timedelta(minutes=15),
    "30min": timedelta(minutes=30),
    "1hour": timedelta(hours=1),
    "6hour": timedelta(hours=6),
    "12hour": timedelta(hours=12),
    "24hour": timedelta(hours=24),
    "7day": timedelta(days=7),
    "30day": timedelta(days=30),
}
"""Every frequency a table or a view may have, shortest first; `1min` is for change data capture alone."""

_ALIASES = {"day": "24hour", "1day": "24hour", "hour": "1hour", "week": "7day", "month": "30day"}


@dataclass(frozen=True, slots=True)
class Frequency:
    """`never` or one of `FREQUENCIES`; over an hour optionally anchored at a time of day (UTC).

    From a day on it runs at that time; every 6 hours from `02:30` is 02:30, 08:30, 14:30 and 20:30.
    """

    name: str
    time_of_day: str | None = None

    @classmethod
    def parse(
        cls, name: str, time_of_day: str | None = None, attr: str = "sync_frequency"
    ) -> "Frequency":
        """Raises InvalidInputError naming what may be written."""
        known = _ALIASES.get(name, name)
        if known not in FREQUENCIES and known != NEVER:
            names = ", ".join(each for each in FREQUENCIES if each != "1min")
            raise InvalidInputError(
                attr, f"`{name}` is not a frequency. Use one of {names}, or {NEVER}."
            )
        if time_of_day:
            hour, _, minute = time_of_day.partition(":")
            clock = [part for part in (hour, minute[:2]) if part.isdigit()]
            if len(clock) != 2 or int(hour) > 23 or int(minute[:2]) > 59:
                raise InvalidInputError(
                    "sync_time_of_day",
                    f"`{time_of_day}` is not a time of day. Write it as HH:MM, in UTC.",
                )
            time_of_day = f"{int(hour):02d}:{int(minute[:2]):02d}"
        return cls(known, time_of_day or None)

    @property
    def takes_time_of_day(self) -> bool:
        """Whether an anchor means anything: over an hour."""
        return not self.is_never and self.every > timedelta(hours=1)

    @property
    def is_never(self) -> bool:
        return self.name == NEVER

    @property
    def every(self) -> timedelta:
        """The time between two runs. KeyError for `never`: ask `is_never` first."""
        return FREQUENCIES[self.name]

    @property
    def cron(self) -> str:
        """The cron line (UTC) this frequency runs by. KeyError for `never`.

        >>> Frequency("24hour", "02:30").cron
        '30 2 * * *'
        >>> Frequency("6hour", "02:30").cron
        '30 2,8,14,20 * * *'
        """
        minutes = int(self.every.total_seconds() // 60)
        hour, minute = (int(part) for part in (self.time_of_day or "00:00").split(":"))
        if minutes < 60:
            return f"*/{minutes} * * * *"
        if minutes == 60:
            return f"{minute} * * * *"
        if minutes < 24 * 60:
            hours = sorted((hour + start) % 24 for start in range(0, 24, minutes // 60))
            return f"{minute} {','.join(map(str, hours))} * * *"
        if self.name == "24hour":
            return f"{minute} {hour} * * *"
        return f"{minute} {hour} * * 0" if self.name == "7day" else f"{minute} {hour} 1 * *"

    @property
    def fresh_for(self) -> timedelta:
        """How old data may get before it is stale: two periods and a little, so one slow run is no alarm."""
        return 2 * self.every + timedelta(minutes=5)
