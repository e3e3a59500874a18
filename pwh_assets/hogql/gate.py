"""What a text must be before anything looks at its names: one SELECT or set operation, of bounded size, without switches."""

from sqlglot import exp

from pwh_assets.hogql.errors import HogQLError, Problem, SyntaxProblem
from pwh_assets.hogql.resolve.core import span

MAX_TEXT = 262_144
"""Characters. Longer texts are data, which belongs in a source."""


def check_text(text: str) -> None:
    """Refuses what is too long or holds a NUL, before parsing."""
    if len(text) > MAX_TEXT:
        sentence = f"The query has {len(text):,} characters, {MAX_TEXT:,} are the most"
        raise HogQLError(
            [
                Problem(
                    SyntaxProblem.TOO_LARGE,
                    sentence,
                    0,
                    0,
                    "Load long lists as a source and join it.",
                )
            ]
        )
    place = text.find("\x00")
    if place >= 0:
        raise HogQLError(
            [Problem(SyntaxProblem.SYNTAX, "The query holds a NUL character", place, place + 1)],
            text,
        )


def check_tree(tree: exp.Expression, text: str) -> None:
    """Refuses a root that is no query, and clauses that speak to the engine.

    The rest of the gate is how things are built: a table that is not in the catalog does not exist, a function that is not
    in the registry does not exist, table functions are a list of our own, and the SQL is printed from the logical tree alone.
    """
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery | exp.Values):
        start, end = span(tree)
        raise HogQLError(
            [
                Problem(
                    SyntaxProblem.NOT_ALLOWED,
                    "A query is one SELECT, or SELECTs joined by UNION",
                    start,
                    end,
                )
            ],
            text,
        )
    settings = tree.args.get("settings") if isinstance(tree, exp.Expression) else None
    if settings:
        start, end = span(settings[0])
        raise HogQLError(
            [
                Problem(
                    SyntaxProblem.NOT_ALLOWED,
                    "`SETTINGS` is not allowed; limits are set by the project",
                    start,
                    end,
                )
            ],
            text,
        )
