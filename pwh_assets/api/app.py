"""The HTTP application: `create_app(platform)`, a router per noun."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from pwh_assets import __version__
from pwh_assets.api import capture, joins, query, saved_queries, schemas, sources, system, tables, warehouse
from pwh_assets.api.problems import Problem, handle_errors
from pwh_assets.services.capture import Capture
from pwh_assets.services.platform import Platform
from pwh_assets.services.queries import Queries

ROUTERS: tuple[tuple[APIRouter, tuple[str, ...]], ...] = (
    (sources.router, ("warehouse_sources", "external_data_sources")),
    (schemas.router, ("warehouse_schemas", "external_data_schemas")),
    (saved_queries.router, ("warehouse_saved_queries",)),
    (joins.router, ("warehouse_view_links", "warehouse_view_link")),
    (tables.router, ("warehouse_tables",)),
    (tables.lineage_router, ("lineage",)),
    (query.router, ("query",)),
    (warehouse.router, ("warehouse", "data_warehouse")),
)
"""Each router under `/api/projects/{project_id}/`, with the names it answers to: the first is documented, the others
are the spellings of PostHog's public API."""

PREFIXES = ("/api/projects/{project_id}", "/api/environments/{project_id}")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.queries.warm()
    app.state.capture.start()
    try:
        yield
    finally:
        await run_in_threadpool(app.state.capture.stop)
        await run_in_threadpool(app.state.queries.close)


def create_app(platform: Platform, dagster_url: str | None = None) -> FastAPI:
    """The product over HTTP. With `dagster_url`, being ready includes Dagster at that address."""
    app = FastAPI(
        title="PWH", version=__version__, docs_url="/docs", redoc_url=None, lifespan=_lifespan
    )
    app.state.platform, app.state.dagster_url = platform, dagster_url
    app.state.queries = Queries(platform)
    app.state.capture = Capture(platform)
    handle_errors(app)
    app.include_router(system.router)
    app.include_router(capture.router)
    errors: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": Problem, "description": "What was wrong with the request."}
    }
    for router, nouns in ROUTERS:
        for prefix in PREFIXES:
            for noun in nouns:
                is_shown = prefix == PREFIXES[0] and noun == nouns[0]
                app.include_router(
                    router, prefix=f"{prefix}/{noun}", include_in_schema=is_shown, responses=errors
                )
    return app
