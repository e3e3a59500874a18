"""`/dagster/…`: Dagster's UI behind the login of this address. Its webserver listens on loopback with that prefix.

Viewers read: a GraphQL document with a mutation is refused here, over HTTP and over the websocket. What a viewer sends
is passed on as it was understood, never as it was written, so that nothing is judged one way and run another.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from pwh_assets.api.audited import begin
from pwh_assets.api.context import caller_of, is_same_site, look_up_caller, platform_of
from pwh_assets.api.dagster_rules import (
    SCOPE_READ,
    SCOPE_WRITE,
    DagsterRequestError,
    changes_in,
    is_writer,
    may_read,
    may_write,
    read_body,
)
from pwh_assets.api.login import login_address
from pwh_assets.api.login_page import refusal_page
from pwh_assets.core.access import Caller
from pwh_assets.core.audit import HOME_CHAIN
from pwh_assets.errors import PwhError
from pwh_assets.services.people.access import PermissionDeniedError, UnauthenticatedError

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

LARGEST_BYTES = 8 * 2**20
LOOK_AGAIN_EVERY_S = 1.0
"""How often an open websocket's caller is looked up again: a login that ended closes it."""
_PROTOCOL = "graphql-ws"
_NOT_PASSED_ON = frozenset(
    [
        "host",
        "cookie",
        "authorization",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "proxy-authorization",
        "proxy-connection",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "origin",
        "referer",
    ]
)
_NOT_HANDED_BACK = frozenset(
    ["connection", "keep-alive", "transfer-encoding", "upgrade", "set-cookie", "server", "date"]
)
_METHODS = ["GET", "HEAD", "POST"]


class DagsterDownError(PwhError):
    """Dagster's webserver does not answer, or this process was told of none."""

    code = "dagster_unavailable"
    status = 503
    retryable = True

    def __init__(self) -> None:
        super().__init__("Dagster does not answer. It starts with `pwh up`; wait a moment.")


@router.get("/dagster", include_in_schema=False)
def to_dagster() -> Response:
    return RedirectResponse("/dagster/", 307)


@router.api_route("/dagster/{path:path}", methods=_METHODS)
async def pass_on(request: Request, path: str) -> Response:
    """One request of Dagster's pages, if the caller may make it."""
    is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    try:
        body = await _judged(request, path)
    except UnauthenticatedError as error:
        if not is_page:
            raise
        request.state.error = error
        return RedirectResponse(login_address(request), 303)
    except PermissionDeniedError as error:
        if not is_page:
            raise
        request.state.error = error
        return refusal_page(error.sentence, error.status, "/login")
    return await _fetched(request, path, body)


async def _judged(request: Request, path: str) -> bytes | None:
    """The body to pass on. Raises what the caller is refused with."""
    request.state.scope = SCOPE_READ
    caller = await run_in_threadpool(caller_of, request)
    projects = await _projects(request)
    may_read(caller, projects)
    if request.method in ("GET", "HEAD"):
        for query in request.query_params.getlist("query"):
            if path.strip("/") == "graphql" and changes_in(query):
                # A link must not change anything, whoever follows it: a cookie comes along.
                raise DagsterRequestError("a mutation is sent with POST")
        return None
    body = await _body(request)
    if path.strip("/") != "graphql":
        await _begun(request, caller, projects, path.strip("/"))
        return body
    asked = read_body(request.headers.get("content-type", ""), body)
    if changes := changes_in(asked["query"]):
        await _begun(request, caller, projects, " ".join(changes)[:500])
    return json.dumps(asked).encode()


async def _begun(request: Request, caller: Caller, projects: list[int], item: str) -> None:
    """Let a change through once its start is in the audit log. Its end says that Dagster answered, and with what status."""
    request.state.scope = SCOPE_WRITE
    may_write(caller, projects)
    await run_in_threadpool(begin, request, caller, SCOPE_WRITE, HOME_CHAIN, item)


