"""From the logical tree to one engine's SQL.

Belongs here: how an engine spells clauses, joins, literals and types. A file per engine or dialect, exporting `LOWERING`; a
dialect that is only queried where it is exports its `FUNCTIONS`, too. Keep out: what names and functions mean, sessions, results.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

from pwh_assets.hogql.lower.base import Lowering

ENGINES: tuple[str, ...] = ("duckdb", "clickhouse")
"""Engines that run every query."""
DIALECTS: tuple[str, ...] = ("postgres", "mysql")
"""Databases that are queried where they are; each has a table of what it can say."""


class _Lowerings(Mapping[str, type[Lowering]]):
    """Printer by name; a module is loaded when it is first asked for."""

    def __getitem__(self, name: str) -> type[Lowering]:
        if name not in (*ENGINES, *DIALECTS):
            raise KeyError(name)
        found: type[Lowering] = import_module(f"{__name__}.{name}").LOWERING
        return found

    def __iter__(self) -> Iterator[str]:
        return iter((*ENGINES, *DIALECTS))

    def __len__(self) -> int:
        return len(ENGINES) + len(DIALECTS)


LOWERINGS: Mapping[str, type[Lowering]] = _Lowerings()

__all__ = ["DIALECTS", "ENGINES", "LOWERINGS", "Lowering"]
