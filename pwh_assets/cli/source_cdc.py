"""`pwh source cdc`: a source's stream of changes."""

import argparse

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.console import note, print_json, say, table
from pwh_assets.cli.subjects import find_source


def register_cdc(nouns: Groups) -> None:
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
    enable = command(
        verbs, "enable", "have tables follow the stream from the next sync on", _enable
    )
    enable.add_argument("id", metavar="ID")
    enable.add_argument(
        "tables", metavar="TABLE", nargs="*", help="names at the source; default: all with a key"
    )
    tune = command(verbs, "tune", "from which lag on the stream is an issue", _tune)
    tune.add_argument("id", metavar="ID")
    tune.add_argument(
        "--warning-mb",
        type=number("MiB", 0),
        metavar="N",
        help="of the source's log; default 10240",
    )
    tune.add_argument(
        "--critical-mb", type=number("MiB", 0), metavar="N", help="from which on it presses"
    )


def _check(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.care import check_stream

    platform = open_project(args)
    found = check_stream(platform, args.project, find_source(args, platform, args.id))
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
    status = stream_status(platform, args.project, find_source(args, platform, args.id))
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
    done = repair_stream(platform, args.project, find_source(args, platform, args.id))
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
    done = disable_stream(platform, args.project, find_source(args, platform, args.id))
    if args.json:
        print_json(done)
    else:
        say(
            f"The stream of `{done['source']}` was dropped; {len(done['tables'])} tables are synced with `full` now."
        )
    return 0


def _enable(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.tuning import enable_stream

    platform = open_project(args)
    source_id = find_source(args, platform, args.id)
    done = enable_stream(platform, args.project, source_id, args.tables)
    if args.json:
        print_json(done)
    else:
        say(f"{len(done['tables'])} tables of `{done['source']}` follow its stream.")
        note(f"`pwh sync {done['source']}` makes it and reads them whole.")
    return 0


def _tune(args: argparse.Namespace) -> int:
    from pwh_assets.services.changes.tuning import tune_stream

    platform = open_project(args)
    source_id = find_source(args, platform, args.id)
    now = tune_stream(
        platform,
        args.project,
        source_id,
        lag_warning_mb=args.warning_mb,
        lag_critical_mb=args.critical_mb,
    )
    if args.json:
        print_json(now)
    else:
        more = f", and presses from {now.lag_critical_mb:,} MiB" if now.lag_critical_mb else ""
        say(f"The stream is an issue from a lag of {now.lag_warning_mb:,} MiB on{more}.")
    return 0
