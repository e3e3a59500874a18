"""Checking what was typed into a source's form against its fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.sources.base import Field


def checked(label: str, fields: Sequence[Field], config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with defaults filled in and every value of its field's kind.

    Text is stripped except in secrets, where a space may be meant. Names no field has are left out.

    Raises:
        InvalidInputError: naming the field that is missing or has a value it cannot have.
    """
    values = {}
    for field in fields:
        value = config.get(field.name)
        if isinstance(value, str) and not field.secret:
            value = value.strip()
        if value is None or value == "":
            if field.required and field.default is None:
                raise InvalidInputError(
                    field.name, f"{label} needs `{field.name}` ({field.label})."
                )
            values[field.name] = field.default
            continue
        values[field.name] = _of_kind(field, value)
    return values


def _of_kind(field: Field, value: object) -> Any:
    if field.kind == "number":
        return _number(field, value)
    if field.kind == "boolean":
        return _boolean(field, value)
    if field.kind == "json":
        return value
    if not isinstance(value, str):
        raise InvalidInputError(field.name, f"`{field.name}` must be a text.")
    if "\x00" in value:
        raise InvalidInputError(field.name, f"`{field.name}` may not contain a NUL character.")
    if field.options and value not in field.options:
        raise InvalidInputError(
            field.name,
            f"`{field.name}` is `{value}`; it can be {quoted(field.options)}.".replace(
                " and ", " or "
            ),
        )
    return value


def _number(field: Field, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.lstrip("-").isdecimal():
        raise InvalidInputError(field.name, f"`{field.name}` is `{value}`; it must be a number.")
    return int(text)


def _boolean(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise InvalidInputError(field.name, f"`{field.name}` is `{value}`; it must be true or false.")
