"""`/api/personal_api_keys/`, `project_secret_keys/` and `capture_keys/`: keys, each shown once."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from pwh_assets.api.context import Ask, PersonAsk, asks, asks_as_caller
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.people_models import KeyMade, KeyOut, PersonalKeyNew, Rotation, SecretKeyNew
from pwh_assets.services.people import keys
from pwh_assets.store.keys import ApiKey, KeyKind

personal_router = APIRouter(tags=["personal keys"])
secret_router = APIRouter(tags=["project secret keys"])
capture_router = APIRouter(tags=["capture keys"])

Mine = Annotated[PersonAsk, asks_as_caller()]
Read = Annotated[Ask, asks("project:write")]
Write = Annotated[Ask, asks("project:write")]


@personal_router.get("/", summary="List my keys")
def list_personal_keys(ask: Mine, paging: Annotated[Paging, Depends()]) -> Page[KeyOut]:
    """Those that were not revoked."""
    user = keys.only_people(ask.platform, ask.caller)
    return paging.page([_shown(one) for one in keys.personal_keys(ask.platform, user.id)])


@personal_router.post("/", status_code=201, summary="Make a key")
def create_personal_key(ask: Mine, body: PersonalKeyNew) -> KeyMade:
    """It does what its person may, within its scopes and projects."""
    made = keys.make_personal_key(
        ask.platform, ask.caller, body.label, body.scopes, body.scoped_teams, body.expires_at
    )
    return _made(made)


@personal_router.delete("/{key_id}/", status_code=204, summary="Revoke a key")
def revoke_personal_key(ask: Mine, key_id: str) -> None:
    """It opens nothing from now on."""
    user = keys.only_people(ask.platform, ask.caller)
    keys.revoke(ask.platform, keys.personal_keys(ask.platform, user.id), key_id)


@secret_router.get("/", summary="List keys of servers")
def list_secret_keys(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[KeyOut]:
    """Those that were not revoked."""
    return paging.page(_of_project(ask, KeyKind.SECRET))


@secret_router.post("/", status_code=201, summary="Make a key for a server")
def create_secret_key(ask: Write, body: SecretKeyNew) -> KeyMade:
    """One project, and exactly its scopes; each has to be allowed to the caller."""
    made = keys.make_secret_key(
        ask.platform, ask.caller, ask.project_id, body.label, body.scopes, body.expires_at
    )
    return _made(made)


@secret_router.delete("/{key_id}/", status_code=204, summary="Revoke a key of a server")
def revoke_secret_key(ask: Write, key_id: str) -> None:
    """It opens nothing from now on."""
    found = keys.project_keys(ask.platform, ask.project_id, KeyKind.SECRET)
    keys.revoke(ask.platform, found, key_id)


@capture_router.get("/", summary="List capture keys")
def list_capture_keys(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[KeyOut]:
    """The newest, and older ones in their grace."""
    return paging.page(_of_project(ask, KeyKind.CAPTURE))


@capture_router.post("/rotate/", status_code=201, summary="Rotate the capture key")
def rotate_capture_key(ask: Write, request: Request, body: Rotation) -> KeyMade:
    """A new one; the ones before go on for the grace."""
    grace = timedelta(seconds=body.grace_seconds)
    made = keys.rotate_capture_key(ask.platform, ask.project_id, grace)
    request.app.state.capture.forget_keys()
    return _made(made)


@capture_router.delete("/{key_id}/", status_code=204, summary="Revoke a capture key")
def revoke_capture_key(ask: Write, request: Request, key_id: str) -> None:
    """Events that carry it are refused from now on."""
    found = keys.project_keys(ask.platform, ask.project_id, KeyKind.CAPTURE)
    keys.revoke(ask.platform, found, key_id)
    request.app.state.capture.forget_keys()


def _of_project(ask: Ask, kind: KeyKind) -> list[KeyOut]:
    return [_shown(one) for one in keys.project_keys(ask.platform, ask.project_id, kind)]


def _shown(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate(_facts(key))


def _made(made: keys.NewKey) -> KeyMade:
    return KeyMade.model_validate({**_facts(made.key), "value": made.plain})


def _facts(key: ApiKey) -> dict[str, object]:
    only = key.only_projects
    return {
        "id": key.id,
        "label": key.label,
        "mask_value": f"{key.kind.value}…{key.ending}",
        "scopes": list(key.scopes),
        "scoped_teams": None if only is None else list(only),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }
