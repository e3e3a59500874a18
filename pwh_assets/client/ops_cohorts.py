"""Persons under a name, for `person_id IN COHORT 'name'`. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Cohorts(Group):
    """Persons under a name, for `person_id IN COHORT 'name'`."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.CohortOutPage:
        """List cohorts. By number."""
        found: models.CohortOutPage = self._transport.send(
            models.CohortOutPage,
            "GET",
            "/api/projects/{project_id}/cohorts/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.CohortOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.CohortOutPage,
            "/api/projects/{project_id}/cohorts/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.CohortSave | Mapping[str, Any]) -> models.CohortOut:
        """Make a cohort. Its query runs at once."""
        found: models.CohortOut = self._transport.send(
            models.CohortOut, "POST", "/api/projects/{project_id}/cohorts/", {}, {}, body, {}
        )
        return found

    def show(self, cohort_id: str) -> models.CohortOut:
        """One cohort. As in the list."""
        found: models.CohortOut = self._transport.send(
            models.CohortOut,
            "GET",
            "/api/projects/{project_id}/cohorts/{cohort_id}/",
            {"cohort_id": cohort_id},
            {},
            None,
            {},
        )
        return found

    def remove(self, cohort_id: str) -> None:
        """Remove a cohort. With its members."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/cohorts/{cohort_id}/",
            {"cohort_id": cohort_id},
            {},
            None,
            {},
        )

    def refresh(self, cohort_id: str) -> models.CohortOut:
        """Ask for its members again. They change at once or not at all."""
        found: models.CohortOut = self._transport.send(
            models.CohortOut,
            "POST",
            "/api/projects/{project_id}/cohorts/{cohort_id}/refresh/",
            {"cohort_id": cohort_id},
            {},
            None,
            {},
        )
        return found

    def add_persons(
        self, cohort_id: str, body: models.Members | Mapping[str, Any]
    ) -> models.MembersAdded:
        """Add members. To a static cohort."""
        found: models.MembersAdded = self._transport.send(
            models.MembersAdded,
            "POST",
            "/api/projects/{project_id}/cohorts/{cohort_id}/add_persons/",
            {"cohort_id": cohort_id},
            {},
            body,
            {},
        )
        return found
