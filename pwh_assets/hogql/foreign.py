"""What the columns of a query in an engine's own SQL are made of; for texts that are not HogQL, such as compiled dbt models."""

from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

Path = tuple[str, str]
"""Schema and name of a table."""


def columns_of(
    sql: str, tables: Mapping[Path, Sequence[str]], dialect: str = "duckdb"
) -> dict[str, tuple[tuple[Path, str], ...]]:
    """Each column of the answer with the (table, column) pairs it is computed from; empty where the text cannot be read.

    Args:
        tables: columns of every table the text may read; of others nothing is said.
    """
    schema: dict[str, dict[str, dict[str, str]]] = {}
    known: dict[Path, tuple[Path, dict[str, str]]] = {}
    for (owner, name), columns in tables.items():
        schema.setdefault(owner, {})[name] = dict.fromkeys(columns, "VARCHAR")
        spelled = {column.lower(): column for column in columns}
        known[owner.lower(), name.lower()] = (owner, name), spelled
    try:
        tree = _without_catalogs(sql, dialect)
        found = lineage(None, tree, schema=schema, dialect=dialect)
    except (SqlglotError, ValueError, KeyError, RecursionError):
        return {}
    assert isinstance(found, dict)
    return {name: tuple(dict.fromkeys(_leaves(node, known))) for name, node in found.items()}


def _without_catalogs(sql: str, dialect: str) -> exp.Expr:
    import sqlglot

    tree = sqlglot.parse_one(sql, dialect=dialect)
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
    return tree


def _leaves(
    node: Node, known: Mapping[Path, tuple[Path, Mapping[str, str]]]
) -> list[tuple[Path, str]]:
    found = []
    for each in node.walk():
        if not isinstance(each.expression, exp.Table):
            continue
        table = known.get((each.expression.db.lower(), each.expression.name.lower()))
        if table is None:
            continue
        path, spelled = table
        column = spelled.get(exp.to_column(each.name).name.lower())
        if column is not None:
            found.append((path, column))
    return found
