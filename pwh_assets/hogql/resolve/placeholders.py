"""Placeholders that stand for a table or a query: `FROM {name}`, where the value is a table's name or a query's text."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlglot import exp

from pwh_assets.hogql import gate
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.resolve.core import CODES, parse_view
from pwh_assets.hogql.resolve.expressions import MISSING

if TYPE_CHECKING:
    from pwh_assets.hogql.resolve.sources import Sources

MAX_PLACED = 100
"""Values put in for tables in one text; values that hold further placeholders multiply."""

_QUERY = re.compile(r"\s*(?:\(|(?:SELECT|WITH)\b)", re.IGNORECASE)


@contextmanager
def placed(resolver: "Sources", node: exp.Expression) -> Iterator[exp.Expression | None]:
    """The tree a placeholder's value stands for, its mistakes shown at the placeholder; None when it has no value."""
    words = resolver.placeholder_name(node)
    tree = _tree(resolver, words, node)
    anchor, placing = resolver.anchor, resolver.placing
    resolver.anchor, resolver.placing = anchor or node, (*placing, words)
    try:
        yield tree
    finally:
        resolver.anchor, resolver.placing = anchor, placing


def _tree(resolver: "Sources", words: str, node: exp.Expression) -> exp.Expression | None:
    value = resolver.lookup_variable(words)
    if value is MISSING or value is None:
        hint = (
            resolver.did_you_mean(words, list(resolver.options.variables))
            or f"Pass a table's name or a query for `{words}`."
        )
        resolver.problem(CODES.UNSUPPORTED, f"`{{{words}}}` has no value", node, hint)
        return None
    if not isinstance(value, str):
        sentence = f"`{{{words}}}` stands for a table, and its value is no text"
        resolver.problem(CODES.TYPE, sentence, node, "Pass a table's name or a query.")
        return None
    resolver.placed += 1
    if resolver.placed > MAX_PLACED:
        sentence = f"More than {MAX_PLACED} tables are put in for placeholders"
        resolver.problem(CODES.TOO_LARGE, sentence, node, "Name the inner queries using WITH.")
        return None
    if words in resolver.placing:
        chain = " → ".join((*resolver.placing[resolver.placing.index(words) :], words))
        resolver.problem(CODES.CYCLE, f"`{{{words}}}` reads itself: {chain}", node)
        return None
    if not _QUERY.match(value):
        return exp.Table(this=exp.Identifier(this=value.strip(), quoted=True))
    try:
        gate.check_text(value)
        tree = parse_view(value)
        gate.check_tree(tree, value)
    except HogQLError as error:
        sentence = f"The value of `{{{words}}}` cannot be read: {error.problems[0].message}"
        resolver.problem(CODES.SYNTAX, sentence, node, error.problems[0].hint)
        return None
    return tree
