"""`pwh hogql compile`: JSON lines of HogQL in, each engine's SQL out."""

import argparse
import time
from typing import Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import print_json_line
from pwh_assets.cli.inputs import error_object, json_lines
from pwh_assets.cli.query import ENGINES


def register(groups: Groups) -> None:
    nouns = group(groups, "hogql", "the query language")
    compiling = command(
        nouns, "compile", "JSON lines {id, sql} in, compiled SQL out", _compile, facts=False
    )
    compiling.add_argument("--engine", choices=ENGINES, help="whose SQL (default PWH_WAREHOUSE)")


def _compile(args: argparse.Namespace) -> int:
    from pwh_assets.hogql import compile as compile_hogql
    from pwh_assets.services.catalog import build_catalog

    platform = open_project(args)
    catalog = build_catalog(platform, args.project)
    engine = args.engine or platform.settings.warehouse
    for query_id, sql, problem in json_lines():
        answer: dict[str, Any]
        if sql is None:
            error = {
                "code": "invalid_input",
                "message": problem,
                "start": None,
                "end": None,
                "hint": None,
            }
            print_json_line({"id": query_id, "ok": False, "error": error})
            continue
        started = time.perf_counter()
        try:
            plan = compile_hogql(sql, catalog, engine=engine)
            ms = round((time.perf_counter() - started) * 1000, 3)
            answer = {"id": query_id, "ok": True, "sql": plan.sql, "ms": ms}
        except Exception as failure:  # one bad text is an answer too
            answer = {"id": query_id, "ok": False, "error": error_object(failure)}
        print_json_line(answer)
    return 0
