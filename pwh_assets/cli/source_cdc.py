"""`pwh source cdc`: a source's stream of changes."""

import argparse
from collections.abc import Callable
from typing import Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import note, print_json, say, table

Find = Callable[[argparse.Namespace, Any, str], str]


def register_cdc(nouns: Groups, find: Find) -> None:
    """The group's commands; `find` gives the id of the source a user means."""
    verbs = group(nouns, "cdc", "the stream of changes that tables in mode cdc follow")
    for name, summary, run in (
        (
            "check",
            "what is missing at the source, with the statements; status 1 when anything",
            _check,
        ),
        ("status", "how the stream stands at the source and here", _status),
        (
            "repair",
            "drop the stream; the next sync makes a new one and reads the tables whole",
            _repair,
        ),
        ("disable", "drop the stream for good; its tables are read whole from now on", _disable),
    ):
        parser = command(verbs, name, summary, run)
        parser.add_argument("id", metavar="ID")
        parser.set_defaults(find=find)


def _check(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.care import check_stream

    platform = open_project(args)
    found = check_stream(platform, args.project, args.find(args, platform, args.id))
    if args.json:
        print_json({"results": found, "count": len(found)})
    elif not found:
        say("Everything is there: its tables can be synced with `cdc`.")
    for one in found if not args.json else ():
        say(one["problem"])
        for statement in one["statements"]:
            say(f"  {statement};")
    return 1 if found else 0


def _status(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.care import stream_status

    platform = open_project(args)
    status = stream_status(platform, args.project, args.find(args, platform, args.id))
    if args.json:
        print_json(status)
        return 0
    for name, value in status.items():
        if name != "tables" and value is not None:
            say(f"{name:12}  {value}")
    rows = [
        (each["table"], each["table_mode"], "yes" if each["is_in_stream"] else "at the next sync")
        for each in status["tables"]
    ]
    if rows:
        say()
        say(table(("table", "kept as", "in the stream"), rows))
    return 0


def _repair(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.care import repair_stream

    platform = open_project(args)
    done = repair_stream(platform, args.project, args.find(args, platform, args.id))
    if args.json:
        print_json(done)
    else:
        say(f"The stream of `{done['source']}` was dropped.")
        note(
            f"`pwh sync {done['source']}` makes a new one and reads {len(done['tables'])} tables whole."
        )
    return 0


def _disable(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.care import disable_stream

    platform = open_project(args)
    done = disable_stream(platform, args.project, args.find(args, platform, args.id))
    if args.json:
        print_json(done)
    else:
        say(
            f"The stream of `{done['source']}` was dropped; {len(done['tables'])} tables are synced with `full` now."
        )
    return 0
