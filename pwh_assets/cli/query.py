"""`pwh query`: run HogQL and print the answer."""

import argparse
import csv
import sys
from collections.abc import Callable
from typing import Any

from pwh_assets.cli.arguments import ENGINES, Groups, command, number, open_project
from pwh_assets.cli.console import count, note, plain, print_json, print_json_line, say, table
from pwh_assets.cli.inputs import read_sql
from pwh_assets.cli.lines import answer_lines
from pwh_assets.errors import InvalidInputError

FORMATS = ("table", "json", "jsonl", "csv", "arrow", "parquet")
EXPORTS = ("jsonl", "csv", "arrow", "parquet")
"""Formats made for files: they carry every row, not the first hundred."""


def register(groups: Groups) -> None:
    parser = command(groups, "query", "run HogQL and print the answer", _query)
    parser.add_argument("sql", metavar="SQL", nargs="?", help="the query, or - for standard input")
    parser.add_argument("--format", choices=FORMATS, help="how rows are printed (default table)")
    parser.add_argument("--engine", choices=ENGINES, help="where it runs (default PWH_WAREHOUSE)")
    parser.add_argument(
        "--limit", type=number("limit", 1, 50_000), help="rows of a query without LIMIT"
    )
    parser.add_argument(
        "--explain", action="store_true", help="show the plan instead of running it"
    )
    parser.add_argument("--batch", action="store_true", help="JSON lines {id, sql} in, answers out")


def _query(args: argparse.Namespace) -> int:
    if args.batch:
        if args.sql not in (None, "-"):
            raise InvalidInputError(
                "sql", "`--batch` reads JSON lines from standard input. Leave the SQL out."
            )
        return _batch(args)
    if args.sql is None:
        raise InvalidInputError(
            "sql", "There is no SQL. Write it in quotes, or `-` to read standard input."
        )
    sql = read_sql(args.sql)
    platform = open_project(args)
    if args.explain:
        from pwh_assets.services.hogql.query import explain

        return _print_explanation(args, explain(platform, args.project, sql, engine=args.engine))
    kind = args.format or ("json" if args.json else "table")
    if kind in ("arrow", "parquet") and sys.stdout.isatty():
        raise InvalidInputError(
            "format",
            f"{kind.title()} is binary. Send it to a file: `pwh query … --format {kind} > rows.{kind}`.",
        )
    from pwh_assets.services.hogql.query import DEFAULT_LIMIT, run_query

    export = kind in EXPORTS and args.limit is None
    result = run_query(
        platform,
        args.project,
        sql,
        engine=args.engine,
        export=export,
        limit=args.limit or DEFAULT_LIMIT,
    )
    _PRINTERS[kind](result)
    if kind == "table":
        rows = len(result.rows)
        cut = "the first " if rows and rows == result.plan.limit else ""
        note(f"{cut}{count(rows, 'row')}, {result.ms:.0f} ms on {result.plan.engine}")
    return 0


def _batch(args: argparse.Namespace) -> int:
    from pwh_assets.services.hogql.query import DEFAULT_LIMIT, run_query

    platform = open_project(args)
    limit = args.limit or DEFAULT_LIMIT

    def answer(sql: str) -> dict[str, Any]:
        result = run_query(platform, args.project, sql, engine=args.engine, limit=limit)
        return {
            "columns": list(result.columns),
            "rows": [list(row) for row in result.rows],
            "ms": round(result.ms, 3),
        }

    return answer_lines(answer)


def _print_table(result: Any) -> None:
    say(table(list(result.columns), [list(row) for row in result.rows]))


def _print_json(result: Any) -> None:
    print_json_line(
        {
            "columns": list(result.columns),
            "types": [str(kind) for kind in result.types],
            "rows": [list(row) for row in result.rows],
            "ms": round(result.ms, 3),
            "engine": result.plan.engine,
        }
    )


def _print_json_lines(result: Any) -> None:
    names = list(result.columns)
    for row in result.rows:
        print_json_line(dict(zip(names, row, strict=True)))


def _print_csv(result: Any) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(result.columns)
    for row in result.rows:
        out.writerow("" if value is None else _csv(value) for value in row)


def _csv(value: Any) -> Any:
    import json

    shown = plain(value)
    return json.dumps(shown, ensure_ascii=False) if isinstance(shown, dict | list | bool) else shown


def _print_arrow(result: Any) -> None:
    import pyarrow as pa

    rows = result.arrow()
    with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as stream:
        stream.write_table(rows)
    sys.stdout.buffer.flush()


def _print_parquet(result: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(result.arrow(), sys.stdout.buffer)
    sys.stdout.buffer.flush()


_PRINTERS: dict[str, Callable[[Any], None]] = {
    "table": _print_table,
    "json": _print_json,
    "jsonl": _print_json_lines,
    "csv": _print_csv,
    "arrow": _print_arrow,
    "parquet": _print_parquet,
}


def _print_explanation(args: argparse.Namespace, found: Any) -> int:
    if args.json or args.format == "json":
        print_json(found)
        return 0
    say(f"engine   {found.engine}")
    say(f"names    {', '.join(found.tables) or 'no table'}")
    say(f"reads    {', '.join(found.physical) or 'no table'}")
    say(f"gives    {', '.join(f'{name} {kind}' for name, kind in found.columns)}")
    if found.limit:
        say(f"limit    {found.limit:,}")
    say()
    say(found.sql)
    return 0
