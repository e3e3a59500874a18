"""`/login`, `/logout` and `/invite/…`: a browser gets its cookie and gives it back."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from pwh_assets.api.context import (
    SESSION_COOKIE,
    CrossSiteError,
    address_of,
    is_same_site,
    look_up_caller,
    platform_of,
)
from pwh_assets.api.links import is_encrypted
from pwh_assets.api.login_page import invite_page, login_page
from pwh_assets.core.access import Caller
from pwh_assets.errors import InvalidInputError, NotFoundError, PwhError
from pwh_assets.services.people import login
from pwh_assets.services.people.access import UnauthenticatedError

router = APIRouter(include_in_schema=False)
LARGEST_FORM_BYTES = 16_384
_FORM = "application/x-www-form-urlencoded"


@router.get("/")
def show_front(request: Request) -> Response:
    """Whoever types the address alone wants the pages there are."""
    return RedirectResponse("/dagster/", 302)


@router.get("/login")
def show_login(request: Request) -> Response:
    return login_page(local_path(request.query_params.get("next", "")))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """A form gets a page or a redirect, JSON gets JSON. Both get the cookie."""
    _from_our_page(request)
    fields, is_form = await _fields(request)
    path = local_path(fields.get("next", ""))
    try:
        token = await run_in_threadpool(
            login.log_in,
            platform_of(request),
            fields.get("name", "").strip(),
            fields.get("password", ""),
            address_of(request),
        )
    except PwhError as error:
        request.state.error = error
        if not is_form:
            raise
        return login_page(path, error.sentence, error.status)
    answer: Response = RedirectResponse(path, 303) if is_form else JSONResponse({"next": path})
    _give(request, answer, token)
    return answer


@router.post("/logout")
async def log_out(request: Request) -> Response:
    _from_our_page(request)
    if token := request.cookies.get(SESSION_COOKIE):
        await run_in_threadpool(login.log_out, platform_of(request), token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


@router.get("/invite/{token}")
def show_invitation(request: Request, token: str) -> Response:
    """The form; whether the token opens anything is told when it is sent."""
    caller = _caller_if_any(request)
    return invite_page(name=caller.name if caller else "")


@router.post("/invite/{token}")
async def accept_invitation(request: Request, token: str) -> Response:
    """A new person comes in and is logged in; somebody who is logged in gets the role."""
    _from_our_page(request)
    fields, is_form = await _fields(request)
    platform = platform_of(request)
    caller = None if "name" in fields else await run_in_threadpool(_caller_if_any, request)
    try:
        if caller is not None:
            await run_in_threadpool(login.accept_as, platform, token, caller)
            return RedirectResponse("/dagster/", 303)
        name, password = fields.get("name", ""), fields.get("password", "")
        user = await run_in_threadpool(login.accept, platform, token, name, password)
        session = await run_in_threadpool(
            platform.store.add_session, user.id, None, login.SESSION_LASTS
        )
    except PwhError as error:
        request.state.error = error
        if not is_form:
            raise
        sentence = "This invitation cannot be used. It may be used already, or too old."
        is_token = isinstance(error, NotFoundError)
        return invite_page(sentence if is_token else error.sentence, error.status)
    answer: Response = (
        RedirectResponse("/dagster/", 303) if is_form else JSONResponse({"id": user.id})
    )
    _give(request, answer, session)
    return answer


def login_address(request: Request) -> str:
    """Where a browser without a login is sent, and from there back."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(path, safe='')}"


def local_path(path: str) -> str:
    r"""The path when it is one of this address, else Dagster's: nobody is sent elsewhere.

    >>> local_path("/dagster/runs?x=1"), local_path("//evil.example"), local_path("/\\evil.example")
    ('/dagster/runs?x=1', '/dagster/', '/dagster/')
    >>> local_path("/.//evil.example")
    '/dagster/'
    """
    is_ours = path.startswith("/") and "//" not in path.partition("?")[0]
    return path if is_ours and "\\" not in path and path.isprintable() else "/dagster/"


def _give(request: Request, answer: Response, token: str) -> None:
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(login.SESSION_LASTS.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_encrypted(request),
    )


def _caller_if_any(request: Request) -> Caller | None:
    try:
        return look_up_caller(request)
    except UnauthenticatedError:
        return None


def _from_our_page(request: Request) -> None:
    """Browsers say where a form was; one of another site is refused. What says nothing is no browser."""
    if {"sec-fetch-site", "origin"} & set(request.headers) and not is_same_site(request):
        raise CrossSiteError


async def _fields(request: Request) -> tuple[dict[str, str], bool]:
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > LARGEST_FORM_BYTES:
            raise HTTPException(413, "The form may have 16 KiB.")
    try:
        text = body.decode()
        if request.headers.get("content-type", "").partition(";")[0].strip() == _FORM:
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=20)), True
        found: Any = json.loads(text or "{}")
    except ValueError:
        raise InvalidInputError("body", "The body is neither a form nor JSON.") from None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise InvalidInputError("body", "The body is an object whose values are texts.")
    return found, False
