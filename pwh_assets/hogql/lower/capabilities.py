"""What a dialect can say, as one table: clauses, joins, types; functions come from the registry.

The printer asks the table before it prints a construct, so what the table says and what it prints are one thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CLAUSES: tuple[str, ...] = (
    "WITH RECURSIVE",
    "DISTINCT ON",
    "GROUPING SETS",
    "QUALIFY",
    "LIMIT BY",
    "WITH TIES",
    "LIMIT PERCENT",
    "computed LIMIT",
    "SAMPLE",
    "ARRAY JOIN",
    "VALUES",
    "UNION",
    "UNION ALL",
    "INTERSECT",
    "EXCEPT",
    "EXCEPT ALL",
    "INTERSECT ALL",
    "GROUPS frame",
    "ANY JOIN",
)
JOINS: tuple[str, ...] = (
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "semi",
    "anti",
    "positional",
    "asof",
    "asof left",
)
TYPES: tuple[str, ...] = (
    "String",
    "Integer",
    "Float",
    "Decimal",
    "Boolean",
    "Date",
    "DateTime",
    "Interval",
    "UUID",
    "JSON",
    "Array",
    "Tuple",
    "Map",
    "State",
)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Reasons are sentences without their subject; what has no entry can be said."""

    title: str
    clauses: Mapping[str, str]
    joins: Mapping[str, str]
    types: Mapping[str, str]
    """Types a value may not have."""
    tables: Mapping[str, str]
    """Table functions that are lacking; of those that are not named, all run."""

    def __post_init__(self) -> None:
        for known, given in ((CLAUSES, self.clauses), (JOINS, self.joins), (TYPES, self.types)):
            unknown = set(given) - set(known)
            if unknown:
                raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
