"""Builds of materialized views. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ModelingJobs(Group):
    """Builds of materialized views."""

    def list(
        self,
        *,
        saved_query_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.ModelingJobPage:
        """Builds of views. Newest first."""
        found: models.ModelingJobPage = self._transport.send(
            models.ModelingJobPage,
            "GET",
            "/api/projects/{project_id}/data_modeling_jobs/",
            {},
            {
                "saved_query_id": saved_query_id,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        saved_query_id: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.ModelingJob]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.ModelingJobPage,
            "/api/projects/{project_id}/data_modeling_jobs/",
            {},
            {
                "saved_query_id": saved_query_id,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
        )

    def show(self, job_id: str) -> models.ModelingJob:
        """One build. As in the list."""
        found: models.ModelingJob = self._transport.send(
            models.ModelingJob,
            "GET",
            "/api/projects/{project_id}/data_modeling_jobs/{job_id}/",
            {"job_id": job_id},
            {},
            None,
            {},
        )
        return found
