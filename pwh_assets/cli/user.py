"""`pwh user`: people of an organisation, their roles, passwords and invitations."""

import argparse
import getpass
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Command, Groups, Parser, command, group, number, open_project
from pwh_assets.cli.console import count, print_json, say, table
from pwh_assets.cli.inputs import split_word
from pwh_assets.cli.running import running
from pwh_assets.core.access import Role
from pwh_assets.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform
    from pwh_assets.store.people import Member, Organization, User

ROLES = tuple(role.value for role in Role)


def register(groups: Groups) -> None:
    nouns = group(groups, "user", "people, their roles and passwords")
    add = _command(nouns, "add", "make a person", _add)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--email", metavar="ADDRESS")
    add.add_argument("--role", choices=ROLES, default="viewer")
    add.add_argument("--only", action="store_true", help="only in `--project`, not in all projects")
    add.add_argument("--password-stdin", action="store_true", help="read a password from stdin")
    _command(nouns, "list", "everybody with a role", _list)
    role = _command(nouns, "role", "give another role", _role)
    role.add_argument("name", metavar="NAME")
    role.add_argument("role", choices=ROLES)
    role.add_argument(
        "--only", action="store_true", help="only in `--project`, not in all projects"
    )
    facts = _command(nouns, "set", "facts that row policies may use", _set)
    facts.add_argument("name", metavar="NAME")
    facts.add_argument("facts", metavar="FACT=VALUE", nargs="*", help="instead of all there are")
    remove = _command(nouns, "remove", "take somebody away; keys and logins end at once", _remove)
    remove.add_argument("name", metavar="NAME")
    invite = _command(nouns, "invite", "a token, and a text to send; it works once", _invite)
    invite.add_argument("email", metavar="ADDRESS")
    invite.add_argument("--role", choices=ROLES, default="viewer")
    invite.add_argument("--only", action="store_true", help="only in `--project`")
    invite.add_argument("--days", type=number("days", 1, 90), default=7, metavar="N")
    invite.add_argument(
        "--url",
        help="where people reach the API (default: PWH_PUBLIC_URL, else `pwh up` of this home)",
    )
    password = command(nouns, "set-password", "set a password; logins end", _set_password)
    password.add_argument("name", metavar="NAME")
    password.add_argument("--password-stdin", action="store_true", help="read it from stdin")


def _command(nouns: Groups, name: str, summary: str, run: Command) -> Parser:
    parser = command(nouns, name, summary, run)
    parser.add_argument("--organization", metavar="NAME", help="default: the one of `--project`")
    return parser


def _opened(args: argparse.Namespace) -> "tuple[Platform, Organization]":
    from pwh_assets.services.people.members import find_organization

    platform = open_project(args)
    return platform, find_organization(platform, args.organization, args.project)


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.login import add_person

    platform, where = _opened(args)
    only = args.project if args.only else None
    password = _password(args) if args.password_stdin else None
    user = add_person(platform, args.name, args.email, where.id, Role(args.role), only, password)
    return _say(args, user, f"`{user.name}` is {args.role} of {_place(args, where)}.")


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import members

    platform, where = _opened(args)
    found = members(platform, where.id)
    if args.json:
        print_json({"results": [_facts(one) for one in found], "count": len(found)})
    else:
        rows = [
            (
                one.user.name,
                one.user.email or "",
                one.role.value if one.role else "",
                ", ".join(f"{at}: {role.value}" for at, role in sorted(one.projects.items())),
            )
            for one in found
        ]
        say(table(("name", "e-mail", "role", "in single projects"), rows))
    return 0


def _role(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import set_role

    platform, where = _opened(args)
    only = args.project if args.only else None
    found = set_role(platform, None, where.id, args.name, Role(args.role), only)
    return _say(args, found.user, f"`{found.user.name}` is {args.role} of {_place(args, where)}.")


def _set(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import member, set_member_attributes

    facts = {}
    for word in args.facts:
        name, value = split_word(word, "facts", "FACT=VALUE")
        facts[name.strip()] = value.strip()
    platform, where = _opened(args)
    found = member(platform, where.id, args.name)
    set_member_attributes(platform, None, where.id, found, facts)
    return _say(args, found.user, f"`{found.user.name}` has {count(len(facts), 'fact')} set.")


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.members import remove_member

    platform, where = _opened(args)
    user = remove_member(platform, None, where.id, args.name)
    return _say(args, user, f"`{user.name}` is gone from `{where.name}`; keys and logins ended.")


def _invite(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.login import invite

    platform, where = _opened(args)
    only = args.project if args.only else None
    lasts = timedelta(days=args.days)
    up = running(platform.settings.home)
    url = args.url or platform.settings.public_url
    url = url or (up.api if up else "http://127.0.0.1:8000")
    made = invite(platform, None, where.id, args.email, Role(args.role), only, lasts, url)
    if args.json:
        kept = made.invitation
        print_json(
            {"id": kept.id, "token": made.token, "expires_at": kept.expires_at, "mail": made.mail}
        )
    else:
        say(made.mail.rstrip())
    return 0


def _set_password(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.login import set_password

    platform = open_project(args)
    user = platform.store.find_user(args.name)
    if user is None:
        raise NotFoundError("person", args.name)
    set_password(platform, user, _password(args))
    return _say(args, user, f"`{user.name}` has another password; logins ended.")


def _password(args: argparse.Namespace) -> str:
    """From stdin, or typed twice; never from the command line, where others see it."""
    if args.password_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise InvalidInputError("password", "The two passwords differ; type the same one twice.")
    return first


def _place(args: argparse.Namespace, where: "Organization") -> str:
    return f"project {args.project}" if args.only else f"`{where.name}`"


def _say(args: argparse.Namespace, user: "User", sentence: str) -> int:
    if args.json:
        print_json({"id": user.id, "name": user.name, "email": user.email})
    else:
        say(sentence)
    return 0


def _facts(found: "Member") -> dict[str, object]:
    return {
        "id": found.user.id,
        "name": found.user.name,
        "email": found.user.email,
        "role": found.role,
        "projects": dict(found.projects),
        "has_password": found.user.has_password,
        "attributes": dict(found.user.attributes),
    }
