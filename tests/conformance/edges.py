"""Calls with awkward arguments, made from the registry's examples: NULL, '', 0, less than 0, nothing, the hour that comes twice."""

from collections.abc import Iterator

from sqlglot import exp

from pwh_assets.hogql.functions.base import Fn
from pwh_assets.hogql.parser import parse_expression
from pwh_assets.hogql.types import Type
from tests.conformance.expressions import Compiler

EDGES: dict[str, tuple[str, ...]] = {
    "String": ("nullIf('a', 'a')", "''", "'é'", "'0'", "' a b '", "'A,b.C'", "'12.5'", "'2024-02-29'", "'a\\'b\\\\c'"),
    "Integer": ("nullIf(1, 1)", "0", "-1", "7", "100000"),
    "Float": ("nullIf(1.5, 1.5)", "0.0", "-1.5", "2.5", "12345678.9"),
    "Boolean": ("nullIf(true, true)", "true", "false"),
    "Date": ("toDate(nullIf('a', 'a'))", "toDate('1970-01-01')", "toDate('2024-02-29')", "toDate('2000-12-31')", "toDate('1950-06-15')"),
    "DateTime": (
        "toDateTime(nullIf('a', 'a'))",
        "toDateTime('2024-03-31T00:59:59Z')",
        "toDateTime('2024-03-31T01:00:00Z')",
        "toDateTime('2024-10-27T00:30:00Z')",
        "toDateTime('2024-10-27T01:30:00Z')",
        "toDateTime('1969-12-31T23:59:59Z')",
        "toDateTime('2024-12-31T23:59:59.5Z')",
    ),
    "Array(Integer)": ("emptyArrayInt64()", "[nullIf(1, 1)]", "[1, NULL, 1]", "[3]", "[0, -2, 5, 5]"),
    "Array(String)": ("emptyArrayString()", "[nullIf('a', 'a')]", "['', 'a', NULL]", "['b']", "['é', 'é']"),
    "Array(Float)": ("emptyArrayFloat64()", "[1.5, -2.5]", "[0.5, NULL]"),
}  # fmt: skip


def edges_of(type_: Type) -> tuple[str, ...]:
    return EDGES.get(str(type_), EDGES.get(type_.name, ()) if type_.name != "Array" else ())


def edge_calls(row: Fn) -> Iterator[tuple[str, exp.Expression]]:
    """The first example with one argument after the other replaced by every edge of its type."""
    examples = row.example or ()
    if examples and isinstance(examples[0], str):
        examples = (examples,)  # type: ignore[assignment]
    names = {row.name, *row.aliases}
    for text, _ in examples[:1]:  # type: ignore[misc]
        if str(text).lstrip().upper().startswith("SELECT"):
            continue
        tree = parse_expression(str(text))
        call = next(
            (node for node in tree.find_all(exp.Anonymous) if str(node.this) in names), None
        )
        if call is None:
            continue
        for at, argument in enumerate(call.expressions):
            if isinstance(argument, exp.Lambda):
                continue
            try:
                kind = Compiler("duckdb").value(argument).type
            except Exception:
                continue
            for edge in edges_of(kind):
                copy = tree.copy()
                target = next(n for n in copy.find_all(exp.Anonymous) if str(n.this) in names)
                target.expressions[at].replace(parse_expression(edge))
                yield f"{text} with argument {at + 1} = {edge}", copy
