"""What a route is handed: the platform, the project of its path, and the caller who may ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from pwh_assets.core.access import Caller
from pwh_assets.errors import NotFoundError
from pwh_assets.services.access import UnauthenticatedError, allow, authenticate
from pwh_assets.services.platform import Platform


@dataclass(frozen=True, slots=True)
class Ask:
    """One allowed request in one project."""

    platform: Platform
    project_id: int
    caller: Caller


def platform_of(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


def caller_of(request: Request) -> Caller:
    """The caller; 401 without a valid key."""
    kept: Caller | None = getattr(request.state, "caller", None)
    if kept is None:
        key = _key(request)
        if not key:
            raise UnauthenticatedError
        address = request.client.host if request.client else ""
        kept = authenticate(platform_of(request), key, address)
        request.state.caller = kept
    return kept


def asks(scope: str) -> Any:
    """The dependency of every route under a project.

    A project that the caller cannot see is 404, in the words of one that does not exist.
    """

    def ask(request: Request, project_id: int) -> Ask:
        caller = caller_of(request)
        if not caller.sees(project_id):
            raise NotFoundError("project", str(project_id))
        request.state.scope, request.state.project_id = scope, project_id
        allow(caller, scope, project_id)
        return Ask(platform_of(request), project_id, caller)

    dependency: Callable[..., Ask] = ask
    return Depends(dependency)


def _key(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
