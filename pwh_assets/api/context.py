"""What a route is handed: the platform, the project of its path, and the caller who may ask for it.

A caller shows a key (`Authorization: Bearer …`) or a login's cookie. `request.state` keeps `scope`, `project_id` and,
once it is known, `caller` of every request, for whoever writes down what was asked and refused.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from pwh_assets.api.audited import begin
from pwh_assets.api.links import is_ours
from pwh_assets.core.access import Caller
from pwh_assets.core.audit import HOME_CHAIN
from pwh_assets.errors import NotFoundError, PwhError
from pwh_assets.services.people.access import (
    UnauthenticatedError,
    allow,
    allow_in_organization,
    authenticate,
    authenticate_session,
    remembered,
)
from pwh_assets.services.platform import Platform

SESSION_COOKIE = "pwh_session"
SAME_SITE_HEADER = "x-pwh-request"
"""A page of another site cannot send this; for clients that show a cookie and are no browser."""
LARGEST_ID = 2**31 - 1
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteError(PwhError):
    """A browser showed its cookie for a page of another site."""

    code = "cross_site"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "A login's cookie only writes from pages of this address. Send a key, or the header `X-PWH-Request: 1`."
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """One allowed request in one project."""

    platform: Platform
    project_id: int
    caller: Caller


@dataclass(frozen=True, slots=True)
class PersonAsk:
    """One allowed request outside projects; `organization_id` where the path names one."""

    platform: Platform
    caller: Caller
    organization_id: str = ""


def platform_of(connection: HTTPConnection) -> Platform:
    platform: Platform = connection.app.state.platform
    return platform


def caller_of(connection: HTTPConnection) -> Caller:
    """The caller; 401 without a valid key or login."""
    kept: Caller | None = getattr(connection.state, "caller", None)
    if kept is None:
        kept = look_up_caller(connection)
        connection.state.caller = kept
    return kept


def remembered_caller(connection: HTTPConnection) -> Caller | None:
    """The caller behind a key that was shown a moment ago: the store need not be asked."""
    key = _key(connection)
    caller = remembered(platform_of(connection), key, address_of(connection)) if key else None
    if caller is not None:
        connection.state.caller = caller
    return caller


def look_up_caller(connection: HTTPConnection) -> Caller:
    """The same, looked up anew.

    Raises:
        UnauthenticatedError: neither a key nor a login, or one that opens nothing.
        CrossSiteError: a page of another site writes with the cookie.
    """
    platform, address = platform_of(connection), address_of(connection)
    if key := _key(connection):
        return authenticate(platform, key, address)
    if token := connection.cookies.get(SESSION_COOKIE):
        caller = authenticate_session(platform, token, address)
        is_read = connection.scope["type"] == "http" and connection.scope["method"] in _READS
        if not is_read and not is_same_site(connection):
            raise CrossSiteError
        return caller
    raise UnauthenticatedError


def address_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def is_same_site(connection: HTTPConnection) -> bool:
    """Whether a page of this very address asks, or something that is no page at all."""
    headers = connection.headers
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    if origin := headers.get("origin"):
        return is_ours(origin, connection)
    return SAME_SITE_HEADER in headers


def asks(scope: str) -> Any:
    """The dependency of every route under a project.

    A project that the caller cannot see is 404, in the words of one that does not exist.
    """
    is_write = scope.endswith(":write")

    async def ask(request: Request, project_id: int) -> Ask:
        request.state.scope = scope
        if project_id > LARGEST_ID or request.path_params["project_id"] != str(project_id):
            # `+1` and `01` would be counted apart from `1` by rate limits and logs.
            raise NotFoundError("project", request.path_params["project_id"][:50])
        request.state.project_id = project_id
        caller = remembered_caller(request)
        if caller is None:
            caller = await run_in_threadpool(caller_of, request)
        if not caller.sees(project_id):
            raise NotFoundError("project", str(project_id))
        allow(caller, scope, project_id)
        if is_write:
            await run_in_threadpool(begin, request, caller, scope, project_id)
        else:
            begin(request, caller, scope, project_id)
        return Ask(platform_of(request), project_id, caller)

    dependency: Callable[..., Awaitable[Ask]] = ask
    return Depends(dependency)


def asks_organization(scope: str) -> Any:
    """The dependency of every route under an organisation; one the caller is not in is 404."""

    def ask(request: Request, organization_id: str) -> PersonAsk:
        request.state.scope = scope
        caller = caller_of(request)
        if organization_id == "@current" and caller.organizations:
            organization_id = next(iter(caller.organizations))
        if organization_id not in caller.organizations:
            raise NotFoundError("organization", organization_id)
        allow_in_organization(caller, scope, organization_id)
        begin(request, caller, scope, HOME_CHAIN)
        return PersonAsk(platform_of(request), caller, organization_id)

    dependency: Callable[..., PersonAsk] = ask
    return Depends(dependency)


def asks_as_caller() -> Any:
    """The dependency of routes that are about the caller: any valid key or login."""

    def ask(request: Request) -> PersonAsk:
        return PersonAsk(platform_of(request), caller_of(request))

    dependency: Callable[..., PersonAsk] = ask
    return Depends(dependency)


def _key(connection: HTTPConnection) -> str:
    kind, _, value = connection.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
