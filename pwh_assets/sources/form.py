"""Checking what was typed into a source's form against its fields."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.sources.base import Field


def checked(
    label: str, fields: Sequence[Field], config: Mapping[str, Any], path: str = ""
) -> dict[str, Any]:
    """The config with defaults filled in and every value of its field's kind.

    Text is stripped except in secrets, where a space may be meant. Names no field has are left out;
    inside a group they are refused. `path` stands before the names in errors.

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
                    f"{path}{field.name}", f"{label} needs `{path}{field.name}` ({field.label})."
                )
            values[field.name] = field.default
            continue
        if field.kind == "group":
            values[field.name] = _group(label, field, value, path)
        else:
            values[field.name] = _of_kind(replace(field, name=f"{path}{field.name}"), value)
    return values


def web_address(name: str, text: str, hint: str = "it must be an http(s) address.") -> str:
    """An http(s) address, without a slash at its end.

    Raises:
        InvalidInputError: it is none, or has a user, a query or a fragment; the sentence ends with the hint.
    """
    address = text.strip().rstrip("/")
    is_written = re.fullmatch(r"https?://[^/?#\s@\\%]+(/[^?#\s]*)?", address) is not None
    if not (is_written and _has_host(address)):
        raise InvalidInputError(name, f"`{name}` is `{text}`; {hint}")
    return address


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is none
        return False


def _group(label: str, field: Field, value: object, path: str) -> dict[str, Any]:
    here = f"{path}{field.name}"
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        raise InvalidInputError(here, f"`{here}` must be an object with fields of its own.")
    known = [inner.name for inner in field.fields]
    for name in value:
        if name not in known:
            near = nearest(str(name), known)
            hint = f"Did you mean `{near}`?" if near else f"It has {quoted(known)}."
            raise InvalidInputError(f"{here}.{name}", f"`{here}` has no field `{name}`. {hint}")
    return checked(label, field.fields, value, f"{here}.")


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
