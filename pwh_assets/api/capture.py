"""What the PostHog SDKs talk to: events in, and empty but valid answers to what else they ask. No project in the path."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pwh_assets.api.problems import error_response
from pwh_assets.api.responses import only
from pwh_assets.errors import PwhError
from pwh_assets.services.capture import LARGEST_BYTES, Accepted, Capture, documents, read_sending
from pwh_assets.services.capture.errors import BodyTooLargeError
from pwh_assets.services.metrics_registry import METRICS

router = APIRouter(tags=["capture"])

_EVENTS = ("/capture", "/batch", "/i/v0/e", "/e", "/track", "/engage", "/s")
_SHOWN = ("/capture", "/batch", "/i/v0/e")
_INLINE_BYTES = 64 * 1024
"""Larger bodies are read in a thread, so that they do not hold up other requests."""
_CORS = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Content-Type, Content-Encoding, Authorization, X-Requested-With, X-PostHog-Token",
    "access-control-max-age": "86400",
}


_refused = METRICS.counter(
    "pwh_capture_refused_requests_total", "Requests of which nothing was kept.", ("code",)
)


class RefusedEvent(BaseModel):
    """One event that was not kept."""

    index: int = Field(description="Its place in the request, from 0.")
    code: str = Field(description="Why, for programs, such as `missing_distinct_id`.")
    detail: str = Field(description="Why, for people.")


class Taken(BaseModel):
    """What was kept of a request."""

    status: int | str = Field(description="1, or `Ok` below `/i/v0/`.", examples=[1])
    accepted: int | None = Field(None, description="Events kept, when some were refused.")
    refused: list[RefusedEvent] | None = Field(
        None, description="Events that were not kept, 1,000 at most."
    )


async def events(request: Request) -> Response:
    """Take one event, a list, or `{"api_key", "batch": […]}`. The answer comes when they are on disk.

    Events that cannot be kept are listed under `refused`; the others are kept.
    """
    try:
        accepted = await _accept(request)
    except PwhError as error:
        _refused.add(1, error.code)
        return _shared(request, error_response(error))
    except ClientDisconnect:
        return Response(status_code=400)
    body: dict[str, Any] = {"status": "Ok"} if request.url.path.startswith("/i/") else {"status": 1}
    if accepted.refused:
        body["accepted"] = accepted.count
        body["refused"] = [
            {"index": one.index, "code": one.reason, "detail": one.detail}
            for one in accepted.refused[:1000]
        ]
    return _answer(request, body)


def doors(owner: FastAPI) -> Mapping[str, tuple[Route, ASGIApp]]:
    """Where events come in, by path: for whoever wants to be there without the way through all routes."""

    async def take(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = owner
        response = await events(Request(scope, receive))
        await response(scope, receive, send)

    paths = (spelling for path in _EVENTS for spelling in (path, f"{path}/"))
    return {path: (Route(path, events), take) for path in paths}


async def _accept(request: Request) -> Accepted:
    capture: Capture = request.app.state.capture
    body = await _body(request)
    query = dict(request.query_params)
    headers = request.headers
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    key = headers.get("x-posthog-token") or (bearer.strip() if kind.lower() == "bearer" else "")
    encoding = headers.get("content-encoding", "").lower()
    ip = request.client.host if request.client else ""

    def take() -> Accepted:
        return capture.accept(read_sending(body, query, encoding, key), ip)

    if len(body) > _INLINE_BYTES:
        accepted = await run_in_threadpool(take)
    else:
        sending = read_sending(body, query, encoding, key)
        if not capture.is_known(sending.key):
            await run_in_threadpool(capture.project_of, sending.key)
        accepted = capture.accept(sending, ip)
    if accepted.done is not None:
        await asyncio.wrap_future(accepted.done)
    return accepted


async def _body(request: Request) -> bytes:
    blocks, size = [], 0
    async for block in request.stream():
        size += len(block)
        if size > LARGEST_BYTES:
            raise BodyTooLargeError(LARGEST_BYTES)
        blocks.append(block)
    return b"".join(blocks)


async def options(request: Request) -> Response:
    """What a browser asks before it sends to another host."""
    return _shared(request, Response(status_code=204))


async def flags(request: Request) -> Response:
    """No feature flags: an empty answer in the SDK's shape."""
    try:
        await _body(request)  # who asks does not matter: nobody has flags
    except PwhError as error:
        return _shared(request, error_response(error))
    return _answer(request, documents.flags(request.query_params.get("v", "1")))


async def config(request: Request) -> Response:
    """The configuration posthog-js asks for when it starts."""
    return _answer(request, documents.config(request.path_params["key"]))


async def config_script(request: Request) -> Response:
    """The same as a script."""
    # Inside a script element `</` would end it.
    text = (
        orjson.dumps(documents.config(request.path_params["key"])).decode().replace("<", "\\u003c")
    )
    script = documents.config_script(text)
    return _shared(request, Response(script, media_type="application/javascript"))


async def local_flags(request: Request) -> Response:
    """No feature flags to evaluate locally."""
    return _answer(request, documents.local_flags())


async def surveys(request: Request) -> Response:
    """No surveys."""
    return _answer(request, {"surveys": []})


def _answer(request: Request, body: Any) -> Response:
    return _shared(request, Response(orjson.dumps(body), media_type="application/json"))


def _shared(request: Request, response: Response) -> Response:
    """Pages on every site may send: the key, not the page's address, says where events go."""
    origin = request.headers.get("origin")
    response.headers["access-control-allow-origin"] = origin or "*"
    if origin:
        response.headers["access-control-allow-credentials"] = "true"
        response.headers["vary"] = "Origin"
    if request.method == "OPTIONS":
        response.headers.update(_CORS)
    return response


def _add(path: str, route: Callable[..., Any], methods: list[str], **more: Any) -> None:
    """With and without the slash at the end: a redirect would lose the body in some SDKs."""
    router.add_api_route(f"{path}/", route, methods=methods, **more)
    router.add_api_route(path, route, methods=methods, include_in_schema=False)
    router.add_api_route(path, options, methods=["OPTIONS"], include_in_schema=False)
    router.add_api_route(f"{path}/", options, methods=["OPTIONS"], include_in_schema=False)


_TAKEN: dict[str, Any] = {
    "summary": "Send events, as the PostHog SDKs do",
    "response_model": Taken,
    "responses": only(400, 401, 413, 429, 503),
    "openapi_extra": {
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {
                        "api_key": "phc_…",
                        "batch": [
                            {
                                "event": "signed up",
                                "distinct_id": "user-1",
                                "timestamp": "2026-11-20T10:00:00Z",
                                "properties": {"plan": "pro", "$set": {"email": "a@example.com"}},
                            }
                        ],
                    },
                }
            }
        }
    },
}
for _path in _EVENTS:
    _add(_path, events, ["POST"], include_in_schema=_path in _SHOWN, **_TAKEN)
    for _spelling in (_path, f"{_path}/"):
        router.add_api_route(_spelling, events, methods=["GET"], include_in_schema=False)
for _path in ("/flags", "/decide"):
    _add(_path, flags, ["POST"], summary="Feature flags: there are none", responses=only(413))
    router.add_api_route(f"{_path}/", flags, methods=["GET"], include_in_schema=False)
_add("/array/{key}/config", config, ["GET"], include_in_schema=False)
_add("/array/{key}/config.js", config_script, ["GET"], include_in_schema=False)
_add("/api/feature_flag/local_evaluation", local_flags, ["GET"], include_in_schema=False)
_add("/api/surveys", surveys, ["GET"], include_in_schema=False)
