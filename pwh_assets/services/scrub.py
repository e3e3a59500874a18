"""Texts that may carry a credential, made fit to be shown, logged and stored."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

from pwh_assets.core.nested import value_at
from pwh_assets.errors import PwhError, SourceError
from pwh_assets.sources.base import SourceType, secret_fields

HIDDEN = "***"
_IN_URL = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]{0,31}://[^\s/:@]*):[^\s/@]+@")
"""A scheme's length is bounded so that a long word is not looked through once per letter."""
_NAMED = re.compile(
    r"(?P<name>\b(?:password|passwd|pwd|api_?key|secret|token|private_key)\b['\"]?\s*[=:]\s*)"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s,;)'\"]+)",
    re.IGNORECASE,
)


def secret_values(source_type: SourceType, config: Mapping[str, Any]) -> list[str]:
    """Every text in the config's secret fields, longest first."""
    found = [
        text
        for name in secret_fields(source_type)
        for text in _texts(value_at(config, name))
        if text.strip()
    ]
    return sorted(set(found), key=len, reverse=True)


def scrub(text: str, values: list[str] | tuple[str, ...] = ()) -> str:
    """The text with these values, passwords in URLs and `password=…` hidden.

    >>> scrub("could not reach postgresql://app:hunter2@db/x with password=hunter2")
    'could not reach postgresql://app:***@db/x with password=***'
    """
    for value in values:
        for form in {value, quote(value, safe=""), quote_plus(value), repr(value)[1:-1]}:
            text = text.replace(form, HIDDEN)
    text = _IN_URL.sub(rf"\g<scheme>:{HIDDEN}@", text)
    return _NAMED.sub(rf"\g<name>{HIDDEN}", text)


@contextmanager
def scrubbed(source_type: SourceType, config: Mapping[str, Any]) -> Iterator[None]:
    """Around every call into a source: what it raises is one of our errors and shows no credential.

    Raises:
        PwhError: the source's own, scrubbed; anything else as a SourceError.
    """
    values = secret_values(source_type, config)
    try:
        yield
    except PwhError as error:
        error.args = tuple(
            scrub(arg, values) if isinstance(arg, str) else arg for arg in error.args
        )
        error.__cause__ = error.__context__ = None
        raise
    except Exception as error:
        lines = scrub(str(error), values).strip().splitlines()
        cause = lines[0].rstrip(".") if lines else type(error).__name__
        raise SourceError(
            f"{source_type.label} could not be read: {cause} ({type(error).__name__}). "
            "Check the source's fields and that it is up."
        ) from None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
        yield from (line for line in value.splitlines() if len(line) > 8 and line != value)
