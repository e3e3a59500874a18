"""Tables that are read where they lie: what an engine needs to read one."""

from dataclasses import dataclass

SCHEMA = "_in_place"
"""First word of such a table's path; the others are its source and its name."""


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """One table outside the lake, for DuckDB. `query` reads it as it is now."""

    path: tuple[str, ...]
    query: str
    extensions: tuple[str, ...]
    secrets: tuple[str, ...]
    """Statements that make the keys known; they never reach a log."""
    root: str
    """The folder or prefix nothing outside of which is read."""


def is_in_place(path: tuple[str, ...]) -> bool:
    return path[:1] == (SCHEMA,)
