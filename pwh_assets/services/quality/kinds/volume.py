"""As many rows as usual: the newest whole period against the ones before it, by median and MAD."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict, check_column
from pwh_assets.services.quality.options import number, one_of, text, whole
from pwh_assets.services.quality.words import literal, rows

PERIODS = {"hour": 3600, "day": 86_400, "week": 604_800}
_MONDAY = 345_600
"""Seconds from the epoch to its first Monday: weeks begin there."""
SPREAD_OF_MAD = 1.4826
"""What makes the median absolute deviation comparable with a standard deviation."""
LEAST_SHARE = 0.02
"""History without any spread still allows for so much of its median."""
HISTORY, LEAST_HISTORY, THRESHOLD = 28, 7, 4.0


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual, and how far from it a number may lie."""

    median: float
    mad: float
    spread: float
    low: float
    high: float

    @classmethod
    def of(cls, counts: Sequence[float], threshold: float) -> "Band":
        """The band of a history. Never narrower than chance: counts vary by their square root.

        >>> Band.of([100, 104, 96, 101, 99, 100, 5000], 4.0)
        Band(median=100, mad=1, spread=10.0, low=60.0, high=140.0)
        """
        median = statistics.median(counts)
        mad = statistics.median(abs(each - median) for each in counts)
        spread = max(SPREAD_OF_MAD * mad, math.sqrt(max(median, 0)), LEAST_SHARE * median, 0.5)
        return cls(
            median, mad, spread, max(0.0, median - threshold * spread), median + threshold * spread
        )

    def score(self, count: float) -> float:
        return (count - self.median) / self.spread


