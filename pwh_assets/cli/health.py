"""`pwh health` and `pwh lineage`: what is wrong and why, and what hangs together."""

import argparse

from pwh_assets.cli.arguments import Groups, command, open_project
from pwh_assets.cli.console import print_json, say, table


def register(groups: Groups) -> None:
    command(
        groups, "health", "open issues with cause and what each blocks; status 1 with any", _health
    )
    lineage = command(
        groups, "lineage", "what a table or view is made of, and what is made of it", _lineage
    )
    lineage.add_argument("name", metavar="NAME")
    lineage.add_argument("--columns", action="store_true", help="column by column")


def _health(args: argparse.Namespace) -> int:
    from pwh_assets.services.health import health

    platform = open_project(args)
    platform.store.abandon_jobs(args.project)
    issues = health(platform, args.project)
    if args.json:
        print_json({"results": issues, "count": len(issues)})
    elif not issues:
        say("All is well: every table and view is as fresh as it should be.")
    for issue in () if args.json else issues:
        since = f" since {issue.since:%Y-%m-%d %H:%M} UTC" if issue.since else ""
        say(f"✗ {issue.name}  {issue.kind.value.replace('_', ' ')}{since}")
        say(f"    {issue.error}")
        if issue.root:
            say(f"    root: {issue.root}")
        if issue.blocks:
            say(f"    blocks: {', '.join(issue.blocks)}")
        say(f"    {issue.way_out}")
    return 1 if issues else 0


def _lineage(args: argparse.Namespace) -> int:
    from pwh_assets.services.lineage import lineage

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
