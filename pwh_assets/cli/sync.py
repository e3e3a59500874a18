"""`pwh sync`: read tables from their sources now, with progress."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, open_project
from pwh_assets.cli.console import print_json, say
from pwh_assets.cli.subjects import is_on, tables_of

if TYPE_CHECKING:
    from pwh_assets.core.source import SyncedTable
    from pwh_assets.services.platform import Platform


def register(groups: Groups) -> None:
    parser = command(groups, "sync", "sync tables now; status 1 when any failed", _sync)
    parser.add_argument(
        "what",
        metavar="ID|TABLE",
        nargs="*",
        help="sources or tables; everything that is on without",
    )
    parser.add_argument(
        "--full", action="store_true", help="read whole tables, not only what is new"
    )
    parser.set_defaults(is_loading=True)


def _sync(args: argparse.Namespace) -> int:
    platform = open_project(args)
    tables = chosen(args, platform)
    if not tables:
        if args.json:
            print_json({"results": [], "count": 0})
        else:
            say("There is nothing to sync. `pwh source add FILE` connects a source.")
        return 0
    return sync_now(platform, tables, full=args.full, as_json=args.json)


def sync_now(
    platform: "Platform", tables: Sequence["SyncedTable"], *, full: bool = False, as_json: bool
) -> int:
    """Sync, tell how it went, and return the command's status. Rows are read while Dagster is still loading."""
    from pwh_assets.services.sync.ahead import begun

    with begun(platform, tables, full) as ahead:
        from pwh_assets.cli.runs import print_outcome, reporter
        from pwh_assets.orchestration.run import run_sync

        watcher = reporter(as_json)
        outcome = run_sync(platform, tables, full=full, watcher=watcher, ahead=ahead)
    return print_outcome(outcome, as_json)


def chosen(args: argparse.Namespace, platform: "Platform") -> "list[SyncedTable]":
    """Tables named, or all tables of the sources named, or all that are on.

    A table that is named syncs also when its sync is off.

    Raises:
        NotFoundError: a word is neither a source nor a table.
    """
    if args.what:
        return tables_of(args, platform, args.what, only_on=True)
    return [each for each in platform.store.tables(args.project) if is_on(each)]
