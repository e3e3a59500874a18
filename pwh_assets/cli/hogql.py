"""`pwh hogql`: compiling, and what an editor asks: completions, mistakes, layout, schema, functions."""

import argparse
import time
from typing import Any

from pwh_assets.cli.arguments import ENGINES, Groups, command, group, number, open_project
from pwh_assets.cli.console import count, print_json, say, table
from pwh_assets.cli.inputs import read_sql, read_variables
from pwh_assets.cli.lines import answer_lines


def register(groups: Groups) -> None:
    nouns = group(groups, "hogql", "the query language")
    compiling = command(
        nouns, "compile", "JSON lines {id, sql} in, compiled SQL out", _compile, facts=False
    )
    compiling.add_argument("--engine", choices=ENGINES, help="whose SQL (default PWH_WAREHOUSE)")
    completing = command(nouns, "complete", "what may stand at a place of a text", _complete)
    completing.add_argument("sql", metavar="SQL", help="the text so far, or - for standard input")
    completing.add_argument(
        "--at",
        type=number("place", 0),
        metavar="N",
        help="characters before the cursor (default: all)",
    )
    _variables(completing)
    checking = command(
        nouns, "metadata", "mistakes, fixes, warnings and types of a text", _metadata
    )
    checking.add_argument("sql", metavar="SQL", help="the text, or - for standard input")
    checking.add_argument("--engine", choices=ENGINES, help="for which (default PWH_WAREHOUSE)")
    checking.add_argument("--explain", action="store_true", help="also engine, tables and SQL")
    _variables(checking)
    formatting = command(nouns, "format", "lay a text out anew", _format)
    formatting.add_argument("sql", metavar="SQL", help="the text, or - for standard input")
    schema = command(nouns, "schema", "every table with its fields and joins", _schema)
    schema.add_argument("tables", metavar="TABLE", nargs="*", help="only these")
    functions = command(nouns, "functions", "every function with what it gives", _functions)
    functions.add_argument("names", metavar="NAME", nargs="*", help="only those that hold this")


def _variables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--variable",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a value for {variables.NAME}; may be repeated",
    )


def _compile(args: argparse.Namespace) -> int:
    from pwh_assets.hogql import compile as compile_hogql
    from pwh_assets.services.hogql.catalog import build_catalog

    platform = open_project(args)
    catalog = build_catalog(platform, args.project)
    engine = args.engine or platform.settings.warehouse

    def compiled(sql: str) -> dict[str, Any]:
        started = time.perf_counter()
        plan = compile_hogql(sql, catalog, engine=engine)
        return {"sql": plan.sql, "ms": round((time.perf_counter() - started) * 1000, 3)}

    return answer_lines(compiled)


def _complete(args: argparse.Namespace) -> int:
    from pwh_assets.cli.inputs import read_text
    from pwh_assets.services.hogql.editor import complete

    text = read_text("-", "sql") if args.sql == "-" else args.sql
    values = read_variables(args.variable)
    offset = len(text) if args.at is None else args.at
    found = complete(open_project(args), args.project, text, offset, values)
    if args.json:
        print_json(found.as_dict())
        return 0
    rows = [(one.label, one.kind.name.lower(), one.detail) for one in found.suggestions]
    say(table(("suggestion", "kind", "detail"), rows) if rows else "Nothing fits here.")
    if found.is_incomplete:
        say("… and more: type on.")
    return 0


def _metadata(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.editor import metadata

    text = read_sql(args.sql)
    found = metadata(
        open_project(args),
        args.project,
        text,
        engine=args.engine,
        variables=read_variables(args.variable),
        explain=args.explain,
    )
    if args.json:
        print_json(found.as_dict())
        return 0 if found.is_valid else 2
    for kind, notices in (("error", found.errors), ("warning", found.warnings)):
        for notice in notices:
            before = text[: notice.start]
            line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
            fix = f" Fix: `{notice.fix}`." if notice.fix is not None else ""
            say(f"{kind} {line}:{column}  {notice.message}{fix}")
    if found.is_valid:
        say(f"reads    {', '.join(found.table_names) or 'no table'}")
        say(f"gives    {', '.join(f'{name} {kind}' for name, kind in found.columns)}")
    for key in ("engine", "reads", "limit"):
        if found.explain.get(key):
            value = found.explain[key]
            say(f"{key:8} {', '.join(value) if isinstance(value, list) else value}")
    if found.explain:
        say()
        say(found.explain["sql"])
    return 0 if found.is_valid else 2


def _format(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.editor import format_text

    text = format_text(read_sql(args.sql))
    if args.json:
        print_json({"query": text})
    else:
        say(text.rstrip("\n"))
    return 0


def _schema(args: argparse.Namespace) -> int:
    from pwh_assets.errors import NotFoundError
    from pwh_assets.services.hogql.catalog import build_catalog
    from pwh_assets.services.hogql.editor import schema

    platform = open_project(args)
    found = schema(platform, args.project)
    if args.tables:
        by_name = build_catalog(platform, args.project).by_name
        wanted: list[str] = []
        for name in args.tables:
            known = by_name.get(name.lower())
            if known is None or known.name not in found["tables"]:
                raise NotFoundError("table", name, "`pwh hogql schema` lists all.")
            wanted.append(known.name)
        found["tables"] = {name: found["tables"][name] for name in wanted}
        found["joins"] = [one for one in found["joins"] if one["source_table_name"] in wanted]
    if args.json:
        print_json(found)
    elif args.tables:
        for name, facts in found["tables"].items():
            say(f"{name}  {facts['description']}".rstrip())
            rows = [
                (
                    f["name"],
                    f["type"] if "table" not in f else f"→ {f['table']}",
                    f.get("description", ""),
                )
                for f in facts["fields"].values()
            ]
            say(table(("field", "type", "description"), rows))
    else:
        listed = [
            (name, facts["type"], len(facts["fields"]), facts["row_count"], facts["status"] or "")
            for name, facts in found["tables"].items()
        ]
        say(table(("table", "kind", "fields", "rows", "status"), listed))
    return 0


def _functions(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.editor import functions

    wanted = [name.lower() for name in args.names]
    found = [
        one
        for one in functions()
        if not wanted or any(w in n.lower() for w in wanted for n in (one["name"], *one["aliases"]))
    ]
    if args.json:
        print_json({"results": found, "count": len(found)})
    else:
        say(
            table(
                ("function", "what it gives"), [(f["signature"], f["description"]) for f in found]
            )
        )
        say(count(len(found), "function"))
    return 0
