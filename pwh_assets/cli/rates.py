"""`pwh rates` and `pwh project`: exchange rates for `convertCurrency`, and settings of a project."""

import argparse
from pathlib import Path

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, print_json, say, table
from pwh_assets.errors import InvalidInputError


def register(groups: Groups) -> None:
    rates = group(groups, "rates", "exchange rates")
    load = command(rates, "load", "rates from a CSV or JSON file: date, currency, rate", _load)
    load.add_argument("file", metavar="FILE")
    load.add_argument("--base", default="USD", metavar="CURRENCY", help="what a rate is for one of")
    project = group(groups, "project", "settings of a project")
    command(project, "show", "every setting", _show)
    setting = command(project, "set", "change settings", _set)
    setting.add_argument("changes", metavar="NAME=VALUE", nargs="+", help="`default` sets one back")


def _load(args: argparse.Namespace) -> int:
    from pwh_assets.services.rates import load_rates

    found = load_rates(open_project(args), args.project, Path(args.file), args.base)
    if args.json:
        print_json(found)
    else:
        say(
            f"Loaded {count(found.rows, 'rate')}, {found.rows_new:,} new; now {found.currencies} currencies "
            f"from {found.first_day} to {found.last_day}."
        )
    return 0


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.project import SETTINGS, settings_of

    found = settings_of(open_project(args), args.project)
    if args.json:
        print_json(found)
    else:
        rows = [(one.name, found[one.name], one.doc) for one in SETTINGS]
        say(table(("setting", "value", "what it is"), rows, width=100))
    return 0


def _set(args: argparse.Namespace) -> int:
    from pwh_assets.services.project import change_settings

    changes: dict[str, str] = {}
    for word in args.changes:
        name, mark, value = word.partition("=")
        if not mark:
            raise InvalidInputError("changes", f"`{word}` is not NAME=VALUE.")
        changes[name.strip()] = value.strip()
    found = change_settings(open_project(args), args.project, changes)
    if args.json:
        print_json(found)
    else:
        for name in changes:
            say(f"{name} is {found[name]}.")
    return 0
