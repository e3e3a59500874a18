"""`pwh view`: saved queries, their versions and their tables."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.auditing import user_name
from pwh_assets.cli.console import facts, print_json, say, table
from pwh_assets.cli.freshness import register_freshness
from pwh_assets.cli.inputs import read_sql

if TYPE_CHECKING:
    from pwh_assets.core.view import SavedQuery


def register(groups: Groups) -> None:
    from pwh_assets.cli.view_files import register_files
    from pwh_assets.cli.view_impact import register_impact
    from pwh_assets.cli.view_incremental import register_incremental
    from pwh_assets.cli.view_runs import register_runs

    nouns = group(groups, "view", "saved queries")
    create = command(nouns, "create", "save HogQL under a name, or change what it says", _create)
    create.add_argument("name", metavar="NAME")
    create.add_argument("sql", metavar="SQL", help="the query, or - for standard input")
    create.add_argument("--description", default="", metavar="TEXT")
    create.add_argument("--owner", default="", metavar="NAME")
    create.add_argument("--note", default="", metavar="TEXT", help="what this version changes")
    create.add_argument(
        "--from-version",
        type=number("version", 0),
        metavar="VERSION",
        help="the version the edit began from; refused when it is another one by now (0: a new view)",
    )
    create.add_argument("--force", action="store_true", help="even when views that read it break")
    show = command(nouns, "show", "everything known of a view", _show)
    show.add_argument("name", metavar="NAME")
    command(nouns, "list", "all views", _list)
    describe = command(nouns, "describe", "change what is said about a view", _describe)
    describe.add_argument("name", metavar="NAME")
    describe.add_argument("--description", metavar="TEXT")
    describe.add_argument("--owner", metavar="NAME")
    describe.add_argument("--folder", metavar="NAME")
    history = command(nouns, "history", "every text a view ever had", _history)
    history.add_argument("name", metavar="NAME")
    diff = command(nouns, "diff", "the lines that differ between two versions", _diff)
    diff.add_argument("name", metavar="NAME")
    diff.add_argument("old", metavar="OLD", nargs="?", type=number("version", 1))
    diff.add_argument("new", metavar="NEW", nargs="?", type=number("version", 1))
    restore = command(nouns, "restore", "give a view an earlier text again", _restore)
    restore.add_argument("name", metavar="NAME")
    restore.add_argument("version", metavar="VERSION", type=number("version", 1))
    restore.add_argument("--force", action="store_true", help="even when views that read it break")
    rename = command(nouns, "rename", "give a plain view nobody reads another name", _rename)
    rename.add_argument("name", metavar="NAME")
    rename.add_argument("new_name", metavar="NEW")
    remove = command(nouns, "remove", "remove a view and its table", _remove)
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="even when other views read it")
    register_files(nouns)
    register_freshness(nouns)
    register_impact(nouns)
    register_incremental(nouns)
    register_runs(nouns)


def _create(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import save_view

    sql = read_sql(args.sql)
    platform = open_project(args)
    view = save_view(
        platform,
        args.project,
        args.name,
        sql,
        description=args.description,
        owner=args.owner,
        author=user_name(),
        note=args.note,
        expected_version=args.from_version,
        force=args.force,
    )
    return print_view(args, view, f"Saved `{view.name}`, version {view.version}.")


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.shape import view_to_dict
    from pwh_assets.services.views.warehouse import builder_of

    platform = open_project(args)
    view = platform.store.view(args.project, args.name)
    builder = builder_of(platform, view)
    known = {
        **view_to_dict(view),
        "built_by": builder.engine if builder else None,
        "built_by_because": (builder.reason if builder else "") or None,
    }
    if args.json:
        print_json(known)
        return 0
    for name, value in known.items():
        if name not in ("query", "columns") and value not in (None, "", [], False):
            say(f"{name.replace('_', ' ')}: {_in_words(value)}")
    say(table(("column", "type"), [(c.name, c.type) for c in view.columns]))
    say(view.sql)
    return 0


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        known = {key: each for key, each in value.items() if each not in (None, "", [], 0)}
        return "; ".join(
            f"{key.replace('_', ' ')} {_in_words(each)}" for key, each in known.items()
        )
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _describe(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import describe_view

    view = describe_view(
        open_project(args),
        args.project,
        args.name,
        description=args.description,
        owner=args.owner,
        folder=args.folder,
    )
    return print_view(
        args, view, f"`{view.name}` is described; it is still version {view.version}."
    )


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.shape import view_to_dict

    views = open_project(args).store.views(args.project)
    if args.json:
        print_json({"results": [view_to_dict(view) for view in views], "count": len(views)})
    elif not views:
        say("There is no view. `pwh view create NAME SQL` saves one.")
    else:
        rows = [
            (
                view.name,
                rhythm(view),
                view.version,
                _state(view),
                view.row_count,
                view.last_run_at,
            )
            for view in views
        ]
        say(facts(("view", "kind", "version", "status", "rows", "last run (UTC)"), rows))
    return 0


def _history(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import view_history

    versions = view_history(open_project(args), args.project, args.name)
    if args.json:
        print_json({"results": list(versions), "count": len(versions)})
        return 0
    for version in versions:
        by = f" by {version.author}" if version.author else ""
        why = f": {version.note}" if version.note else ""
        say(f"── version {version.version}, {version.created_at:%Y-%m-%d %H:%M} UTC{by}{why}")
        say(version.sql.strip())
    return 0


def _restore(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import restore_view

    platform = open_project(args)
    view = restore_view(
        platform,
        args.project,
        args.name,
        args.version,
        author=user_name(),
        force=args.force,
    )
    return print_view(
        args,
        view,
        f"`{view.name}` says again what version {args.version} said, as version {view.version}.",
    )


def _diff(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import diff_versions

    diff = diff_versions(open_project(args), args.project, args.name, args.old, args.new)
    if args.json:
        print_json({"diff": diff})
    else:
        is_first = args.old is args.new is None and diff == ""
        say(diff or ("There is one version." if is_first else "The two versions say the same."))
    return 0


def _rename(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import rename_view

    view = rename_view(open_project(args), args.project, args.name, args.new_name)
    return print_view(args, view, f"The view is called `{view.name}` now.")


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.saved import remove_view

    platform = open_project(args)
    view = remove_view(platform, args.project, args.name, force=args.force)
    return print_view(args, view, f"Removed `{view.name}`.")


def rhythm(view: "SavedQuery") -> str:
    """How often a view is built, in words."""
    if not view.is_materialized:
        return "plain"
    if view.frequency is not None:
        at = f" at {view.frequency.time_of_day}" if view.frequency.time_of_day else ""
        return f"every {view.frequency.name}{at}"
    return "after its inputs" if view.refresh.value == "inputs" else "when asked for"


def _state(view: "SavedQuery") -> str:
    if not view.is_materialized:
        return ""
    if view.is_suspended:
        return "Suspended"
    return f"{view.status.value}, kept back" if view.stale_since else view.status.value


def print_view(args: argparse.Namespace, view: "SavedQuery", sentence: str) -> int:
    """The view's facts, or the sentence for people."""
    from pwh_assets.services.views.shape import view_to_dict

    if args.json:
        print_json(view_to_dict(view))
    else:
        say(sentence)
    return 0
