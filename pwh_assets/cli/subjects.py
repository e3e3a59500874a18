"""Which sources and tables the words of a command mean."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwh_assets.core.source import SyncedTable
    from pwh_assets.services.platform import Platform


def find_source(args: argparse.Namespace, platform: "Platform", given: str) -> str:
    """The id of the source a user means: by id, by its first characters, or by its name."""
    sources = platform.store.sources(args.project)
    exact = [s.id for s in sources if given in (s.id, s.slug)]
    if exact:
        return exact[0]
    begin = [s.id for s in sources if len(given) >= 4 and s.id.startswith(given.lower())]
    return begin[0] if len(begin) == 1 else given


def tables_of(
    args: argparse.Namespace, platform: "Platform", words: Sequence[str], *, only_on: bool = False
) -> "list[SyncedTable]":
    """Tables named, and all tables of sources named: with `only_on` those that sync.

    Raises:
        NotFoundError: a word is neither a source nor a table.
    """
    from pwh_assets.services.sources.connecting import find_table

    found: dict[str, SyncedTable] = {}
    for word in words:
        source_id = find_source(args, platform, word)
        of_source = [t for t in platform.store.tables(args.project) if t.source.id == source_id]
        if not of_source:
            of_source = [find_table(platform, args.project, word)]
        elif only_on:
            of_source = [each for each in of_source if is_on(each)]
        found |= {each.id: each for each in of_source}
    return list(found.values())


def is_on(table: "SyncedTable") -> bool:
    """Whether a sync of everything takes the table."""
    return table.should_sync and not table.is_missing
