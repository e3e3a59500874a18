"""The one place where errors become responses: `{type, code, detail, attr}`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from pwh_assets.errors import PwhError
from pwh_assets.hogql.errors import HogQLError

log = logging.getLogger(__name__)

_KINDS = {400: "validation_error", 401: "authentication_error", 403: "authentication_error"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Problem(BaseModel):
    """What every error looks like."""

    type: str = Field(
        description="`validation_error`, `authentication_error`, `invalid_request` or `server_error`."
    )
    code: str = Field(description="For programs; it never changes.")
    detail: str = Field(description="What was found and the way out, for people.")
    attr: str | None = Field(None, description="The field of the request that is wrong.")
    extra: dict[str, Any] | None = Field(
        None, description="Of a wrong text: `problems`, each with code, message, start, end, hint."
    )


def problem(
    status: int,
    code: str,
    detail: str,
    attr: str | None = None,
    headers: dict[str, str] | None = None,
    extra: dict[str, Any] | None = None,
) -> JSONResponse:
    """An error in the one shape all of them have."""
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request")
    body: dict[str, Any] = {"type": kind, "code": code, "detail": detail, "attr": attr}
    if extra is not None:
        body["extra"] = extra
    return JSONResponse(body, status_code=status, headers=headers)


def handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(PwhError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PwhError)
    request.state.error = error  # for the audit log and the access log
    return error_response(error)


def error_response(error: PwhError) -> JSONResponse:
    """An error of ours in the one shape, for a route that adds something to the answer."""
    headers = {}
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s is not None:
        headers["Retry-After"] = str(max(1, round(wait_s)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    extra = None
    if isinstance(error, HogQLError):
        extra = {"problems": [asdict(one) for one in error.problems]}
    return problem(error.status, error.code, error.sentence, error.attr, headers, extra)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "http_error")
    detail, path = str(error.detail), request.url.path[:200]
    headers = dict(error.headers or {})
    if detail == "Not Found":
        detail = f"There is nothing at `{path}`. `/docs` lists every path."
    elif detail == "Method Not Allowed":
        taken = methods_of(request)
        headers["Allow"] = ", ".join((*taken, "OPTIONS"))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        detail = f"`{path}` does not take {request.method}, but {', '.join(taken)}."
    return problem(error.status_code, code, detail, headers=headers)


def methods_of(request: Request) -> list[str]:
    """The methods the path of a request takes, whichever routes they are of."""
    routes = request.app.routes

    def is_taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in routes)

    found = [method for method in _METHODS if is_taken(method)]
    return found if "GET" not in found or "HEAD" in found else ["GET", "HEAD", *found[1:]]


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    if first["loc"] == ("body",) and isinstance(first.get("input"), bytes | str):
        media = request.headers.get("content-type", "")
        if not media.partition(";")[0].strip().lower().endswith("json"):
            said = f"is `{media[:100]}`" if media else "is missing"
            return problem(
                400,
                "invalid_input",
                f"`Content-Type` {said}, so the body was not read as JSON. Send `Content-Type: application/json`.",
                "Content-Type",
            )
    attr = _place(first["loc"], error.body, is_missing=first["type"] == "missing") or None
    return problem(400, "invalid_input", _words(first, attr), attr)


def _place(found: Sequence[int | str], body: Any, *, is_missing: bool) -> str:
    """The field, as whoever sent it would say it: without the words for the shapes a value may have.

    >>> _place(("body", "query", "HogQLQuery", "limit"), {"query": {"limit": 0}}, is_missing=False)
    'query.limit'
    >>> _place(("body", "query", "HogQLQuery", "query"), {"query": {}}, is_missing=True)
    'query.query'
    """
    part_of, *parts = found
    if part_of != "body":
        return ".".join(map(str, parts))
    names, at = [], body
    for place, part in enumerate(parts, 1):
        known = at if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        if part in known:
            at = at[part]
        elif not (is_missing and place == len(parts)):
            continue
        names.append(str(part))
    return ".".join(names)


def _words(found: Mapping[str, Any], attr: str | None) -> str:
    """What pydantic found, with the field as the subject and the way out."""
    subject = f"`{attr}`" if attr else "The body"
    facts: Mapping[str, Any] = found.get("ctx") or {}
    match found["type"]:
        case "missing":
            return f"{subject} is missing."
        case "extra_forbidden":
            return f"{subject} is no field here."
        case "union_tag_invalid":
            known = facts["expected_tags"].replace("'", "`")
            return (
                f"`{facts['tag']}` is not known here as the kind of {subject}. There are {known}."
            )
        case "union_tag_not_found":
            return f"{subject} does not say its kind: {facts['discriminator'].replace(chr(39), '`')} is missing."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{subject} must be an object."
    words: str = found["msg"].removeprefix("Value error, ")
    if words.startswith("Input should"):
        words = words.replace("Input should", f"{subject} must", 1)
    return words if words.endswith((".", "?")) else f"{words}."


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.exception("request failed inside PWH")
    return problem(
        500, "internal", "Something went wrong inside PWH. The server's log has the details."
    )
