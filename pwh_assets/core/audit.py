"""What the audit log keeps of everything that was done or asked, and the hash that ties an entry to the one before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

HOME_CHAIN = 0
"""The chain of what belongs to no project: refused keys, logins, organisations."""
GENESIS = "0" * 64
"""What the first entry of a chain follows."""
MOST_TEXT = 100_000
"""Characters of a query that are kept; of a longer one the beginning, its length and its SHA-256."""


class Phase(StrEnum):
    START = "start"
    """Written before the work; without a FINISH of the same operation the work never ended."""
    FINISH = "finish"
    WHOLE = "whole"
    """Begun and ended at once: an answer from the cache, a refusal."""


class Outcome(StrEnum):
    """How an event ended."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    """Nobody with this key may do this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One event. No field ever holds a credential or the body of a request."""

    project_id: int
    """`HOME_CHAIN` for what belongs to no project."""
    action: str
    """The scope that was used, such as `warehouse_view:write`; `query`; `cli:` and a command; `refused`."""
    phase: Phase
    outcome: Outcome
    operation: str
    """Shared by a START and its FINISH."""
    at: datetime
    actor: str = ""
    """Who: name of a person or label of a key; `cli:` and the user of the machine; empty for nobody known."""
    user_id: str | None = None
    key_id: str | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    method: str | None = None
    path: str | None = None
    """Without the query string."""
    status: int | None = None
    code: str | None = None
    """Of the error."""
    ms: float | None = None
    rows: int | None = None
    bytes: int | None = None
    is_cached: bool | None = None
    query: str | None = None
    tables: tuple[str, ...] = ()
    item: str | None = None
    """What it was done to, where a name is known."""
    repeats: int | None = None
    """Refusals of the same address since the entry before that were counted and not written one by one."""

    def body(self) -> str:
        """Canonical JSON of everything but the place in the chain; fields without a value are left out."""
        found: dict[str, Any] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is None or value == () or value == "":
                continue
            found[name] = value
        found["at"] = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return json.dumps(found, sort_keys=True, separators=(",", ":"))

    @classmethod
    def of(cls, body: str) -> "AuditEntry":
        """The entry a body was made from."""
        found: Mapping[str, Any] = json.loads(body)
        known = {name: found[name] for name in _NAMES if name in found}
        known["at"] = datetime.fromisoformat(known["at"])
        known["phase"], known["outcome"] = Phase(known["phase"]), Outcome(known["outcome"])
        known["tables"] = tuple(known.get("tables", ()))
        return cls(**known)


_NAMES = tuple(field.name for field in fields(AuditEntry))


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry in its place."""

    seq: int
    """From 1, without gaps."""
    previous: str
    """Hash of the entry before."""
    hash: str
    entry: AuditEntry
    is_unfinished: bool = False
    """A START whose FINISH is not there."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends and where it begins now; signed, so that a chain computed anew does not fit it."""

    project_id: int
    seq: int
    hash: str
    anchor_seq: int
    """The last entry that was exported and let go; 0 while all are here."""
    anchor_hash: str
    signature: str

    @property
    def signed_text(self) -> str:
        return f"{self.project_id}:{self.seq}:{self.hash}:{self.anchor_seq}:{self.anchor_hash}"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; an empty field leaves everything through."""

    actor: str = ""
    action: str = ""
    """The action, or its beginning before `:`."""
    outcome: Outcome | None = None
    table: str = ""
    since: datetime | None = None
    until: datetime | None = None
    unfinished: bool = False
    """Only what was begun and did not end."""


def link(project_id: int, seq: int, previous: str, body: str) -> str:
    """The hash of an entry: it depends on every entry before."""
    return hashlib.sha256(f"{project_id}\n{seq}\n{previous}\n{body}".encode()).hexdigest()


def kept_text(text: str) -> str:
    """A query as it is kept.

    >>> kept_text("SELECT 1")
    'SELECT 1'
    """
    if len(text) <= MOST_TEXT:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:MOST_TEXT]}… ({len(text)} characters, SHA-256 {digest})"
