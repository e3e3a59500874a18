"""`pwh cohort`: persons under a name, for `person_id IN COHORT 'name'`."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, note, print_json, say, table
from pwh_assets.cli.inputs import read_sql, read_text

if TYPE_CHECKING:
    from pwh_assets.core.language import Cohort


def register(groups: Groups) -> None:
    nouns = group(groups, "cohort", "persons under a name")
    create = command(
        nouns, "create", "make a cohort of a query's persons, or a static one", _create
    )
    create.add_argument("name", metavar="NAME")
    create.add_argument(
        "sql", metavar="SQL", nargs="?", help="gives person_id; - for standard input; none: static"
    )
    create.add_argument("--description", default="", metavar="TEXT")
    refresh = command(nouns, "refresh", "run the queries of cohorts again", _refresh)
    refresh.add_argument("names", metavar="COHORT", nargs="*", help="default: all with a query")
    add = command(nouns, "add", "add persons to a static cohort", _add)
    add.add_argument("name", metavar="COHORT")
    add.add_argument("persons", metavar="ID", nargs="*", help="persons' ids or distinct ids")
    add.add_argument("--file", metavar="FILE", help="one id a line; - for standard input")
    command(nouns, "list", "all cohorts", _list)
    remove = command(nouns, "remove", "remove a cohort and its members", _remove)
    remove.add_argument("name", metavar="COHORT")


def _create(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.cohorts import refresh_cohort, save_cohort

    query = read_sql(args.sql) if args.sql is not None else None
    platform = open_project(args)
    cohort = save_cohort(platform, args.project, args.name, query, args.description)
    if query is not None:
        cohort = refresh_cohort(platform, args.project, str(cohort.id))
    return _say(args, cohort)


def _refresh(args: argparse.Namespace) -> int:
    from pwh_assets.errors import PwhError
    from pwh_assets.services.product.cohorts import find_cohort, refresh_cohort

    platform = open_project(args)
    if args.names:
        wanted = [find_cohort(platform, args.project, name) for name in args.names]
    else:
        wanted = [one for one in platform.store.cohorts(args.project) if not one.is_static]
    done, status = [], 0
    for cohort in wanted:
        try:
            done.append(refresh_cohort(platform, args.project, str(cohort.id)))
        except PwhError as error:
            if len(wanted) == 1:
                raise
            note(f"`{cohort.name}`: {error.sentence}")
            status = 1
    if args.json:
        print_json({"results": [_facts(one) for one in done], "count": len(done)})
    else:
        for cohort in done:
            say(_sentence(cohort))
    return status


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.cohorts import add_members

    words = [*args.persons, *(read_text(args.file).splitlines() if args.file else ())]
    cohort, unknown = add_members(open_project(args), args.project, args.name, words)
    for word in unknown[:10]:
        note(f"Nobody is known as `{word}`.")
    if len(unknown) > 10:
        note(f"… and {len(unknown) - 10} more are not known.")
    _say(args, cohort)
    return 1 if unknown else 0


def _list(args: argparse.Namespace) -> int:
    cohorts = open_project(args).store.cohorts(args.project)
    if args.json:
        print_json({"results": [_facts(one) for one in cohorts], "count": len(cohorts)})
    elif not cohorts:
        say("There is no cohort. `pwh cohort create NAME SQL` makes one.")
    else:
        rows = [
            (
                one.id,
                one.name,
                "static" if one.is_static else "query",
                one.count if one.count is not None else "",
                one.refreshed_at.isoformat(timespec="seconds") if one.refreshed_at else "",
                one.latest_error or "",
            )
            for one in cohorts
        ]
        say(table(("id", "cohort", "kind", "persons", "refreshed", "error"), rows))
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.cohorts import remove_cohort

    cohort = remove_cohort(open_project(args), args.project, args.name)
    if args.json:
        print_json(_facts(cohort))
    else:
        say(f"Removed `{cohort.name}`.")
    return 0


def _say(args: argparse.Namespace, cohort: "Cohort") -> int:
    if args.json:
        print_json(_facts(cohort))
    else:
        say(_sentence(cohort))
    return 0


def _sentence(cohort: "Cohort") -> str:
    return f"Cohort `{cohort.name}` ({cohort.id}) has {count(cohort.count or 0, 'person')}."


def _facts(cohort: "Cohort") -> dict[str, Any]:
    from pwh_assets.services.sources.view import moment

    return {
        "id": cohort.id,
        "name": cohort.name,
        "description": cohort.description,
        "is_static": cohort.is_static,
        "query": cohort.query,
        "count": cohort.count,
        "last_calculation": moment(cohort.refreshed_at),
        "latest_error": cohort.latest_error,
    }
