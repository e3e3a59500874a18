"""Values out of their written form: strings, quoted names, numbers."""

import re
from typing import Final

_ESCAPES: Final = {
    "b": "\b",
    "f": "\f",
    "r": "\r",
    "n": "\n",
    "t": "\t",
    "0": "",
    "a": "\a",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "`": "`",
    "{": "{",
}
_ESCAPE = re.compile(r"\\(.)|(''|\"\"|``)", re.DOTALL)
_WRONG_ESCAPE = re.compile(r"\\(?:\\|[bfrnt0avBFRNTAV']|[xX][0-9a-fA-F]{2})|(\\.)", re.DOTALL)


def string_text(raw: str) -> str:
    r"""The text of a string literal, quotes included in `raw`.

    >>> string_text(r"'it''s\tx'")
    "it's\tx"
    """
    inner = raw[1:-1] if len(raw) > 1 and raw[-1] == raw[0] else raw[1:]
    if "\\" not in inner and "''" not in inner:
        return inner
    return _unescape(inner, "''")


def name_text(raw: str) -> str:
    """The name inside backquotes or double quotes."""
    quote = raw[0]
    inner = raw[1:-1] if len(raw) > 1 and raw[-1] == quote else raw[1:]
    if "\\" not in inner and quote not in inner:
        return inner
    return _unescape(inner, quote * 2)


def template_text(raw: str) -> str:
    """A piece of a template string."""
    return _unescape(raw, "''")


def _unescape(inner: str, doubled: str) -> str:
    def one(found: re.Match[str]) -> str:
        letter, pair = found.group(1), found.group(2)
        if pair is not None:
            return pair[0] if pair == doubled else pair
        return _ESCAPES.get(letter.lower(), "\\" + letter)

    return _ESCAPE.sub(one, inner)


def wrong_escape(raw: str) -> str | None:
    r"""The first backslash pair of a string that HogQL does not know, as `\d` in `'\d'`."""
    for found in _WRONG_ESCAPE.finditer(raw, 1):
        if found.group(1):
            return found.group(1)
    return None


def number_text(raw: str) -> str:
    """A number the way every engine reads it: hexadecimal and binary become decimal.

    >>> number_text("0x1F"), number_text("0b11"), number_text("017"), number_text("5.")
    ('31', '3', '17', '5.0')
    """
    if raw.isdigit():
        return raw.lstrip("0") or "0"
    lowered = raw.lower()
    if lowered.startswith("0x"):
        if "p" in lowered:
            return repr(float.fromhex(lowered))
        return str(int(lowered, 16))
    if lowered.startswith("0b"):
        return str(int(lowered, 2))
    if lowered.endswith("."):
        return lowered + "0"
    return ("0" + lowered if lowered.startswith(".") else lowered).replace(".e", ".0e")
