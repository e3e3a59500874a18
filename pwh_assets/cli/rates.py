"""`pwh rates`: exchange rates for `convertCurrency`."""

import argparse
from pathlib import Path

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, print_json, say


def register(groups: Groups) -> None:
    rates = group(groups, "rates", "exchange rates")
    load = command(rates, "load", "rates from a CSV or JSON file: date, currency, rate", _load)
    load.add_argument("file", metavar="FILE")
    load.add_argument("--base", default="USD", metavar="CURRENCY", help="what a rate is for one of")


def _load(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.rates import load_rates

    found = load_rates(open_project(args), args.project, Path(args.file), args.base)
    if args.json:
        print_json(found)
    else:
        say(
            f"Loaded {count(found.rows, 'rate')}, {found.rows_new:,} new; now {found.currencies} currencies "
            f"from {found.first_day} to {found.last_day}."
        )
    return 0
