"""`warehouse_sources/{id}/…`: the stream of changes of a source, and its revenue analytics."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.responses import CHANGES, SOURCE
from pwh_assets.services.changes import care as change_care
from pwh_assets.services.views import managed as managed_views

router = APIRouter(tags=["sources"])

Read = Annotated[Ask, asks("external_data_source:read")]
Write = Annotated[Ask, asks("external_data_source:write")]


class RevenueUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"enabled": True, "include_invoiceless_charges": False}]},
    )

    enabled: bool | None = Field(None, description="Whether its views are there.")
    include_invoiceless_charges: bool | None = Field(
        None, description="Count charges that belong to no invoice."
    )
    currency: str | None = Field(
        None,
        max_length=3,
        description="Three letters, such as EUR: what everything is converted to.",
    )
    force: bool = Field(False, description="Turn it off although views of people read its views.")


class ManagedView(BaseModel):
    """One view of the set."""

    noun: str = Field(description="Which of them, such as `revenue_item`.")
    name: str = Field(description="Its name in HogQL.")
    description: str = Field(description="What it shows.")
    exists: bool = Field(description="Whether it is there.")
    status: str | None = Field(description="How its last build went; null where it is not there.")
    version: int | None = Field(description="Number of its text's version.")
    last_run_at: str | None = Field(description="When it was last built.")
    latest_error: str | None = Field(description="Why its last build failed.")
    row_count: int | None = Field(description="Rows of its last build.")
    missing: list[str] = Field(description="Tables and columns without which it cannot be made.")
    without: dict[str, str] = Field(
        description="Table that is not synced, and what the view lacks therefore."
    )
    is_taken: bool = Field(description="A view of your own has its name.")


class RevenueAnalytics(BaseModel):
    """Revenue analytics of one source."""

    source_id: str
    source: str = Field(description="The source's slug.")
    enabled: bool = Field(description="Whether its views are there.")
    include_invoiceless_charges: bool = Field(description="Charges without invoice are counted.")
    currency: str = Field(description="What everything is converted to.")
    views: list[ManagedView] = Field(description="Every view of the set.")
    without_rate: dict[str, int] = Field(
        description="Currency, and how many items could not be converted."
    )
    hints: list[str] = Field(description="What to do so that more of it is there, in sentences.")


class StreamFinding(BaseModel):
    """Something that keeps a source from being streamed."""

    table: str | None = Field(description="The table at the source; null for all of it.")
    problem: str = Field(description="What is missing, as a sentence.")
    statements: list[str] = Field(description="SQL that mends it, to run at the source.")


class StreamCheck(BaseModel):
    """Whether tables of the source can be synced with `cdc`."""

    valid: bool = Field(description="Nothing is missing.")
    count: int = Field(description="How much is missing.")
    results: list[StreamFinding] = Field(description="What is missing.")


class StreamedTable(BaseModel):
    """One table in mode `cdc`."""

    table: str = Field(description="Its name in HogQL.")
    is_in_stream: bool = Field(description="False until its next sync.")
    table_mode: str = Field(description="`consolidated`, `cdc_only` or `both`.")


class StreamStatus(BaseModel):
    """How the stream stands. What else the kind of database tells, such as `slot` and `lag_bytes`, is there too."""

    model_config = ConfigDict(extra="allow")

    source: str = Field(description="The source's slug.")
    position: str | None = Field(description="Up to where changes are in the lake.")
    tables: list[StreamedTable] = Field(description="Tables in mode `cdc`.")


class StreamDropped(BaseModel):
    """What was let go of."""

    source: str = Field(description="The source's slug.")
    tables: list[str] = Field(description="Tables that were in the stream.")


@router.get(
    "/{source_id}/revenue_analytics_config/", summary="How revenue analytics of a source stands"
)
def revenue_config(ask: Read, source_id: str) -> RevenueAnalytics:
    """Each of its views, what is missing for it, and what to do."""
    found = managed_views.revenue_status(ask.platform, ask.project_id, source_id)
    return RevenueAnalytics.model_validate(found.as_dict())


@router.patch(
    "/{source_id}/revenue_analytics_config/", summary="Set revenue analytics", responses=CHANGES
)
def update_revenue_config(ask: Write, source_id: str, body: RevenueUpdate) -> RevenueAnalytics:
    """Of a Stripe source. Views appear at once."""
    changes = body.model_dump(exclude_none=True, exclude={"force"})
    found = managed_views.change_revenue_config(
        ask.platform, ask.project_id, source_id, changes, force=body.force
    )
    return RevenueAnalytics.model_validate(found.as_dict())


@router.post(
    "/{source_id}/check_cdc_prerequisites_for_source/",
    summary="What a stream of changes lacks",
    responses=SOURCE,
)
def check_cdc(ask: Write, source_id: str) -> StreamCheck:
    """Asks the source. Nothing is made there."""
    found = change_care.check_stream(ask.platform, ask.project_id, source_id)
    results = [StreamFinding.model_validate(each) for each in found]
    return StreamCheck(valid=not results, count=len(results), results=results)


@router.get("/{source_id}/cdc_status/", summary="How the stream stands", responses=SOURCE)
def cdc_status(ask: Read, source_id: str) -> StreamStatus:
    """At the source, and in the lake."""
    return StreamStatus.model_validate(
        change_care.stream_status(ask.platform, ask.project_id, source_id)
    )


@router.post("/{source_id}/repair_cdc/", summary="Begin the stream anew", responses=SOURCE)
def repair_cdc(ask: Write, source_id: str) -> StreamDropped:
    """Drops it; the next sync makes a new one and reads the tables whole."""
    return StreamDropped.model_validate(
        change_care.repair_stream(ask.platform, ask.project_id, source_id)
    )


@router.post("/{source_id}/disable_cdc/", summary="End the stream for good", responses=SOURCE)
def disable_cdc(ask: Write, source_id: str) -> StreamDropped:
    """Its tables are read whole from now on."""
    return StreamDropped.model_validate(
        change_care.disable_stream(ask.platform, ask.project_id, source_id)
    )
