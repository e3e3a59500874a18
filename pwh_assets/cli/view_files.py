"""`pwh view export` and `pwh view import`: saved queries as files in Git."""

import argparse
from pathlib import Path

from pwh_assets.cli.arguments import Groups, command, open_project
from pwh_assets.cli.auditing import user_name
from pwh_assets.cli.console import count, note, print_json, say


def register_files(nouns: Groups) -> None:
    export = command(nouns, "export", "write every view into a folder, a file each", _export)
    export.add_argument("folder", metavar="FOLDER")
    export.add_argument(
        "--prune", action="store_true", help="remove files of views there are no more"
    )
    bring = command(
        nouns, "import", "make the views what the files of a folder say, all or nothing", _import
    )
    bring.add_argument("folder", metavar="FOLDER")
    bring.add_argument(
        "--dry-run", action="store_true", help="only tell what would be done; status 1 on mistakes"
    )
    bring.add_argument("--prune", action="store_true", help="remove views that have no file")


def _export(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.files import export_views

    done = export_views(open_project(args), args.project, Path(args.folder), prune=args.prune)
    if args.json:
        print_json(done)
        return 0
    for word, paths in (("wrote", done.written), ("removed", done.removed)):
        for path in paths:
            say(f"{word:8} {path}")
    if done.stale:
        note(f"No view has these files any more: {', '.join(done.stale)}. `--prune` removes them.")
    say(f"{count(len(done.written), 'file')} written, {len(done.unchanged)} as they were.")
    return 0


def _import(args: argparse.Namespace) -> int:
    from pwh_assets.services.views.files import FilesRefusedError
    from pwh_assets.services.views.importing import ImportPlan, import_views, plan_import

    platform, folder = open_project(args), Path(args.folder)
    if args.dry_run:
        plan = plan_import(platform, args.project, folder, prune=args.prune)
    else:
        try:
            author = user_name()
            plan = import_views(platform, args.project, folder, prune=args.prune, author=author)
        except FilesRefusedError as error:
            plan = ImportPlan(problems=error.problems)
    if args.json:
        print_json(plan)
        return 1 if plan.problems else 0
    for problem in plan.problems:
        note(str(problem))
    if plan.problems:
        note(f"{count(len(plan.problems), 'mistake')}; nothing was imported.")
        return 1
    for word, changes in (("new", plan.added), ("changed", plan.changed)):
        for change in changes:
            say(f"{word:8} {change.name}  {', '.join(change.words)}")
    for name in plan.removed:
        say(f"removed  {name}")
    if plan.left:
        note(f"Without a file, and left as they are: {', '.join(plan.left)}.")
    verb = "would change" if args.dry_run else "changed"
    total = len(plan.added) + len(plan.changed) + len(plan.removed)
    say(f"{count(total, 'view')} {verb}, {len(plan.unchanged)} as they were.")
    return 0
