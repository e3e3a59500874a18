"""What a view that is built in parts is told: its key, what makes its rows unique, how far to look back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pwh_assets.errors import InvalidInputError, UserError

MAX_LOOKBACK_S = 30 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LOOKBACK = re.compile(r"(\d+)\s*([smhdw]?)")


@dataclass(frozen=True, slots=True)
class IncrementalConfig:
    """Names are output columns. Rows with equal keys are a bucket, which is always computed as a whole."""

    key: str
    unique_key: tuple[str, ...] = ()
    lookback_seconds: int = 0
    """Buckets this near to the newest are computed at every build, whatever has changed."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "IncrementalConfig":
        """From `SavedQuery.incremental`."""
        return cls(
            str(stored["key"]),
            tuple(stored.get("unique_key") or ()),
            int(stored.get("lookback_seconds") or 0),
        )

    def stored(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "unique_key": list(self.unique_key),
            "lookback_seconds": self.lookback_seconds,
        }


class NotIncrementalError(UserError):
    """A view cannot be built in parts by this key."""

    code = "not_incremental"
    status = 422

    def __init__(self, name: str, blockers: Sequence[str]) -> None:
        self.name, self.blockers = name, tuple(blockers)
        listed = " ".join(blockers)
        super().__init__(
            f"View `{name}` cannot be built in parts: {listed} Change the query or the key, or leave it built as "
            f"a whole; `pwh view check-incremental {name}` shows what its columns allow."
        )


def parse_lookback(text: str) -> int:
    """Seconds of `90`, `15m`, `6h` or `2d`.

    >>> parse_lookback("2d"), parse_lookback("90")
    (172800, 90)

    Raises:
        InvalidInputError: not a length of time, or more than 30 days.
    """
    match = _LOOKBACK.fullmatch(text.strip().lower())
    if not match:
        raise InvalidInputError(
            "lookback", f"`{text}` is not a length of time. Write `2d`, `6h`, `15m` or seconds."
        )
    return check_lookback(int(match[1]) * _UNITS[match[2] or "s"])


def check_lookback(seconds: int) -> int:
    """The same number. Raises InvalidInputError when it is negative or more than 30 days."""
    if not 0 <= seconds <= MAX_LOOKBACK_S:
        raise InvalidInputError(
            "lookback",
            f"A view can look back 30 days at most, not {seconds / 86_400:g}. Late rows are found however late "
            "they are; the lookback is only for what no change of a table tells.",
        )
    return seconds
