"""Commands that answer JSON lines: one `{id, sql}` in, one answer out, and one process for all."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from pwh_assets.cli.console import print_json_line
from pwh_assets.errors import PwhError


def answer_lines(answer: Callable[[str], dict[str, Any]]) -> int:
    """Print what is answered to each line of standard input. What fails is an answer too, so the status is 0."""
    for query_id, sql, problem in _lines():
        if sql is None:
            line = {"ok": False, "error": _error("invalid_input", problem)}
        else:
            try:
                line = {"ok": True, **answer(sql)}
            except Exception as failure:  # whatever one line does, the next one is answered
                line = {"ok": False, "error": _error_of(failure)}
        print_json_line({"id": query_id, **line})
    return 0


def _lines() -> Iterator[tuple[Any, str | None, str]]:
    """`(id, sql, problem)` per line of standard input; `problem` says why a line without SQL cannot be used."""
    for raw in sys.stdin.buffer:
        if not raw.strip():
            continue
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            yield None, None, 'The line is not JSON. Write {"id": …, "sql": "…"}.'
            continue
        if not isinstance(line, dict) or not isinstance(line.get("sql"), str):
            found = line.get("id") if isinstance(line, dict) else None
            yield found, None, 'The line has no text `sql`. Write {"id": …, "sql": "…"}.'
            continue
        yield line.get("id"), line["sql"], ""


def _error_of(failure: Exception) -> dict[str, Any]:
    from pwh_assets.services.scrub import scrub

    if problems := getattr(failure, "problems", None):
        first = problems[0]
        return _error(first.code, first.message, first.start, first.end, first.hint)
    if isinstance(failure, PwhError):
        return _error(failure.code, str(failure))
    return _error("internal", f"{type(failure).__name__}: {scrub(str(failure))}")


def _error(
    code: str, message: str, start: int | None = None, end: int | None = None, hint: Any = None
) -> dict[str, Any]:
    return {"code": code, "message": message, "start": start, "end": end, "hint": hint}
