"""JSON without loss: whole numbers of any size and decimals with every digit, read and written."""

import re
from decimal import Decimal
from typing import Any

import simplejson  # type: ignore[import-untyped, unused-ignore]

_HALF = re.compile(
    r"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F])"
)
"""Half of a character, written as JSON does."""


def loads(text: bytes | str) -> Any:
    """The value; numbers with a point or an exponent are Decimals. Raises ValueError.

    Half of a character, as programs leave that cut texts by length, is U+FFFD: no text can hold it.

    >>> loads('[12345678901234567890123, 0.10000000000000000001, 1e400]')
    [12345678901234567890123, Decimal('0.10000000000000000001'), Decimal('1E+400')]
    """
    import json

    has_halves = False
    if isinstance(text, bytes):
        raw, encoding = text, json.detect_encoding(text)
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            text, has_halves = raw.decode(encoding, "surrogatepass"), True
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_refused)
        return _mended(value) if has_halves or _HALF.search(text) else value
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def dumps(value: Any) -> str:
    """Compact JSON of what `loads` gave.

    >>> dumps({"a": Decimal("1.10"), "ä": [2**70]})
    '{"a":1.10,"ä":[1180591620717411303424]}'
    """
    text = simplejson.dumps(
        value, ensure_ascii=False, separators=(",", ":"), use_decimal=True, allow_nan=False
    )
    return str(text)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    return value


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
