"""`pwh check`: what has to hold of tables and views, and whether it does."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import ENGINES, Groups, command, group, number, open_project
from pwh_assets.cli.console import count, print_json, say, table, when
from pwh_assets.cli.documents import print_applied, print_document
from pwh_assets.cli.inputs import read_text, split_word

if TYPE_CHECKING:
    from pwh_assets.core.check import CheckResult
    from pwh_assets.core.quality import CheckRun, QualityCheck
    from pwh_assets.services.platform import Platform

_NONE = "No check is declared. `pwh check add TABLE KIND --column NAME` declares one."
_MARKS = {"passed": "✓", "failed": "✗", "broken": "?"}


def register(groups: Groups) -> None:
    nouns = group(groups, "check", "what has to hold of tables and views")
    add = command(nouns, "add", "declare a check of a table or view", _add)
    add.add_argument("table", metavar="TABLE", help="a synced table, a view or a product table")
    add.add_argument("kind", metavar="KIND", help="`pwh check kinds` shows all")
    add.add_argument("--column", action="append", metavar="NAME", help="may be given several times")
    add.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the kind; the value as in YAML",
    )
    add.add_argument("--name", metavar="NAME", help="default: kind and columns")
    add.add_argument("--severity", default="error", metavar="error|warn")
    add.add_argument("--where", default="", metavar="HOGQL", help="check only rows that meet this")
    add.add_argument("--description", default="", metavar="TEXT")
    add.add_argument("--every", metavar="FREQUENCY", help="also by itself, 1hour to 7day")
    add.add_argument("--at", metavar="HH:MM", help="time of day in UTC for --every")
    command(nouns, "kinds", "the kinds of checks and what each needs to know", _kinds)
    listed = command(nouns, "list", "all checks with their latest results", _list)
    listed.add_argument("table", metavar="TABLE", nargs="?", help="only of this one")
    show = command(nouns, "show", "one check: what it says, what it found", _show)
    show.add_argument("check", metavar="CHECK", help="TABLE.NAME, or the name alone")
    run = command(
        nouns, "run", "run checks now; status 1 when one of severity error did not pass", _run
    )
    run.add_argument("what", metavar="TABLE|CHECK", nargs="*", help="default: every declared check")
    run.add_argument("--engine", choices=ENGINES, help="where it runs (default PWH_WAREHOUSE)")
    history = command(nouns, "history", "the answers a check got, newest first", _history)
    history.add_argument("check", metavar="CHECK", help="TABLE.NAME, or the name alone")
    history.add_argument("--limit", type=number("limit", 1, 1000), default=20, metavar="N")
    remove = command(nouns, "remove", "forget a check", _remove)
    remove.add_argument("check", metavar="CHECK", help="TABLE.NAME, or the name alone")
    apply = command(nouns, "apply", "make the checks what a YAML file says", _apply)
    apply.add_argument("file", metavar="FILE", help="- for standard input")
    apply.add_argument("--prune", action="store_true", help="remove checks that are not in it")
    apply.add_argument("--dry-run", action="store_true", help="say what would change")
    command(nouns, "export", "all checks as YAML for `pwh check apply`", _export)


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import add_check

    options = _options(args.set)
    if args.column:
        options["columns"] = args.column
    platform = open_project(args)
    check = add_check(
        platform,
        args.project,
        args.table,
        args.kind,
        options,
        name=args.name,
        severity=args.severity,
        where=args.where,
        description=args.description,
        every=args.every,
        at=args.at,
    )
    name = _full(platform, check)
    if args.json:
        print_json(_facts(platform, check, None))
    else:
        say(f"`{name}` is declared. `pwh check run {name}` asks it now.")
    return 0


def _options(words: list[str]) -> dict[str, Any]:
    import yaml

    from pwh_assets.errors import InvalidInputError

    found = {}
    for word in words:
        name, value = split_word(word, "set")
        try:
            # A query may look like anything in YAML; it is text.
            found[name.strip()] = value if name.strip() == "sql" else yaml.safe_load(value)
        except yaml.YAMLError:
            raise InvalidInputError(
                "set", f"`{value}` cannot be read as YAML. Write `{name}='...'`."
            ) from None
    return found


def _kinds(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality.options import COMMON
    from pwh_assets.services.quality.registry import kinds

    if args.json:
        facts = [
            {
                "name": kind.name,
                "about": kind.about,
                "takes_filter": kind.takes_filter,
                "options": [
                    {
                        "name": option.name,
                        "about": option.about,
                        "is_required": option.is_required,
                        "default": option.default,
                    }
                    for option in (*kind.options, *COMMON)
                ],
            }
            for kind in kinds().values()
        ]
        print_json({"results": facts, "count": len(facts)})
        return 0
    for kind in kinds().values():
        say(f"{kind.name}: {kind.about}")
        for option in kind.options:
            say(f"  {option.name}{' (required)' if option.is_required else ''}: {option.about}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality.declare import checks_of, latest_results

    platform = open_project(args)
    if args.table:
        checks = checks_of(platform, args.project, args.table)
    else:
        checks = platform.store.quality_checks(args.project)
    latest = latest_results(platform, args.project)
    found = [(check, latest.get((check.subject_id, check.name))) for check in checks]
    if args.json:
        facts = [_facts(platform, check, result) for check, result in found]
        print_json({"results": facts, "count": len(facts)})
    elif not found:
        say(_NONE)
    else:
        rows = [
            (
                _full(platform, check),
                check.kind,
                check.severity.value,
                check.frequency.name if check.frequency else "",
                _state(result),
                when(result.at if result else None),
                result.details.get("message", "") if result else "never asked",
            )
            for check, result in sorted(found, key=lambda each: _full(platform, each[0]))
        ]
        say(table(("check", "kind", "severity", "every", "state", "at (UTC)", "found"), rows))
    return 0


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import find_check
    from pwh_assets.services.quality.declare import latest_results

    platform = open_project(args)
    check = find_check(platform, args.project, args.check)
    result = latest_results(platform, args.project).get((check.subject_id, check.name))
    facts = _facts(platform, check, result)
    if args.json:
        print_json(facts)
        return 0
    latest = facts.pop("latest")
    for name, value in facts.items():
        if value not in (None, "", {}):
            say(f"{name}: {value}")
    if latest is None:
        say("It was never asked.")
        return 0
    say(f"{_MARKS[latest['state']]} {when(result.at if result else None)} {latest['message']}")
    _say_examples(latest["details"].get("examples", []))
    return 0


def _run(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import run_checks

    platform = open_project(args)
    checks = _wanted(platform, args.project, args.what)
    if not checks and not args.json:
        say(_NONE)
        return 0
    runs = run_checks(platform, args.project, checks, engine=args.engine)
    names = {(each.subject_id, each.name): _full(platform, each) for each in checks}
    if args.json:
        facts = [_run_facts(run, names[run.subject_id, run.name]) for run in runs]
        print_json({"results": facts, "count": len(facts)})
    else:
        for run in runs:
            mark = "!" if run.severity == "warn" and not run.passed else _MARKS[run.state.value]
            say(f"{mark} {names[run.subject_id, run.name]}: {run.message}")
            _say_examples(run.details.get("examples", []))
        passed = sum(run.passed for run in runs)
        say(f"{passed} of {count(len(runs), 'check')} passed.")
    failed = [run for run in runs if not run.passed and run.severity == "error"]
    return 1 if failed else 0


def _wanted(platform: "Platform", project_id: int, what: list[str]) -> list["QualityCheck"]:
    """Checks by name, and all of a table by its name; all there are when nothing is named."""
    from pwh_assets.errors import NotFoundError
    from pwh_assets.services.lineage.graph import project_graph
    from pwh_assets.services.quality import find_check

    if not what:
        return platform.store.quality_checks(project_id)
    graph = project_graph(platform, project_id)
    found: dict[str, QualityCheck] = {}
    for word in what:
        node = graph.find(word)
        if node is None:
            check = find_check(platform, project_id, word)
            found[check.id] = check
            continue
        of_table = platform.store.quality_checks(project_id, node.id)
        if not of_table:
            raise NotFoundError("check of", node.name, "`pwh check add` declares one.")
        found |= {check.id: check for check in of_table}
    return list(found.values())


def _history(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import find_check

    platform = open_project(args)
    check = find_check(platform, args.project, args.check)
    name = _full(platform, check)
    runs = platform.store.check_runs(
        args.project, subject_id=check.subject_id, name=check.name, limit=args.limit
    )
    if args.json:
        print_json({"results": [_run_facts(run, name) for run in runs], "count": len(runs)})
    elif not runs:
        say(f"`{name}` was never asked. `pwh check run {name}` asks it now.")
    else:
        rows = [
            (when(run.at), run.trigger.value, run.state.value, run.duration_s, run.message)
            for run in runs
        ]
        say(table(("at (UTC)", "by", "state", "seconds", "found"), rows, 100))
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import remove_check

    platform = open_project(args)
    check = remove_check(platform, args.project, args.check)
    if args.json:
        print_json(_facts(platform, check, None))
    else:
        say(f"Removed `{_full(platform, check)}`.")
    return 0


def _apply(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import apply_document

    text = read_text(args.file)
    platform = open_project(args)
    done = apply_document(platform, args.project, text, prune=args.prune, dry_run=args.dry_run)
    return print_applied(done, as_json=args.json, dry_run=args.dry_run)


def _export(args: argparse.Namespace) -> int:
    from pwh_assets.services.quality import export_document

    text = export_document(open_project(args), args.project)
    return print_document(text, as_json=args.json)


def _say_examples(examples: list[dict[str, Any]]) -> None:
    if examples:
        columns = list(examples[0])
        rows = [[row.get(name) for name in columns] for row in examples]
        for line in table(columns, rows).splitlines():
            say(f"    {line}")


def _full(platform: "Platform", check: "QualityCheck") -> str:
    from pwh_assets.services.lineage.graph import project_graph

    node = project_graph(platform, check.project_id).find(check.subject_id)
    return f"{node.name if node else check.subject_id}.{check.name}"


def _state(result: "CheckResult | None") -> str:
    if result is None:
        return ""
    return "passed" if result.passed else str(result.details.get("state", "failed"))


def _facts(
    platform: "Platform", check: "QualityCheck", result: "CheckResult | None"
) -> dict[str, Any]:
    latest = None
    if result is not None:
        latest = {
            "state": _state(result),
            "message": result.details.get("message", ""),
            "details": result.details,
            "at": result.at,
        }
    return {
        "name": _full(platform, check),
        "id": check.id,
        "kind": check.kind,
        "options": dict(check.options),
        "severity": check.severity.value,
        "where": check.where,
        "description": check.description,
        "every": check.frequency.name if check.frequency else None,
        "at": check.frequency.time_of_day if check.frequency else None,
        "latest": latest,
    }


def _run_facts(run: "CheckRun", name: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": run.kind,
        "state": run.state.value,
        "severity": run.severity.value,
        "message": run.message,
        "failing_rows": run.failing_rows,
        "trigger": run.trigger.value,
        "details": run.details,
        "run_id": run.run_id,
        "duration_s": run.duration_s,
        "at": run.at,
    }
