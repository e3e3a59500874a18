"""The finder of personal data: names of columns and samples of values lead to proposals that a person decides about."""

import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pwh_assets.core.policy import AccessPolicy, ColumnMask, Redaction
from pwh_assets.errors import NotFoundError
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.platform import Platform
from pwh_assets.store.policies import PiiFinding

SAMPLE_ROWS = 500
LEAST_SHARE = 0.3
"""Of the sampled values that are not empty, so many have to be of a kind."""

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s.,;<>]{2,}")
_PHONE = re.compile(
    r"\+[1-9][\d\s().-]{6,18}\d|00[1-9]\d{0,2}[\s().-][\d\s().-]{4,15}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}"
)
"""Digits alone are as likely an id."""
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
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


def kind_of(name: str, values: Iterable[str]) -> tuple[str, int, int] | None:
    """Kind, values looked at and values matched of a column; None when nothing speaks for personal data.

    >>> kind_of("contact", ["a@example.com", "b@example.com", "none"])
    ('email', 3, 2)
    """
    texts = [text for text in (value.strip() for value in values) if text]
    for kind, (is_one, _) in KINDS.items():
        matched = sum(map(is_one, texts))
        if matched and matched >= LEAST_SHARE * len(texts):
            return kind, len(texts), matched
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().lstrip("$")
    return ("name", len(texts), 0) if _NAMES.search(spelled) else None


def scan(platform: Platform, project_id: int) -> list[PiiFinding]:
    """Look at every stored table and keep proposals. What was accepted or rejected stays so and is listed too."""
    catalog = build_catalog(platform, project_id)
    lake = platform.lakes.of(project_id)
    stored = {(table.schema, table.name) for table in lake.tables()}
    found: list[PiiFinding] = []
    for table in catalog.tables:
        if table.is_hidden or table.view_sql is not None or table.physical not in stored:
            continue
        schema, name = table.physical
        with lake.read() as connection:
            answer = connection.execute(
                f"SELECT * FROM {ALIAS}.{quote(schema)}.{quote(name)} LIMIT {SAMPLE_ROWS}"
            )
            names = [column[0] for column in answer.description or ()]
            rows = answer.fetchall()
        documents = {c.name for c in table.columns if c.type.name == "JSON"}
        known = {column.name for column in table.columns}
        for place, column in enumerate(names):
            if column not in known:
                continue
            values = [row[place] for row in rows if row[place] is not None]
            if column in documents:
                parts = _keys(values)
                found += [
                    one
                    for key, texts in sorted(parts.items())
                    if (one := _finding(table.name, f"{column}.{key}", key, texts))
                ]
            elif one := _finding(
                table.name, column, column, [str(v) for v in values if _is_text(v)]
            ):
                found.append(one)
    platform.store.keep_findings(project_id, found)
    return platform.store.pii_findings(project_id)


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


def _finding(table: str, column: str, name: str, texts: Sequence[str]) -> PiiFinding | None:
    seen = kind_of(name, texts)
    if seen is None or (column.count(".") > 1):
        return None
    kind, looked_at, matched = seen
    mask = KINDS[kind][1] if kind in KINDS else Redaction.NULL
    return PiiFinding(str(uuid.uuid4()), table, column, kind, mask, looked_at, matched)


def _is_text(value: Any) -> bool:
    """Numbers are looked at too: a card may be stored as one. Times, flags and ids are not."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _keys(values: Iterable[Any]) -> dict[str, list[str]]:
    """The texts behind each key of JSON objects."""
    found: dict[str, list[str]] = {}
    for value in values:
        try:
            document = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            continue
        if isinstance(document, dict):
            for key, inner in document.items():
                if _is_text(inner):
                    found.setdefault(str(key), []).append(str(inner))
    return found
