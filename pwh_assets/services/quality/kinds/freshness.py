"""The newest row is not too old."""

from datetime import UTC, datetime, timedelta

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict, check_column
from pwh_assets.services.quality.options import text
from pwh_assets.services.quality.words import ago, parse_span, rows, span


class Freshness(Kind):
    name = "freshness"
    about = (
        "The newest value of a time column is at most so old; a date counts to the end of its day, "
        "and values in the future do not count."
    )
    options = (
        Option("column", "the date or time column.", text, is_required=True),
        Option("max_age", "how old, such as `24h`.", parse_span, is_required=True),
    )
    follows_rows_alone = False

    def examine(self, question: Question) -> None:
        name = question.options["column"]
        kind = check_column(question, "column", name)
        if kind not in ("Date", "DateTime"):
            raise InvalidInputError(
                "column", f"`{name}` is of type {kind}; freshness needs a date or a time."
            )

    def queries(self, question: Question) -> tuple[str, ...]:
        column = question.column(question.options["column"])
        return (
            f"SELECT maxIf({column}, {column} <= now()), countIf({column} > now()), count() "
            f"FROM {question.table}{question.where()}",
        )

    def judge(self, question: Question) -> Verdict:
        name, allowed = question.options["column"], span(question.options["max_age"])
        ((newest, ahead, total),) = question.door.rows(self.queries(question)[0])
        facts: dict[str, object] = {"rows": int(total), "max_age_s": allowed.total_seconds()}
        later = ""
        if ahead:
            facts["in_the_future"] = int(ahead)
            later = f" {rows(ahead)} lie in the future and do not count."
        if newest is None:
            return Verdict(False, f"No row has a `{name}` up to now.{later}", facts)
        age = max(question.now - _end_of(str(newest)), timedelta(0))
        facts |= {"newest": str(newest), "age_s": round(age.total_seconds())}
        found = f"The newest `{name}` is {newest}, {ago(age)} ago"
        if age > allowed:
            return Verdict(False, f"{found}; {ago(allowed)} are allowed.{later}", facts)
        return Verdict(True, f"{found}.{later}", facts)


def _end_of(moment: str) -> datetime:
    """The instant a value stands for; a date is over at midnight."""
    if len(moment) == len("2026-01-01"):
        return datetime.fromisoformat(moment).replace(tzinfo=UTC) + timedelta(days=1)
    found = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


KIND = Freshness()