class Volume(Kind):
    name = "volume"
    about = (
        "The newest whole hour, day or week has about as many rows as those before it (median and MAD); without a "
        "column, the table has about as many rows as when it was checked before."
    )
    options = (
        Option(
            "column", "the time of a row; none compares the whole table with earlier checks.", text
        ),
        Option(
            "period", "`hour`, `day` (default) or `week`, in UTC.", one_of(*PERIODS), default="day"
        ),
        Option(
            "periods", "how many periods of history to look at.", whole(3, 1000), default=HISTORY
        ),
        Option(
            "min_periods",
            "how many of them are needed to judge at all.",
            whole(3, 1000),
            default=LEAST_HISTORY,
        ),
        Option(
            "threshold", "how many spreads from the median are too far.", number, default=THRESHOLD
        ),
        Option(
            "direction",
            "`both` (default), `drop` or `spike`.",
            one_of("both", "drop", "spike"),
            default="both",
        ),
        Option(
            "compare",
            "`all` periods (default), or for days only those of the same `weekday`.",
            one_of("all", "weekday"),
            default="all",
        ),
    )
    follows_rows_alone = False

    def examine(self, question: Question) -> None:
        options = question.options
        if options["threshold"] <= 0:
            raise InvalidInputError("threshold", "`threshold` has to be more than 0.")
        if options["min_periods"] > options["periods"]:
            raise InvalidInputError(
                "min_periods",
                f"`min_periods` is {options['min_periods']}, more than `periods`, {options['periods']}.",
            )
        if options["compare"] == "weekday" and options["period"] != "day":
            raise InvalidInputError("compare", "Only days can be compared by weekday.")
        if "column" in options:
            kind = check_column(question, "column", options["column"])
            if kind not in ("Date", "DateTime"):
                raise InvalidInputError(
                    "column",
                    f"`{options['column']}` is of type {kind}; volume needs a date or a time.",
                )

    def queries(self, question: Question) -> tuple[str, ...]:
        if "column" not in question.options:
            return (f"SELECT count() FROM {question.table}{question.where()}",)
        column = f"toDateTime({question.column(question.options['column'])})"
        width, shift = _grid(question)
        last = _number(question) - 1
        span = self._history(question)
        bounds = [
            f"{column} >= toDateTime({literal(f'{_start(last - span, width, shift):%Y-%m-%d %H:%M:%S}')})",
            f"{column} < toDateTime({literal(f'{_start(last + 1, width, shift):%Y-%m-%d %H:%M:%S}')})",
        ]
        number = f"intDiv(toUnixTimestamp({column}) - {shift}, {width})"
        return (
            f"SELECT {number} AS period, count() FROM {question.table}{question.where(*bounds)} "
            "GROUP BY period ORDER BY period",
        )

    def judge(self, question: Question) -> Verdict:
        if "column" not in question.options:
            return self._as_before(question)
        width, shift = _grid(question)
        last = _number(question) - 1
        counts = {
            int(period): int(n) for period, n in question.door.rows(self.queries(question)[0])
        }
        if not counts:
            return self._gone(question)
        first = min(counts)
        step = 7 if question.options["compare"] == "weekday" else 1
        before = [
            counts.get(period, 0)
            for period in range(last - step, last - self._history(question) - 1, -step)
            if period >= first
        ]
        newest = counts.get(last, 0)
        when = _start(last, width, shift)
        shown = f"{when:%Y-%m-%d %H:%M}" if width == PERIODS["hour"] else f"{when:%Y-%m-%d}"
        what = f"The {question.options['period']} of {shown} has {rows(newest)}"
        return self._compare(
            question, newest, before, what, {"newest_period": shown, "compared": "periods"}
        )

    def _history(self, question: Question) -> int:
        """Periods back to the oldest that is looked at."""
        weekly = question.options["compare"] == "weekday"
        return int(question.options["periods"]) * (7 if weekly else 1)

    def _as_before(self, question: Question) -> Verdict:
        ((found,),) = question.door.rows(self.queries(question)[0])
        known = [run.details.get("rows") for run in question.history()]
        before = [int(each) for each in known if each is not None][: question.options["periods"]]
        what = f"There are {rows(found)}"
        return self._compare(question, int(found), before, what, {"compared": "checks"})

    def _gone(self, question: Question) -> Verdict:
        earlier = next((r for r in question.history() if r.details.get("rows")), None)
        if earlier is None:
            return Verdict(True, "There are no rows to compare yet.", {"rows": 0, "judged": False})
        return Verdict(
            False,
            f"There are no rows in {self._history(question)} periods; on {earlier.at:%Y-%m-%d} there were.",
            {"rows": 0, "judged": True},
        )

    def _compare(
        self,
        question: Question,
        found: int,
        before: Sequence[int],
        what: str,
        facts: dict[str, Any],
    ) -> Verdict:
        needed = question.options["min_periods"]
        facts |= {"rows": found, "periods": len(before), "judged": len(before) >= needed}
        if len(before) < needed:
            return Verdict(
                True,
                f"{what}; {len(before)} of the {needed} {facts['compared']} needed to judge that are known.",
                facts,
            )
        band = Band.of(before, question.options["threshold"])
        facts |= {
            "median": band.median,
            "mad": band.mad,
            "spread": round(band.spread, 3),
            "expected_min": round(band.low, 1),
            "expected_max": round(band.high, 1),
            "score": round(band.score(found), 2),
        }
        usual = (
            f"the {len(before)} {facts['compared']} before have {band.median:,.0f} (median), so {band.low:,.0f} to {band.high:,.0f} "
            f"would be usual (spread {band.spread:,.1f}, MAD {band.mad:,.1f})"
        )
        wanted = question.options["direction"]
        if found < band.low and wanted != "spike":
            return Verdict(False, f"{what}, too few: {usual}.", facts)
        if found > band.high and wanted != "drop":
            return Verdict(False, f"{what}, too many: {usual}.", facts)
        return Verdict(True, f"{what}: {usual}.", facts)


def _grid(question: Question) -> tuple[int, int]:
    """Length of a period, and where the first begins, in seconds of the epoch."""
    width = PERIODS[question.options["period"]]
    return width, _MONDAY if width == PERIODS["week"] else 0


def _number(question: Question) -> int:
    """The period we are in; it is not over, so it is not judged."""
    width, shift = _grid(question)
    return int(question.now.timestamp() - shift) // width


def _start(number: int, width: int, shift: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=number * width + shift)


KIND = Volume()
