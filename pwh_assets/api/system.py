"""What is asked without a key: is it alive, is it up, and what vendors push."""

import json
import time
import urllib.request
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pwh_assets import __version__
from pwh_assets.api.responses import only
from pwh_assets.core.audit import HOME_CHAIN
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources import webhooks

router = APIRouter(tags=["system"])


class Alive(BaseModel):
    """A process that answers."""

    status: str = Field(description="`ok`.")
    version: str = Field(description="Of PWH.")


class Ready(BaseModel):
    """What is up."""

    status: str = Field(description="`ready`, or `starting` while a part is not.")
    parts: dict[str, str] = Field(description="`ok` or a reason, of each part.")


_DAGSTER = """{
  workspaceOrError { __typename ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}"""


@router.get("/health", summary="Is this process alive")
async def health() -> Alive:
    """Whoever answers is."""
    return Alive(status="ok", version=__version__)


@router.get(
    "/ready",
    summary="Is all of it up: store, lake, Dagster",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "Something is not up yet."}},
)
async def ready(request: Request) -> JSONResponse:
    """For whoever starts and stops the server."""
    state = request.app.state
    parts = await run_in_threadpool(readiness, state.platform, state.dagster_url)
    is_ready = all(part == "ok" for part in parts.values())
    body = {"status": "ready" if is_ready else "starting", "parts": parts}
    return JSONResponse(body, status_code=200 if is_ready else 503)


@router.post(
    "/webhooks/{source_id}",
    summary="What a source's vendor pushes to us",
    responses=only(400, 404, 409, 413, 502, 503),
)
async def webhook(source_id: str, request: Request) -> dict[str, int]:
    """Signed by the vendor; the source's `webhook_secret` opens it."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > webhooks.LARGEST_BYTES:
            raise HTTPException(413, "A delivery may have 4 MiB.")
    return await run_in_threadpool(_receive, request, source_id, body)


def _receive(request: Request, source_id: str, body: bytes) -> dict[str, int]:
    """Take a delivery in; who sent what and whether it was taken is in the audit log."""
    platform: Platform = request.app.state.platform
    facts: dict[str, Any] = {"item": source_id[:100], "bytes": len(body)}
    chain, began = HOME_CHAIN, time.perf_counter()
    error: BaseException | None = None
    try:
        chain = platform.store.source(source_id).project_id
        taken = webhooks.receive(platform, source_id, dict(request.headers), body)
        facts["rows"] = taken["kept"]
        return taken
    except Exception as failure:
        error = failure
        raise
    finally:
        facts["ms"] = round((time.perf_counter() - began) * 1000, 3)
        request.app.state.recorder.delivered(request, chain, facts, error)


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
