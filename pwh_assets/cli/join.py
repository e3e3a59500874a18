"""`pwh join`: joins between tables that queries can walk along."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, print_json, say, table

if TYPE_CHECKING:
    from pwh_assets.core.language import TableJoin
    from pwh_assets.services.hogql.placing import PlacedJoin


def register(groups: Groups) -> None:
    nouns = group(groups, "join", "joins between tables")
    add = command(nouns, "add", "make `TABLE.FIELD` the row of another table", _add)
    _keys(add)
    add.add_argument("--as", dest="field", required=True, metavar="FIELD", help="the field's name")
    add.add_argument("--description", default="", metavar="TEXT")
    _keys(command(nouns, "validate", "try a join on ten rows; status 1 when it fails", _validate))
    command(nouns, "list", "all joins, also those made by themselves", _list)
    remove = command(nouns, "remove", "remove a join", _remove)
    remove.add_argument("join", metavar="JOIN", help="its id, or TABLE.FIELD")


def _keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE")
    parser.add_argument("key", metavar="KEY", help="a field of it, or functions of one field")
    parser.add_argument("joined", metavar="JOINED_TABLE")
    parser.add_argument("joined_key", metavar="JOINED_KEY")


def _join(args: argparse.Namespace) -> "TableJoin":
    from pwh_assets.core.language import TableJoin

    described = getattr(args, "description", "")
    return TableJoin(
        args.table,
        args.key,
        args.joined,
        args.joined_key,
        getattr(args, "field", ""),
        {"description": described} if described else {},
    )


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.joins import add_join

    kept = add_join(open_project(args), args.project, _join(args))
    if args.json:
        print_json(_facts(kept))
    else:
        say(f"`{kept.source_table}.{kept.field_name}` is now the row of `{kept.joining_table}`.")
    return 0


def _validate(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.joins import validate_join

    found = validate_join(open_project(args), args.project, _join(args))
    if args.json:
        print_json(found.as_dict())
    elif not found.is_valid:
        say(f"The join does not work: {found.msg}")
    elif found.results:
        say(table((args.key, args.joined_key), found.results))
        say(f"{count(len(found.results), 'row')} met.")
    else:
        say(str(found.msg))
    return 0 if found.is_valid else 1


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.joins import list_joins

    joins = list_joins(open_project(args), args.project)
    if args.json:
        results = [_placed(one) for one in joins]
        print_json({"results": results, "count": len(results)})
    elif not joins:
        say(
            "There is no join. `pwh join add TABLE KEY JOINED_TABLE JOINED_KEY --as FIELD` makes one."
        )
    else:
        rows = [
            (
                f"{one.join.source_table}.{one.join.field_name}",
                one.join.source_key,
                f"{one.join.joining_table}.{one.join.joining_key}",
                "automatic" if one.join.is_automatic else "made",
                one.problem or "",
            )
            for one in joins
        ]
        say(table(("field", "key", "joined", "kind", "problem"), rows))
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.joins import remove_join

    join = remove_join(open_project(args), args.project, args.join)
    if args.json:
        print_json(_facts(join))
    else:
        say(f"Removed `{join.source_table}.{join.field_name}`.")
    return 0


def _placed(one: "PlacedJoin") -> dict[str, Any]:
    return _facts(one.join) | {"is_active": one.is_active, "problem": one.problem}


def _facts(join: "TableJoin") -> dict[str, Any]:
    return {
        "id": join.id,
        "source_table_name": join.source_table,
        "source_table_key": join.source_key,
        "joining_table_name": join.joining_table,
        "joining_table_key": join.joining_key,
        "field_name": join.field_name,
        "configuration": dict(join.configuration),
        "is_automatic": join.is_automatic,
    }
