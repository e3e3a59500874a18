"""`warehouse_sources/`: connect, list, change, reload and remove sources."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES, SOURCE, STARTS
from pwh_assets.api.source_models import (
    BulkResult,
    BulkUpdate,
    FoundTable,
    JobOut,
    Probe,
    Refreshed,
    Removed,
    Source,
    SourceCreate,
    SourceUpdate,
    Started,
)
from pwh_assets.errors import InvalidInputError
from pwh_assets.orchestration.launch import launch_sync
from pwh_assets.services.sources import connecting as sources
from pwh_assets.services.sources import discovering
from pwh_assets.services.sources import tables as table_actions
from pwh_assets.services.sources.view import job_to_dict

router = APIRouter(tags=["sources"])

MOST_JOBS = 50
Read = Annotated[Ask, asks("external_data_source:read")]
Write = Annotated[Ask, asks("external_data_source:write")]


@router.get("/", summary="List sources")
def list_sources(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    search: Annotated[
        str, Query(description="In type, prefix or description.", max_length=200)
    ] = "",
) -> Page[Source]:
    """Every connected source with its tables, newest last."""
    word = search.strip().lower()
    found = [
        each
        for each in sources.list_sources(ask.platform, ask.project_id)
        if not word
        or any(word in each[name].lower() for name in ("source_type", "prefix", "description"))
    ]
    return paging.page([Source.model_validate(each) for each in found])


@router.post("/", status_code=201, summary="Connect a source", responses=SOURCE)
def create_source(ask: Write, body: SourceCreate) -> Source:
    """Test the connection, find the tables, keep it: all or nothing. Syncing begins by schedule, or by `reload/`."""
    made = sources.create_source(ask.platform, ask.project_id, body.body())
    return _shown(ask, made.id)


@router.get("/wizard/", summary="The form of each type of source")
def wizard(
    ask: Read,
    source_type: Annotated[
        str, Query(description="Types, with commas between.", max_length=2000)
    ] = "",
) -> dict[str, Any]:
    """What has to be filled in to connect; secrets are marked."""
    names = [name.strip() for name in source_type.split(",") if name.strip()]
    return discovering.describe_types(ask.platform, names)


@router.post("/database_schema/", summary="Look through a connection", responses=SOURCE)
def database_schema(ask: Write, body: Probe) -> list[FoundTable]:
    """The tables a source would have, and how each can sync. Nothing is kept."""
    found = discovering.discover(ask.platform, body.model_dump())
    return [FoundTable.model_validate(each) for each in found]


@router.post("/preview_resource/", summary="The first rows of a declared source", responses=SOURCE)
def preview(ask: Write, body: Probe) -> dict[str, list[dict[str, Any]]]:
    """Of each table of a `rest` or `custom` source, before it is connected."""
    return sources.preview_source(ask.platform, body.model_dump())


@router.get("/{source_id}/", summary="One source")
def show_source(ask: Read, source_id: str) -> Source:
    """With its tables and their columns."""
    return _shown(ask, source_id)


@router.patch("/{source_id}/", summary="Change a source", responses=SOURCE)
def update_source(ask: Write, source_id: str, body: SourceUpdate) -> Source:
    """The connection is tested before anything is kept. Secrets that are left out stay, unless a host changes."""
    made = sources.update_source(ask.platform, ask.project_id, source_id, body.body())
    return _shown(ask, made.id)


@router.delete("/{source_id}/", summary="Remove a source", responses=SOURCE)
def remove_source(ask: Write, source_id: str) -> Removed:
    """Its tables go from HogQL and the lake, its credentials are wiped, its slots and webhooks taken down."""
    return Removed.model_validate(sources.remove_source(ask.platform, ask.project_id, source_id))


@router.post(
    "/{source_id}/reload/", status_code=202, summary="Sync every table that is on", responses=STARTS
)
def reload(ask: Write, source_id: str) -> Started:
    """A run per source; one that runs already is followed by this one."""
    source = ask.platform.store.source(source_id, ask.project_id)
    tables = [
        table
        for table in ask.platform.store.tables(ask.project_id, source.id)
        if table.should_sync and not table.is_missing
    ]
    if not tables:
        raise InvalidInputError(
            "schemas", f"Source `{source.slug}` has no table that syncs. Turn one on first."
        )
    return Started(run_ids=launch_sync(ask.platform, ask.project_id, tables))


@router.post(
    "/{source_id}/refresh_schemas/", summary="Look again what tables there are", responses=SOURCE
)
def refresh_schemas(ask: Write, source_id: str) -> Refreshed:
    """What is gone stays in the lake as it was."""
    return Refreshed.model_validate(sources.refresh_source(ask.platform, ask.project_id, source_id))


@router.patch("/{source_id}/bulk_update_schemas/", summary="Change many tables", responses=CHANGES)
def bulk_update_schemas(ask: Write, source_id: str, body: BulkUpdate) -> BulkResult:
    """What can be changed is changed, whatever happens to the others."""
    entries: list[Mapping[str, Any]] = [each.changes() for each in body.schemas]
    return BulkResult.model_validate(
        table_actions.bulk_update(ask.platform, ask.project_id, source_id, entries)
    )


@router.get("/{source_id}/jobs/", summary="The newest runs")
def jobs(
    ask: Read,
    source_id: str,
    after: Annotated[datetime | None, Query(description="Begun after.")] = None,
    before: Annotated[datetime | None, Query(description="Begun before.")] = None,
    schemas: Annotated[list[str] | None, Query(description="Names of tables.")] = None,
) -> list[JobOut]:
    """At most 50, newest first."""
    store = ask.platform.store
    source = store.source(source_id, ask.project_id)
    tables = {
        table.id: table.name
        for table in store.tables(ask.project_id, source.id)
        if not schemas or table.name in schemas
    }
    found = store.jobs(
        ask.project_id, MOST_JOBS, subject_ids=list(tables), after=after, before=before
    )
    return [JobOut.model_validate(job_to_dict(job, tables[job.subject_id])) for job in found]


def _shown(ask: Ask, source_id: str) -> Source:
    return Source.model_validate(sources.show_source(ask.platform, ask.project_id, source_id))
