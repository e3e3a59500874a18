"""`/metrics`: this process in numbers, for Prometheus."""

import ipaddress

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse

from pwh_assets.api.context import caller_of
from pwh_assets.services.audit import AuditLog
from pwh_assets.services.capture import Capture
from pwh_assets.services.metrics_registry import METRICS
from pwh_assets.services.queries import Queries

router = APIRouter(tags=["system"])
FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=PlainTextResponse,
    responses={401: {"description": "From another machine, and without a key."}},
)
async def metrics(request: Request) -> PlainTextResponse:
    """Requests by route, latencies, queries, cache, capture. Without a key on the machine itself only."""
    if not _is_local(request):
        await run_in_threadpool(caller_of, request)
    return PlainTextResponse(METRICS.text(), media_type=FORMAT)


def watch(queries: Queries, audit: AuditLog, capture: Capture) -> None:
    """The numbers of these from now on."""
    gauge = METRICS.gauge
    gauge("pwh_queries_running", "Queries that have a worker.", lambda: queries.running)
    gauge("pwh_queries_waiting", "Queries that wait for a worker.", lambda: queries.waiting)
    cache = queries.cache
    gauge("pwh_query_cache_hits_total", "Answers from the cache.", lambda: cache.hits, "counter")
    gauge("pwh_query_cache_misses_total", "Answers computed.", lambda: cache.misses, "counter")
    gauge("pwh_query_cache_bytes", "What the cache holds.", lambda: cache.size_bytes)
    gauge("pwh_audit_waiting", "Audit entries not yet written.", lambda: audit.waiting)
    loader, journal = capture.loader, capture.journal
    gauge(
        "pwh_capture_loaded_total",
        "Events loaded into the lake by this process.",
        lambda: loader.loaded.events,
        "counter",
    )
    gauge(
        "pwh_capture_duplicates_total",
        "Events that came again within a day and were left out.",
        lambda: loader.loaded.repeated,
        "counter",
    )
    gauge("pwh_capture_syncs_total", "Waits for the disk.", lambda: journal.syncs, "counter")
    gauge("pwh_capture_backlog", "Events on disk and not yet in the lake.", lambda: loader.backlog)
    gauge("pwh_capture_lag_seconds", "Age of the oldest of these.", lambda: loader.lag_s)


def _is_local(request: Request) -> bool:
    if request.client is None or "forwarded" in request.headers:
        return False
    if "x-forwarded-for" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
