"""Reading what people write for an option: names, lists, numbers, words out of a few."""

from collections.abc import Callable, Mapping
from typing import Any

from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.quality.base import EXAMPLES, MOST_EXAMPLES, Kind, Option
from pwh_assets.services.quality.words import plain

_SCALARS = (str, int, float, bool)


def text(attr: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(attr, f"`{attr}` is empty or no text.")
    return value.strip()


def texts(attr: str, value: Any) -> list[str]:
    """One name or several."""
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise InvalidInputError(attr, f"`{attr}` is empty: name at least one.")
    return list(dict.fromkeys(text(attr, each) for each in listed))


def values(attr: str, value: Any) -> list[Any]:
    """Plain values, at least one; NULL is not among them."""
    listed = plain(value if isinstance(value, list) else [value])
    if not listed:
        raise InvalidInputError(
            attr, f"`{attr}` is empty: no row could ever pass. List the values."
        )
    for each in listed:
        if not isinstance(each, _SCALARS):
            raise InvalidInputError(
                attr, f"`{attr}` may hold texts, numbers and true or false, not `{each}`."
            )
    return list(listed)


def number(attr: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(attr, f"`{attr}` is `{value}`; it is a number.")
    return float(value) if isinstance(value, float) else int(value)


def whole(least: int, most: int | None = None) -> Callable[[str, Any], int]:
    """A whole number within bounds."""

    def read(attr: str, value: Any) -> int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or value < least or (most is not None and value > most):
            bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
            raise InvalidInputError(attr, f"`{attr}` is `{value}`; it is a whole number {bounds}.")
        return int(value)

    return read


def truth(attr: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInputError(attr, f"`{attr}` is `{value}`; it is true or false.")
    return value


def one_of(*words: str) -> Callable[[str, Any], str]:
    def read(attr: str, value: Any) -> str:
        if value not in words:
            raise InvalidInputError(attr, f"`{attr}` is `{value}`; it is one of {quoted(words)}.")
        return str(value)

    return read


COMMON = (
    Option(
        "examples",
        f"How many failing rows to show, 0 to {MOST_EXAMPLES}; {EXAMPLES} by default.",
        whole(0, MOST_EXAMPLES),
    ),
)
"""Options every kind has."""


def read_options(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they are kept: checked, with `column` and `columns` meaning the same where one is wanted.

    Raises:
        InvalidInputError: one is unknown, missing or not what it has to be.
    """
    known = {option.name: option for option in (*kind.options, *COMMON)}
    given = {name: value for name, value in given.items() if value is not None}
    _allow_both_numbers(kind, given, known)
    for name in given:
        if name not in known:
            near = nearest(name, list(known))
            hint = f"Did you mean `{near}`?" if near else f"It takes {quoted(list(known))}."
            raise InvalidInputError(name, f"A `{kind.name}` check takes no `{name}`. {hint}")
    found = {}
    for option in known.values():
        if option.name in given:
            found[option.name] = option.read(option.name, given[option.name])
        elif option.is_required:
            raise InvalidInputError(
                option.name, f"A `{kind.name}` check needs `{option.name}`: {option.about}"
            )
        elif option.default is not None:
            found[option.name] = option.default
    return found


def _allow_both_numbers(kind: Kind, given: dict[str, Any], known: Mapping[str, Option]) -> None:
    """`column: a` where `columns` is wanted, and `columns: [a]` where `column` is."""
    if "columns" in known and "column" not in known and "column" in given:
        columns = given.setdefault("columns", [])
        columns = columns if isinstance(columns, list) else [columns]
        one = given.pop("column")
        given["columns"] = [*columns, *(one if isinstance(one, list) else [one])]
    elif "column" in known and "columns" not in known and "columns" in given:
        columns = given.pop("columns")
        if not isinstance(columns, list):
            columns = [columns]
        if len(columns) != 1:
            raise InvalidInputError(
                "columns", f"A `{kind.name}` check looks at one column, not {len(columns)}."
            )
        given.setdefault("column", columns[0])
