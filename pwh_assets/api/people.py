"""`/api/users/@me/` and `/api/organizations/`: people, members and invitations."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from pwh_assets.api.context import PersonAsk, address_of, asks_as_caller, asks_organization
from pwh_assets.api.links import public_url
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.people_models import (
    InviteMade,
    InviteNew,
    InviteOut,
    Me,
    MeChange,
    MemberChange,
    MemberOut,
    Named,
    OrganizationOut,
    ProjectOut,
)
from pwh_assets.core.access import Caller, Role
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.people import login
from pwh_assets.services.people import members as people
from pwh_assets.services.people.access import PermissionDeniedError
from pwh_assets.services.platform import Platform
from pwh_assets.store.logins import Invitation
from pwh_assets.store.people import Member
from pwh_assets.store.projects import Project

users_router = APIRouter(tags=["people"])
router = APIRouter(tags=["organizations"])

Mine = Annotated[PersonAsk, asks_as_caller()]
Read = Annotated[PersonAsk, asks_organization("organization:read")]
Write = Annotated[PersonAsk, asks_organization("organization:write")]


@users_router.get("/@me/", summary="Who am I")
def show_me(ask: Mine) -> Me:
    """The person behind a personal key or a login, with the organisations and projects they see."""
    return _me(ask)


@users_router.patch("/@me/", summary="Change my password")
def change_me(ask: Mine, body: MeChange, request: Request) -> Me:
    """Every login ends, this one too."""
    login.change_password(
        ask.platform, ask.caller, body.current_password, body.password, address_of(request)
    )
    return _me(ask)


@router.get("/", summary="List my organizations")
def list_organizations(ask: Mine, paging: Annotated[Paging, Depends()]) -> Page[OrganizationOut]:
    """Those the caller has a role in; no others exist for them."""
    return paging.page(_organizations(ask))


@router.post("/", status_code=201, summary="Make an organization")
def create_organization(ask: Mine, body: Named) -> OrganizationOut:
    """For owners of another one; the caller owns it."""
    if "*" not in ask.caller.scopes and "organization:write" not in ask.caller.scopes:
        raise PermissionDeniedError(
            "organization:write", "the key was not given this scope.", "scope", ask.caller
        )
    made = people.add_organization(ask.platform, ask.caller, body.name)
    return OrganizationOut(
        id=made.id, name=made.name, membership_role=Role.OWNER, created_at=made.created_at
    )


@router.get("/{organization_id}/", summary="One organization")
def show_organization(ask: Read) -> OrganizationOut:
    """Its name, and the caller's role in it."""
    return _organization(ask)


@router.patch("/{organization_id}/", summary="Rename an organization")
def change_organization(ask: Write, body: Named) -> OrganizationOut:
    """Give it another name."""
    ask.platform.store.rename_organization(ask.organization_id, people.named(body.name))
    return _organization(ask)


@router.get("/{organization_id}/members/", summary="List members")
def list_members(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[MemberOut]:
    """Everybody with a role in the organisation or in one of its projects."""
    found = people.members(ask.platform, ask.organization_id)
    return paging.page([_member(one) for one in found])


@router.patch("/{organization_id}/members/{user_id}/", summary="Change a member")
def change_member(ask: Write, user_id: str, body: MemberChange) -> MemberOut:
    """Another role, in all of the organisation or in one project, and facts for row policies."""
    if body.role is None and body.attributes is None:
        raise InvalidInputError("role", "Give a `role`, `attributes` or both.")
    found = people.member(ask.platform, ask.organization_id, user_id)
    if body.role is not None:
        found = people.set_role(
            ask.platform, ask.caller, ask.organization_id, found.user.id, body.role, body.project
        )
    if body.attributes is not None:
        people.set_member_attributes(
            ask.platform, ask.caller, ask.organization_id, found, body.attributes
        )
    return _member(people.member(ask.platform, ask.organization_id, found.user.id))


@router.delete("/{organization_id}/members/{user_id}/", status_code=204, summary="Remove a member")
def remove_member(ask: Write, user_id: str) -> None:
    """Their roles, logins and keys end at once."""
    people.remove_member(ask.platform, ask.caller, ask.organization_id, user_id)


@router.get("/{organization_id}/invites/", summary="List invitations")
def list_invites(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[InviteOut]:
    """Those still open."""
    found = ask.platform.store.invitations(ask.organization_id)
    return paging.page([InviteOut.model_validate(_invite(one)) for one in found])


@router.post("/{organization_id}/invites/", status_code=201, summary="Invite somebody")
def create_invite(ask: Write, body: InviteNew, request: Request) -> InviteMade:
    """The token and a text to send are answered, this once."""
    made = login.invite(
        ask.platform,
        ask.caller,
        ask.organization_id,
        body.email,
        body.role,
        body.project,
        timedelta(seconds=body.expires_in),
        public_url(request),
    )
    return InviteMade.model_validate(
        {**_invite(made.invitation), "token": made.token, "mail": made.mail}
    )


@router.delete(
    "/{organization_id}/invites/{invite_id}/", status_code=204, summary="Withdraw an invitation"
)
def remove_invite(ask: Write, invite_id: str) -> None:
    """Its token opens nothing any more."""
    login.withdraw_invitation(ask.platform, ask.organization_id, invite_id)


def shown_project(caller: Caller, project: Project) -> ProjectOut:
    return ProjectOut(
        id=project.id,
        name=project.name,
        organization=project.organization_id,
        role=caller.roles.get(project.id),
        created_at=project.created_at,
    )


def visible_projects(platform: Platform, caller: Caller) -> list[ProjectOut]:
    found = platform.store.projects()
    return [shown_project(caller, one) for one in found if caller.sees(one.id)]


def _me(ask: PersonAsk) -> Me:
    user = ask.platform.store.user_of_id(ask.caller.user_id) if ask.caller.user_id else None
    if user is None:
        raise PermissionDeniedError("*", "a server's key has no person.", "scope", ask.caller)
    organizations, projects = _organizations(ask), visible_projects(ask.platform, ask.caller)
    return Me(
        uuid=user.id,
        first_name=user.name,
        email=user.email,
        has_password=user.has_password,
        scopes=sorted(ask.caller.scopes),
        attributes=dict(ask.caller.attributes),
        organization=organizations[0] if organizations else None,
        organizations=organizations,
        team=projects[0] if projects else None,
        projects=projects,
    )


def _organizations(ask: PersonAsk) -> list[OrganizationOut]:
    roles = ask.caller.organizations
    return [
        OrganizationOut(
            id=one.id, name=one.name, membership_role=roles[one.id], created_at=one.created_at
        )
        for one in ask.platform.store.organizations()
        if one.id in roles
    ]


def _organization(ask: PersonAsk) -> OrganizationOut:
    return next(one for one in _organizations(ask) if one.id == ask.organization_id)


def _member(found: Member) -> MemberOut:
    return MemberOut(
        id=found.user.id,
        name=found.user.name,
        email=found.user.email,
        role=found.role,
        projects=dict(found.projects),
        attributes=dict(found.user.attributes),
    )


def _invite(found: Invitation) -> dict[str, object]:
    return {
        "id": found.id,
        "email": found.email,
        "role": found.role,
        "project": found.project_id,
        "invited_by": found.invited_by,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
    }
