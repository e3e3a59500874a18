"""Builds of materialized views. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class ModelingJobs(Group):
    """Builds of materialized views."""

    def list(
        self, *, saved_query_id: str | None = None, limit: int | None = None
    ) -> models.ModelingJobs:
        """Builds of views. Newest first."""
        found: models.ModelingJobs = self._transport.send(
            models.ModelingJobs,
            "GET",
            "/api/projects/{project_id}/data_modeling_jobs/",
            {},
            {"saved_query_id": saved_query_id, "limit": limit},
            None,
            {},
        )
        return found

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
