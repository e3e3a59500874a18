"""What surrounds every request: its id, limits, the audit log, one line in the access log, and numbers.

Pure ASGI, so that it costs tens of microseconds. Capture's paths only get an id and are counted.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pwh_assets.api import bodies
from pwh_assets.api.audited import READING, Recorder, settle
from pwh_assets.api.capture import doors
from pwh_assets.api.links import without_host
from pwh_assets.api.problems import error_response, problem
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.services.audit import Origin
from pwh_assets.services.audit import origin as current_origin
from pwh_assets.services.metrics_registry import METRICS
from pwh_assets.services.people.idempotency import Claim
from pwh_assets.services.people.throttle import RateLimitedError, Throttles
from pwh_assets.services.queries import StoppingError

log = logging.getLogger(__name__)
access_log = logging.getLogger("pwh.access")

MANAGED = ("/api/", "/login", "/logout", "/invite/", "/dagster/")
"""Beginnings of the paths that people's and programs' requests have; the others are capture, webhooks and pages."""
UNMANAGED = ("/api/surveys", "/api/feature_flag")
"""What PostHog's SDKs poll."""
_PROJECT = re.compile(r"/api/(?:projects|environments)/(?P<project>\d+)/(?P<noun>\w*)")
_ID = re.compile(r"[\w.:-]{1,128}")
_KEYS = re.compile(r"ph[a-z]_[\w-]+|(?<=/invite/)[^/]+")

_requests = METRICS.counter(
    "pwh_http_requests_total", "Requests answered.", ("method", "route", "status")
)
_seconds = METRICS.histogram("pwh_http_request_seconds", "Until the last byte.", ("route",))
_throttled = METRICS.counter("pwh_http_throttled_total", "Requests over a rate limit.")
_refused = METRICS.counter("pwh_http_refused_total", "Requests without a key that may.")


