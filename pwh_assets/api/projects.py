"""`/api/projects/`: the tenants of a home."""

from typing import Annotated

from fastapi import APIRouter, Depends

from pwh_assets.api.context import Ask, PersonAsk, asks, asks_as_caller
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.people import shown_project, visible_projects
from pwh_assets.api.people_models import Named, ProjectNew, ProjectOut
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.people import members as people
from pwh_assets.services.people.access import allow_in_organization

router = APIRouter(tags=["projects"])

Mine = Annotated[PersonAsk, asks_as_caller()]
Read = Annotated[Ask, asks("project:read")]
Write = Annotated[Ask, asks("project:write")]


@router.get("/", summary="List my projects")
def list_projects(ask: Mine, paging: Annotated[Paging, Depends()]) -> Page[ProjectOut]:
    """Those the key or login opens; no others exist for it."""
    return paging.page(visible_projects(ask.platform, ask.caller))


@router.post("/", status_code=201, summary="Make a project")
def create_project(ask: Mine, body: ProjectNew) -> ProjectOut:
    """For admins of its organisation. It begins empty, with a lake of its own."""
    roles = ask.caller.organizations
    wanted = body.organization
    if wanted is None:
        if len(roles) > 1:
            raise InvalidInputError("organization", "Say which organisation it is for.")
        wanted = next(iter(roles), "")
    if wanted not in roles:
        raise NotFoundError("organization", wanted)
    allow_in_organization(ask.caller, "project:write", wanted)
    made = people.add_project(ask.platform, wanted, body.name)
    return ProjectOut(
        id=made.id,
        name=made.name,
        organization=made.organization_id,
        role=roles[wanted],
        created_at=made.created_at,
    )


@router.get("/@current/", summary="My first project")
def show_current(ask: Mine) -> ProjectOut:
    """The one a key is for, or the first of the caller's."""
    found = visible_projects(ask.platform, ask.caller)
    if not found:
        raise NotFoundError("project", "@current")
    return found[0]


@router.get("/{project_id}/", summary="One project")
def show_project(ask: Read) -> ProjectOut:
    """Its name, its organisation and the caller's role in it."""
    return shown_project(ask.caller, people.project(ask.platform, ask.project_id))


@router.patch("/{project_id}/", summary="Rename a project")
def change_project(ask: Write, body: Named) -> ProjectOut:
    """Give it another name; names of tables and assets stay."""
    found = people.rename_project(ask.platform, ask.project_id, body.name)
    return shown_project(ask.caller, found)


@router.delete("/{project_id}/", status_code=204, summary="Remove a project")
def remove_project(ask: Write) -> None:
    """Nobody sees it any more and its keys end; its rows stay on disk. The last one of a home stays."""
    people.remove_project(ask.platform, ask.project_id)
