"""The finder of personal data: names of columns and samples of values lead to proposals that a person decides about."""

import ipaddress
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pwh_assets.core.policy import AccessPolicy, ColumnMask, Redaction
from pwh_assets.errors import NotFoundError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.hidden import hidden_columns
from pwh_assets.services.policies.sampling import LONGEST_TEXT, Sampled, sample
from pwh_assets.store.policies import PiiFinding

if TYPE_CHECKING:
    from pwh_assets.lake import Lake

MOST_KEYS = 1_000
"""Keys of one JSON column that are looked at."""
LEAST_SHARE = 0.3
"""Of the sampled values that are not empty, so many have to be of a kind."""

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>]{2,}")
_PHONE = re.compile(
    r"\+[1-9][\d\s().-]{6,18}\d|00[1-9]\d{0,2}[\s().-][\d\s().-]{4,15}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}"
)
"""Digits alone are as likely an id."""
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_MASKED = re.compile(r"[0-9a-f]{64}|.*\*\*\*", re.DOTALL)
"""What masks of ours leave of a value: its keyed hash, or its beginning."""
_NAMES = re.compile(
    r"(?:^|_)(ssn|social_security|passport|birth|birthday|birthdate|birth_date|dob|first_?name|last_?name|full_?name"
    r"|surname|maiden_?name|street|address|zip|postcode|postal_code|tax_id|national_id|iban|card_number|e_?mail"
    r"|phone|mobile|ip|ip_address)(?:$|_)"
)


