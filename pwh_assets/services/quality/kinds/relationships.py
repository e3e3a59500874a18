"""Every reference leads somewhere."""

from pwh_assets.errors import InvalidInputError
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import text
from pwh_assets.services.quality.words import chain, ident, rows


class Relationships(Kind):
    name = "relationships"
    about = (
        "Every value of a column is in a column of another table or view; NULL refers to nothing."
    )
    options = (
        Option("column", "the column that refers.", text, is_required=True),
        Option("to", "the table or view it refers to.", text, is_required=True),
        Option("field", "the column there; `id` by default.", text, default="id"),
    )
    follows_rows_alone = False

    def examine(self, question: Question) -> None:
        to, field = question.options["to"], question.options["field"]
        try:
            question.door.plan(f"SELECT {ident(field)} AS c FROM {chain(to)}")
        except HogQLError as error:
            raise InvalidInputError(
                "to", f"`{to}.{field}` cannot be referred to: {error.sentence}"
            ) from None

    def queries(self, question: Question) -> tuple[str, ...]:
        column = question.column(question.options["column"])
        start = f"SELECT count() FROM {question.table}"
        return (
            start + question.where(f"{column} IS NOT NULL"),
            start + question.where(self._orphan(question)),
        )

    def judge(self, question: Question) -> Verdict:
        name, to = question.options["column"], question.options["to"]
        total, failing = (question.door.rows(text)[0][0] for text in self.queries(question))
        facts = {"references": int(total), "orphans": int(failing)}
        goal = f"`{to}.{question.options['field']}`"
        if not failing:
            return Verdict(True, f"Every `{name}` of {rows(total)} is in {goal}.", facts, 0)
        column = question.column(name)
        examples = question.sample(
            f"SELECT {column}, count() AS rows_with_it FROM {question.table}"
            f"{question.where(self._orphan(question))} GROUP BY {column} ORDER BY rows_with_it DESC"
        )
        return Verdict(
            False,
            f"{failing:,} of {rows(total)} refer by `{name}` to what is not in {goal}.",
            facts,
            int(failing),
            examples,
        )

    def _orphan(self, question: Question) -> str:
        column = question.column(question.options["column"])
        field = ident(question.options["field"])
        known = f"SELECT {field} FROM {chain(question.options['to'])} WHERE {field} IS NOT NULL"
        return f"{column} IS NOT NULL AND {column} NOT IN ({known})"


KIND = Relationships()
