"""`pwh metric`: virtual tables and metrics, declared in files and asked by name."""

import argparse
from typing import Any

from pwh_assets.cli.arguments import ENGINES, Groups, command, group, number, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.documents import print_applied, print_document
from pwh_assets.cli.inputs import read_text


def register(groups: Groups) -> None:
    nouns = group(
        groups, "metric", "metrics and virtual tables: numbers and joins with one definition"
    )
    apply = command(nouns, "apply", "make virtual tables and metrics what a YAML file says", _apply)
    apply.add_argument("file", metavar="FILE", help="ours or MetricFlow's; - for standard input")
    apply.add_argument("--prune", action="store_true", help="remove those that are not in it")
    apply.add_argument("--dry-run", action="store_true", help="say what would change")
    apply.add_argument("--force", action="store_true", help="also where views that read them break")
    command(nouns, "list", "all metrics and virtual tables", _list)
    show = command(nouns, "show", "one metric: what it is made of, its query", _show)
    show.add_argument("name", metavar="NAME")
    history = command(nouns, "history", "every definition a metric had", _history)
    history.add_argument("name", metavar="NAME")
    run = command(nouns, "run", "a metric's answer", _run)
    run.add_argument("name", metavar="NAME")
    run.add_argument(
        "--by", metavar="DIMENSION", action="append", default=[], help="may be given several times"
    )
    run.add_argument("--grain", metavar="GRAIN", help="minute to year, or none; default: its own")
    run.add_argument("--from", dest="start", metavar="DAY", help="the first day or moment, in UTC")
    run.add_argument(
        "--to", dest="end", metavar="DAY", help="the last day, or the moment before which it ends"
    )
    run.add_argument(
        "--where",
        metavar="HOGQL",
        action="append",
        default=[],
        help="count only rows that meet this",
    )
    run.add_argument("--engine", choices=ENGINES, help="where it runs (default PWH_WAREHOUSE)")
    run.add_argument(
        "--limit",
        type=number("limit", 1, 50_000),
        default=1000,
        metavar="N",
        help="rows to print (default 1000)",
    )
    remove = command(nouns, "remove", "forget a metric or a virtual table", _remove)
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--force", action="store_true", help="also when something reads it")
    export = command(nouns, "export", "all of it as YAML for `pwh metric apply`", _export)
    export.add_argument("name", metavar="NAME", nargs="*", help="with --metricflow: only these")
    export.add_argument("--metricflow", action="store_true", help="as MetricFlow's definitions")


def _apply(args: argparse.Namespace) -> int:
    from pwh_assets.services.semantic import DocumentError, apply_document

    text = read_text(args.file)
    platform = open_project(args)
    try:
        done = apply_document(
            platform,
            args.project,
            text,
            file="stdin" if args.file == "-" else args.file,
            prune=args.prune,
            dry_run=args.dry_run,
            force=args.force,
        )
    except DocumentError as error:
        if args.json:
            raise
        for mistake in error.mistakes:
            say(str(mistake))
        say("Nothing was changed.")
        return error.exit_status
    return print_applied(done, as_json=args.json, dry_run=args.dry_run)


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.semantic.applying import virtual_tables

    platform = open_project(args)
    metrics = platform.store.metrics(args.project)
    tables = virtual_tables(platform, args.project)
    if args.json:
        facts: list[dict[str, Any]] = [_facts(each) for each in metrics]
        facts += [
            {
                "name": each.name,
                "kind": "virtual_table",
                "version": each.version,
                "description": each.description,
            }
            for each in tables
        ]
        print_json({"results": facts, "count": len(facts)})
    elif not metrics and not tables:
        say("There is no metric and no virtual table. `pwh metric apply FILE` declares some.")
    else:
        rows = [
            (
                each.definition.key,
                each.definition.kind.value,
                each.definition.source or ", ".join(i.metric for i in each.definition.inputs),
                each.version,
                each.definition.description,
            )
            for each in metrics
        ]
        rows += [
            (each.name, "virtual table", ", ".join(each.inputs), each.version, each.description)
            for each in tables
        ]
        say(table(("name", "kind", "made of", "version", "description"), rows))
    return 0


def _facts(saved: Any) -> dict[str, Any]:
    return {
        "key": saved.definition.key,
        **saved.definition.as_dict(),
        "id": saved.id,
        "version": saved.version,
        "created_at": saved.created_at,
        "updated_at": saved.updated_at,
    }


def _show(args: argparse.Namespace) -> int:
    from pwh_assets.services.semantic import find_metric, metric_text
    from pwh_assets.services.semantic.asking import dimensions_of

    platform = open_project(args)
    saved = find_metric(platform, args.project, args.name)
    dimensions = dimensions_of(platform, args.project, args.name)
    per = "day" if saved.definition.per and not saved.definition.grain else None
    query = metric_text(platform, args.project, args.name, by=dimensions, grain=per)
    if args.json:
        print_json({**_facts(saved), "groups_by": list(dimensions), "query": query})
        return 0
    from pwh_assets.services.semantic.exporting import metric_entry

    for name, value in metric_entry(saved.definition).items():
        if name != "dimensions":
            say(f"{name}: {value}")
    say(f"dimensions: {', '.join(dimensions) or 'none'}")
    say(f"version: {saved.version}")
    say(f"query: {query}")
    return 0


def _history(args: argparse.Namespace) -> int:
    from pwh_assets.services.semantic import metric_history
    from pwh_assets.services.semantic.exporting import metric_entry

    versions = metric_history(open_project(args), args.project, args.name)
    if args.json:
        print_json({"results": versions, "count": len(versions)})
        return 0
    rows = [
        (
            each.version,
            each.created_at.isoformat(timespec="seconds"),
            each.author,
            str(metric_entry(each.definition)),
        )
        for each in versions
    ]
    say(table(("version", "at", "by", "definition"), rows, None))
    return 0


def _run(args: argparse.Namespace) -> int:
    from pwh_assets.services.semantic import run_metric

    answer = run_metric(
        open_project(args),
        args.project,
        args.name,
        by=args.by,
        grain=args.grain,
        start=args.start,
        end=args.end,
        where=args.where,
        engine=args.engine,
    )
    rows = answer.rows[: args.limit]
    if args.json:
        results = [dict(zip(answer.columns, row, strict=True)) for row in rows]
        print_json({"results": results, "count": len(answer.rows)})
        return 0
    say(table(answer.columns, rows))
    if len(rows) < len(answer.rows):
        say(f"{len(rows):,} of {len(answer.rows):,} rows. `--limit` shows more.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.core.metric import SavedMetric
    from pwh_assets.services.semantic import remove_metric

    found = remove_metric(open_project(args), args.project, args.name, force=args.force)
    name = found.definition.key if isinstance(found, SavedMetric) else found.name
    if args.json:
        print_json({"name": name, "removed": True})
    else:
        say(f"Removed `{name}`.")
    return 0


def _export(args: argparse.Namespace) -> int:
    from pwh_assets.services.semantic import export_document, export_metricflow

    platform = open_project(args)
    if args.metricflow:
        text = export_metricflow(platform, args.project, args.name)
    else:
        text = export_document(platform, args.project)
    return print_document(text, as_json=args.json)
