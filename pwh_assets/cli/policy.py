"""`pwh policy`, `pwh pii` and `pwh forget`: who may read what, personal data, and people who ask to be forgotten."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, note, print_json, say, table

if TYPE_CHECKING:
    from pwh_assets.core.access import Caller
    from pwh_assets.services.platform import Platform
    from pwh_assets.store.policies import DeletionRequest

_ROLES = ("owner", "admin", "editor", "viewer")


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


def _apply(args: argparse.Namespace) -> int:
    import yaml

    from pwh_assets.cli.inputs import read_text
    from pwh_assets.errors import InvalidInputError
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
    from pwh_assets.cli.inputs import read_sql
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


def _caller(args: argparse.Namespace, platform: "Platform") -> "Caller":
    from pwh_assets.core.access import Role
    from pwh_assets.errors import InvalidInputError
    from pwh_assets.services.policies.managing import somebody

    facts: dict[str, str] = {}
    for text in args.attribute:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInputError("attribute", f"`{text}` is not NAME=VALUE.")
        facts[name] = value
    role = Role(args.role) if args.role else None
    return somebody(platform, args.project, args.user, role, facts)


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


def _forget(args: argparse.Namespace) -> int:
    from pwh_assets.errors import InvalidInputError
    from pwh_assets.services.policies import forgetting

    platform = open_project(args)
    if args.person_key:
        name, _, column = args.person_key.rpartition(".")
        key = forgetting.set_person_key(platform, args.project, name, column, args.holds)
        assert key is not None
        if args.json:
            print_json({"table": key.table, "column": key.column, "holds": key.holds})
        else:
            say(f"Rows of `{key.table}` belong to whom `{key.column}` names.")
        return 0
    if args.sweep:
        swept = forgetting.sweep(platform, args.project)
        if args.json:
            print_json({"rows": swept})
        else:
            say(f"Removed {count(sum(swept.values()), 'row')} of forgotten persons.")
        return 0
    if args.readmit:
        from pwh_assets.services.policies import tombstones

        known = tombstones.readmit(platform, args.project, [args.readmit])
        if args.json:
            print_json({"readmitted": known > 0})
        else:
            say("Their rows are let in again." if known else "Nobody of that name was forgotten.")
        return 0
    if args.list:
        found = platform.store.deletions(args.project)
        if args.json:
            print_json({"results": [forgetting.as_dict(one) for one in found], "count": len(found)})
        else:
            for one in found:
                _say_deletion(one)
        return 0
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
    return 0


def _say_deletion(one: "DeletionRequest") -> None:
    report: dict[str, Any] = dict(one.report)
    rows = {name: number for name, number in report.get("rows", {}).items() if number}
    what = ", ".join(f"{name}: {number}" for name, number in rows.items()) or "no rows"
    say(f"Request {one.id} is {one.status}: {what}.")
    if one.latest_error:
        note(f"{one.latest_error} `pwh forget --resume {one.id}` goes on.")
    if left := report.get("without_person_key"):
        note(f"Tables without a person key were not searched: {', '.join(left)}.")
