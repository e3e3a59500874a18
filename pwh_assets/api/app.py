"""The HTTP application: `create_app(platform)`, and the one place where errors become responses."""

import json
import logging
import urllib.request
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pwh_assets import __version__
from pwh_assets.errors import PwhError
from pwh_assets.services import webhooks
from pwh_assets.services.platform import Platform

log = logging.getLogger(__name__)

_DAGSTER = """{
  workspaceOrError { __typename ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}"""


def create_app(platform: Platform, dagster_url: str | None = None) -> FastAPI:
    """The product over HTTP. With `dagster_url`, being ready includes Dagster at that address."""
    app = FastAPI(title="PWH", version=__version__, docs_url="/docs", redoc_url=None)
    app.add_exception_handler(PwhError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unexpected)

    @app.get("/health", summary="Is this process alive")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/ready", summary="Is all of it up: store, lake, Dagster")
    async def ready() -> JSONResponse:
        parts = await run_in_threadpool(readiness, platform, dagster_url)
        is_ready = all(state == "ok" for state in parts.values())
        body = {"status": "ready" if is_ready else "starting", "parts": parts}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    @app.post("/webhooks/{source_id}", summary="What a source's vendor pushes to us")
    async def webhook(source_id: str, request: Request) -> dict[str, int]:
        body = b""
        async for block in request.stream():
            body += block
            if len(body) > webhooks.LARGEST_BYTES:
                raise HTTPException(413, "A delivery may have 4 MiB.")
        return await run_in_threadpool(
            webhooks.receive, platform, source_id, dict(request.headers), body
        )

    return app


def readiness(platform: Platform, dagster_url: str | None) -> dict[str, str]:
    """`ok` or a reason for each part. Reasons name kinds of errors only, so that they show no address or secret."""
    parts = {}
    for name, look in (
        ("store", lambda: platform.store.project_ids()),
        ("lake", lambda: platform.lakes.of(1).snapshot_id()),
    ):
        try:
            look()
            parts[name] = "ok"
        except Exception as error:
            parts[name] = getattr(error, "code", type(error).__name__)
    if dagster_url is not None:
        try:
            parts.update(_dagster(dagster_url))
        except (OSError, ValueError, KeyError, TypeError) as error:
            parts["dagster"] = f"no answer yet ({type(error).__name__})"
    return parts


def _dagster(url: str) -> dict[str, str]:
    body = json.dumps({"query": _DAGSTER}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        data = json.load(answer)["data"]
    entries = data["workspaceOrError"].get("locationEntries", [])
    loaded = [
        entry["loadStatus"] == "LOADED"
        and (entry["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation"
        for entry in entries
    ]
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    waiting = sorted(d["daemonType"] for d in daemons if d["required"] and not d["healthy"])
    return {
        "dagster": "ok" if loaded and all(loaded) else "definitions are not loaded",
        "daemon": "ok" if not waiting else f"waiting for {', '.join(waiting).lower()}",
    }


def problem(status: int, code: str, detail: str, attr: str | None = None) -> JSONResponse:
    """An error in the one shape all of them have."""
    kinds = {400: "validation_error", 401: "authentication_error", 403: "authentication_error"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request")
    body = {"type": kind, "code": code, "detail": detail, "attr": attr}
    return JSONResponse(body, status_code=status)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PwhError)
    return problem(error.status, error.code, error.sentence, error.attr)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    return problem(error.status_code, codes.get(error.status_code, "http_error"), str(error.detail))


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    attr = ".".join(str(part) for part in first["loc"][1:]) or None
    return problem(400, "invalid_input", f"{first['msg']}.", attr)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.exception("request failed inside PWH")
    return problem(
        500, "internal", "Something went wrong inside PWH. The server's log has the details."
    )