async def _fetched(request: Request, path: str, body: bytes | None) -> Response:
    url = request.app.state.dagster_url
    if url is None:
        raise DagsterDownError
    headers = [
        (name, value) for name, value in request.headers.items() if name not in _NOT_PASSED_ON
    ]
    raw = request.scope.get("raw_path", request.url.path.encode()).partition(b"?")[0]
    if not raw.startswith(b"/dagster/") or b".." in raw or ".." in path.split("/"):
        raise HTTPException(404, "There is nothing here.")
    address = httpx.URL(url).copy_with(raw_path=raw + _query(request))
    client = httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(120, connect=5))
    try:
        # Not `client.build_request`: it would add an encoding that nobody asked for.
        asked = httpx.Request(request.method, address, headers=headers, content=body)
        answer = await client.send(asked, stream=True)
    except httpx.HTTPError:
        await client.aclose()
        raise DagsterDownError from None

    async def blocks() -> AsyncIterator[bytes]:
        try:
            async for block in answer.aiter_raw():
                yield block
        finally:
            await answer.aclose()
            await client.aclose()

    kept = {name: value for name, value in answer.headers.items() if name not in _NOT_HANDED_BACK}
    kept.setdefault("X-Frame-Options", "SAMEORIGIN")
    return StreamingResponse(blocks(), answer.status_code, kept)


def _query(request: Request) -> bytes:
    query: bytes = request.scope.get("query_string", b"")
    return b"?" + query if query else b""


async def _body(request: Request) -> bytes:
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > LARGEST_BYTES:
            raise HTTPException(413, "A request to Dagster may have 8 MiB.")
    return body


async def _projects(connection: HTTPConnection) -> list[int]:
    found: list[int] = await run_in_threadpool(platform_of(connection).store.project_ids)
    return found


@router.websocket("/dagster/graphql")
async def pass_on_socket(socket: WebSocket) -> None:
    """Subscriptions of Dagster's pages, while the caller may have them."""
    url = socket.app.state.dagster_url
    try:
        await _look(socket)
        if url is None:
            raise DagsterDownError
        if "origin" in socket.headers and not is_same_site(socket):
            raise DagsterRequestError("it comes from a page of another site")
    except PwhError as error:
        socket.app.state.recorder.socket_refused(socket, error)
        await socket.close(1008)
        return
    address = url.replace("http", "ws", 1) + "/graphql"
    try:
        async with connect(
            address,
            subprotocols=[Subprotocol(_PROTOCOL)],
            proxy=None,
            max_size=None,
            open_timeout=10,
        ) as dagster:
            await socket.accept(_PROTOCOL)
            await _both_ways(socket, dagster)
    except (OSError, WebSocketException, TimeoutError):
        log.debug("dagster's websocket ended")
    with contextlib.suppress(RuntimeError):
        await socket.close()


async def _both_ways(socket: WebSocket, dagster: ClientConnection) -> None:
    tasks = [
        asyncio.create_task(_up(socket, dagster)),
        asyncio.create_task(_down(socket, dagster)),
        asyncio.create_task(_look_again(socket)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _up(socket: WebSocket, dagster: ClientConnection) -> None:
    with contextlib.suppress(WebSocketDisconnect, KeyError):
        while True:
            message = json.loads(await socket.receive_text())
            if refused := await _refusal(socket, message):
                socket.app.state.recorder.socket_refused(socket, refused)
                await socket.send_json(
                    {
                        "type": "error",
                        "id": message.get("id"),
                        "payload": {"message": refused.sentence},
                    }
                )
                continue
            await dagster.send(json.dumps(message))


async def _refusal(socket: WebSocket, message: Any) -> PwhError | None:
    if not isinstance(message, dict):
        raise WebSocketDisconnect
    if message.get("type") not in ("start", "subscribe"):
        return None
    payload = message.get("payload")
    query = payload.get("query") if isinstance(payload, dict) else None
    try:
        if not isinstance(query, str):
            raise DagsterRequestError("it has no `query`")
        if changes_in(query):
            if not await _look(socket):
                return PermissionDeniedError(SCOPE_WRITE, "you only read in Dagster.")
            # There each has a start and an end in the audit log; Dagster's pages do so anyway.
            return DagsterRequestError("a mutation is sent with POST")
    except PwhError as error:
        return error
    return None


async def _down(socket: WebSocket, dagster: ClientConnection) -> None:
    async for message in dagster:
        await socket.send_text(message if isinstance(message, str) else message.decode())


async def _look_again(socket: WebSocket) -> None:
    with contextlib.suppress(PwhError):
        while True:
            await asyncio.sleep(LOOK_AGAIN_EVERY_S)
            await _look(socket)


async def _look(socket: WebSocket) -> bool:
    """Whether the caller may write. Raises what they are refused with."""
    caller = await run_in_threadpool(look_up_caller, socket)
    socket.state.caller = caller
    projects = await _projects(socket)
    may_read(caller, projects)
    return is_writer(caller, projects)
