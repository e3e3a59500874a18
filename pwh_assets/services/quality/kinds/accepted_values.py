"""A column holds nothing but what is on a list."""

from pwh_assets.errors import quoted
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import text, values
from pwh_assets.services.quality.words import literal, rows


class AcceptedValues(Kind):
    name = "accepted_values"
    about = "A column holds only these values; NULL is always accepted."
    options = (
        Option("column", "the column to look at.", text, is_required=True),
        Option("values", "the values it may have.", values, is_required=True),
    )

    def queries(self, question: Question) -> tuple[str, ...]:
        return (
            f"SELECT count(), countIf({self._other(question)}) FROM {question.table}{question.where()}",
        )

    def judge(self, question: Question) -> Verdict:
        name = question.options["column"]
        ((total, failing),) = question.door.rows(self.queries(question)[0])
        facts = {"rows": int(total)}
        listed = quoted([str(value) for value in question.options["values"]], 6)
        if not failing:
            return Verdict(True, f"Every `{name}` is among {listed}.", facts, 0)
        column = question.column(name)
        examples = question.sample(
            f"SELECT {column}, count() AS rows_with_it FROM {question.table}"
            f"{question.where(self._other(question))} GROUP BY {column} ORDER BY rows_with_it DESC"
        )
        return Verdict(
            False,
            f"{failing:,} of {rows(total)} have a `{name}` that is not among {listed}.",
            facts,
            int(failing),
            examples,
        )

    def _other(self, question: Question) -> str:
        column = question.column(question.options["column"])
        listed = ", ".join(literal(value) for value in question.options["values"])
        return f"{column} IS NOT NULL AND {column} NOT IN ({listed})"


KIND = AcceptedValues()
