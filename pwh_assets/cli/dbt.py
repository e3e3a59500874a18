"""`pwh dbt`: an own dbt project beside the saved queries."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, note, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pwh_assets.core.view import SavedQuery
    from pwh_assets.services.dbt_project.adopting import Adoption
    from pwh_assets.services.dbt_project.description import DbtModel, DbtTest
    from pwh_assets.services.dbt_project.testing import CheckOutcome
    from pwh_assets.services.platform import Platform


def register(groups: Groups) -> None:
    nouns = group(groups, "dbt", "an own dbt project")
    add = command(nouns, "add", "adopt the dbt project in a folder; what is in it is run", _add)
    add.add_argument("path", metavar="PATH", help="the folder of its dbt_project.yml")
    add.add_argument(
        "--every", default="24hour", metavar="FREQUENCY", help="build its models so often"
    )
    add.add_argument("--at", metavar="HH:MM", help="time of day in UTC, for 24hour and longer")
    add.add_argument(
        "--after-inputs", action="store_true", help="build a model when what it reads changed"
    )
    add.add_argument("--manual", action="store_true", help="build models only when asked")
    _forced(add)
    _forced(
        command(nouns, "refresh", "look at the folder again and take over what changed", _refresh)
    )
    _forced(command(nouns, "remove", "forget the project and drop its tables", _remove))
    listed = command(nouns, "list", "its models and tests", _list)
    run = command(
        nouns, "run", "build models now, then run their tests; status 1 when one failed", _run
    )
    test = command(nouns, "test", "run tests now; status 1 when one failed", _test)
    for each in (listed, run, test):
        each.add_argument("--select", nargs="+", default=[], metavar="X", help="as dbt selects")
        each.add_argument("--exclude", nargs="+", default=[], metavar="X", help="as dbt excludes")


def _forced(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="also when views read models that go")


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.core.view import Refresh
    from pwh_assets.services.dbt_project.adopting import add_project

    refresh = Refresh.MANUAL if args.manual else Refresh.SCHEDULE
    adoption = add_project(
        open_project(args),
        args.project,
        Path(args.path),
        refresh=Refresh.INPUTS if args.after_inputs else refresh,
        every=args.every,
        at=args.at,
        force=args.force,
    )
    return _say_adopted(args, adoption)


def _refresh(args: argparse.Namespace) -> int:
    from pwh_assets.services.dbt_project.adopting import refresh_project

    adoption = refresh_project(open_project(args), args.project, anew=True, force=args.force)
    assert adoption is not None
    return _say_adopted(args, adoption)


def _say_adopted(args: argparse.Namespace, adoption: "Adoption") -> int:
    project = adoption.project
    if args.json:
        print_json(
            {
                "name": project.name,
                "models": [model.table_name for model in project.models],
                "tests": len(project.tests),
                "added": adoption.added,
                "changed": adoption.changed,
                "removed": adoption.removed,
            }
        )
        return 0
    for word, names in (
        ("new", adoption.added),
        ("changed", adoption.changed),
        ("removed", adoption.removed),
    ):
        for name in names:
            say(f"{word:8} {name}")
    say(
        f"`{project.name}` has {count(len(project.models), 'model')} and {count(len(project.tests), 'test')}. "
        "`pwh dbt run` builds them now."
    )
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.dbt_project.adopting import remove_project

    names = remove_project(open_project(args), args.project, force=args.force)
    if args.json:
        print_json({"removed": names})
    else:
        say(f"The dbt project is forgotten; {count(len(names), 'table')} of it went.")
    return 0


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.dbt_project.adopting import state_of
    from pwh_assets.services.dbt_project.selecting import selected

    platform = open_project(args)
    found = selected(platform, args.project, args.select, args.exclude)
    state = state_of(platform, args.project)
    views = {view.name: view for view in platform.store.views(args.project)}
    models = [_model_facts(each, views.get(each.table_name)) for each in found.models]
    checks = {
        (check.subject_id, check.name): check.passed
        for check in platform.store.latest_checks(args.project)
    }
    tests = [_listed(each, views, checks) for each in found.tests]
    if args.json:
        where = {"path": state.path, "error": state.error} if state else {}
        print_json({**where, "models": models, "tests": tests})
        return 0
    if state and state.error:
        note(state.error)
    rows = [[", ".join(v) if isinstance(v, list) else v for v in each.values()] for each in models]
    say(table(("model", "kind", "reads", "status", "rows"), [row[:5] for row in rows]))
    if tests:
        words = {True: "passed", False: "failed", None: ""}
        say()
        lines = [(t["name"], t["of"] or "", t["severity"], words[t["passed"]]) for t in tests]
        say(table(("test", "of", "severity", "last"), lines))
    return 0


def _model_facts(model: "DbtModel", view: "SavedQuery | None") -> dict[str, Any]:
    return {
        "name": model.table_name,
        "kind": model.kind,
        "reads": list(model.inputs),
        "status": view.status.value if view else "",
        "row_count": view.row_count if view else None,
        "latest_error": view.latest_error if view else None,
    }


def _listed(
    test: "DbtTest",
    views: "Mapping[str, SavedQuery]",
    checks: "Mapping[tuple[str, str], bool]",
) -> dict[str, Any]:
    subject = views.get(test.subject or "")
    passed = checks.get((subject.id, test.check_name)) if subject else None
    return {"name": test.name, "of": test.subject, "severity": test.severity, "passed": passed}


def _run(args: argparse.Namespace) -> int:
    from pwh_assets.cli.runs import print_outcome, reporter
    from pwh_assets.orchestration.run import run_views
    from pwh_assets.services.dbt_project.selecting import selected

    platform = _up_to_date(args)
    found = selected(platform, args.project, args.select, args.exclude)
    views = [platform.store.view(args.project, model.table_name) for model in found.models]
    if not views:
        return _nothing(args)
    return print_outcome(run_views(platform, views, watcher=reporter(args.json)), args.json)


def _test(args: argparse.Namespace) -> int:
    from pwh_assets.services.dbt_project.selecting import selected
    from pwh_assets.services.dbt_project.testing import run_tests

    platform = _up_to_date(args)
    found = selected(platform, args.project, args.select, args.exclude)
    if not found.tests:
        return _nothing(args)
    outcomes = run_tests(platform, args.project, found.project, found.tests)
    if args.json:
        print_json({"results": [_test_facts(each) for each in outcomes], "count": len(outcomes)})
    else:
        for each in outcomes:
            mark = "✓" if each.message == "" else "!" if each.severity == "warn" else "✗"
            say(f"{mark} {each.test.name}  {each.message}".rstrip())
    return 1 if any(each.is_error for each in outcomes) else 0


def _up_to_date(args: argparse.Namespace) -> "Platform":
    """The platform, with what changed in the folder taken over; a mistake in it that is known already is told."""
    from pwh_assets.services.dbt_project.adopting import refresh_project, state_of

    platform = open_project(args)
    refresh_project(platform, args.project)
    state = state_of(platform, args.project)
    if state and state.error:
        note(state.error)
    return platform


def _nothing(args: argparse.Namespace) -> int:
    if args.json:
        print_json({"results": [], "count": 0})
    else:
        say("Nothing is selected. `pwh dbt list` shows what there is.")
    return 0


def _test_facts(outcome: "CheckOutcome") -> dict[str, Any]:
    return {
        "name": outcome.test.name,
        "of": outcome.test.subject,
        "state": outcome.state,
        "severity": outcome.severity,
        "failing_rows": outcome.failing_rows,
        "message": outcome.message,
    }
