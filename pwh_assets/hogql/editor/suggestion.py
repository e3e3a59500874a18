"""One completion, and how well a name fits what was typed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pwh_assets.hogql.parser.tokens import CLAUSES, CONSTANTS, RESERVED, kind_of
from pwh_assets.hogql.written import written_name


class Kind(StrEnum):
    """What a suggestion is; the values are PostHog's."""

    TABLE = "Folder"
    COLUMN = "Variable"
    JOIN = "Reference"
    PROPERTY = "Property"
    FUNCTION = "Function"
    KEYWORD = "Keyword"
    ALIAS = "Text"
    TYPE = "TypeParameter"
    VALUE = "Value"
    VARIABLE = "Constant"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name to put in the place of the characters from `start` to `end` (exclusive)."""

    label: str
    insert_text: str
    kind: Kind
    start: int
    end: int
    detail: str = ""
    documentation: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As PostHog's `HogQLAutocomplete` has it, with the range to replace."""
        return {
            "label": self.label,
            "insertText": self.insert_text,
            "kind": self.kind.value,
            "detail": self.detail or None,
            "documentation": self.documentation or None,
            "start": self.start,
            "end": self.end,
        }


@dataclass(frozen=True, slots=True)
class Offer:
    """A name that may stand at the cursor. `rank` orders those that fit equally well; lower is nearer."""

    label: str
    kind: Kind
    rank: int = 0
    detail: str = ""
    documentation: str = ""
    insert_text: str | None = None
    """The label, in backquotes where it needs them, unless given."""
    also: tuple[str, ...] = ()
    """Other spellings it is found by; the one that fits is shown."""


def fit(typed: str, name: str) -> int | None:
    """How well a name fits lower-case letters typed; lower is better, None not at all.

    The name begins with them (0), a word of it does (1), it holds them (2), or has them in order (3).

    >>> fit("ev", "events"), fit("id", "person_id"), fit("vent", "events"), fit("sui", "sumUniqIf"), fit("x", "events")
    (0, 1, 2, 3, None)
    """
    if not typed:
        return 0
    folded = name.lower()
    if folded.startswith(typed):
        return 0
    place = folded.find(typed)
    if place < 0:
        return 3 if len(typed) > 1 and _holds_in_order(typed, folded) else None
    while place > 0:
        if not folded[place - 1].isalnum() or name[place].isupper():
            return 1
        place = folded.find(typed, place + 1)
    return 2


def _holds_in_order(typed: str, name: str) -> bool:
    if name[:1] != typed[:1] and name.lstrip("_$")[:1] != typed[:1]:
        return False
    letters = iter(name)
    return all(letter in letters for letter in typed)


def ranked(
    offers: Iterable[Offer], typed: str, start: int, end: int, most: int
) -> tuple[list[Suggestion], bool]:
    """The offers that fit, best first and each label once; and whether there were more than `most`."""
    folded = typed.lower()
    found: list[tuple[tuple[int, int, int, str], str, Offer]] = []
    for offer in offers:
        for label, score in _fits(offer, folded):
            exact = 0 if label.lower() == folded else 1
            found.append(((score, exact, offer.rank, label.lower()), label, offer))
            break
    found.sort(key=lambda one: one[0])
    seen: set[tuple[str, Kind]] = set()
    kept: list[Suggestion] = []
    for _, label, offer in found:
        if (label, offer.kind) in seen:
            continue
        if len(kept) == most:
            return kept, True
        seen.add((label, offer.kind))
        text = offer.insert_text if offer.insert_text is not None else quoted(label)
        kept.append(
            Suggestion(label, text, offer.kind, start, end, offer.detail, offer.documentation)
        )
    return kept, False


def _fits(offer: Offer, typed: str) -> Iterator[tuple[str, int]]:
    """The spelling that fits best, with its score; the first one wins a draw."""
    best: tuple[str, int] | None = None
    for label in (offer.label, *offer.also):
        score = fit(typed, label)
        if score is not None and (best is None or score < best[1]):
            best = label, score
    if best is not None:
        yield best


def quoted(label: str) -> str:
    """A dotted name as a text has it, each part in backquotes where it needs them."""
    return ".".join(quoted_name(part) for part in label.split("."))


def quoted_name(part: str) -> str:
    return written_name(part, kind_of(part) in RESERVED | CONSTANTS | CLAUSES)
