"""Who may read what of a table: columns denied, values masked, rows kept; and how several policies become one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pwh_assets.core.access import Caller

EVERYBODY = "*"
ALL_COLUMNS = "*"
FACT = re.compile(r"\{\s*user\.([\w.]+)\s*\}")
"""`{user.email}`, `{user.role}`, `{user.attributes.region}` in a row condition."""


class Redaction(StrEnum):
    """What readers see in the place of a value, the strictest last."""

    PARTIAL = "partial"
    """The first `keep` characters and `***`."""
    HASH = "hash"
    """A keyed hash in hex: equal values stay equal, so that they can be counted and joined."""
    NULL = "null"


STRICTEST: Mapping[Redaction, int] = {kind: place for place, kind in enumerate(Redaction)}


@dataclass(frozen=True, slots=True)
class ColumnMask:
    """A column, or a key of a JSON column written `properties.email`, that readers see changed."""

    column: str
    kind: Redaction
    keep: int = 3
    """For `partial`: how many characters stay."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """One rule for one table. It takes away; nothing in it gives."""

    id: str
    name: str
    table: str
    to: tuple[str, ...]
    """Whom it binds: roles, `user:<name>`, or `*` for everybody, owners too."""
    exempt: tuple[str, ...] = ()
    """Whom it does not bind although `to` names them, in the same words."""
    deny: tuple[str, ...] = ()
    """Columns, or keys of JSON columns, that do not exist for them; `*` is the whole table."""
    masks: tuple[ColumnMask, ...] = ()
    rows: str | None = None
    """HogQL condition every row they see meets."""
    created_at: datetime | None = None
    created_by: str = ""

    def binds(self, caller: Caller, project_id: int) -> bool:
        """Whether the policy is about this reader."""
        role = caller.roles.get(project_id)
        words = {EVERYBODY, f"user:{caller.name}".lower()}
        if role is not None:
            words.add(role.value)
        if email := caller.attributes.get("email"):
            words.add(f"user:{email}".lower())
        named = {word.lower() for word in self.to}
        free = {word.lower() for word in self.exempt}
        return bool(words & named) and not words & free


@dataclass(frozen=True, slots=True)
class TableRules:
    """Everything that holds for one reader and one table."""

    denied: frozenset[str] = frozenset()
    """`folded`."""
    masks: tuple[ColumnMask, ...] = ()
    """One per column, `folded`, ordered by name."""
    rows: tuple[str, ...] = ()
    """All of them hold."""
    facts: Mapping[str, str | None] = field(default_factory=dict)
    """What `rows` ask about the reader; None for what is not known, and then no row is shown."""

    @property
    def is_hidden(self) -> bool:
        return ALL_COLUMNS in self.denied


def folded(name: str) -> str:
    """A column's name in lower case; the key behind its dot is as JSON has it.

    >>> folded("Email"), folded("Properties.Email")
    ('email', 'properties.Email')
    """
    column, dot, key = name.partition(".")
    return column.lower() + dot + key


def combine(policies: Iterable[AccessPolicy], facts: Mapping[str, str]) -> TableRules:
    """Several policies for one table as one: every one of them holds, whatever their order.

    Denied is what one of them denies; of two masks the stricter counts; a row is seen when all conditions hold.
    """
    denied: set[str] = set()
    masks: dict[str, ColumnMask] = {}
    rows: dict[str, None] = {}
    for policy in policies:
        denied.update(folded(name) for name in policy.deny)
        for mask in policy.masks:
            one = ColumnMask(folded(mask.column), mask.kind, mask.keep)
            masks[one.column] = _stricter(masks.get(one.column), one)
        if policy.rows:
            rows[policy.rows] = None
    kept = tuple(mask for name, mask in sorted(masks.items()) if name not in denied)
    asked = {name for text in rows for name in FACT.findall(text)}
    known = {name: facts.get(name) for name in sorted(asked)}
    return TableRules(frozenset(denied), kept, tuple(sorted(rows)), known)


def _stricter(one: ColumnMask | None, other: ColumnMask) -> ColumnMask:
    if one is None or STRICTEST[other.kind] > STRICTEST[one.kind]:
        return other
    if one.kind is other.kind and other.keep < one.keep:
        return other
    return one


def facts_of(caller: Caller, project_id: int) -> dict[str, str]:
    """What row conditions may ask about a reader, by the name behind `user.`."""
    role = caller.roles.get(project_id)
    facts = {
        "name": caller.name,
        "role": role.value if role else "",
    }
    if caller.user_id:
        facts["id"] = caller.user_id
    if email := caller.attributes.get("email"):
        facts["email"] = email
    return facts | {f"attributes.{name}": value for name, value in caller.attributes.items()}
