"""Reading what a user hands to a command: files, standard input, JSON, SQL."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pwh_assets.errors import InvalidInputError


def read_text(name: str, attr: str = "file") -> str:
    """The text of a file, or of standard input for `-`. Raises InvalidInputError."""
    try:
        if name == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        return Path(name).read_text("utf-8")
    except UnicodeDecodeError:
        raise InvalidInputError(attr, f"`{name}` is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise InvalidInputError(
            attr, f"`{name}` cannot be read: {reason}. Name a file, or `-` for standard input."
        ) from None


def read_json(name: str, attr: str = "file") -> Any:
    """The JSON of a file or of standard input. Raises InvalidInputError saying where it breaks."""
    text = read_text(name, attr)
    shown = "Standard input" if name == "-" else f"`{name}`"
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            attr,
            f"{shown} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. Mend it there.",
        ) from None
    except RecursionError:
        raise InvalidInputError(attr, f"{shown} is nested too deeply to be read as JSON.") from None


def read_sql(given: str) -> str:
    """SQL as it was typed, or of standard input for `-`. Raises InvalidInputError when there is none."""
    text = read_text("-", "sql") if given == "-" else given
    if not text.strip():
        raise InvalidInputError(
            "sql", "There is no SQL. Write it in quotes, or `-` to read standard input."
        )
    return text


def json_lines() -> Iterator[tuple[Any, str | None, str | None]]:
    """`(id, sql, problem)` per line of standard input; `problem` says why a line cannot be used."""
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
        yield line.get("id"), line["sql"], None


def error_object(error: Exception) -> dict[str, Any]:
    """An error as the JSON-lines commands print it."""
    from pwh_assets.errors import PwhError
    from pwh_assets.services.scrub import scrub

    problems = getattr(error, "problems", None)
    if problems:
        first = problems[0]
        return {
            "code": first.code,
            "message": first.message,
            "start": first.start,
            "end": first.end,
            "hint": first.hint,
        }
    is_ours = isinstance(error, PwhError)
    message = str(error) if is_ours else f"{type(error).__name__}: {scrub(str(error))}"
    code = error.code if isinstance(error, PwhError) else "internal"
    return {"code": code, "message": message, "start": None, "end": None, "hint": None}


def read_variables(given: list[str]) -> dict[str, Any]:
    """`NAME=VALUE` words as values by name: JSON where a value is JSON, else text. Raises InvalidInputError."""
    found: dict[str, Any] = {}
    for word in given:
        name, mark, text = word.partition("=")
        if not mark or not name:
            raise InvalidInputError("variable", f"`{word}` is not NAME=VALUE.")
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found
