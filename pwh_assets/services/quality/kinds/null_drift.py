"""A column that used to have values has none any more."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.errors import quoted
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import texts
from pwh_assets.services.quality.words import rows


class NullDrift(Kind):
    name = "null_drift"
    about = "No column that once had values is NULL in every row now."
    options = (Option("columns", "the columns to watch; all by default.", texts),)

    def queries(self, question: Question) -> tuple[str, ...]:
        counts = [f"count({question.column(name)})" for name in _watched(question)]
        return (
            f"SELECT {', '.join(['count()', *counts])} FROM {question.table}{question.where()}",
        )

    def judge(self, question: Question) -> Verdict:
        names = _watched(question)
        ((total, *counts),) = question.door.rows(self.queries(question)[0])
        before = _remembered(question)
        found = {name: int(count or 0) for name, count in zip(names, counts, strict=True)}
        now = question.now.isoformat(timespec="seconds")
        filled = dict(before) | {
            name: {"values": count, "at": now} for name, count in found.items() if count
        }
        lost = [name for name, count in found.items() if total and not count and name in before]
        facts = {"rows": int(total), "filled": filled}
        if not lost:
            words = (
                f"{sum(1 for count in found.values() if count)} of {len(names)} columns have values"
            )
            return Verdict(True, f"{words} in {rows(total)}; none lost them.", facts)
        last = before[lost[0]]
        return Verdict(
            False,
            f"{quoted(lost)} {'are' if len(lost) > 1 else 'is'} NULL in all {rows(total)}; `{lost[0]}` had "
            f"{last['values']:,} values on {str(last['at'])[:10]}.",
            {**facts, "lost": lost},
            int(total),
        )


def _watched(question: Question) -> list[str]:
    return list(question.options.get("columns") or question.subject.columns)


def _remembered(question: Question) -> Mapping[str, Any]:
    """What the last answer knew of columns with values; each answer carries it on."""
    for run in question.history():
        if "filled" in run.details:
            known: Mapping[str, Any] = run.details["filled"]
            return known
    return {}


KIND = NullDrift()
