"""`pwh revenue`: revenue analytics of a Stripe source."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.subjects import find_source

if TYPE_CHECKING:
    from pwh_assets.services.views.managed import RevenueStatus


def register(groups: Groups) -> None:
    nouns = group(groups, "revenue", "revenue analytics of Stripe sources")
    enable = command(
        nouns, "enable", "make its views and build them; again, to set it otherwise", _enable
    )
    enable.add_argument("source", metavar="SOURCE")
    enable.add_argument(
        "--include-invoiceless-charges",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="charges without an invoice are revenue too",
    )
    enable.add_argument("--currency", metavar="CODE", help="what everything is converted to; USD")
    enable.add_argument("--no-build", action="store_true", help="leave building to the schedule")
    disable = command(nouns, "disable", "remove its views", _disable)
    disable.add_argument("source", metavar="SOURCE")
    disable.add_argument("--force", action="store_true", help="even when views of people read them")
    status = command(nouns, "status", "its views, and what is missing", _status)
    status.add_argument("source", metavar="SOURCE")


def _enable(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.managed import change_revenue_config

    changes: dict[str, Any] = {"enabled": True}
    if args.include_invoiceless_charges is not None:
        changes["include_invoiceless_charges"] = args.include_invoiceless_charges
    if args.currency is not None:
        changes["currency"] = args.currency
    platform = open_project(args)
    source_id = find_source(args, platform, args.source)
    status = change_revenue_config(platform, args.project, source_id, changes)
    views = [state.view for state in status.views if state.view is not None]
    failed = 0
    if views and not args.no_build:
        from pwh_assets.cli.runs import print_outcome, reporter
        from pwh_assets.orchestration.run import run_views
        from pwh_assets.services.views.managed import revenue_status

        outcome = run_views(platform, views, watcher=reporter(args.json))
        failed = int(not outcome.is_ok) if args.json else print_outcome(outcome, False)
        status = revenue_status(platform, args.project, source_id)
    _print(args, status)
    return failed


def _disable(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.managed import change_revenue_config

    platform = open_project(args)
    source_id = find_source(args, platform, args.source)
    status = change_revenue_config(
        platform, args.project, source_id, {"enabled": False}, force=args.force
    )
    if args.json:
        print_json(status.as_dict())
    else:
        say(f"Revenue analytics of `{status.source.slug}` is off; its views are gone.")
    return 0


def _status(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.managed import revenue_status

    platform = open_project(args)
    source_id = find_source(args, platform, args.source)
    _print(args, revenue_status(platform, args.project, source_id))
    return 0


def _print(args: argparse.Namespace, status: "RevenueStatus") -> None:
    if args.json:
        print_json(status.as_dict())
        return
    config = status.config
    if not config.enabled:
        say(
            f"Revenue analytics of `{status.source.slug}` is off. "
            f"`pwh revenue enable {status.source.slug}` turns it on."
        )
        return
    also = ", charges without invoice too" if config.include_invoiceless_charges else ""
    say(f"Revenue analytics of `{status.source.slug}` in {config.currency}{also}.")
    rows = [
        (
            state.name,
            state.view.status.value if state.view else "not made",
            "" if state.view is None or state.view.row_count is None else state.view.row_count,
            f"needs {', '.join(state.missing)}" if state.missing else state.description,
        )
        for state in status.views
    ]
    say(table(("view", "status", "rows", "what it is"), rows))
    for hint in status.hints:
        say(hint)
