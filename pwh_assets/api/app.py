"""The HTTP application: `create_app(platform)`, a router per noun."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from pwh_assets import __version__
from pwh_assets.api import (
    alerts,
    annotations,
    audit,
    capture,
    checks,
    cohorts,
    dagster_proxy,
    editor,
    freshness,
    graph,
    joins,
    keys,
    login,
    metrics,
    modeling,
    people,
    person_keys,
    policies,
    projects,
    query,
    saved_queries,
    schemas,
    semantic,
    settings,
    source_care,
    source_cdc,
    sources,
    system,
    tables,
    warehouse,
)
from pwh_assets.api.audited import Recorder, ReplayedError, replayed
from pwh_assets.api.branches import Branch
from pwh_assets.api.document import describe, operation_id
from pwh_assets.api.middleware import Surroundings
from pwh_assets.api.problems import handle_errors
from pwh_assets.api.responses import CHANGES, errors
from pwh_assets.services.audit import AuditLog, QueryAudit, Witness
from pwh_assets.services.capture import Capture
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.forgetting import resume_unfinished
from pwh_assets.services.queries import Queries

ROUTERS: tuple[tuple[APIRouter, tuple[str, ...]], ...] = (
    (sources.router, ("warehouse_sources", "external_data_sources")),
    (source_care.router, ("warehouse_sources", "external_data_sources")),
    (source_cdc.router, ("warehouse_sources", "external_data_sources")),
    (schemas.router, ("warehouse_schemas", "external_data_schemas")),
    (saved_queries.router, ("warehouse_saved_queries",)),
    (editor.folders_router, ("warehouse_saved_query_folders",)),
    (editor.drafts_router, ("warehouse_saved_query_drafts",)),
    (editor.tabs_router, ("query_tab_state",)),
    (editor.fix_router, ("fix_hogql",)),
    (annotations.tables_router, ("warehouse_column_annotations",)),
    (annotations.views_router, ("saved_query_column_annotations",)),
    (annotations.statistics_router, ("warehouse_column_statistics",)),
    (joins.router, ("warehouse_view_links", "warehouse_view_link")),
    (tables.router, ("warehouse_tables",)),
    (tables.lineage_router, ("lineage",)),
    (graph.dag_router, ("warehouse_dag",)),
    (graph.paths_router, ("warehouse_model_paths",)),
    (graph.viewsets_router, ("managed_viewsets",)),
    (semantic.router, ("metrics",)),
    (semantic.tables_router, ("virtual_tables",)),
    (query.router, ("query",)),
    (warehouse.router, ("warehouse", "data_warehouse")),
    (alerts.health_router, ("warehouse", "data_warehouse")),
    (modeling.router, ("data_modeling_jobs",)),
    (freshness.router, ("freshness",)),
    (checks.router, ("checks",)),
    (alerts.router, ("alerts",)),
    (cohorts.router, ("cohorts",)),
    (cohorts.actions_router, ("actions",)),
    (settings.properties_router, ("property_definitions",)),
    (settings.router, ("settings",)),
    (settings.limit_router, ("usage_limit",)),
    (settings.rates_router, ("rate_limits",)),
    (policies.router, ("access_policies",)),
    (policies.pii_router, ("pii",)),
    (policies.deletions_router, ("deletion_requests",)),
    (person_keys.router, ("person_keys",)),
    (keys.secret_router, ("project_secret_keys", "project_secret_api_keys")),
    (keys.capture_router, ("capture_keys",)),
    (audit.router, ("activity_log",)),
)
"""Each router under `/api/projects/{project_id}/`, with the names it answers to: the first is documented, the others
are the spellings of PostHog's public API."""

OUTSIDE_PROJECTS: tuple[tuple[APIRouter, str], ...] = (
    (people.users_router, "/api/users"),
    (people.router, "/api/organizations"),
    (projects.router, "/api/projects"),
    (keys.personal_router, "/api/personal_api_keys"),
)
"""Routers that are about the caller, not about one project."""

ROOT = "/api"
PREFIXES = (f"{ROOT}/projects/{{project_id}}", f"{ROOT}/environments/{{project_id}}")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.queries.warm()
    app.state.capture.start()
    threading.Thread(
        target=resume_unfinished, args=(app.state.platform,), name="pwh-forgetting", daemon=True
    ).start()
    try:
        yield
    finally:
        await run_in_threadpool(app.state.capture.stop)
        await run_in_threadpool(app.state.queries.close)
        await run_in_threadpool(app.state.audit.close)


def create_app(platform: Platform, dagster_url: str | None = None) -> FastAPI:
    """The product over HTTP. With `dagster_url`, being ready includes Dagster at that address."""
    app = _app_of_routes()
    app.state.platform, app.state.dagster_url = platform, dagster_url
    app.state.queries = Queries(platform)
    app.state.capture = Capture(platform)
    app.state.audit = AuditLog(platform.store, Witness(platform.settings.home, platform.store))
    app.state.recorder = Recorder(app.state.audit)
    app.state.queries.observer = QueryAudit(app.state.audit)
    metrics.watch(app.state.queries, app.state.audit, app.state.capture)
    app.add_middleware(Surroundings, owner=app, rate_limit=platform.settings.rate_limit)
    app.add_exception_handler(ReplayedError, replayed)
    handle_errors(app)
    return app


def api_document() -> dict[str, Any]:
    """The OpenAPI document, without a home."""
    return _app_of_routes().openapi()


def _app_of_routes() -> FastAPI:
    app = FastAPI(
        title="PWH",
        version=__version__,
        docs_url="/docs",
        redoc_url=None,
        lifespan=_lifespan,
        generate_unique_id_function=operation_id,
    )
    outside = Branch(("",))
    for router in (capture.router, system.router, metrics.router, login.router):
        outside.include_router(router)
    outside.include_router(dagster_proxy.router)
    for router, prefix in OUTSIDE_PROJECTS:
        outside.include_router(router, prefix=prefix, responses=CHANGES)
    app.include_router(outside)
    for nouns, routers in _by_nouns().items():
        branch = Branch(nouns)
        for router in routers:
            _include(branch, router, nouns)
        # Without a prefix FastAPI would make every route here to look at its path, and make it again when it is asked.
        app.include_router(branch, prefix=ROOT)
    describe(app)
    return app


def _by_nouns() -> dict[tuple[str, ...], list[APIRouter]]:
    found: dict[tuple[str, ...], list[APIRouter]] = {}
    for router, nouns in ROUTERS:
        found.setdefault(nouns, []).append(router)
    return found


def _include(branch: Branch, router: APIRouter, nouns: tuple[str, ...]) -> None:
    for prefix in PREFIXES:
        for noun in nouns:
            is_shown = prefix == PREFIXES[0] and noun == nouns[0]
            branch.include_router(
                router,
                prefix=f"{prefix.removeprefix(ROOT)}/{noun}",
                include_in_schema=is_shown,
                responses=errors(),
            )
