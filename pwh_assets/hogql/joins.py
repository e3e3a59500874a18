"""Keys of joins people make: a HogQL expression over one field of a table, rewritten for a join's condition."""

from collections.abc import Iterable

from sqlglot import exp

from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.parser import parse_expression

_INSIDE = (
    exp.Select,
    exp.SetOperation,
    exp.Subquery,
    exp.Lambda,
    exp.Placeholder,
    exp.Star,
    exp.Window,
)


def join_key(text: str, names: Iterable[str], side: str) -> tuple[str, str]:
    """A key as a condition has it, and the first name of its field.

    `names` are the table's own: a key may begin with one of them. `side` is `this` or `that`.

    >>> join_key("persons.properties.email", ["persons"], "this")
    ('this.properties.email', 'properties')
    >>> join_key("lower(email)", ["users"], "that")
    ('lower(that.email)', 'email')

    Raises:
        ValueError: it is no expression over exactly one field; the sentence says why.
    """
    try:
        tree = parse_expression(text)
    except HogQLError as error:
        raise ValueError(f"it cannot be read: {error.problems[0].message}") from None
    assert isinstance(tree, exp.Expression)
    if any(tree.find(kind) for kind in _INSIDE):
        raise ValueError("it has to be a field, or functions of one field")
    columns = list(tree.find_all(exp.Column))
    if len(columns) != 1:
        found = f"names {len(columns)} fields" if columns else "names no field"
        raise ValueError(f"it {found}; a key is one field, or functions of one field")
    parts = _chain(columns[0])
    kept = parts[_own(parts, names) :]
    start = kept[0].meta["start"]
    head = text[: columns[0].this.meta["start"]]
    written = f"{head}{side}.{text[start:]}"
    if type(tree) not in (exp.Column, exp.Dot, exp.Bracket, exp.Anonymous):
        written = f"({written})"
    return written, kept[0].name


def _chain(column: exp.Column) -> list[exp.Identifier]:
    """The identifiers of the chain of names that begins with a column."""
    parts = [column.this]
    node: exp.Expression = column
    while isinstance(node.parent, exp.Dot) and node.parent.this is node:
        node = node.parent
        part = node.args["expression"]
        if not isinstance(part, exp.Identifier):
            break
        parts.append(part)
    return parts


def _own(parts: list[exp.Identifier], names: Iterable[str]) -> int:
    """How many of the first parts are the table's own name."""
    known = {name.lower() for name in names}
    for count in range(len(parts) - 1, 0, -1):
        if ".".join(part.name.lower() for part in parts[:count]) in known:
            return count
    return 0
