"""`pwh policy`: who may read which columns, values and rows."""

import argparse
from typing import TYPE_CHECKING

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.inputs import read_sql, read_text, split_word
from pwh_assets.core.access import Caller, Role
from pwh_assets.errors import InvalidInputError

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform

_ROLES = tuple(role.value for role in Role)


def register(groups: Groups) -> None:
    nouns = group(groups, "policy", "who may read which columns, values and rows")
    apply = command(nouns, "apply", "make or replace policies from a YAML file", _apply)
    apply.add_argument("file", metavar="FILE", help="one policy or a list; - for standard input")
    command(nouns, "list", "all policies", _list)
    show = command(nouns, "show", "one policy", _show)
    show.add_argument("policy", metavar="POLICY")
    remove = command(nouns, "remove", "remove a policy", _remove)
    remove.add_argument("policy", metavar="POLICY")
    test = command(nouns, "test", "what somebody sees; with SQL, ask it as them", _test)
    test.add_argument("sql", metavar="SQL", nargs="?", help="a query; - for standard input")
    test.add_argument("--as", dest="user", required=True, metavar="USER", help="name or address")
    test.add_argument("--role", choices=_ROLES, help="of somebody who is not there yet")
    test.add_argument(
        "--attribute", action="append", default=[], metavar="NAME=VALUE", help="a fact about them"
    )


def _apply(args: argparse.Namespace) -> int:
    import yaml

    from pwh_assets.services.policies import managing

    try:
        given = yaml.safe_load(read_text(args.file))
    except yaml.YAMLError as error:
        raise InvalidInputError("file", f"`{args.file}` is no YAML: {error}") from None
    policies = [
        managing.read_policy(one) for one in (given if isinstance(given, list) else [given])
    ]
    platform = open_project(args)
    kept = [managing.save_policy(platform, args.project, one, "cli") for one in policies]
    if args.json:
        print_json({"results": [managing.as_dict(one) for one in kept], "count": len(kept)})
    else:
        for one in kept:
            say(f"Policy `{one.name}` binds {', '.join(one.to)} on `{one.table}`.")
    return 0


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.policies import managing

    found = open_project(args).store.policies(args.project)
    if args.json:
        print_json({"results": [managing.as_dict(one) for one in found], "count": len(found)})
    elif not found:
        say("There is no policy: everybody who sees the project reads all of it.")
    else:
        rows = [
            (
                one.name,
                one.table,
                ", ".join(one.to),
                ", ".join(one.deny),
                ", ".join(f"{mask.column}: {mask.kind.value}" for mask in one.masks),
                one.rows or "",
            )
            for one in found
        ]
        say(table(("policy", "table", "to", "deny", "mask", "rows"), rows))
    return 0


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.policies import managing

    found = managing.as_dict(managing.find_policy(open_project(args), args.project, args.policy))
    if args.json:
        print_json(found)
    else:
        say(table(("field", "value"), [(name, str(value)) for name, value in found.items()]))
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.policies import managing

    found = managing.remove_policy(open_project(args), args.project, args.policy)
    if args.json:
        print_json(managing.as_dict(found))
    else:
        say(f"Removed `{found.name}`.")
    return 0


def _test(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.query import run_query
    from pwh_assets.services.policies.managing import sight_of

    sql = read_sql(args.sql) if args.sql is not None else None
    platform = open_project(args)
    caller = _caller(args, platform)
    if sql is not None:
        result = run_query(platform, args.project, sql, reader=caller)
        if args.json:
            print_json({"columns": list(result.columns), "results": [list(r) for r in result.rows]})
        else:
            say(table(result.columns, result.rows))
        return 0
    seen = sight_of(platform, args.project, caller)
    facts = [
        {
            "table": one.table,
            "hidden": one.hidden,
            "denied": list(one.denied),
            "masked": dict(one.masked),
            "rows": list(one.rows),
            "missing_facts": list(one.missing),
        }
        for one in seen
    ]
    if args.json:
        print_json({"user": caller.name, "role": caller.roles[args.project].value, "tables": facts})
    elif not seen:
        say(f"No policy binds `{caller.name}` ({caller.roles[args.project].value}).")
    else:
        rows = [
            (
                one.table,
                "the table" if one.hidden else ", ".join(one.denied),
                ", ".join(f"{name}: {kind}" for name, kind in one.masked),
                " AND ".join(one.rows) + (" (no row: a fact is missing)" if one.missing else ""),
            )
            for one in seen
        ]
        say(table(("table", "denied", "masked", "rows"), rows))
    return 0


def _caller(args: argparse.Namespace, platform: "Platform") -> Caller:
    from pwh_assets.services.policies.managing import somebody

    facts = dict(split_word(word, "attribute") for word in args.attribute)
    role = Role(args.role) if args.role else None
    return somebody(platform, args.project, args.user, role, facts)
