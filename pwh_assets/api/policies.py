"""`access_policies/`, `pii/` and `deletion_requests/`: who may read what, personal data, and who is forgotten."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import ASKS, CHANGES
from pwh_assets.core.policy import AccessPolicy
from pwh_assets.services.policies import forgetting, managing, pii, tombstones
from pwh_assets.services.queries import Queries
from pwh_assets.store.policies import DeletionRequest, PiiFinding

router = APIRouter(tags=["policies"])
pii_router = APIRouter(tags=["policies"])
deletions_router = APIRouter(tags=["policies"])

Read = Annotated[Ask, asks("access_policy:read")]
Write = Annotated[Ask, asks("access_policy:write")]
Forget = Annotated[Ask, asks("person:write")]


class PolicyFields(BaseModel):
    """A rule for one table. All that bind a reader hold together."""

    name: str = Field(max_length=200, description="Another one of this name is replaced.")
    table: str = Field(max_length=200, description="A table or view.")
    to: list[str] = Field(description="Roles, `user:<name>`, or `*` for everybody.", max_length=200)
    exempt: list[str] = Field(
        default_factory=list, alias="except", description="Whom it does not bind.", max_length=200
    )
    deny: list[str] = Field(
        default_factory=list,
        description="Columns, or keys of JSON columns (`properties.email`); `*` is the table.",
        max_length=1000,
    )
    mask: dict[str, str] = Field(
        default_factory=dict, description="Column to `hash`, `null`, `partial` or `partial:3`."
    )
    rows: str | None = Field(
        default=None,
        max_length=10_000,
        description="HogQL condition; may use `{user.email}` and `{user.attributes.<name>}`.",
    )


class Policy(PolicyFields):
    """A policy as it is kept."""

    id: str


class Finding(BaseModel):
    """A column that looks like personal data."""

    id: str
    table: str = Field(description="Its name in HogQL.")
    column: str = Field(description="Or `column.key` inside JSON.")
    kind: str = Field(description="`email`, `phone`, `card`, `iban`, `ip`, or `name`.")
    mask: str = Field(description="The mask that is proposed.")
    looked_at: int = Field(description="Values that were looked at.")
    matched: int = Field(description="Those that were of the kind.")
    status: str = Field(description="`proposed`, `accepted` or `rejected`.")


class DeletionAsk(BaseModel):
    """Whom to forget."""

    person: str = Field(
        min_length=1,
        max_length=1000,
        description="A distinct id, an e-mail address or a person's id.",
    )


class Deletion(BaseModel):
    """How far a deletion request is."""

    id: str
    status: str = Field(description="`pending`, `running`, `completed` or `failed`.")
    report: dict[str, Any] = Field(description="Rows removed by table, and what was done beside.")
    requested_by: str = Field(description="Name of whoever asked.")
    created_at: str
    ended_at: str | None = Field(description="When it was completed, or failed for good.")
    latest_error: str | None


class Readmitted(BaseModel):
    """Whether somebody had been forgotten by that name."""

    readmitted: bool = Field(description="False when nobody of that name was forgotten.")


@router.get("/", summary="List policies")
def list_policies(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[Policy]:
    """By name."""
    return paging.page([_policy(each) for each in ask.platform.store.policies(ask.project_id)])


@router.post("/", status_code=201, summary="Make or replace a policy", responses=CHANGES)
def save_policy(ask: Write, body: PolicyFields) -> Policy:
    """It holds from the next query on."""
    given = managing.read_policy(body.model_dump(by_alias=True))
    return _policy(managing.save_policy(ask.platform, ask.project_id, given, ask.caller.name))


@router.get("/{policy_id}/", summary="One policy")
def show_policy(ask: Read, policy_id: str) -> Policy:
    """By id or name."""
    return _policy(managing.find_policy(ask.platform, ask.project_id, policy_id))


@router.delete("/{policy_id}/", status_code=204, summary="Remove a policy", responses=CHANGES)
def remove_policy(ask: Write, policy_id: str) -> None:
    """Those it bound see everything it hid, from the next query on."""
    managing.remove_policy(ask.platform, ask.project_id, policy_id)


@pii_router.get("/", summary="List what looks like personal data")
def list_findings(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[Finding]:
    """Proposals, and what was decided about earlier ones."""
    return paging.page([_finding(each) for each in ask.platform.store.pii_findings(ask.project_id)])


@pii_router.post("/scan/", summary="Look for personal data", responses=ASKS)
def scan(ask: Write, paging: Annotated[Paging, Depends()]) -> Page[Finding]:
    """At names of columns and a sample of values of every stored table. Values are not kept."""
    return paging.page([_finding(each) for each in pii.scan(ask.platform, ask.project_id)])


@pii_router.post("/{finding_id}/accept/", summary="Mask it", responses=CHANGES)
def accept(ask: Write, finding_id: str) -> Finding:
    """Makes a policy that binds editors and viewers."""
    return _finding(pii.accept(ask.platform, ask.project_id, finding_id, ask.caller.name))


@pii_router.post("/{finding_id}/reject/", summary="It is no personal data", responses=CHANGES)
def reject(ask: Write, finding_id: str) -> Finding:
    """It is not proposed again."""
    return _finding(ask.platform.store.decide_finding(ask.project_id, finding_id, "rejected"))


@deletions_router.get("/", summary="List deletion requests")
def list_deletions(ask: Forget, paging: Annotated[Paging, Depends()]) -> Page[Deletion]:
    """The newest first."""
    return paging.page([_deletion(each) for each in ask.platform.store.deletions(ask.project_id)])


@deletions_router.post("/", status_code=201, summary="Forget a person", responses=ASKS)
def forget(ask: Forget, request: Request, body: DeletionAsk) -> Deletion:
    """Done when it answers `completed`. One that failed or was cut off goes on with `resume`."""
    asked = forgetting.request(ask.platform, ask.project_id, body.person, ask.caller.name)
    return _carried_out(ask, request, asked)


@deletions_router.get("/{request_id}/", summary="One deletion request")
def show_deletion(ask: Forget, request_id: str) -> Deletion:
    """With its report."""
    return _deletion(ask.platform.store.deletion(ask.project_id, request_id))


@deletions_router.post("/{request_id}/resume/", summary="Go on with it", responses=ASKS)
def resume(ask: Forget, request: Request, request_id: str) -> Deletion:
    """Every step can be repeated."""
    asked = ask.platform.store.deletion(ask.project_id, request_id)
    return _carried_out(ask, request, asked)


@deletions_router.post("/readmit/", summary="Let somebody's rows in again", responses=CHANGES)
def readmit(ask: Forget, body: DeletionAsk) -> Readmitted:
    """For somebody who was forgotten and came back: syncs bring rows of this id or address again."""
    return Readmitted(
        readmitted=tombstones.readmit(ask.platform, ask.project_id, [body.person]) > 0
    )


def _carried_out(ask: Ask, request: Request, asked: DeletionRequest) -> Deletion:
    queries: Queries = request.app.state.queries
    queries.forget(ask.project_id)  # also so that no worker that rests holds copies open
    try:
        return _deletion(forgetting.carry_out(ask.platform, asked))
    finally:
        queries.forget(ask.project_id)


def _policy(policy: AccessPolicy) -> Policy:
    return Policy.model_validate(managing.as_dict(policy))


def _finding(found: PiiFinding) -> Finding:
    return Finding(
        id=found.id,
        table=found.table,
        column=found.column,
        kind=found.kind,
        mask=found.mask.value,
        looked_at=found.looked_at,
        matched=found.matched,
        status=found.status,
    )


def _deletion(asked: DeletionRequest) -> Deletion:
    return Deletion.model_validate(forgetting.as_dict(asked))
