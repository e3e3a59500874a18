"""The daemon's heartbeat: a file in the home that every minute says it lives, and since when it last did not."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pwh_assets.settings import Settings

ALIVE_WITHIN = timedelta(minutes=4)
"""It beats every minute; a reload or a busy machine may cost a few."""
_KEPT = 20


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When the daemon was last there, and the times it was not."""

    seen_at: datetime | None = None
    away: tuple[tuple[datetime, datetime], ...] = ()
    """From its last beat to the next one, oldest first: it was down, or the machine asleep."""

    def is_alive(self, now: datetime) -> bool:
        return self.seen_at is not None and now - self.seen_at <= ALIVE_WITHIN

    def away_at(
        self, moment: datetime, now: datetime
    ) -> tuple[datetime | None, datetime | None] | None:
        """The absence a moment falls into: its beginning (None: nobody ever saw it) and its end (None: it goes on).

        None when the daemon was there.
        """
        for began, ended in self.away:
            if began < moment <= ended:
                return began, ended
        if self.seen_at is None:
            return None, None
        if not self.is_alive(now) and moment > self.seen_at:
            return self.seen_at, None
        return None

    def explain(self, moment: datetime, now: datetime) -> str:
        """Why nothing was started at a moment, as a sentence; empty when the daemon was there."""
        found = self.away_at(moment, now)
        if found is None:
            return ""
        began, ended = found
        if began is None:
            return "No daemon has ever run on this home."
        if ended is None:
            return f"No daemon has run since {began:%Y-%m-%d %H:%M} UTC."
        return (
            f"No daemon ran from {began:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC: "
            "it was down, or the machine asleep."
        )


def read_heartbeat(settings: Settings) -> Heartbeat:
    """What the file says; a missing or torn one says that nobody was ever there."""
    try:
        found = json.loads(_file(settings).read_text())
        away = tuple((_moment(began), _moment(ended)) for began, ended in found["away"])
        return Heartbeat(_moment(found["seen_at"]), away)
    except (OSError, ValueError, KeyError, TypeError):
        return Heartbeat()


def beat(settings: Settings, now: datetime | None = None) -> None:
    """Note that the daemon is there. Called by a sensor every minute; costs a small file."""
    now = now or datetime.now(UTC)
    before = read_heartbeat(settings)
    away = before.away
    if before.seen_at is not None and now - before.seen_at > ALIVE_WITHIN:
        away = (*away, (before.seen_at, now))[-_KEPT:]
    text = json.dumps(
        {
            "seen_at": now.isoformat(),
            "away": [[began.isoformat(), ended.isoformat()] for began, ended in away],
        }
    )
    path = _file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.write_text(text)
    fresh.replace(path)


def _file(settings: Settings) -> Path:
    return settings.dagster_home / "heartbeat.json"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
