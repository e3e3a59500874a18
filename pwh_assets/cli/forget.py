"""`pwh forget`: people who ask to be forgotten."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, open_project
from pwh_assets.cli.console import count, note, print_json, say
from pwh_assets.errors import InvalidInputError

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform
    from pwh_assets.store.policies import DeletionRequest


def register(groups: Groups) -> None:
    forget = command(
        groups, "forget", "remove a person from every table, view and snapshot", _forget
    )
    forget.add_argument(
        "person", metavar="PERSON", nargs="?", help="a distinct id, an e-mail address or an id"
    )
    forget.add_argument("--list", action="store_true", help="earlier requests")
    forget.add_argument("--resume", metavar="ID", help="go on with a request that was cut off")
    forget.add_argument(
        "--sweep",
        action="store_true",
        help="remove rows of forgotten persons, whatever brought them",
    )
    forget.add_argument(
        "--readmit", metavar="PERSON", help="let rows of somebody who came back in again"
    )
    forget.add_argument(
        "--person-key",
        metavar="TABLE.COLUMN",
        help="say which column of a synced table tells whose row it is",
    )
    forget.add_argument(
        "--holds",
        choices=("email", "distinct_id", "person_id"),
        default="email",
        help="what that column holds",
    )


def _forget(args: argparse.Namespace) -> int:
    platform = open_project(args)
    if args.person_key:
        _set_person_key(args, platform)
    elif args.sweep:
        _sweep(args, platform)
    elif args.readmit:
        _readmit(args, platform)
    elif args.list:
        _list(args, platform)
    else:
        _remove(args, platform)
    return 0


def _set_person_key(args: argparse.Namespace, platform: "Platform") -> None:
    from pwh_assets.services.policies.forgetting import set_person_key

    name, _, column = args.person_key.rpartition(".")
    key = set_person_key(platform, args.project, name, column, args.holds)
    assert key is not None
    if args.json:
        print_json({"table": key.table, "column": key.column, "holds": key.holds})
    else:
        say(f"Rows of `{key.table}` belong to whom `{key.column}` names.")


def _sweep(args: argparse.Namespace, platform: "Platform") -> None:
    from pwh_assets.services.policies.forgetting import sweep

    swept = sweep(platform, args.project)
    if args.json:
        print_json({"rows": swept})
    else:
        say(f"Removed {count(sum(swept.values()), 'row')} of forgotten persons.")


def _readmit(args: argparse.Namespace, platform: "Platform") -> None:
    from pwh_assets.services.policies.tombstones import readmit

    known = readmit(platform, args.project, [args.readmit])
    if args.json:
        print_json({"readmitted": known > 0})
    else:
        say("Their rows are let in again." if known else "Nobody of that name was forgotten.")


def _list(args: argparse.Namespace, platform: "Platform") -> None:
    from pwh_assets.services.policies.forgetting import as_dict

    found = platform.store.deletions(args.project)
    if args.json:
        print_json({"results": [as_dict(one) for one in found], "count": len(found)})
    else:
        for one in found:
            _say_deletion(one)


def _remove(args: argparse.Namespace, platform: "Platform") -> None:
    from pwh_assets.services.policies import forgetting

    if bool(args.person) == bool(args.resume):
        raise InvalidInputError("person", "Say whom to forget: `pwh forget PERSON`.")
    if args.resume:
        asked = platform.store.deletion(args.project, args.resume)
    else:
        asked = forgetting.request(platform, args.project, args.person, "cli")
    done = forgetting.carry_out(platform, asked)
    if args.json:
        print_json(forgetting.as_dict(done))
    else:
        _say_deletion(done)


def _say_deletion(one: "DeletionRequest") -> None:
    report: dict[str, Any] = dict(one.report)
    rows = {name: number for name, number in report.get("rows", {}).items() if number}
    what = ", ".join(f"{name}: {number}" for name, number in rows.items()) or "no rows"
    say(f"Request {one.id} is {one.status}: {what}.")
    if one.latest_error:
        note(f"{one.latest_error} `pwh forget --resume {one.id}` goes on.")
    if left := report.get("without_person_key"):
        note(f"Tables without a person key were not searched: {', '.join(left)}.")
