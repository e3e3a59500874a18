"""`warehouse_sources/{id}/…cdc…`: a source's stream of changes."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.responses import SOURCE
from pwh_assets.api.source_models import Probe
from pwh_assets.services.changes import care, tuning

router = APIRouter(tags=["sources"])

Read = Annotated[Ask, asks("external_data_source:read")]
Write = Annotated[Ask, asks("external_data_source:write")]


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


class StreamTables(BaseModel):
    """Which tables follow the stream."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"schemas": ["users"]}]})

    schemas: list[str] = Field(
        default_factory=list,
        max_length=5000,
        description="Ids, or names at the source; empty: all that sync and have a primary key.",
    )


class StreamSettings(BaseModel):
    """From which lag on the stream is an issue."""

    cdc_lag_warning_threshold_mb: int = Field(
        description="MiB of its log the source keeps for us, from which on it is an issue."
    )
    cdc_lag_critical_threshold_mb: int | None = Field(
        description="The same, from which on the issue says that it presses; null for none."
    )
    cdc_auto_drop_slot: bool = Field(
        default=False, description="Always false: changes are never dropped."
    )


class StreamSettingsUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cdc_lag_warning_threshold_mb": 2048}]}
    )

    cdc_lag_warning_threshold_mb: int | None = Field(
        None, ge=0, le=tuning.MOST_MB, description="MiB from which on it is an issue."
    )
    cdc_lag_critical_threshold_mb: int | None = Field(
        None, ge=0, le=tuning.MOST_MB, description="MiB from which on it presses."
    )
    cdc_auto_drop_slot: bool | None = Field(
        None, description="True is refused: PWH never throws away changes by itself."
    )


@router.post(
    "/check_cdc_prerequisites/", summary="What a stream of changes would lack", responses=SOURCE
)
def check_cdc_prerequisites(ask: Write, body: Probe) -> StreamCheck:
    """Of a source that is not connected yet: all its tables, or those `schemas` names. Nothing is kept or made."""
    return _checked(tuning.check_connection(ask.platform, body.model_dump()))


@router.post(
    "/{source_id}/check_cdc_prerequisites_for_source/",
    summary="What a stream of changes lacks",
    responses=SOURCE,
)
def check_cdc(ask: Write, source_id: str) -> StreamCheck:
    """Asks the source. Nothing is made there."""
    return _checked(care.check_stream(ask.platform, ask.project_id, source_id))


@router.post("/{source_id}/enable_cdc/", summary="Follow a source's changes", responses=SOURCE)
def enable_cdc(ask: Write, source_id: str, body: StreamTables | None = None) -> StreamDropped:
    """Its tables sync with `cdc` from now on; the next sync makes the stream and reads them whole. What is missing at
    the source is `cdc_prerequisites_missing`, with the statements to run there.
    """
    names = body.schemas if body else []
    found = tuning.enable_stream(ask.platform, ask.project_id, source_id, names)
    return StreamDropped.model_validate(found)


@router.post(
    "/{source_id}/update_cdc_settings/",
    summary="From which lag on it is an issue",
    responses=SOURCE,
)
def update_cdc_settings(ask: Write, source_id: str, body: StreamSettingsUpdate) -> StreamSettings:
    """What is left out stays."""
    set_to = tuning.tune_stream(
        ask.platform,
        ask.project_id,
        source_id,
        lag_warning_mb=body.cdc_lag_warning_threshold_mb,
        lag_critical_mb=body.cdc_lag_critical_threshold_mb,
        drops_slot=body.cdc_auto_drop_slot,
    )
    return StreamSettings(
        cdc_lag_warning_threshold_mb=set_to.lag_warning_mb,
        cdc_lag_critical_threshold_mb=set_to.lag_critical_mb,
    )


@router.get("/{source_id}/cdc_status/", summary="How the stream stands", responses=SOURCE)
def cdc_status(ask: Read, source_id: str) -> StreamStatus:
    """At the source, and in the lake."""
    return StreamStatus.model_validate(care.stream_status(ask.platform, ask.project_id, source_id))


@router.post("/{source_id}/repair_cdc/", summary="Begin the stream anew", responses=SOURCE)
def repair_cdc(ask: Write, source_id: str) -> StreamDropped:
    """Drops it; the next sync makes a new one and reads the tables whole."""
    return StreamDropped.model_validate(care.repair_stream(ask.platform, ask.project_id, source_id))


@router.post("/{source_id}/disable_cdc/", summary="End the stream for good", responses=SOURCE)
def disable_cdc(ask: Write, source_id: str) -> StreamDropped:
    """Its tables are read whole from now on."""
    return StreamDropped.model_validate(
        care.disable_stream(ask.platform, ask.project_id, source_id)
    )


def _checked(found: list[dict[str, object]]) -> StreamCheck:
    results = [StreamFinding.model_validate(each) for each in found]
    return StreamCheck(valid=not results, count=len(results), results=results)
