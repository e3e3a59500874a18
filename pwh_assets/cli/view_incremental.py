"""`pwh view` on building in parts: the options, and what stands in the way."""

import argparse
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.inputs import read_sql

if TYPE_CHECKING:
    from pwh_assets.services.incremental import IncrementalConfig


def register_incremental(nouns: Groups) -> None:
    """`pwh view check-incremental`."""
    check = command(
        nouns, "check-incremental", "can it be built in parts? status 1 when not", _check
    )
    check.add_argument("query", metavar="NAME|SQL", help="a view, HogQL, or - for standard input")
    check.add_argument("--key", metavar="COLUMN", help="ask about this one")
    add_options(check)


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--unique-key` and `--lookback`."""
    parser.add_argument(
        "--unique-key", metavar="A,B", help="columns that make a row unique; checked in each build"
    )
    parser.add_argument(
        "--lookback", metavar="2d", help="compute the newest buckets anew in any case; 30d at most"
    )


def config_of(args: argparse.Namespace, key: str) -> "IncrementalConfig":
    """What the options say. Raises InvalidInputError."""
    from pwh_assets.services.incremental import IncrementalConfig, parse_lookback

    unique = tuple(part.strip() for part in (args.unique_key or "").split(",") if part.strip())
    return IncrementalConfig(key, unique, parse_lookback(args.lookback) if args.lookback else 0)


def _check(args: argparse.Namespace) -> int:
    from pwh_assets.services.incremental import check_incremental

    config = config_of(args, args.key or "")
    query = read_sql(args.query)
    found = check_incremental(
        open_project(args),
        args.project,
        query,
        args.key,
        config.unique_key,
        config.lookback_seconds,
    )
    if args.json:
        print_json(
            {
                "eligible": found.eligible,
                "key_candidates": [
                    {"name": each.name, "type": each.type} for each in found.key_candidates
                ],
                "unique_key_candidates": [list(each) for each in found.unique_key_candidates],
                "blockers": list(found.blockers),
                "warnings": list(found.warnings),
                "rejected": dict(found.rejected),
            }
        )
        return 0 if found.eligible else 1
    say("It can be built in parts." if found.eligible else "It cannot be built in parts.")
    for blocker in found.blockers:
        say(f"- {blocker}")
    types = {each.name: each.type for each in found.key_candidates}
    rows = [
        (name, types.get(name, ""), "can be" if name in types else found.rejected.get(name, ""))
        for name in found.columns
    ]
    say(table(("column", "type", "as the key"), rows))
    for unique in found.unique_key_candidates:
        say(f"Unique key: {', '.join(unique)}")
    for warning in found.warnings:
        say(f"Note: {warning}")
    return 0 if found.eligible else 1
