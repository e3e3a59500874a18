"""`pwh property`: what properties of events, persons and groups hold."""

import argparse

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.console import count, print_json, say, table
from pwh_assets.core.language import PropertyKind

KINDS = tuple(kind.value for kind in PropertyKind)


def register(groups: Groups) -> None:
    nouns = group(groups, "property", "what properties hold")
    learn = command(nouns, "learn", "look at the newest rows", _learn)
    learn.add_argument(
        "--rows", type=number("rows", 1), default=50_000, metavar="N", help="of each kind"
    )
    setting = command(nouns, "set", "say what a property holds", _set)
    setting.add_argument("kind", choices=KINDS)
    setting.add_argument("name", metavar="NAME")
    setting.add_argument("type", metavar="TYPE", help="String, Numeric, Boolean or DateTime")
    listing = command(nouns, "list", "all that is known", _list)
    listing.add_argument("kind", nargs="?", choices=KINDS)
    forget = command(nouns, "forget", "a property is text again", _forget)
    forget.add_argument("kind", choices=KINDS)
    forget.add_argument("name", metavar="NAME")


def _learn(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.properties import learn_properties

    found = learn_properties(open_project(args), args.project, args.rows)
    if args.json:
        print_json(found)
    else:
        say(f"{found.seen:,} properties seen, {count(found.changed, 'definition')} changed.")
    return 0


def _set(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.properties import set_property

    made = set_property(open_project(args), args.project, args.kind, args.name, args.type)
    if args.json:
        print_json(made)
    else:
        say(f"Property `{made.name}` of {made.kind.value}s is {made.type.value}.")
    return 0


def _list(args: argparse.Namespace) -> int:
    known = open_project(args).store.property_definitions(args.project)
    shown = [one for one in known if args.kind in (None, one.kind.value)]
    if args.json:
        print_json({"results": shown, "count": len(shown)})
    elif not shown:
        say("Nothing is known of properties. `pwh property learn` looks at the rows.")
    else:
        rows = [
            (one.kind.value, one.name, one.type.value, "set" if one.is_set else "learned")
            for one in shown
        ]
        say(table(("kind", "property", "type", "by"), rows))
    return 0


def _forget(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.properties import forget_property

    forget_property(open_project(args), args.project, args.kind, args.name)
    if not args.json:
        say(f"Property `{args.name}` is text again.")
    else:
        print_json({"kind": args.kind, "name": args.name})
    return 0
