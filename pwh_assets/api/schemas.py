"""`external_data_schemas/`: the tables of sources, one by one."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES, SOURCE, STARTS
from pwh_assets.api.source_care import Destinations, DestinationsUpdate, shown_destinations
from pwh_assets.api.source_models import (
    Cancelled,
    IncrementalFields,
    LogLine,
    Schema,
    Started,
    TableSettings,
)
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import NotFoundError
from pwh_assets.orchestration.launch import launch_sync
from pwh_assets.services.sources import connecting as sources
from pwh_assets.services.sources import destinations, discovering
from pwh_assets.services.sources import tables as table_actions
from pwh_assets.services.sources.logs import Level, attempts, level_of
from pwh_assets.services.sources.view import job_to_dict, table_to_dict

router = APIRouter(tags=["schemas"])

CANCEL_WAIT_S = 5.0
Read = Annotated[Ask, asks("external_data_source:read")]
Write = Annotated[Ask, asks("external_data_source:write")]


@router.get("/", summary="List tables")
def list_schemas(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    source_id: Annotated[str, Query(description="Of this source only.")] = "",
    search: Annotated[str, Query(description="In the name.", max_length=200)] = "",
) -> Page[Schema]:
    """Every synced table of the project."""
    word = search.strip().lower()
    found = [
        table
        for table in ask.platform.store.tables(ask.project_id)
        if (not source_id or table.source.id == source_id)
        and (not word or word in table.name.lower() or word in table.table_name.lower())
    ]
    return paging.shown(found, lambda table: _shown(table, with_columns=False))


@router.get("/{schema_id}/", summary="One table")
def show_schema(ask: Read, schema_id: str) -> Schema:
    """With its columns, and those the source has."""
    return _shown(_table(ask, schema_id))


@router.patch("/{schema_id}/", summary="Change how a table syncs", responses=SOURCE)
def update_schema(ask: Write, schema_id: str, body: TableSettings) -> Schema:
    """Another mode, cursor or key begins anew; other columns, filters or masks make the table anew next time."""
    table = _table(ask, schema_id)
    return _shown(sources.update_table(ask.platform, ask.project_id, table.id, body.changes()))


@router.delete("/{schema_id}/", status_code=204, summary="Forget a table", responses=SOURCE)
def remove_schema(ask: Write, schema_id: str) -> None:
    """With its rows. When its source still has it, the next look at its tables finds it anew, not syncing."""
    table_actions.remove_table(ask.platform, ask.project_id, _table(ask, schema_id).id)


@router.post(
    "/{schema_id}/reload/", status_code=202, summary="Sync the table now", responses=STARTS
)
def reload(ask: Write, schema_id: str) -> Started:
    """A run that follows one of the same source that runs already."""
    table = _table(ask, schema_id)
    return Started(run_ids=launch_sync(ask.platform, ask.project_id, [table]))


@router.post(
    "/{schema_id}/resync/", status_code=202, summary="Read everything again, now", responses=STARTS
)
def resync(ask: Write, schema_id: str) -> Started:
    """Readers see the table as it is until the new rows are whole."""
    table = _table(ask, schema_id)
    marked = table_actions.request_resync(ask.platform, ask.project_id, table.id)
    return Started(run_ids=launch_sync(ask.platform, ask.project_id, [marked]))


@router.post("/{schema_id}/cancel/", summary="Stop a running sync", responses=CHANGES)
def cancel(ask: Write, schema_id: str) -> Cancelled:
    """The table stays as it was before. A run that is busy ends a little later."""
    table = _table(ask, schema_id)
    done = table_actions.cancel_sync(ask.platform, ask.project_id, table.id, wait_s=CANCEL_WAIT_S)
    return Cancelled(asked=len(done.asked), ended=len(done.ended))


@router.delete("/{schema_id}/delete_data/", summary="Drop a table's rows", responses=SOURCE)
def delete_data(ask: Write, schema_id: str) -> Schema:
    """And pause it, so that they do not come back by themselves."""
    table = _table(ask, schema_id)
    return _shown(table_actions.delete_data(ask.platform, ask.project_id, table.id))


@router.post(
    "/{schema_id}/incremental_fields/", summary="By which columns it could sync", responses=SOURCE
)
def incremental_fields(ask: Write, schema_id: str) -> IncrementalFields:
    """Looks at the source."""
    table = _table(ask, schema_id)
    return IncrementalFields.model_validate(
        discovering.incremental_fields(ask.platform, ask.project_id, table.id)
    )


@router.get("/{schema_id}/logs/", summary="The table's runs and what became of them")
def list_logs(
    ask: Read,
    schema_id: str,
    limit: Annotated[int, Query(ge=1, le=500, description="Newest first.")] = 50,
    after: Annotated[datetime | None, Query(description="Begun after.")] = None,
    before: Annotated[datetime | None, Query(description="Begun before.")] = None,
    level: Annotated[
        list[Level] | None, Query(description="`info`, `warning` or `error`; all when left out.")
    ] = None,
    search: Annotated[str, Query(description="In error, code or status.", max_length=200)] = "",
    instance_id: Annotated[
        str, Query(description="Of this run of Dagster's only.", max_length=100)
    ] = "",
) -> list[LogLine]:
    """Each attempt by itself."""
    table = _table(ask, schema_id)
    found = attempts(
        ask.platform,
        ask.project_id,
        table.id,
        limit,
        after=after,
        before=before,
        levels=level or (),
        search=search,
        run_id=instance_id,
    )
    return [
        LogLine.model_validate({**job_to_dict(job, table.name), "level": level_of(job).value})
        for job in found
    ]


@router.get("/{schema_id}/destinations/", summary="Where a table's rows go")
def list_destinations(ask: Read, schema_id: str) -> Destinations:
    """As those of its source."""
    _table(ask, schema_id)
    return shown_destinations(destinations.destinations(ask.platform))


@router.patch("/{schema_id}/destinations/", summary="Choose where a table's rows go")
def choose_destinations(ask: Write, schema_id: str, body: DestinationsUpdate) -> Destinations:
    """Those there are and no others: `unknown_destination`, `destination_required`."""
    _table(ask, schema_id)
    return shown_destinations(destinations.choose_destinations(ask.platform, body.destination_ids))


def _table(ask: Ask, schema_id: str) -> SyncedTable:
    """By its id alone: a name in a path would make answers depend on what else there is."""
    found = ask.platform.store.find_table(ask.project_id, schema_id)
    if found is None or found.id != schema_id:
        raise NotFoundError("table", schema_id)
    return found


def _shown(table: SyncedTable, *, with_columns: bool = True) -> Schema:
    return Schema.model_validate(table_to_dict(table, with_columns))
