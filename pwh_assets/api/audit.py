"""`activity_log/`: who did and asked what, for admins."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.core.audit import AuditFilter, KeptEntry, Outcome
from pwh_assets.services.audit import verify_chain

router = APIRouter(tags=["audit log"])

Read = Annotated[Ask, asks("activity_log:read")]


class Entry(BaseModel):
    """One event. Fields without a value are null."""

    seq: int = Field(description="Place in the project's chain, from 1 without gaps.")
    hash: str = Field(description="SHA-256 over the entry and the hash before it.")
    at: str = Field(description="When it was written, UTC.")
    action: str = Field(
        description="The scope that was used, `query`, `refused`, or `cli:` and a command."
    )
    phase: str = Field(
        description="`start`, `finish`, or `whole` for what began and ended at once."
    )
    outcome: str = Field(description="`begun`, `done`, `failed` or `refused`.")
    operation: str = Field(description="Shared by a start and its finish.")
    is_unfinished: bool = Field(description="A start whose finish is not there: it runs, or died.")
    actor: str | None = Field(
        None, description="Name of a person, label of a key, or a local user."
    )
    user_id: str | None = Field(None, description="Of the person; null for a project's own key.")
    key_id: str | None = Field(None, description="Never the key.")
    address: str | None = Field(None, description="Where the request came from.")
    user_agent: str | None = Field(None, description="What the client calls itself.")
    request_id: str | None = Field(None, description="`X-Request-Id` of the request.")
    method: str | None = Field(None, description="Of the HTTP request.")
    path: str | None = Field(None, description="Without the query string.")
    status: int | None = Field(None, description="HTTP status of the answer.")
    code: str | None = Field(None, description="Of the error.")
    ms: float | None = Field(None, description="How long it took.")
    rows: int | None = Field(None, description="In the answer.")
    bytes: int | None = Field(None, description="In the answer.")
    is_cached: bool | None = Field(None, description="Of a query: whether the cache answered.")
    query: str | None = Field(None, description="The text that was asked.")
    tables: list[str] = Field(description="Tables and views the text names.")
    item: str | None = Field(
        None, description="What it was done to; of a refusal, what was missing."
    )
    repeats: int | None = Field(
        None, description="Refusals before this one that were only counted."
    )


class Chain(BaseModel):
    """Whether the log is what was written."""

    is_whole: bool = Field(description="Nothing was changed, removed, moved or added.")
    entries: int = Field(description="Entries that were checked.")
    first_seq: int = Field(description="The first that is here; older ones are in sealed exports.")
    seq: int = Field(description="Number of the last entry.")
    hash: str = Field(description="Hash of the last entry. Keep it elsewhere to prove more later.")
    problem: str | None = Field(None, description="The first place where it breaks.")


@router.get("/", summary="Read the audit log")
def list_entries(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    actor: Annotated[str, Query(description="Who.", max_length=300)] = "",
    action: Annotated[
        str,
        Query(description="Such as `query`, `refused`, `warehouse_view`, `cli`.", max_length=300),
    ] = "",
    outcome: Annotated[Outcome | None, Query(description="How it ended.")] = None,
    table: Annotated[str, Query(description="A table or view that was read.", max_length=300)] = "",
    since: Annotated[datetime | None, Query(description="Not before.")] = None,
    until: Annotated[datetime | None, Query(description="Before.")] = None,
    unfinished: Annotated[
        bool, Query(description="Only starts without a finish: running, or cut off by a crash.")
    ] = False,
) -> Page[Entry]:
    """Newest first. Entries of queries come within a tenth of a second."""
    which = AuditFilter(actor, action, outcome, table, since, until, unfinished)
    entries, count = ask.platform.store.audit_page(
        ask.project_id, which, paging.limit, paging.offset
    )
    return paging.of([Entry.model_validate(entry_facts(one)) for one in entries], count)


@router.get("/verify/", summary="Prove the audit log whole")
def verify(ask: Read) -> Chain:
    """Reads every entry: about a second per 50,000."""
    report = verify_chain(ask.platform, ask.project_id)
    return Chain(
        is_whole=report.problem is None,
        entries=report.entries,
        first_seq=report.first_seq,
        seq=report.seq,
        hash=report.hash,
        problem=report.problem.sentence if report.problem else None,
    )


def entry_facts(kept: KeptEntry) -> dict[str, Any]:
    entry = kept.entry
    names = set(Entry.model_fields) - {"seq", "hash", "is_unfinished", "at", "tables", "actor"}
    return {
        "seq": kept.seq,
        "hash": kept.hash,
        "is_unfinished": kept.is_unfinished,
        "at": entry.at.isoformat(),
        "tables": list(entry.tables),
        "actor": entry.actor or None,
        **{name: getattr(entry, name) for name in names},
    }
