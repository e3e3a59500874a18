"""`pwh events import` and `pwh persons import`: product data from files."""

import argparse
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, print_json, say

if TYPE_CHECKING:
    from pwh_assets.services.product.loading import ImportResult


def register(groups: Groups) -> None:
    help_text = "Parquet or JSON lines, or a folder of such files"
    events = group(groups, "events", "product events")
    importing = command(events, "import", "import events; twice changes nothing", _events)
    importing.add_argument("file", metavar="FILE", help=help_text)
    persons = group(groups, "persons", "persons and who is who")
    importing = command(
        persons, "import", "import persons; one that is known is replaced", _persons
    )
    importing.add_argument("file", metavar="FILE", help=help_text)
    importing.add_argument(
        "--distinct-ids", metavar="FILE", help="which person each distinct_id is"
    )


def _events(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.loading import import_events

    return _print(args, [import_events(open_project(args), args.project, args.file)])


def _persons(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.loading import import_distinct_ids, import_persons

    platform = open_project(args)
    results = [import_persons(platform, args.project, args.file)]
    if args.distinct_ids:
        results.append(import_distinct_ids(platform, args.project, args.distinct_ids))
    return _print(args, results)


def _print(args: argparse.Namespace, results: "list[ImportResult]") -> int:
    if args.json:
        print_json({"results": results})
        return 0
    for result in results:
        filled = (
            f", {count(result.events_filled, 'event')} got a person" if result.events_filled else ""
        )
        say(
            f"{result.table}: {count(result.rows, 'row')} read, {result.rows_new:,} new, "
            f"{result.row_count:,} in all{filled}, {result.duration_s:.1f} s"
        )
    return 0
