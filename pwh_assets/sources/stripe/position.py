"""How far a Stripe table has been read: the text a sync leaves to the next one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Position:
    """Unix seconds. `newest` is the time of the newest object in the lake."""

    newest: int | None = None
    history: int | None = None
    """While older objects are still missing: everything from here on is there. None when all are."""
    events: int | None = None
    """Changes told by events up to here are in the lake; None when events are not read."""

    @classmethod
    def parse(cls, text: str | None) -> "Position":
        """The position a text stands for, also a bare time or number.

        >>> Position.parse("2024-03-01 12:00:00; history 2024-01-01 00:00:00")
        Position(newest=1709294400, history=1704067200, events=None)
        """
        if text is None:
            return cls()
        first, *rest = re.split(r"; *", text)
        parts = dict(part.split(" ", 1) for part in rest)
        return cls(_seconds(first), _seconds(parts.get("history")), _seconds(parts.get("events")))

    def __str__(self) -> str:
        """What `parse` reads.

        >>> str(Position(1709294400, None, 1709294460))
        '2024-03-01 12:00:00; events 2024-03-01 12:01:00'
        """
        parts = [_text(self.newest)] if self.newest is not None else []
        parts += [f"history {_text(self.history)}"] if self.history is not None else []
        parts += [f"events {_text(self.events)}"] if self.events is not None else []
        return "; ".join(parts)


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
