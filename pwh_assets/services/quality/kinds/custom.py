"""Whatever can be said in HogQL."""

from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.quality.base import MOST_EXAMPLES, Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import number, one_of, text
from pwh_assets.services.quality.words import rows

NO_ROWS, TRUE, VALUE = "no_rows", "true", "value"


class Custom(Kind):
    name = "custom"
    about = (
        "A query of yours returns no rows; or one truth, which has to be true; or one number, which has to be "
        "within bounds."
    )
    options = (
        Option("sql", "the HogQL query; it reads the table it checks.", text, is_required=True),
        Option("expect", "`no_rows` (default), `true` or `value`.", one_of(NO_ROWS, TRUE, VALUE)),
        Option("min", "for `value`: the least it may be.", number),
        Option("max", "for `value`: the most it may be.", number),
    )
    takes_filter = False
    follows_rows_alone = False

    def examine(self, question: Question) -> None:
        plan = question.door.plan(question.options["sql"])
        name = question.subject.name
        if name.lower() not in {table.lower() for table in plan.tables}:
            raise InvalidInputError(
                "sql", f"The query does not read `{name}`, the table it is meant to check."
            )
        if _expected(question) == NO_ROWS:
            return
        if len(plan.columns) != 1:
            raise InvalidInputError(
                "sql",
                f"The query gives {len(plan.columns)} columns; a rule needs exactly one value.",
            )
        least, most = question.options.get("min"), question.options.get("max")
        if _expected(question) == VALUE and least is None and most is None:
            raise InvalidInputError("min", "A rule on a value needs `min`, `max` or both.")

    def queries(self, question: Question) -> tuple[str, ...]:
        return (question.options["sql"],)

    def judge(self, question: Question) -> Verdict:
        if _expected(question) == NO_ROWS:
            return self._no_rows(question)
        answer = question.door.rows(question.options["sql"])
        if len(answer) != 1 or len(answer[0]) != 1:
            return Verdict(
                False,
                f"The query gave {rows(len(answer))}; one value was wanted.",
                {"rows": len(answer)},
            )
        value = answer[0][0]
        if _expected(question) == TRUE:
            return Verdict(value in (True, 1), f"The query says {_shown(value)}.", {"value": value})
        return self._within(question, value)

    def _no_rows(self, question: Question) -> Verdict:
        sql = question.options["sql"]
        shown = question.door.examples(sql, MOST_EXAMPLES)
        found = len(shown)
        if found == MOST_EXAMPLES:
            ((found,),) = question.door.rows(f"SELECT count() FROM (\n{sql}\n) AS q")
        if not found:
            return Verdict(True, "The query returns no rows.", failing_rows=0)
        return Verdict(
            False,
            f"The query returns {rows(found)}; none were wanted.",
            failing_rows=int(found),
            examples=shown[: question.most_examples],
        )

    def _within(self, question: Question, value: Any) -> Verdict:
        least, most = question.options.get("min"), question.options.get("max")
        facts = {"value": value}
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Verdict(False, f"The query says {_shown(value)}, which is no number.", facts)
        if least is not None and value < least:
            return Verdict(False, f"The query says {value:,}; at least {least:,} is wanted.", facts)
        if most is not None and value > most:
            return Verdict(False, f"The query says {value:,}; at most {most:,} is wanted.", facts)
        return Verdict(True, f"The query says {value:,}.", facts)


def _expected(question: Question) -> str:
    bounded = {"min", "max"} & question.options.keys()
    return str(question.options.get("expect") or (VALUE if bounded else NO_ROWS))


def _shown(value: Any) -> str:
    return "NULL" if value is None else f"`{str(value)[:60]}`"


KIND = Custom()
