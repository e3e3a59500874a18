"""HogQL's parser: a text becomes a tree of sqlglot's nodes, with a place on each, or says what is wrong with it.

Belongs here: the lexer, the grammar, syntax errors and going on after them.
Keep out: names and types (the resolver), sqlglot's own tokenizer and parsers, anything an engine must know.
"""

from dataclasses import dataclass

from sqlglot import expressions as exp

from pwh_assets.hogql.errors import HogQLError, Problem, SyntaxProblem
from pwh_assets.hogql.parser.cursor import SyntaxFault
from pwh_assets.hogql.parser.lexer import tokenize
from pwh_assets.hogql.parser.queries import Queries
from pwh_assets.hogql.parser.tokens import MAX_CHARACTERS, MAX_NESTING, Tokens

__all__ = ["ParseResult", "Tokens", "parse", "parse_expression", "parse_select", "tokenize"]


@dataclass(frozen=True, slots=True)
class ParseResult:
    """What a text is: its tree as far as it can be read, every independent mistake, and its tokens."""

    tree: exp.Expr | None
    problems: tuple[Problem, ...]
    tokens: Tokens


def parse(text: str) -> ParseResult:
    """Read a query. Never raises: mistakes are problems, and holes in the tree have `meta["error"]`."""
    return _read(text, whole=True)


def parse_select(text: str) -> exp.Expr:
    """The tree of a query. Raises `HogQLError` with every mistake found."""
    return _tree(parse(text), text)


def parse_expression(text: str) -> exp.Expr:
    """The tree of one expression, as in a computed field. Raises `HogQLError`."""
    return _tree(_read(text, whole=False), text)


def _tree(result: ParseResult, text: str) -> exp.Expr:
    if result.problems:
        raise HogQLError(result.problems, text)
    assert result.tree is not None
    return result.tree


def _read(text: str, whole: bool) -> ParseResult:
    if len(text) > MAX_CHARACTERS:
        message = f"The text has {len(text):,} characters, {MAX_CHARACTERS:,} are the most; split the query"
        problem = Problem(SyntaxProblem.TOO_LARGE, message, 0, 0)
        return ParseResult(None, (problem,), tokenize(""))
    tokens = tokenize(text)
    if tokens.is_too_large:
        return ParseResult(None, tuple(tokens.problems), tokens)
    parser = Queries(tokens)
    tree: exp.Expr | None = None
    try:
        tree = parser.root() if whole else parser.lone_expression()
    except SyntaxFault as fault:
        if fault.problem.code == SyntaxProblem.TOO_LARGE:
            return ParseResult(None, (fault.problem,), tokens)
        parser.note(fault)
        if not (parser.problems or tokens.problems):
            parser.problems.append(fault.problem)
        tree = exp.Select()
        tree.meta.update({"start": 0, "end": len(text), "error": True})
    except RecursionError:
        place = tokens.starts[min(parser.pos, len(tokens) - 1)]
        message = (
            f"The query is nested more than {MAX_NESTING} deep; name the inner parts using WITH"
        )
        return ParseResult(
            None, (Problem(SyntaxProblem.TOO_LARGE, message, place, place + 1),), tokens
        )
    problems = sorted([*tokens.problems, *parser.problems], key=lambda problem: problem.start)
    return ParseResult(tree, tuple(problems), tokens)
