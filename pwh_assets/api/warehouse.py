"""`warehouse/`: what was moved, what runs, what ran, and what is wrong."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.links import same_with
from pwh_assets.api.responses import ASKS
from pwh_assets.services import activity
from pwh_assets.services.health import data_health_issues
from pwh_assets.services.hogql.property_values import values_query
from pwh_assets.services.overview import overview
from pwh_assets.services.queries import Ask as Question
from pwh_assets.services.queries import Queries
from pwh_assets.services.sources.view import moment
from pwh_assets.services.sync.limits import usage_of

router = APIRouter(tags=["warehouse"])

Read = Annotated[Ask, asks("external_data_source:read")]
ReadRows = Annotated[Ask, asks("query:read")]
Limit = Annotated[int, Query(ge=1, le=50, description="At most so many results.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Results to leave out first.")]


class RowsStats(BaseModel):
    """Rows that were synced in this calendar month (UTC)."""

    billing_available: bool = Field(description="Always false: nobody bills here.")
    billing_interval: str = Field(description="`month`.")
    billing_period_start: str = Field(description="When the month began.")
    billing_period_end: str = Field(description="When it ends.")
    total_rows: int = Field(description="Rows synced in this month.")
    tracked_billing_rows: int = Field(description="The same, in PostHog's spelling.")
    pending_billing_rows: int = Field(description="Read by syncs that are running.")
    materialized_rows_in_billing_period: int = Field(description="Written by materialized views.")
    breakdown_of_rows_by_source: dict[str, int] = Field(description="Source's id to rows.")
    breakdown_of_bytes_by_source: dict[str, int] = Field(description="Source's id to bytes.")
    row_limit: int | None = Field(description="Rows that may be synced in a month.")
    rows_left: int | None = Field(description="Rows that may still be synced; null without limit.")


class Activity(BaseModel):
    """One sync or build."""

    id: str
    type: str = Field(description="Type of the source, or `Materialized view`.")
    name: str = Field(description="The table's name at the source, or the view's.")
    table: str = Field(description="Its name in HogQL.")
    status: str
    rows: int
    created_at: str | None
    finished_at: str | None
    latest_error: str | None
    workflow_run_id: str | None = Field(description="Dagster's run.")
    origin: str = Field(description="`external_data` of a sync, `data_warehouse` of a build.")


class Activities(BaseModel):
    """Runs, newest first."""

    next: str | None = Field(description="Address of the following page.")
    previous: str | None = Field(description="Address of the page before.")
    results: list[Activity]


class Counts(BaseModel):
    """How runs ended."""

    successful: int = Field(description="Those that ended well.")
    failed: int = Field(description="Those that failed.")
    cancelled: int = Field(description="Those that somebody stopped.")
    running: int = Field(description="Those that run now.")
    total: int = Field(description="All of them.")


class Bucket(BaseModel):
    """One hour or day."""

    at: str = Field(description="When the hour or day begins, in UTC.")
    total: int = Field(description="Runs that began then.")
    successful: int = Field(description="Those that ended well.")
    failed: int = Field(description="Those that failed.")
    external_data_jobs: Counts = Field(description="Syncs alone.")
    modeling_jobs: Counts = Field(description="Builds of views alone.")


class JobStats(BaseModel):
    """How runs ended, in all and over time."""

    days: int = Field(description="1, 7 or 30, as asked.")
    since: str = Field(description="When the first hour or day begins.")
    total: int = Field(description="Runs that began since.")
    successful: int = Field(description="Those that ended well.")
    failed: int = Field(description="Those that failed.")
    external_data_jobs: Counts = Field(description="Syncs alone.")
    modeling_jobs: Counts = Field(description="Builds of views alone.")
    breakdown: list[Bucket] = Field(description="Per hour of one day, else per day.")


class Issues(BaseModel):
    """What is wrong now."""

    count: int = Field(description="How many there are.")
    results: list[dict[str, Any]] = Field(
        description="Newest first: id, name, type, status, error, failed_at, url, and the root cause, what it "
        "blocks and the way out."
    )


class Overview(BaseModel):
    """How the project stands."""

    sources: int = Field(description="Connected ones.")
    tables: int = Field(description="Tables of sources, also those that do not sync.")
    tables_syncing: int = Field(description="Those that sync by their schedules.")
    tables_by_status: dict[str, int] = Field(description="Status to how many.")
    views: int = Field(description="Saved queries.")
    materialized_views: int = Field(description="Those that are kept as tables.")
    views_by_status: dict[str, int] = Field(description="Status to how many of those.")
    suspended_views: int = Field(description="Given up after too many failures.")
    rows_this_month: int = Field(description="Rows that were synced, since the month began.")
    row_limit: int | None = Field(description="Rows that may be synced in a month.")
    days: int = Field(description="How far `runs` looks back.")
    runs: dict[str, int] = Field(description="`total`, `successful`, `failed`.")
    running: list[Activity] = Field(description="What runs now; at most five.")
    issues: int = Field(description="How much is wrong.")
    newest_issues: list[dict[str, Any]] = Field(description="As `data_health_issues/`; five.")


class PropertyValue(BaseModel):
    """One value."""

    name: str = Field(description="The value, as text.")


@router.get("/total_rows_stats/", summary="Rows of this month")
def total_rows_stats(ask: Read) -> RowsStats:
    """In all, by source, and what is left of the limit."""
    usage = usage_of(ask.platform, ask.project_id)
    start, end = usage.pop("billing_period_start"), usage.pop("billing_period_end")
    return RowsStats(
        billing_available=False,
        billing_interval="month",
        billing_period_start=moment(start) or "",
        billing_period_end=moment(end) or "",
        tracked_billing_rows=usage["total_rows"],
        pending_billing_rows=usage.pop("pending_rows"),
        **usage,
    )


@router.get("/running_activity/", summary="What runs now")
def running_activity(
    ask: Read, request: Request, limit: Limit = 20, offset: Offset = 0
) -> Activities:
    """Syncs and builds, newest first."""
    found = activity.running(ask.platform, ask.project_id, limit, offset)
    return _listed(request, found, limit, offset)


@router.get("/completed_activity/", summary="What ran")
def completed_activity(
    ask: Read,
    request: Request,
    limit: Limit = 20,
    offset: Offset = 0,
    cutoff_days: Annotated[int, Query(ge=1, le=3650, description="How far back.")] = 30,
) -> Activities:
    """Whatever came of it: failed and cancelled runs are listed too."""
    since = datetime.now(UTC) - timedelta(days=cutoff_days)
    found = activity.ended(ask.platform, ask.project_id, limit, offset, since)
    return _listed(request, found, limit, offset)


@router.get("/job_stats/", summary="How runs ended")
def job_stats(ask: Read, days: Annotated[int, Query(description="1, 7 or 30.")] = 7) -> JobStats:
    """In all, and per hour or day."""
    return JobStats.model_validate(activity.counts(ask.platform, ask.project_id, days))


@router.get("/property_values/", summary="Values a column or property has", responses=ASKS)
def property_values(
    ask: ReadRows,
    request: Request,
    table_name: Annotated[str, Query(description="Table or view.", max_length=512)],
    key: Annotated[str, Query(description="Its column, or a property.", max_length=400)],
    value: Annotated[str, Query(description="Only values that hold this.", max_length=400)] = "",
) -> list[PropertyValue]:
    """At most ten, by value."""
    queries: Queries = request.app.state.queries
    text, variables = values_query(ask.platform, ask.project_id, table_name, key, value, ask.caller)
    question = Question(
        ask.project_id,
        text,
        str(uuid.uuid4()),
        variables=variables,
        who=ask.caller.name,
        reader=ask.caller,
    )
    return [PropertyValue(name=row[0]) for row in orjson.loads(queries.ask(question).rows)]


@router.get("/data_health_issues/", summary="What is wrong")
def issues(ask: Read) -> Issues:
    """Roots with what they block, newest first."""
    return Issues.model_validate(data_health_issues(ask.platform, ask.project_id))


@router.get("/data_ops_dashboard/", summary="How the project stands, at a glance")
def data_ops_dashboard(ask: Read) -> Overview:
    """What PostHog's dashboard of this name is made of, as data: PWH has no dashboards whose id it could answer."""
    return Overview.model_validate(overview(ask.platform, ask.project_id))


def _listed(request: Request, found: activity.Part, limit: int, offset: int) -> Activities:
    def at(place: int) -> str:
        return same_with(request, limit=limit, offset=place)

    return Activities(
        next=at(offset + limit) if found.has_more else None,
        previous=at(max(0, offset - limit)) if offset else None,
        results=[Activity.model_validate(each) for each in found.results],
    )
