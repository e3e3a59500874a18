"""No two rows share a key."""

from pwh_assets.errors import quoted
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import texts
from pwh_assets.services.quality.words import rows


class Unique(Kind):
    name = "unique"
    about = "No two rows have the same values in these columns; a row with a NULL among them repeats nothing."
    options = (Option("columns", "the columns that make a key together.", texts, is_required=True),)

    def queries(self, question: Question) -> tuple[str, ...]:
        return (f"SELECT count(), sum(n - 1) FROM (SELECT count() AS n {self._groups(question)})",)

    def judge(self, question: Question) -> Verdict:
        names = question.options["columns"]
        ((keys, surplus),) = question.door.rows(self.queries(question)[0])
        facts = {"repeated_keys": int(keys or 0), "surplus_rows": int(surplus or 0)}
        if not keys:
            return Verdict(True, f"No two rows share their {quoted(names)}.", facts, 0)
        listed = ", ".join(question.column(name) for name in names)
        examples = question.sample(
            f"SELECT {listed}, count() AS rows_with_it {self._groups(question)} ORDER BY rows_with_it DESC"
        )
        many = "values that another row has" if len(names) == 1 else "a key that another row has"
        return Verdict(
            False,
            f"{rows(int(surplus))} too many: {keys:,} {many} in {quoted(names)}.",
            facts,
            int(surplus),
            examples,
        )

    def _groups(self, question: Question) -> str:
        columns = [question.column(name) for name in question.options["columns"]]
        where = question.where(" AND ".join(f"{column} IS NOT NULL" for column in columns))
        return f"FROM {question.table}{where} GROUP BY {', '.join(columns)} HAVING count() > 1"


KIND = Unique()
