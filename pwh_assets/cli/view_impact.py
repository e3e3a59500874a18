"""`pwh view impact`: what would break before it is changed."""

import argparse
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.inputs import read_sql

if TYPE_CHECKING:
    from pwh_assets.services.views.impact import Impact


def register_impact(nouns: Groups) -> None:
    """The command, in the group `pwh view`."""
    impact = command(
        nouns,
        "impact",
        "what would break if a view or table changed; status 1 when anything",
        _impact,
    )
    impact.add_argument("name", metavar="NAME", help="a view or a table")
    how = impact.add_mutually_exclusive_group()
    how.add_argument("sql", metavar="SQL", nargs="?", help="the view's new text, or -")
    how.add_argument("--without", metavar="COLUMN", nargs="+", help="if it lost these columns")
    how.add_argument("--remove", action="store_true", help="if it were not there")


def _impact(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import impact as view_impact

    sql = read_sql(args.sql) if args.sql else None
    platform = open_project(args)
    if sql is not None:
        found = view_impact.impact_of_text(platform, args.project, args.name, sql)
    elif args.without:
        found = view_impact.impact_without(platform, args.project, args.name, args.without)
    elif args.remove:
        found = view_impact.impact_of_columns(platform, args.project, args.name, None)
    else:
        found = view_impact.uses_of(platform, args.project, args.name)
    if args.json:
        print_json(found.as_dict())
    else:
        _say(found, is_question=not (sql or args.without or args.remove))
    return 0 if found.is_safe else 1


def _say(found: "Impact", is_question: bool) -> None:
    if is_question:
        if not found.readers:
            say(f"No view reads `{found.name}`.")
            return
        rows = [
            (use.view, ", ".join(use.columns) or "no column in particular") for use in found.uses
        ]
        say(table(("read by", "columns it needs"), rows))
        further = [name for name in found.readers if name not in {use.view for use in found.uses}]
        if further:
            say(f"Further down: {', '.join(further)}.")
        return
    for change in found.columns:
        if change.after is None:
            say(f"- {change.name} {change.before}")
        elif change.before is None:
            say(f"+ {change.name} {change.after}")
        else:
            say(f"~ {change.name} {change.before} -> {change.after}")
    for each in found.breaks:
        where = f", line {each.line}, column {each.column}" if each.line else ""
        say(f"breaks {each.view}{where}: {each.message}")
    for sentence in found.joins:
        say(f"loses {sentence}")
    for name in found.changed:
        say(f"changes {name}: other columns or types")
    if found.is_safe:
        say("Nothing breaks.")
