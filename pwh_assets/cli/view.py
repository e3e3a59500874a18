"""`pwh view`: saved queries, their versions and their tables."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.inputs import read_sql

if TYPE_CHECKING:
    from pwh_assets.core.view import SavedQuery


def register(groups: Groups) -> None:
    nouns = group(groups, "view", "saved queries")
    create = command(nouns, "create", "save HogQL under a name, or change what it says", _create)
    create.add_argument("name", metavar="NAME")
    create.add_argument("sql", metavar="SQL", help="the query, or - for standard input")
    create.add_argument("--description", default="", metavar="TEXT")
    create.add_argument("--owner", default="", metavar="NAME")
    materialize = command(nouns, "materialize", "keep a view as a table", _materialize)
    materialize.add_argument("name", metavar="NAME")
    materialize.add_argument(
        "--every", default="24hour", metavar="FREQUENCY", help="such as 24hour"
    )
    materialize.add_argument(
        "--at", metavar="HH:MM", help="time of day in UTC, for 24hour and longer"
    )
    run = command(nouns, "run", "build materialized views now; status 1 when one failed", _run)
    run.add_argument("names", metavar="NAME", nargs="+")
    command(nouns, "list", "all views", _list)
    history = command(nouns, "history", "every text a view ever had", _history)
    history.add_argument("name", metavar="NAME")
    restore = command(nouns, "restore", "give a view an earlier text again", _restore)
    restore.add_argument("name", metavar="NAME")
    restore.add_argument("version", metavar="VERSION", type=number("version", 1))
    revert = command(nouns, "revert", "make a materialized view plain again", _revert)
    revert.add_argument("name", metavar="NAME")
    remove = command(nouns, "remove", "remove a view and its table", _remove)
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="even when other views read it")


def _create(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import save_view

    sql = read_sql(args.sql)
    platform = open_project(args)
    view = save_view(
        platform, args.project, args.name, sql, description=args.description, owner=args.owner
    )
    return _say(args, view, f"Saved `{view.name}`, version {view.version}.")


def _materialize(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import materialize_view

    platform = open_project(args)
    view = materialize_view(platform, args.project, args.name, args.every, args.at)
    every = view.frequency.name if view.frequency else args.every
    return _say(
        args,
        view,
        f"`{view.name}` is built every {every}. `pwh view run {view.name}` builds it now.",
    )


def _run(args: argparse.Namespace) -> int:
    from pwh_assets.cli.runs import print_outcome, reporter
    from pwh_assets.orchestration.run import run_views

    platform = open_project(args)
    views = [platform.store.view(args.project, name) for name in dict.fromkeys(args.names)]
    outcome = run_views(platform, views, watcher=reporter(args.json))
    return print_outcome(outcome, args.json)


def _list(args: argparse.Namespace) -> int:
    views = open_project(args).store.views(args.project)
    if args.json:
        print_json({"results": [_facts(view) for view in views], "count": len(views)})
    elif not views:
        say("There is no view. `pwh view create NAME SQL` saves one.")
    else:
        rows = [
            (
                view.name,
                f"every {view.frequency.name}" if view.frequency else "plain",
                view.version,
                view.status.value if view.is_materialized else "",
                view.row_count if view.row_count is not None else "",
                view.last_run_at.isoformat(timespec="seconds") if view.last_run_at else "",
            )
            for view in views
        ]
        say(table(("view", "kind", "version", "status", "rows", "last run"), rows))
    return 0


def _history(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import view_history

    versions = view_history(open_project(args), args.project, args.name)
    if args.json:
        print_json({"results": list(versions), "count": len(versions)})
        return 0
    for version in versions:
        by = f" by {version.author}" if version.author else ""
        say(f"── version {version.version}, {version.created_at:%Y-%m-%d %H:%M} UTC{by}")
        say(version.sql.strip())
    return 0


def _restore(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import restore_view

    platform = open_project(args)
    view = restore_view(platform, args.project, args.name, args.version)
    return _say(
        args,
        view,
        f"`{view.name}` says again what version {args.version} said, as version {view.version}.",
    )


def _revert(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import revert_view

    platform = open_project(args)
    view = revert_view(platform, args.project, args.name)
    return _say(args, view, f"`{view.name}` is plain again: computed whenever it is read.")


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.views import remove_view

    platform = open_project(args)
    view = remove_view(platform, args.project, args.name, force=args.force)
    return _say(args, view, f"Removed `{view.name}`.")


def _say(args: argparse.Namespace, view: "SavedQuery", sentence: str) -> int:
    if args.json:
        print_json(_facts(view))
    else:
        say(sentence)
    return 0


def _facts(view: "SavedQuery") -> dict[str, Any]:
    from pwh_assets.services.source_view import moment

    return {
        "id": view.id,
        "name": view.name,
        "query": view.sql,
        "version": view.version,
        "description": view.description,
        "owner": view.owner,
        "is_materialized": view.is_materialized,
        "sync_frequency": view.frequency.name if view.frequency else None,
        "sync_time_of_day": view.frequency.time_of_day if view.frequency else None,
        "columns": [{"name": c.name, "type": c.type} for c in view.columns],
        "inputs": list(view.inputs),
        "status": view.status.value,
        "last_run_at": moment(view.last_run_at),
        "latest_error": view.latest_error,
        "row_count": view.row_count,
    }