def is_card(text: str) -> bool:
    """A payment card's number, by its length and Luhn's digit.

    >>> is_card("4242 4242 4242 4242"), is_card("4242 4242 4242 4241")
    (True, False)
    """
    if not _CARD.fullmatch(text):
        return False
    digits = [int(letter) for letter in text if letter.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = [d if i % 2 == 0 else sum(divmod(d * 2, 10)) for i, d in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """An IBAN whose checksum holds.

    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    if not _IBAN.fullmatch(text):
        return False
    plain = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_ip(text: str) -> bool:
    if "." not in text and ":" not in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


KINDS: Mapping[str, tuple[Callable[[str], bool], Redaction]] = {
    "email": (lambda text: _EMAIL.fullmatch(text) is not None, Redaction.HASH),
    "iban": (is_iban, Redaction.NULL),
    "card": (is_card, Redaction.NULL),
    "ip": (is_ip, Redaction.HASH),
    "phone": (lambda text: _PHONE.fullmatch(text) is not None, Redaction.HASH),
}
"""What values can be, the most certain first, and the mask that is proposed."""


@dataclass(slots=True)
class Tally:
    """What the values of one column look like. No value is kept."""

    looked_at: int = 0
    masked: int = 0
    matched: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        text = text.strip()
        if not text:
            return
        self.looked_at += 1
        if _MASKED.fullmatch(text):
            self.masked += 1
            return
        for kind, (is_one, _) in KINDS.items():
            if is_one(text):
                self.matched[kind] += 1

    def kind(self, name: str) -> tuple[str, int] | None:
        """What it is, by its values or else its name, with how many values say so; None when nothing speaks for
        personal data, or all of it is masked already.

        >>> found = Tally()
        >>> for text in ("a@example.com", "b@example.com", "none"):
        ...     found.add(text)
        >>> found.kind("contact"), Tally().kind("birthDate"), Tally().kind("contact")
        (('email', 2), ('name', 0), None)
        """
        for kind in KINDS:
            matched = self.matched[kind]
            if matched and matched >= LEAST_SHARE * self.looked_at:
                return kind, matched
        if self.looked_at and self.masked == self.looked_at:
            return None
        spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().lstrip("$")
        return ("name", 0) if _NAMES.search(spelled) else None


def scan(platform: Platform, project_id: int) -> list[PiiFinding]:
    """Look at every stored table and keep proposals. What was accepted or rejected stays so and is listed too, unless
    the mask of what was accepted is gone: that is proposed anew.
    """
    catalog = build_catalog(platform, project_id)
    lake, store = platform.lakes.of(project_id), platform.store
    stored: dict[tuple[str, ...], set[str]] = {
        (table.schema, table.name): {column.name for column in table.columns}
        for table in lake.tables()
    }
    is_hidden = hidden_columns(platform, project_id, catalog)
    found: list[PiiFinding] = []
    for table in catalog.tables:
        if table.is_hidden or table.view_sql is not None or table.physical not in stored:
            continue
        columns = [
            Sampled(column.name, column.type.name)
            for column in table.columns
            if column.name in stored[table.physical] and not is_hidden(table, column.name)
        ]
        found += [
            one
            for one in _look(lake, table.name, table.physical, columns)
            if not is_hidden(table, one.column)
        ]
    named = {(one.table, one.column) for one in found}
    for one in store.pii_findings(project_id):
        if one.status == "accepted" and (one.table, one.column) in named:
            store.decide_finding(project_id, one.id, "proposed")
    store.keep_findings(project_id, found)
    return store.pii_findings(project_id)


def _look(
    lake: "Lake", table: str, place: Sequence[str], columns: Sequence[Sampled]
) -> Iterator[PiiFinding]:
    """What the columns' names and values give away."""
    tallies = {column.name: Tally() for column in columns}
    keys: dict[str, dict[str, Tally]] = {
        column.name: {} for column in columns if column.type == "JSON"
    }
    asked = [column for column in columns if column.has_values]
    if asked:
        with lake.read() as connection:
            for rows in sample(connection, place, asked):
                for column, values in zip(asked, zip(*rows, strict=True), strict=False):
                    _count(values, tallies[column.name], keys.get(column.name))
    for name, tally in tallies.items():
        if name not in keys:
            yield from _findings(table, name, name, tally)
            continue
        for key, one in sorted(keys[name].items()):
            if "." not in key:
                yield from _findings(table, f"{name}.{key}", key, one)


def _count(values: Iterable[Any], tally: Tally, keys: dict[str, Tally] | None) -> None:
    """The values into a column's tally, or each key's of a JSON column."""
    for value in values:
        if keys is not None:
            for key, text in _texts(value):
                if key in keys or len(keys) < MOST_KEYS:
                    keys.setdefault(key, Tally()).add(text)
        elif _is_text(value):
            tally.add(str(value))


def accept(platform: Platform, project_id: int, finding_id: str, by: str) -> PiiFinding:
    """Mask what was found for editors and viewers: the policy `pii <table>` grows by the column.

    Raises:
        NotFoundError.
    """
    store = platform.store
    found = next((one for one in store.pii_findings(project_id) if one.id == finding_id), None)
    if found is None:
        raise NotFoundError("finding", finding_id)
    name = f"pii {found.table}"
    old = next((one for one in store.policies(project_id) if one.name == name), None)
    kept = tuple(mask for mask in (old.masks if old else ()) if mask.column != found.column)
    masks = (*kept, ColumnMask(found.column, found.mask))
    to = old.to if old else ("editor", "viewer")
    policy = AccessPolicy(
        "",
        name,
        found.table,
        to,
        old.exempt if old else (),
        old.deny if old else (),
        masks,
        old.rows if old else None,
    )
    store.save_policy(project_id, policy, by)
    return store.decide_finding(project_id, found.id, "accepted")


def as_dict(found: PiiFinding) -> dict[str, Any]:
    return {
        "id": found.id,
        "table": found.table,
        "column": found.column,
        "kind": found.kind,
        "mask": found.mask.value,
        "looked_at": found.looked_at,
        "matched": found.matched,
        "status": found.status,
    }


def _findings(table: str, column: str, name: str, tally: Tally) -> Iterator[PiiFinding]:
    if seen := tally.kind(name):
        kind, matched = seen
        mask = KINDS[kind][1] if kind in KINDS else Redaction.NULL
        found_id = str(uuid.uuid4())
        yield PiiFinding(found_id, table, column, kind, mask, tally.looked_at, matched)


def _is_text(value: Any) -> bool:
    """Numbers are looked at too: a card may be stored as one. Flags are not."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Each key of a JSON object with its text."""
    try:
        document = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return
    if isinstance(document, dict):
        for key, inner in document.items():
            if _is_text(inner):
                yield str(key), str(inner)[:LONGEST_TEXT]
