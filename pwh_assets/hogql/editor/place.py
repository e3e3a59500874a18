"""Where a cursor stands in a text: the word being typed, the names left of it, the brackets around it.

Works on tokens, so a text that does not parse yet is as good as one that does.
"""

import re
from dataclasses import dataclass
from typing import Final

from pwh_assets.hogql.parser import tokenize
from pwh_assets.hogql.parser.literals import name_text, string_text
from pwh_assets.hogql.parser.tokens import CLOSERS, KEYWORDS, NAMES, OPENERS, Tokens

_COMMENT = re.compile(r"--[^\r\n]*|//[^\r\n]*|#[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
WORDS: Final = KEYWORDS | {"name", "quoted"}
_QUOTED: Final = frozenset({"string", "quoted"})
_DOTS: Final = frozenset({".", "?."})


@dataclass(slots=True)
class Place:
    """A cursor's surroundings."""

    tokens: Tokens
    offset: int
    typed: str
    """What of the word stands left of the cursor, without its quote."""
    start: int
    end: int
    """The characters a suggestion replaces."""
    before: int
    """The last token before the word; -1 at the beginning."""
    quote: str = ""
    """`'` inside a string, a backquote or `"` inside a quoted name."""
    chain: tuple[str | int, ...] | None = None
    """The names before the dot the word follows; None without a dot, empty where they are no names."""
    chain_start: int = 0
    is_comment: bool = False
    is_number: bool = False

    @property
    def previous(self) -> str:
        """Kind of the token before the word, `` at the beginning."""
        return self.tokens.kinds[self.before] if self.before >= 0 else ""

    def kind(self, back: int) -> str:
        """Kind of the token `back` places before the word."""
        index = self.before - back
        return self.tokens.kinds[index] if index >= 0 else ""

    def stack(self) -> list[int]:
        """The brackets opened and not closed before the cursor, outermost first."""
        found: list[int] = []
        for index in range(self.before + 1):
            kind = self.tokens.kinds[index]
            if kind in OPENERS:
                found.append(index)
            elif kind in CLOSERS and found:
                found.pop()
        return found


def locate(text: str, offset: int) -> Place:
    """The place of a cursor; `offset` counts characters and is brought into the text."""
    offset = max(0, min(offset, len(text)))
    tokens = tokenize(text)
    index = _token_at(tokens, offset)
    if index is not None and tokens.kinds[index] in _QUOTED and _is_open(tokens, index):
        # An open string would swallow the rest: it ends at the cursor.
        text = f"{text[:offset]}{text[tokens.starts[index]]}{text[offset:]}"
        tokens = tokenize(text)
        index = _token_at(tokens, offset)
    if index is None:
        before = _last_before(tokens, offset)
        gap = text[tokens.ends[before] if before >= 0 else 0 : len(text)]
        base = tokens.ends[before] if before >= 0 else 0
        place = Place(tokens, offset, "", offset, offset, before)
        place.is_comment = any(
            base + found.start() < offset <= base + found.end()
            for found in _COMMENT.finditer(gap[: _next_start(tokens, before) - base])
        )
    else:
        place = _in_token(tokens, index, offset)
    if place.before >= 0 and tokens.kinds[place.before] in _DOTS and place.quote != "'":
        place.chain, first = chain_before(tokens, place.before)
        place.chain_start = tokens.starts[first]
    return place


def _token_at(tokens: Tokens, offset: int) -> int | None:
    """The word, string or number the cursor is in or right behind."""
    index = tokens.at(offset)
    kind = tokens.kinds[index]
    start, end = tokens.starts[index], tokens.ends[index]
    if kind == "end" or not start < offset <= end:
        return None
    if kind == "string":
        is_inside = offset < end or _is_open(tokens, index)
        return index if is_inside else None
    return index if kind in WORDS or kind in ("number", "bad") else None


def _is_open(tokens: Tokens, index: int) -> bool:
    source = tokens.source(index)
    return len(source) < 2 or source[-1] != source[0] or "\n" in source


def _last_before(tokens: Tokens, offset: int) -> int:
    index = -1
    for place, end in enumerate(tokens.ends):
        if end > offset or tokens.kinds[place] == "end":
            break
        index = place
    return index


def _next_start(tokens: Tokens, before: int) -> int:
    return tokens.starts[before + 1] if before + 1 < len(tokens) else len(tokens.text)


def _in_token(tokens: Tokens, index: int, offset: int) -> Place:
    start, end = tokens.starts[index], tokens.ends[index]
    raw = tokens.text[start:end]
    quote = raw[0] if raw[0] in "'`\"" else ""
    typed = tokens.text[start + len(quote) : offset]
    if quote == "'":
        closed = len(raw) > 1 and raw.endswith("'")
        return Place(tokens, offset, typed, start + 1, end - closed, index - 1, quote)
    place = Place(tokens, offset, typed, start, end, index - 1, quote)
    place.is_number = tokens.kinds[index] == "number"
    return place


def chain_before(tokens: Tokens, dot: int) -> tuple[tuple[str | int, ...], int]:
    """The names, positions and keys left of a dot, and the first token of them; none where it begins otherwise."""
    keys: list[str | int] = []
    index = dot - 1
    while index >= 0:
        kind = tokens.kinds[index]
        if kind in NAMES:
            keys.append(name_at(tokens, index))
        elif kind == "number" and tokens.source(index).isdigit():
            keys.append(int(tokens.source(index)))
        elif kind == "]" and index >= 2 and tokens.kinds[index - 2] == "[":
            key = tokens.kinds[index - 1]
            if key == "string":
                keys.append(string_text(tokens.source(index - 1)))
            elif key == "number" and tokens.source(index - 1).isdigit():
                keys.append(int(tokens.source(index - 1)))
            else:
                return (), dot
            index -= 3
            if index >= 0 and (tokens.kinds[index] in NAMES or tokens.kinds[index] == "]"):
                continue
            return (), dot
        else:
            return (), dot
        if index == 0 or tokens.kinds[index - 1] not in _DOTS:
            break
        index -= 2
    keys.reverse()
    return tuple(keys), max(index, 0)


def name_at(tokens: Tokens, index: int) -> str:
    raw = tokens.source(index)
    return name_text(raw) if tokens.kinds[index] == "quoted" else raw
