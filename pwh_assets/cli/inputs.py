"""Reading what a user hands to a command: files, standard input, JSON, SQL."""

import json
import sys
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


def read_json(name: str) -> Any:
    """The JSON of a file or of standard input. Raises InvalidInputError saying where it breaks."""
    text = read_text(name)
    shown = "Standard input" if name == "-" else f"`{name}`"
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            "file",
            f"{shown} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. Mend it there.",
        ) from None
    except RecursionError:
        raise InvalidInputError(
            "file", f"{shown} is nested too deeply to be read as JSON."
        ) from None


def read_sql(given: str) -> str:
    """SQL as it was typed, or of standard input for `-`. Raises InvalidInputError when there is none."""
    text = read_text("-", "sql") if given == "-" else given
    if not text.strip():
        raise InvalidInputError(
            "sql", "There is no SQL. Write it in quotes, or `-` to read standard input."
        )
    return text


def split_word(word: str, attr: str, shape: str = "NAME=VALUE") -> tuple[str, str]:
    """The two sides of a word's first `=`. Raises InvalidInputError when there is none, or nothing before it."""
    name, mark, value = word.partition("=")
    if not mark or not name.strip():
        raise InvalidInputError(attr, f"`{word}` is not {shape}.")
    return name, value


def read_variables(given: list[str]) -> dict[str, Any]:
    """`NAME=VALUE` words as values by name: JSON where a value is JSON, else text. Raises InvalidInputError."""
    found: dict[str, Any] = {}
    for word in given:
        name, text = split_word(word, "variable")
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found
