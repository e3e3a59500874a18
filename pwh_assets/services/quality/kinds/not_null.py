"""No row lacks a value."""

from pwh_assets.errors import quoted
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import texts
from pwh_assets.services.quality.words import rows


class NotNull(Kind):
    name = "not_null"
    about = "Every row has a value in these columns."
    options = (Option("columns", "the columns that may not be NULL.", texts, is_required=True),)

    def queries(self, question: Question) -> tuple[str, ...]:
        columns = [question.column(name) for name in question.options["columns"]]
        counts = ", ".join(f"countIf({column} IS NULL)" for column in columns)
        any_null = " OR ".join(f"{column} IS NULL" for column in columns)
        return (
            f"SELECT count(), countIf({any_null}), {counts} FROM {question.table}{question.where()}",
        )

    def judge(self, question: Question) -> Verdict:
        names = question.options["columns"]
        ((total, failing, *nulls),) = question.door.rows(self.queries(question)[0])
        found = {name: int(count or 0) for name, count in zip(names, nulls, strict=True)}
        facts = {"rows": int(total), "nulls": found}
        if not total:
            return Verdict(True, "There are no rows.", facts, 0)
        if not failing:
            return Verdict(True, f"All {rows(total)} have a value in {quoted(names)}.", facts, 0)
        lacking = [name for name in names if found[name]]
        condition = " OR ".join(f"{question.column(name)} IS NULL" for name in lacking)
        return Verdict(
            False,
            f"{failing:,} of {rows(total)} lack a value in {quoted(lacking)}.",
            facts,
            int(failing),
            question.examples(condition),
        )


KIND = NotNull()
