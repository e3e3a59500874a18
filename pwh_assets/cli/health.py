"""`pwh health` and `pwh lineage`: what is wrong and why, and what hangs together."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, number, open_project
from pwh_assets.cli.console import print_json, say, table

if TYPE_CHECKING:
    from pwh_assets.core.health import HealthIssue
    from pwh_assets.services.platform import Platform


def register(groups: Groups) -> None:
    health = command(
        groups, "health", "open issues with cause and what each blocks; status 1 with any", _health
    )
    health.add_argument("--history", action="store_true", help="what opened, changed and healed")
    health.add_argument("--name", metavar="NAME", help="of one table, view, source or channel")
    health.add_argument(
        "--limit", type=number("limit", 1, 10_000), default=50, metavar="N", help="lines of history"
    )
    lineage = command(
        groups, "lineage", "what a table or view is made of, and what is made of it", _lineage
    )
    lineage.add_argument("name", metavar="NAME")
    lineage.add_argument("--columns", action="store_true", help="column by column")


def _health(args: argparse.Namespace) -> int:
    from pwh_assets.services.health import health

    platform = open_project(args)
    if args.history:
        return _history(args, platform)
    platform.store.abandon_jobs(args.project)
    issues = health(platform, args.project)
    if args.name:
        issues = [issue for issue in issues if _is_about(issue, args.name.lower())]
    if args.json:
        results = [{**asdict(issue), "severity": issue.severity} for issue in issues]
        print_json({"results": results, "count": len(issues)})
    elif not issues:
        say("All is well: every table and view is as fresh as it should be.")
    for issue in () if args.json else issues:
        since = f" since {issue.since:%Y-%m-%d %H:%M} UTC" if issue.since else ""
        say(f"✗ {issue.name}  {issue.kind.value.replace('_', ' ')}{since}")
        say(f"    {issue.error}")
        if issue.root:
            say(f"    root: {issue.root}")
        if issue.tables:
            say(f"    tables: {', '.join(issue.tables)}")
        if issue.blocks:
            say(f"    blocks: {', '.join(issue.blocks)}")
        say(f"    {issue.way_out}")
    return 1 if issues else 0


def _is_about(issue: "HealthIssue", name: str) -> bool:
    return name in map(str.lower, (issue.name, *issue.tables, *issue.blocks))


def _history(args: argparse.Namespace, platform: "Platform") -> int:
    from pwh_assets.services.health import history

    events = history(platform, args.project, args.limit, args.name)
    if args.json:
        print_json({"results": events, "count": len(events)})
    elif not events:
        say(
            "Nothing is remembered yet. `pwh up` looks at health twice a minute and writes down what changes."
        )
    else:
        rows = [
            (f"{one.at:%Y-%m-%d %H:%M:%S}", one.event.value, one.name, one.kind.value, one.error)
            for one in events
        ]
        say(table(("at (UTC)", "event", "name", "kind", "error"), rows))
    return 0


def _lineage(args: argparse.Namespace) -> int:
    from pwh_assets.services.lineage.tracing import lineage

    found = lineage(open_project(args), args.project, args.name, columns=args.columns)
    if args.json:
        print_json(found.as_dict())
        return 0
    for node in found.nodes:
        mark = "▶" if node.depth == 0 else " "
        reads = [edge.source for edge in found.edges if edge.target == node.name]
        after = f"  ← {', '.join(reads)}" if reads else ""
        say(f"{mark} {node.name}  ({node.kind.value.replace('_', ' ')}){after}")
    if args.columns:
        rows = [
            (
                f"{edge.target}.{edge.target_column}",
                ".".join((edge.source, edge.source_column, *edge.path)),
            )
            for edge in found.columns
        ]
        say()
        say(table(("column", "made of"), rows) if rows else "No column of it is made of another's.")
    return 0
