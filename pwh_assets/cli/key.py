"""`pwh key`: keys of people, of servers and of capture; each is shown once."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.console import facts, print_json, say
from pwh_assets.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from pwh_assets.core.access import Caller
    from pwh_assets.services.people.keys import NewKey
    from pwh_assets.services.platform import Platform
    from pwh_assets.store.keys import ApiKey


def register(groups: Groups) -> None:
    nouns = group(groups, "key", "keys of people, servers and capture")
    create = command(nouns, "create", "make a key; it is shown this once", _create)
    create.add_argument("label", metavar="LABEL")
    create.add_argument("--user", metavar="NAME", help="whose personal key it is (default owner)")
    create.add_argument(
        "--server", action="store_true", help="a key for a server: this project only"
    )
    create.add_argument(
        "--scope", action="append", metavar="SCOPE", help="such as query:read; again for more"
    )
    create.add_argument(
        "--only-project", action="append", type=int, metavar="ID", help="only there; personal keys"
    )
    create.add_argument("--days", type=number("days", 1), metavar="N", help="it ends after N days")
    command(nouns, "list", "keys of the project and of its people", _list)
    revoke = command(nouns, "revoke", "end a key at once", _revoke)
    revoke.add_argument("id", metavar="ID", help="its id, or its last four characters")
    rotate = command(nouns, "rotate", "a new capture key; the old ones go on for a while", _rotate)
    rotate.add_argument(
        "--grace-hours", type=number("hours", 0, 2160), default=24, metavar="N", help="default 24"
    )


def _create(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.access import caller_of_user
    from pwh_assets.services.people.keys import make_personal_key, make_secret_key

    platform = open_project(args)
    if args.server and (args.user or args.only_project):
        raise InvalidInputError("server", "A server's key has no person and one project.")
    ends = datetime.now(UTC) + timedelta(days=args.days) if args.days else None
    name = args.user or "owner"
    user = platform.store.find_user(name)
    if user is None and not args.server:
        raise NotFoundError("person", name, "`pwh user list` shows everybody.")
    if args.server:
        made = make_secret_key(
            platform, _machine(args.project), args.project, args.label, args.scope or (), ends
        )
    else:
        assert user is not None
        caller = caller_of_user(platform, user.id)
        made = make_personal_key(
            platform, caller, args.label, args.scope or ("*",), args.only_project, ends
        )
    return _shown_once(args, made)


def _machine(project_id: int) -> "Caller":
    """Whoever has the machine may give a server's key any scope."""
    from pwh_assets.core.access import Caller, Role

    return Caller("machine", {project_id: Role.OWNER})


def _list(args: argparse.Namespace) -> int:
    found = _keys(open_project(args), args.project)
    if args.json:
        print_json({"results": [_facts(one) for one in found], "count": len(found)})
    else:
        rows = [
            (
                f"{one.kind.value}…{one.ending}",
                one.label,
                one.user or "",
                " ".join(one.scopes),
                one.expires_at,
                one.last_used_at,
                one.id,
            )
            for one in found
        ]
        heads = ("key", "label", "person", "scopes", "ends (UTC)", "last used (UTC)", "id")
        say(facts(heads, rows))
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.keys import revoke

    platform = open_project(args)
    known = _keys(platform, args.project)
    found = [one for one in known if args.id in (one.id, one.ending)]
    if len(found) > 1:
        raise InvalidInputError("id", f"Several keys end in `{args.id}`; give the id of one.")
    key = revoke(platform, known, found[0].id if found else args.id)
    if args.json:
        print_json({"revoked": key.id})
    else:
        say(f"Key `{key.label}` opens nothing any more.")
    return 0


def _rotate(args: argparse.Namespace) -> int:
    from pwh_assets.services.people.keys import rotate_capture_key

    platform = open_project(args)
    return _shown_once(
        args, rotate_capture_key(platform, args.project, timedelta(hours=args.grace_hours))
    )


def _keys(platform: "Platform", project_id: int) -> "list[ApiKey]":
    from pwh_assets.store.keys import KeyKind

    store = platform.store
    people = {one.user.id for one in store.members(store.organization_of(project_id))}
    personal = [one for one in store.keys(KeyKind.PERSONAL) if one.user_id in people]
    return [
        *personal,
        *store.keys(KeyKind.SECRET, project_id),
        *store.keys(KeyKind.CAPTURE, project_id),
    ]


def _shown_once(args: argparse.Namespace, made: "NewKey") -> int:
    if args.json:
        print_json({**_facts(made.key), "value": made.plain})
    else:
        say(f"{made.plain}   shown this once")
    return 0


def _facts(key: "ApiKey") -> dict[str, object]:
    return {
        "id": key.id,
        "kind": key.kind,
        "label": key.label,
        "ending": key.ending,
        "person": key.user,
        "scopes": key.scopes,
        "only_projects": key.only_projects,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }
