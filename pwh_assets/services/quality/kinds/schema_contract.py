"""The columns are the declared ones, with the declared types; pandera compares."""

from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.hogql.stored import READ_AS, type_of
from pwh_assets.services.quality.base import Kind, Option, Question, Verdict
from pwh_assets.services.quality.options import truth
from pwh_assets.services.quality.words import plain
from pwh_assets.services.sync.contracts import failure_cases, is_as_declared
from pwh_assets.services.views.text import lake_type

SAMPLE_ROWS = 1_000
FAMILIES = (
    "String", "Integer", "Float", "Decimal", "Boolean", "Date", "DateTime", "UUID", "JSON", "Array", "Map", "Tuple"
)  # fmt: skip
"""HogQL's types: each stands for every stored type that is read as it."""


def types(attr: str, value: Any) -> dict[str, str]:
    """Column -> type, in HogQL's words (`Integer`) or the lake's (`BIGINT`)."""
    if not isinstance(value, dict) or not value:
        raise InvalidInputError(
            attr, "`columns` maps names to types: `{id: Integer, email: String}`."
        )
    found = {str(name): str(plain(kind)) for name, kind in value.items()}
    for name, kind in found.items():
        if _family(kind) is None:
            try:
                _arrow_of({name: kind})
            except ValueError:
                raise InvalidInputError(
                    attr,
                    f"`{kind}` of `{name}` is no type. Use one of HogQL's ({', '.join(FAMILIES)}) or the lake's, "
                    "such as BIGINT or DECIMAL(18,2).",
                ) from None
    return found


class SchemaContract(Kind):
    name = "schema"
    about = "The declared columns are there with their types; when `strict`, no others are."
    options = (
        Option("columns", "name and type of each column.", types, is_required=True),
        Option("strict", "true: no other columns.", truth),
    )
    takes_filter = False

    def columns(self, options: Any) -> tuple[str, ...]:
        return ()  # whether they are there is what it checks

    def queries(self, question: Question) -> tuple[str, ...]:
        there = [name for name in question.options["columns"] if name in question.subject.columns]
        listed = ", ".join(question.column(name) for name in there) or "1 AS nothing"
        return (f"SELECT {listed} FROM {question.table} LIMIT {SAMPLE_ROWS}",)

    def judge(self, question: Question) -> Verdict:
        declared: dict[str, str] = dict(question.options["columns"])
        actual = question.subject.columns
        read = {name: _read_as(actual[name]) for name in declared if name in actual}
        stored = {name: actual[name].stored or lake_type(actual[name].type) for name in read}
        wanted = {
            name: read[name] if name in read and _fits(kind, stored[name]) else _spelled(kind)
            for name, kind in declared.items()
        }
        sample = question.door.arrow(self.queries(question)[0])
        expected = _arrow_of(wanted)
        problems = []
        if not is_as_declared(sample, expected, frozenset()):
            failed = {
                str(case["failure_case" if case["check"] == "column_in_dataframe" else "column"])
                for case in failure_cases(sample, expected, frozenset())
            }
            for name, kind in declared.items():
                if name not in actual:
                    problems.append(f"`{name}` is missing; declared {kind}")
                elif name in failed:
                    problems.append(f"`{name}` is {stored[name]}; declared {kind}")
        others = [name for name in actual if name not in declared]
        if question.options.get("strict") and others:
            problems += [f"`{name}` is not declared" for name in others]
        facts = {"columns": len(actual), "sampled_rows": sample.num_rows}
        if problems:
            words = "; ".join(problems[:8]) + ("; and more" if len(problems) > 8 else "")
            return Verdict(False, f"The columns differ: {words}.", {**facts, "problems": problems})
        return Verdict(True, f"All {len(declared)} declared columns are there.", facts)


def _family(kind: str) -> str | None:
    return next(
        (family for family in FAMILIES if family.lower() == kind.lower() and kind != kind.upper()),
        None,
    )


def _fits(declared: str, stored: str) -> bool:
    family = _family(declared)
    if family is not None:
        return type_of(stored).name == family
    return _canonical(declared) == _canonical(stored)


def _read_as(column: Any) -> str:
    """The type a stored column has when HogQL reads it."""
    stored = column.stored or lake_type(column.type)
    return READ_AS.get(stored, stored)


def _spelled(kind: str) -> str:
    """A type for the lake, of a family its plainest."""
    family = _family(kind)
    plainest = {
        "String": "VARCHAR", "Integer": "BIGINT", "Float": "DOUBLE", "Decimal": "DECIMAL(38,9)", "Boolean": "BOOLEAN",
        "Date": "DATE", "DateTime": "TIMESTAMP", "UUID": "UUID", "JSON": "JSON", "Array": "VARCHAR[]",
        "Map": "MAP(VARCHAR, VARCHAR)", "Tuple": "STRUCT(a VARCHAR)",
    }  # fmt: skip
    return plainest[family] if family else kind


def _canonical(kind: str) -> str:
    import duckdb

    from pwh_assets.lake.types import canonical

    with duckdb.connect() as connection:
        return canonical(connection, [kind])[0]


def _arrow_of(kinds: dict[str, str]) -> dict[str, Any]:
    """Arrow types of the lake's. Raises ValueError."""
    import duckdb

    from pwh_assets.lake.types import canonical
    from pwh_assets.services.sync.contracts import arrow_types

    with duckdb.connect() as connection:
        try:
            spelled = canonical(connection, list(kinds.values()))
            return arrow_types(connection, dict(zip(kinds, spelled, strict=True)))
        except duckdb.Error as error:
            raise ValueError(str(error)) from None


KIND = SchemaContract()
