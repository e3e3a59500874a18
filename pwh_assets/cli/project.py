"""`pwh project`: the tenants of a home, and settings of one."""

import argparse

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.inputs import split_word


def register(groups: Groups) -> None:
    nouns = group(groups, "project", "projects and their settings")
    create = command(nouns, "create", "make a project with a lake of its own", _create)
    create.add_argument("name", metavar="NAME")
    create.add_argument("--organization", metavar="NAME", help="default: the one of `--project`")
    command(nouns, "list", "all projects of this home", _list)
    rename = command(nouns, "rename", "give the project another name", _rename)
    rename.add_argument("name", metavar="NAME")
    remove = command(nouns, "remove", "take a project away; its rows stay on disk", _remove)
    remove.add_argument("id", metavar="ID", type=int)
    command(nouns, "show", "every setting", _show)
    setting = command(nouns, "set", "change settings", _set)
    setting.add_argument("changes", metavar="NAME=VALUE", nargs="+", help="`default` sets one back")


def _create(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import add_project, find_organization
    from pwh_assets.store.keys import KeyKind

    platform = open_project(args)
    organization = find_organization(platform, args.organization, args.project)
    made = add_project(platform, organization.id, args.name)
    capture = platform.store.add_key(made.id, KeyKind.CAPTURE, "capture key")
    if args.json:
        print_json({"id": made.id, "name": made.name, "capture_key": capture})
    else:
        say(f"Project {made.id}, `{made.name}`, of `{organization.name}`.")
        say(f"  capture key   {capture}   shown this once")
    return 0


def _list(args: argparse.Namespace) -> int:
    platform = open_project(args)
    found = platform.store.projects()
    if args.json:
        print_json({"results": found, "count": len(found)})
    else:
        names = {one.id: one.name for one in platform.store.organizations()}
        rows = [(one.id, one.name, names.get(one.organization_id, "")) for one in found]
        say(table(("project", "name", "organization"), rows))
    return 0


def _rename(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import rename_project

    made = rename_project(open_project(args), args.project, args.name)
    if args.json:
        print_json(made)
    else:
        say(f"Project {made.id} is `{made.name}`.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import remove_project

    args.project = args.id
    remove_project(open_project(args), args.id)
    if args.json:
        print_json({"removed": args.id})
    else:
        say(f"Project {args.id} is gone; its keys ended, its rows stay on disk.")
    return 0


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.project import SETTINGS, settings_of

    found = settings_of(open_project(args), args.project)
    if args.json:
        print_json(found)
    else:
        rows = [(one.name, found[one.name], one.doc) for one in SETTINGS]
        say(table(("setting", "value", "what it is"), rows, width=100))
    return 0


def _set(args: argparse.Namespace) -> int:
    from pwh_assets.services.project import change_settings

    changes: dict[str, str] = {}
    for word in args.changes:
        name, value = split_word(word, "changes")
        changes[name.strip()] = value.strip()
    found = change_settings(open_project(args), args.project, changes)
    if args.json:
        print_json(found)
    else:
        for name in changes:
            say(f"{name} is {found[name]}.")
    return 0