class Surroundings:
    """The outermost of our middleware."""

    def __init__(self, app: ASGIApp, owner: FastAPI, rate_limit: str) -> None:
        self._app = app
        self._state = owner.state
        self._recorder: Recorder = owner.state.recorder
        self._doors = doors(owner)
        self._throttles = Throttles(rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _ID.fullmatch(given) else f"{random.getrandbits(128):032x}"
        exchange = _Exchange(scope, send, request_id)
        path: str = scope["path"]
        is_managed = path.startswith(MANAGED) and not path.startswith(UNMANAGED)
        try:
            if scope["method"] == "HEAD" and not path.startswith("/dagster"):
                # Whatever can be got has a head; the server leaves the body out.
                exchange.scope = {**scope, "method": "GET"}
            if is_managed:
                await self._managed(exchange, headers, receive)
            else:
                await self._unmanaged(exchange, receive)
        except bodies.DisconnectedError:
            exchange.status = 499
        except asyncio.CancelledError:
            if exchange.status is not None:
                raise
            await self._failed(exchange, receive, StoppingError())  # the server's time is up
        except Exception as error:
            await self._failed(exchange, receive, error)
        finally:
            exchange.count()
            if is_managed and access_log.isEnabledFor(logging.INFO):
                access_log.info(exchange.line())

    async def _unmanaged(self, exchange: "_Exchange", receive: Receive) -> None:
        scope = exchange.scope
        door = self._doors.get(scope["path"]) if scope["method"] == "POST" else None
        if door is not None:
            client = scope.get("client")
            self._take("capture", "", client[0] if client else "")
            scope["route"], take = door
            await take(scope, receive, exchange.send)
            return
        limit = bodies.limit_of(scope["path"])
        counted = receive if limit is None else bodies.counted(receive, limit)
        await self._app(scope, counted, exchange.send)

    async def _managed(
        self, exchange: "_Exchange", headers: dict[bytes, bytes], receive: Receive
    ) -> None:
        scope, state = exchange.scope, exchange.state
        origin = state["origin"] = _origin(scope, headers, exchange.request_id)
        token = current_origin.set(origin)
        try:
            self._throttle(scope, headers, origin)
            _check_address(scope)
            _check_coding(headers)
            if scope["method"] not in READING:
                limit = bodies.limit_of(scope["path"]) or bodies.LARGEST_BYTES
                body, media = await bodies.read_body(scope, receive, limit)
                if body and (not media or media.endswith("json")):
                    bodies.check_json(body)
                exchange.bytes_in = len(body)
                state["body"] = body
                receive = bodies.again(body, receive)
            exchange.before_answer = self._note_end
            await self._app(scope, receive, exchange.send)
        finally:
            current_origin.reset(token)
            state.pop("body", None)

    def _throttle(self, scope: Scope, headers: dict[bytes, bytes], origin: Origin) -> None:
        who = headers.get(b"authorization") or headers.get(b"cookie") or origin.address
        in_project = _PROJECT.match(scope["path"])
        kind = "" if scope["method"] in READING else "write"
        if in_project and in_project["noun"] == "query":
            kind = "query"
        self._take(kind, in_project["project"] if in_project else "", hash(who))

    def _take(self, kind: str, project: str, who: object) -> None:
        try:
            self._throttles.take(kind, project, who)
        except RateLimitedError:
            _throttled.add()
            raise

    async def _note_end(self, exchange: "_Exchange", status: int) -> None:
        """Before the first byte of the answer goes out."""
        state = exchange.state
        if status in (401, 403):
            _refused.add()
        projects = self._state.platform.store.project_ids
        entry = self._recorder.entry(state, status, exchange.began, projects)
        if entry is not None:
            await self._recorder.keep(entry)

    async def _failed(self, exchange: "_Exchange", receive: Receive, error: Exception) -> None:
        if isinstance(error, PwhError):
            exchange.state["error"] = error
            response = error_response(error)
        else:
            log.error("request %s failed inside PWH", exchange.request_id, exc_info=error)
            response = problem(
                500,
                "internal",
                "Something went wrong inside PWH. The server's log has the details.",
            )
        if exchange.status is not None:
            raise error  # a part of the answer is out: all that is left is to cut it off
        await response(exchange.scope, receive, exchange.send)


class _Exchange:
    """One request and its answer as they pass."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self.scope, self.request_id = scope, request_id
        self.state: dict[str, Any] = scope.setdefault("state", {})
        self.began = time.perf_counter()
        self.status: int | None = None
        self.bytes_in = self.bytes_out = 0
        self.before_answer: Callable[[_Exchange, int], Awaitable[None]] | None = None
        self._send = send
        self._held: list[Message] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.before_answer is not None:
                await self.before_answer(self, message["status"])
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            if self.status == 307:
                headers = [
                    (name, without_host(value) if name == b"location" else value)
                    for name, value in headers
                ]
            message["headers"] = [*headers, (b"x-request-id", self.request_id.encode())]
        else:
            self.bytes_out += len(message.get("body", b""))
        claimed: Claim | None = self.state.get("claim")
        if claimed is None:
            await self._send(message)
            return
        self._held.append(message)  # the answer is kept before it goes out
        if message["type"] != "http.response.body" or message.get("more_body"):
            return
        body = b"".join(one.get("body", b"") for one in self._held)
        del self.state["claim"]
        await run_in_threadpool(settle, claimed, self.status or 500, body)
        for one in self._held:
            await self._send(one)

    @property
    def route(self) -> str:
        """Its template: ids are no labels."""
        route = self.scope.get("route")
        if route is None:
            return "none"
        included = self.scope.get("fastapi", {}).get("included_router")
        prefix = getattr(getattr(included, "include_context", None), "prefix", "")
        return f"{prefix}{getattr(route, 'path', '')}"

    def count(self) -> None:
        route, seconds = self.route, time.perf_counter() - self.began
        _requests.add(
            1, self.scope["method"] if route != "none" else "-", route, str(self.status or 500)
        )
        _seconds.observe(seconds, route)

    def line(self) -> str:
        """For the access log. No query string: some put keys there."""
        state, origin = self.state, self.state.get("origin") or Origin()
        caller = state.get("caller")
        facts = {
            "at": datetime.now(UTC),
            "request_id": self.request_id,
            "method": self.scope["method"],
            "path": _KEYS.sub("***", self.scope["path"]),
            "route": self.route,
            "status": self.status,
            "code": getattr(state.get("error"), "code", None),
            "ms": round((time.perf_counter() - self.began) * 1000, 3),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "address": origin.address,
            "project": state.get("project_id"),
            "actor": caller.name if caller else None,
            "key_id": caller.key_id if caller else None,
        }
        return orjson.dumps(facts, default=str).decode()


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _origin(scope: Scope, headers: dict[bytes, bytes], request_id: str) -> Origin:
    client = scope.get("client")
    agent = headers.get(b"user-agent", b"").decode("latin-1")[:300]
    path = _KEYS.sub("***", scope["path"])[:500]
    return Origin(request_id, client[0] if client else None, agent or None, scope["method"], path)


def _check_coding(headers: dict[bytes, bytes]) -> None:
    coding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if coding.lower() not in ("", "identity"):
        raise InvalidInputError(
            "Content-Encoding",
            f"`Content-Encoding` is `{coding[:50]}`; bodies are packed for capture only. Send it as it is.",
        )


def _check_address(scope: Scope) -> None:
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
        raise InvalidInputError("url", "The address has a NUL character. Leave it out.")
