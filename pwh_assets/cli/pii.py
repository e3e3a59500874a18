"""`pwh pii`: columns that look like personal data, and what is decided of them."""

import argparse

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import note, print_json, say, table


def register(groups: Groups) -> None:
    pii = group(groups, "pii", "columns that look like personal data")
    scan = command(pii, "scan", "look at names and samples of every table", _scan)
    scan.add_argument("--apply", action="store_true", help="accept every proposal at once")
    command(pii, "list", "what was found and decided", _findings)
    for word, summary in (
        ("accept", "mask it for editors and viewers"),
        ("reject", "it is no personal data"),
    ):
        decide = command(pii, word, summary, _decide)
        decide.add_argument("finding", metavar="ID")
        decide.set_defaults(decision=word)


def _scan(args: argparse.Namespace) -> int:
    from pwh_assets.services.policies import pii

    platform = open_project(args)
    found = pii.scan(platform, args.project)
    if args.apply:
        for one in found:
            if one.status == "proposed":
                pii.accept(platform, args.project, one.id, "cli")
    return _findings(args)


def _findings(args: argparse.Namespace) -> int:
    from pwh_assets.services.policies import pii

    found = open_project(args).store.pii_findings(args.project)
    if args.json:
        print_json({"results": [pii.as_dict(one) for one in found], "count": len(found)})
    elif not found:
        say("Nothing looks like personal data.")
    else:
        rows = [
            (
                one.id,
                one.table,
                one.column,
                one.kind,
                f"{one.matched} of {one.looked_at}",
                one.mask.value,
                one.status,
            )
            for one in found
        ]
        say(table(("id", "table", "column", "kind", "values", "mask", "status"), rows))
        if any(one.status == "proposed" for one in found):
            note(
                "`pwh pii accept ID` masks one for editors and viewers, `pwh pii reject ID` drops it."
            )
    return 0


def _decide(args: argparse.Namespace) -> int:
    from pwh_assets.services.policies import pii

    platform = open_project(args)
    if args.decision == "accept":
        found = pii.accept(platform, args.project, args.finding, "cli")
    else:
        found = platform.store.decide_finding(args.project, args.finding, "rejected")
    if args.json:
        print_json(pii.as_dict(found))
    else:
        say(f"`{found.table}.{found.column}` is {found.status}.")
    return 0
