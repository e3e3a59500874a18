"""A table is neither too small nor too large."""

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import whole
from pwh_assets.services.quality.words import rows


class RowCount(Kind):
    name = "row_count"
    about = "The number of rows is within bounds."
    options = (
        Option("min", "the fewest rows.", whole(0)),
        Option("max", "the most rows.", whole(0)),
    )

    def examine(self, question: Question) -> None:
        least, most = question.options.get("min"), question.options.get("max")
        if least is None and most is None:
            raise InvalidInputError("min", "A `row_count` check needs `min`, `max` or both.")
        if least is not None and most is not None and least > most:
            raise InvalidInputError("min", f"`min` is {least:,}, more than `max`, {most:,}.")

    def queries(self, question: Question) -> tuple[str, ...]:
        return (f"SELECT count() FROM {question.table}{question.where()}",)

    def judge(self, question: Question) -> Verdict:
        ((found,),) = question.door.rows(self.queries(question)[0])
        least, most = question.options.get("min"), question.options.get("max")
        facts = {"rows": int(found)}
        if least is not None and found < least:
            return Verdict(False, f"There are {rows(found)}; at least {least:,} are wanted.", facts)
        if most is not None and found > most:
            return Verdict(False, f"There are {rows(found)}; at most {most:,} are wanted.", facts)
        return Verdict(True, f"There are {rows(found)}.", facts)


KIND = RowCount()
