"""`data_modeling_jobs/`: builds of materialized views."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.core.job import Job, JobKind
from pwh_assets.errors import NotFoundError
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["modeling jobs"])

Read = Annotated[Ask, asks("warehouse_view:read")]


class ModelingJob(BaseModel):
    """One attempt at building a view."""

    id: str
    saved_query_id: str = Field(description="Id of the view.")
    name: str = Field(description="The view's name at that time.")
    status: str = Field(
        description="`Running`, `Completed`, `Failed`, `Cancelled`, `Skipped` or a limit's."
    )
    rows_materialized: int = Field(description="Rows it wrote.")
    bytes: int = Field(description="Bytes it wrote.")
    error: str | None = Field(description="Why it failed.")
    error_code: str | None = Field(description="The same, for programs.")
    created_at: str | None
    finished_at: str | None
    workflow_run_id: str | None = Field(description="Dagster's run.")


@router.get("/", summary="Builds of views")
def list_jobs(
    ask: Read,
    paging: Annotated[Paging, Depends()],
    saved_query_id: Annotated[str, Query(description="Of this view only.", max_length=100)] = "",
) -> Page[ModelingJob]:
    """Newest first."""
    views = {view.id for view in ask.platform.store.views(ask.project_id)}
    wanted = views & {saved_query_id} if saved_query_id else views
    if saved_query_id and not wanted:
        raise NotFoundError("saved query", saved_query_id)
    store, ids = ask.platform.store, sorted(wanted)
    found = store.jobs(ask.project_id, paging.limit, subject_ids=ids, offset=paging.offset)
    return paging.of([_shown(job) for job in found], store.job_count(ask.project_id, ids))


@router.get("/{job_id}/", summary="One build")
def show_job(ask: Read, job_id: str) -> ModelingJob:
    """As in the list."""
    job = ask.platform.store.find_job(ask.project_id, job_id)
    if job is None or job.kind is not JobKind.VIEW:
        raise NotFoundError("modeling job", job_id)
    return _shown(job)


def _shown(job: Job) -> ModelingJob:
    return ModelingJob(
        id=job.id,
        saved_query_id=job.subject_id,
        name=job.name,
        status=job.status.value,
        rows_materialized=job.rows,
        bytes=job.bytes,
        error=job.error,
        error_code=job.error_code,
        created_at=moment(job.created_at),
        finished_at=moment(job.finished_at),
        workflow_run_id=job.run_id,
    )
